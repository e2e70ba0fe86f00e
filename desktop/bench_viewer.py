"""How fast the viewer draws, beside its peers: ``medrega bench viewer``.

The real window on X11, Wayland or Qt's offscreen platform: a frame counts when it has been painted. Medians of several
runs, ours and the peers' in turn. napari is measured too where it is installed; it is no dependency.
"""

from __future__ import annotations

import importlib.util
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import click
import numpy as np
import shiboken6
import vtkmodules.vtkRenderingOpenGL2  # noqa: F401 - registers the implementations
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QObject
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QApplication, QWidget
from vtkmodules.util.numpy_support import numpy_to_vtk
from vtkmodules.vtkCommonDataModel import vtkImageData
from vtkmodules.vtkInteractionImage import vtkImageViewer2

from desktop.app import make_application, make_window
from desktop.cli import has_display
from desktop.main_window import MainWindow
from desktop.model.layout import Layout, Pane
from desktop.model.open_scan import OpenScan
from engine.bench import BenchReport, Row, row
from engine.cli.bench import print_report
from engine.cli.options import json_option
from engine.regions import Box, Label
from engine.scans import Plane, Volume, Window
from engine.store import NewRegion, Origin, RegionRow, RegionState, WorklistRow, study_uid_of

_SHAPE = (300, 512, 512)
_WINDOW = Window(40.0, 400.0)
_FRAMES = 60
_REGIONS = 5000
_BOXES = 200
_PATIENCE_S = 30.0


def viewer_rows(runs: int = 5, regions: int = _REGIONS) -> list[Row]:
    """All figures of the viewer, with at least `runs` runs each. Needs a platform that Qt can open a window on."""
    voxels = _phantom()
    with _window(voxels) as window:
        rows = _scrolling(window, voxels, runs)
        rows.append(_alone("2x2 planes, linked crosshair", "refreshes/s", _median(lambda: _planes(window), runs), 40))
        rate = _median(lambda: _regions(window, regions), runs)
        rows.append(_alone(f"{regions} regions, panning", "frames/s", rate, 60))
        _draw_boxes(window)
        name = f"2x2 planes, linked crosshair, {_BOXES} boxes in the series"
        rows.append(_alone(name, "refreshes/s", _median(lambda: _planes(window), runs), 40))
    return rows


def _scrolling(window: MainWindow, voxels: NDArray[np.int16], runs: int) -> list[Row]:
    size = (window.view.viewport().width(), window.view.viewport().height())
    peer = _ImageViewer2(voxels, size)
    napari = _has_napari()
    ours, theirs, naparis = [], [], []
    for _ in range(runs):
        ours.append(_scroll(window))
        theirs.append(peer.scroll())
        if napari:
            naparis.append(_napari_scroll(voxels, size))
    mine, its = statistics.median(ours), statistics.median(theirs)
    name = "scroll 512x512x300, one view"
    rows = [_beside(name, mine, "vtkImageViewer2", its, 4), _alone(f"{name}, alone", "frames/s", mine, 200)]
    if naparis:
        rows.append(_beside(name, mine, "napari", statistics.median(naparis), 1))
    return rows


def _has_napari() -> bool:
    # It draws with OpenGL, which Qt's off-screen platform has not.
    return importlib.util.find_spec("napari") is not None and QGuiApplication.platformName() != "offscreen"


def _phantom() -> NDArray[np.int16]:
    """Noise over a gradient: nothing in it is cheaper to draw than a real scan."""
    noise = np.random.default_rng(0).integers(-200, 200, _SHAPE, dtype=np.int16)
    noise += np.arange(_SHAPE[2], dtype=np.int16) - np.int16(200)
    return noise


@contextmanager
def _window(voxels: NDArray[np.int16]) -> Iterator[MainWindow]:
    app, translations = make_application()
    with tempfile.TemporaryDirectory() as folder:
        window, store = make_window(translations, Path(folder) / "bench.sqlite", "starter", "bench")
        try:
            window.resize(1280, 800)
            window.show()
            volume = Volume(voxels, (0.8, 0.8, 1.0), (0.0, 0.0, 0.0), np.eye(3), "CT", _WINDOW, Path(folder) / "bench")
            item = WorklistRow(0, str(volume.source), "", "bench", "bench", None, 0, None, "", 0, 0)
            window.viewing.show(OpenScan(volume, item, ""))
            app.processEvents()
            yield window
        finally:
            window.close()
            store.close()
            # The application goes on: a window that lives without its database would stumble over what it hears.
            shiboken6.delete(window)


def _scroll(window: MainWindow) -> float:
    """Frames a second, turning slices in one view."""
    window.models.layout.choose(Layout.SINGLE)
    window.viewing.activate_plane(Plane.AXIAL)
    QApplication.processEvents()
    window.viewing.go_to(0)
    view = window.view

    def frame(number: int) -> None:
        window.viewing.go_to(number + 1)
        view.viewport().repaint()

    return _rate(frame)


def _planes(window: MainWindow) -> float:
    """Whole refreshes a second of three planes that follow a moving crosshair."""
    window.models.layout.choose(Layout.PLANES)
    QApplication.processEvents()
    # The 3-D view is drawn once, by another process, and does not follow the crosshair.
    _until(lambda: window.grid.volume_pane.picture.image is not None and not window.models.drawing.busy)
    views = [window.grid.view_of(pane) for pane in (Pane.AXIAL, Pane.CORONAL, Pane.SAGITTAL)]
    axial = views[0].state
    waiting: set[QWidget] = set()
    painted = _Painted(waiting, window)
    for view in views:
        view.viewport().installEventFilter(painted)

    def frame(number: int) -> None:
        # Coronal and sagittal follow the mouse, axial is turned: all three are drawn anew.
        window.models.crosshair.place(axial, 100.0 + 3 * number, 120.0 + 4 * number)
        axial.go_to(20 + number)
        waiting.update(view.viewport() for view in views)
        # Painting one paints the others that are out of date along with it.
        for view in views:
            if view.viewport() in waiting:
                view.viewport().repaint()
        assert not waiting

    try:
        return _rate(frame)
    finally:
        painted.deleteLater()


