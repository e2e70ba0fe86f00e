"""The worklist: scans to work on, with thumbnails made in the background."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, Signal

from desktop.model.jobs import Job, JobRunner
from engine.demo import default_demo_folder, prepare_demo
from engine.scans import index_path, read_volume, render_slice, slice_count
from engine.store import AnnotationStore, StoreError, WorklistRow


class WorklistModel(QObject):
    """changed : rows or counts. thumbnail : (row id, picture). loading : a job. failed : a message."""

    changed = Signal()
    thumbnail = Signal(int, object)
    loading = Signal(object)
    added = Signal(list)
    failed = Signal(str)

    def __init__(self, store: AnnotationStore, jobs: JobRunner, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._store = store
        self._jobs = jobs
        self._asked: set[int] = set()
        self.rows: list[WorklistRow] = []

    def refresh(self) -> None:
        """Read the worklist from the store."""
        self.rows = self._store.worklist.all()
        self.changed.emit()
        for row in self.rows:
            if row.id not in self._asked:
                self._asked.add(row.id)
                self._make_thumbnail(row)

    def _make_thumbnail(self, row: WorklistRow) -> None:
        job = self._jobs.start(lambda job: _thumbnail(Path(row.path), row.series_uid, row.slice))
        job.done.connect(lambda picture: self.thumbnail.emit(row.id, picture))
        # A scan that cannot be read says so when it is opened; here it only has no picture.

    def last_opened(self) -> WorklistRow | None:
        """What was on screen last; else the first of the list."""
        return self._store.worklist.last_opened() or (self.rows[0] if self.rows else None)

    def neighbour(self, item: WorklistRow | None, step: int) -> WorklistRow | None:
        """The next or previous scan of the list."""
        ids = [row.id for row in self.rows]
        if item is None or item.id not in ids:
            return self.rows[0] if self.rows else None
        number = ids.index(item.id) + step
        return self.rows[number] if 0 <= number < len(ids) else None

    def add_demo(self, folder: Path | None = None) -> None:
        """Put the demo worklist on the list; the phantom is generated the first time."""

        def work(job: Job) -> list[tuple[Path, str, str, str, int]]:
            items = prepare_demo(folder or default_demo_folder(), job)
            return [(item.path, "", item.title_en, item.title_zh, item.start_slice) for item in items]

        self._add(work)

    def add_paths(self, paths: Sequence[Path]) -> None:
        """Put every series of some files and folders on the list."""

        def work(job: Job) -> list[tuple[Path, str, str, str, int]]:
            found = []
            for path in paths:
                index = index_path(path.resolve(), job)
                for entry in index.series:
                    title = entry.description or entry.path.name
                    found.append((entry.path, entry.series_uid, title, title, entry.slices // 2))
                if not index.series and index.problems:
                    self.failed.emit(index.problems[0].reason)
            return found

        self._add(work)

    def _add(self, work) -> None:  # type: ignore[no-untyped-def]
        job = self._jobs.start(work)
        job.done.connect(self._added)
        job.failed.connect(self.failed)
        self.loading.emit(job)

    def _added(self, items: list[tuple[Path, str, str, str, int]]) -> None:
        try:
            for path, uid, title_en, title_zh, start in items:
                self._store.add_to_worklist(path, uid, title_en, title_zh, start)
        except StoreError as error:
            self.failed.emit(str(error))
        self.refresh()
        self.added.emit([str(item[0]) for item in items])


def _thumbnail(path: Path, series_uid: str, index: int) -> NDArray[np.uint8]:
    """One slice of a scan without reading the rest of it."""
    if path.is_dir():
        entries = [e for e in index_path(path).series if not series_uid or e.series_uid == series_uid]
        if entries:
            files = entries[0].files
            path, index = files[min(index, len(files) - 1)], 0
    volume = read_volume(path)
    return render_slice(volume, volume.plane, min(index, slice_count(volume, volume.plane) - 1))
