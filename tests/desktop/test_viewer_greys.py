"""What a view shows: windows and grey values, and what the file says about how it is shown."""

from __future__ import annotations

import re
import string
from pathlib import Path

import numpy as np
import pydicom
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QComboBox

from desktop.viewer.note_text import NoteTexts
from desktop.viewer.window_text import window_text
from engine.scans import NoteKind, Window, read_overlays
from engine.scans.notes import TEMPLATES, note
from tests.desktop.viewing import CTRL, open_file

# Grey values


def test_windows_have_keys_and_a_list_and_change_the_pixels(driver):
    window = driver.window
    before = window.view.grab().toImage()
    driver.key(Qt.Key.Key_2, CTRL)
    assert (window.viewing.window.center, window.viewing.window.width) == (-600, 1500)
    assert window.viewer_bar.findChild(QComboBox).currentText() == "Lung"
    assert window.view.grab().toImage() != before
    driver.key(Qt.Key.Key_W, Qt.KeyboardModifier.ShiftModifier)
    fitted = window.viewing.window
    assert window.viewer_bar.findChild(QComboBox).currentText() == "Fitted to slice"
    driver.key(Qt.Key.Key_W)
    assert window.viewing.window != fitted
    assert window.viewing.window.width == 400


@pytest.mark.parametrize(
    ("window", "text"),
    [
        (Window(-600, 1500), "W 1500  C -600"),
        (Window(2048.5, 65535), "W 65535  C 2048"),
        (Window(0.0125, 0.5), "W 0.5  C 0.0125"),
    ],
)
def test_a_windows_numbers_say_which_is_which_and_are_written_out(qapp, window, text):
    assert window_text(window) == text


def test_no_window_is_listed_by_bare_numbers(driver, pydicom_files, tmp_path):
    dataset = pydicom.dcmread(pydicom_files / "CT_small.dcm")
    dataset.WindowCenter, dataset.WindowWidth = [40, 300, 50], [400, 1500, 80]
    dataset.save_as(tmp_path / "windows.dcm")
    open_file(driver, tmp_path / "windows.dcm")
    window = driver.window
    choices = window.viewer_bar.findChild(QComboBox)
    listed = [choices.itemText(number) for number in range(choices.count())]
    assert {"W 1500  C 300", "W 80  C 50"} <= set(listed)
    assert not [text for text in listed if re.fullmatch(r"[-\d. /]+", text)]
    window.viewing.set_window(Window(7, 123))
    assert (choices.currentIndex(), choices.placeholderText()) == (-1, "W 123  C 7")


def test_inverting_is_for_the_eye_only(driver):
    window = driver.window
    plain, asked = window.view.state.picture(), window.viewing.image_ref()
    driver.key(Qt.Key.Key_I)
    assert (window.view.state.picture() == 255 - plain).all()
    assert window.viewing.image_ref() == asked
    driver.key(Qt.Key.Key_I)
    assert (window.view.state.picture() == plain).all()


def test_smoothing_can_be_switched_off(driver):
    window = driver.window
    for _ in range(8):
        driver.key(Qt.Key.Key_Plus)
    smooth = window.view.grab().toImage()
    driver.key(Qt.Key.Key_J)
    assert window.view.grab().toImage() != smooth


def test_one_image_pixel_is_one_screen_pixel(driver):
    driver.key(Qt.Key.Key_Z)
    view = driver.window.view
    assert view.transform().m11() * view.devicePixelRatioF() == pytest.approx(1, abs=1e-6)
    driver.key(Qt.Key.Key_0)
    assert view.state.fitted


def test_the_value_and_the_place_under_the_mouse_are_written(driver):
    from desktop.viewer.readout import cursor_text

    state = driver.window.view.state
    view = driver.window.view
    QTest.mouseMove(view.viewport(), view.mapFromScene(64, 50))
    first, second = cursor_text(state, view._cursor)
    x, y = round(view._cursor.x()), round(view._cursor.y())
    assert first.startswith(f"{state.volume.voxels[state.index, y, x]} HU")
    assert second.endswith("mm")


