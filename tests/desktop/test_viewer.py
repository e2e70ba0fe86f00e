"""The views, used with mouse and keys: layouts, crosshair, windows, measurements, pictures."""

from __future__ import annotations

import html
import re
import string
from collections import Counter
from pathlib import Path

import numpy as np
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
    QSlider,
    QStyle,
    QStyleOptionComboBox,
    QStyleOptionSlider,
)

from desktop.model.layout import Layout, Pane, arrangement
from desktop.model.tools import Tool
from desktop.panels.key_sheet import KeySheet
from desktop.screenshot import draw_box
from desktop.viewer.note_text import NoteTexts
from desktop.viewer.overlay import OverlayText, _arranged
from desktop.viewer.snapshot import snapshot
from desktop.viewer.window_text import window_text
from engine.regions import Box
from engine.scans import NoteKind, Plane, Window, read_overlays
from engine.scans.notes import TEMPLATES, note
from engine.scans.positions import pixel_to_patient
from engine.store import RegionState, WorklistRow

ALT = Qt.KeyboardModifier.AltModifier
CTRL = Qt.KeyboardModifier.ControlModifier
PLANES = (Pane.AXIAL, Pane.CORONAL, Pane.SAGITTAL)


@pytest.fixture
def driver(open_window):
    return open_window()


@pytest.fixture
def planes(driver):
    driver.window.models.layout.choose(Layout.PLANES)
    return driver


def drag(view, start: tuple[float, float], end: tuple[float, float], modifiers=Qt.KeyboardModifier.NoModifier) -> None:
    """From pixel to pixel of the view's slice with the left button."""
    port, left = view.viewport(), Qt.MouseButton.LeftButton
    first, last = view.mapFromScene(*start), view.mapFromScene(*end)
    QTest.mousePress(port, left, modifiers, first)
    for step in (1, 2, 3):
        QTest.mouseMove(port, first + (last - first) * (step / 3))
    QTest.mouseRelease(port, left, modifiers, last)


def click(view, x: float, y: float) -> None:
    at = view.mapFromScene(x, y)
    QTest.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, QPoint(at))


def add(driver, path: Path) -> WorklistRow:
    """Put a file on the list of scans."""
    browser = driver.window.worklist
    added: list[int] = []
    browser.added.connect(added.extend)
    browser.add_paths([path])
    driver.until(lambda: bool(added))
    browser.added.disconnect(added.extend)
    return browser.row_of(added[0])


def open_file(driver, path: Path) -> None:
    window, path = driver.window, path.resolve()
    before = window.viewing.current
    window.open_item(add(driver, path))
    driver.until(lambda: window.viewing.current is not before and window.viewing.current.is_complete)


def open_prior(driver, path: Path) -> None:
    window, path = driver.window, path.resolve()
    window.viewing.open_prior(add(driver, path))
    driver.until(lambda: window.viewing.prior.scan is not None and window.viewing.prior.scan.is_complete)


def visible_panes(driver) -> list[Pane]:
    grid = driver.window.grid
    return [pane for pane in Pane if grid._widget(pane).isVisible()]


# Layouts


def test_the_layouts_show_their_views(driver):
    assert visible_panes(driver) == [Pane.AXIAL]
    driver.key(Qt.Key.Key_3, ALT)
    assert visible_panes(driver) == [*PLANES, Pane.VOLUME]
    driver.key(Qt.Key.Key_2, ALT)
    assert visible_panes(driver) == [Pane.AXIAL, Pane.PRIOR]
    driver.key(Qt.Key.Key_1, ALT)
    assert visible_panes(driver) == [Pane.AXIAL]


def test_one_view_fills_the_window_and_gives_it_back(planes):
    planes.key(Qt.Key.Key_M)
    assert visible_panes(planes) == [Pane.AXIAL]
    planes.key(Qt.Key.Key_M)
    assert visible_panes(planes) == [*PLANES, Pane.VOLUME]
    title = planes.window.grid._panes[Pane.CORONAL]._title
    QTest.mouseDClick(title, Qt.MouseButton.LeftButton)
    assert visible_panes(planes) == [Pane.CORONAL]


