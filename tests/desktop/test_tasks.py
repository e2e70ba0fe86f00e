"""Tasks, blind second reading, review and agreement, used with mouse and keys by several people in turn."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QInputDialog, QToolButton

from desktop.main_window import MainWindow
from desktop.model.browser_tree import Role
from desktop.model.measures import MeasureKind
from desktop.panels.agreement_dialog import AgreementDialog
from desktop.panels.assign_dialog import AssignDialog
from desktop.theme import THEMES, apply_theme
from engine.protocol import Language, Task
from engine.regions import Box, Label
from engine.store import TaskState
from engine.suggest import ModelRef, SuggestedRegion, Suggestion, SuggestTimings

CTRL, SHIFT = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier
LIVER, SPLEEN = Label("liver", "liver", "肝脏"), Label("spleen", "spleen", "脾脏")
BOX, FAR = Box(20, 30, 50, 60), Box(70, 70, 95, 100)


def shown(window: MainWindow, kind: type):
    """The dialog of this kind that is on screen."""
    (dialog,) = [one for one in window.findChildren(kind) if one.isVisible()]
    return dialog


def come_back(driver) -> None:
    """What a window manager does when a dialog closes."""
    driver.window.activateWindow()
    driver.until(driver.window.isActiveWindow)


def work_as(driver, name: str) -> None:
    """Through the menu in the status line; a new name through its dialog."""
    menu = driver.window.reader_menu
    menu.fill()
    known = {action.text(): action for action in menu.actions()}
    if name in known:
        known[name].trigger()
    else:
        known["Add a reader …"].trigger()
        dialog = shown(driver.window, QInputDialog)
        dialog.setTextValue(name)
        QTest.keyClick(dialog, Qt.Key.Key_Return)
    come_back(driver)
    assert driver.window.reader.name == name
    assert name in driver.window.status.reader.text()


def assign(driver, **readings: int) -> None:
    """Give the open scan to readers by name."""
    driver.key(Qt.Key.Key_T, CTRL | SHIFT)
    dialog = shown(driver.window, AssignDialog)
    for name, reading in readings.items():
        if name not in dialog.choices:
            QTest.keyClicks(dialog.name, name)
            QTest.mouseClick(dialog._add, Qt.MouseButton.LeftButton)
        choice = dialog.choices[name]
        choice.setCurrentIndex(choice.findData(reading))
    QTest.mouseClick(dialog.ok, Qt.MouseButton.LeftButton)
    assert not dialog.isVisible(), dialog.message.text()
    come_back(driver)


def draw(driver, box: Box, label: Label) -> None:
    driver.window.regions.next_label = label
    driver.draw(box)
    driver.window.regions.select(None)


def names(window: MainWindow) -> list[str]:
    """What is on the slice, as the list on the right and the view show it."""
    panel = window.regions_panel.list
    listed = [panel.item(row).text() for row in range(panel.count())]
    assert len(listed) == len(window.view.items_on_slice._regions)
    return listed


def buttons(window: MainWindow) -> set[str]:
    """What the bar over the views offers."""
    return {id for id, button in window.desk.bar.buttons.items() if button.isVisible()}


def press(window: MainWindow, id: str) -> None:
    button: QToolButton = window.desk.bar.buttons[id]
    assert button.isVisible()
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)


def listed(window: MainWindow) -> list[str]:
    panel = window.desk.panel.list
    return [panel.item(row).text() for row in range(panel.count())]


def click_task(window: MainWindow, text: str) -> None:
    panel = window.desk.panel.list
    window.desk.side.show_panel(1)
    entry = next(panel.item(row) for row in range(panel.count()) if text in panel.item(row).text().split("\n")[-1])
    place = panel.visualItemRect(entry).center()
    QTest.mouseClick(panel.viewport(), Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, place)


def state(window: MainWindow, name: str) -> TaskState:
    (task,) = [task for task in window._store.tasks.all() if task.annotator == name]
    return task.state


def find_something(driver) -> None:
    """The model's answer lies on the slice, undecided."""
    window = driver.window
    region = SuggestedRegion("aorta", "主动脉", "aorta", Box(60, 20, 80, 40), 0.9)
    answer = Suggestion(
        task=Task.TEXT_TO_REGION,
        language=Language.EN,
        image=window.viewing.image_ref(),
        prompt="p",
        raw="r",
        text="t",
        regions=(region,),
        candidates=(),
        not_present=(),
        abstained=False,
        malformed=False,
        model=ModelRef("tiny", "0" * 64),
        timings_ms=SuggestTimings(1, 2, 3, 4, 10),
    )
    window.regions.keep_found(answer)
    window.regions.select(None)


