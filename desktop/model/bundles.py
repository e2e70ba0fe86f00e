"""Snapshots and adapters as one file: what there is to pack, and a child process that packs or unpacks."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, Signal

from desktop.model.asking import AskingModel
from desktop.model.feedback_child import ChildEnd, FeedbackChild
from desktop.model.jobs import Job, JobRunner
from desktop.model.reader import ReaderModel
from engine.runtime import list_adapters
from engine.store import AnnotationStore, SnapshotRow

_CLOSING_MS = 5_000


class Verb(Enum):
    """What is being done."""

    EXPORT = "export"
    IMPORT = "import"


@dataclass(frozen=True, slots=True)
class SnapshotChoice:
    """A snapshot that can be packed. created : ISO 8601, UTC. regions, patients : of both its sides."""

    hash: str
    created: str
    who: str
    regions: int
    patients: int


@dataclass(frozen=True, slots=True)
class Packed:
    """What came of it. sha256 : of the bundle's list of hashes. snapshots, adapters : hashes and ids that are in it.
    new : of these, what was not here before; of an import alone.
    """

    verb: Verb
    file: Path
    sha256: str
    snapshots: tuple[str, ...]
    adapters: tuple[str, ...]
    new: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Seen:
    snapshots: tuple[SnapshotChoice, ...]
    adapters: tuple[str, ...]


class BundlesModel(QObject):
    """changed : what there is, or whether a child works. progressed : done, total (0 unknown). failed : a message.

    packed : a `Packed`. cancelled : nothing came of it, as was wanted.

    snapshots, adapters : what can be packed, the newest snapshot first; adapters by their ids, of the model that
    answers by default. looked : whether that is known yet. verb : what is being done, None for nothing.
    """

    changed = Signal()
    progressed = Signal(int, int)
    failed = Signal(str)
    packed = Signal(object)
    cancelled = Signal()

    def __init__(
        self,
        store: AnnotationStore,
        asking: AskingModel,
        reader: ReaderModel,
        jobs: JobRunner,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._path = store.path
        self._asking = asking
        self._reader = reader
        self._jobs = jobs
        self._job: Job | None = None
        self._child: FeedbackChild | None = None
        self._given_up = False
        self.verb: Verb | None = None
        self.looked = False
        self.snapshots: tuple[SnapshotChoice, ...] = ()
        self.adapters: tuple[str, ...] = ()

    def refresh(self) -> None:
        """Look at the disk and the database anew."""
        manifest, path = self._asking.manifest, self._path

        def work(job: Job) -> _Seen:
            with AnnotationStore.open(path) as store:
                rows = store.snapshots.all()
            # One that was taken twice is one.
            known = {row.hash: _choice(row) for row in rows}
            return _Seen(tuple(reversed(known.values())), tuple(one.id for one in list_adapters(manifest)))

        job = self._job = self._jobs.start(work)
        job.done.connect(lambda seen: self._show(seen) if job is self._job else None)
        job.failed.connect(self.failed)

    def export_to(self, file: Path, snapshots: Sequence[str], adapters: Sequence[str]) -> None:
        """Pack these, by hash and by id, into a file."""
        words = [str(file)]
        words += [word for hash_ in snapshots for word in ("--snapshot", hash_)]
        words += [word for id_ in adapters for word in ("--adapter", id_)]
        self._begin(Verb.EXPORT, file, words)

    def import_from(self, file: Path, expected: str = "") -> None:
        """Unpack a file. expected : its hash, as whoever made it said; "" to trust the file alone."""
        words = [str(file), "--who", self._reader.name]
        words += ["--expect", expected] if expected else []
        self._begin(Verb.IMPORT, file, words)

    def cancel(self) -> None:
        """Give up what is being done: nothing of it is there then."""
        if self._child is not None:
            self._given_up = True
            self._child.interrupt()

    def close(self) -> None:
        """Stop what runs."""
        if self._child is not None:
            self._child.close(_CLOSING_MS)

    def _begin(self, verb: Verb, file: Path, words: Sequence[str]) -> None:
        if self._child is not None:
            return
        shared = ["--db", str(self._path), "--progress", "json", "--with-parent", "--json"]
        child = self._child = FeedbackChild([verb.value, *words, *shared], self)
        self.verb, self._given_up = verb, False
        child.progressed.connect(lambda done, total, _: self.progressed.emit(done, total))
        child.ended.connect(lambda end: self._ended(verb, file, end))
        child.start()
        self.changed.emit()

    def _ended(self, verb: Verb, file: Path, end: ChildEnd) -> None:
        if self._child is not None:
            self._child.deleteLater()
        self._child, self.verb = None, None
        self.changed.emit()
        if end.document is not None and not end.code:
            self.packed.emit(_packed(verb, file, end.document))
            self.refresh()
        elif self._given_up:
            self.cancelled.emit()
        else:
            self.failed.emit(end.message or self.tr("It ended without a result."))

    def _show(self, seen: _Seen) -> None:
        self.snapshots, self.adapters, self.looked = seen.snapshots, seen.adapters, True
        self.changed.emit()


def _choice(row: SnapshotRow) -> SnapshotChoice:
    counts = json.loads(row.counts)
    regions, patients = (sum(int(side[what]) for side in counts.values()) for what in ("regions", "patients"))
    return SnapshotChoice(row.hash, row.created, row.who, regions, patients)


def _packed(verb: Verb, file: Path, said: Mapping[str, Any]) -> Packed:
    snapshots, adapters, new = (tuple(map(str, said.get(key, ()))) for key in ("snapshots", "adapters", "new"))
    return Packed(verb, file, str(said["sha256"]), snapshots, adapters, new)
