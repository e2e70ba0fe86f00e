"""A quantization beside the torch model it came from: how often they agree, and what the score loses."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from engine.protocol import Task
from training.evaluation.intervals import interval_by_group
from training.evaluation.prediction import Prediction
from training.evaluation.summary import score_of


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
    others = {one.where: one for one in gguf_side}
    if {one.where for one in torch_side} != others.keys():
        raise ValueError("the two models did not answer the same questions")
    by_task: dict[Task, list[tuple[Prediction, Prediction]]] = defaultdict(list)
    for one in torch_side:
        by_task[one.record.task].append((one, others[one.where]))
    rows = []
    for task, pairs in by_task.items():
        first, second = [score_of(a) for a, _ in pairs], [score_of(b) for _, b in pairs]
        drops = [a - b for a, b in zip(first, second, strict=True)]
        rows.append(
            TaskComparison(
                task,
                float(np.mean(first)),
                float(np.mean(second)),
                sum(a.raw == b.raw for a, b in pairs) / len(pairs),
                float(np.mean(drops)),
                interval_by_group(drops, [a.record.group for a, _ in pairs]),
                len(pairs),
            )
        )
    return tuple(rows)