def progress_text(window: MainWindow) -> str:
    """What the list of scans says of the open one."""
    tree = window.worklist.tree
    return tree.index_of_scan(window.worklist.scan_of(window.viewing.item).id).data(Role.PROGRESS)


def test_two_readers_a_reviewer_and_their_agreement(open_window):
    driver = open_window()
    window = driver.window
    work_as(driver, "boss")
    find_something(driver)
    assign(driver, ann=1, bob=2)
    assert window.desk.bar.isHidden(), "nothing is to be done by who gave it out"

    work_as(driver, "ann")
    assert "your reading" in window.desk.bar.text.lower()
    assert buttons(window) == {"start", "withdraw"}
    click_task(window, "first reader")
    assert state(window, "ann") is TaskState.LABELLING
    assert buttons(window) == {"submit"}
    draw(driver, BOX, LIVER)
    draw(driver, FAR, SPLEEN)
    assert len(names(window)) == 3, "the first reader sees the model's too"
    driver.key(Qt.Key.Key_Return, CTRL)
    assert state(window, "ann") is TaskState.SUBMITTED
    assert not window.regions.undo_stack.canUndo(), "a reading that stands is not undone"

    work_as(driver, "bob")
    assert names(window) == []
    assert "once every reader has submitted" in window.desk.bar.text
    assert progress_text(window) == "you read it blind"
    assert not window.regions_panel._names.isEnabled()
    assert "blind" in window.regions_panel._empty.text()
    driver.key(Qt.Key.Key_F)
    assert "blind" in window.notice_bar.text
    assert window.desk.differences.readers == ()
    click_task(window, "second reader, blind")
    draw(driver, BOX, SPLEEN)
    assert len(names(window)) == 1
    driver.key(Qt.Key.Key_Return, CTRL)
    assert len(names(window)) == 4, "both readings and the model's are there now"
    assert any("by ann" in text for text in names(window))
    driver.until(lambda: "2 decided" not in progress_text(window) and "decided" in progress_text(window))
    driver.until(lambda: len(window.desk.differences.lines) == 2)
    found = window.desk.panel.differences
    assert [found.item(row).text().split("\n")[0] for row in range(2)] == ["liver / spleen", "spleen"]
    assert "other name" in found.item(0).text()
    assert "only ann" in found.item(1).text()
    place = window.viewing.index
    window.viewing.go_to(0)
    driver.key(Qt.Key.Key_F8)
    assert window.viewing.index == place
    assert window.regions.selected_row.label == LIVER

    work_as(driver, "cy")
    driver.key(Qt.Key.Key_F9)
    assert buttons(window) == {"approve", "return", "fix", "others"}
    assert "ann's reading" in window.desk.bar.text
    assert [text for text in names(window) if "by bob" in text] == [], "one reading at a time"
    press(window, "others")
    assert [text for text in names(window) if "by bob" in text]
    press(window, "others")
    window.regions.select(window.regions.rows[1].root_id)
    driver.key(Qt.Key.Key_Delete)
    assert "choose Fix" in window.notice_bar.text
    assert len(names(window)) == 3
    driver.key(Qt.Key.Key_R, CTRL | SHIFT)
    assert window.desk.bar.edit.hasFocus()
    assert not window.desk.bar.send.isEnabled(), "not without a comment"
    driver.type("the spleen is too small")
    driver.key(Qt.Key.Key_Return)
    assert state(window, "ann") is TaskState.RETURNED
    assert not window.desk.bar.edit.isVisible()

    work_as(driver, "ann")
    assert "The reviewer says: the spleen is too small" in window.desk.bar.text
    assert any("too small" in text for text in listed(window))
    assert buttons(window) == {"start", "submit"}
    (row,) = [row for row in window.regions.rows if row.label == SPLEEN and window.regions.author(row) == "ann"]
    window.regions.select(row.root_id)
    driver.key(Qt.Key.Key_Right, CTRL)
    driver.key(Qt.Key.Key_Return, CTRL)
    assert state(window, "ann") is TaskState.SUBMITTED

    window.close()
    driver = open_window()
    window = driver.window
    assert window.reader.name == "ann", "who is at work is remembered"
    assert "submitted" in window.desk.bar.text
    work_as(driver, "cy")
    driver.key(Qt.Key.Key_F9)
    driver.until(lambda: window.desk.tasks.current is not None)
    driver.key(Qt.Key.Key_F9)
    driver.key(Qt.Key.Key_F9)
    assert "bob's reading" in window.desk.bar.text or "ann's reading" in window.desk.bar.text
    while "ann's reading" not in window.desk.bar.text:
        driver.key(Qt.Key.Key_F9)
    driver.key(Qt.Key.Key_A, CTRL | SHIFT)
    assert state(window, "ann") is TaskState.REVIEWED
    assert window._store.audit_problems() == []

    driver.key(Qt.Key.Key_P, CTRL | SHIFT)
    dialog = shown(window, AgreementDialog)
    driver.until(lambda: dialog.pairs.rowCount() == 1)
    pair = [dialog.pairs.item(0, column).text() for column in range(8)]
    assert pair[:4] == ["ann – bob", "1", "2 / 1", "1"]
    assert pair[4] == "0.67"
    assert pair[6].startswith("0.00") or pair[6].startswith("undefined")
    people = [dialog.people.item(row, 0).text() for row in range(dialog.people.rowCount())]
    assert people == ["boss", "ann", "bob", "cy"]
    last = dialog.pairs.columnCount() - 1
    assert dialog.pairs.columnWidth(last) < dialog.pairs.columnWidth(0), "a number does not stand far from the others"
    assert "five minutes" in dialog.people.horizontalHeaderItem(dialog.people.columnCount() - 1).toolTip()
    QTest.mouseClick(dialog.copy, Qt.MouseButton.LeftButton)
    assert "ann – bob,1,2 / 1,1,0.67" in QGuiApplication.clipboard().text()
    dialog.close()


