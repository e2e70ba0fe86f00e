"""How probable each allowed answer is as a whole, all of them behind one evaluated prompt."""

from __future__ import annotations

import itertools
import math
from collections import defaultdict
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from engine.runtime.context import BATCH, MAX_SEQUENCES, Context, Row
from engine.runtime.errors import EngineError, QuestionError
from engine.runtime.messages import AskRequest, Choice

LEFT_OPEN = 0.005
"""The most of all probability that is not followed to the ends of the answers it belongs to: they share it evenly."""

_ONE_BATCH = 128
"""Question and answers of so few tokens go at once: a second batch would cost more than the answers it spares."""


def distinct_choices(request: AskRequest) -> dict[str, float]:
    """Each of a question's choices once, with what it leans by. Raises `QuestionError` when these are not as many."""
    leanings = request.leanings or (0.0,) * len(request.choices)
    if len(leanings) != len(request.choices):
        raise QuestionError(f"{len(request.choices)} choices with {len(leanings)} leanings")
    distinct: dict[str, float] = {}
    for choice, leaning in zip(request.choices, leanings, strict=True):
        distinct[choice] = max(leaning, distinct.get(choice, leaning))
    return distinct


def score_choices(
    context: Context,
    choices: Sequence[str],
    answers: Sequence[Sequence[int]],
    after: Sequence[int],
    temperature: float,
    leanings: NDArray[np.float64],
) -> tuple[Choice, ...]:
    """Rank choices, the likeliest first: softmax over the sums of their tokens' log-probabilities and their leaning.

    answers : each choice's tokens, its end included. after : the question's last tokens, not yet evaluated.
    temperature : the sums are divided by it first (Guo et al., ICML 2017); it changes no order.
    leanings : (choices,), the logarithm of what a choice is worth beforehand.
    The least probable ones, with `LEFT_OPEN` together at most, are not read to their ends: beginnings bound them.
    Raises `QuestionError` when an answer does not fit.
    """
    longest = max(len(answer) for answer in answers)
    if longest > min(BATCH, context.limit - context.position - len(after)):
        raise QuestionError(f"an allowed answer of {longest} tokens does not fit: shorten the name")
    if len(after) + sum(len(answer) - 1 for answer in answers) <= _ONE_BATCH and len(answers) < MAX_SEQUENCES:
        first, told = _evaluate(context, [answer[:-1] for answer in answers], after)
        scores = [
            float(sum(row[token] for row, token in zip([first, *rows], answer, strict=True)))
            for answer, rows in zip(answers, told, strict=True)
        ]
    else:
        scores = _score_likely(context, answers, log_softmax(context.decode(after)), temperature, leanings)
    values = (np.array(scores) + leanings) / temperature
    probabilities = np.exp(values - np.logaddexp.reduce(values))
    order = np.argsort(-values, kind="stable")
    return tuple(Choice(choices[i], float(probabilities[i])) for i in order)


def _score_likely(
    context: Context,
    answers: Sequence[Sequence[int]],
    first: NDArray[np.float64],
    temperature: float,
    leanings: NDArray[np.float64],
) -> list[float]:
    """The log-probability of each answer, those left open among them with an even share of their beginning's.

    Answers that begin alike are read together as far as they do. first : log-probabilities of the first token.
    """
    scores = [float(first[answer[0]]) for answer in answers]
    known = [1] * len(answers)
    while True:
        ended = [scores[i] + leanings[i] for i, answer in enumerate(answers) if known[i] == len(answer)]
        alike: dict[tuple[int, ...], list[int]] = defaultdict(list)
        for i, answer in enumerate(answers):
            if known[i] < len(answer):
                alike[tuple(answer[: known[i]])].append(i)
        groups = list(alike.values())
        # A group is bounded by that of its answers which leans most.
        beginnings = [(scores[group[0]] + max(leanings[group]), len(group)) for group in groups]
        followed = _worth_following(ended, beginnings, temperature)
        if not followed:
            break
        groups = [groups[number] for number in followed]
        # As far as one group's answers agree; what comes then is told for all of them by the same row.
        paths = [_common([answers[i][:-1] for i in group]) for group in groups]
        for part in _rounds([len(path) for path in paths]):
            _, told = _evaluate(context, paths[part.start : part.stop], [])
            for group, rows in zip(groups[part.start : part.stop], told, strict=True):
                for i in group:
                    for row in rows[known[i] - 1 :]:
                        scores[i] += float(row[answers[i][known[i]]])
                        known[i] += 1
    for group in groups:
        for i in group:
            scores[i] -= math.log(len(group))
    return scores


def _worth_following(ended: Sequence[float], groups: Sequence[tuple[float, int]], temperature: float) -> list[int]:
    """The groups that hold more than `LEFT_OPEN` of all probability together, the least probable ones left out.

    ended : log-probabilities of answers known to their ends, with their leanings. groups : of each the same of its
    beginning, and how many answers share it. The powers 1/temperature of those sum to n^(1 - 1/temperature) times that
    of their sum at most, or to that alone where the temperature is below 1.
    """
    known = np.array(ended) / temperature
    spread = max(0.0, 1 - 1 / temperature)
    bounds = np.array([score / temperature + spread * math.log(count) for score, count in groups])
    top = max(known.max(initial=-math.inf), bounds.max(initial=-math.inf))
    order = np.argsort(bounds)
    masses = np.exp(bounds[order] - top).cumsum()
    total = masses[-1:].sum() + np.exp(known - top).sum()
    return [int(number) for number in order[masses > LEFT_OPEN * total]]


def _evaluate(
    context: Context, paths: Sequence[Sequence[int]], after: Sequence[int]
) -> tuple[NDArray[np.float64], list[list[NDArray[np.float64]]]]:
    """Log-probabilities of what follows `after`, and of what follows each token of each path behind it, in one batch.

    `after` stays in sequence 0; of what follows it nothing is told when it is empty.
    """
    sequences = range(1, len(paths) + 1)
    context.branch(sequences)
    rows: list[Row] = [(token, context.position + i, range(len(paths) + 1)) for i, token in enumerate(after)]
    start = context.position + len(after)
    for sequence, path in zip(sequences, paths, strict=True):
        rows += [(token, start + i, sequence) for i, token in enumerate(path)]
    logits = iter(context.run(rows, range(max(len(after) - 1, 0), len(rows))))
    first = log_softmax(next(logits)) if after else np.empty(0)
    told = [[log_softmax(row) for row in itertools.islice(logits, len(path))] for path in paths]
    context.position = start
    context.prune(sequences)
    return first, told


def _common(paths: Sequence[Sequence[int]]) -> Sequence[int]:
    """The tokens that all of these paths begin with."""
    alike = itertools.takewhile(lambda tokens: len(set(tokens)) == 1, zip(*paths, strict=False))
    return paths[0][: sum(1 for _ in alike)]


def _rounds(lengths: Sequence[int]) -> Iterator[range]:
    """Cut paths of these many tokens into runs that fit into one batch and its sequences (0 is the prompt's)."""
    start = rows = 0
    for number, length in enumerate(lengths):
        if number > start and (rows + length > BATCH or number - start == MAX_SEQUENCES - 1):
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
