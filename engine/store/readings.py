"""Whose reading a region belongs to, and what a reader may see: reads, shared by every gesture.

What a reader of a scan sees:

- Always their own reading as it stands, so also what a reviewer has changed, added or taken away in it. That is what a
  reading is returned for.
- Another reader's regions only while every reading of the scan is finished, that is submitted or reviewed. One that is
  returned is not: whoever has it works alone again, and so do the other readers until it is handed in once more.
- The first reader the model's suggestions at any time. A blind reader (the second and further) neither these nor what
  others drew outside readings, until every reading is finished.

Whoever has no task on a scan (the single user, the reviewer) reads it as it always was: their regions belong to
nobody's reading, but for those they add to one under review, and they see all.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.store.errors import StoreError
from engine.store.repositories import ImageRepository, RegionRepository, source_key
from engine.store.rows import HIDDEN_STATES, Origin, PlacedRegion, RegionRow
from engine.store.task_rows import CLOSED_TASKS, OPEN_TASKS, Fixes, TaskAction, TaskEventRow, TaskRow, TaskState

SELECT_TASK = """
    SELECT task.id, path, series_uid, annotator.name, reading, COALESCE(event.state, 'new'),
        COALESCE(event.comment, ''), task.created, COALESCE(event.created, task.created)
    FROM task JOIN annotator ON annotator.id = annotator_id
    LEFT JOIN task_event AS event ON event.id = (SELECT max(id) FROM task_event WHERE task_id = task.id) """
_OF_SCAN = "WHERE path = ? AND series_uid IN ('', ?) AND COALESCE(event.state, 'new') <> 'cancelled' ORDER BY reading"


@dataclass(frozen=True, slots=True)
class Reading:
    """A reader's task on a scan, and whether every reading of it is finished: only then is nothing hidden from them."""

    task: TaskRow
    sees_all: bool


