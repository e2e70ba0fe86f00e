"""A shape's outline as Qt draws it. Scene coordinates are pixels of the slice."""

from __future__ import annotations

from PySide6.QtCore import QPointF
from PySide6.QtGui import QPainterPath, QPolygonF

from engine.regions import Box, Ellipse, Line, Mask, Point, Shape

_POINT_ARM = 4.0


def shape_path(shape: Shape) -> QPainterPath:
    """Closed rings, with holes as holes; an open line for a line; a cross of 8 pixels for a point."""
    path = QPainterPath()
    if isinstance(shape, Box):
        path.addRect(shape.x1, shape.y1, shape.width, shape.height)
    elif isinstance(shape, Point):
        for dx, dy in ((_POINT_ARM, 0.0), (0.0, _POINT_ARM)):
            path.moveTo(shape.x - dx, shape.y - dy)
            path.lineTo(shape.x + dx, shape.y + dy)
    elif isinstance(shape, Ellipse) and shape.angle_deg == 0:
        path.addEllipse(QPointF(shape.cx, shape.cy), shape.rx, shape.ry)
    else:
        for ring in shape.outline():
            points = QPolygonF([QPointF(float(x), float(y)) for x, y in ring])
            path.addPolygon(points)
            if shape.closed:
                path.closeSubpath()
    return path


def is_filled(shape: Shape) -> bool:
    """Whether its inside is tinted: a mask's extent is hard to tell from its outline alone."""
    return isinstance(shape, Mask)


def is_thin(shape: Shape) -> bool:
    """Whether there is no inside to click into."""
    return isinstance(shape, (Point, Line))
