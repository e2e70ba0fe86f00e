"""A quantization beside the torch model it came from: how often they agree, and what the score loses."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from engine.protocol import Task
from training.evaluation.paired import Pair, difference_of, pair_up
from training.evaluation.prediction import Prediction


@dataclass(frozen=True, slots=True)
class TaskComparison:
    """One task. torch, gguf : mean scores, 0..1 (see `score_of`). agreement : share of answers equal to the letter.

    drop : torch - gguf. interval : 95% of the drop, by patient; None for one patient. n : questions.
    """

    task: Task
    torch: float
    gguf: float
    agreement: float
    drop: float
    interval: tuple[float, float] | None
    n: int


def compare(torch_side: Sequence[Prediction], gguf_side: Sequence[Prediction]) -> tuple[TaskComparison, ...]:
    """Compare two models' answers to the same questions, task by task.

    Raises `ValueError` when they are not the same questions.
    """
    by_task: dict[Task, list[Pair]] = defaultdict(list)
    for pair in pair_up(torch_side, gguf_side):
        by_task[pair[0].record.task].append(pair)
    rows = []
    for task, pairs in by_task.items():
        found = difference_of(pairs)
        agreement = sum(a.raw == b.raw for a, b in pairs) / len(pairs)
        bounds = None if found.interval is None else (-found.interval[1], -found.interval[0])
        rows.append(TaskComparison(task, found.first, found.second, agreement, -found.difference, bounds, found.n))
    return tuple(rows)