class Readings:
    """Tasks of scans, as far as regions depend on them."""

    def __init__(self, connection: sqlite3.Connection, images: ImageRepository, regions: RegionRepository) -> None:
        self._connection = connection
        self._images = images
        self._regions = regions

    def task(self, task_id: int) -> TaskRow:
        """A task as it stands now. Raises `StoreError` when there is none."""
        row = self._connection.execute(SELECT_TASK + "WHERE task.id = ?", [task_id]).fetchone()
        if row is None:
            raise StoreError(f"there is no task {task_id} in this database: read it again")
        return task_row(row)

    def of_scan(self, path: Path | str, series_uid: str) -> list[TaskRow]:
        """The readings of a scan, first reader first; cancelled ones are left out."""
        rows = self._connection.execute(SELECT_TASK + _OF_SCAN, [source_key(path), series_uid])
        return [task_row(row) for row in rows]

    def of_reader(self, path: Path | str, series_uid: str, who: str) -> Reading | None:
        """The reading a person has been given of a scan, None outside tasks."""
        tasks = self.of_scan(path, series_uid)
        own = next((task for task in tasks if task.annotator == who), None)
        return None if own is None else Reading(own, all(task.state in CLOSED_TASKS for task in tasks))

    def was_submitted(self, task_id: int) -> bool:
        """Whether a reading was ever submitted, also when it was returned since."""
        return self._first_submitted(task_id) is not None

    def as_submitted(self, task_id: int) -> list[RegionRow]:
        """The regions of a reading as they were when it was first submitted, oldest first.

        The model's suggestions that the reader left undecided are not theirs and left out. Raises `StoreError` for a
        reading that never was submitted.
        """
        last = self._first_submitted(task_id)
        if last is None:
            raise StoreError(f"task {task_id} was not submitted yet: there is no reading to compare")
        return self._regions.of_reading(task_id, last)

    def _first_submitted(self, task_id: int) -> int | None:
        sql = "SELECT last_region_id FROM task_event WHERE task_id = ? AND kind = ? ORDER BY id LIMIT 1"
        row = self._connection.execute(sql, [task_id, TaskAction.SUBMIT.value]).fetchone()
        return None if row is None else int(row[0])

    def fixes(self, task_id: int) -> Fixes:
        """What others than its annotator have changed in a reading since it was last submitted.

        What they took back themselves, and what they only looked at, is none.
        """
        annotator = self.task(task_id).annotator
        sql = "SELECT max(last_region_id) FROM task_event WHERE task_id = ? AND kind = ?"
        (last,) = self._connection.execute(sql, [task_id, TaskAction.SUBMIT.value]).fetchone()
        if last is None:
            return Fixes()
        submitted = {row.root_id: row for row in self._regions.of_reading(task_id, last)}
        sql = "SELECT root_id, max(id) FROM region WHERE reading_id = ? AND id > ? AND who <> ? GROUP BY root_id"
        rows = [self._regions.row(id) for _, id in self._connection.execute(sql, [task_id, last, annotator])]
        there = [row for row in rows if row.state not in HIDDEN_STATES]
        return Fixes(
            changed=sum(row.root_id in submitted and _said(row) != _said(submitted[row.root_id]) for row in there),
            added=sum(row.root_id not in submitted for row in there),
            removed=sum(row.root_id in submitted and row.state in HIDDEN_STATES for row in rows),
        )

    def is_blind(self, path: Path | str, series_uid: str, who: str) -> bool:
        """Whether a person reads a scan blind: no other reader's regions, and no model's, until all have finished."""
        reading = self.of_reader(path, series_uid, who)
        return reading is not None and not reading.sees_all and reading.task.reading > 1

    def blind_scans(self, who: str) -> frozenset[tuple[str, str]]:
        """The scans (path, series UID; "" for every series there) that a person reads blind now."""
        where = "WHERE annotator.name = ? AND reading > 1 AND COALESCE(event.state, 'new') <> 'cancelled'"
        tasks = [task_row(row) for row in self._connection.execute(SELECT_TASK + where, [who])]
        places = [(task.path, task.series_uid) for task in tasks]
        return frozenset(place for place in places if self.is_blind(*place, who))

    def visible_regions(self, image_id: int, reader: str) -> list[RegionRow]:
        """The regions of a slice that `reader` may see, oldest first.

        See the module for the rule.
        """
        rows = self._regions.of_image(image_id)
        image = self._images.get(image_id)
        sees = self._sight(image.source, image.series_uid, reader)
        return [row for row in rows if sees(row)]

    def visible_in_series(self, path: Path | str, series_uid: str, reader: str) -> list[PlacedRegion]:
        """The regions of a whole series that `reader` may see, by age; see `visible_regions`."""
        sees = self._sight(path, series_uid, reader)
        return [one for one in self._regions.of_series(path, series_uid) if sees(one.row)]

    def _sight(self, path: Path | str, series_uid: str, reader: str) -> Callable[[RegionRow], bool]:
        reading = self.of_reader(path, series_uid, reader)
        if reading is None or reading.sees_all:
            return lambda _: True
        mine, blind = reading.task.id, reading.task.reading > 1
        return lambda row: self._is_visible(row, reader, mine, blind)

    def _is_visible(self, row: RegionRow, reader: str, mine: int, blind: bool) -> bool:
        if row.reading_id not in (None, mine):
            return False
        if not blind:
            return True
        if row.origin is Origin.MODEL:
            return False
        return row.reading_id == mine or self._regions.row(row.root_id).who == reader

    def require_open(self, path: str, series_uid: str, who: str) -> TaskRow | None:
        """The task into whose reading a person draws now, None outside tasks.

        Raises `StoreError` when they have submitted it.
        """
        reading = self.of_reader(path, series_uid, who)
        if reading is None:
            return None
        task = reading.task
        if task.state not in OPEN_TASKS:
            raise StoreError(
                f"your reading of {Path(path).name} is {task.state.value} and stays as it is: "
                "ask a reviewer to return it before you change it"
            )
        return task

    def require_editable(self, region: RegionRow, who: str) -> TaskRow | None:
        """The reading in which a person changes a region, None outside tasks.

        Raises `StoreError` for a region of another reading while the person has one of their own, and for one of a
        reading that is not submitted.
        """
        image = self._images.get(region.image_id)
        mine = self.require_open(image.source, image.series_uid, who)
        if region.reading_id is None or (mine is not None and region.reading_id == mine.id):
            return mine
        other = self.task(region.reading_id)
        if mine is not None or other.state not in CLOSED_TASKS:
            raise StoreError(
                f"region {region.root_id} belongs to reading {other.reading} by {other.annotator}, "
                f"which is {other.state.value}: only they change it before it is submitted, "
                "and only a reviewer without a reading of this scan after that"
            )
        return None

    def require_fixable(self, task_id: int, path: str, series_uid: str, who: str) -> int:
        """The reading to which a reviewer adds a region of a scan. Raises `StoreError` when they may not."""
        task = self.task(task_id)
        own = self.of_reader(path, series_uid, who)
        if own is not None or task.state not in CLOSED_TASKS or task.path != path:
            raise StoreError(
                f"nothing can be added to reading {task.reading} by {task.annotator}, which is {task.state.value}: "
                "a reviewer without a reading of this scan can, once it is submitted"
            )
        return task.id


def _said(row: RegionRow) -> tuple[object, ...]:
    """What a person says with a region: where it is and what."""
    return (row.box, row.shape, row.label, row.attributes)


def task_row(row: tuple[Any, ...]) -> TaskRow:
    """A row of `SELECT_TASK`."""
    id, path, series_uid, annotator, reading, state, comment, created, changed = row
    return TaskRow(id, path, series_uid, annotator, reading, TaskState(state), comment, created, changed)


def event_row(row: tuple[Any, ...]) -> TaskEventRow:
    """A row of ``SELECT * FROM task_event``."""
    id, task_id, kind, state, comment, last_region_id, who, created = row
    return TaskEventRow(id, task_id, TaskAction(kind), TaskState(state), comment, last_region_id, who, created)
