"""Over the views while the open scan is a task: whose, how far, what the reviewer said, and what can be done now."""

from __future__ import annotations

from PySide6.QtCore import QEvent, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QLineEdit, QPushButton, QToolButton, QVBoxLayout, QWidget

from desktop.model.regions import RegionsModel
from desktop.model.tasks import OnScreen, Role, TasksModel
from desktop.panels.task_words import TaskWords
from desktop.task_actions import TaskActions
from engine.store import Fixes, TaskState

_BUTTONS = ("start", "submit", "approve", "return", "fix", "withdraw", "others")


class TaskBar(QFrame):
    """left : the comment is written or given up, the view should have the keyboard again."""

    left = Signal()

    def __init__(
        self, tasks: TasksModel, regions: RegionsModel, actions: TaskActions, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setObjectName("taskBar")
        self._tasks = tasks
        self._regions = regions
        self._words = TaskWords(self)
        self._text = _label("taskText")
        self._comment = _label("taskComment")
        self.buttons: dict[str, QToolButton] = {}
        row = QHBoxLayout()
        row.setSpacing(6)
        texts = QVBoxLayout()
        texts.setSpacing(1)
        texts.addWidget(self._text)
        texts.addWidget(self._comment)
        row.addLayout(texts, 1)
        for id in _BUTTONS:
            button = QToolButton()
            button.setDefaultAction(actions.by_id[id])
            button.setFocusPolicy(Qt.FocusPolicy.NoFocus)
            self.buttons[id] = button
            row.addWidget(button)
        self.edit = QLineEdit()
        self.send = QPushButton()
        self._give_up = QPushButton()
        self._writing = QWidget()
        line = QHBoxLayout(self._writing)
        line.setContentsMargins(0, 0, 0, 0)
        for widget in (self.edit, self.send, self._give_up):
            line.addWidget(widget)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(12, 5, 6, 5)
        layout.addLayout(row)
        layout.addWidget(self._writing)
        self._writing.hide()
        self.edit.textChanged.connect(lambda text: self.send.setEnabled(bool(text.strip())))
        self.edit.returnPressed.connect(self._send)
        self.send.clicked.connect(self._send)
        self._give_up.clicked.connect(self._stop_writing)
        tasks.changed.connect(self.refresh)
        regions.changed.connect(self._show_comment)
        actions.return_wanted.connect(self.write_comment)
        self._retranslate()
        self.refresh()

    @property
    def text(self) -> str:
        """What it says, "" when it says nothing."""
        return "" if self.isHidden() else "\n".join((self._text.text(), self._comment.text())).strip()

    def write_comment(self) -> None:
        """Ask in place why a reading is returned."""
        self._writing.show()
        self.send.setEnabled(bool(self.edit.text().strip()))
        self.edit.setFocus()

    def refresh(self) -> None:
        """Show the task on screen."""
        current = self._tasks.current
        self.setVisible(current is not None)
        if current is None:
            self._writing.hide()
            return
        if not self.buttons["return"].defaultAction().isEnabled():
            self._writing.hide()
        for button in self.buttons.values():
            button.setVisible(button.defaultAction().isEnabled())
        self._text.setText(self._heading(current))
        self._show_comment()

    def _heading(self, current: OnScreen) -> str:
        task = current.task
        whose = self.tr("Your reading") if current.role is Role.ANNOTATOR else self.tr("{0}'s reading")
        return " · ".join(
            (whose.format(task.annotator), self._words.reading(task.reading), self._words.state(task.state))
        )

    def _show_comment(self) -> None:
        current = self._tasks.current
        if current is None:
            return
        lines = []
        if current.comment:
            if current.task.state is TaskState.REVIEWED:
                text = self.tr("Approved: {0}")
            elif current.role is Role.ANNOTATOR:
                text = self.tr("The reviewer says: {0}")
            else:
                text = self.tr("Returned before: {0}")
            lines.append(text.format(current.comment))
        if current.role is Role.ANNOTATOR and current.fixes != Fixes():
            lines.append(self._fixes_text(current.fixes))
        if self._regions.blind:
            lines.append(
                self.tr("Others' regions and the model's suggestions are shown once every reader has submitted.")
            )
        if self._tasks.fixing:
            lines.append(self.tr("You change this reading; each change is kept under your name."))
        self._comment.setText("\n".join(lines))
        self._comment.setVisible(bool(lines))

    def _fixes_text(self, fixes: Fixes) -> str:
        """What the reader finds otherwise than they left it."""
        counts = (
            (fixes.changed, self.tr("{0} changed")),
            (fixes.added, self.tr("{0} added")),
            (fixes.removed, self.tr("{0} removed")),
        )
        parts = ", ".join(text.format(count) for count, text in counts if count)
        return self.tr("The reviewer has fixed regions of yours: {0}").format(parts)

    def _send(self) -> None:
        comment = self.edit.text().strip()
        if comment and self._tasks.send_back(comment):
            self._stop_writing()

    def _stop_writing(self) -> None:
        self.edit.clear()
        self._writing.hide()
        self.left.emit()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self._stop_writing()
        else:
            super().keyPressEvent(event)

    def _retranslate(self) -> None:
        self.edit.setPlaceholderText(self.tr("What should be done differently?"))
        self.send.setText(self.tr("Return"))
        self._give_up.setText(self.tr("Cancel"))

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.LanguageChange:
            self._retranslate()
            self.refresh()


def _label(name: str) -> QLabel:
    label = QLabel()
    label.setObjectName(name)
    label.setWordWrap(True)
    # What a person wrote is shown, never obeyed.
    label.setTextFormat(Qt.TextFormat.PlainText)
    return label
