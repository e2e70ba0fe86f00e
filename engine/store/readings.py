"""Whose reading a region belongs to, and what a reader may see: reads, shared by every gesture.

Whoever has no task on a scan reads it as it always was: their regions belong to nobody's reading, and they see all.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.store.errors import StoreError
from engine.store.repositories import ImageRepository, RegionRepository, source_key
from engine.store.rows import Origin, PlacedRegion, RegionRow
from engine.store.task_rows import CLOSED_TASKS, OPEN_TASKS, TaskAction, TaskEventRow, TaskRow, TaskState

SELECT_TASK = """
    SELECT task.id, path, series_uid, annotator.name, reading, COALESCE(event.state, 'new'),
        COALESCE(event.comment, ''), task.created, COALESCE(event.created, task.created)
    FROM task JOIN annotator ON annotator.id = annotator_id
    LEFT JOIN task_event AS event ON event.id = (SELECT max(id) FROM task_event WHERE task_id = task.id) """
_OF_SCAN = "WHERE path = ? AND series_uid IN ('', ?) AND COALESCE(event.state, 'new') <> 'cancelled' ORDER BY reading"


@dataclass(frozen=True, slots=True)
class Reading:
    """A reader's task on a scan, and whether they have ever submitted it: from then on nothing is hidden from them."""

    task: TaskRow
    unblinded: bool


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
        for task in self.of_scan(path, series_uid):
            if task.annotator == who:
                return Reading(task, self.was_submitted(task.id))
        return None

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

    def is_blind(self, path: Path | str, series_uid: str, who: str) -> bool:
        """Whether a person reads a scan blind: no other reader's regions, and no model's, until they submit."""
        reading = self.of_reader(path, series_uid, who)
        return reading is not None and not reading.unblinded and reading.task.reading > 1

    def blind_scans(self, who: str) -> frozenset[tuple[str, str]]:
        """The scans (path, series UID; "" for every series there) that a person reads blind now."""
        where = "WHERE annotator.name = ? AND reading > 1 AND COALESCE(event.state, 'new') <> 'cancelled'"
        tasks = (task_row(row) for row in self._connection.execute(SELECT_TASK + where, [who]))
        return frozenset((task.path, task.series_uid) for task in tasks if not self.was_submitted(task.id))

    def visible_regions(self, image_id: int, reader: str) -> list[RegionRow]:
        """The regions of a slice that `reader` may see, oldest first.

        A reader who has not submitted yet sees no other reading; a second reader sees no model's regions either, and
        no region that another person drew outside readings. Whoever has no task on the scan (the single user, the
        reviewer) and whoever has submitted sees everything.
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
        if reading is None or reading.unblinded:
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


def task_row(row: tuple[Any, ...]) -> TaskRow:
    """A row of `SELECT_TASK`."""
    id, path, series_uid, annotator, reading, state, comment, created, changed = row
    return TaskRow(id, path, series_uid, annotator, reading, TaskState(state), comment, created, changed)


def event_row(row: tuple[Any, ...]) -> TaskEventRow:
    """A row of ``SELECT * FROM task_event``."""
    id, task_id, kind, state, comment, last_region_id, who, created = row
    return TaskEventRow(id, task_id, TaskAction(kind), TaskState(state), comment, last_region_id, who, created)
