"""The annotation database: each gesture is one durable transaction, and nothing is ever overwritten."""

from __future__ import annotations

import sqlite3
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType
from typing import Self

import platformdirs

from engine.regions import Box, Label
from engine.scans import Plane, Volume, Window
from engine.store.answers import AnswerStore
from engine.store.audit import verify_chain, verify_rows
from engine.store.connection import OpenedDatabase, backup, open_database, snapshot, transaction
from engine.store.draft_store import DraftStore
from engine.store.drawing import NewRegion, RegionDrawing
from engine.store.edits import RegionEdits
from engine.store.errors import StoreError
from engine.store.gesture import utc_now
from engine.store.identifying import IdentifyingKind, IdentifyingText
from engine.store.label_store import LabelStore
from engine.store.readings import Readings
from engine.store.region_writer import RegionWriter, window_columns
from engine.store.repositories import (
    AuditRepository,
    ImageRepository,
    RegionRepository,
    VerdictRepository,
    WorklistRepository,
    source_key,
)
from engine.store.rows import RegionRow, SuggestionRow
from engine.store.scan_index import ScanIndex
from engine.store.scans import ScanRepository
from engine.store.shadows import ShadowRepository
from engine.store.snapshot_store import SnapshotStore
from engine.store.suggestions import SuggestionRepository
from engine.store.task_progress import TaskProgress
from engine.store.task_store import TaskStore
from engine.suggest import ImageRef, Suggestion


def default_database_path() -> Path:
    """The platform's user data folder."""
    return platformdirs.user_data_path("medrega-desktop") / "annotations.sqlite"