@pytest.mark.parametrize("maximized", [None, *Pane])
@pytest.mark.parametrize("own", PLANES)
@pytest.mark.parametrize("layout", list(Layout))
def test_every_arrangement_shows_a_view_and_none_twice(layout, own, maximized):
    panes = [pane for row in arrangement(layout, own, maximized) for pane in row]
    assert panes
    assert len(panes) == len(set(panes))


def test_another_plane_takes_the_place_of_the_one_view(driver):
    driver.key(Qt.Key.Key_5, ALT)
    assert visible_panes(driver) == [Pane.CORONAL]
    assert driver.window.viewing.plane is Plane.CORONAL


def test_a_flat_picture_has_one_view_even_where_planes_are_wanted(planes, pydicom_files):
    open_file(planes, pydicom_files / "examples_rgb_color.dcm")
    assert len(visible_panes(planes)) == 1
    assert not planes.window.viewer_actions.by_id["planes"].isEnabled()
    assert planes.window.view.state.picture().ndim == 3


def test_the_layout_is_remembered_for_each_modality(driver, pydicom_files):
    phantom = driver.window.viewing.item
    driver.key(Qt.Key.Key_3, ALT)
    open_file(driver, pydicom_files / "MR_small.dcm")
    assert driver.window.models.layout.layout is Layout.SINGLE
    driver.window.open_item(phantom)
    driver.until(lambda: driver.window.viewing.volume.modality == "CT")
    assert driver.window.models.layout.layout is Layout.PLANES


def test_what_was_on_screen_comes_back_in_its_plane(driver, open_window):
    driver.key(Qt.Key.Key_6, ALT)
    driver.window.viewing.go_to(33)
    driver.window.close()
    again = open_window()
    assert (again.window.viewing.plane, again.window.viewing.index) == (Plane.SAGITTAL, 33)


# The active view


def test_keys_and_tools_go_to_the_view_that_was_clicked(planes):
    window = planes.window
    coronal = window.grid.view_of(Pane.CORONAL)
    click(coronal, 40, 5)
    assert window.view is coronal
    before = [state.index for state in window.viewing.states.values()]
    QTest.keyClick(coronal, Qt.Key.Key_Down)
    after = [state.index for state in window.viewing.states.values()]
    assert [b - a for a, b in zip(before, after, strict=True)] == [0, 1, 0]


def test_a_box_in_the_coronal_view_is_asked_about_and_kept_in_that_plane(planes, open_window):
    window = planes.window
    click(window.grid.view_of(Pane.CORONAL), 2, 2)
    index = window.viewing.index
    height, width = window.view.state.shape
    draw_box(window, Box(width * 0.3, height * 0.2, width * 0.6, height * 0.8))
    root = window.regions.selected_root
    planes.until(lambda: window.regions.suggestion(root) is not None)
    assert window.card.isVisible()
    port = window.view.viewport()
    box = window.view.region_rect(root).toRect().translated(port.mapTo(window.grid, QPoint(0, 0)))
    assert not window.card.geometry().intersects(box), "the box is seen beside its suggestions"
    QTest.keyClick(window.view, Qt.Key.Key_Return)
    assert window.regions.region(root).state is RegionState.ACCEPTED
    image = window._store.images.get(window.regions.region(root).image_id)
    assert (image.plane, image.slice, image.width, image.height) == (Plane.CORONAL, index, width, height)
    click(window.grid.view_of(Pane.AXIAL), 2, 2)
    assert window.regions.rows == []
    window.close()
    again = open_window().window
    again.viewing.activate_plane(Plane.CORONAL)
    again.viewing.go_to(index)
    assert [row.root_id for row in again.regions.rows] == [root]


