"""The feedback loop in the window: real widgets, a real database, real child processes."""

from __future__ import annotations

import datetime
import json
import os
import shutil
from pathlib import Path

import pytest

pytest.importorskip("PySide6")
pytest.importorskip("torch")

from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QPushButton

from desktop.model.browser_tree import Role
from desktop.model.training_folder import Step, read_runs
from desktop.panels.gate_view import plain_words
from desktop.panels.training_dialog import CORRECTIONS, DRIFT, NEXT, RUNS, TRIAL, TrainingDialog
from desktop.panels.training_runs import EXAMPLES, NAMES, SCORES
from engine.feedback.drift import measure_drift
from engine.feedback.judged import Judged, Outcome
from engine.regions import Box
from engine.running_trial import running_trial
from engine.runtime import ModelManifest, adapter_in_use, adapters_folder, read_history
from engine.store import AnnotationStore, RegionState
from tests.clinic import SPLEEN, found
from tests.desktop.training_use import SHARE, STEPS, begin, choose, click, opened, train_all_the_same, until
from tests.engine.runtime.tiny_adapter import write_adapter


def test_the_whole_loop_in_the_window(decided, tiny_model, base_data, home):
    driver, window = decided, decided.window
    base = ModelManifest.read(tiny_model)
    # Correct.
    root = driver.draw_and_wait(Box(30, 30, 80, 80))
    plain = window.regions.suggestion(root)
    assert plain.adapter is None
    driver.type("spleen")
    driver.key(Qt.Key.Key_Return)
    assert window.regions.region(root).state is RegionState.EDITED
    pid = window.asking.session.pid
    # Snapshot, train, gate.
    dialog = opened(driver.window)
    driver.until(lambda: "corrected regions" in dialog.corrections.summary.text())
    assert "no snapshot" in dialog.corrections.summary.text()
    begin(dialog, base_data)
    assert dialog.pages.current == RUNS
    runs, model = dialog.runs, window.training.runs
    until(lambda: model.live is not None and model.live.step is Step.TRAIN and len(model.curve) > 0)
    assert not dialog.corrections.start.isEnabled()
    assert runs.pause.isVisible()
    if hasattr(os, "getpriority"):
        assert os.getpriority(os.PRIO_PROCESS, model.child_pid) >= 10
    until(lambda: runs.row is not None and runs.row.report is not None and model.live is None)
    assert runs.parts.current == SCORES
    assert runs.scores.table.rowCount() > 2
    assert "corrections it never saw" in runs.verdict.text()
    assert not dialog.problem.isVisible()
    for part in (EXAMPLES, NAMES):
        click(runs.parts.buttons[part])
        assert runs.parts.current == part
    table, held = runs.names.table, runs.row.report.heldout
    named = next(row.n for row in held.rows if row.task == "region_to_text")
    assert [sum(int(table.item(n, side).text()) for n in range(table.rowCount())) for side in (2, 3)] == [named, named]
    pictures = [not picture.pixmap().isNull() for picture in runs.examples.pictures]
    assert pictures == [bool(runs.row.report.examples)] * 2
    # Promote. Whether so few steps pass is luck: the report is made to say that they did not, so a reason is needed.
    assert not runs.use.isEnabled(), "too few patients judge, whatever they say"
    told = runs.row.folder / "gate" / "report.json"
    told.write_text(json.dumps(json.loads(told.read_text(encoding="utf-8")) | {"passed": False}), encoding="utf-8")
    model.refresh()
    driver.until(lambda: not runs.row.report.passed)
    row = runs.row
    assert not runs.use.isEnabled()
    QTest.keyClicks(runs.reason, "to see the switch")
    click(runs.use)
    until(lambda: model.in_use == row.adapter)
    assert adapter_in_use(base).id == row.adapter
    assert (read_history()[-1].reason, read_history()[-1].who) == ("to see the switch", "tester")
    assert "to see the switch" in runs.history.item(0).text()
    assert not runs.discard.isEnabled(), "it is in use"
    # Ask again: the adapter answers, the base was not loaded again.
    root = driver.draw_and_wait(Box(30, 30, 80, 80))
    switched = window.regions.suggestion(root)
    assert switched.adapter == row.adapter
    assert switched.candidates != plain.candidates
    assert window.card.adapter.isVisible()
    assert row.adapter in window.card.adapter.text()
    assert window.asking.session.pid == pid
    assert "Corrections" in window.status._model.text()
    # Away with it: the same box again must be another region.
    driver.key(Qt.Key.Key_Delete)
    assert window.regions.region(root) is None
    # Roll back, in a dialog that was closed and opened meanwhile.
    dialog.close()
    dialog = opened(window)
    runs = dialog.runs
    driver.until(lambda: runs.row is not None and runs.back.isEnabled())
    dialog.pages.show_panel(RUNS)
    click(runs.back)
    until(lambda: model.in_use == "")
    root = driver.draw_and_wait(Box(30, 30, 80, 80))
    again = window.regions.suggestion(root)
    assert (again.adapter, again.candidates) == (None, plain.candidates)
    assert not window.card.adapter.isVisible()
    assert window.asking.session.pid == pid
    assert [one.action for one in read_history()] == ["promote", "rollback"]


