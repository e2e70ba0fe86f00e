"""The choice of what the model runs on."""

from __future__ import annotations

from PySide6.QtCore import QEvent
from PySide6.QtGui import QAction, QActionGroup
from PySide6.QtWidgets import QMenu, QWidget

from desktop.model.models import ModelsModel
from desktop.panels.kv_menu import KvMenu
from engine.runtime import Device, DeviceKind


def running_menus(models: ModelsModel, parent: QWidget) -> tuple[QMenu, ...]:
    """Everything that can be chosen of how models run."""
    return DeviceMenu(models, parent), KvMenu(models, parent)


class DeviceMenu(QMenu):
    """Applies a choice with the next question and remembers it."""

    def __init__(self, models: ModelsModel, parent: QWidget) -> None:
        super().__init__(parent)
        self._models = models
        self._group = QActionGroup(self)
        self._choices: dict[Device, QAction] = {}
        for kind in DeviceKind:
            self._offer(Device(kind))
        self.aboutToShow.connect(self._show_current)
        self._retranslate()

    def choose(self, device: Device) -> None:
        """Let models run there, from now on."""
        self._models.use_device(device)

    def _offer(self, device: Device) -> QAction:
        action = QAction(self, checkable=True)
        action.triggered.connect(lambda _=False: self.choose(device))
        self._group.addAction(action)
        self.addAction(action)
        self._choices[device] = action
        return action

    def _show_current(self) -> None:
        device = self._models.device
        if device not in self._choices:
            # One GPU of several, which is chosen on the command line.
            self._offer(device)
            self._retranslate()
        self._choices[device].setChecked(True)

    def _retranslate(self) -> None:
        self.setTitle(self.tr("Runs on"))
        for device, action in self._choices.items():
            if device.kind is DeviceKind.AUTO:
                action.setText(self.tr("Automatic"))
            elif device.kind is DeviceKind.CPU:
                action.setText(self.tr("Processor (CPU)"))
            elif device.number is None:
                action.setText(self.tr("NVIDIA GPU"))
            else:
                action.setText(self.tr("NVIDIA GPU {0}").format(device.number))

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.LanguageChange:
            self._retranslate()
