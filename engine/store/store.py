"""The annotation database: each gesture is one durable transaction, and nothing is ever overwritten."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import platformdirs

from engine.regions import Box, Label
from engine.scans import Plane, Volume, Window
from engine.store.audit import canonical_json, verify_chain, verify_rows
from engine.store.connection import OpenedDatabase, backup, open_database, snapshot, transaction
from engine.store.errors import StoreError
from engine.store.gesture import Gesture, gesture, utc_now
from engine.store.repositories import (
    AuditRepository,
    ImageRepository,
    RegionRepository,
    SuggestionRepository,
    VerdictRepository,
    WorklistRepository,
    source_key,
)
from engine.store.rows import Origin, RegionRow, RegionState, SuggestionRow
from engine.store.scan_index import ScanIndex
from engine.store.scans import ScanRepository
from engine.suggest import ImageRef, SuggestedRegion, Suggestion


def default_database_path() -> Path:
    """The platform's user data folder."""
    return platformdirs.user_data_path("medrega-desktop") / "annotations.sqlite"


class AnnotationStore:
    """One open database. Methods that write are gestures: on disk when they return, or not done at all.

    Use from one thread at a time; open another store on the same file for another thread or process. Gestures raise
    `StoreError` when nothing could be kept.

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

    def draw_region(self, image: ImageRef, study_uid: str, box: Box, who: str) -> RegionRow:
        """Keep a box a person drew, not named yet. Raises `RegionError` for one outside the image."""
        box.require_inside(image.width, image.height)
        with self._gesture(who, "drew") as made:
            return self._new_region(made, image, study_uid, box, None, RegionState.DRAWN, Origin.PERSON, who)

    def record_suggestion(self, suggestion: Suggestion, study_uid: str, root_id: int | None = None) -> SuggestionRow:
        """Keep a model's answer, about a region or about the whole slice."""
        with self._gesture(f"model {suggestion.model.id}", "answered") as made:
            return self._add_suggestion(made, suggestion, study_uid, root_id)

    def record_asked(
        self, suggestion: Suggestion, study_uid: str, box: Box, who: str
    ) -> tuple[RegionRow, SuggestionRow]:
        """Keep a box a person asked about together with the answer, undecided."""
        box.require_inside(suggestion.image.width, suggestion.image.height)
        with self._gesture(who, "asked") as made:
            row = self._new_region(made, suggestion.image, study_uid, box, None, RegionState.DRAWN, Origin.PERSON, who)
            return row, self._add_suggestion(made, suggestion, study_uid, row.root_id)

    def record_found(self, suggestion: Suggestion, study_uid: str, who: str) -> list[tuple[RegionRow, SuggestionRow]]:
        """Keep a text-to-region answer: each of its boxes as a suggested region with its own row.

        Of a grounded report each region has its own description, and the whole is kept besides, about the slice.
        """
        kept = []
        with self._gesture(who, "suggested") as made:
            for region in suggestion.regions:
                row = self._new_region(
                    made,
                    suggestion.image,
                    study_uid,
                    region.box,
                    _label_of(region),
                    RegionState.SUGGESTED,
                    Origin.MODEL,
                    who,
                )
                one = replace(suggestion, regions=(region,), text=_said_of(suggestion, region))
                kept.append((row, self._add_suggestion(made, one, study_uid, row.root_id)))
            if suggestion.sentences or not suggestion.regions:
                self._add_suggestion(made, suggestion, study_uid, None)
        return kept

    def accept(self, root_id: int, suggestion_id: int, label: Label, who: str) -> RegionRow:
        """The person agrees with a suggested name (and box)."""
        change = {"label": label, "state": RegionState.ACCEPTED}
        return self._decide(root_id, change, "accepted", suggestion_id, who)

    def correct(
        self,
        root_id: int,
        label: Label,
        who: str,
        *,
        suggestion_id: int | None = None,
        box: Box | None = None,
    ) -> RegionRow:
        """The person gives another name or box than suggested, or one where nothing was suggested.

        Raises `RegionError` for a box outside the image.
        """
        change: dict[str, Any] = {"label": label, "state": RegionState.EDITED}
        if box is not None:
            change["box"] = box
        return self._decide(root_id, change, "edited", suggestion_id, who)

    def reject(self, root_id: int, who: str, suggestion_id: int | None = None) -> RegionRow:
        """The person rejects the region: it is hidden, its history stays."""
        return self._decide(root_id, {"state": RegionState.REJECTED}, "rejected", suggestion_id, who)

    def revert(self, root_id: int, to_row: int | None, who: str) -> RegionRow:
        """Undo: make the region again what an earlier row of it was; None takes it back altogether.

        History is not cut: another row is appended. Raises `StoreError` for a row of another region.
        """
        if to_row is None:
            return self._decide(root_id, {"state": RegionState.REMOVED}, "restored", None, who)
        old = self.regions.row(to_row)
        if old.root_id != root_id:
            raise StoreError(f"row {to_row} is not part of region {root_id}'s history")
        return self._decide(root_id, {"label": old.label, "box": old.box, "state": old.state}, "restored", None, who)

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
                [plane.value, index, *_window_columns(window), utc_now(), source_key(path), series_uid],
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

    @contextmanager
    def _gesture(self, who: str, what: str) -> Iterator[Gesture]:
        self._require_writable()
        with gesture(self._connection, who, what) as made:
            yield made

    def _decide(
        self, root_id: int, change: dict[str, Any], kind: str, suggestion_id: int | None, who: str
    ) -> RegionRow:
        with self._gesture(who, kind) as made:
            before = self.regions.current(root_id)
            judged = None if suggestion_id is None else self.suggestions.get(suggestion_id)
            if judged is not None and judged.region_root_id != root_id:
                raise StoreError(f"suggestion {suggestion_id} is not about region {root_id}")
            after = replace(before, **change)
            if after.box != before.box:
                image = self.images.get(before.image_id)
                after.box.require_inside(image.width, image.height)
            row = self._insert_region(made, after, who, supersedes=before)
            made.insert(
                "verdict",
                region_id=row.id,
                suggestion_id=suggestion_id,
                kind=kind,
                before=_content(before, judged),
                after=_content(row),
                who=who,
                created=row.created,
            )
        return row

    def _new_region(
        self,
        made: Gesture,
        image: ImageRef,
        study_uid: str,
        box: Box,
        label: Label | None,
        state: RegionState,
        origin: Origin,
        who: str,
    ) -> RegionRow:
        image_id = self._image_id(made, image, study_uid)
        wanted = RegionRow(0, 0, image_id, box, label, state, origin, image.sha256, image.window, who, "")
        return self._insert_region(made, wanted, who)

    def _insert_region(
        self, made: Gesture, wanted: RegionRow, who: str, *, supersedes: RegionRow | None = None
    ) -> RegionRow:
        center, width = _window_columns(wanted.window)
        # Boxes may hold numpy numbers, which SQLite does not take.
        x1, y1, x2, y2 = map(float, wanted.box.as_tuple())
        label = wanted.label
        number = made.insert(
            "region",
            root_id=supersedes.root_id if supersedes else None,
            supersedes_id=supersedes.id if supersedes else None,
            image_id=wanted.image_id,
            x1=x1,
            y1=y1,
            x2=x2,
            y2=y2,
            label_id=label.id if label else None,
            label_en=label.en if label else None,
            label_zh=label.zh if label else None,
            state=wanted.state.value,
            origin=wanted.origin.value,
            view_sha256=wanted.view_sha256,
            window_center=center,
            window_width=width,
            who=who,
            created=utc_now(),
        )
        if supersedes is None:
            self._connection.execute("UPDATE region SET root_id = id WHERE id = ?", [number])
        return self.regions.row(number)

    def _add_suggestion(
        self, made: Gesture, suggestion: Suggestion, study_uid: str, root_id: int | None
    ) -> SuggestionRow:
        center, width = _window_columns(suggestion.image.window)
        number = made.insert(
            "suggestion",
            image_id=self._image_id(made, suggestion.image, study_uid),
            region_root_id=root_id,
            task=suggestion.task.value,
            language=suggestion.language.value,
            prompt=suggestion.prompt,
            raw=suggestion.raw,
            text=suggestion.text,
            parsed=canonical_json(
                [
                    {
                        "label": r.label,
                        "box": [float(v) for v in r.box.as_tuple()],
                        "probability": float(r.probability),
                    }
                    for r in suggestion.regions
                ]
            ),
            candidates=canonical_json(
                # Where several labels may hold, nothing is ranked: what it says are those it named.
                [
                    [c.label, c.label_zh, c.label_id, float(c.probability)]
                    for c in suggestion.candidates or suggestion.labels
                ]
            ),
            abstained=int(suggestion.abstained),
            model_id=suggestion.model.id,
            model_sha256=suggestion.model.sha256,
            adapter=suggestion.model.adapter,
            latency_ms=float(suggestion.timings_ms.total),
            view_sha256=suggestion.image.sha256,
            window_center=center,
            window_width=width,
            created=utc_now(),
        )
        return self.suggestions.get(number)

    def _image_id(self, made: Gesture, image: ImageRef, study_uid: str) -> int:
        source = source_key(image.path)
        found = self.images.find(source, image.series_uid, image.plane, image.slice)
        if found is not None:
            return found.id
        study = made.find_or_insert("study", {"study_uid": study_uid}, {"created": utc_now()})
        series = made.find_or_insert(
            "series",
            {"source": source, "series_uid": image.series_uid},
            {"study_id": study, "modality": image.modality, "description": "", "created": utc_now()},
        )
        return made.insert(
            "image",
            series_id=series,
            plane=image.plane.value,
            slice=int(image.slice),
            sop_instance_uid=image.sop_instance_uid,
            width=int(image.width),
            height=int(image.height),
        )


def study_uid_of(volume: Volume) -> str:
    """The study a volume belongs to; formats without studies are a study of their own."""
    return volume.study_uid or f"file:{source_key(volume.source)}"


def _label_of(region: SuggestedRegion) -> Label:
    return Label(region.label_id, region.label, region.label_zh)


def _said_of(suggestion: Suggestion, region: SuggestedRegion) -> str:
    return next((one.text for one in suggestion.sentences if region in one.regions), suggestion.text)


def _content(row: RegionRow, judged: SuggestionRow | None = None) -> str:
    """What a verdict says of a region; `judged` : the suggestion that the person had before them."""
    label = row.label
    content: dict[str, Any] = {
        "label": None if label is None else [label.id, label.en, label.zh],
        "box": list(row.box.as_tuple()),
        "state": row.state.value,
    }
    if judged is not None and judged.candidates:
        en, zh, id, probability = judged.candidates[0]
        content["suggested"] = {"label": [id, en, zh], "probability": probability}
    return canonical_json(content)


def _window_columns(window: Window | None) -> Sequence[float | None]:
    return (None, None) if window is None else (float(window.center), float(window.width))
