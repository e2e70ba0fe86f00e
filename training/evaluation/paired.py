"""Two models' answers to the same questions: how far apart their scores are, and how sure that is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from training.evaluation.intervals import student_by_group
from training.evaluation.prediction import Prediction
from training.evaluation.summary import score_of

Pair = tuple[Prediction, Prediction]


@dataclass(frozen=True, slots=True)
class Difference:
    """first, second : mean scores, 0..1 (see `score_of`). difference : second - first.

    interval : 95% of the difference, by patient (`student_by_group`); None for fewer than two patients. n : questions.
    """

    first: float
    second: float
    difference: float
    interval: tuple[float, float] | None
    n: int
    patients: int


def pair_up(first: Sequence[Prediction], second: Sequence[Prediction]) -> list[Pair]:
    """Both answers to each question, in the first's order. Raises `ValueError` when they are not the same questions."""
    others = {one.where: one for one in second}
    if {one.where for one in first} != others.keys():
        raise ValueError("the two models did not answer the same questions")
    return [(one, others[one.where]) for one in first]


def difference_of(pairs: Sequence[Pair]) -> Difference:
    """Of at least one pair."""
    return difference([(score_of(a), score_of(b), a.record.group) for a, b in pairs])


def difference(scored: Sequence[tuple[float, float, str]]) -> Difference:
    """Of at least one question: its scores before and after, and its patient."""
    first, second, groups = zip(*scored, strict=True)
    steps = [b - a for a, b in zip(first, second, strict=True)]
    # Of two patients it may be wider than scores can differ.
    bounds = student_by_group(steps, groups)
    return Difference(
        float(np.mean(first)),
        float(np.mean(second)),
        float(np.mean(steps)),
        None if bounds is None else (max(-1.0, bounds[0]), min(1.0, bounds[1])),
        len(scored),
        len(set(groups)),
    )
