"""The feedback loop in the window: real widgets, a real database, real child processes."""

from __future__ import annotations

import datetime
import json
import shutil
from pathlib import Path

import pytest

pytest.importorskip("PySide6")
pytest.importorskip("torch")

from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from desktop.model.training_folder import Step, read_runs
from desktop.panels.gate_view import plain_words
from desktop.panels.training_dialog import CORRECTIONS, DRIFT, RUNS, TrainingDialog
from desktop.panels.training_runs import SCORES
from engine.feedback.drift import measure_drift
from engine.feedback.judged import Judged, Outcome
from engine.regions import Box
from engine.runtime import ModelManifest, adapter_in_use, read_history
from engine.store import AnnotationStore, RegionState
from tests.clinic import PATIENTS, decide_clinic, write_clinic

STEPS = 4
SHARE = 35
"""Of the patients held out: with it some of these patients are on either side."""


@pytest.fixture(scope="session")
def clinic(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Scans of six patients. Nobody may change them."""
    return write_clinic(tmp_path_factory.mktemp("clinic"), PATIENTS[:6])


@pytest.fixture(scope="session")
def base_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the tiny model is said to have learnt from."""
    from engine.progress import NoProgress
    from training.phantom_set import PhantomSetSpec, build_phantom_set

    folder = tmp_path_factory.mktemp("base") / "set"
    build_phantom_set(folder, PhantomSetSpec(3, 0, 3, slices=1, size=64, seed=6), NoProgress())
    return folder


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A user data folder of this test's own, for the window and its children."""
    for name in ("XDG_DATA_HOME", "XDG_CONFIG_HOME"):
        monkeypatch.setenv(name, str(tmp_path / name))
    return tmp_path


@pytest.fixture
def decided(open_window, clinic, home):
    """A window on a database in which five patients' regions were accepted or corrected."""
    database = home / "a.sqlite"
    with AnnotationStore.open(database) as store:
        decide_clinic(store, clinic)
    return open_window(database=database)


def until(driver, condition) -> None:
    """Of children that import torch, on a machine that may be busy with other tests."""
    driver.qtbot.waitUntil(condition, timeout=300_000)


def opened(driver) -> TrainingDialog:
    driver.window.menus.training.trigger()
    dialog = driver.window.findChildren(TrainingDialog)[-1]
    driver.until(dialog.isVisible)
    return dialog


def click(button) -> None:
    assert button.isVisible()
    assert button.isEnabled()
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)


def begin(driver, dialog, base_data, steps=STEPS) -> None:
    page = dialog.corrections
    driver.until(lambda: page.start.isEnabled())
    page.heldout.setValue(SHARE)
    page.steps.setValue(steps)
    page.replay.edit.setText(str(base_data / "train"))
    page.base_test.edit.setText(str(base_data / "test"))
    click(page.start)


def test_the_whole_loop_in_the_window(decided, tiny_model, base_data, home):
    driver, window = decided, decided.window
    base = ModelManifest.read(tiny_model)
    # Correct.
    root = driver.draw_and_wait(Box(20, 20, 60, 60))
    assert window.regions.suggestion(root).adapter is None
    driver.type("spleen")
    driver.key(Qt.Key.Key_Return)
    assert window.regions.region(root).state is RegionState.EDITED
    pid = window.asking.session.pid
    # Snapshot, train, gate.
    dialog = opened(driver)
    driver.until(lambda: "corrected regions" in dialog.corrections.summary.text())
    assert "no snapshot" in dialog.corrections.summary.text()
    begin(driver, dialog, base_data)
    assert dialog.pages.current == RUNS
    runs, model = dialog.runs, window.training.runs
    until(driver, lambda: model.live is not None and model.live.step is Step.TRAIN and len(model.curve) > 0)
    assert not dialog.corrections.start.isEnabled()
    assert runs.pause.isVisible()
    until(driver, lambda: runs.row is not None and runs.row.report is not None and model.live is None)
    assert runs.parts.current == SCORES
    assert runs.scores.table.rowCount() > 2
    assert "corrections it never saw" in runs.verdict.text()
    assert not dialog.problem.isVisible()
    # Promote: a few steps prove nothing, so a reason is needed.
    row = runs.row
    assert not row.report.passed
    assert not runs.use.isEnabled()
    QTest.keyClicks(runs.reason, "to see the switch")
    click(runs.use)
    until(driver, lambda: model.in_use == row.adapter)
    assert adapter_in_use(base).id == row.adapter
    assert read_history()[-1].reason == "to see the switch"
    assert "to see the switch" in runs.history.item(0).text()
    assert not runs.discard.isEnabled(), "it is in use"
    # Ask again: the adapter answers, the base was not loaded again.
    root = driver.draw_and_wait(Box(30, 30, 80, 80))
    assert window.regions.suggestion(root).adapter == row.adapter
    assert window.card.adapter.isVisible()
    assert row.adapter in window.card.adapter.text()
    assert window.asking.session.pid == pid
    assert "Corrections" in window.status._model.text()
    # Roll back.
    click(runs.back)
    until(driver, lambda: model.in_use == "")
    root = driver.draw_and_wait(Box(35, 35, 90, 90))
    assert window.regions.suggestion(root).adapter is None
    assert not window.card.adapter.isVisible()
    assert window.asking.session.pid == pid
    assert [one.action for one in read_history()] == ["promote", "rollback"]


