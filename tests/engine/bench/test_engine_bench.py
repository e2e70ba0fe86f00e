"""The engine bench and its soak run on a model of no skill, and say what they did."""

from __future__ import annotations

import os

import pytest

from engine.bench import peers
from engine.bench.engine import bench_engine
from engine.bench.peers import HANDLER, TRANSFORMERS
from engine.bench.soak import soak_engine
from engine.scans import Volume, read_volume


@pytest.fixture(scope="module")
def patient(phantom_series) -> Volume:
    return read_volume(phantom_series / "dicom")


@pytest.mark.slow
def test_the_bench_has_every_row_and_leaves_out_a_peer_that_is_not_there(random_model, patient, monkeypatch):
    monkeypatch.setattr(peers, "find_spec", lambda name: None)
    report = bench_engine(random_model, volume=patient, runs=1, slices=1, cancels=2, threads=1)
    by_peer = {(one.name, one.peer_name): one for one in report.rows}
    assert by_peer["first question on a slice", HANDLER].goal == pytest.approx(1 / 1.05)
    assert by_peer["second question on a slice", HANDLER].goal == 5
    assert not [one for one in report.rows if one.peer_name == TRANSFORMERS]
    assert all(one.ours > 0 for one in report.rows)
    assert {one.name for one in report.rows if one.goal == 100} == {
        "cancel to free, while writing, worst",
        "cancel to free, while encoding, worst",
    }


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="kills by a POSIX signal")
def test_a_soak_kills_and_loses_nothing(random_model, patient, monkeypatch):
    monkeypatch.setattr("engine.bench.soak._KILL_AFTER_S", (1.0, 1.5))
    rows = {one.name: one for one in soak_engine(random_model, 6, volume=patient, slices=2).rows}
    assert rows["kills"].ours >= 1
    assert rows["lost answers"].ours == 0
    assert rows["lost answers"].met
    assert rows["answers"].ours >= 4