def test_regions_of_a_view_stay_on_screen_while_another_has_the_keys(planes):
    window = planes.window
    root = planes.draw_and_wait(Box(30, 40, 60, 70))
    axial = window.view
    click(window.grid.view_of(Pane.SAGITTAL), 3, 3)
    assert axial.region_rect(root) is not None
    assert window.grid.view_of(Pane.SAGITTAL).region_rect(root) is None


def test_the_slider_turns_the_slices_of_its_view(planes):
    window = planes.window
    slider = window.grid._panes[Pane.SAGITTAL].findChild(QSlider)
    slider.setValue(17)
    assert window.viewing.states[Plane.SAGITTAL].index == 17
    assert window.viewing.plane is Plane.SAGITTAL
    window.viewing.step(1)
    assert slider.value() == 18


def test_tab_goes_to_the_next_region_and_not_to_the_next_view(planes):
    window = planes.window
    first = planes.draw_and_wait(Box(20, 20, 50, 50))
    planes.key(Qt.Key.Key_Escape)
    second = planes.draw_and_wait(Box(60, 60, 90, 90))
    view = window.view
    QTest.keyClick(view, Qt.Key.Key_Tab)
    assert window.regions.selected_root == first
    QTest.keyClick(view, Qt.Key.Key_Tab)
    assert window.regions.selected_root == second
    assert window.view is view
    QTest.keyClick(view, Qt.Key.Key_F6)
    assert window.view is window.grid.view_of(Pane.CORONAL)


# Crosshair, reference lines, two scans


def test_a_click_with_the_crosshair_turns_the_other_views_to_that_place(planes):
    window = planes.window
    planes.key(Qt.Key.Key_X)
    assert window.models.tools.tool is Tool.CROSSHAIR
    axial = window.grid.view_of(Pane.AXIAL)
    drag(axial, (64, 64), (80, 45))
    expected = axial.state.point_at(80, 45)
    found = window.models.crosshair.point
    assert np.abs(np.array(found) - expected).max() < max(window.viewing.volume.spacing_mm)
    for plane in (Plane.CORONAL, Plane.SAGITTAL):
        state = window.viewing.states[plane]
        assert abs(state.pixel_of(found)[2] - state.index) <= 0.5
    assert window.viewing.states[Plane.SAGITTAL].index == pytest.approx(80, abs=1)
    assert window.viewing.states[Plane.CORONAL].index == pytest.approx(45, abs=1)


def test_shift_drag_is_the_crosshair_whatever_the_tool(planes):
    window = planes.window
    drag(window.grid.view_of(Pane.AXIAL), (64, 64), (30, 90), Qt.KeyboardModifier.ShiftModifier)
    assert window.viewing.states[Plane.SAGITTAL].index == pytest.approx(30, abs=1)
    assert window.regions.rows == []


def test_turning_slices_takes_the_crosshair_along(planes):
    window = planes.window
    before = window.models.crosshair.point
    window.viewing.step(2)
    moved = np.array(window.models.crosshair.point) - before
    assert np.abs(moved) == pytest.approx([0, 0, 2 * window.viewing.volume.spacing_mm[2]], abs=1e-6)


def test_the_crosshair_shows_one_place_in_a_real_oblique_scan(planes, shared_data):
    """All three views of a scan turned by 15 degrees agree about where the crosshair is, to the slice."""
    open_file(planes, shared_data / "dicom" / "series_mr_sagittal_t1")
    window = planes.window
    window.models.layout.choose(Layout.PLANES)
    volume = window.viewing.volume
    sagittal = window.viewing.states[Plane.SAGITTAL]
    sagittal.go_to(40)
    window.models.crosshair.place(sagittal, 101.0, 77.0)
    point = pixel_to_patient(volume, Plane.SAGITTAL, 101.0, 77.0, 40)
    assert window.models.crosshair.point == pytest.approx(point, abs=1e-6)
    for state in window.viewing.states.values():
        x, y, index = state.pixel_of(point)
        assert round(index) == state.index
        assert state.point_at(x, y) == pytest.approx(point, abs=max(volume.spacing_mm) / 2 + 1e-6)
        # The stored voxel under the crosshair is the same one in every view.
        assert state.picture()[round(y), round(x)] == sagittal.picture()[77, 101]


