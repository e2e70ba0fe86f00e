"""Questions about whole slices: typed, watched while they are answered, judged, kept."""

from __future__ import annotations

import itertools
import os
import shutil
import signal
import threading
import time
from dataclasses import replace

import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLabel, QWidget

from desktop.model.slice_question import SliceQuestion
from desktop.panels.key_sheet import KeySheet
from engine.protocol import AnswerForm, Language, Task
from engine.regional_cot import Arm
from engine.regions import Box, Label
from engine.runtime import ModelManifest, Session, find_model
from engine.store import DecisionKind, RegionState

CTRL = Qt.KeyboardModifier.ControlModifier
BOX = Box(30, 30, 70, 70)


@pytest.fixture
def driver(open_window):
    opened = open_window()
    opened.key(Qt.Key.Key_E, CTRL)
    return opened


def panel(driver):
    return driver.window.ask_panel


def choose(driver, task: Task) -> None:
    QTest.mouseClick(panel(driver).form.kinds[task], Qt.MouseButton.LeftButton)


def ask(driver) -> None:
    QTest.mouseClick(panel(driver).ask, Qt.MouseButton.LeftButton)


def ask_and_wait(driver) -> None:
    """The newest card is that of the answer then."""
    count = len(panel(driver).answers)
    ask(driver)
    driver.until(lambda: len(panel(driver).answers) == count + 1)
    assert not driver.window.models.questions.busy


def newest(driver):
    return panel(driver).answers[0]


def said(driver) -> set[str]:
    """What the newest answer ranks."""
    return {line.split("   ")[0] for line in newest(driver).body.text().splitlines()}


def pace(monkeypatch) -> None:
    """Hear tokens one after the other: on a busy machine the small model has written all before the window looks."""
    ask_session = Session.ask

    def slowly(session, request, *, on_piece=None, **what):
        def heard(piece):
            on_piece(piece)
            time.sleep(0.003)

        return ask_session(session, request, on_piece=None if on_piece is None else heard, **what)

    monkeypatch.setattr(Session, "ask", slowly)


@pytest.fixture
def held_reports(monkeypatch):
    """Answers that are being written stop at their first token until this event is set or they are given up.

    Else the small model may have written all of one before the window even looks at its first word.
    """
    ask_session, go_on = Session.ask, threading.Event()

    def held(session, request, *, on_piece=None, cancelled=lambda: False, **what):
        def heard(piece):
            on_piece(piece)
            while not (go_on.wait(0.005) or cancelled()):
                pass

        hear = None if on_piece is None else heard
        return ask_session(session, request, on_piece=hear, cancelled=cancelled, **what)

    monkeypatch.setattr(Session, "ask", held)
    yield go_on
    go_on.set()


def test_a_typed_question_is_answered_as_it_is_written_and_kept(driver, monkeypatch):
    pace(monkeypatch)
    window, shown = driver.window, []
    window.models.questions.written.connect(lambda: shown.append(panel(driver).writing.text.text()))
    driver.type("What is this?")
    form = panel(driver).form
    form.form.setCurrentIndex(1)
    form.text.setFocus()
    driver.key(Qt.Key.Key_Return)
    assert window.models.questions.busy
    assert panel(driver).writing.isVisible()
    driver.until(lambda: bool(panel(driver).answers))
    written = [text for text in shown if text]
    assert len(set(written)) > 1, "seen while it was written"
    assert all(later.startswith(earlier[:-1]) for earlier, later in itertools.pairwise(written))
    assert not panel(driver).writing.isVisible()
    card = newest(driver)
    assert card.asked.text() == "What is this?"
    # Once it is laid out: overlong words are broken.
    driver.until(lambda: card.width() <= panel(driver)._area.viewport().width())
    assert card.body.text().startswith(written[-1][:20])
    (row,) = window.models.questions.answers()
    assert row.asked == {"text": "What is this?", "form": "sentences"}
    assert (row.suggestion.model_id, row.who) == ("tiny", "tester")
    assert "What is this?" in row.suggestion.prompt


def test_an_answer_is_there_again_after_the_next_start_on_its_slice_alone(open_window):
    driver = open_window()
    driver.key(Qt.Key.Key_E, CTRL)
    choose(driver, Task.VQA)
    panel(driver).form.form.setCurrentIndex(2)
    panel(driver).form.text.setPlainText("Is there a liver?")
    ask_and_wait(driver)
    assert set(newest(driver).body.text().split()[::2]) == {"yes", "no"}
    driver.window.viewing.step(1)
    assert panel(driver).answers == []
    driver.window.viewing.step(-1)
    assert len(panel(driver).answers) == 1
    driver.window.viewing.keep_view()
    driver.window.close()
    again = open_window()
    again.key(Qt.Key.Key_E, CTRL)
    assert newest(again).asked.text() == "Is there a liver?"


