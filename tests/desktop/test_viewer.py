"""The views, used with mouse and keys: layouts, the active view, the crosshair, two scans."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QSlider

from desktop.model.layout import Layout, Pane, arrangement
from desktop.model.tools import Tool
from desktop.screenshot import draw_box
from engine.regions import Box
from engine.scans import Plane
from engine.scans.positions import pixel_to_patient
from engine.store import RegionState
from tests.desktop.viewing import ALT, PLANES, click, drag, open_file, open_prior, visible_panes

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
