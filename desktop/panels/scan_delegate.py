"""How a row of the study browser is painted: picture, name, what it is, how far it is."""

from __future__ import annotations

from PySide6.QtCore import QModelIndex, QObject, QPersistentModelIndex, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFont, QGuiApplication, QPainter, QPalette, QPen, QPixmap
from PySide6.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem

from desktop.model.browser_tree import NodeKind, Role
from engine.store import ScanStatus

PICTURE = 52
_GAP = 8
_DOT = 8
_HEIGHTS = {NodeKind.SCAN: PICTURE + 12, NodeKind.PATIENT: 46, NodeKind.STUDY: 44}
_DOTS = {
    ScanStatus.NEW: "#58a6ff",
    ScanStatus.IN_PROGRESS: "#f0b429",
    ScanStatus.DONE: "#3fb950",
    ScanStatus.NEEDS_REVIEW: "#ff7b72",
}


class ScanDelegate(QStyledItemDelegate):
    """Pictures are asked for here, so only for rows that are on screen. open_scan : the one that is being looked at."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.open_scan: int | None = None

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> QSize:
        return QSize(120, _HEIGHTS.get(index.data(Role.KIND), 30))

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        self._background(painter, option)
        if self.open_scan is not None and index.data(Role.SCAN) == self.open_scan:
            # The keys may be on another row by now.
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QGuiApplication.palette().color(QPalette.ColorRole.Highlight))
            painter.drawRoundedRect(QRectF(option.rect.left() - 4, option.rect.top() + 6, 3, PICTURE), 1.5, 1.5)
        rect = option.rect.adjusted(2, 4, -6, -4)
        kind = index.data(Role.KIND)
        if kind == NodeKind.SCAN:
            self._scan(painter, option, index, rect)
        elif kind in (NodeKind.PATIENT, NodeKind.STUDY):
            self._two_lines(painter, option, index, rect, bold=kind == NodeKind.PATIENT)
        else:
            painter.setFont(_font(option, bold=True))
            painter.setPen(_muted(option))
            painter.drawText(rect, Qt.AlignmentFlag.AlignVCenter, str(index.data()))
        painter.restore()

    def _background(self, painter: QPainter, option: QStyleOptionViewItem) -> None:
        selected = bool(option.state & QStyle.StateFlag.State_Selected)
        if not selected and not option.state & QStyle.StateFlag.State_MouseOver:
            return
        # Of the application: the tree's own is transparent, because Qt would fill the space before the row with it.
        color = QColor(QGuiApplication.palette().color(QPalette.ColorRole.Highlight))
        color.setAlpha(85 if selected else 30)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(color)
        painter.drawRoundedRect(QRectF(option.rect).adjusted(0, 1, -3, -1), 5, 5)

    def _scan(
        self,
        painter: QPainter,
        option: QStyleOptionViewItem,
        index: QModelIndex | QPersistentModelIndex,
        rect: QRect,
    ) -> None:
        frame = QRect(rect.left(), rect.center().y() - PICTURE // 2 + 1, PICTURE, PICTURE)
        # A scan is on black in every theme.
        painter.fillRect(frame, Qt.GlobalColor.black)
        picture = index.data(Qt.ItemDataRole.DecorationRole)
        if isinstance(picture, QPixmap):
            size = picture.size().scaled(frame.size(), Qt.AspectRatioMode.KeepAspectRatio)
            place = QRect(frame.topLeft(), size)
            place.moveCenter(frame.center())
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
            painter.setOpacity(0.4 if index.data(Role.MISSING) else 1.0)
            painter.drawPixmap(place, picture)
            painter.setOpacity(1.0)
        text = rect.adjusted(PICTURE + _GAP, 0, 0, 0)
        lines = [str(index.data()), str(index.data(Role.SUBTITLE)), str(index.data(Role.PROGRESS))]
        height = text.height() // 3
        for number, line in enumerate(lines):
            place = QRect(text.left(), text.top() + number * height, text.width(), height)
            painter.setFont(_font(option, smaller=number > 0))
            painter.setPen(option.palette.color(QPalette.ColorRole.Text) if number == 0 else _muted(option))
            if number == 2:
                painter.save()
                dot = QRectF(place.left(), place.center().y() - _DOT // 2 + 1, _DOT, _DOT)
                if index.data(Role.MISSING):
                    painter.setPen(QPen(_muted(option), 1.5))
                    painter.drawEllipse(dot.adjusted(1, 1, -1, -1))
                else:
                    painter.setPen(Qt.PenStyle.NoPen)
                    painter.setBrush(QColor(_DOTS[index.data(Role.STATUS)]))
                    painter.drawEllipse(dot)
                painter.restore()
                place.setLeft(place.left() + _DOT + 6)
            _draw(painter, place, line)

    def _two_lines(
        self,
        painter: QPainter,
        option: QStyleOptionViewItem,
        index: QModelIndex | QPersistentModelIndex,
        rect: QRect,
        *,
        bold: bool,
    ) -> None:
        upper = QRect(rect.left(), rect.top(), rect.width(), rect.height() // 2)
        painter.setFont(_font(option, bold=bold))
        painter.setPen(option.palette.color(QPalette.ColorRole.Text))
        _draw(painter, upper, str(index.data()))
        painter.setFont(_font(option, smaller=True))
        painter.setPen(_muted(option))
        _draw(painter, upper.translated(0, upper.height()), str(index.data(Role.SUBTITLE)))


def _draw(painter: QPainter, place: QRect, text: str) -> None:
    shown = painter.fontMetrics().elidedText(text, Qt.TextElideMode.ElideRight, place.width())
    painter.drawText(place, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, shown)


def _font(option: QStyleOptionViewItem, *, bold: bool = False, smaller: bool = False) -> QFont:
    font = QFont(option.font)
    font.setBold(bold)
    if smaller and font.pixelSize() > 0:
        font.setPixelSize(font.pixelSize() - 1)
    return font


def _muted(option: QStyleOptionViewItem) -> QColor:
    color = QColor(option.palette.color(QPalette.ColorRole.Text))
    color.setAlphaF(0.7)
    return color
