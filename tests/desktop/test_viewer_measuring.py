"""Lengths and angles, measured in a view with mouse and keys."""

from __future__ import annotations

import re

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QStyle,
    QStyleOptionSlider,
)

from desktop.model.layout import Pane
from engine.regions import Box
from tests.desktop.viewing import click, drag

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