def test_a_paused_training_is_gone_on_with_after_the_window_was_closed(
    decided, open_window, tiny_model, base_data, home
):
    driver = decided
    dialog = opened(driver.window)
    begin(dialog, base_data, steps=400)
    model = driver.window.training.runs
    until(lambda: len(model.curve) > 1)
    click(dialog.runs.pause)
    until(lambda: model.live is None and bool(model.rows))
    base = ModelManifest.read(tiny_model)
    (row,) = read_runs(base.sha256)
    assert row.next_step is Step.TRAIN
    assert row.curve
    assert not dialog.problem.isVisible(), dialog.problem.text()
    click(dialog.runs.resume)
    until(lambda: model.live is not None and model.live.done > max(point.step for point in row.curve))
    pid = model.child_pid
    driver.window.close()
    assert not Path(f"/proc/{pid}").exists()
    driver.window.regions._store.close()
    driver = open_window(database=home / "a.sqlite")
    dialog = opened(driver.window)
    driver.until(lambda: dialog.runs.list.count() == 1)
    dialog.pages.show_panel(RUNS)
    assert "stopped while training" in dialog.runs.list.item(0).text()
    assert dialog.runs.resume.isEnabled()
    assert dialog.runs.chart.lines
    # Thrown away in the middle of its work.
    click(dialog.runs.resume)
    model = driver.window.training.runs
    until(lambda: model.live is not None and len(model.curve) > len(row.curve))
    pid = model.child_pid
    click(dialog.runs.discard)
    assert row.folder.exists()
    click(dialog.runs.discard)
    driver.until(lambda: dialog.runs.list.count() == 0)
    driver.until(lambda: not list(row.folder.parent.iterdir()))
    assert not Path(f"/proc/{pid}").exists()


