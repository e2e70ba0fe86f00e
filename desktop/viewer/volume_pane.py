"""The 3-D view. Filled in next."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QFrame

from desktop.model.session import ViewerModels


class VolumePane(QFrame):
    """The fourth pane."""

    key_pressed = Signal(QKeyEvent)

    def __init__(self, models: ViewerModels) -> None:
        super().__init__()
