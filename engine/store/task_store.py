"""Annotators and their tasks: who reads which scan, how far they are, and what a reviewer said."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path

from engine.store.errors import StoreError
from engine.store.gesture import gesture, utc_now
from engine.store.readings import SELECT_TASK, Readings, event_row, task_row
from engine.store.region_writer import insert_task_event
from engine.store.repositories import source_key
from engine.store.task_rows import (
    CLOSED_TASKS,
    TRANSITIONS,
    AnnotatorRow,
    TaskAction,
    TaskEventRow,
    TaskRow,
    TaskState,
    may_act,
)

_BY_URGENCY = f"""CASE COALESCE(event.state, 'new')
    WHEN '{TaskState.RETURNED.value}' THEN 0 WHEN '{TaskState.LABELLING.value}' THEN 1 ELSE 2 END, task.id"""


class TaskStore:
    """Each method that writes is one audited gesture. Raises `StoreError` for what cannot be, and why."""

    def __init__(
        self, connection: sqlite3.Connection, readings: Readings, require_writable: Callable[[], None]
    ) -> None:
        self._connection = connection
        self._readings = readings
        self._require_writable = require_writable

    def annotators(self) -> list[AnnotatorRow]:
        """The named readers, in the order of adding."""
        rows = self._connection.execute("SELECT id, name, created FROM annotator ORDER BY id")
        return [AnnotatorRow(*row) for row in rows]

    def add_annotator(self, name: str, who: str) -> AnnotatorRow:
        """Add a reader; the name is what their gestures are signed with. Adding one again changes nothing."""
        self._require_writable()
        if not name.strip():
            raise StoreError("an annotator needs a name: give the one that they work under")
        known = {row.name: row for row in self.annotators()}
        if name in known:
            return known[name]
        with gesture(self._connection, who, "added an annotator") as made:
            number = made.insert("annotator", name=name, who=who, created=(now := utc_now()))
        return AnnotatorRow(number, name, now)

    def assign(self, path: Path | str, series_uid: str, annotator: str, who: str, reading: int = 1) -> TaskRow:
        """Give a scan to a reader. See `assign_many`."""
        (task,) = self.assign_many([(path, series_uid)], annotator, who, reading)
        return task

    def assign_many(
        self, scans: Sequence[tuple[Path | str, str]], annotator: str, who: str, reading: int = 1
    ) -> list[TaskRow]:
        """Give scans (path, series UID) to a reader, all or none.

        reading : 1 for the first reader of a scan, 2 and more for one who reads blind. Raises `StoreError` for an
        annotator nobody added, a reading somebody has, or a second reading for who has one.
        """
        self._require_writable()
        if reading < 1:
            raise StoreError(f"reading {reading} cannot be: 1 is the first reader's")
        people = {row.name: row.id for row in self.annotators()}
        if annotator not in people:
            raise StoreError(f"there is no annotator {annotator!r}: add them first")
        numbers = []
        with gesture(self._connection, who, f"assigned reading {reading}") as made:
            for path, series_uid in scans:
                for other in self._readings.of_scan(path, series_uid):
                    if reading == other.reading or annotator == other.annotator:
                        raise StoreError(
                            f"reading {other.reading} of {Path(path).name} is {other.annotator}'s: "
                            "give another reading to another annotator"
                        )
                numbers.append(
                    made.insert(
                        "task",
                        path=source_key(path),
                        series_uid=series_uid,
                        annotator_id=people[annotator],
                        reading=reading,
                        who=who,
                        created=utc_now(),
                    )
                )
        return [self._readings.task(number) for number in numbers]

    def start(self, task_id: int, who: str) -> TaskRow:
        """The annotator begins, or begins again what was returned. Their first region does it too."""
        return self._move(task_id, TaskAction.START, who)

    def submit(self, task_id: int, who: str) -> TaskRow:
        """The annotator is done: the reading stands as it is, and a blind reader sees the others' from now on."""
        return self._move(task_id, TaskAction.SUBMIT, who)

    def approve(self, task_id: int, who: str, comment: str = "") -> TaskRow:
        """Somebody else finds a submitted reading good."""
        return self._move(task_id, TaskAction.APPROVE, who, comment)

    def return_task(self, task_id: int, who: str, comment: str) -> TaskRow:
        """Somebody else sends a reading back, and says what to do differently."""
        return self._move(task_id, TaskAction.RETURN, who, comment)

    def cancel(self, task_id: int, who: str, comment: str = "") -> TaskRow:
        """Take back a task that nobody began; the scan can be given to another."""
        return self._move(task_id, TaskAction.CANCEL, who, comment)

    def possible(self, task: TaskRow, who: str) -> tuple[TaskAction, ...]:
        """What this person can do to a task as it stands; what is not here would be refused."""
        found = [action for state, action in TRANSITIONS if state is task.state and may_act(task, action, who)]
        if self._reads_still(task, who):
            found = [action for action in found if action not in (TaskAction.APPROVE, TaskAction.RETURN)]
        return tuple(found)

    def get(self, task_id: int) -> TaskRow:
        """A task as it stands now."""
        return self._readings.task(task_id)

    def events(self, task_id: int) -> list[TaskEventRow]:
        """All that happened to a task, oldest first."""
        rows = self._connection.execute("SELECT * FROM task_event WHERE task_id = ? ORDER BY id", [task_id])
        return [event_row(row) for row in rows]

    def of_scan(self, path: Path | str, series_uid: str) -> list[TaskRow]:
        """The readings of a scan, first reader first."""
        return self._readings.of_scan(path, series_uid)

    def all(self, annotator: str | None = None, states: Sequence[TaskState] = ()) -> list[TaskRow]:
        """Tasks in the order of assigning: of one annotator or of all, in some states or in any."""
        where, values = ["1"], list[str]()
        if annotator is not None:
            where.append("annotator.name = ?")
            values.append(annotator)
        if states:
            where.append(f"COALESCE(event.state, 'new') IN ({', '.join('?' for _ in states)})")
            values += [state.value for state in states]
        sql = f"{SELECT_TASK} WHERE {' AND '.join(where)} ORDER BY task.id"
        return [task_row(row) for row in self._connection.execute(sql, values)]

    def next_task(self, annotator: str) -> TaskRow | None:
        """What an annotator does next: what was returned, then what they began, then what is new. None when done."""
        sql = (
            f"{SELECT_TASK} WHERE annotator.name = ? AND COALESCE(event.state, 'new') IN ('new', 'labelling', "
            f"'returned') ORDER BY {_BY_URGENCY} LIMIT 1"
        )
        row = self._connection.execute(sql, [annotator]).fetchone()
        return None if row is None else task_row(row)

    def next_review(self, reviewer: str) -> TaskRow | None:
        """The reading that waits longest for this reviewer: submitted, not their own, and not one they read blind."""
        for task in sorted(self.all(states=[TaskState.SUBMITTED]), key=lambda one: one.changed):
            if task.annotator != reviewer and not self._reads_still(task, reviewer):
                return task
        return None

    def _move(self, task_id: int, action: TaskAction, who: str, comment: str = "") -> TaskRow:
        self._require_writable()
        with gesture(self._connection, who, f"task {action.value}") as made:
            task = self._readings.task(task_id)
            if action in (TaskAction.APPROVE, TaskAction.RETURN) and self._reads_still(task, who):
                raise StoreError(f"{who} has a reading of the same scan to submit first: another must review this one")
            insert_task_event(made, self._connection, task, action, who, comment)
        return self._readings.task(task_id)

    def _reads_still(self, task: TaskRow, who: str) -> bool:
        """Whether a person has a reading of the task's scan that they have not submitted."""
        return any(
            other.annotator == who and other.id != task.id and other.state not in CLOSED_TASKS
            for other in self._readings.of_scan(task.path, task.series_uid)
        )
