"""The study browser: what is dropped, what is said about it, its keys, its menus, and that nothing is cut off."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from PySide6.QtCore import QDate, QLocale, Qt, QUrl
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QApplication,
    QComboBox,
    QDialog,
    QPlainTextEdit,
    QStyle,
    QStyleOptionComboBox,
    QToolButton,
    QWidget,
)

from desktop.model.browser_tree import NodeKind, Role
from engine.browse import indexing
from engine.store import ScanStatus
from tests.desktop.test_browser import (
    JANE,
    click,
    drag,
    drop,
    dropped,
    folder,
    let_go,
    place,
    search,
    titles,
    unfold,
)

__all__ = ["dropped", "folder"]

WEB = QUrl("https://example.org/scan.dcm")


def local(path: Path) -> QUrl:
    return QUrl.fromLocalFile(str(path))


def test_files_can_be_dropped_on_the_image_and_on_every_field(open_window, folder: Path):
    driver = open_window()
    window = driver.window
    assert not [widget for widget in window.findChildren(QWidget) if widget.acceptDrops()]
    for onto, name in ((window.view.viewport(), "CT_small.dcm"), (window.worklist_panel.filter.search, "MR_small.dcm")):
        before = window.worklist.count()
        assert drag(driver, [local(folder / name)], onto).isAccepted()
        assert "worklist" in window.drop_target.sign.text
        let_go(driver)
        assert window.drop_target.sign.text == ""
        driver.until(lambda before=before: window.worklist.count() == before + 1)
    assert window.worklist_panel.filter.search.text() == ""


def test_a_file_a_folder_a_zip_and_a_dicomdir_are_dropped_together(
    open_window, folder: Path, pydicom_files: Path, tmp_path: Path
):
    disc = tmp_path / "disc"
    shutil.copytree(pydicom_files / "dicomdirtests", disc)
    (tmp_path / "one").mkdir()
    alone = shutil.move(folder / "MR_small.dcm", tmp_path / "one")
    archive = shutil.make_archive(str(tmp_path / "exam"), "zip", folder)
    driver = open_window()
    panel = driver.window.worklist_panel
    before = driver.window.worklist.count()
    drop(driver, Path(alone), folder, Path(archive), disc / "DICOMDIR")
    driver.until(lambda: not panel.indexing.is_busy() and panel.indexing.outcome.isVisible())
    assert driver.window.worklist.count() > before + 5
    assert {JANE, "王 小明", "Doe Peter"} <= set(titles(panel))


def test_what_is_dropped_is_never_moved(open_window, folder: Path):
    driver = open_window()
    both = Qt.DropAction.CopyAction | Qt.DropAction.MoveAction
    drag(driver, [local(folder)], actions=both)
    assert let_go(driver, actions=both).dropAction() == Qt.DropAction.CopyAction
    assert not drag(driver, [local(folder)], actions=Qt.DropAction.MoveAction).isAccepted()
    driver.until(lambda: not driver.window.worklist_panel.indexing.is_busy())


def test_what_is_not_on_this_computer_is_refused_with_a_message(open_window, folder: Path):
    driver = open_window()
    window = driver.window
    before = window.worklist.count()
    drag(driver, [WEB])
    assert "cannot be added" in window.drop_target.sign.text
    let_go(driver)
    assert "on this computer" in window.notice_bar.text
    assert not window.worklist_panel.indexing.is_busy()
    drag(driver, [WEB, local(folder)])
    let_go(driver)
    driver.until(lambda: window.worklist.count() == before + 3)
    assert "Left out because they are not on this computer: 1" in window.notice_bar.text


def test_what_was_left_out_is_counted_and_listed_unless_names_are_hidden(open_window, folder: Path):
    (folder / "notes.txt").write_text("no scan")
    driver = open_window()
    panel = driver.window.worklist_panel
    drop(driver, folder)
    driver.until(lambda: panel.indexing.outcome.isVisible())
    assert panel.indexing.result.text() == "3 scans found · 1 file left out"
    QTest.mouseClick(panel.indexing.details, Qt.MouseButton.LeftButton)
    dialog = panel.indexing.findChild(QDialog)
    assert "notes.txt" in dialog.findChild(QPlainTextEdit).toPlainText()
    QTest.keyClick(dialog, Qt.Key.Key_Escape)
    QTest.mouseClick(panel.filter.eye, Qt.MouseButton.LeftButton)
    assert not panel.indexing.details.isVisible(), "a path may be a patient's name"
    QTest.mouseClick(panel.indexing.close_result, Qt.MouseButton.LeftButton)
    assert not panel.indexing.isVisible()


def test_an_empty_list_says_what_to_do_and_then_that_it_is_looking(open_window, folder: Path):
    driver = open_window()
    panel = driver.window.worklist_panel
    number = driver.window.worklist.scan_of(driver.window.viewing.item).id
    action = next(a for a in panel.menu(number, panel.tree.model().index(0, 0)).actions() if "Remove" in a.text())
    action.trigger()
    assert panel._hint.isVisible()
    assert "Drop files or folders here" in panel._hint.text()
    drop(driver, folder)
    assert "Looking" in panel._hint.text()
    driver.until(lambda: panel.tree.isVisible())


def test_cancel_stops_all_that_waits(open_window, folder: Path):
    for number in range(40):
        shutil.copytree(folder, folder.parent / "many" / f"{number}")
    driver = open_window()
    panel = driver.window.worklist_panel
    drop(driver, folder.parent / "many")
    drop(driver, folder)
    QTest.mouseClick(panel.indexing.stop, Qt.MouseButton.LeftButton)
    driver.until(lambda: not panel.indexing.is_busy())
    assert JANE not in titles(panel) or driver.window.worklist.count() < 121


def test_scans_are_listed_while_the_rest_of_a_folder_is_read(open_window, folder: Path, monkeypatch):
    for number in range(30):
        shutil.copytree(folder, folder.parent / "many" / f"{number:02}")
    # As on a slow disk: every folder takes long enough to be shown.
    monkeypatch.setattr(indexing, "_BATCH_SECONDS", 0)
    driver = open_window()
    window = driver.window
    panel, seen = window.worklist_panel, []
    window.worklist.changed.connect(lambda: seen.append((window.worklist.count(), panel.indexing.is_busy())))
    drop(driver, folder.parent / "many")
    driver.until(lambda: not panel.indexing.is_busy())
    assert len({count for count, busy in seen if busy}) > 3, seen
    assert panel.tree.isVisible()


def test_cancelling_keeps_what_was_found_and_says_so(open_window, folder: Path, monkeypatch):
    for number in range(60):
        shutil.copytree(folder, folder.parent / "many" / f"{number:02}")
    monkeypatch.setattr(indexing, "_BATCH_SECONDS", 0)
    driver = open_window()
    window, panel = driver.window, driver.window.worklist_panel
    before = window.worklist.count()
    drop(driver, folder.parent / "many")
    driver.until(lambda: window.worklist.count() > before)
    QTest.mouseClick(panel.indexing.stop, Qt.MouseButton.LeftButton)
    driver.until(lambda: not panel.indexing.is_busy())
    window.worklist.refresh()
    assert before < window.worklist.count() < before + 180
    assert "Stopped" in panel.indexing.result.text()
    QTest.mouseClick(panel.indexing.close_result, Qt.MouseButton.LeftButton)
    assert not panel.indexing.isVisible()


def test_every_control_is_reached_by_tab_and_escape_goes_back(dropped):
    window = dropped.window
    panel = window.worklist_panel
    filters = panel.filter
    filters.date.setCurrentIndex(filters.date.count() - 1)
    filters.date_from.setDate(QDate(2020, 1, 1))
    panel.focus_search()
    reached = []
    # A day has three parts, and Tab goes through them.
    for _ in range(18):
        reached.append(QApplication.focusWidget())
        QTest.keyClick(QApplication.focusWidget(), Qt.Key.Key_Tab)
    controls = [filters.search, filters.eye, filters.modality, filters.status, filters.date]
    controls += [filters.date_from, filters.date_to, panel._clear, panel.tree, panel.indexing.close_result, panel._add]
    assert [one for one in dict.fromkeys(reached) if one in controls] == controls
    for one in controls:
        one.setFocus()
        QTest.keyClick(one, Qt.Key.Key_Escape)
        assert window.view.hasFocus(), one


def test_the_clear_button_leaves_the_keys_in_the_search(dropped):
    panel = dropped.window.worklist_panel
    search(dropped, "zzz", hits=0)
    panel._clear.setFocus()
    QTest.keyClick(panel._clear, Qt.Key.Key_Space)
    assert panel.filter.search.hasFocus()
    assert JANE in titles(panel)
    button = panel.filter.search.findChild(QToolButton)
    dropped.until(lambda: not button.isVisible() or button.property("opacity") in (None, 0.0))
    assert not panel.filter._typing.isActive()


def test_the_menu_of_a_patient_marks_all_scans_and_one_undo_takes_it_back(dropped):
    window = dropped.window
    panel = window.worklist_panel
    at = place(panel, JANE)
    found = window.worklist.tree.scans_below(at, 10)
    assert [scan.title_en for scan in found] == ["Chest plain", "Knee T1"]
    next(a for a in panel.group_menu(at).actions() if a.text() == "Mark for review").trigger()
    assert {window.worklist.scan(scan.id).status for scan in found} == {ScanStatus.NEEDS_REVIEW}
    window.regions.undo_stack.undo()
    assert {window.worklist.scan(scan.id).status for scan in found} == {ScanStatus.NEW}
    next(a for a in panel.group_menu(place(panel, JANE)).actions() if "Remove" in a.text()).trigger()
    assert JANE not in titles(panel)
    window.regions.undo_stack.undo()
    assert JANE in titles(panel)


def test_a_scan_whose_files_are_gone_cannot_be_opened_from_its_menu(dropped, folder: Path):
    window = dropped.window
    panel = window.worklist_panel
    shutil.rmtree(folder)
    folder.mkdir()
    drop(dropped, folder)
    dropped.until(lambda: not panel.indexing.is_busy())
    unfold(panel, JANE)
    at = place(panel, "Chest plain")
    assert at.data(Role.MISSING)
    enabled = {a.text(): a.isEnabled() for a in panel.menu(at.data(Role.SCAN), at).actions()}
    assert not enabled["Open"]
    assert enabled["Remove from the list"]


def test_a_recent_scan_says_whose_it_is(dropped):
    window = dropped.window
    panel = window.worklist_panel
    unfold(panel, JANE)
    click(panel, "Chest plain")
    dropped.until(lambda: window.viewing.item.series_uid == "1.1")
    window.worklist.refresh()
    group = panel.tree.model().index(0, 0)
    assert group.data(Role.KIND) == NodeKind.RECENT
    assert panel.tree.model().index(0, 0, group).data(Role.SUBTITLE).endswith(JANE)
    window.worklist.set_names_hidden(True)
    first = panel.tree.model().index(0, 0, panel.tree.model().index(0, 0))
    assert "Patient" in first.data(Role.SUBTITLE)
    assert JANE not in first.data(Role.SUBTITLE)


def test_days_in_the_wrong_order_are_meant_the_other_way_round(dropped):
    filters = dropped.window.worklist_panel.filter
    filters.date.setCurrentIndex(filters.date.count() - 1)
    filters.date_from.setDate(QDate(2024, 12, 31))
    filters.date_to.setDate(QDate(2024, 1, 1))
    assert dropped.window.worklist.count() == 2


@pytest.mark.parametrize("language", ["en", "zh_CN"])
def test_no_choice_and_no_day_is_cut_off_in_the_narrowest_panel(dropped, language: str, request):
    window = dropped.window
    # Translators hang on the application, which later tests share.
    request.addfinalizer(lambda: window.set_interface_language("en"))
    window.set_interface_language(language)
    panel = window.worklist_panel
    side = window.desk.side
    window.centralWidget().setSizes([side.minimumWidth(), 700, 220])
    filters = panel.filter
    filters.date.setCurrentIndex(filters.date.count() - 1)
    QTest.qWait(10)
    assert side.width() == side.minimumWidth()
    for combo in (filters.modality, filters.status, filters.date):
        option = QStyleOptionComboBox()
        combo.initStyleOption(option)
        part = QStyle.SubControl.SC_ComboBoxEditField
        room = combo.style().subControlRect(QStyle.ComplexControl.CC_ComboBox, option, part, combo).width() - 2
        texts = [combo.accessibleName(), *(combo.itemText(i) for i in range(1, combo.count()))]
        wide = [text for text in texts if text_width(combo, text) > room]
        assert not wide, (room, wide)
    for day in (filters.date_from, filters.date_to):
        assert text_width(day, day.text()) <= day.lineEdit().width()


def text_width(widget: QWidget, text: str) -> int:
    return widget.fontMetrics().horizontalAdvance(text)


def test_the_calendar_speaks_the_language_of_the_interface(dropped, request):
    request.addfinalizer(lambda: dropped.window.set_interface_language("en"))
    filters = dropped.window.worklist_panel.filter
    calendar = filters.date_from.calendarWidget()
    dropped.window.set_interface_language("zh_CN")
    dropped.until(lambda: calendar.locale().language() == QLocale.Language.Chinese)
    dropped.window.set_interface_language("en")
    dropped.until(lambda: calendar.locale().language() == QLocale.Language.English)


def test_a_filter_that_is_on_is_marked_and_the_count_says_of_how_many(dropped):
    panel = dropped.window.worklist_panel
    combo: QComboBox = panel.filter.modality
    combo.setCurrentIndex(combo.findData("MR"))
    assert combo.property("active") is True
    assert panel._title.text() == "Worklist · 2 of 4"
    panel.filter.clear()
    assert combo.property("active") is False
    assert panel._title.text() == "Worklist · 4"