def test_what_keeps_a_correction_is_seen_once_it_is_begun(driver):
    # Little room is left for the card.
    choose(driver, Task.DIAGNOSIS)
    panel(driver).form.labels.setPlainText("pneumonia, edema")
    ask_and_wait(driver)
    card, area = newest(driver), panel(driver)._area.viewport()
    driver.window.resize(1100, 600)
    driver.until(lambda: area.height() < card.sizeHint().height() + card.edit.height())
    card.correct.click()
    driver.until(lambda: card.save.visibleRegion().boundingRect() == card.save.rect())
    # It stays so where the room changes later, as it also does while the list is still being laid out.
    before = area.height()
    driver.window.resize(1100, 560)
    driver.until(lambda: area.height() < before)
    driver.until(lambda: card.save.visibleRegion().boundingRect() == card.save.rect())


def test_the_fields_example_stays_when_the_language_changes(driver):
    labels = panel(driver).form.labels
    assert len(labels.placeholderText().splitlines()) == 2
    driver.window.set_interface_language("zh_CN")
    driver.until(lambda: "标签" in labels.placeholderText())
    assert len(labels.placeholderText().splitlines()) == 2
    driver.window.set_interface_language("en")


def test_options_and_labels_are_chosen_among(driver):
    form = panel(driver).form
    form.text.setPlainText("Which plane?")
    form.form.setCurrentIndex(3)
    assert form.options.isVisible()
    form.options.setText("axial, coronal，sagittal")
    ask_and_wait(driver)
    assert {line.split("   ")[0] for line in newest(driver).body.text().splitlines()} == {
        "axial",
        "coronal",
        "sagittal",
    }
    choose(driver, Task.DIAGNOSIS)
    form.labels.setPlainText("pneumonia\nedema")
    form.none_label.setText("No finding")
    form.labels.setFocus()
    # Not handed in as a task: the field takes the keys first.
    driver.key(Qt.Key.Key_Return, CTRL)
    driver.until(lambda: len(panel(driver).answers) == 2)
    assert said(driver) == {"pneumonia", "edema", "No finding"}
    row = driver.window.models.questions.answers()[-1]
    assert row.asked["none_label"] == "No finding"
    assert '"No finding" means no diseases are detected' in row.suggestion.prompt


def test_escape_gives_up_the_question_in_work_and_then_goes_back_to_the_image(driver, held_reports):
    kept = driver.window._store.audit.count()
    choose(driver, Task.REPORT)
    ask(driver)
    driver.until(lambda: bool(driver.window.models.questions.text))
    panel(driver).form.kinds[Task.REPORT].setFocus()
    driver.key(Qt.Key.Key_Escape)
    assert not driver.window.models.questions.busy
    QTest.qWait(200)
    assert panel(driver).answers == []
    assert driver.window._store.audit.count() == kept, "nothing of it is kept"
    driver.key(Qt.Key.Key_Escape)
    assert driver.window.focusWidget() is driver.window.view

    choose(driver, Task.REPORT)
    ask(driver)
    QTest.mouseClick(driver.window.status._cancel, Qt.MouseButton.LeftButton)
    driver.until(lambda: not driver.window.models.questions.busy)
    assert driver.window._store.audit.count() == kept


def test_a_newer_question_about_a_region_comes_first_and_the_report_goes_on(driver, held_reports):
    window = driver.window
    choose(driver, Task.REPORT)
    ask(driver)
    driver.until(lambda: bool(window.models.questions.text))
    root = driver.draw(BOX)
    driver.until(lambda: window.regions.suggestion(root) is not None)
    assert panel(driver).answers == []
    held_reports.set()
    driver.until(lambda: len(panel(driver).answers) == 1)
    assert newest(driver).asked.text() == "Report"


def test_finding_everywhere_waits_for_a_question_and_goes_on(driver):
    window = driver.window
    window.models.finding.start(["spleen"])
    choose(driver, Task.REPORT)
    ask_and_wait(driver)
    assert window.models.finding.running
    driver.until(lambda: not window.models.finding.running)


def test_an_answer_belongs_to_the_slice_that_was_asked_about(driver):
    window = driver.window
    here = window.viewing.index
    choose(driver, Task.REPORT)
    ask(driver)
    window.viewing.step(1)
    driver.until(lambda: not window.models.questions.busy)
    assert panel(driver).answers == []
    window.viewing.go_to(here)
    assert len(panel(driver).answers) == 1


def test_a_model_process_that_dies_writes_the_answer_anew(driver):
    window = driver.window
    choose(driver, Task.REPORT)
    ask(driver)
    driver.until(lambda: bool(window.models.questions.text))
    os.kill(window.asking.session.pid, signal.SIGKILL)
    driver.until(lambda: len(panel(driver).answers) == 1)
    (row,) = window.models.questions.answers()
    assert newest(driver).body.text().count("Findings") <= 1
    assert row.suggestion.raw.count("Findings: ") == 1


