"""Everything that can be done to tasks: one action each, for menu, keys and the bar over the views."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QMenu

from desktop.model.differences import DifferencesModel
from desktop.model.tasks import Role, TasksModel
from desktop.viewer_actions import KeyGroup
from engine.store import TaskAction

_KEYS = {
    "show": "Ctrl+T",
    "assign": "Ctrl+Shift+T",
    "submit_next": "Ctrl+Return",
    "next": "Ctrl+Shift+Return",
    "start": "",
    "submit": "",
    "withdraw": "",
    "review_next": "F9",
    "review_previous": "Shift+F9",
    "approve": "Ctrl+Shift+A",
    "return": "Ctrl+Shift+R",
    "fix": "Ctrl+Shift+E",
    "others": "Ctrl+Shift+D",
    "next_difference": "F8",
    "previous_difference": "Shift+F8",
    "progress": "Ctrl+Shift+P",
}
_LINES_BEFORE = ("submit_next", "review_next", "next_difference", "progress")
_CHECKABLE = ("fix", "others")


class TaskActions(QObject):
    """show_wanted : the list of tasks. assign_wanted : give out the open scan. return_wanted : ask for a comment.

    progress_wanted : counts and agreement. submit_wanted : hand in and go on, once nothing is being typed.
    """

    show_wanted = Signal()
    assign_wanted = Signal()
    return_wanted = Signal()
    progress_wanted = Signal()
    submit_wanted = Signal()

    def __init__(self, tasks: TasksModel, differences: DifferencesModel, parent: QObject) -> None:
        super().__init__(parent)
        self._tasks = tasks
        self._differences = differences
        self.by_id: dict[str, QAction] = {}
        for id, key in _KEYS.items():
            action = QAction(self)
            action.setShortcut(QKeySequence(key))
            action.setCheckable(id in _CHECKABLE)
            action.triggered.connect(lambda _=False, id=id: self._do(id))
            self.by_id[id] = action
        tasks.changed.connect(self.follow)
        differences.changed.connect(self.follow)
        self.retranslate()
        self.follow()

    def fill_menu(self, menu: QMenu) -> None:
        """Put everything into a menu."""
        for id, action in self.by_id.items():
            if id in _LINES_BEFORE:
                menu.addSeparator()
            menu.addAction(action)

    def _do(self, id: str) -> None:
        tasks, differences = self._tasks, self._differences
        current = tasks.current
        deeds: dict[str, Callable[[], object]] = {
            "show": self.show_wanted.emit,
            "assign": self.assign_wanted.emit,
            "submit_next": self.submit_wanted.emit,
            "next": tasks.open_next,
            "start": tasks.start,
            "submit": tasks.submit,
            "withdraw": lambda: None if current is None else tasks.withdraw(current.task),
            "review_next": tasks.review_next,
            "review_previous": lambda: tasks.review_next(-1),
            "approve": tasks.approve,
            "return": self.return_wanted.emit,
            "fix": lambda: tasks.set_fixing(not tasks.fixing),
            "others": lambda: tasks.set_shows_others(not tasks.shows_others),
            "next_difference": lambda: differences.step(1),
            "previous_difference": lambda: differences.step(-1),
            "progress": self.progress_wanted.emit,
        }
        deeds[id]()
        # A click has turned a check mark over, whatever came of it.
        self.follow()

    def follow(self) -> None:
        """Offer what the task on screen allows."""
        current = self._tasks.current
        possible = () if current is None else current.possible
        reviews = current is not None and current.role is Role.REVIEWER
        enabled = {
            "submit_next": TaskAction.SUBMIT in possible,
            "start": TaskAction.START in possible,
            "submit": TaskAction.SUBMIT in possible,
            "withdraw": TaskAction.CANCEL in possible,
            "approve": TaskAction.APPROVE in possible,
            "return": TaskAction.RETURN in possible,
            "fix": current is not None and current.can_fix,
            "others": reviews and current is not None and current.others > 0,
            "next_difference": bool(self._differences.lines),
            "previous_difference": bool(self._differences.lines),
        }
        for id, on in enabled.items():
            self.by_id[id].setEnabled(on)
        self.by_id["fix"].setChecked(self._tasks.fixing)
        self.by_id["others"].setChecked(self._tasks.shows_others)

    def _texts(self) -> dict[str, str]:
        return {
            "show": self.tr("Tasks and scans"),
            "assign": self.tr("Assign the open scan …"),
            "submit_next": self.tr("Submit and open the next task"),
            "next": self.tr("Next task without submitting"),
            "start": self.tr("Start"),
            "submit": self.tr("Submit"),
            "withdraw": self.tr("Withdraw"),
            "review_next": self.tr("Next task to review"),
            "review_previous": self.tr("Previous task to review"),
            "approve": self.tr("Approve"),
            "return": self.tr("Return …"),
            "fix": self.tr("Fix"),
            "others": self.tr("Other readings"),
            "next_difference": self.tr("Next difference"),
            "previous_difference": self.tr("Previous difference"),
            "progress": self.tr("Progress and agreement …"),
        }

    def _tool_tips(self) -> dict[str, str]:
        return {
            "start": self.tr("Begin this task; the first region does it too"),
            "submit": self.tr("Hand in this reading; it stays as it is from then on"),
            "withdraw": self.tr("Take back this task, which nobody has begun"),
            "approve": self.tr("Find this reading good"),
            "return": self.tr("Send this reading back with a comment"),
            "fix": self.tr("Change the regions of this reading yourself; it stays theirs, each change is yours"),
            "others": self.tr("Show the regions of other readings of this scan too"),
        }

    def retranslate(self) -> None:
        """Take over another language."""
        for id, text in self._texts().items():
            self.by_id[id].setText(text)
            # Qt leaves the dots out on a button, which then looks like one that asks nothing.
            self.by_id[id].setIconText(text)
        for id, text in self._tool_tips().items():
            key = self.by_id[id].shortcut().toString()
            self.by_id[id].setToolTip(f"{text} ({key})" if key else text)

    def key_groups(self) -> tuple[KeyGroup, ...]:
        """Its keys, as the key sheet shows them."""
        texts = self._texts()
        return (KeyGroup(self.tr("Tasks and review"), tuple((key, texts[id]) for id, key in _KEYS.items() if key)),)