def test_reference_lines_are_drawn_where_the_other_slices_cut(planes):
    window = planes.window
    view = window.grid.view_of(Pane.AXIAL)
    window.models.crosshair.place(view.state, 40.0, 90.0)
    shown = view.viewport().grab().toImage()

    def is_green(x: float, y: float) -> bool:
        at = view.mapFromScene(x, y)
        colors = [shown.pixelColor(at.x(), at.y() + dy) for dy in (-1, 0, 1)]
        return any(color.green() > color.red() + 40 for color in colors)

    assert is_green(100, 90)
    assert not is_green(100, 60)
    QTest.keyClick(window.view, Qt.Key.Key_C)
    shown = view.viewport().grab().toImage()
    assert not is_green(100, 90)


def test_two_scans_of_one_frame_of_reference_turn_together_by_place(driver, phantom_series):
    window = driver.window
    driver.key(Qt.Key.Key_2, ALT)
    window.viewing.open_prior(window.viewing.item)
    driver.until(lambda: window.viewing.prior.scan is not None)
    assert window.models.crosshair.by_place
    window.viewing.step(2)
    assert window.viewing.prior.index == window.viewing.index
    driver.key(Qt.Key.Key_S)
    window.viewing.step(-3)
    assert window.viewing.prior.index == window.viewing.index + 3


def test_scans_without_a_common_frame_turn_together_by_distance(driver, shared_data):
    window = driver.window
    driver.key(Qt.Key.Key_2, ALT)
    open_prior(driver, shared_data / "volumes" / "totalsegmentator" / "example_ct_sm.nii.gz")
    assert not window.models.crosshair.by_place
    assert "linked by distance" in window.grid._widget(Pane.PRIOR).view._overlay().top_right
    before = window.viewing.prior.index
    window.viewing.step(3)
    # 3 slices of 10 mm here are 10 slices of 3 mm there.
    assert window.viewing.prior.index - before in (9, 10, 11)


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


# Measuring


def test_a_length_is_in_millimetres_and_can_be_undone_and_deleted(driver):
    window, view = driver.window, driver.window.view
    driver.key(Qt.Key.Key_D)
    drag(view, (30, 40), (70, 70))
    (measure,) = window.models.measures.of(view.state)
    text = view.items_on_slice.measure_text(measure)
    row_mm, column_mm = view.state.spacing
    assert float(text.split()[0]) == pytest.approx(np.hypot(40 * column_mm, 30 * row_mm), abs=1.5)
    assert text.endswith("mm")
    window.regions.undo_stack.undo()
    assert window.models.measures.of(view.state) == []
    window.regions.undo_stack.redo()
    click(view, 50, 55)
    assert window.models.measures.selected_number == measure.number
    driver.key(Qt.Key.Key_Delete)
    assert window.models.measures.of(view.state) == []


def test_a_point_of_a_measurement_can_be_moved_and_moved_back(driver):
    window, view = driver.window, driver.window.view
    driver.key(Qt.Key.Key_D)
    drag(view, (30, 40), (70, 40))
    driver.key(Qt.Key.Key_B)
    click(view, 50, 40)
    drag(view, (70, 40), (70, 80))
    (measure,) = window.models.measures.of(view.state)
    assert measure.points[1] == pytest.approx((70, 80), abs=1)
    assert measure.points[0] == pytest.approx((30, 40), abs=1)
    assert window.regions.rows == []
    window.regions.undo_stack.undo()
    (measure,) = window.models.measures.of(view.state)
    assert measure.points[1] == pytest.approx((70, 40), abs=1)


