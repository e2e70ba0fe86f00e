"""The worklist on the left: picture, title, how far it is."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QSize, Qt, Signal
from PySide6.QtGui import QIcon, QImage, QPainter, QPixmap
from PySide6.QtWidgets import QLabel, QListWidget, QListWidgetItem, QPushButton, QVBoxLayout, QWidget

from desktop.model.worklist import WorklistModel
from engine.store import WorklistRow

_ICON = 72
_ID_ROLE = Qt.ItemDataRole.UserRole


class WorklistPanel(QWidget):
    """chosen : the person wants this scan. open_wanted : the person wants to add scans."""

    chosen = Signal(object)
    open_wanted = Signal()

    def __init__(self, worklist: WorklistModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._worklist = worklist
        self._icons: dict[int, QIcon] = {}
        self._chinese = False
        self._title = QLabel()
        self._title.setObjectName("panelTitle")
        self._list = QListWidget()
        self._list.setIconSize(QSize(_ICON, _ICON))
        self._list.setWordWrap(True)
        self._list.setSpacing(2)
        self._list.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._list.itemClicked.connect(self._clicked)
        self._add = QPushButton()
        self._add.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._add.clicked.connect(self.open_wanted)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(8, 8, 8, 8)
        layout.addWidget(self._title)
        layout.addWidget(self._list, 1)
        layout.addWidget(self._add)
        worklist.changed.connect(self._fill)
        worklist.thumbnail.connect(self._set_thumbnail)
        self._retranslate()

    def set_chinese(self, chinese: bool) -> None:
        """Which of a scan's two titles to show."""
        self._chinese = chinese
        self._fill()

    def set_current(self, item: WorklistRow | None) -> None:
        """Mark the scan that is open."""
        if item is None:
            self._list.setCurrentItem(None)
        for number in range(self._list.count()):
            entry = self._list.item(number)
            if item is not None and entry.data(_ID_ROLE) == item.id:
                self._list.setCurrentItem(entry)

    def _clicked(self, entry: QListWidgetItem) -> None:
        number = entry.data(_ID_ROLE)
        self.chosen.emit(next(row for row in self._worklist.rows if row.id == number))

    def _fill(self) -> None:
        current = self._list.currentItem()
        kept = current.data(_ID_ROLE) if current is not None else None
        self._list.clear()
        for row in self._worklist.rows:
            title = row.title_zh if self._chinese else row.title_en
            entry = QListWidgetItem(f"{title}\n{self._status(row)}")
            entry.setData(_ID_ROLE, row.id)
            entry.setIcon(self._icons.get(row.id, _empty_icon()))
            entry.setToolTip(row.path)
            entry.setSizeHint(QSize(0, _ICON + 12))
            self._list.addItem(entry)
            if row.id == kept:
                self._list.setCurrentItem(entry)

    def _status(self, row: WorklistRow) -> str:
        if row.open:
            return self.tr("{0} decided · {1} open").format(row.decided, row.open)
        if row.decided:
            return self.tr("{0} decided").format(row.decided)
        return self.tr("seen") if row.opened else self.tr("new")

    def _set_thumbnail(self, number: int, rgb: NDArray[np.uint8]) -> None:
        height, width = rgb.shape[:2]
        image = QImage(rgb.data, width, height, 3 * width, QImage.Format.Format_RGB888)
        picture = QPixmap.fromImage(image).scaled(
            _ICON, _ICON, Qt.AspectRatioMode.KeepAspectRatio, Qt.TransformationMode.SmoothTransformation
        )
        square = QPixmap(_ICON, _ICON)
        square.fill(Qt.GlobalColor.black)
        painter = QPainter(square)
        painter.drawPixmap((_ICON - picture.width()) // 2, (_ICON - picture.height()) // 2, picture)
        painter.end()
        icon = QIcon(square)
        # Selected, Qt would tint the picture: greys must stay what they are.
        icon.addPixmap(square, QIcon.Mode.Selected)
        self._icons[number] = icon
        for entry in (self._list.item(i) for i in range(self._list.count())):
            if entry.data(_ID_ROLE) == number:
                entry.setIcon(self._icons[number])

    def _retranslate(self) -> None:
        self._title.setText(self.tr("Worklist"))
        self._add.setText(self.tr("Add scans …"))

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.LanguageChange:
            self._retranslate()
            self._fill()


def _empty_icon() -> QIcon:
    blank = QPixmap(_ICON, _ICON)
    blank.fill(Qt.GlobalColor.black)
    return QIcon(blank)
