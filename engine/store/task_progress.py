"""How far a project is: tasks, regions and time, by reader. Reads only.

**Time** is told from when gestures were kept, since nobody presses a stopwatch. The instants are those of every row
that the person made of a region and of starting or submitting a task, in order of time. The seconds between two
neighbours count when they are at most `PAUSE_SECONDS`; a longer gap is a pause and counts nothing. So work before the
very first gesture, and looking that ends in no gesture, are not in it. Time per region is that time over the regions
that are there in the end: it includes what was drawn and taken away again.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

from engine.store.repositories import CURRENT_REGION, DECIDED_SQL, HIDDEN_SQL
from engine.store.task_rows import CLOSED_TASKS, TaskRow, TaskState
from engine.store.task_store import TaskStore

PAUSE_SECONDS = 300.0
"""A gap between gestures that is longer is a pause."""

_VISIBLE = f"region.state NOT IN ({HIDDEN_SQL}) AND {CURRENT_REGION}"


@dataclass(frozen=True, slots=True)
class Work:
    """What was done. regions, decided : that are there now. seconds : at work (see the module)."""

    regions: int
    decided: int
    seconds: float

    @property
    def seconds_per_region(self) -> float | None:
        """Mean time for a region, None where there is none."""
        return self.seconds / self.regions if self.regions else None


@dataclass(frozen=True, slots=True)
class AnnotatorProgress:
    """One reader's tasks by state, and their work inside and outside tasks."""

    annotator: str
    tasks: Mapping[TaskState, int]
    work: Work


@dataclass(frozen=True, slots=True)
class ProjectProgress:
    """All tasks by state. Cancelled ones are counted among `tasks`, not in `total`."""

    tasks: Mapping[TaskState, int]
    regions: int
    decided: int

    @property
    def total(self) -> int:
        """Tasks to be done or done."""
        return sum(count for state, count in self.tasks.items() if state is not TaskState.CANCELLED)

    @property
    def submitted(self) -> float | None:
        """The share of tasks that are submitted or reviewed, 0..1; None where there are no tasks."""
        return sum(self.tasks[state] for state in CLOSED_TASKS) / self.total if self.total else None

    @property
    def reviewed(self) -> float | None:
        """The share of tasks that are reviewed, 0..1; None where there are no tasks."""
        return self.tasks[TaskState.REVIEWED] / self.total if self.total else None


class TaskProgress:
    """Counts over the database."""

    def __init__(self, connection: sqlite3.Connection, tasks: TaskStore) -> None:
        self._connection = connection
        self._tasks = tasks

    def project(self) -> ProjectProgress:
        """All of the database."""
        return ProjectProgress(_by_state(self._tasks.all()), *self._regions("1", []))

    def annotators(self) -> list[AnnotatorProgress]:
        """Each named reader, in the order of adding."""
        return [
            AnnotatorProgress(one.name, _by_state(self._tasks.all(one.name)), self._work_of(one.name))
            for one in self._tasks.annotators()
        ]

    def of_task(self, task_id: int) -> Work:
        """The work in one reading, by its annotator."""
        task = self._tasks.get(task_id)
        instants = self._instants(
            "SELECT created FROM region WHERE who = ? AND reading_id = ? UNION ALL SELECT created FROM task_event "
            "WHERE who = ? AND task_id = ? AND kind IN ('started', 'submitted')",
            [task.annotator, task_id, task.annotator, task_id],
        )
        return Work(*self._regions("region.reading_id = ?", [task_id]), active_seconds(instants))

    def _work_of(self, name: str) -> Work:
        instants = self._instants(
            "SELECT created FROM region WHERE who = ? UNION ALL SELECT created FROM task_event "
            "WHERE who = ? AND kind IN ('started', 'submitted')",
            [name, name],
        )
        # Outside a reading a region is whose it was first.
        whose = (
            "COALESCE((SELECT name FROM task JOIN annotator ON annotator.id = annotator_id "
            "WHERE task.id = reading_id), "
            "(SELECT who FROM region AS first WHERE first.id = region.root_id)) = ?"
        )
        return Work(*self._regions(whose, [name]), active_seconds(instants))

    def _regions(self, where: str, values: list[object]) -> tuple[int, int]:
        sql = f"SELECT count(*), COALESCE(sum(state IN ({DECIDED_SQL})), 0) FROM region WHERE {where} AND {_VISIBLE}"
        regions, decided = self._connection.execute(sql, values).fetchone()
        return regions, decided

    def _instants(self, sql: str, values: list[object]) -> list[datetime]:
        return [datetime.fromisoformat(instant) for (instant,) in self._connection.execute(sql, values)]


def active_seconds(instants: Iterable[datetime]) -> float:
    """Time at work, seconds: gaps between neighbouring instants that are no longer than `PAUSE_SECONDS`, summed."""
    gaps = ((after - before).total_seconds() for before, after in pairwise(sorted(instants)))
    return sum(gap for gap in gaps if gap <= PAUSE_SECONDS)


def _by_state(tasks: Iterable[TaskRow]) -> dict[TaskState, int]:
    counts = dict.fromkeys(TaskState, 0)
    for task in tasks:
        counts[task.state] += 1
    return counts