def test_measurements_stay_with_their_slice(driver):
    window, view = driver.window, driver.window.view
    driver.key(Qt.Key.Key_R)
    drag(view, (40, 40), (60, 60))
    assert len(window.models.measures.of(view.state)) == 1
    window.viewing.step(1)
    assert window.models.measures.of(view.state) == []
    window.viewing.step(-1)
    (measure,) = window.models.measures.of(view.state)
    text = view.items_on_slice.measure_text(measure)
    assert "mean" in text
    assert re.search(r"min -?\d+  max -?\d+$", text, re.MULTILINE), "whole numbers, as the voxels are"


def test_an_angle_takes_a_drag_and_a_click(driver):
    window, view = driver.window, driver.window.view
    driver.key(Qt.Key.Key_G)
    drag(view, (80, 40), (40, 40))
    assert window.models.measures.of(view.state) == []
    QTest.mouseMove(view.viewport(), view.mapFromScene(40, 80))
    click(view, 40, 80)
    (measure,) = window.models.measures.of(view.state)
    assert float(view.items_on_slice.measure_text(measure)[:-1]) == pytest.approx(90, abs=1.5)


def test_an_angle_takes_three_clicks(driver):
    window, view = driver.window, driver.window.view
    driver.key(Qt.Key.Key_G)
    for x, y in ((80, 40), (40, 40), (40, 80)):
        assert window.models.measures.of(view.state) == []
        QTest.mouseMove(view.viewport(), view.mapFromScene(x, y))
        click(view, x, y)
    (measure,) = window.models.measures.of(view.state)
    assert measure.points[1] == pytest.approx((40, 40), abs=1), "the corner is the second click"
    assert float(view.items_on_slice.measure_text(measure)[:-1]) == pytest.approx(90, abs=1.5)
    click(view, 60, 40)
    assert window.models.measures.selected_number == measure.number, "a click on it chooses it"
    assert not view._gestures.drawing


def test_an_angle_is_not_finished_by_a_second_click_in_the_same_place(driver):
    window, view = driver.window, driver.window.view
    driver.key(Qt.Key.Key_G)
    for x, y in ((80, 40), (80, 40), (40, 40), (40, 40), (40, 80)):
        click(view, x, y)
    (measure,) = window.models.measures.of(view.state)
    assert float(view.items_on_slice.measure_text(measure)[:-1]) == pytest.approx(90, abs=1.5)
    click(view, 20, 20)
    driver.key(Qt.Key.Key_Escape)
    assert not view._gestures.drawing
    assert window.models.measures.of(view.state) == [measure]


def test_the_slice_slider_is_dragged_from_end_to_end(driver):
    window = driver.window
    slider = window.grid._panes[Pane.AXIAL]._slider
    window.viewing.go_to(0)
    area = slider.rect()
    option = QStyleOptionSlider()
    slider.initStyleOption(option)
    grip = slider.style().subControlRect(
        QStyle.ComplexControl.CC_Slider, option, QStyle.SubControl.SC_SliderHandle, slider
    )
    start, end = grip.center(), QPoint(area.center().x(), area.bottom() - grip.height() // 2)
    assert start.y() < area.center().y(), "the first slice is at the top"
    QTest.mousePress(slider, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, start)
    seen = []
    for step in range(1, 6):
        QTest.mouseMove(slider, start + (end - start) * (step / 5))
        seen.append(window.viewing.index)
    QTest.mouseRelease(slider, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, end)
    assert seen == sorted(seen)
    assert len(set(seen)) > 2
    assert window.viewing.index == window.viewing.slice_count - 1
    assert window.view.hasFocus(), "the keys stay with the view"


def test_a_measuring_tool_neither_draws_nor_asks(driver):
    driver.key(Qt.Key.Key_E)
    drag(driver.window.view, (40, 40), (60, 60))
    assert driver.window.regions.rows == []
    assert not driver.window.asking.asking
    driver.key(Qt.Key.Key_B)
    driver.draw(Box(30, 40, 60, 70))
    assert len(driver.window.regions.rows) == 1


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
