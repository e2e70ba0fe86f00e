"""A reader's task: one reading of one scan, and the state machine that it goes through."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from engine.store.errors import StoreError


class TaskState(StrEnum):
    """Where a task stands."""

    NEW = "new"
    LABELLING = "labelling"
    SUBMITTED = "submitted"
    REVIEWED = "reviewed"
    RETURNED = "returned"
    CANCELLED = "cancelled"


class TaskAction(StrEnum):
    """What moves a task. `START`, `SUBMIT`: its annotator; `APPROVE`, `RETURN`: somebody else; `CANCEL`: anybody."""

    START = "started"
    SUBMIT = "submitted"
    APPROVE = "approved"
    RETURN = "returned"
    CANCEL = "cancelled"


OPEN_TASKS = (TaskState.NEW, TaskState.LABELLING, TaskState.RETURNED)
"""States in which the annotator may draw."""

CLOSED_TASKS = (TaskState.SUBMITTED, TaskState.REVIEWED)
"""States in which the reading stands, and others may see it."""

TRANSITIONS = {
    (TaskState.NEW, TaskAction.START): TaskState.LABELLING,
    (TaskState.NEW, TaskAction.CANCEL): TaskState.CANCELLED,
    (TaskState.LABELLING, TaskAction.SUBMIT): TaskState.SUBMITTED,
    (TaskState.RETURNED, TaskAction.START): TaskState.LABELLING,
    (TaskState.RETURNED, TaskAction.SUBMIT): TaskState.SUBMITTED,
    (TaskState.SUBMITTED, TaskAction.APPROVE): TaskState.REVIEWED,
    (TaskState.SUBMITTED, TaskAction.RETURN): TaskState.RETURNED,
    (TaskState.REVIEWED, TaskAction.RETURN): TaskState.RETURNED,
}
"""All that can happen to a task: what is not here cannot."""

_REVIEWERS = (TaskAction.APPROVE, TaskAction.RETURN)
_ANNOTATORS = (TaskAction.START, TaskAction.SUBMIT)


@dataclass(frozen=True, slots=True)
class AnnotatorRow:
    """A named reader."""

    id: int
    name: str
    created: str


@dataclass(frozen=True, slots=True)
class TaskRow:
    """One reading of one scan by one annotator.

    path, series_uid : of the scan, as annotations name it; an empty UID is every series there. reading : 1 for the
    first reader, 2 and more for those who read blind. comment : the reviewer's, of the last event. changed : when that
    event was, ISO 8601 UTC.
    """

    id: int
    path: str
    series_uid: str
    annotator: str
    reading: int
    state: TaskState
    comment: str
    created: str
    changed: str


@dataclass(frozen=True, slots=True)
class TaskEventRow:
    """One step of a task. last_region_id : the newest region row then, so that a reading can be seen as it was."""

    id: int
    task_id: int
    kind: TaskAction
    state: TaskState
    comment: str
    last_region_id: int
    who: str
    created: str


@dataclass(frozen=True, slots=True)
class Fixes:
    """How many regions of a reading others have changed, added and taken away since it was last submitted."""

    changed: int = 0
    added: int = 0
    removed: int = 0


def may_act(task: TaskRow, action: TaskAction, who: str) -> bool:
    """Whether an action is this person's to do: an annotator submits, and somebody else reviews."""
    if action in _ANNOTATORS:
        return who == task.annotator
    return action not in _REVIEWERS or who != task.annotator


def next_state(task: TaskRow, action: TaskAction, who: str, comment: str = "") -> TaskState:
    """The state after an action. Raises `StoreError` for one that cannot be, or not by this person."""
    after = TRANSITIONS.get((task.state, action))
    name = f"task {task.id} (reading {task.reading} by {task.annotator})"
    if after is None:
        possible = sorted({known.value for state, known in TRANSITIONS if state is task.state})
        raise StoreError(
            f"{name} is {task.state.value} and cannot be {action.value}: "
            + (f"it can be {' or '.join(possible)}" if possible else "nothing more happens to it")
        )
    if not may_act(task, action, who):
        if action in _ANNOTATORS:
            raise StoreError(f"{name} can be {action.value} by {task.annotator} only, not by {who}")
        raise StoreError(f"{name} cannot be {action.value} by its own annotator: ask somebody else to review it")
    if action is TaskAction.RETURN and not comment.strip():
        raise StoreError(f"{name} cannot be returned without a comment: say what to do differently")
    return after
