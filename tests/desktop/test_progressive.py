"""A scan is looked at while it is still being read."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QPushButton

from desktop.model.layout import Layout
from desktop.screenshot import draw_box
from engine.phantom import write_phantom_series
from engine.regions import Box
from engine.scans import Plane

_THREADS = 4


@pytest.fixture(scope="module")
def other_series(tmp_path_factory) -> Path:
    return write_phantom_series(tmp_path_factory.mktemp("other") / "p", 12, size=96, slice_mm=10.0) / "dicom"


class Reading:
    """A window that has opened a scan whose further slices wait for `go_on`."""

    def __init__(self, driver, path: Path) -> None:
        self.driver, self.window = driver, driver.window
        self._gate = threading.Event()
        browser = self.window.worklist
        added: list[int] = []
        browser.added.connect(added.extend)
        browser.add_paths([path])
        driver.until(lambda: bool(added))
        before = self.window.viewing.current
        self.window.open_item(browser.row_of(added[0]))
        # All threads of the window are busy after the first slice, as with a slow disk.
        for _ in range(_THREADS):
            self.window._jobs.start(lambda job: self._gate.wait(60))
        driver.until(lambda: self.window.viewing.current is not before)
        self.scan = self.window.viewing.current

    def go_on(self) -> None:
        self._gate.set()
        self.driver.until(lambda: self.scan.is_complete)

    def release(self) -> None:
        self._gate.set()


@pytest.fixture
def reading(open_window, other_series) -> Iterator[Reading]:
    one = Reading(open_window(), other_series)
    yield one
    one.release()


def test_the_first_slice_is_there_before_the_others(reading):
    viewing = reading.window.viewing
    first = viewing.index
    assert viewing.active.has_slice
    assert not reading.scan.is_complete
    assert reading.scan.loaded_count == 1
    shown = viewing.active.picture()
    assert shown.max() > 0
    QTest.keyClick(reading.window.view, Qt.Key.Key_Down)
    assert viewing.index == first + 1
    assert not viewing.active.has_slice
    assert viewing.active.picture() is None
    assert reading.window.view.image_rect.size().toTuple() == shown.shape[::-1], "the view keeps its measure"
    reading.go_on()
    assert viewing.active.picture().max() > 0
    viewing.go_to(first)
    assert (viewing.active.picture() == shown).all(), "what was seen is what is there"


def test_nothing_is_drawn_or_asked_on_a_slice_that_is_not_there(reading):
    window = reading.window
    window.viewing.step(1)
    draw_box(window, Box(20, 20, 40, 40))
    assert window.regions.rows == []
    assert "not read yet" in window.notice_bar.text
    window.notice_bar.hide()
    window.asking.find(["liver"])
    assert not window.asking.asking
    assert "not read yet" in window.notice_bar.text
    reading.go_on()
    draw_box(window, Box(20, 20, 40, 40))
    assert len(window.regions.rows) == 1


def test_the_other_planes_wait_for_all_slices(reading):
    window = reading.window
    window.models.layout.choose(Layout.PLANES)
    coronal = window.viewing.states[Plane.CORONAL]
    assert coronal.picture() is None
    assert window.models.drawing.waiting
    assert "all slices" in window.grid.volume_pane.picture.message
    reading.go_on()
    assert coronal.picture() is not None
    reading.driver.until(lambda: window.grid.volume_pane.picture.image is not None)


def test_a_cancelled_reading_goes_on_where_somebody_looks(reading):
    window = reading.window
    cancel = next(one for one in window.status.findChildren(QPushButton) if one.isVisible())
    cancel.click()
    reading.release()
    reading.driver.until(lambda: not window.viewing._reading.busy)
    assert not reading.scan.is_complete
    assert window.viewing.active.has_slice, "what was read stays"
    window.viewing.step(1)
    reading.driver.until(lambda: reading.scan.is_complete)
    assert window.viewing.active.has_slice


def test_a_window_that_was_chosen_meanwhile_is_kept(reading):
    from engine.scans import Window

    reading.window.viewing.set_window(Window(10, 90))
    reading.go_on()
    assert reading.window.viewing.window == Window(10, 90)


def test_another_scan_chosen_meanwhile_is_the_one_that_opens(reading):
    window = reading.window
    first = reading.scan
    other = next(row for row in window.worklist.rows_beside(None) if row.path != first.item.path)
    window.open_item(other)
    reading.release()
    reading.driver.until(lambda: window.viewing.current is not first)
    reading.driver.until(lambda: window.viewing.current.is_complete)
    assert window.viewing.item.path == other.path
    # The one before is not read on for nobody: its reading was given up, if it was not done by then.
    count = first.loaded_count
    reading.driver.until(lambda: not window.viewing._reading.busy)
    assert first.loaded_count == count


def test_a_scan_that_does_not_open_leaves_the_one_on_screen_to_be_read_on(reading, tmp_path: Path):
    window = reading.window
    gone = tmp_path / "gone.dcm"
    window.viewing.open_item(replace(reading.scan.item, path=str(gone), series_uid=""))
    reading.go_on()
    assert window.viewing.current is reading.scan
    reading.driver.until(lambda: not window.viewing._reading.busy)
    assert "gone.dcm" in window.notice_bar.text
    window.models.layout.choose(Layout.PLANES)
    assert window.viewing.states[Plane.CORONAL].picture() is not None


def test_cancelling_the_scan_that_opens_leaves_the_one_on_screen_to_be_read_on(reading):
    window = reading.window
    other = next(row for row in window.worklist.rows_beside(None) if row.path != reading.scan.item.path)
    window.open_item(other)
    cancel = next(one for one in window.status.findChildren(QPushButton) if one.isVisible())
    QTest.mouseClick(cancel, Qt.MouseButton.LeftButton)
    reading.go_on()
    assert window.viewing.current is reading.scan
