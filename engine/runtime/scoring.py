"""How probable each allowed answer is as a whole, all of them behind one evaluated prompt."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from engine.runtime.context import BATCH, MAX_SEQUENCES, Context, Row
from engine.runtime.errors import EngineError, QuestionError
from engine.runtime.messages import Choice


def score_choices(
    context: Context, choices: Sequence[str], answers: Sequence[Sequence[int]], after: Sequence[int], temperature: float
) -> tuple[Choice, ...]:
    """Rank choices, the likeliest first: softmax over the sums of their tokens' log-probabilities.

    answers : each choice's tokens, its end included. after : the question's last tokens, not yet evaluated. Each
    choice is a sequence of its own behind them, as many at once as fit: mostly all, in one batch with the question's
    words, which half fills a batch by itself and costs no more so.
    temperature : the sums are divided by it first (Guo et al., ICML 2017); it changes no order.
    Raises `QuestionError` when an answer does not fit.
    """
    longest = max(len(answer) for answer in answers)
    if longest > min(BATCH, context.limit - context.position - len(after)):
        raise QuestionError(f"an allowed answer of {longest} tokens does not fit: shorten the name")
    # Of a question longer than a batch all but the last token goes first.
    spare = max(len(after) - BATCH // 2, 0)
    if spare:
        context.decode(after[:spare])
        after = after[spare:]
    scores = [0.0] * len(answers)
    first = np.empty(0)
    for numbers in _rounds([len(answer) - 1 for answer in answers], BATCH - len(after)):
        sums, last = _score_round(context, [answers[i] for i in numbers], after)
        if last is not None:
            # The words are there now, for the rounds after this one too.
            first, after = last, []
        for number, score in zip(numbers, sums, strict=True):
            scores[number] = score + float(first[answers[number][0]])
    values = np.array(scores) / temperature
    probabilities = np.exp(values - np.logaddexp.reduce(values))
    order = np.argsort(-values, kind="stable")
    return tuple(Choice(choices[i], float(probabilities[i])) for i in order)


def _score_round(
    context: Context, answers: Sequence[Sequence[int]], after: Sequence[int]
) -> tuple[list[float], NDArray[np.float64] | None]:
    """For each answer the log-probability of its tokens after the first, in one batch with `after`, if any.

    With them the log-probabilities of every token after their last. They stay in sequence 0.
    """
    sequences = range(1, len(answers) + 1)
    context.branch(sequences)
    rows: list[Row] = [(token, context.position + i, range(len(answers) + 1)) for i, token in enumerate(after)]
    targets: list[tuple[int, int]] = []
    start = context.position + len(after)
    for number, answer in enumerate(answers):
        for i, (token, target) in enumerate(itertools.pairwise(answer)):
            rows.append((token, start + i, number + 1))
            targets.append((number, target))
    wanted = range(max(len(after) - 1, 0), len(rows))
    logits = context.run(rows, wanted) if rows else []
    last = log_softmax(logits.pop(0)) if after else None
    context.position = start
    scores = [0.0] * len(answers)
    for (number, target), row in zip(targets, logits, strict=True):
        scores[number] += float(log_softmax(row)[target])
    context.prune(sequences)
    return scores, last


def _rounds(lengths: Sequence[int], most: int) -> Iterator[range]:
    """Cut answers of these many rows into runs that fit into one batch and its sequences (0 is the prompt's)."""
    start = rows = 0
    for number, length in enumerate(lengths):
        if number > start and (rows + length > most or number - start == MAX_SEQUENCES - 1):
            yield range(start, number)
            start, rows = number, 0
        rows += length
    yield range(start, len(lengths))


def log_softmax(logits: NDArray[np.float32]) -> NDArray[np.float64]:
    """Log-probabilities of (vocabulary,) logits. Raises `EngineError` when a logit is not a number."""
    wide = logits.astype(np.float64)
    top = wide.max()
    with np.errstate(invalid="ignore", over="ignore"):
        total = top + np.log(np.exp(wide - top).sum())
    if not np.isfinite(total):
        raise EngineError("the model's output is not a number: its files or the memory are damaged; verify the model")
    result: NDArray[np.float64] = wide - total
    return result
