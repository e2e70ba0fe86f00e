"""Left-drag measures: a line, a rectangle, an ellipse; an angle needs one click more for its other arm.

An angle is measured by three clicks as well: the end of one arm, the corner, the end of the other.

A point of the chosen measurement can be dragged elsewhere.
"""

from __future__ import annotations

import math

from PySide6.QtCore import QPointF, QRectF
from PySide6.QtWidgets import QGraphicsScene

from desktop.model.measures import Measure, MeasureKind, MeasuresModel
from desktop.viewer.measure_item import MeasureItem, Points


class MeasureTool:
    """The gesture in work. Points are scene coordinates, which are image pixels."""

    def __init__(self, scene: QGraphicsScene, measures: MeasuresModel) -> None:
        self._scene = scene
        self._measures = measures
        self._kind = MeasureKind.LENGTH
        self._points: Points = ()
        # The press has begun something: released at once it may be meant for what lies there.
        self._fresh = False
        self._item: MeasureItem | None = None
        self._held_measure: tuple[Measure, int] | None = None

    @property
    def active(self) -> bool:
        """Whether something is being measured."""
        return bool(self._points)

    def press(self, point: QPointF, kind: MeasureKind, bounds: QRectF) -> None:
        """Begin, or set the next point of an angle, which is where the button goes up."""
        here = _held(point, bounds)
        self._fresh = not (self.active and self._kind is MeasureKind.ANGLE)
        if self._fresh:
            self._kind, self._points = kind, (here,)
        self._show(here)

    def take_hold(self, measure: Measure, which: int) -> None:
        """Begin to move one point of a measurement that is there."""
        self._held_measure = (measure, which)
        self._kind = measure.kind
        self._points = measure.points

    def move(self, point: QPointF, bounds: QRectF) -> None:
        """Drag the last point, held inside the image."""
        self._show(_held(point, bounds))

    def release(self, point: QPointF, bounds: QRectF, shortest: float, *, clicks: bool) -> bool:
        """Finish. False for a click that measured nothing.

        shortest : of a drag, in image pixels. clicks : whether a click may begin an angle.
        """
        here = _held(point, bounds)
        if self._held_measure is not None:
            measure, which = self._held_measure
            self.cancel()
            if here not in measure.points:
                self._measures.move_point(measure.number, which, here)
            return True
        if not self._points:
            return False
        far = math.dist(self._points[-1], here) >= shortest
        if self._kind is MeasureKind.ANGLE and (far or clicks or not self._fresh):
            self._set_point(here, far)
            return True
        points = (self._points[0], here)
        self.cancel()
        if not far:
            return False
        if self._kind is not MeasureKind.LENGTH and (points[0][0] == here[0] or points[0][1] == here[1]):
            return False
        self._measures.add(self._kind, points)
        return True

    def _set_point(self, here: tuple[float, float], far: bool) -> None:
        """Of an angle; one on top of the last, as of a double click, is none."""
        self._points = (*self._points, here) if far else self._points
        if len(self._points) == 3:
            angle = self._points
            self.cancel()
            self._measures.add(MeasureKind.ANGLE, angle)

    def cancel(self) -> None:
        """Give it up."""
        self._points = ()
        self._held_measure = None
        self._clear()

    def _clear(self) -> None:
        if self._item is not None:
            self._scene.removeItem(self._item)
        self._item = None

    def _show(self, here: tuple[float, float]) -> None:
        self._clear()
        if self._held_measure is not None:
            _, which = self._held_measure
            moved = (*self._points[:which], here, *self._points[which + 1 :])
            self._item = MeasureItem(self._kind, moved, "", selected=True)
            self._scene.addItem(self._item)
            return
        if self._points:
            self._item = MeasureItem(self._kind, (*self._points, here), "", selected=True)
            self._scene.addItem(self._item)


def _held(point: QPointF, bounds: QRectF) -> tuple[float, float]:
    x = max(bounds.left(), min(bounds.right(), point.x()))
    y = max(bounds.top(), min(bounds.bottom(), point.y()))
    return (x, y)
