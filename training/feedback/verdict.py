"""What a gate decides by what was measured."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from engine.feedback.judges import LEAST_PATIENTS
from engine.protocol import Task

if TYPE_CHECKING:
    # Imports scipy, which takes a second: a snapshot is taken without.
    from training.evaluation.paired import Difference

LARGEST_FALL = 0.01
"""Of any task's mean score on the base test set: one point."""


@dataclass(frozen=True, slots=True)
class Check:
    """One condition. what : ``improves``, or ``keeps`` with the task. value : what was measured. bound : it must be
    above (``improves``: the interval's lower end above 0) or not below (``keeps``). None where there are too few
    patients to say anything.
    """

    what: str
    value: float | None
    bound: float
    passed: bool


def judge(corrections: Difference, base: Mapping[Task, Difference]) -> list[Check]:
    """The held-out corrections' interval must lie above zero, and no task of the base fall by more than a point.

    Of fewer than `LEAST_PATIENTS` held-out patients nothing can be told, and nothing passes.
    """
    enough = corrections.interval is not None and not too_few(corrections.patients)
    low = corrections.interval[0] if corrections.interval is not None and enough else None
    checks = [Check("improves", low, 0.0, low is not None and low > 0)]
    for task, found in base.items():
        # A rounding error is no fall.
        passed = found.difference >= -LARGEST_FALL - 1e-9
        checks.append(Check(f"keeps {task.value}", found.difference, -LARGEST_FALL, passed))
    return checks


def too_few(patients: int) -> bool:
    """Whether nothing can be told of so many held-out patients."""
    return patients < LEAST_PATIENTS


def too_few_words(report: Mapping[str, Any]) -> str:
    """What is to be done where a gate's report judges by too few patients, two sentences; "" where they are enough."""
    patients = heldout_patients(report)
    if not too_few(patients):
        return ""
    return (
        f"its held-out corrections are of {patients} patients, too few to tell: at least {LEAST_PATIENTS} are needed. "
        "Hold out a larger share of the patients, or correct regions of more of them"
    )


def heldout_patients(report: Mapping[str, Any]) -> int:
    """By how many patients a gate's report judges."""
    return int(report["heldout"]["overall"]["patients"])