class _Painted(QObject):
    """Takes out of `waiting` what has been painted."""

    def __init__(self, waiting: set[QWidget], parent: QObject) -> None:
        super().__init__(parent)
        self._waiting = waiting

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Paint and isinstance(watched, QWidget):
            self._waiting.discard(watched)
        return False


def _draw_boxes(window: MainWindow) -> None:
    """Boxes on axial slices all through the series: the other planes cut them."""
    random = np.random.default_rng(2)
    state, volume = window.viewing.states[Plane.AXIAL], window.viewing.volume
    assert volume is not None
    new = []
    for number in range(_BOXES):
        image = state.image_ref_of(number % state.slice_count)
        assert image is not None
        x, y = (float(value) for value in random.uniform(0, 380, 2))
        new.append(NewRegion(image, study_uid_of(volume), Box(x, y, x + 120, y + 90), label=Label("", "box", "")))
    window.viewing.activate_plane(Plane.AXIAL)
    window.regions.add(new, select=False)


def _regions(window: MainWindow, count: int) -> float:
    """Frames a second of one view that is moved about under many regions."""
    window.models.layout.choose(Layout.SINGLE)
    QApplication.processEvents()
    random = np.random.default_rng(1)
    corners = random.uniform(0, 480, (count, 2))
    window.regions.rows = [_row(number, float(x), float(y)) for number, (x, y) in enumerate(corners, start=1)]
    view = window.view
    view.show_regions()
    state = view.state
    before = (state.zoom, state.center)

    def frame(number: int) -> None:
        state.set_zoom(before[0], (before[1][0] + number % 20, before[1][1] + number % 7), fitted=False)
        view.viewport().repaint()

    rate = _rate(frame)
    window.regions.rows = []
    view.show_regions()
    view.fit()
    return rate


def _row(number: int, x: float, y: float) -> RegionRow:
    box = Box(x, y, x + 12, y + 9)
    return RegionRow(number, number, 0, box, None, RegionState.DRAWN, Origin.PERSON, "", None, "", "")


class _ImageViewer2:
    """VTK's own slice viewer, off screen, at the same size."""

    def __init__(self, voxels: NDArray[np.int16], size: tuple[int, int]) -> None:
        self._voxels = voxels
        image = vtkImageData()
        image.SetDimensions(*voxels.shape[::-1])
        image.GetPointData().SetScalars(numpy_to_vtk(voxels.ravel(), deep=False))
        self._viewer = vtkImageViewer2()
        self._viewer.SetOffScreenRendering(1)
        self._viewer.SetInputData(image)
        self._viewer.SetSize(*size)
        self._viewer.SetColorWindow(_WINDOW.width)
        self._viewer.SetColorLevel(_WINDOW.center)
        self._viewer.Render()

    def scroll(self) -> float:
        """Frames a second."""
        self._viewer.SetSlice(0)
        return _rate(lambda number: self._viewer.SetSlice(number + 1))


def _napari_scroll(voxels: NDArray[np.int16], size: tuple[int, int]) -> float:
    import napari

    viewer = napari.Viewer(show=True)
    try:
        viewer.window.resize(*size)
        viewer.add_image(voxels, contrast_limits=(-160, 240))
        QApplication.processEvents()

        def frame(number: int) -> None:
            viewer.dims.set_current_step(0, number + 1)
            viewer.window._qt_viewer.canvas.native.repaint()
            QApplication.processEvents()

        return _rate(frame)
    finally:
        viewer.close()


def _until(condition: Callable[[], bool]) -> None:
    until = time.monotonic() + _PATIENCE_S
    while not condition() and time.monotonic() < until:
        QApplication.processEvents()
        time.sleep(0.01)


def _rate(frame: Callable[[int], object]) -> float:
    frame(0)
    started = time.perf_counter()
    for number in range(1, _FRAMES + 1):
        frame(number)
    return _FRAMES / (time.perf_counter() - started)


def _median(measure: Callable[[], float], runs: int) -> float:
    return statistics.median(measure() for _ in range(runs))


def _alone(name: str, unit: str, ours: float, goal: float) -> Row:
    return row(name, unit, ours, goal=goal, larger_is_better=True)


def _beside(name: str, ours: float, peer_name: str, peer: float, goal: float) -> Row:
    return row(name, "frames/s", ours, peer_name=peer_name, peer=peer, goal=goal, larger_is_better=True)


@click.command("viewer")
@click.option(
    "--regions", default=_REGIONS, show_default=True, type=click.IntRange(1), help="How many are panned over."
)
@json_option
def viewer_command(regions: int, as_json: bool) -> None:
    """Turn slices, three planes and thousands of regions in a real window.

    Takes about a minute; without a screen it draws into memory. Example: medrega bench viewer --json
    """
    if not has_display():
        os.environ["QT_QPA_PLATFORM"] = "offscreen"
    if importlib.util.find_spec("napari") is None:
        click.echo("napari is not installed: it is left out", err=True)
    elif not has_display():
        click.echo("napari needs a screen: it is left out", err=True)
    print_report(BenchReport("viewer", tuple(viewer_rows(regions=regions))), as_json)