def test_a_paused_training_is_gone_on_with_after_the_window_was_closed(
    decided, open_window, tiny_model, base_data, home
):
    driver = decided
    dialog = opened(driver)
    begin(driver, dialog, base_data, steps=400)
    model = driver.window.training.runs
    until(driver, lambda: len(model.curve) > 1)
    click(dialog.runs.pause)
    until(driver, lambda: model.live is None and bool(model.rows))
    base = ModelManifest.read(tiny_model)
    (row,) = read_runs(base.sha256)
    assert row.next_step is Step.TRAIN
    assert row.curve
    assert not dialog.problem.isVisible(), dialog.problem.text()
    click(dialog.runs.resume)
    until(driver, lambda: model.live is not None and model.live.done > max(point.step for point in row.curve))
    pid = model.child_pid
    driver.window.close()
    assert not Path(f"/proc/{pid}").exists()
    driver.window.regions._store.close()
    driver = open_window(database=home / "a.sqlite")
    dialog = opened(driver)
    driver.until(lambda: dialog.runs.list.count() == 1)
    dialog.pages.show_panel(RUNS)
    assert "stopped while training" in dialog.runs.list.item(0).text()
    assert dialog.runs.resume.isEnabled()
    assert dialog.runs.chart.lines
    click(dialog.runs.discard)
    assert row.folder.exists()
    click(dialog.runs.discard)
    driver.until(lambda: dialog.runs.list.count() == 0)
    driver.until(lambda: not list(row.folder.parent.iterdir()))


def test_a_child_that_fails_says_why_and_the_run_can_go_on(decided, tiny_model, base_data, home):
    driver = decided
    dialog = opened(driver)
    moved = home / "moved"
    shutil.copytree(base_data, moved)
    page = dialog.corrections
    driver.until(lambda: page.start.isEnabled())
    page.replay.edit.setText(str(home / "nowhere"))
    page.heldout.setValue(SHARE)
    page.steps.setValue(STEPS)
    click(page.start)
    until(driver, lambda: dialog.problem.isVisible())
    assert "nowhere" in dialog.problem.text()
    assert dialog.runs.resume.isEnabled()
    (row,) = read_runs(ModelManifest.read(tiny_model).sha256)
    assert row.next_step is Step.TRAIN
    said = json.loads((row.folder / "plan.json").read_text(encoding="utf-8"))
    assert said["frozen"]["counts"]["heldout"]["patients"] > 0


def test_the_filter_narrows_what_is_counted(decided):
    driver = decided
    dialog = opened(driver)
    page = dialog.corrections
    driver.until(lambda: page.table.rowCount() == 3)
    assert page.summary.text().startswith("6 accepted and 12 corrected regions in 6 scans")
    page.annotator.setCurrentIndex(page.annotator.findData("ann"))
    page.annotator.activated.emit(page.annotator.currentIndex())
    driver.until(lambda: page.summary.text().startswith("6 accepted and 0 corrected"))
    click(page.approved)
    driver.until(lambda: page.summary.text() == "Nothing passes this filter.")
    assert not page.start.isEnabled()


def test_an_alarm_is_said_in_words_and_a_label_can_be_looked_at_alone(decided):
    dialog = opened(decided)
    page = dialog.drift
    decided.until(lambda: page.course.count() > 1)
    page._show(measure_drift(two_labels_of_which_one_falls()))
    dialog.pages.show_panel(DRIFT)
    assert page.alarm.isVisible()
    assert "liver is accepted less often than before: 1 of 12 now, 48 of 48 before" in page.alarm.text()
    assert "spleen" not in page.alarm.text()
    assert len(page.charts[0].lines[0].points) == 5
    page.course.setCurrentIndex(page.course.findText("spleen"))
    page.course.activated.emit(page.course.currentIndex())
    assert page.summary.text().startswith("60 suggestions judged: 60 accepted")
    assert page.charts[3].lines[-1].points


def two_labels_of_which_one_falls() -> list[Judged]:
    """Five weeks of a dozen judgements of either; livers are mostly renamed in the last."""
    rows = []
    for week in range(5):
        day = datetime.date(2026, 10, 5) + datetime.timedelta(weeks=week)
        for number in range(12):
            kept = week < 4 or number == 0
            outcome = Outcome.ACCEPTED if kept else Outcome.EDITED
            distance = 0.0 if kept else 0.7
            rows.append(Judged("liver", "liver", "", day, outcome, distance, 0.8, 0.9 - number / 40, kept, "starter"))
            rows.append(
                Judged("spleen", "spleen", "", day, Outcome.ACCEPTED, 0.0, 0.9, 0.95 - number / 30, True, "starter")
            )
    return rows


def test_what_is_said_of_an_example_has_no_marks_of_the_model():
    asked = "What is <ref>this</ref><box>[[640, 328, 905, 765]]</box> in this CT scan?"
    assert plain_words(asked) == "What is this in this CT scan?"
    assert plain_words("<ref>liver</ref><box>[[1, 2, 3, 4], [5, 6, 7, 8]]</box>") == "liver"


def test_drift_is_drawn_and_an_empty_database_says_what_to_do(decided, open_empty_window):
    dialog = opened(decided)
    dialog.pages.show_panel(DRIFT)
    decided.until(lambda: dialog.drift.summary.isVisible() and bool(dialog.drift.charts[0].lines))
    assert dialog.drift.course.count() >= 2
    driver = open_empty_window()
    dialog = opened(driver)
    driver.until(lambda: "Nothing is decided" in dialog.corrections.summary.text())
    assert dialog.pages.current == CORRECTIONS
    assert not dialog.corrections.start.isEnabled()
    dialog.pages.show_panel(DRIFT)
    driver.until(lambda: dialog.drift.empty.isVisible())
