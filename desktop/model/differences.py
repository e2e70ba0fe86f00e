"""Where the submitted readings of the open scan differ: found off the GUI thread, gone through one by one."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

from PySide6.QtCore import QObject, Signal

from desktop.model.jobs import Job, JobRunner
from desktop.model.regions import RegionsModel
from desktop.model.tasks import TasksModel
from engine.review import Discrepancy, discrepancies
from engine.scans import Plane
from engine.store import AnnotationStore, RegionRow, TaskRow


@dataclass(frozen=True, slots=True)
class Line:
    """One difference. first, second : the readers' names. plane, slice : where it is."""

    first: str
    second: str
    plane: Plane
    slice: int
    found: Discrepancy

    @property
    def region(self) -> RegionRow:
        """The region to go to: the first reader's where there is one."""
        row = self.found.a or self.found.b
        assert row is not None, "a difference is about a region"
        return row


class DifferencesModel(QObject):
    """changed : other lines, or another one is gone to. readers : who is compared; empty when nobody can be."""

    changed = Signal()
    failed = Signal(str)

    def __init__(
        self,
        store: AnnotationStore,
        tasks: TasksModel,
        regions: RegionsModel,
        jobs: JobRunner,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._store = store
        self._tasks = tasks
        self._regions = regions
        self._jobs = jobs
        self._job: Job | None = None
        self.readers: tuple[str, ...] = ()
        self.lines: tuple[Line, ...] = ()
        self.place: int | None = None
        tasks.changed.connect(self.refresh)

    def refresh(self) -> None:
        """Compare the readings of the open scan anew."""
        if self._job is not None:
            self._job.cancel()
        readings = self._tasks.readings_on_screen()
        readers = tuple(task.annotator for task in readings) if len(readings) > 1 else ()
        if not readers:
            self._job = None
            self._take((), ())
            return
        path = self._store.path

        def work(job: Job) -> tuple[Line, ...]:
            with AnnotationStore.open(path) as store:
                return compare(store, readings)

        job = self._job = self._jobs.start(work)
        job.done.connect(lambda lines: self._take(readers, lines) if job is self._job else None)
        job.failed.connect(self.failed)

    def _take(self, readers: tuple[str, ...], lines: tuple[Line, ...]) -> None:
        if (readers, lines) == (self.readers, self.lines):
            return
        self.readers = readers
        self.lines, self.place = lines, None
        self.changed.emit()

    def step(self, step: int) -> None:
        """Go to the next or previous difference."""
        if self.lines:
            place = (0 if step > 0 else -1) if self.place is None else self.place + step
            self.go_to(place % len(self.lines))

    def go_to(self, place: int) -> None:
        """Show a difference on its slice, with all readings there."""
        self.place = place
        line = self.lines[place]
        self._tasks.set_shows_others(True)
        self._regions.show_image(line.region.image_id)
        self._regions.select(line.region.root_id)
        self.changed.emit()


def compare(store: AnnotationStore, readings: list[TaskRow]) -> tuple[Line, ...]:
    """The differences of each two readings as they are now, in the order of slices."""
    found = []
    rows = {task.id: store.regions.of_reading(task.id) for task in readings}
    for one, other in combinations(readings, 2):
        for difference in discrepancies(rows[one.id], rows[other.id]):
            row = difference.a or difference.b
            assert row is not None, "a difference is about a region"
            image = store.images.get(row.image_id)
            found.append(Line(one.annotator, other.annotator, image.plane, image.slice, difference))
    return tuple(sorted(found, key=lambda line: (line.plane.value, line.slice)))