def test_a_reviewer_fixes_a_reading_which_stays_the_annotators(open_window):
    driver = open_window()
    window = driver.window
    assign(driver, ann=1)
    work_as(driver, "ann")
    draw(driver, BOX, LIVER)
    driver.key(Qt.Key.Key_Return, CTRL)
    work_as(driver, "tester")
    driver.key(Qt.Key.Key_F9)
    press(window, "fix")
    (row,) = window.regions.rows
    window.regions.select(row.root_id)
    driver.key(Qt.Key.Key_Right, CTRL)
    (fixed,) = window.regions.rows
    assert fixed.box != row.box
    assert (fixed.who, fixed.reading_id, window.regions.author(fixed)) == ("tester", row.reading_id, "ann")
    assert "kept under your name" in window.desk.bar.text
    press(window, "fix")
    driver.key(Qt.Key.Key_Right, CTRL)
    assert window.regions.rows == [fixed]
    press(window, "approve")
    assert buttons(window) == {"return", "fix"}


def test_a_returned_reading_shows_the_reviewers_fixes_and_no_other_reading(open_window):
    driver = open_window()
    window = driver.window
    find_something(driver)
    assign(driver, ann=1, bob=2)
    work_as(driver, "ann")
    draw(driver, BOX, LIVER)
    driver.key(Qt.Key.Key_Return, CTRL)
    work_as(driver, "bob")
    draw(driver, BOX, SPLEEN)
    draw(driver, FAR, SPLEEN)
    driver.key(Qt.Key.Key_Return, CTRL)
    assert len(names(window)) == 4, "both have submitted: each sees all"

    work_as(driver, "tester")
    driver.key(Qt.Key.Key_F9)
    while "bob's reading" not in window.desk.bar.text:
        driver.key(Qt.Key.Key_F9)
    press(window, "fix")
    first, second = [row for row in window.regions.rows if window.regions.author(row) == "bob"]
    window.regions.select(first.root_id)
    window.regions.set_label([first.root_id], LIVER)
    window.regions.select(second.root_id)
    driver.key(Qt.Key.Key_Delete)
    draw(driver, Box(30, 90, 50, 110), SPLEEN)
    added = window.regions.rows[-1]
    assert added.reading_id == first.reading_id, "what a reviewer adds belongs to the reading"
    driver.key(Qt.Key.Key_R, CTRL | SHIFT)
    driver.type("one was missing")
    driver.key(Qt.Key.Key_Return)
    assert state(window, "bob") is TaskState.RETURNED

    work_as(driver, "bob")
    assert "The reviewer says: one was missing" in window.desk.bar.text
    assert "1 changed, 1 added, 1 removed" in window.desk.bar.text
    assert [row.root_id for row in window.regions.rows] == [first.root_id, added.root_id]
    assert all("changed by tester" in text or "by tester" in text for text in names(window))
    assert window.regions.blind
    driver.key(Qt.Key.Key_F)
    assert "blind" in window.notice_bar.text
    assert window.desk.differences.readers == ()
    draw(driver, FAR, SPLEEN)
    work_as(driver, "ann")
    assert [window.regions.author(row) for row in window.regions.rows if row.reading_id is not None] == ["ann"]
    assert len(names(window)) == 2, "her own, and what the model found"
    work_as(driver, "bob")
    driver.key(Qt.Key.Key_Return, CTRL)
    assert len(names(window)) == 5
    assert not window.regions.blind