class AnnotationStore:
    """One open database. Methods that write are gestures: on disk when they return, or not done at all.

    Use from one thread at a time; open another store on the same file for another thread or process. Gestures raise
    `StoreError` when nothing could be kept.

    The gestures of everyday are methods here; the rest is by subject: `drawing` makes regions, `edits` changes them,
    `answers` keeps what was said of whole slices, `scan_index` lists scans, `tasks` gives them to readers, `readings`
    says what a reader may see, `drafts`, `labels` and `snapshots` keep what their names say.

    path : of the file. notice : why this store only reads, for people; empty when it can write.
    """

    def __init__(self, opened: OpenedDatabase, path: Path) -> None:
        db = opened.db
        self._connection: sqlite3.Connection = db.conn
        self.path = path
        self.notice = opened.notice
        self.images = ImageRepository(db)
        self.regions = RegionRepository(db)
        self.suggestions = SuggestionRepository(db)
        self.verdicts = VerdictRepository(db)
        self.worklist = WorklistRepository(db)
        self.scans = ScanRepository(db)
        self.scan_index = ScanIndex(self._connection, self._require_writable)
        self.audit = AuditRepository(db)
        self.readings = Readings(self._connection, self.images, self.regions)
        writer = RegionWriter(
            self._connection, self.images, self.regions, self.suggestions, self.readings, self._require_writable
        )
        self.drawing = RegionDrawing(writer)
        self.edits = RegionEdits(writer)
        self.answers = AnswerStore(self._connection, writer)
        self.drafts = DraftStore(self._connection, self._require_writable)
        self.labels = LabelStore(self._connection, self._require_writable)
        self.snapshots = SnapshotStore(self._connection, self._require_writable)
        self.tasks = TaskStore(self._connection, self.readings, self._require_writable)
        self.progress = TaskProgress(self._connection, self.tasks)
        self.shadows = ShadowRepository(db)

    @classmethod
    def open(cls, path: Path) -> AnnotationStore:
        """Open or create a database; one of a newer version can only be read, and `notice` says so.

        Raises `StoreError` naming the file and the remedy.
        """
        return cls(open_database(path), path)

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def backup(self, target: Path) -> None:
        """Copy the database whole while it is in use. Raises `StoreError`."""
        backup(self._connection, target)

    def integrity_problems(self) -> list[str]:
        """What SQLite's full check and the foreign keys complain about; empty when all is well."""
        lines = [row[0] for row in self._connection.execute("PRAGMA integrity_check")]
        broken = [f"broken reference in {row[0]}" for row in self._connection.execute("PRAGMA foreign_key_check")]
        return [line for line in lines if line != "ok"] + broken

    def audit_problems(self) -> list[str]:
        """Where the audit log, or a row it vouches for, is not what was written; empty when all is."""
        # Read together: a gesture of another window in between would look like a row that was smuggled in.
        with snapshot(self._connection):
            entries, digests = list(self.audit.all()), self.audit.row_digests()
        broken = verify_chain(entries)
        if broken is not None:
            return [f"audit entry {broken} is not what was written"]
        return verify_rows(entries, digests)

    def at_one_moment(self) -> AbstractContextManager[None]:
        """Reads inside belong together, whatever other windows and processes write meanwhile. Nothing is written."""
        return snapshot(self._connection)

    def identifying_texts(self) -> frozenset[IdentifyingText]:
        """What this database knows that tells who a patient is: names, numbers and places of files.

        UIDs are not among it: they are known by their form.
        """
        person = "SELECT name FROM scan_patient UNION SELECT code FROM scan_patient"
        place = (
            "SELECT path FROM scan UNION SELECT source FROM series UNION SELECT path FROM worklist "
            "UNION SELECT path FROM task"
        )
        return frozenset(
            IdentifyingText(kind, str(text))
            for kind, sql in ((IdentifyingKind.PERSON, person), (IdentifyingKind.PLACE, place))
            for (text,) in self._connection.execute(sql)
            if text
        )

    def draw_region(
        self,
        image: ImageRef,
        study_uid: str,
        box: Box,
        who: str,
        *,
        shape: str | None = None,
        label: Label | None = None,
        attributes: str | None = None,
        structure_id: int | None = None,
    ) -> RegionRow:
        """Keep a region a person drew, named or not yet. Raises `RegionError` for one outside the image.

        box : the bounds. shape, attributes : JSON, None for the box itself and for nothing.
        """
        drawn = NewRegion(image, study_uid, box, shape, label, attributes, structure_id=structure_id)
        return self.drawing.draw(drawn, who)

    def record_suggestion(self, suggestion: Suggestion, study_uid: str, root_id: int | None = None) -> SuggestionRow:
        """Keep a model's answer, about a region or about the whole slice."""
        return self.drawing.record_suggestion(suggestion, study_uid, root_id)

    def record_asked(
        self, suggestion: Suggestion, study_uid: str, box: Box, who: str
    ) -> tuple[RegionRow, SuggestionRow]:
        """Keep a box a person asked about together with the answer, undecided."""
        return self.drawing.record_asked(suggestion, study_uid, box, who)

    def record_found(self, suggestion: Suggestion, study_uid: str, who: str) -> list[tuple[RegionRow, SuggestionRow]]:
        """Keep a text-to-region answer: each of its boxes as a suggested region with its own row."""
        return self.drawing.record_found(suggestion, study_uid, who)

    def accept(self, root_id: int, suggestion_id: int, label: Label, who: str) -> RegionRow:
        """The person agrees with a suggested name (and box)."""
        return self.edits.accept(root_id, suggestion_id, label, who)

    def correct(
        self,
        root_id: int,
        label: Label,
        who: str,
        *,
        suggestion_id: int | None = None,
        box: Box | None = None,
    ) -> RegionRow:
        """The person gives another name or box than suggested. Raises `RegionError` for a box outside the image."""
        return self.edits.correct(root_id, label, who, suggestion_id=suggestion_id, box=box)

    def reject(self, root_id: int, who: str, suggestion_id: int | None = None) -> RegionRow:
        """The person rejects the region: it is hidden, its history stays."""
        return self.edits.reject(root_id, who, suggestion_id)

    def revert(self, root_id: int, to_row: int | None, who: str) -> RegionRow:
        """Undo: make the region again what an earlier row of it was; None takes it back altogether."""
        return self.edits.revert(root_id, to_row, who)

    def add_to_worklist(self, path: Path, series_uid: str, title_en: str, title_zh: str, start: int = 0) -> None:
        """Put a scan on the worklist, once."""
        self._require_writable()
        with transaction(self._connection):
            self._connection.execute(
                "INSERT OR IGNORE INTO worklist (path, series_uid, title_en, title_zh, slice) VALUES (?, ?, ?, ?, ?)",
                [source_key(path), series_uid, title_en, title_zh, start],
            )

    def keep_view(self, path: Path, series_uid: str, plane: Plane, index: int, window: Window | None) -> None:
        """Remember what of a scan is on screen, for the next start. A store that only reads remembers nothing."""
        if self.notice:
            return
        with transaction(self._connection):
            self._connection.execute(
                "UPDATE worklist SET plane = ?, slice = ?, window_center = ?, window_width = ?, opened = ? "
                "WHERE path = ? AND series_uid = ?",
                [plane.value, index, *window_columns(window), utc_now(), source_key(path), series_uid],
            )

    def setting(self, key: str, default: str = "") -> str:
        """A preference."""
        row = self._connection.execute("SELECT value FROM setting WHERE key = ?", [key]).fetchone()
        return default if row is None else str(row[0])

    def set_setting(self, key: str, value: str) -> None:
        """Keep a preference. A store that only reads keeps none."""
        if self.notice:
            return
        with transaction(self._connection):
            self._connection.execute("INSERT OR REPLACE INTO setting (key, value) VALUES (?, ?)", [key, value])

    def _require_writable(self) -> None:
        if self.notice:
            raise StoreError(self.notice)


def study_uid_of(volume: Volume) -> str:
    """The study a volume belongs to; formats without studies are a study of their own."""
    return volume.study_uid or f"file:{source_key(volume.source)}"