def test_cine_runs_and_stops(driver):
    window = driver.window
    for _ in range(6):
        driver.key(Qt.Key.Key_BracketRight)
    before = window.viewing.index
    driver.key(Qt.Key.Key_K)
    assert window.models.cine.playing
    driver.until(lambda: window.viewing.index != before)
    driver.key(Qt.Key.Key_K)
    assert not window.models.cine.playing


# What the file says about how it is shown


@pytest.fixture
def ct_with_windows(pydicom_files, tmp_path) -> Path:
    dataset = pydicom.dcmread(pydicom_files / "CT_small.dcm")
    dataset.WindowCenter, dataset.WindowWidth = [40, -600], [400, 1500]
    dataset.WindowCenterWidthExplanation = ["WINDOW1", "LUNGS"]
    dataset.save_as(tmp_path / "windows.dcm")
    return tmp_path / "windows.dcm"


def test_the_windows_that_the_file_offers_can_be_chosen(driver, ct_with_windows):
    open_file(driver, ct_with_windows)
    window = driver.window
    assert window.viewing.window == Window(40, 400)
    box = window.viewer_bar.findChild(QComboBox)
    names = [box.itemText(number) for number in range(box.count())]
    assert names.index("LUNGS") == 2
    box.setCurrentIndex(2)
    box.activated.emit(2)
    assert window.viewing.window == Window(-600, 1500)
    assert box.currentText() == "LUNGS"
    driver.key(Qt.Key.Key_W)
    assert window.viewing.window == Window(40, 400)
    assert box.currentIndex() == 0


def test_overlays_of_the_file_are_drawn_and_can_be_hidden(driver, pydicom_files):
    open_file(driver, pydicom_files / "examples_overlay.dcm")
    window = driver.window
    planes = window.view._planes
    driver.until(lambda: not planes.pixmap().isNull())
    assert planes.boundingRect() == window.view._picture.boundingRect()
    mask = read_overlays(window.viewing.volume, window.viewing.index)[0].mask
    image = planes.pixmap().toImage()
    y, x = np.argwhere(mask)[0]
    assert image.pixelColor(int(x), int(y)).alpha() > 100
    y, x = np.argwhere(~np.any([o.mask for o in read_overlays(window.viewing.volume, 0)], axis=0))[0]
    assert image.pixelColor(int(x), int(y)).alpha() == 0
    assert window.viewer_actions.by_id["overlays"].isEnabled()
    driver.key(Qt.Key.Key_O)
    assert planes.pixmap().isNull()
    driver.key(Qt.Key.Key_O)
    assert not planes.pixmap().isNull()


def test_what_is_wrong_with_a_series_is_written_over_it_in_both_languages(driver, phantom_series, tmp_path):
    files = sorted((phantom_series / "dicom").glob("*.dcm"))
    folder = tmp_path / "gap"
    folder.mkdir()
    for number, file in enumerate(files):
        if number != 3:
            (folder / file.name).write_bytes(file.read_bytes())
    open_file(driver, folder)
    (note,) = driver.window.view._notes()
    assert "1 slices are missing" in note
    driver.window.set_interface_language("zh_CN")
    try:
        (note,) = driver.window.view._notes()
        assert "缺" in note
        assert "missing" not in note
    finally:
        driver.window.set_interface_language("en")


@pytest.mark.parametrize("kind", list(NoteKind))
def test_every_note_has_a_sentence_with_all_of_its_values(qapp, kind):
    names = {name for _, name, _, _ in string.Formatter().parse(TEMPLATES[kind]) if name}
    values = {name: f"<{name}>" for name in names}
    text = NoteTexts().text(note(kind, **values))
    assert all(value in text for value in values.values())
