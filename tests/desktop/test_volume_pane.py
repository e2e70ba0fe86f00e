"""The 3-D view in the window."""

from __future__ import annotations

import os
import signal

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QComboBox

from desktop.model.layout import Layout
from engine.scans import ScanError


@pytest.fixture
def pane(open_window):
    driver = open_window()
    driver.window.models.layout.choose(Layout.PLANES)
    pane = driver.window.grid.volume_pane
    driver.until(lambda: pane.picture.image is not None)
    driver.qtbot.wait(300)
    driver.until(lambda: driver.window.models.drawing._job is None)
    return driver, pane


def brightness(image) -> int:
    image = image.scaled(60, 40)
    return sum(image.pixelColor(x, y).lightness() for x in range(60) for y in range(40))


def test_the_scan_is_drawn_and_turns_with_the_mouse(pane):
    driver, view = pane
    before = view.picture.image.copy()
    assert brightness(before) > 5000
    middle = view.picture.rect().center()
    QTest.mousePress(view.picture, Qt.MouseButton.LeftButton, pos=middle)
    QTest.mouseMove(view.picture, middle + QPoint(60, 20))
    QTest.mouseRelease(view.picture, Qt.MouseButton.LeftButton, pos=middle + QPoint(60, 20))
    assert driver.window.models.drawing.sight.azimuth == pytest.approx(330)
    driver.until(lambda: view.picture.image != before)
    QTest.mouseDClick(view.picture, Qt.MouseButton.LeftButton)
    assert driver.window.models.drawing.sight.azimuth == 0


def test_the_keys_turn_and_zoom_it_once_it_has_them(pane):
    driver, view = pane
    sight = lambda: driver.window.models.drawing.sight  # noqa: E731
    # Through the three planes to the 3-D view.
    for _ in range(3):
        driver.key(Qt.Key.Key_F6)
    assert driver.window.focusWidget() is view.picture
    assert view.property("active") is True
    driver.key(Qt.Key.Key_Right)
    assert sight().azimuth == pytest.approx(350)
    driver.key(Qt.Key.Key_Up, Qt.KeyboardModifier.ShiftModifier)
    assert sight().elevation == pytest.approx(-1)
    driver.type("++-")
    assert sight().zoom == pytest.approx(1.15)
    driver.type("0")
    assert (sight().azimuth, sight().zoom) == (0, 1)
    index = driver.window.viewing.index
    driver.key(Qt.Key.Key_PageDown)
    assert driver.window.viewing.index == index + 1, "other keys mean what they mean everywhere"
    driver.key(Qt.Key.Key_F6)
    assert driver.window.focusWidget() is driver.window.view
    assert view.property("active") is False


def test_another_preset_shows_something_else(pane):
    driver, view = pane
    before = view.picture.image.copy()
    box = view.findChild(QComboBox)
    assert [box.itemText(number) for number in range(box.count())] == ["Bone", "Soft tissue"]
    box.setCurrentIndex(1)
    box.activated.emit(1)
    driver.until(lambda: view.picture.image != before)


def test_when_the_drawing_process_dies_the_window_lives_and_draws_again(pane):
    driver, view = pane
    drawing = driver.window.models.drawing
    failed: list[str] = []
    drawing.failed.connect(failed.append)
    os.kill(drawing._drawer._process.pid, signal.SIGKILL)
    drawing.turn(30, 0)
    driver.until(lambda: bool(failed) or view.picture.image is not None)
    driver.until(lambda: view.picture.image is not None and drawing._job is None)
    assert driver.window.isVisible()


def test_where_nothing_can_be_drawn_the_view_says_why(open_window, monkeypatch):
    def refuse(*_: object) -> None:
        raise ScanError("no OpenGL here")

    monkeypatch.setattr("desktop.model.volume_drawing.VolumeProcess", refuse)
    driver = open_window()
    driver.window.models.layout.choose(Layout.PLANES)
    driver.until(lambda: "no OpenGL here" in driver.window.grid.volume_pane.picture.message)
    driver.draw(driver_box())


def driver_box():
    from engine.regions import Box

    return Box(30, 40, 60, 70)
