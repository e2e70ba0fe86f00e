"""Keys, tool bar and wheel of the window, pictures to pass on, its colours."""

from __future__ import annotations

import html
import re
from collections import Counter

import pydicom
import pytest
from pydicom.uid import generate_uid
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QAction, QFont, QFontMetrics, QGuiApplication, QImage, QPainter, QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QApplication,
    QComboBox,
    QDialogButtonBox,
    QFileDialog,
    QLabel,
    QLineEdit,
    QMenu,
    QScrollArea,
    QStyle,
    QStyleOptionComboBox,
)

from desktop.model.layout import Layout, Pane
from desktop.model.tools import Tool
from desktop.panels.key_sheet import KeySheet
from desktop.viewer.overlay import OverlayText, _arranged
from desktop.viewer.snapshot import snapshot
from engine.regions import Box
from engine.scans import Plane, Window
from tests.desktop.viewing import ALT, CTRL, add, click, drag, open_file, open_prior, visible_panes

# Pictures, keys, themes


def test_a_picture_to_pass_on_says_what_it_is_not_for(driver, tmp_path):
    window = driver.window
    driver.key(Qt.Key.Key_T)
    picture = snapshot(window.view, "Not for diagnostic use")
    assert picture.height() > window.view.viewport().height() * picture.devicePixelRatio()
    line = picture.copy(0, picture.height() - 24, picture.width(), 24)
    amber = [
        line.pixelColor(x, y)
        for x in range(line.width())
        for y in range(line.height())
        if line.pixelColor(x, y).red() > 180
    ]
    assert len(amber) > 100
    window.viewer_actions.copy_wanted.emit()
    copied = QGuiApplication.clipboard().image()
    assert copied.convertToFormat(QImage.Format.Format_RGB32).size() == picture.size()


def test_the_key_sheet_names_every_action(driver):
    driver.type("?")
    sheet = next(child for child in driver.window.findChildren(QLabel) if "Ctrl+Shift+C" in child.text())
    texts = "".join(label.text() for label in sheet.parent().findChildren(QLabel))
    for action in driver.window.viewer_actions.by_id.values():
        assert action.shortcut().toString().replace("<", "&lt;") in texts
    assert "draw a box" in texts


def test_every_shortcut_of_the_window_is_on_the_key_sheet(driver):
    driver.type("?")
    sheet = driver.window.findChild(KeySheet)
    cells = "".join(label.text() for label in sheet.findChildren(QLabel))
    listed = {
        one.strip()
        for cell in re.findall(r"<b>(.*?)</b>", cells)
        for one in html.unescape(cell).replace(" or ", ", ").split(", ")
    }
    keys = {key.toString() for action in driver.window.findChildren(QAction) for key in action.shortcuts()}
    # Qt abbreviates what stands on the key.
    wanted = {"Delete" if key == "Del" else key for key in keys if key}
    assert not wanted - listed
    # What the views understand without an action.
    assert {"PgUp", "PgDown", "Home", "End", "Tab", "Esc", "F7", "?", "N", "P", "F", "L", "1 … 9"} <= listed


@pytest.mark.parametrize("language", ["en", "zh_CN"])
def test_the_key_sheet_is_never_scrolled_sideways(driver, language: str, request):
    request.addfinalizer(lambda: driver.window.set_interface_language("en"))
    driver.window.set_interface_language(language)
    driver.window.resize(1024, 700)
    QTest.keyClick(driver.window.view, Qt.Key.Key_F1)
    sheet = driver.window.findChild(KeySheet)
    driver.until(sheet.isVisible)
    bar = sheet.findChild(QScrollArea).horizontalScrollBar()
    assert bar.maximum() == 0


def test_the_window_is_changed_by_keys(driver):
    before = driver.window.viewing.window
    for key, change in (
        (Qt.Key.Key_Left, (0, -0.1)),
        (Qt.Key.Key_Right, (0, 0.1)),
        (Qt.Key.Key_PageUp, (-0.1, 0)),
        (Qt.Key.Key_PageDown, (0.1, 0)),
    ):
        driver.window.viewing.set_window(before)
        driver.key(key, ALT)
        now = driver.window.viewing.window
        assert now.center - before.center == pytest.approx(change[0] * before.width)
        assert now.width - before.width == pytest.approx(change[1] * before.width)


