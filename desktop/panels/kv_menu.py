"""The choice of how models keep keys and values."""

from __future__ import annotations

from PySide6.QtCore import QEvent
from PySide6.QtGui import QAction, QActionGroup
from PySide6.QtWidgets import QMenu, QWidget

from desktop.model.models import ModelsModel
from engine.runtime import KvType


class KvMenu(QMenu):
    """Applies a choice with the next question and remembers it."""

    def __init__(self, models: ModelsModel, parent: QWidget) -> None:
        super().__init__(parent)
        group = QActionGroup(self)
        self._choices: dict[KvType, QAction] = {}
        for kv_type in KvType:
            action = QAction(self, checkable=True)
            action.triggered.connect(lambda _=False, kv_type=kv_type: models.use_kv_type(kv_type))
            group.addAction(action)
            self.addAction(action)
            self._choices[kv_type] = action
        self.aboutToShow.connect(lambda: self._choices[models.kv_type].setChecked(True))
        self._retranslate()

    def _retranslate(self) -> None:
        self.setTitle(self.tr("Keys and values (KV cache)"))
        for kv_type, text in (
            (KvType.F16, self.tr("16 bits (usual)")),
            (KvType.Q8_0, self.tr("8 bits (half the memory)")),
            (KvType.F32, self.tr("32 bits (exact, slower)")),
        ):
            self._choices[kv_type].setText(text)

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.LanguageChange:
            self._retranslate()
