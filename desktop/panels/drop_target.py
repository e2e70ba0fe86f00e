"""Files and folders dragged onto the window: what would happen is said before they are let go."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QEvent, QMimeData, QObject, Qt, Signal
from PySide6.QtGui import QDragEnterEvent, QDragMoveEvent, QDropEvent
from PySide6.QtWidgets import QFrame, QLabel, QMainWindow, QVBoxLayout, QWidget

# Never a move: the file manager would delete what was only to be looked at.
_HARMLESS = (Qt.DropAction.CopyAction, Qt.DropAction.LinkAction)


class DropTarget(QObject):
    """Makes a window take files. dropped : their paths. refused : a message, nothing or not everything was taken."""

    dropped = Signal(list)
    refused = Signal(str)

    def __init__(self, window: QMainWindow) -> None:
        super().__init__(window)
        self._window = window
        self.sign = DropSign(window)
        window.setAcceptDrops(True)
        window.installEventFilter(self)
        # Qt's views would swallow what is dropped on the image, and fields would take a file as text, its path.
        for widget in window.findChildren(QWidget):
            widget.setAcceptDrops(False)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        kind = event.type()
        if kind in (QEvent.Type.DragEnter, QEvent.Type.DragMove, QEvent.Type.Drop):
            assert isinstance(event, QDropEvent | QDragEnterEvent | QDragMoveEvent)
            action = next((one for one in _HARMLESS if event.possibleActions() & one), None)
            if action is None or not event.mimeData().hasUrls():
                event.ignore()
                return True
            event.setDropAction(action)
            event.accept()
            if kind == QEvent.Type.DragEnter:
                self.sign.show_for(*_counts(event.mimeData()))
            elif kind == QEvent.Type.Drop:
                self.sign.hide()
                self._take(event.mimeData())
            return True
        if kind == QEvent.Type.DragLeave:
            self.sign.hide()
        return False

    def _take(self, data: QMimeData) -> None:
        paths = [Path(url.toLocalFile()) for url in data.urls() if url.isLocalFile()]
        elsewhere = len(data.urls()) - len(paths)
        if elsewhere:
            self.refused.emit(self.sign.refusal(len(paths), elsewhere))
        if paths:
            self.dropped.emit(paths)


class DropSign(QFrame):
    """Lies over the whole window while something is dragged over it."""

    def __init__(self, window: QMainWindow) -> None:
        super().__init__(window)
        self.setObjectName("dropSign")
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self._window = window
        self._title, self._more = QLabel(), QLabel()
        self._title.setObjectName("dropTitle")
        self._more.setObjectName("dropMore")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(40, 40, 40, 40)
        layout.addStretch(1)
        for label in (self._title, self._more):
            label.setAlignment(Qt.AlignmentFlag.AlignCenter)
            label.setWordWrap(True)
            layout.addWidget(label)
        layout.addStretch(1)
        self.hide()

    @property
    def text(self) -> str:
        """What it says, "" when nothing is dragged."""
        return "" if self.isHidden() else f"{self._title.text()}\n{self._more.text()}"

    def show_for(self, local: int, elsewhere: int) -> None:
        """Say what would be done with so many things of this computer, and so many that are not on it."""
        if not local:
            self._title.setText(self.tr("This cannot be added"))
        elif local == 1:
            self._title.setText(self.tr("Drop to add to the worklist"))
        else:
            self._title.setText(self.tr("Drop to add {0} files or folders to the worklist").format(f"{local:,}"))
        kinds = self.tr(
            "DICOM files and folders, DICOMDIR, zip archives, NIfTI, NRRD, MetaImage and pictures. "
            "They stay where they are."
        )
        self._more.setText(self.refusal(local, elsewhere) if elsewhere else kinds)
        self.setProperty("refused", not local)
        self.style().unpolish(self)
        self.style().polish(self)
        self.setGeometry(self._window.rect().adjusted(8, 8, -8, -8))
        self.show()
        self.raise_()

    def refusal(self, local: int, elsewhere: int) -> str:
        """Why something is left out, and what to do about it."""
        if local:
            return self.tr("Left out because they are not on this computer: {0}").format(f"{elsewhere:,}")
        return self.tr("Only files and folders on this computer can be added. Save it to a folder, and drop it again.")


def _counts(data: QMimeData) -> tuple[int, int]:
    local = sum(url.isLocalFile() for url in data.urls())
    return local, len(data.urls()) - local
