"""Figures of a bench with their intervals, and the tables that people read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from engine.protocol import Task
from training.evaluation.intervals import interval_by_group
from training.evaluation.paired import Pair
from training.evaluation.prediction import Prediction
from training.evaluation.summary import score_of

Interval = tuple[float, float] | None

REGION_TO_TEXT = "region to text, accuracy"
"""The measure that the goal of a new site is about."""


@dataclass(frozen=True, slots=True)
class Change:
    """A mean before and after, 0..1, with 95 % intervals that draw whole patients. n : questions."""

    before: float
    before_interval: Interval
    after: float
    after_interval: Interval
    difference: float
    difference_interval: Interval
    n: int
    patients: int

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self)

    def cells(self) -> tuple[str, str, str]:
        """Before, after and difference in points of a hundred, each with its interval."""
        return (
            _cell(self.before, self.before_interval),
            _cell(self.after, self.after_interval),
            _cell(self.difference, self.difference_interval, sign=True),
        )


def change_of(pairs: Sequence[Pair], score: Callable[[Prediction], float] = score_of) -> Change | None:
    """Of the same questions answered twice; None without any."""
    if not pairs:
        return None
    before, after = ([score(one) for one in side] for side in zip(*pairs, strict=True))
    steps = [b - a for a, b in zip(before, after, strict=True)]
    groups = [one.record.group for one, _ in pairs]
    return Change(
        float(np.mean(before)),
        interval_by_group(before, groups),
        float(np.mean(after)),
        interval_by_group(after, groups),
        float(np.mean(steps)),
        interval_by_group(steps, groups),
        len(pairs),
        len(set(groups)),
    )


def site_changes(pairs: Sequence[Pair]) -> dict[str, Change]:
    """Names, mean IoU and the share of boxes with an IoU of a half, where there are such questions."""
    named = [pair for pair in pairs if pair[0].record.task is Task.REGION_TO_TEXT]
    found = [pair for pair in pairs if pair[0].record.task is Task.TEXT_TO_REGION and pair[0].subtask != "absent"]
    changes = {
        REGION_TO_TEXT: change_of(named),
        "text to region, mean IoU": change_of(found),
        "text to region, IoU >= 0.5": change_of(found, lambda one: float(one.match.iou >= 0.5)),
    }
    return {name: change for name, change in changes.items() if change is not None}


def task_changes(pairs: Sequence[Pair]) -> dict[str, Change]:
    """Each task's own score, in the order of the tasks."""
    found = {task.value: change_of([pair for pair in pairs if pair[0].record.task is task]) for task in Task}
    return {name: change for name, change in found.items() if change is not None}


def _cell(value: float, interval: Interval, *, sign: bool = False) -> str:
    form = "{:+.1f}" if sign else "{:.1f}"
    text = form.format(100 * value)
    return (
        text if interval is None else f"{text} ({form.format(100 * interval[0])} to {form.format(100 * interval[1])})"
    )
