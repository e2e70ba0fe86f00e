"""Another name for every region of a scan that has one."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QObject, Signal

from desktop.model.commands import Change
from desktop.model.jobs import Job, JobRunner
from desktop.model.regions import RegionsModel
from desktop.model.viewing import ViewingModel
from engine.regions import Label
from engine.store import AnnotationStore, RegionRow, StoreError

FEW = 100
"""Up to so many are changed at once; more take longer than a person should wait for the window."""


@dataclass(frozen=True, slots=True)
class Occurrences:
    """Where a label is, on one scan. free : root ids of what can be changed. locked : how many cannot."""

    label: Label
    free: tuple[int, ...]
    locked: int


class RelabellingModel(QObject):
    """started : a job. changed : how many regions have another name now. failed : a message; nothing has changed."""

    started = Signal(object)
    changed = Signal(int)
    failed = Signal(str)

    def __init__(
        self,
        store: AnnotationStore,
        viewing: ViewingModel,
        regions: RegionsModel,
        jobs: JobRunner,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._store = store
        self._viewing = viewing
        self._regions = regions
        self._jobs = jobs
        self.busy = False

    def find(self, label: Label) -> Occurrences:
        """The regions of the open scan with this label, as far as the person may see them."""
        volume = self._viewing.volume
        if volume is None:
            return Occurrences(label, (), 0)
        rows = self._store.regions.labelled(label, volume.source, volume.series_uid)
        visible = {
            row.root_id
            for image_id in {row.image_id for row in rows}
            for row in self._store.readings.visible_regions(image_id, self._regions.who)
        }
        seen = [row for row in rows if row.root_id in visible]
        free = tuple(row.root_id for row in seen if not row.locked)
        return Occurrences(label, free, len(seen) - len(free))

    def change(self, found: Occurrences, label: Label) -> None:
        """Give all that can be changed another name, as one gesture: all of them or, when one cannot be, none."""
        if not found.free or self.busy:
            return
        if len(found.free) <= FEW:
            count = self._regions.set_label(found.free, label)
            if count:
                self.changed.emit(count)
            return
        path, who, volume = self._store.path, self._regions.who, self._viewing.volume

        def work(_job: Job) -> list[Change]:
            with AnnotationStore.open(path) as store:
                rows = store.edits.set_label(found.free, label, who)
                return [Change(_before(store, row), row) for row in rows]

        def done(changes: list[Change]) -> None:
            self.busy = False
            if self._viewing.volume is volume:
                self._regions.keep_changes(changes)
            self.changed.emit(len(changes))

        self.busy = True
        job = self._jobs.start(work)
        job.done.connect(done)
        job.failed.connect(self._failed)
        self.started.emit(job)

    def _failed(self, message: str) -> None:
        self.busy = False
        self.failed.emit(message)


def _before(store: AnnotationStore, row: RegionRow) -> RegionRow:
    """What a region was before its newest row."""
    history = store.regions.history(row.root_id)
    place = next((number for number, one in enumerate(history) if one.id == row.id), 0)
    if place == 0:
        raise StoreError(f"region {row.root_id} has no row before {row.id}: read it again")
    return history[place - 1]