class TestGroundedReports:
    @pytest.fixture
    def report(self, driver):
        choose(driver, Task.GROUNDED_REPORT)
        panel(driver).form.names.setText("spleen, liver")
        ask_and_wait(driver)
        card = newest(driver)
        tied = [line for line in card.lines if line.line.roots]
        assert tied, "what the untrained model writes under the grammar holds a box"
        return driver, card, tied

    def test_its_regions_are_suggestions_that_are_judged_like_others(self, report):
        driver, _, tied = report
        roots = {root for line in tied for root in line.line.roots}
        rows = {row.root_id: row for row in driver.window.regions.rows}
        assert roots <= rows.keys()
        assert {rows[root].state for root in roots} == {RegionState.SUGGESTED}
        driver.window.view.setFocus()
        driver.window.regions.select(min(roots))
        driver.key(Qt.Key.Key_Return)
        assert driver.window._store.regions.current(min(roots)).state is RegionState.ACCEPTED

    def test_sentences_and_regions_point_at_each_other(self, report):
        driver, _, (line, *_) = report
        window, view = driver.window, driver.window.view
        QTest.mouseMove(line, QPoint(4, 4))
        driver.until(lambda: driver.window.models.hints.pointed == frozenset(line.line.roots))
        items = {item.root_id: item for item in view.items_on_slice._regions}
        assert all(items[root].brush().style() is not Qt.BrushStyle.NoBrush for root in line.line.roots)
        QTest.mouseMove(panel(driver).ask, QPoint(2, 2))
        driver.until(lambda: not driver.window.models.hints.pointed)
        QTest.mouseClick(line, Qt.MouseButton.LeftButton)
        assert driver.window.regions.selected_root == line.line.roots[0]
        assert line.property("pointed") is True
        driver.window.regions.select(None)
        assert line.property("pointed") is False
        row = window.regions.region(line.line.roots[0])
        inside = window.view.mapFromScene(QPointF((row.box.x1 + row.box.x2) / 2, (row.box.y1 + row.box.y2) / 2))
        QTest.mouseMove(window.view.viewport(), inside)
        driver.until(lambda: window.models.hints.under is not None)
        (root,) = {window.models.hints.under}
        marked = [one for one in newest(driver).lines if one.property("pointed")]
        assert marked == [one for one in newest(driver).lines if root in one.line.roots]

    def test_asked_again_it_draws_nothing_twice_and_undo_leaves_the_words(self, report):
        driver, _, tied = report
        before = [row.root_id for row in driver.window.regions.rows]
        ask_and_wait(driver)
        assert [row.root_id for row in driver.window.regions.rows] == before
        again = [line for line in newest(driver).lines if line.line.roots]
        assert [line.line.roots for line in again] == [line.line.roots for line in tied]
        driver.window.view.setFocus()
        driver.key(Qt.Key.Key_Z, CTRL)
        assert driver.window.regions.rows == []
        assert len(panel(driver).answers) == 2


class TestVerdicts:
    @pytest.fixture
    def answered(self, driver):
        panel(driver).form.text.setPlainText("Is it large?")
        panel(driver).form.form.setCurrentIndex(2)
        ask_and_wait(driver)
        return driver

    def verdict(self, driver):
        (row,) = driver.window.models.questions.answers()
        return row.verdict

    def test_right_and_wrong_are_kept_and_taken_back(self, answered):
        QTest.mouseClick(newest(answered).right, Qt.MouseButton.LeftButton)
        assert self.verdict(answered).kind is DecisionKind.ACCEPTED
        assert newest(answered).verdict.text() == "Right, says tester"
        QTest.mouseClick(newest(answered).wrong, Qt.MouseButton.LeftButton)
        assert self.verdict(answered).kind is DecisionKind.REJECTED
        QTest.mouseClick(newest(answered).wrong, Qt.MouseButton.LeftButton)
        assert self.verdict(answered) is None
        assert not newest(answered).verdict.isVisible()
        QTest.mouseClick(newest(answered).copy, Qt.MouseButton.LeftButton)
        copied = QGuiApplication.clipboard().text()
        assert "By the model tiny" in copied
        assert "Not for diagnostic use" in copied

    def test_a_correction_is_kept_beside_what_the_model_said(self, answered):
        said = newest(answered).body.text()
        QTest.mouseClick(newest(answered).correct, Qt.MouseButton.LeftButton)
        newest(answered).edit.setPlainText("No, it is small.")
        newest(answered).edit.setFocus()
        answered.key(Qt.Key.Key_Return, CTRL)
        assert self.verdict(answered).text == "No, it is small."
        assert newest(answered).body.text() == said
        assert "No, it is small." in newest(answered).verdict.text()
        (row,) = answered.window.models.questions.answers()
        assert row.suggestion.text in said


