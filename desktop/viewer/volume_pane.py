"""The 3-D view: shows the drawing model's picture in a plain widget and sends it the mouse.

Drag: turn. Wheel: zoom. Double click: from the front again. Arrows, + and -, and 0 do the same by keyboard.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QPointF, QRect, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QFocusEvent,
    QHideEvent,
    QImage,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QResizeEvent,
    QShowEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QComboBox, QFrame, QSizePolicy, QVBoxLayout, QWidget

from desktop.error_texts import shown_error
from desktop.model.layout import Pane
from desktop.model.open_scan import OpenScan
from desktop.model.session import ViewerModels
from desktop.model.volume_drawing import VolumeDrawing
from desktop.viewer.overlay import direction_letters, paint_letters
from desktop.viewer.view_pane import PaneTitle
from engine.scans.volume_rendering import VolumePreset

_DEGREES_A_PIXEL = 0.5
_DEGREES_A_KEY = 10.0
_DEGREES_A_FINE_KEY = 1.0
_TURNS = {
    Qt.Key.Key_Left: (1, 0),
    Qt.Key.Key_Right: (-1, 0),
    Qt.Key.Key_Up: (0, -1),
    Qt.Key.Key_Down: (0, 1),
}
"""As the mouse: the patient turns the way the arrow points."""
_COMMANDS = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.AltModifier | Qt.KeyboardModifier.MetaModifier
_ZOOM_STEP = 1.15
_MIDDLE = Qt.AlignmentFlag.AlignVCenter


class _Picture(QWidget):
    """key_pressed : a key for the window. focused : whether it has the keys."""

    key_pressed = Signal(QKeyEvent)
    focused = Signal(bool)

    def __init__(self, drawing: VolumeDrawing) -> None:
        super().__init__()
        self._drawing = drawing
        self._image: QImage | None = None
        self._from: QPointF | None = None
        self.message = ""
        self.note = ""
        self.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        self.setMinimumSize(80, 80)
        self.setCursor(Qt.CursorShape.OpenHandCursor)

    @property
    def image(self) -> QImage | None:
        """What is shown."""
        return self._image

    def show_picture(self, pixels: NDArray[np.uint8]) -> None:
        """(H, W, 3) uint8."""
        height, width = pixels.shape[:2]
        # A copy: the array may go.
        self._image = QImage(pixels.data, width, height, 3 * width, QImage.Format.Format_RGB888).copy()
        self.message = ""
        self.update()

    def clear(self, message: str) -> None:
        """Say why there is nothing to see."""
        self._image = None
        self.message = message
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(self.rect(), QColor("#05070a"))
        if self._image is not None:
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
            painter.drawImage(self._target(self._image), self._image)
            area = self.rect().adjusted(12, 10, -12, -10)
            left, right = self._sides()
            paint_letters(painter, area, Qt.AlignmentFlag.AlignLeft | _MIDDLE, left)
            paint_letters(painter, area, Qt.AlignmentFlag.AlignRight | _MIDDLE, right)
        painter.setPen(QColor("#8b949e"))
        painter.setFont(self.font())
        if self.message:
            flags = int(Qt.AlignmentFlag.AlignCenter) | int(Qt.TextFlag.TextWordWrap)
            painter.drawText(self.rect().adjusted(20, 20, -20, -20), flags, self.message)
        bottom = int(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignBottom)
        painter.drawText(self.rect().adjusted(12, 10, -12, -10), bottom, self.note)

    def _sides(self) -> tuple[str, str]:
        """The patient directions at the left and right edges."""
        turn = np.radians(self._drawing.sight.azimuth)
        right = np.array([np.cos(turn), np.sin(turn), 0.0])
        return direction_letters(-right), direction_letters(right)

    def _target(self, image: QImage) -> QRect:
        """The whole picture as large as it fits: a new size is drawn a moment later."""
        size = image.size().scaled(self.size(), Qt.AspectRatioMode.KeepAspectRatio)
        rect = QRect(0, 0, size.width(), size.height())
        rect.moveCenter(self.rect().center())
        return rect

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        ratio = self.devicePixelRatioF()
        self._drawing.resize(round(self.width() * ratio), round(self.height() * ratio))

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._drawing.show(True)

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self._drawing.show(False)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self._from = event.position()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._from is not None:
            moved = event.position() - self._from
            self._from = event.position()
            # The patient turns with the hand.
            self._drawing.turn(-moved.x() * _DEGREES_A_PIXEL, moved.y() * _DEGREES_A_PIXEL)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        self._from = None

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        self._drawing.reset()

    def wheelEvent(self, event: QWheelEvent) -> None:
        self._drawing.zoom(_ZOOM_STEP ** (event.angleDelta().y() / 120))
        event.accept()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.modifiers() & _COMMANDS or not self._turned_by(event):
            self.key_pressed.emit(event)

    def _turned_by(self, event: QKeyEvent) -> bool:
        """Turn and zoom by a key; False when it means nothing to this view."""
        turn, text = _TURNS.get(Qt.Key(event.key())), event.text()
        if turn is not None:
            fine = event.modifiers() & Qt.KeyboardModifier.ShiftModifier
            degrees = _DEGREES_A_FINE_KEY if fine else _DEGREES_A_KEY
            self._drawing.turn(turn[0] * degrees, turn[1] * degrees)
        elif text in ("+", "=", "-"):
            self._drawing.zoom(1 / _ZOOM_STEP if text == "-" else _ZOOM_STEP)
        elif text == "0":
            self._drawing.reset()
        else:
            return False
        return True

    def focusNextPrevChild(self, next: bool) -> bool:
        # As in the other views Tab means something else.
        return False

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        self.focused.emit(True)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self.focused.emit(False)


class VolumePane(QFrame):
    """The 3-D view with its title. key_pressed : a key for the window."""

    key_pressed = Signal(QKeyEvent)

    def __init__(self, models: ViewerModels) -> None:
        super().__init__()
        self.setObjectName("pane")
        self._drawing = models.drawing
        self._viewing = models.viewing
        self._title = PaneTitle(Pane.VOLUME)
        # Short enough to be read in full beside the preset.
        self._title.label.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Preferred)
        self._title.maximize_wanted.connect(lambda: models.layout.toggle_maximized(Pane.VOLUME))
        self._preset = QComboBox()
        self._preset.setObjectName("paneButton")
        self._preset.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._preset.activated.connect(lambda number: self._drawing.choose(self._drawing.presets[number]))
        self._title.row.insertWidget(2, self._preset)
        self.picture = _Picture(self._drawing)
        self.picture.key_pressed.connect(self.key_pressed)
        self.picture.focused.connect(self._mark)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(1, 1, 1, 1)
        layout.setSpacing(0)
        layout.addWidget(self._title)
        layout.addWidget(self.picture, 1)
        self._drawing.drawn.connect(self.picture.show_picture)
        self._drawing.failed.connect(self._failed)
        self._drawing.changed.connect(self._follow)
        models.viewing.opened.connect(self._say_drawing)
        models.viewing.completed.connect(self._completed)
        self._retranslate()

    def _mark(self, focused: bool) -> None:
        """The frame says where the keys go, as in the other views."""
        self.setProperty("active", focused)
        self.style().unpolish(self)
        self.style().polish(self)

    def _completed(self, scan: OpenScan) -> None:
        if scan is self._viewing.current:
            self._say_drawing()

    def _say_drawing(self) -> None:
        if self._drawing.waiting:
            self.picture.clear(self.tr("Drawn when all slices are read"))
        else:
            self.picture.clear(self.tr("Drawing …"))

    def _failed(self, message: str) -> None:
        self.picture.clear(self.tr("The 3-D view cannot be drawn: {0}").format(shown_error(message)))

    def _follow(self) -> None:
        names = {
            VolumePreset.CT_BONE: self.tr("Bone"),
            VolumePreset.CT_SOFT: self.tr("Soft tissue"),
            VolumePreset.MR: self.tr("Surface"),
        }
        presets = self._drawing.presets
        self._preset.clear()
        self._preset.addItems([names[preset] for preset in presets])
        if self._drawing.sight.preset in presets:
            self._preset.setCurrentIndex(presets.index(self._drawing.sight.preset))
        self._preset.setVisible(len(presets) > 1)
        if not presets:
            self.picture.clear(self.tr("This scan has no third dimension"))

    def _retranslate(self) -> None:
        self._title.label.setText(self.tr("3-D"))
        self._title.set_maximize_tip(self.tr("Fill the window with this view, or go back (double-click here)"))
        self.picture.note = self.tr("Not for diagnostic use")
        self.picture.setToolTip(
            self.tr("Drag or arrows to turn, wheel or + and - to zoom, double click or 0 for the front")
        )
        self._follow()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.LanguageChange:
            self._retranslate()
        elif event.type() == QEvent.Type.PaletteChange:
            self._title.retheme()
