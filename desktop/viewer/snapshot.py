"""A view as a picture to pass on, with what it must not be used for burned in."""

from __future__ import annotations

from PySide6.QtCore import QRect, Qt
from PySide6.QtGui import QColor, QFont, QImage, QPainter

from desktop.viewer.slice_view import SliceView


def snapshot(view: SliceView, disclaimer: str) -> QImage:
    """What the view shows, at the screen's resolution, over a line with the disclaimer.

    The line is added below, whatever the view itself shows: texts on the slice can be hidden.
    """
    shown = view.viewport().grab().toImage()
    ratio = shown.devicePixelRatio()
    line = round(24 * ratio)
    picture = QImage(shown.width(), shown.height() + line, QImage.Format.Format_RGB32)
    picture.fill(QColor("#05070a"))
    shown.setDevicePixelRatio(1)
    painter = QPainter(picture)
    painter.drawImage(0, 0, shown)
    font = QFont()
    font.setPixelSize(round(13 * ratio))
    painter.setFont(font)
    painter.setPen(QColor("#f0b429"))
    painter.drawText(QRect(0, shown.height(), shown.width(), line), int(Qt.AlignmentFlag.AlignCenter), disclaimer)
    painter.end()
    return picture
