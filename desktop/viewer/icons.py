"""The tool bar's icons, drawn here in the theme's text colour: sharp on every screen, no files."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QLineF, QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QIcon, QPainter, QPainterPath, QPalette, QPen, QPixmap, QPolygonF

_SIDE = 24
_SHARPNESS = 3


def icon(name: str, palette: QPalette) -> QIcon:
    """An icon by its name, for a palette. Raises `KeyError` for a name that is not drawn here."""
    text = palette.color(QPalette.ColorGroup.Active, QPalette.ColorRole.ButtonText)
    faint = QColor(text)
    faint.setAlpha(90)
    # A tool that is on stands on the accent colour.
    on = palette.color(QPalette.ColorGroup.Active, QPalette.ColorRole.HighlightedText)
    result = QIcon()
    result.addPixmap(_pixmap(_DRAWINGS[name], text), QIcon.Mode.Normal, QIcon.State.Off)
    result.addPixmap(_pixmap(_DRAWINGS[name], on), QIcon.Mode.Normal, QIcon.State.On)
    for state in QIcon.State:
        result.addPixmap(_pixmap(_DRAWINGS[name], faint), QIcon.Mode.Disabled, state)
    return result


def _pixmap(draw: Callable[[QPainter], None], color: QColor) -> QPixmap:
    pixmap = QPixmap(_SIDE * _SHARPNESS, _SIDE * _SHARPNESS)
    pixmap.setDevicePixelRatio(_SHARPNESS)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    pen = QPen(color, 1.7)
    pen.setCapStyle(Qt.PenCapStyle.RoundCap)
    pen.setJoinStyle(Qt.PenJoinStyle.RoundJoin)
    painter.setPen(pen)
    draw(painter)
    painter.end()
    return pixmap


def _lines(*lines: tuple[float, float, float, float]) -> Callable[[QPainter], None]:
    return lambda painter: painter.drawLines([QLineF(*line) for line in lines])


def _rects(*rects: tuple[float, float, float, float]) -> Callable[[QPainter], None]:
    def paint(painter: QPainter) -> None:
        for rect in rects:
            painter.drawRoundedRect(QRectF(*rect), 1.5, 1.5)

    return paint


def _box(painter: QPainter) -> None:
    painter.setPen(QPen(painter.pen().color(), 1.7, Qt.PenStyle.DashLine))
    painter.drawRect(QRectF(4, 6, 16, 12))


def _window(painter: QPainter) -> None:
    painter.drawEllipse(QPointF(12, 12), 7.5, 7.5)
    painter.setBrush(painter.pen().color())
    painter.drawPie(QRectF(4.5, 4.5, 15, 15), 90 * 16, 180 * 16)


def _pan(painter: QPainter) -> None:
    _lines((12, 3.5, 12, 20.5), (3.5, 12, 20.5, 12))(painter)
    for x, y, dx, dy in ((12, 3.5, 0, 1), (12, 20.5, 0, -1), (3.5, 12, 1, 0), (20.5, 12, -1, 0)):
        painter.drawLine(QPointF(x, y), QPointF(x + 3 * dx + 2.5 * dy, y + 3 * dy + 2.5 * dx))
        painter.drawLine(QPointF(x, y), QPointF(x + 3 * dx - 2.5 * dy, y + 3 * dy - 2.5 * dx))


def _crosshair(painter: QPainter) -> None:
    _lines((12, 3, 12, 9), (12, 15, 12, 21), (3, 12, 9, 12), (15, 12, 21, 12))(painter)
    painter.drawEllipse(QPointF(12, 12), 1.2, 1.2)


def _length(painter: QPainter) -> None:
    _lines((5, 19, 19, 5), (3, 17, 7, 21), (17, 3, 21, 7), (10, 17, 8, 15), (14, 13, 12, 11))(painter)


def _angle(painter: QPainter) -> None:
    _lines((4, 19, 20, 19), (4, 19, 17, 5))(painter)
    painter.drawArc(QRectF(-4, 11, 16, 16), 0, 46 * 16)


def _ellipse(painter: QPainter) -> None:
    painter.drawEllipse(QRectF(3, 5.5, 18, 13))
    _bars(painter)


def _rectangle(painter: QPainter) -> None:
    painter.drawRect(QRectF(3.5, 5.5, 17, 13))
    _bars(painter)


def _bars(painter: QPainter) -> None:
    """A small histogram: values are counted."""
    _lines((9, 15, 9, 12.5), (12, 15, 12, 9), (15, 15, 15, 11.5))(painter)


def _invert(painter: QPainter) -> None:
    painter.drawRect(QRectF(4, 4, 16, 16))
    painter.setBrush(painter.pen().color())
    painter.drawPolygon(QPolygonF([QPointF(4, 20), QPointF(20, 4), QPointF(20, 20)]))


def _font(painter: QPainter, size: int) -> None:
    font = QFont()
    font.setPixelSize(size)
    font.setBold(True)
    painter.setFont(font)


def _text(text: str, size: int) -> Callable[[QPainter], None]:
    def draw(painter: QPainter) -> None:
        _font(painter, size)
        painter.drawText(QRectF(0, 0, _SIDE, _SIDE), int(Qt.AlignmentFlag.AlignCenter), text)

    return draw


def _fit(painter: QPainter) -> None:
    painter.drawRect(QRectF(8, 8, 8, 8))
    for x, y in ((4, 4), (20, 4), (4, 20), (20, 20)):
        dx, dy = (3 if x < 12 else -3), (3 if y < 12 else -3)
        painter.drawLine(QPointF(x, y), QPointF(x + dx, y))
        painter.drawLine(QPointF(x, y), QPointF(x, y + dy))


def _play(painter: QPainter) -> None:
    painter.setBrush(painter.pen().color())
    painter.drawPolygon(QPolygonF([QPointF(7, 5), QPointF(19, 12), QPointF(7, 19)]))


def _pause(painter: QPainter) -> None:
    painter.setBrush(painter.pen().color())
    _rects((6, 5, 4, 14), (14, 5, 4, 14))(painter)


def _link(painter: QPainter) -> None:
    painter.drawRoundedRect(QRectF(3, 8.5, 10, 7), 3.5, 3.5)
    painter.drawRoundedRect(QRectF(11, 8.5, 10, 7), 3.5, 3.5)


def _smooth(painter: QPainter) -> None:
    painter.setBrush(painter.pen().color())
    painter.drawRect(QRectF(4, 13, 4, 7))
    painter.drawRect(QRectF(8, 9, 4, 11))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.drawArc(QRectF(6, 4, 26, 32), 100 * 16, 80 * 16)


def _camera(painter: QPainter) -> None:
    painter.drawRoundedRect(QRectF(3, 7, 18, 12), 2, 2)
    painter.drawEllipse(QPointF(12, 13), 3.4, 3.4)
    _lines((8, 7, 9.5, 4.5), (9.5, 4.5, 14.5, 4.5), (14.5, 4.5, 16, 7))(painter)


def _select(painter: QPainter) -> None:
    painter.drawPolygon(
        QPolygonF([QPointF(*at) for at in ((6, 3), (6, 18), (10, 14.5), (13, 21), (15.5, 20), (12.7, 13.7), (18, 13))])
    )


def _rotated_box(painter: QPainter) -> None:
    painter.setPen(QPen(painter.pen().color(), 1.7, Qt.PenStyle.DashLine))
    painter.drawPolygon(QPolygonF([QPointF(*at) for at in ((9, 3.5), (21, 10), (15, 20.5), (3, 14))]))


def _oval(painter: QPainter) -> None:
    painter.setPen(QPen(painter.pen().color(), 1.7, Qt.PenStyle.DashLine))
    painter.drawEllipse(QRectF(3, 6, 18, 12))


def _polygon(painter: QPainter) -> None:
    corners = [QPointF(*at) for at in ((5, 9), (14, 4), (20, 12), (15, 20), (6, 18))]
    painter.drawPolygon(QPolygonF(corners))
    painter.setBrush(painter.pen().color())
    for corner in corners:
        painter.drawEllipse(corner, 1.5, 1.5)


def _freehand(painter: QPainter) -> None:
    path = QPainterPath(QPointF(6, 17))
    path.cubicTo(QPointF(0, 8), QPointF(8, 1), QPointF(13, 5))
    path.cubicTo(QPointF(17, 8), QPointF(23, 6), QPointF(20, 14))
    path.cubicTo(QPointF(18, 21), QPointF(10, 23), QPointF(6, 17))
    painter.drawPath(path)


def _line(painter: QPainter) -> None:
    _lines((6, 18, 18, 6))(painter)
    painter.setBrush(painter.pen().color())
    for x, y in ((6, 18), (18, 6)):
        painter.drawEllipse(QPointF(x, y), 2, 2)


def _point(painter: QPainter) -> None:
    _lines((12, 5, 12, 19), (5, 12, 19, 12))(painter)
    painter.setBrush(painter.pen().color())
    painter.drawEllipse(QPointF(12, 12), 2.4, 2.4)


def _brush(painter: QPainter) -> None:
    _lines((20, 4, 11, 13))(painter)
    painter.setBrush(painter.pen().color())
    path = QPainterPath(QPointF(11, 12))
    path.cubicTo(QPointF(7, 12), QPointF(7, 18), QPointF(3.5, 19.5))
    path.cubicTo(QPointF(8, 21), QPointF(13, 19), QPointF(12.5, 14))
    path.closeSubpath()
    painter.drawPath(path)


def _eraser(painter: QPainter) -> None:
    painter.drawPolygon(QPolygonF([QPointF(*at) for at in ((13, 4), (20, 11), (12, 19), (5, 12))]))
    _lines((9, 8, 16, 15), (9, 20, 20, 20))(painter)


def _values(painter: QPainter) -> None:
    """A scale with two limits on it."""
    _lines((8, 4, 8, 20), (5, 8, 19, 8), (5, 16, 19, 16))(painter)
    painter.fillRect(QRectF(12, 9.5, 6, 5), painter.pen().color())


_DRAWINGS: dict[str, Callable[[QPainter], None]] = {
    "select": _select,
    "box": _box,
    "rotated_box": _rotated_box,
    "oval": _oval,
    "polygon": _polygon,
    "freehand": _freehand,
    "line": _line,
    "point": _point,
    "brush": _brush,
    "eraser": _eraser,
    "values": _values,
    "crosshair": _crosshair,
    "window": _window,
    "pan": _pan,
    "length": _length,
    "angle": _angle,
    "ellipse": _ellipse,
    "rectangle": _rectangle,
    "invert": _invert,
    "fit": _fit,
    "one_to_one": _text("1:1", 11),
    "smooth": _smooth,
    "lines": _lines((4, 9, 20, 9), (15, 4, 15, 20)),
    "link": _link,
    "play": _play,
    "pause": _pause,
    "camera": _camera,
    "keys": _text("?", 17),
    "maximize": _rects((6, 6, 12, 12)),
    "single": _rects((4, 4, 16, 16)),
    "pair": _rects((3.5, 5, 7.5, 14), (13, 5, 7.5, 14)),
    "planes": _rects((4, 4, 7, 7), (13, 4, 7, 7), (4, 13, 7, 7), (13, 13, 7, 7)),
}