def test_two_adapters_are_compared_on_the_next_regions_and_one_is_used(open_window, tiny_model, home):
    base = ModelManifest.read(tiny_model)
    for number in (1, 2):
        write_adapter(adapters_folder() / f"feedback-{number}", base, seed=number, strength=2.0)
    driver = open_window(database=home / "a.sqlite")
    window, dialog = driver.window, opened(driver.window)
    dialog.pages.show_panel(TRIAL)
    page, model = dialog.trial, window.training.trial
    driver.until(lambda: page.first.count() == 3)
    choose(page.first, "feedback-1")
    choose(page.second, "feedback-1")
    assert not page.begin.isEnabled(), "one adapter is no comparison"
    choose(page.second, "feedback-2")
    page.regions.setValue(2)
    click(page.begin)
    driver.until(lambda: model.running is not None)
    assert not any(button.isEnabled() for button in page.use), "nothing is named yet"
    for number, key in enumerate(("Accepted", "Corrected")):
        root = driver.draw_and_wait(Box(30 + number, 30, 80, 80))
        said = window.regions._store.suggestions.about_region(root)
        assert {one.adapter for one in said} == {"feedback-1", "feedback-2"}
        assert window.card.adapter.text() == "one of the two that are compared"
        if key == "Corrected":
            driver.type("spleen")
        driver.key(Qt.Key.Key_Return)
    driver.until(lambda: model.is_over)
    assert "2 of 2 regions are named" in page.title.text()
    assert window.asking.trial is None
    root = driver.draw_and_wait(Box(40, 30, 80, 80))
    assert [one.adapter for one in window.regions._store.suggestions.about_region(root)] == [None]
    # It goes on in the next window, until somebody decides.
    window.close()
    window.regions._store.close()
    driver = open_window(database=home / "a.sqlite")
    window, dialog = driver.window, opened(driver.window)
    page, model = dialog.trial, window.training.trial
    driver.until(lambda: model.is_over)
    dialog.pages.show_panel(TRIAL)
    assert page.reason.text().startswith("Compared on 2 regions")
    page.reason.clear()
    assert not page.use[1].isEnabled(), "no gate passed it: it needs a reason"
    QTest.keyClicks(page.reason, "looks better")
    click(page.use[1])
    driver.until(lambda: model.running is None and not model.deciding and window.training.runs.in_use == "feedback-2")
    assert adapter_in_use(base).id == "feedback-2"
    last = read_history()[-1]
    assert (last.who, last.reason, last.facts["trial"]["regions"]) == ("tester", "looks better", 2)
    assert running_trial(base) is None
    root = driver.draw_and_wait(Box(45, 30, 80, 80))
    assert [one.adapter for one in window.regions._store.suggestions.about_region(root)] == ["feedback-2"]


def rows(tree):
    """The rows of a tree that stand below nothing."""
    model = tree.model()
    return [model.index(row, 0) for row in range(model.rowCount())]


def test_what_to_label_next_is_listed_and_opened(decided, clinic):
    driver = decided
    with AnnotationStore.open(driver.window.regions._store.path) as store:
        for number in (0, 3):
            found(store, clinic[number], SPLEEN, Box(12, 12, 30, 30), 0.5, index=3)
    driver.window.worklist.add_paths(clinic)
    driver.until(lambda: not driver.window.worklist_panel.indexing.is_busy())
    dialog = opened(driver.window)
    dialog.pages.show_panel(NEXT)
    page = dialog.next
    assert page.empty.isVisible()
    click(page.make)
    driver.until(lambda: page.table.isVisible() and page.table.rowCount() == 2)
    assert page.table.item(0, 2).text() == "4"
    wanted = driver.window.training.next_images.order.images[0].image
    click(page.put)
    assert page.said.text() == "2 scans stand first now."
    panel = driver.window.worklist_panel
    group = next(at for at in rows(panel.tree) if at.data() == "To label next")
    assert panel.tree.isExpanded(group)
    first, second = (driver.window.worklist.tree.index(row, 0, group) for row in (0, 1))
    assert driver.window.worklist.scan(first.data(Role.SCAN)).path == wanted.source
    assert driver.window.worklist.neighbour(None, 0).path == wanted.source
    before = driver.window.worklist.row_of(first.data(Role.SCAN))
    assert driver.window.worklist.neighbour(before, 1) == driver.window.worklist.row_of(second.data(Role.SCAN))
    back = next(one for one in panel.group_menu(group).actions() if one.text() == "Back to the usual order")
    back.trigger()
    assert not any(at.data() == "To label next" for at in rows(panel.tree))
    click(page.open)
    viewing = driver.window.viewing
    driver.until(lambda: viewing.current is not None and str(viewing.current.volume.source) == wanted.source)
    assert viewing.index == 3