def test_a_blind_reader_draws_without_the_model(open_window):
    driver = open_window()
    window = driver.window
    assign(driver, tester=2)
    assert window.regions.blind
    root = driver.draw(BOX)
    assert not window.asking.asking
    assert window.card.isVisible()
    assert "F5 ask the model" not in window.card._hint.text()
    driver.key(Qt.Key.Key_F5)
    assert "blind" in window.notice_bar.text
    assert not window.asking.asking
    driver.key(Qt.Key.Key_F2)
    driver.type("liver")
    driver.key(Qt.Key.Key_Return, CTRL)
    assert window.regions.region(root).label.id == "liver", "the first press takes the name that is typed"
    assert state(window, "tester") is TaskState.LABELLING
    driver.key(Qt.Key.Key_Return, CTRL)
    assert state(window, "tester") is TaskState.SUBMITTED
    assert window.desk.tasks.current.possible == ()


def test_regions_without_a_name_are_told_before_they_are_submitted(open_window):
    driver = open_window()
    window = driver.window
    assign(driver, tester=2)
    driver.draw(BOX)
    driver.key(Qt.Key.Key_Escape)
    driver.key(Qt.Key.Key_Return, CTRL)
    assert state(window, "tester") is TaskState.LABELLING
    assert "1 of 1 regions have no name yet" in window.notice_bar.text
    driver.key(Qt.Key.Key_Return, CTRL)
    assert state(window, "tester") is TaskState.SUBMITTED


def test_regions_drawn_after_a_warning_are_warned_of_too(open_window):
    driver = open_window()
    window = driver.window
    assign(driver, tester=2)
    for box in (BOX, FAR):
        driver.draw(box)
        driver.key(Qt.Key.Key_Escape)
        driver.key(Qt.Key.Key_Return, CTRL)
        assert state(window, "tester") is TaskState.LABELLING
    assert "2 of 2 regions have no name yet" in window.notice_bar.text
    driver.key(Qt.Key.Key_Return, CTRL)
    assert state(window, "tester") is TaskState.SUBMITTED
    assert window.notice_bar.isHidden(), "what was submitted is not to be submitted again"


def test_the_warning_of_one_reader_is_not_shown_to_the_next(open_window):
    driver = open_window()
    window = driver.window
    assign(driver, tester=2)
    driver.draw(BOX)
    driver.key(Qt.Key.Key_Escape)
    driver.key(Qt.Key.Key_Return, CTRL)
    assert window.notice_bar.isVisible()
    work_as(driver, "ann")
    assert window.notice_bar.isHidden()


