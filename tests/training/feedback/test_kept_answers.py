"""What a gate keeps of its answers is taken up again only where the model would answer the same."""

from __future__ import annotations

from dataclasses import replace

import pytest

pytest.importorskip("torch")

from engine.progress import NoProgress
from engine.protocol import Task
from engine.runtime import Calibration
from training.feedback.gate import kept_answers


def test_a_base_calibrated_anew_is_asked_again_where_that_decides_its_answers(base, replay, tmp_path):
    def asked(calibration: Calibration):
        model = replace(base, calibration=calibration)
        return kept_answers(model, None, replay / "test", 4, tmp_path, NoProgress())

    def kept() -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in tmp_path.glob("*.jsonl")}

    first = asked(base.calibration)
    before = kept()
    bounded = replace(base.calibration, present_above=0.9)
    asked(bounded)
    assert len(kept()) == 2
    # Temperatures are for reading the answers, and calibrated back it goes on from its own: nothing is asked twice.
    both = kept()
    assert before.items() < both.items()
    assert asked(replace(base.calibration, temperatures={task.value: 50.0 for task in Task})) == first
    asked(bounded)
    assert kept() == both
