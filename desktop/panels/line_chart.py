"""A small chart of lines, painted in the theme's colours."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFont, QPainter, QPaintEvent, QPalette, QPen, QPolygonF
from PySide6.QtWidgets import QSizePolicy, QWidget

from desktop.theme import series_colors

_LEFT, _RIGHT, _TOP, _BOTTOM = 46, 12, 22, 20
_GRID_LINES = 4
_DOT = 2.5


@dataclass(frozen=True, slots=True)
class ChartLine:
    """points : x, y, with growing x. band : x, low, high of a shaded area. second : in the theme's other colour.

    quiet : thin, without dots, for what is only compared with.
    """

    name: str
    points: tuple[tuple[float, float], ...]
    band: tuple[tuple[float, float, float], ...] = ()
    second: bool = False
    quiet: bool = False


def plain_number(value: float) -> str:
    """As short as a mark on an axis can be."""
    return f"{value:.3g}"


class LineChart(QWidget):
    """set_lines : what is shown. x_text, y_text : how a value is written at its axis."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.lines: tuple[ChartLine, ...] = ()
        self.x_text: Callable[[float], str] = plain_number
        self.y_text: Callable[[float], str] = plain_number
        self._empty = ""
        self._y_range: tuple[float, float] | None = None
        self._x_range: tuple[float, float] | None = None
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumHeight(110)
        font = QFont(self.font())
        font.setPixelSize(11)
        self.setFont(font)

    def set_lines(
        self,
        lines: Sequence[ChartLine],
        *,
        empty: str = "",
        y_range: tuple[float, float] | None = None,
        x_range: tuple[float, float] | None = None,
    ) -> None:
        """Show these lines. empty : what stands there when they have no point. A range that is not given follows."""
        self.lines = tuple(line for line in lines if line.points)
        self._empty, self._y_range, self._x_range = empty, y_range, x_range
        self.setAccessibleDescription(self._told())
        self.update()

    def sizeHint(self) -> QSize:
        """Room for a curve to be one."""
        return QSize(360, 180)

    def _told(self) -> str:
        """For those who cannot see it: where each line begins and ends."""
        said = []
        for line in self.lines:
            (x1, y1), (x2, y2) = line.points[0], line.points[-1]
            ends = f"{self.x_text(x1)}: {self.y_text(y1)}, {self.x_text(x2)}: {self.y_text(y2)}"
            said.append(f"{line.name}: {ends}")
        return "; ".join(said) or self._empty

    def _ranges(self) -> tuple[float, float, float, float]:
        xs = [x for line in self.lines for x, _ in line.points]
        ys = [y for line in self.lines for _, y in line.points]
        ys += [y for line in self.lines for _, *both in line.band for y in both]
        left, right = self._x_range or (min(xs), max(xs))
        low, high = self._y_range or (min(ys), max(ys))
        if self._y_range is None:
            room = (high - low) * 0.08 or abs(high) * 0.1 or 1.0
            # A loss is never below zero; an axis that says so would mislead.
            low, high = (max(0.0, low - room) if low >= 0 else low - room), high + room
        if left == right:
            left, right = left - 1, right + 1
        return left, right, low, high

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        palette = self.palette()
        quiet = palette.color(QPalette.ColorRole.PlaceholderText)
        area = QRectF(_LEFT, _TOP, max(1, self.width() - _LEFT - _RIGHT), max(1, self.height() - _TOP - _BOTTOM))
        if not self.lines:
            painter.setPen(quiet)
            painter.drawText(self.rect(), Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap, self._empty)
            painter.end()
            return
        left, right, low, high = self._ranges()

        def at(x: float, y: float) -> QPointF:
            across = (x - left) / (right - left)
            up = (y - low) / (high - low)
            return QPointF(area.left() + across * area.width(), area.bottom() - up * area.height())

        self._draw_axes(painter, area, (left, right, low, high), palette.color(QPalette.ColorRole.Mid), quiet)
        painter.setClipRect(area.adjusted(-4, -4, 4, 4))
        colors = [self._color(line, quiet) for line in self.lines]
        for line, color in zip(self.lines, colors, strict=True):
            _draw_line(painter, line, color, at)
        painter.setClipping(False)
        self._draw_names(painter, area, colors)
        painter.end()

    def _color(self, line: ChartLine, quiet: QColor) -> QColor:
        first, second = series_colors(self.palette())
        return quiet if line.quiet else second if line.second else first

    def _draw_axes(
        self,
        painter: QPainter,
        area: QRectF,
        ranges: tuple[float, float, float, float],
        grid: QColor,
        text: QColor,
    ) -> None:
        left, right, low, high = ranges
        for number in range(_GRID_LINES + 1):
            share = number / _GRID_LINES
            y = area.bottom() - share * area.height()
            painter.setPen(QPen(grid, 1))
            painter.drawLine(QPointF(area.left(), y), QPointF(area.right(), y))
            if number % 2 == 0:
                painter.setPen(text)
                box = QRectF(0, y - 8, _LEFT - 6, 16)
                align = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
                painter.drawText(box, align, self.y_text(low + share * (high - low)))
        painter.setPen(text)
        below = QRectF(area.left(), area.bottom() + 3, area.width(), _BOTTOM - 3)
        xs = {x for line in self.lines for x, _ in line.points}
        if len(xs) == 1:
            painter.drawText(below, Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignTop, self.x_text(xs.pop()))
            return
        painter.drawText(below, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop, self.x_text(left))
        painter.drawText(below, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignTop, self.x_text(right))

    def _draw_names(self, painter: QPainter, area: QRectF, colors: Sequence[QColor]) -> None:
        right = area.right()
        for line, color in reversed(list(zip(self.lines, colors, strict=True))):
            if not line.name:
                continue
            width = painter.fontMetrics().horizontalAdvance(line.name)
            painter.setPen(color)
            painter.drawText(QRectF(right - width, 2, width + 2, 16), Qt.AlignmentFlag.AlignVCenter, line.name)
            right -= width + 16


def _draw_line(painter: QPainter, line: ChartLine, color: QColor, at: Callable[[float, float], QPointF]) -> None:
    if line.band:
        fill = QColor(color)
        fill.setAlpha(48)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(fill)
        edge = [at(x, high) for x, _, high in line.band] + [at(x, low) for x, low, _ in reversed(line.band)]
        painter.drawPolygon(QPolygonF(edge))
        fill.setAlpha(160)
        painter.setPen(QPen(fill, 1))
        for x, low, high in line.band:
            painter.drawLine(at(x, low), at(x, high))
    pen = QPen(color, 1 if line.quiet else 2)
    pen.setStyle(Qt.PenStyle.DashLine if line.quiet else Qt.PenStyle.SolidLine)
    painter.setPen(pen)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    places = [at(x, y) for x, y in line.points]
    painter.drawPolyline(QPolygonF(places))
    if not line.quiet and len(places) <= 60:
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(color)
        for place in places:
            painter.drawEllipse(place, _DOT, _DOT)
