"""The list of scans: what is on it, how it is filtered, what is added to it, and what is said about a scan."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QUndoCommand, QUndoStack

from desktop.model.browser_tree import BrowserTree
from desktop.model.jobs import Job, JobRunner
from desktop.model.reader import ReaderModel
from desktop.model.thumbnails import ThumbnailModel
from engine.browse import Indexed, index_demo, index_into, list_area, slide_of
from engine.demo import default_demo_folder
from engine.feedback.waiting import LabelOrder
from engine.scans import SlideArea, Volume
from engine.store import AnnotationStore, ScanFilter, ScanMark, ScanRow, StoreError, WorklistRow

_HIDDEN_SETTING = "names_hidden"
_RECENT_ROWS = 30


class BrowserModel(QObject):
    """Owns the list of scans.

    changed : rows, filter, language or privacy. indexing : a job that adds scans. listed : ids of scans, while others
    are still looked for. added : ids of scans, once the job is done. indexed : what came of it, an `Indexed`.
    failed : a message.
    """

    changed = Signal()
    indexing = Signal(object)
    added = Signal(list)
    indexed = Signal(object)
    failed = Signal(str)
    listed = Signal(list)
    _kept = Signal(list)

    def __init__(
        self, store: AnnotationStore, undo_stack: QUndoStack, reader: ReaderModel, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._store = store
        self._undo_stack = undo_stack
        self._reader = reader
        # Threads of their own: a scan that is opened must not wait for a folder that is read.
        self._indexing = JobRunner(1, self)
        self._drawing = JobRunner(1, self)
        self.thumbnails = ThumbnailModel(store, self._drawing, self)
        self.tree = BrowserTree(store, self.thumbnails, self)
        self._set_hidden(store.setting(_HIDDEN_SETTING) == "1")
        self._kept.connect(self._listed)

    @property
    def filter(self) -> ScanFilter:
        """What is listed."""
        return self.tree.filter

    @property
    def names_hidden(self) -> bool:
        """Whether patients have numbers instead of names."""
        return self.tree.names_hidden

    @property
    def rows(self) -> list[WorklistRow]:
        """Scans that were opened last, then the worklist."""
        scans = self._store.scans
        found = scans.recent(ScanFilter(), _RECENT_ROWS) + scans.pinned(ScanFilter(), 0, _RECENT_ROWS)
        return [self._row(scan) for scan in {scan.id: scan for scan in found}.values()]

    def rows_beside(self, item: WorklistRow | None) -> list[WorklistRow]:
        """What a scan may be compared with: others of its patient first, then `rows`."""
        scans = self._store.scans
        scan = self.scan_of(item)
        own = []
        for study in scans.studies(ScanFilter(), scan.patient, 0, _RECENT_ROWS) if scan is not None else ():
            own += scans.of_study(ScanFilter(), study.patient, study.study_uid, 0, _RECENT_ROWS)
        found = {(one.path, one.series_uid): one for one in [*(self._row(one) for one in own), *self.rows]}
        return [
            one for one in found.values() if item is None or one.path != item.path or one.series_uid != item.series_uid
        ]

    def refresh(self) -> None:
        """Read the list from the store."""
        self.tree.reload()
        self.changed.emit()

    def refresh_item(self, item: WorklistRow | None) -> None:
        """The work on a scan went on: show its counts and status."""
        scan = self.scan_of(item)
        if scan is not None:
            self.tree.refresh_scan(scan.id)

    def set_filter(self, wanted: ScanFilter) -> None:
        """List other scans."""
        wanted = replace(wanted, names_hidden=self.names_hidden)
        if wanted != self.filter:
            self.tree.filter = wanted
            self.refresh()

    def set_names_hidden(self, hidden: bool) -> None:
        """Hide or show who the scans are of; remembered."""
        if hidden != self.names_hidden:
            self._store.set_setting(_HIDDEN_SETTING, "1" if hidden else "0")
            self._set_hidden(hidden)
            self.refresh()

    def _set_hidden(self, hidden: bool) -> None:
        self.tree.names_hidden = hidden
        self.tree.filter = replace(self.tree.filter, names_hidden=hidden)

    def refresh_readings(self) -> None:
        """Another person is at work, or a task went on: what they read blind says nothing of others."""
        blind = self._store.readings.blind_scans(self._reader.name)
        if blind != self.tree.blind:
            self.tree.blind = blind
            self.tree.repaint_scans()

    def set_chinese(self, chinese: bool) -> None:
        """Which of a scan's two titles to show."""
        self.tree.chinese = chinese
        self.refresh()

    def is_filtered(self) -> bool:
        """Whether some scans may not be listed because of the filter."""
        return replace(self.filter, names_hidden=False) != ScanFilter()

    def modalities(self) -> list[str]:
        """Those that are on the list."""
        return self._store.scans.modalities()

    def count(self) -> int:
        """How many scans are listed."""
        return self._store.scans.count(self.filter)

    def count_all(self) -> int:
        """How many scans there are without a filter."""
        return self._store.scans.count(ScanFilter())

    def scan(self, scan_id: int) -> ScanRow:
        """A scan by its id."""
        return self._store.scans.get(scan_id)

    def scan_of(self, item: WorklistRow | None) -> ScanRow | None:
        """The listed scan that a row of the worklist is about."""
        return None if item is None else self._store.scans.find(item.path, item.series_uid)

    def row_of(self, scan_id: int) -> WorklistRow:
        """A scan as it is opened: where it was left, or at its beginning."""
        return self._row(self._store.scans.get(scan_id))

    def row_named(self, path: str, series_uid: str) -> WorklistRow | None:
        """A scan by what `read_volume` takes; None when it was never listed."""
        scan = self._store.scans.find(path, series_uid)
        return None if scan is None else self._row(scan)

    def whole_of(self, item: WorklistRow, scans: Sequence[int]) -> WorklistRow | None:
        """The one of some scans that an item is now a part of; None when it is on the list by itself."""
        if self.scan_of(item) is not None or not item.series_uid:
            return None
        uid = item.series_uid.partition("#")[0]
        rows = (self._store.scans.get(number) for number in scans)
        return next((self._row(scan) for scan in rows if scan.series_uid.partition("#")[0] == uid), None)

    def opened(self, item: WorklistRow) -> WorklistRow:
        """The person opens a scan; returns where they left it."""
        scan = self.scan_of(item)
        if scan is None:
            return item
        if not self._store.notice:
            self._store.scan_index.opened(scan)
            self.tree.refresh_scan(scan.id)
        return self._row(scan)

    def add_area(self, item: WorklistRow, volume: Volume, area: SlideArea) -> WorklistRow | None:
        """Put an area of a slide on the list, beside the slide; None, and `failed`, when it cannot be kept."""
        scan = self.scan_of(item)
        if scan is None:
            return None
        try:
            number = list_area(self._store, scan, volume, area, self._reader.name)
        except StoreError as error:
            self.failed.emit(str(error))
            return None
        self.refresh()
        return self.row_of(number)

    def slide_of(self, item: WorklistRow) -> WorklistRow | None:
        """The overview of the slide that an area is of; None when it is not listed."""
        scan = self.scan_of(item)
        slide = None if scan is None else slide_of(self._store, scan)
        return None if slide is None else self._row(slide)

    def title_of(self, item: WorklistRow | None) -> str:
        """What a scan is called in the window's title: its patient and its name."""
        scan = self.scan_of(item)
        if scan is None:
            return ""
        title = self.tree.scan_title(scan)
        return title if scan.pinned else f"{self.tree.patient_name(scan.patient)} · {title}"

    def last_opened(self) -> WorklistRow | None:
        """What was on screen last; else the first of the list."""
        last = self._store.worklist.last_opened()
        if last is not None:
            return last
        first = self._store.scans.neighbour(ScanFilter(), None, 1)
        return None if first is None else self._row(first)

    def neighbour(self, item: WorklistRow | None, step: int) -> WorklistRow | None:
        """The next or previous scan in the order of the list, through the filter."""
        scan = self.scan_of(item)
        found = self._store.scans.neighbour(self.filter, None if scan is None else scan.id, step)
        return None if found is None else self._row(found)

    def put_next(self, order: LabelOrder) -> int:
        """The list begins with the scans of an order of images; returns how many that are. Raises `StoreError`."""
        scans = order.scans(self._store)
        self._store.scan_index.put_next(scans)
        self.refresh()
        return len(scans)

    def put_back(self) -> None:
        """Nothing is said of what is to be labelled next: the list stands in its usual order again."""
        try:
            self._store.scan_index.put_next([])
        except StoreError as error:
            self.failed.emit(str(error))
            return
        self.refresh()

    def mark(self, scan_id: int, kind: ScanMark) -> None:
        """Say how far a scan is, or take it off the list; can be undone."""
        self.mark_all([scan_id], kind)

    def mark_all(self, scan_ids: Sequence[int], kind: ScanMark) -> None:
        """Say the same of several scans; undone together."""
        said = []
        for scan in (self._store.scans.get(number) for number in scan_ids):
            before = ScanMark.LISTED if kind is ScanMark.REMOVED else ScanMark(scan.status.value)
            if kind is not before:
                said.append((scan, before))
        if not said:
            return
        try:
            self._undo_stack.push(Marking(self._say, said, kind))
        except StoreError as error:
            self.failed.emit(str(error))

    def _say(self, said: Sequence[tuple[ScanRow, ScanMark]]) -> None:
        try:
            for scan, kind in said:
                self._store.scan_index.mark(scan, kind, self._reader.name)
        finally:
            # Also when the store fails in the middle: the list shows what was kept.
            kinds = {kind for _, kind in said}
            if self.filter.status is None and not kinds & {ScanMark.REMOVED, ScanMark.LISTED}:
                for scan, _ in said:
                    self.tree.refresh_scan(scan.id)
                self.changed.emit()
            else:
                self.refresh()

    def add_demo(self, folder: Path | None = None) -> None:
        """Put the demo's scans on top of the list; the phantom is generated the first time."""
        path = self._store.path

        def work(job: Job) -> Indexed:
            with AnnotationStore.open(path) as store:
                return Indexed(tuple(index_demo(store, folder or default_demo_folder(), job)), (), 0, 0)

        self._add(work)

    def add_paths(self, paths: Sequence[Path]) -> None:
        """Put every scan of some files and folders on the list, the first ones while the rest is still read."""
        path, wanted = self._store.path, list(paths)

        def work(job: Job) -> Indexed:
            with AnnotationStore.open(path) as store:
                return index_into(store, wanted, job, self._kept.emit)

        self._add(work)

    def _add(self, work: Callable[[Job], Indexed]) -> None:
        if self._store.notice:
            self.failed.emit(self._store.notice)
            return
        job = self._indexing.start(work)
        job.done.connect(self._added)
        job.failed.connect(self.failed)
        self.indexing.emit(job)

    def _listed(self, scans: list[int]) -> None:
        self.refresh()
        self.listed.emit(scans)

    def _added(self, found: Indexed) -> None:
        self.thumbnails.forget([] if not found.files else list(found.scans))
        self.refresh()
        self.indexed.emit(found)
        if not found.scans and found.problems:
            if self.names_hidden:
                self.failed.emit(self.tr("None of these files is a scan that can be read"))
            else:
                self.failed.emit(found.problems[0].reason)
        self.added.emit(list(found.scans))

    def _row(self, scan: ScanRow) -> WorklistRow:
        left = self._store.worklist.find(scan.path, scan.series_uid)
        if left is not None:
            return left
        return WorklistRow(
            0,
            scan.path,
            scan.series_uid,
            scan.title_en,
            scan.title_zh,
            None,
            scan.start,
            None,
            "",
            scan.decided,
            scan.open,
        )

    def close(self) -> None:
        """Stop what runs in the background; what was indexed until then is kept."""
        self.tree.close()
        self._indexing.stop()
        self._drawing.stop()


class Marking(QUndoCommand):
    """What a person says about scans. Undone, they say what it was before: history only grows."""

    def __init__(
        self,
        say: Callable[[Sequence[tuple[ScanRow, ScanMark]]], None],
        before: Sequence[tuple[ScanRow, ScanMark]],
        after: ScanMark,
    ) -> None:
        super().__init__()
        self._say = say
        self._before = before
        self._after = [(scan, after) for scan, _ in before]
        # Kept before the command goes onto the stack, so that a failing store leaves no command behind.
        say(self._after)
        self._first = True

    def redo(self) -> None:
        """Say it again."""
        if not self._first:
            self._say(self._after)
        self._first = False

    def undo(self) -> None:
        """Say what was said before."""
        self._say(self._before)
