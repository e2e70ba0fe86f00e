"""How tests use the training dialog: with the mouse, and with the patience that child processes need."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QComboBox, QPushButton

from desktop.main_window import MainWindow
from desktop.panels.training_dialog import TrainingDialog
from desktop.screenshot import wait_until

STEPS = 4
SHARE = 35
"""Of the patients held out: with it some of the clinic's are on either side."""
_LONG_MS = 600_000
"""For children that import torch, on a machine that is busy with other tests."""


def until(condition: Callable[[], bool]) -> None:
    """Wait for what child processes do."""
    wait_until(condition, _LONG_MS)


def opened(window: MainWindow) -> TrainingDialog:
    """The dialog, by its menu."""
    window.menus.training.trigger()
    dialog = window.findChildren(TrainingDialog)[-1]
    wait_until(dialog.isVisible)
    return dialog


def click(button: QPushButton) -> None:
    """With the mouse, on what can be clicked."""
    assert button.isVisible()
    assert button.isEnabled()
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)


def choose(box: QComboBox, data: object) -> None:
    """As a person does: the box tells that it was activated."""
    place = box.findData(data)
    assert place >= 0
    box.setCurrentIndex(place)
    box.activated.emit(place)


def begin(dialog: TrainingDialog, base_data: Path, steps: int = STEPS) -> None:
    """Freeze and train on everything that is decided."""
    freeze(dialog, base_data, steps)
    train_all_the_same(dialog)


def train_all_the_same(dialog: TrainingDialog) -> None:
    """The clinic's few patients can prove nothing, which the window says before it trains."""
    runs = dialog.runs
    until(lambda: runs.row is not None and runs.row.unjudged and runs.resume.isVisible() and runs.resume.isEnabled())
    assert runs.resume.text() == "Train all the same"
    click(runs.resume)


def freeze(dialog: TrainingDialog, base_data: Path, steps: int = STEPS) -> None:
    """Take the snapshot, which the training goes on from."""
    page = dialog.corrections
    wait_until(page.start.isEnabled)
    page.heldout.setValue(SHARE)
    page.steps.setValue(steps)
    page.replay.edit.setText(str(base_data / "train"))
    page.base_test.edit.setText(str(base_data / "test"))
    click(page.start)
