"""What tests of the views do with mouse and keys."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest

from desktop.model.layout import Pane
from engine.store import WorklistRow

ALT = Qt.KeyboardModifier.AltModifier
CTRL = Qt.KeyboardModifier.ControlModifier
PLANES = (Pane.AXIAL, Pane.CORONAL, Pane.SAGITTAL)


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