def test_the_scan_beside_is_chosen_by_keys(driver, pydicom_files):
    window = driver.window
    phantom = window.viewing.item
    # What was opened lately may be compared with.
    open_file(driver, pydicom_files / "CT_small.dcm")
    window.open_item(phantom)
    driver.until(lambda: window.viewing.item.path == phantom.path and window.viewing.current.is_complete)
    driver.key(Qt.Key.Key_C, ALT)
    assert visible_panes(driver) == [Pane.AXIAL, Pane.PRIOR]
    menu = QApplication.activePopupWidget()
    assert isinstance(menu, QMenu)
    wanted = next(row for row in window.worklist.rows_beside(window.viewing.item) if "CT_small" in row.path)
    title = window.worklist.title_of(wanted)
    for _ in menu.actions():
        if menu.activeAction().text() == title:
            break
        QTest.keyClick(menu, Qt.Key.Key_Down)
    QTest.keyClick(menu, Qt.Key.Key_Return)
    driver.until(lambda: window.viewing.prior.scan is not None)
    assert window.viewing.prior.scan.item.path == wanted.path


@pytest.mark.parametrize("size", [(1024, 700), (1280, 800), (1600, 1000)])
@pytest.mark.parametrize("language", ["en", "zh_CN"])
def test_every_button_of_the_tool_bar_is_in_sight(driver, size, language: str, request):
    request.addfinalizer(lambda: driver.window.set_interface_language("en"))
    driver.window.set_interface_language(language)
    driver.window.resize(*size)
    QTest.qWait(20)
    assert driver.window.size().toTuple() == size
    bar = driver.window.viewer_bar
    for action in bar.actions():
        widget = bar.widgetForAction(action)
        assert widget.isVisible(), action.text()
        assert bar.rect().contains(widget.geometry()), action.text()
    combo = bar.findChild(QComboBox)
    widest = max(combo.fontMetrics().horizontalAdvance(combo.itemText(n)) for n in range(combo.count()))
    option = QStyleOptionComboBox()
    combo.initStyleOption(option)
    part = QStyle.SubControl.SC_ComboBoxEditField
    assert widest <= combo.style().subControlRect(QStyle.ComplexControl.CC_ComboBox, option, part, combo).width()


def test_texts_over_a_narrow_picture_do_not_lie_on_each_other(driver):
    metrics = QFontMetrics(QFont())
    text = OverlayText(top_left="CT  Slice 257 / 512", top_right="W 300  C 40", letters=("R", "L", "A", "P"))
    assert _arranged(text, 600, metrics) == text
    narrow = _arranged(text, 150, metrics)
    assert narrow.top_right == ""
    assert narrow.top_left.splitlines() == ["CT  Slice 257 / 512", "W 300  C 40"]


def test_no_key_is_taken_twice(driver):
    keys = [action.shortcut().toString() for action in driver.window.viewer_actions.by_id.values()]
    keys = [key for key in keys if key]
    others = ["N", "P", "F", "L", "Tab", "Esc", "Home", "End", "?", "F1", "F2", "Ctrl+Z", "Ctrl+Shift+Z", "Ctrl+O"]
    assert len(set(keys + others)) == len(keys) + len(others)
    every = [key.toString() for action in driver.window.findChildren(QAction) for key in action.shortcuts()]
    assert not [key for key, times in Counter(filter(None, every)).items() if times > 1]


def test_letters_still_name_a_region_instead_of_taking_tools(driver):
    driver.draw_and_wait(Box(30, 40, 60, 70))
    driver.type("e")
    assert driver.window.models.tools.tool is Tool.BOX
    assert driver.window.card.typing


def test_light_colours_are_applied_and_remembered(driver, open_window):
    window = driver.window
    window.menus.themes.choose("light")
    try:
        assert window.palette().window().color().lightness() > 200
        assert window._store.setting("theme") == "light"
        corner = window.view.grab().toImage().pixelColor(3, 3)
        assert corner.lightness() < 60, "slices stay on black"
    finally:
        window.menus.themes.choose("dark")