@pytest.mark.parametrize("theme", THEMES)
def test_the_button_that_is_on_is_drawn_in_the_accent_colour(open_window, theme, request):
    """On a white bar it once was white with white words."""
    app = QApplication.instance()
    request.addfinalizer(lambda: apply_theme(app))
    driver = open_window()
    window = driver.window
    assign(driver, ann=1)
    work_as(driver, "ann")
    driver.key(Qt.Key.Key_Return, CTRL)
    window.desk.tasks.start()
    driver.key(Qt.Key.Key_Return, CTRL)
    work_as(driver, "tester")
    driver.key(Qt.Key.Key_F9)
    press(window, "fix")
    apply_theme(app, theme)
    picture = window.desk.bar.buttons["fix"].grab().toImage()
    assert picture.pixelColor(picture.width() // 2, 4) == picture.pixelColor(4, picture.height() // 2)
    assert picture.pixelColor(4, picture.height() // 2).name() == "#1f6feb"


def test_another_reader_does_not_undo_what_was_done(open_window):
    driver = open_window()
    window = driver.window
    draw(driver, BOX, LIVER)
    assert window.regions.undo_stack.canUndo()
    work_as(driver, "ann")
    assert not window.regions.undo_stack.canUndo()
    draw(driver, FAR, SPLEEN)
    assert [row.who for row in window.regions.rows] == ["tester", "ann"]
    assert window.regions.selected_row is None


def test_another_reader_does_not_see_what_was_measured(open_window):
    """The second reader is blind to that too."""
    driver = open_window()
    window, view = driver.window, driver.window.view
    window.models.measures.add(MeasureKind.LENGTH, ((20.0, 20.0), (60.0, 60.0)))
    assert len(view.items_on_slice._measures) == 1
    work_as(driver, "ann")
    assert window.models.measures.of(view.state) == []
    assert view.items_on_slice._measures == []
    work_as(driver, "tester")
    assert len(view.items_on_slice._measures) == 1


def test_a_half_drawn_shape_stays_with_who_was_drawing_it(open_window):
    from desktop.model.tools import Tool

    driver = open_window()
    window = driver.window
    window.models.tools.choose(Tool.POLYGON)
    for x, y in ((20, 20), (60, 20), (60, 60)):
        driver.click(x, y)
    work_as(driver, "ann")
    assert [row.who for row in window._store.drafts.of_person("tester")] == ["tester"]
    driver.key(Qt.Key.Key_Return)
    assert window.regions.rows == []
    assert window.models.drafts.offer is None
    work_as(driver, "tester")
    assert window.models.drafts.offer is not None


def test_what_cannot_be_assigned_says_why_and_the_dialog_stays(open_window):
    driver = open_window()
    window = driver.window
    assign(driver, ann=1)
    driver.key(Qt.Key.Key_T, CTRL | SHIFT)
    dialog = shown(window, AssignDialog)
    assert "ann" not in dialog.choices
    choice = dialog.choices["tester"]
    assert choice.findData(1) == -1, "ann is the first reader"
    QTest.mouseClick(dialog.ok, Qt.MouseButton.LeftButton)
    assert "Choose who" in dialog.message.text()
    choice.setCurrentIndex(choice.findData(2))
    window._store.tasks.add_annotator("tester", "boss")
    window._store.tasks.assign(window.viewing.item.path, window.viewing.item.series_uid, "tester", "boss", 3)
    QTest.mouseClick(dialog.ok, Qt.MouseButton.LeftButton)
    assert "is tester's" in dialog.message.text()
    assert dialog.isVisible()
    dialog.close()


def test_several_scans_are_given_out_and_gone_through_by_keys(open_window, phantom_series: Path):
    driver = open_window()
    window = driver.window
    window.worklist.add_paths(
        [phantom_series / "phantom.nii.gz"] if (phantom_series / "phantom.nii.gz").is_file() else []
    )
    driver.until(lambda: not window.worklist_panel.indexing.is_busy())
    scans = [scan.id for scan in window._store.scans.recent(window.worklist.filter, 9)]
    scans = [window.worklist.scan_of(window.viewing.item).id, *[one for one in scans if one != scans[0]]]
    window.worklist_panel.assign_wanted.emit(scans)
    dialog = shown(window, AssignDialog)
    choice = dialog.choices["tester"]
    choice.setCurrentIndex(choice.findData(1))
    QTest.mouseClick(dialog.ok, Qt.MouseButton.LeftButton)
    assert len(window._store.tasks.all("tester")) == len(scans)
    driver.key(Qt.Key.Key_T, CTRL)
    assert window.desk.side.shows_tasks
    assert window.desk.side.buttons[1].text() == f"Tasks · {len(scans)}"
    driver.key(Qt.Key.Key_Escape)
    assert window.view.hasFocus()
    driver.key(Qt.Key.Key_Return, CTRL | SHIFT)


def test_the_key_sheet_and_the_interface_in_chinese_know_tasks(open_window):
    driver = open_window()
    window = driver.window
    assign(driver, tester=2)
    (group,) = window.desk.actions.key_groups()
    assert ("Ctrl+Return", "Submit and open the next task") in group.rows
    window.set_interface_language("zh_CN")
    driver.until(lambda: window.desk.bar.text.startswith("您的阅片"))
    assert window.desk.menu.title() == "任务(&T)"
    window.set_interface_language("en")


@pytest.mark.parametrize("model", [None])
def test_a_withdrawn_task_is_gone_and_the_scan_is_free_again(open_window, model):
    driver = open_window(model)
    window = driver.window
    assign(driver, tester=1)
    press(window, "withdraw")
    assert window.desk.bar.isHidden()
    assert listed(window) == []
    assign(driver, ann=1)
    assert state(window, "ann") is TaskState.NEW
