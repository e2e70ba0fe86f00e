"""kill -9 of the window while it trains: the trainer stops by itself, and the next window goes on with the run."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytest.importorskip("PySide6")
pytest.importorskip("torch")

from desktop.model.training_folder import Step, read_runs
from desktop.panels.training_dialog import RUNS
from engine.regions import Box
from engine.runtime import ModelManifest, adapter_in_use, read_history
from tests.desktop.training_use import click, opened, train_all_the_same, until
from tests.desktop.window_trainer import SWITCH
from training.checkpoint import COMPLETE_FILE

_END_S = 300


def kill_at(step: str, database: Path, model: Path, base_data: Path) -> None:
    """A window of its own, killed at a step; returns once what worked for it is gone too."""
    script = [sys.executable, str(Path(__file__).with_name("window_trainer.py"))]
    environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen", "PYTHONPATH": str(Path(__file__).parents[2])}
    with subprocess.Popen(
        [*script, str(database), str(model), str(base_data), step], stdout=subprocess.PIPE, text=True, env=environment
    ) as window:
        assert window.stdout is not None
        said = window.stdout.readline().split()
        assert said[:1] == ["working"], "it was to work until killed"
        worker = int(said[1])
        window.send_signal(signal.SIGKILL)
    until_gone = time.monotonic() + _END_S
    while _runs(worker):
        assert time.monotonic() < until_gone, "what worked for the window outlives it"
        time.sleep(0.1)


@pytest.mark.slow
def test_a_training_whose_window_was_killed_stops_and_goes_on_in_the_next(
    open_window, clinic_database, tiny_model, base_data
):
    base = ModelManifest.read(tiny_model)
    kill_at(Step.TRAIN.value, clinic_database, tiny_model, base_data)
    (row,) = read_runs(base.sha256)
    assert row.next_step is Step.TRAIN, "it was to be in the middle of its training"
    checkpoints = [path.parent.name for path in (row.folder / "train").rglob(COMPLETE_FILE)]
    last = max(int(name.rpartition("-")[2]) for name in checkpoints)
    # It had logged so many steps, and was not at a checkpoint of its own.
    assert last >= max(point.step for point in row.curve)
    assert adapter_in_use(base) is None
    driver = open_window(database=clinic_database)
    dialog, model = opened(driver.window), driver.window.training.runs
    driver.until(lambda: dialog.runs.list.count() == 1)
    dialog.pages.show_panel(RUNS)
    assert "stopped while training" in dialog.runs.list.item(0).text()
    assert dialog.runs.chart.lines
    click(dialog.runs.resume)
    until(lambda: len(model.curve) > len(row.curve))
    new = model.curve[len(row.curve) :]
    assert min(point.step for point in new) > last
    until(lambda: model.live is None)
    assert not dialog.problem.isVisible(), dialog.problem.text()
    (row,) = read_runs(base.sha256)
    assert row.report is not None


@pytest.mark.slow
@pytest.mark.parametrize("step", [Step.FREEZE, Step.GATE])
def test_a_window_killed_while_it_freezes_or_judges_leaves_the_old_model_and_the_next_goes_on(
    open_window, clinic_database, tiny_model, base_data, step
):
    base = ModelManifest.read(tiny_model)
    kill_at(step.value, clinic_database, tiny_model, base_data)
    (row,) = read_runs(base.sha256)
    assert row.report is None
    assert adapter_in_use(base) is None
    driver = open_window(database=clinic_database)
    dialog, model = opened(driver.window), driver.window.training.runs
    driver.until(lambda: dialog.runs.list.count() == 1)
    dialog.pages.show_panel(RUNS)
    click(dialog.runs.resume)
    if step is Step.FREEZE:
        train_all_the_same(dialog)
    until(lambda: model.live is None and any(one.report is not None for one in model.rows))
    assert not dialog.problem.isVisible(), dialog.problem.text()
    assert adapter_in_use(base) is None


@pytest.mark.slow
def test_a_window_killed_while_it_switches_has_switched_or_not(open_window, clinic_database, tiny_model, base_data):
    base = ModelManifest.read(tiny_model)
    kill_at(SWITCH, clinic_database, tiny_model, base_data)
    (row,) = read_runs(base.sha256)
    assert row.next_step is Step.DECIDE
    in_use = adapter_in_use(base)
    assert [one.adapter for one in read_history()] == ([] if in_use is None else [in_use.id])
    driver = open_window(database=clinic_database)
    root = driver.draw_and_wait(Box(45, 30, 80, 80))
    said = [one.adapter for one in driver.window.regions._store.suggestions.about_region(root)]
    assert said == ["" if in_use is None else in_use.id]


def _runs(pid: int) -> bool:
    """Whether a process is there, and more than what its parent has not waited for."""
    stat = Path(f"/proc/{pid}/stat")
    try:
        return stat.read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