def test_thousands_of_regions_are_one_item_and_can_still_be_chosen(driver):
    from desktop.bench_viewer import _row

    window = driver.window
    window.regions.rows = [_row(n, float(n % 100), float(n // 100)) for n in range(1, 1001)]
    window.view.show_regions()
    assert len(window.view.scene().items()) < 10
    click(window.view, 50, 5)
    assert window.regions.selected_root is not None
    assert window.view.region_rect(window.regions.selected_root) is not None


def save_as(driver, name: str) -> None:
    """Through the dialog, by typing a name into it."""
    driver.key(Qt.Key.Key_S, CTRL | Qt.KeyboardModifier.ShiftModifier)
    (dialog,) = [one for one in driver.window.findChildren(QFileDialog) if one.isVisible()]
    line = dialog.findChild(QLineEdit)
    line.setText(name)
    save = dialog.findChild(QDialogButtonBox).button(QDialogButtonBox.StandardButton.Save)
    QTest.mouseClick(save, Qt.MouseButton.LeftButton)
    driver.until(lambda: not [one for one in driver.window.findChildren(QFileDialog) if one.isVisible()])


def test_a_saved_picture_is_the_one_that_was_seen(driver, tmp_path):
    seen = snapshot(driver.window.view, "Not for diagnostic use")
    save_as(driver, str(tmp_path / "liver"))
    saved = QImage(str(tmp_path / "liver.png")).convertToFormat(seen.format())
    assert saved == seen, "also the suffix is there, which nobody typed"
    assert str(tmp_path / "liver.png") in driver.window.statusBar().currentMessage()
    assert [path.name for path in tmp_path.glob("liver*")] == ["liver.png"]


def test_a_picture_that_cannot_be_written_is_said_until_it_is_read(driver, tmp_path):
    taken = tmp_path / "folder.png"
    taker = driver.window._pictures
    taken.mkdir()
    taker._write(taker._picture(), taken / "no" / "a.png")
    assert "a.png cannot be written" in driver.window.notice_bar.text


# Hands and keys


def wheel(view, units: int) -> None:
    place = QPointF(view.viewport().rect().center())
    nothing, none = QPoint(), Qt.MouseButton.NoButton
    turn = QPoint(0, units)
    phase, plain = Qt.ScrollPhase.NoScrollPhase, Qt.KeyboardModifier.NoModifier
    event = QWheelEvent(place, view.mapToGlobal(place), nothing, turn, none, plain, phase, False)
    QApplication.sendEvent(view.viewport(), event)


def test_a_touchpad_and_a_fast_wheel_turn_as_far_as_the_hand(driver):
    viewing, view = driver.window.viewing, driver.window.view
    viewing.go_to(2)
    for _ in range(10):
        wheel(view, -12)
    assert viewing.index == 3
    wheel(view, -360)
    assert viewing.index == 6
    wheel(view, 120)
    assert viewing.index == 5


def test_a_film_is_played_as_fast_as_it_was_taken(driver, pydicom_files, tmp_path):
    dataset = pydicom.dcmread(pydicom_files / "examples_ybr_color.dcm")
    dataset.FrameTime = "33.3"
    dataset.save_as(tmp_path / "film.dcm")
    open_file(driver, tmp_path / "film.dcm")
    assert driver.window.models.cine.frames_per_second == 30


def test_the_keys_go_to_the_view_of_the_scan_that_was_opened(driver, shared_data):
    phantom = driver.window.viewing.item
    open_file(driver, shared_data / "dicom" / "series_mr_sagittal_t1")
    assert driver.window.view.state.plane is Plane.SAGITTAL
    assert driver.window.focusWidget() is driver.window.view
    driver.window.open_item(phantom)
    driver.until(lambda: driver.window.viewing.volume.modality == "CT")
    assert driver.window.view.state.plane is Plane.AXIAL
    assert driver.window.focusWidget() is driver.window.view


def test_escape_leaves_the_field_for_names(driver):
    driver.key(Qt.Key.Key_F)
    assert driver.window.focusWidget() is not driver.window.view
    driver.key(Qt.Key.Key_Escape)
    assert driver.window.focusWidget() is driver.window.view


def test_hidden_names_are_hidden_beside_too(driver, pydicom_files, tmp_path):
    secret = tmp_path / "MuellerHans.dcm"
    dataset = pydicom.dcmread(pydicom_files / "MR_small.dcm")
    dataset.SeriesDescription = ""
    dataset.save_as(secret)
    window = driver.window
    window.models.layout.choose(Layout.PAIR)
    open_prior(driver, secret)
    label = window.grid._panes[Pane.PRIOR]._title.label
    assert "MuellerHans" in label.text()
    window.worklist.set_names_hidden(True)
    assert "MuellerHans" not in label.text()
    menu = QMenu()
    window._fill_compare_menu(menu)
    assert not [action.text() for action in menu.actions() if "Mueller" in action.text()]


def test_a_picture_to_pass_on_names_nobody_while_names_are_hidden(driver, tmp_path, pydicom_files, monkeypatch):
    """Neither in its title nor in what is said of its files; on the clipboard and in a file alike."""
    folder = tmp_path / "MuellerHans"
    folder.mkdir()
    base = pydicom.dcmread(pydicom_files / "CT_small.dcm")
    series = generate_uid()
    for number in (0, 1, 3, 4):
        base.PatientName, base.PatientID, base.SeriesDescription = "Mueller^Hans", "MuellerID", ""
        base.SeriesInstanceUID, base.SOPInstanceUID = series, generate_uid()
        base.file_meta.MediaStorageSOPInstanceUID = base.SOPInstanceUID
        base.ImagePositionPatient, base.InstanceNumber = [0, 0, 5.0 * number], number
        base.save_as(folder / f"Mueller{number}.dcm")
    window = driver.window
    open_file(driver, folder)
    window.models.layout.choose(Layout.PAIR)
    open_prior(driver, pydicom_files / "MR_small.dcm")
    window.view.setFocus()
    said: list[str] = []
    draw_text = QPainter.drawText

    def listen(painter, *args):
        said.extend(str(one) for one in args if isinstance(one, str))
        return draw_text(painter, *args)

    monkeypatch.setattr(QPainter, "drawText", listen)
    for pane in (Pane.AXIAL, Pane.PRIOR):
        snapshot(window.grid._panes[pane].view, "x")
    assert any("Mueller1.dcm" in text for text in said), "what is missing is told by the file before it"
    window.worklist.set_names_hidden(True)
    said.clear()
    for pane in (Pane.AXIAL, Pane.PRIOR):
        snapshot(window.grid._panes[pane].view, "x")
    assert any("slices are missing" in text for text in said)
    assert not [text for text in said if "Mueller" in text]
    driver.key(Qt.Key.Key_S, CTRL | Qt.KeyboardModifier.ShiftModifier)
    (dialog,) = window.findChildren(QFileDialog)
    assert not [name for name in dialog.selectedFiles() if "Mueller" in name]
    dialog.reject()


def test_a_space_that_is_released_elsewhere_does_not_stick(driver):
    QTest.keyPress(driver.window.view, Qt.Key.Key_Space)
    driver.window.regions_panel.focus_find()
    driver.window.view.setFocus()
    before = driver.window.view.state.center
    drag(driver.window.view, (40, 40), (60, 60))
    assert driver.window.view.state.center == before
    assert len(driver.window.regions.rows) == 1


def test_why_one_scan_was_not_opened_is_not_said_of_the_next(driver, tmp_path, pydicom_files):
    window = driver.window
    shown = window.viewing.item
    gone = tmp_path / "gone.dcm"
    gone.write_bytes((pydicom_files / "MR_small.dcm").read_bytes())
    row = add(driver, gone)
    gone.unlink()
    window.open_item(row)
    driver.until(window.notice_bar.isVisible)
    before = window.viewing.current
    window.open_item(shown)
    driver.until(lambda: window.viewing.current is not before)
    assert not window.notice_bar.isVisible()


def test_what_was_examined_and_which_side_of_it_stand_on_the_slice(driver, pydicom_files, tmp_path):
    dataset = pydicom.dcmread(pydicom_files / "CT_small.dcm")
    dataset.BodyPartExamined, dataset.ImageLaterality = "KNEE", "L"
    dataset.save_as(tmp_path / "knee.dcm")
    open_file(driver, tmp_path / "knee.dcm")
    assert driver.window.view._overlay().top_left == "CT KNEE left"


def test_whether_the_scan_beside_scrolls_along_stands_on_its_slice(driver, pydicom_files):
    window = driver.window
    window.models.layout.choose(Layout.PAIR)
    open_prior(driver, pydicom_files / "MR_small.dcm")
    pane = window.grid._widget(Pane.PRIOR)
    assert pane.view._overlay().top_right.endswith("linked by distance")
    assert "linked" not in window.view._overlay().top_right
    driver.key(Qt.Key.Key_S)
    assert pane.view._overlay().top_right.endswith("not linked")


def test_a_title_that_is_too_long_is_whole_in_its_tool_tip(driver, pydicom_files):
    window = driver.window
    window.models.layout.choose(Layout.PAIR)
    open_prior(driver, pydicom_files / "MR_small.dcm")
    label = window.grid._widget(Pane.PRIOR)._title.label
    title = window.worklist.title_of(window.viewing.prior.scan.item)
    assert label.toolTip() == label.text() == f"Axial · {title}"


def test_a_window_that_was_set_by_hand_is_written_as_on_the_slice(driver):
    window = driver.window
    window.viewing.set_window(Window(205.82500000000073, 411.65000000000146))
    assert window.viewer_bar.findChild(QComboBox).placeholderText() == "W 411.7  C 205.8"
    assert window.view._overlay().top_right == "W 411.7  C 205.8"
