"""The bench of the viewer measures what it says."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from desktop import bench_viewer


@pytest.fixture(autouse=True)
def small(monkeypatch):
    monkeypatch.setattr(bench_viewer, "_SHAPE", (70, 96, 96))
    monkeypatch.setattr(bench_viewer, "_FRAMES", 20)
    monkeypatch.setattr(bench_viewer, "_REGIONS", 400)


def test_the_bench_gives_every_row_with_its_goal(qtbot):
    rows = bench_viewer.viewer_rows(runs=1)
    assert [(row.unit, row.goal) for row in rows if row.peer_name != "napari"] == [
        ("frames/s", 4),
        ("frames/s", 200),
        ("refreshes/s", 40),
        ("frames/s", 60),
        ("refreshes/s", 40),
    ]
    beside = rows[0]
    assert beside.peer_name == "vtkImageViewer2"
    assert beside.ratio == pytest.approx(beside.ours / beside.peer)
    for row in rows:
        reached = row.ours if row.ratio is None else row.ratio
        assert row.met is (reached >= row.goal)


def test_json_is_one_document(qtbot):
    done = CliRunner().invoke(bench_viewer.viewer_command, ["--json"])
    assert done.exit_code == 0, done.output
    document = json.loads(done.stdout)
    assert document["bench"] == "viewer"
    assert set(document["rows"][0]) == {"name", "unit", "ours", "peer_name", "peer", "ratio", "goal", "met"}
