"""The run over a folder: scan by scan, slice by slice, each slice one transaction."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from engine.found import known_regions, names_to_ask, without_known
from engine.labels import Label
from engine.prelabel.labels import label_set
from engine.prelabel.slices import SliceChoice
from engine.progress import Cancelled, Progress
from engine.protocol import Language
from engine.runtime import EngineError, Session
from engine.scans import ScanError, SeriesEntry, Volume, VolumeLoader, index_path, is_archive
from engine.store import AnnotationStore, FileStamp, ListedScan, RegionRow, StoreError, study_uid_of
from engine.suggest import finding_prompt, suggest_each
from engine.suggestion import Suggestion

_MOST_FAILURES = 3
"""Slices one after the other that the model may fail on before the run gives up."""


@dataclass(frozen=True, slots=True)
class PrelabelOrder:
    """What to do. threshold : boxes less probable than this become no regions. who : the person it is done for."""

    labels: tuple[Label, ...]
    language: Language
    slices: SliceChoice
    threshold: float
    who: str


@dataclass(frozen=True, slots=True)
class SkippedScan:
    """A file or scan that was left out, and why."""

    path: Path
    reason: str


@dataclass(slots=True)
class Prelabelled:
    """What came of a run.

    scans : looked at, those without anything left to ask among them. slices : asked about. done_before : slices on
    which nothing was left to ask. failed : slices that the model failed on. questions : put, one a name and slice.
    regions : found and kept. stopped : it was told to stop; the same order goes on.
    """

    found: int = 0
    scans: int = 0
    slices: int = 0
    done_before: int = 0
    failed: int = 0
    questions: int = 0
    regions: int = 0
    skipped: list[SkippedScan] = field(default_factory=list)
    stopped: bool = False


def prelabel(
    store: AnnotationStore, session: Session, folder: Path, order: PrelabelOrder, progress: Progress
) -> Prelabelled:
    """Look for names on slices of every scan of a folder, and keep what is found as suggestions that wait.

    A name is not asked about where the same model was asked already, nor where the slice has a region of that name or
    had one that a person turned down. The scans are put on the list that the window shows. Scans that cannot be read
    are skipped. Raises `ScanError` when the folder itself cannot be read, `StoreError` when nothing can be kept,
    `ModelError`, and `EngineError` when the model fails again and again.
    """
    return _Run(store, session, order, progress).over(folder)


class _Run:
    def __init__(self, store: AnnotationStore, session: Session, order: PrelabelOrder, progress: Progress) -> None:
        self._store = store
        self._session = session
        self._order = order
        self._labels = label_set(order.labels)
        self._progress = progress
        self._quiet = _Quiet(progress)
        self._result = Prelabelled()
        self._total = self._passed = 0
        self._asking_s = 0.0
        self._failures = 0

    def over(self, folder: Path) -> Prelabelled:
        try:
            # The window opens scans by their real place.
            index = index_path(Path(os.path.realpath(folder)), self._progress)
            self._result.found = len(index.series)
            self._result.skipped += [SkippedScan(one.path, one.reason) for one in index.problems]
            self._total = sum(len(self._order.slices.of(entry.slices)) for entry in index.series)
            for entry in index.series:
                self._require_going_on()
                before = self._passed
                try:
                    self._scan(entry)
                except (ScanError, MemoryError) as error:
                    self._skip(entry, str(error) or "it does not fit into the memory")
                self._passed = before + len(self._order.slices.of(entry.slices))
        except Cancelled:
            self._result.stopped = True
        return self._result

    def _scan(self, entry: SeriesEntry) -> None:
        loader = VolumeLoader.of_entry(entry)
        first = loader.open(self._quiet)
        if reason := self._closed(first):
            self._skip(entry, reason)
            return
        self._list(entry)
        todo = self._todo(first)
        self._result.scans += 1
        if todo:
            volume = loader.load(self._quiet)
            # Loading the model is no part of what a slice takes.
            self._session.start(self._progress.cancelled)
            for index, labels in todo.items():
                self._require_going_on()
                self._slice(volume, index, labels)
                self._passed += 1
                self._report()

    def _closed(self, volume: Volume) -> str:
        """Why nothing may be found on a scan for this person; "" when it may."""
        place = (str(volume.source), volume.series_uid, self._order.who)
        if self._store.readings.is_blind(*place):
            return f"{self._order.who} reads it blind and has not submitted the reading yet"
        try:
            self._store.readings.require_open(*place)
        except StoreError as error:
            return str(error)
        return ""

    def _list(self, entry: SeriesEntry) -> None:
        """Put the scan on the list of scans, where it is not yet."""
        known = self._store.scans.find(entry.path, entry.series_uid)
        if known is not None and not known.missing:
            return
        if is_archive(entry.path):
            # Its scans hang on it: what it is unpacked to is gone when the program ends.
            entry = replace(entry, files=(entry.path,))
        try:
            facts = [(file, file.lstat()) for file in entry.files]
        except OSError as error:
            raise ScanError(f"cannot read {error.filename}: {error.strerror}") from error
        stamps = [FileStamp(file, found.st_size, found.st_mtime_ns) for file, found in facts]
        self._store.scan_index.keep([ListedScan(entry)], stamps)

    def _todo(self, volume: Volume) -> dict[int, list[Label]]:
        """The slices with something left to ask, and the names."""
        session, order = self._session, self._order
        session.adapters.follow()
        adapter = session.adapter.id if session.adapter else None
        place = (volume.source, volume.series_uid, volume.plane)
        asked = self._store.suggestions.found_in_series(*place, session.manifest.sha256, adapter)
        prompts = {label: self._prompt(volume, label) for label in order.labels}
        todo: dict[int, list[Label]] = {}
        for index in order.slices.of(len(volume.voxels)):
            if volume.slice_files and volume.slice_files[index] is None:
                # A slice that is missing from the series.
                self._passed += 1
                continue
            fresh = [label for label in order.labels if (index, prompts[label]) not in asked]
            if fresh:
                fresh = names_to_ask(fresh, self._known(volume, index))
            # What was left out as unlikely may be likely enough now.
            left_out = {label: asked.get((index, prompts[label])) for label in order.labels}
            again = [label for label, best in left_out.items() if best is not None and best >= order.threshold]
            if labels := [label for label in order.labels if label in fresh or label in again]:
                todo[index] = labels
            else:
                self._passed += 1
                self._result.done_before += 1
        return todo

    def _known(self, volume: Volume, index: int) -> list[RegionRow]:
        place = (volume.source, volume.series_uid, volume.plane, index)
        return known_regions(self._store, *place, self._order.who)

    def _prompt(self, volume: Volume, label: Label) -> str:
        return finding_prompt(
            self._session.manifest,
            volume,
            volume.plane,
            language=self._order.language,
            name=_asked_as(label),
            labels=self._labels,
        )

    def _slice(self, volume: Volume, index: int, labels: Sequence[Label]) -> None:
        started = time.monotonic()
        try:
            suggestions = suggest_each(
                self._session,
                volume,
                volume.plane,
                index,
                language=self._order.language,
                names=[_asked_as(label) for label in labels],
                labels=self._labels,
                cancelled=self._progress.cancelled,
            )
        except EngineError as error:
            self._failures += 1
            if self._failures == _MOST_FAILURES:
                raise
            self._result.failed += 1
            self._result.skipped.append(SkippedScan(volume.source, f"slice {index}: {error}"))
            return
        self._failures = 0
        self._keep(volume, index, suggestions)
        self._result.slices += 1
        self._result.questions += len(suggestions)
        self._asking_s += time.monotonic() - started

    def _keep(self, volume: Volume, index: int, suggestions: Sequence[Suggestion]) -> None:
        known = self._known(volume, index)
        found: list[Suggestion] = []
        about_slice: list[Suggestion] = []
        for suggestion in suggestions:
            fresh = without_known(suggestion, known)
            likely = [one for one in fresh.regions if one.probability >= self._order.threshold]
            unlikely = [one for one in fresh.regions if one.probability < self._order.threshold]
            if likely:
                found.append(replace(fresh, regions=tuple(likely)))
            # Also where nothing was left out: that the name was asked about is to be known.
            about_slice.append(replace(fresh, regions=tuple(unlikely)))
        kept = self._store.drawing.record_found_many(
            found, study_uid_of(volume), self._order.who, about_slice=about_slice
        )
        self._result.regions += len(kept)

    def _skip(self, entry: SeriesEntry, reason: str) -> None:
        self._result.skipped.append(SkippedScan(entry.path, reason))

    def _require_going_on(self) -> None:
        if self._progress.cancelled():
            raise Cancelled

    def _report(self) -> None:
        left = (self._total - self._passed) * self._asking_s / max(self._result.slices, 1)
        what = f"slices ({self._result.regions} regions found, {_duration(left)} left)"
        self._progress.report(self._passed, self._total, what)


class _Quiet:
    """Of the reading of one scan nobody wants to hear: there may be thousands."""

    def __init__(self, progress: Progress) -> None:
        self.cancelled = progress.cancelled

    def report(self, done: int, total: int, what: str) -> None:
        """Say nothing."""


def _asked_as(label: Label) -> str:
    return label.id or label.en


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h {minutes % 60} min"
