"""What works beside the window leaves it a core."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

pytest.importorskip("torch")

from engine.progress import NoProgress
from engine.regions import Label, LabelSet
from engine.runtime import UNCALIBRATED
from training.evaluation import answering
from training.feedback import finetune, gate


@pytest.mark.parametrize(("cores", "threads"), [(1, 1), (2, 1), (4, 3), (64, 8)])
def test_a_gate_asks_with_as_many_threads_as_a_training_has(monkeypatch, tmp_path, cores, threads):
    asked = []

    class Session:
        def __init__(self, manifest, *, threads, kv_type):
            asked.append(threads)

        def use_adapter(self, adapter):
            """None."""

        def close(self):
            """Nothing runs."""

    monkeypatch.setattr(finetune.os, "cpu_count", lambda: cores)
    monkeypatch.setattr(answering, "Session", Session)
    monkeypatch.setattr(gate, "answers_file", lambda *_: tmp_path / "log")
    monkeypatch.setattr(gate, "predict", lambda *_, **__: SimpleNamespace(predictions=()))
    labels = LabelSet([Label("liver", "liver", "肝")])
    base = SimpleNamespace(
        id="b", version="0", sha256="b" * 64, labels=lambda: labels, calibration=UNCALIBRATED, abstain_below=0.0
    )
    assert gate.kept_answers(base, None, tmp_path, None, tmp_path, NoProgress()) == ()
    assert asked == [threads] == [finetune.default_threads()]
