"""Answers written side by side: each step is one batch with a token of every one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.runtime.context import Context, Row
from engine.runtime.messages import AskRequest, TextPiece
from engine.runtime.scoring import log_softmax
from engine.runtime.writing import Fork, Vocabulary, Writer


@dataclass(slots=True, eq=False)
class Line:
    """An answer being written in a sequence. position : of its next token. row : of the batch it goes on from."""

    writer: Writer
    sequence: int
    position: int
    row: int
    logits: NDArray[np.float32]


def one_line(context: Context, vocabulary: Vocabulary, request: AskRequest, after: Sequence[int]) -> Line:
    """Evaluate a question's words behind sequence 0, where its answer goes too."""
    logits = context.decode(after)
    return _line(context, vocabulary, request, 0, context.position, -1, logits)


def fork(
    context: Context, vocabulary: Vocabulary, requests: Sequence[AskRequest], afters: Sequence[Sequence[int]]
) -> list[Line]:
    """Evaluate each question's words in a sequence of its own behind sequence 0, in one batch.

    The words with which all of them begin are evaluated once.
    """
    # At least one token of each is its own: its logits are.
    shared = next(
        (i for i, tokens in enumerate(zip(*(after[:-1] for after in afters), strict=False)) if len(set(tokens)) > 1),
        min(len(after) for after in afters) - 1,
    )
    sequences = range(1, len(afters) + 1)
    context.branch(sequences)
    rows: list[Row] = [(token, context.position + i, sequences) for i, token in enumerate(afters[0][:shared])]
    lasts = []
    for number, after in zip(sequences, afters, strict=True):
        rows += [(token, context.position + i, number) for i, token in enumerate(after[shared:], shared)]
        lasts.append(len(rows) - 1)
    logits = context.run(rows, lasts)
    return [
        _line(context, vocabulary, request, i + 1, context.position + len(afters[i]), lasts[i], logits[i])
        for i, request in enumerate(requests)
    ]


def _line(
    context: Context,
    vocabulary: Vocabulary,
    request: AskRequest,
    sequence: int,
    position: int,
    row: int,
    logits: NDArray[np.float32],
) -> Line:
    limit = min(request.max_tokens, context.limit - position)
    either_way = Fork.of(request.absence, lambda text: vocabulary.tokenize(text, special=False))
    writer = Writer(vocabulary, request.grammar, limit, either_way)
    return Line(writer, sequence, position, row, logits)


def write_lines(context: Context, lines: Sequence[Line], on_piece: Callable[[TextPiece], None]) -> None:
    """Write all answers to their ends, and close their writers whatever happens.

    on_piece : hears of each token as it is written.
    """
    try:
        active = list(lines)
        while active:
            rows: list[tuple[int, int, int]] = []
            going: list[Line] = []
            for line in active:
                token = None
                if not line.writer.ended:
                    token = line.writer.take(context.handle, line.row, log_softmax(line.logits))
                if token is None:
                    continue
                on_piece(line.writer.last)
                rows.append((token, line.position, line.sequence))
                going.append(line)
            if rows:
                for row, (line, logits) in enumerate(zip(going, context.run(rows, range(len(rows))), strict=True)):
                    line.row, line.logits = row, logits
                    line.position += 1
            active = going
    finally:
        for line in lines:
            line.writer.close()