def test_an_alarm_is_told_over_the_views_once_a_week(decided):
    desk, bar = decided.window.training_desk, decided.window.notice_bar
    fallen = measure_drift(two_labels_of_which_one_falls())
    desk._drift.counted.emit(fallen)
    assert "liver is accepted less often than before" in bar.text
    look = bar.findChildren(QPushButton)[-1]
    click(look)
    (dialog,) = decided.window.findChildren(TrainingDialog)
    assert dialog.pages.current == DRIFT
    assert not bar.isVisible()
    desk._drift.counted.emit(fallen)
    assert not bar.isVisible(), "it was told already"


def test_a_child_that_fails_says_why_and_the_run_can_go_on(decided, tiny_model, base_data, home):
    driver = decided
    dialog = opened(driver.window)
    moved = home / "moved"
    shutil.copytree(base_data, moved)
    page = dialog.corrections
    driver.until(lambda: page.start.isEnabled())
    page.replay.edit.setText(str(home / "nowhere"))
    page.heldout.setValue(SHARE)
    page.steps.setValue(STEPS)
    click(page.start)
    train_all_the_same(dialog)
    until(lambda: dialog.problem.isVisible())
    assert "nowhere" in dialog.problem.text()
    assert dialog.runs.resume.isEnabled()
    (row,) = read_runs(ModelManifest.read(tiny_model).sha256)
    assert row.next_step is Step.TRAIN
    said = json.loads((row.folder / "plan.json").read_text(encoding="utf-8"))
    assert said["frozen"]["counts"]["heldout"]["patients"] > 0


def test_the_filter_narrows_what_is_counted(decided):
    driver = decided
    dialog = opened(driver.window)
    page = dialog.corrections
    driver.until(lambda: page.table.rowCount() == 3)
    assert page.summary.text().startswith("6 accepted and 12 corrected regions in 6 scans of 6 patients")
    page.annotator.setCurrentIndex(page.annotator.findData("ann"))
    page.annotator.activated.emit(page.annotator.currentIndex())
    driver.until(lambda: page.summary.text().startswith("6 accepted and 0 corrected"))
    click(page.approved)
    driver.until(lambda: page.summary.text() == "Nothing passes this filter.")
    assert not page.start.isEnabled()


def test_an_alarm_is_said_in_words_and_a_label_can_be_looked_at_alone(decided):
    dialog = opened(decided.window)
    page = dialog.drift
    decided.until(lambda: page.course.count() > 1)
    page._show(measure_drift(two_labels_of_which_one_falls()))
    dialog.pages.show_panel(DRIFT)
    assert page.alarm.isVisible()
    assert "liver is accepted less often than before: 1 of 12 now, 48 of 48 before" in page.alarm.text()
    assert "spleen" not in page.alarm.text()
    assert page.charts[0].lines[0].points[0][1] == 24
    assert len(page.charts[1].lines[0].points) == 5
    # How sure it was, and how often it was right: by week.
    sure, right = page.charts[4].lines
    assert right.points[0][1] == 1
    assert right.points[-1][1] == pytest.approx(13 / 24)
    assert sure.points[-1][1] == pytest.approx(sure.points[0][1])
    assert dialog.pages.buttons[DRIFT].text() == "How the model fares"
    page._model.counted.emit(measure_drift(two_labels_of_which_one_falls()))
    assert dialog.pages.buttons[DRIFT].text() == "How the model fares ⚠ 1"
    page.course.setCurrentIndex(page.course.findText("spleen"))
    page.course.activated.emit(page.course.currentIndex())
    assert page.summary.text().startswith("60 suggestions judged: 60 accepted")
    assert page.charts[5].lines[-1].points


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
    dialog = opened(decided.window)
    dialog.pages.show_panel(DRIFT)
    decided.until(lambda: dialog.drift.summary.isVisible() and bool(dialog.drift.charts[1].lines))
    assert dialog.drift.course.count() >= 2
    driver = open_empty_window()
    dialog = opened(driver.window)
    driver.until(lambda: "Nothing is decided" in dialog.corrections.summary.text())
    assert dialog.pages.current == CORRECTIONS
    assert not dialog.corrections.start.isEnabled()
    dialog.pages.show_panel(DRIFT)
    driver.until(lambda: dialog.drift.empty.isVisible())