class TestRegionsFirst:
    def test_a_question_is_asked_with_the_slices_regions_or_with_those_that_are_found_first(self, driver):
        window = driver.window
        root = driver.draw(BOX)
        window.regions.correct(root, Label("liver", "liver", "肝脏"))
        window.regions.select(None)
        form = panel(driver).form
        form.text.setPlainText("Is it large?")
        form.form.setCurrentIndex(2)
        form.first.choice.setCurrentIndex(2)
        ask_and_wait(driver)
        (row,) = window.models.questions.answers()
        assert row.asked["arm"] == Arm.GIVEN
        assert "The image has these regions: <ref>liver</ref><box>[[" in row.suggestion.prompt
        assert row.look is None
        form.first.choice.setCurrentIndex(1)
        form.first.look_for.setText("spleen")
        ask_and_wait(driver)
        row = window.models.questions.answers()[-1]
        assert row.look.task == "text_to_region"
        assert row.asked["look_for"] == ["spleen"]
        assert [name for name, _ in row.asked["regions"]] == ["spleen"]
        assert len(window.regions.rows) == 1, "regions that were only asked with are no suggestions"

    def test_random_regions_are_offered_to_studies_only(self, driver):
        form = panel(driver).form
        assert form.first.choice.count() == 3
        form.first.study.setChecked(True)
        assert form.first.choice.count() == 4
        form.first.choice.setCurrentIndex(3)
        assert form.first.seed.isVisible()
        form.text.setPlainText("Is it large?")
        form.form.setCurrentIndex(2)
        form.first.seed.setValue(7)
        ask_and_wait(driver)
        (row,) = driver.window.models.questions.answers()
        assert (row.asked["arm"], row.asked["seed"]) == ("random", 7)


def test_given_regions_that_are_missing_are_said_to_be(driver):
    form = panel(driver).form
    form.text.setPlainText("Is it large?")
    form.first.choice.setCurrentIndex(2)
    ask(driver)
    driver.until(lambda: "needs at least one" in driver.window.notice_bar.text)
    assert not driver.window.models.questions.busy


def test_who_reads_blind_is_not_answered(driver):
    window = driver.window
    window._store.tasks.add_annotator("tester", "tester")
    volume = window.viewing.volume
    window._store.tasks.add_annotator("other", "tester")
    window._store.tasks.assign(volume.source, volume.series_uid, "other", "tester")
    window._store.tasks.assign(volume.source, volume.series_uid, "tester", "tester", reading=2)
    window.regions.refresh()
    assert window.regions.blind
    assert not window.models.questions.ask(panel(driver).form.question(window.asking.language))
    assert "blind" in window.notice_bar.text
    assert not panel(driver).ask.isEnabled()


def test_a_model_says_what_it_was_not_trained_for_before_and_after(open_window, tmp_path):
    folder = tmp_path / "starter"
    shutil.copytree(find_model().folder, folder)
    replace(ModelManifest.read(folder), tasks=(Task.REGION_TO_TEXT, Task.TEXT_TO_REGION)).write()
    driver = open_window(model=str(folder))
    driver.key(Qt.Key.Key_E, CTRL)
    assert "was not trained for this" in panel(driver).warning.text()
    assert panel(driver).warning.isVisible()
    panel(driver).form.text.setPlainText("Is there a liver?")
    panel(driver).form.form.setCurrentIndex(2)
    ask_and_wait(driver)
    assert "starter was not trained for this" in newest(driver).warning.text()
    (row,) = driver.window.models.questions.answers()
    assert not row.trained
    assert row.suggestion.abstained


def test_questions_are_asked_in_the_language_of_the_names(driver):
    QTest.mouseClick(panel(driver).language, Qt.MouseButton.LeftButton)
    assert panel(driver).language.text() == "中文"
    choose(driver, Task.REPORT)
    ask_and_wait(driver)
    (row,) = driver.window.models.questions.answers()
    assert row.suggestion.language == "zh"
    assert "影像诊断" in row.suggestion.raw


def test_the_key_is_on_the_key_sheet(qtbot):
    parent = QWidget()
    qtbot.addWidget(parent)
    sheet = KeySheet((), parent)
    assert any("Ctrl+E" in label.text() for label in sheet.findChildren(QLabel))


def test_a_question_is_kept_by_what_it_takes_alone():
    question = SliceQuestion(Task.VQA, Language.EN, text="Why?", form=AnswerForm.PHRASE, names=("liver",))
    assert question.asked() == {"text": "Why?", "form": "phrase"}
    own = replace(question, arm=Arm.OWN, look_for=("mass",), seed=3)
    assert own.asked() == {"text": "Why?", "form": "phrase", "arm": "own", "look_for": ["mass"], "regions": []}
