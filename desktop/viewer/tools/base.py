"""What the tools have in common: points so far, and a preview of what they make."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QPainterPath, QPen
from PySide6.QtWidgets import QGraphicsScene

from desktop.viewer.outline_item import OutlineItem
from desktop.viewer.region_item import OPEN_COLOR
from engine.regions import Shape

MIN_SIDE = 3.0
"""A drag shorter than this, in image pixels, is a click."""

Points = tuple[tuple[float, float], ...]


class Preview:
    """The shape that is being drawn, dashed."""

    def __init__(self, scene: QGraphicsScene) -> None:
        self._scene = scene
        self._item: OutlineItem | None = None

    def show(self, path: QPainterPath) -> None:
        """Show this in place of what was."""
        if self._item is None:
            pen = QPen(OPEN_COLOR, 1.6, Qt.PenStyle.DashLine)
            pen.setCosmetic(True)
            self._item = OutlineItem(path)
            self._item.setPen(pen)
            self._item.setZValue(5)
            self._scene.addItem(self._item)
        else:
            self._item.setPath(path)

    def hide(self) -> None:
        """Show nothing."""
        if self._item is not None:
            self._scene.removeItem(self._item)
            self._item = None


class DrawingTool(ABC):
    """One way to draw. `points` are what a half-drawn shape is made of, so that it can be kept and taken up again.

    bounds : the image in scene coordinates; points are held inside it. reach : how many image pixels a hand may miss.
    """

    def __init__(self, scene: QGraphicsScene) -> None:
        self.preview = Preview(scene)
        self.points: Points = ()

    @property
    def active(self) -> bool:
        """Whether something is being drawn."""
        return bool(self.points)

    @abstractmethod
    def press(self, point: QPointF, bounds: QRectF, reach: float) -> Shape | None:
        """The button goes down. A shape when that finishes one."""

    @abstractmethod
    def move(self, point: QPointF, bounds: QRectF) -> None:
        """The mouse moves, with or without the button."""

    @abstractmethod
    def release(self, point: QPointF, bounds: QRectF) -> Shape | None:
        """The button goes up. A shape when that finishes one; None for a click, or when there is more to come."""

    def finish(self) -> Shape | None:
        """Enter, or a double click: what there is now is meant. None when that is no shape yet."""
        return None

    def step_back(self) -> bool:
        """Backspace: without the last point. False when there is nothing to take back."""
        return False

    def resume(self, points: Sequence[tuple[float, float]]) -> None:
        """Take up a half-drawn shape again."""
        self.points = tuple(points)
        self.preview.show(self.path(None))

    def cancel(self) -> None:
        """Give it up."""
        self.points = ()
        self.preview.hide()

    @abstractmethod
    def path(self, cursor: QPointF | None) -> QPainterPath:
        """What to show. cursor : where the mouse is, None when that does not matter."""


def held(point: QPointF, bounds: QRectF) -> tuple[float, float]:
    """A place inside the image, the nearest there is."""
    return (
        max(bounds.left(), min(bounds.right(), point.x())),
        max(bounds.top(), min(bounds.bottom(), point.y())),
    )
