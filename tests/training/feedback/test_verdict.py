"""What the gate decides: better beyond doubt, by enough patients, and nothing forgotten."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from engine.feedback.judges import LEAST_PATIENTS
from engine.protocol import Task
from training.evaluation.paired import Difference, difference
from training.feedback.verdict import judge

BETTER = Difference(0.2, 0.5, 0.3, (0.1, 0.5), 40, LEAST_PATIENTS)


@pytest.mark.parametrize(
    ("corrections", "fall", "passed"),
    [
        (BETTER, 0.01, True),
        (BETTER, 0.0101, False),
        (replace(BETTER, interval=(0.0, 0.5)), 0.0, False),
        (replace(BETTER, interval=(-0.01, 0.5)), -0.2, False),
        # One patient says nothing about others, and a few say little.
        (replace(BETTER, interval=None, patients=1), 0.0, False),
        (replace(BETTER, patients=LEAST_PATIENTS - 1), 0.0, False),
    ],
)
def test_better_beyond_doubt_and_nothing_forgotten_passes(corrections, fall, passed):
    base = {
        Task.REGION_TO_TEXT: Difference(0.9, 0.95, 0.05, (0.0, 0.1), 50, 9),
        Task.TEXT_TO_REGION: Difference(0.5, 0.5 - fall, -fall, (-0.1, 0.1), 50, 9),
    }
    checks = judge(corrections, base)
    assert all(one.passed for one in checks) == passed
    assert (checks[0].value is None) == (corrections.patients < LEAST_PATIENTS)


@pytest.mark.parametrize("patients", [2, 4, LEAST_PATIENTS, 13])
def test_an_adapter_that_changes_nothing_seldom_passes(patients):
    """Nominal are 2.5 % of draws; of eight patients the percentile bootstrap let 6 % pass, of two a quarter."""
    rng = np.random.default_rng(patients)
    passed, draws = 0, 1000
    for _ in range(draws):
        scored = [
            (0.5, 0.5 + step, str(patient))
            for patient, step in enumerate(rng.normal(0, 0.2, patients))
            for _ in range(int(rng.integers(2, 12)))
        ]
        passed += judge(difference(scored), {})[0].passed
    assert passed <= 0.045 * draws
    assert (passed == 0) == (patients < LEAST_PATIENTS)


def test_an_adapter_that_helps_every_patient_passes():
    scored = [(0.2, 0.5 + 0.02 * patient, str(patient)) for patient in range(LEAST_PATIENTS) for _ in range(5)]
    (check,) = judge(difference(scored), {})
    assert check.passed
    assert 0 < check.value < 0.37
