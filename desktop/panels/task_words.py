"""What tasks, their states and differences are called on screen."""

from __future__ import annotations

from PySide6.QtCore import QObject

from engine.review import Difference
from engine.store import TaskState


class TaskWords(QObject):
    """Words in the language of the interface, asked anew each time."""

    def state(self, state: TaskState) -> str:
        """A task's state."""
        return {
            TaskState.NEW: self.tr("new"),
            TaskState.LABELLING: self.tr("labelling"),
            TaskState.SUBMITTED: self.tr("submitted"),
            TaskState.REVIEWED: self.tr("reviewed"),
            TaskState.RETURNED: self.tr("returned with a comment"),
            TaskState.CANCELLED: self.tr("withdrawn"),
        }[state]

    def group(self, state: TaskState) -> str:
        """A heading over tasks in a state."""
        return {
            TaskState.NEW: self.tr("New"),
            TaskState.LABELLING: self.tr("Labelling"),
            TaskState.SUBMITTED: self.tr("Submitted"),
            TaskState.REVIEWED: self.tr("Reviewed"),
            TaskState.RETURNED: self.tr("Returned with a comment"),
            TaskState.CANCELLED: self.tr("Withdrawn"),
        }[state]

    def reading(self, number: int) -> str:
        """Which reading of a scan it is."""
        if number == 1:
            return self.tr("first reader")
        if number == 2:
            return self.tr("second reader, blind")
        return self.tr("reader {0}, blind").format(number)

    def difference(self, kind: Difference, first: str, second: str) -> str:
        """What two readers differ in."""
        return {
            Difference.ONLY_A: self.tr("only {0}").format(first),
            Difference.ONLY_B: self.tr("only {0}").format(second),
            Difference.LABEL: self.tr("other name"),
            Difference.BOUNDARY: self.tr("other boundary"),
        }[kind]
