"""The annotation database: each gesture is one durable transaction, and nothing is ever overwritten."""

from __future__ import annotations

import datetime
import json
import sqlite3
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import platformdirs
from sqlite_utils import Database

from engine.regions import Box, Label
from engine.scans import Plane, Volume, Window
from engine.store.audit import GENESIS, canonical_json, entry_hash
from engine.store.connection import backup, open_database, transaction
from engine.store.errors import StoreError
from engine.store.repositories import (
    AuditRepository,
    ImageRepository,
    RegionRepository,
    SuggestionRepository,
    VerdictRepository,
    WorklistRepository,
)
from engine.store.rows import Origin, RegionRow, RegionState, SuggestionRow
from engine.suggest import ImageRef, SuggestedRegion, Suggestion


def default_database_path() -> Path:
    """The platform's user data folder."""
    return platformdirs.user_data_path("medrega-desktop") / "annotations.sqlite"


class AnnotationStore:
    """One open database. Methods that write are gestures: on disk when they return, or not done at all.

    Use from one thread at a time; open another store on the same file for another thread.
    """

    def __init__(self, db: Database, path: Path) -> None:
        self._db = db
        self._connection: sqlite3.Connection = db.conn
        self.path = path
        self.images = ImageRepository(db)
        self.regions = RegionRepository(db)
        self.suggestions = SuggestionRepository(db)
        self.verdicts = VerdictRepository(db)
        self.worklist = WorklistRepository(db)
        self.audit = AuditRepository(db)

    @classmethod
    def open(cls, path: Path) -> AnnotationStore:
        """Open or create a database. Raises `StoreError` naming the file and the remedy."""
        return cls(open_database(path), path)

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def backup(self, target: Path) -> None:
        """Copy the database whole while it is in use. Raises `StoreError`."""
        backup(self._connection, target)

    def integrity_problems(self) -> list[str]:
        """What SQLite's full check and the foreign keys complain about; empty when all is well."""
        lines = [row[0] for row in self._connection.execute("PRAGMA integrity_check")]
        broken = [f"broken reference in {row[0]}" for row in self._connection.execute("PRAGMA foreign_key_check")]
        return [line for line in lines if line != "ok"] + broken

    def draw_region(self, image: ImageRef, study_uid: str, box: Box, who: str) -> RegionRow:
        """Keep a box a person drew, not named yet."""
        return self._new_region(image, study_uid, box, None, RegionState.DRAWN, Origin.PERSON, who, "drew")

    def record_suggestion(self, suggestion: Suggestion, study_uid: str, root_id: int | None = None) -> SuggestionRow:
        """Keep a model's answer, about a region or about the whole slice."""
        with transaction(self._connection):
            return self._add_suggestion(suggestion, study_uid, root_id)

    def record_found(self, suggestion: Suggestion, study_uid: str, who: str) -> list[tuple[RegionRow, SuggestionRow]]:
        """Keep a text-to-region answer: each of its boxes as a suggested region with its own row."""
        kept = []
        with transaction(self._connection):
            for region in suggestion.regions:
                row = self._insert_region(
                    self._image_id(suggestion.image, study_uid),
                    region.box,
                    _label_of(region),
                    RegionState.SUGGESTED,
                    Origin.MODEL,
                    suggestion.image.sha256,
                    suggestion.image.window,
                    who,
                )
                one = replace(suggestion, regions=(region,))
                kept.append((row, self._add_suggestion(one, study_uid, row.root_id)))
                self._log(who, "suggested", {"region": row.id})
            if not suggestion.regions:
                self._add_suggestion(suggestion, study_uid, None)
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
        """The person gives another name or box than suggested, or one where nothing was suggested."""
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
        with transaction(self._connection):
            self._connection.execute(
                "INSERT OR IGNORE INTO worklist (path, series_uid, title_en, title_zh, slice) VALUES (?, ?, ?, ?, ?)",
                [str(path), series_uid, title_en, title_zh, start],
            )

    def keep_view(self, path: Path, series_uid: str, plane: Plane, index: int, window: Window | None) -> None:
        """Remember what of a scan is on screen, for the next start."""
        with transaction(self._connection):
            self._connection.execute(
                "UPDATE worklist SET plane = ?, slice = ?, window_center = ?, window_width = ?, opened = ? "
                "WHERE path = ? AND series_uid = ?",
                [plane.value, index, *_window_columns(window), _now(), str(path), series_uid],
            )

    def setting(self, key: str, default: str = "") -> str:
        """A preference."""
        row = self._connection.execute("SELECT value FROM setting WHERE key = ?", [key]).fetchone()
        return default if row is None else str(row[0])

    def set_setting(self, key: str, value: str) -> None:
        """Keep a preference."""
        with transaction(self._connection):
            self._connection.execute("INSERT OR REPLACE INTO setting (key, value) VALUES (?, ?)", [key, value])

    def _decide(
        self, root_id: int, change: dict[str, Any], kind: str, suggestion_id: int | None, who: str
    ) -> RegionRow:
        with transaction(self._connection):
            before = self.regions.current(root_id)
            after = replace(before, **change)
            row = self._insert_region(
                before.image_id,
                after.box,
                after.label,
                after.state,
                before.origin,
                before.view_sha256,
                before.window,
                who,
                supersedes=before,
            )
            verdict = self._insert(
                "verdict",
                region_id=row.id,
                suggestion_id=suggestion_id,
                kind=kind,
                before=_content(before),
                after=_content(row),
                who=who,
                created=row.created,
            )
            self._log(who, kind, {"region": row.id, "verdict": verdict, "after": json.loads(_content(row))})
        return row

    def _new_region(
        self,
        image: ImageRef,
        study_uid: str,
        box: Box,
        label: Label | None,
        state: RegionState,
        origin: Origin,
        who: str,
        what: str,
    ) -> RegionRow:
        box.require_inside(image.width, image.height)
        with transaction(self._connection):
            image_id = self._image_id(image, study_uid)
            row = self._insert_region(image_id, box, label, state, origin, image.sha256, image.window, who)
            self._log(who, what, {"region": row.id, "after": json.loads(_content(row))})
        return row

    def _insert_region(
        self,
        image_id: int,
        box: Box,
        label: Label | None,
        state: RegionState,
        origin: Origin,
        view_sha256: str,
        window: Window | None,
        who: str,
        *,
        supersedes: RegionRow | None = None,
    ) -> RegionRow:
        center, width = _window_columns(window)
        created = _now()
        number = self._insert(
            "region",
            root_id=supersedes.root_id if supersedes else None,
            supersedes_id=supersedes.id if supersedes else None,
            image_id=image_id,
            x1=box.x1,
            y1=box.y1,
            x2=box.x2,
            y2=box.y2,
            label_id=label.id if label else None,
            label_en=label.en if label else None,
            label_zh=label.zh if label else None,
            state=state.value,
            origin=origin.value,
            view_sha256=view_sha256,
            window_center=center,
            window_width=width,
            who=who,
            created=created,
        )
        if supersedes is None:
            self._connection.execute("UPDATE region SET root_id = id WHERE id = ?", [number])
        return self.regions.row(number)

    def _add_suggestion(self, suggestion: Suggestion, study_uid: str, root_id: int | None) -> SuggestionRow:
        center, width = _window_columns(suggestion.image.window)
        number = self._insert(
            "suggestion",
            image_id=self._image_id(suggestion.image, study_uid),
            region_root_id=root_id,
            task=suggestion.task.value,
            language=suggestion.language.value,
            prompt=suggestion.prompt,
            raw=suggestion.raw,
            text=suggestion.text,
            parsed=canonical_json(
                [
                    {"label": r.label, "box": list(r.box.as_tuple()), "probability": r.probability}
                    for r in suggestion.regions
                ]
            ),
            candidates=canonical_json(
                [[c.label, c.label_zh, c.label_id, c.probability] for c in suggestion.candidates]
            ),
            abstained=int(suggestion.abstained),
            model_id=suggestion.model.id,
            model_sha256=suggestion.model.sha256,
            adapter=suggestion.model.adapter,
            latency_ms=suggestion.timings_ms.total,
            view_sha256=suggestion.image.sha256,
            window_center=center,
            window_width=width,
            created=_now(),
        )
        return self.suggestions.get(number)

    def _image_id(self, image: ImageRef, study_uid: str) -> int:
        source = str(image.path)
        found = self.images.find(source, image.series_uid, image.plane, image.slice)
        if found is not None:
            return found.id
        study = self._find_or_insert("study", {"study_uid": study_uid}, {"created": _now()})
        series = self._find_or_insert(
            "series",
            {"source": source, "series_uid": image.series_uid},
            {"study_id": study, "modality": image.modality, "description": "", "created": _now()},
        )
        return self._insert(
            "image",
            series_id=series,
            plane=image.plane.value,
            slice=image.slice,
            sop_instance_uid=image.sop_instance_uid,
            width=image.width,
            height=image.height,
        )

    def _find_or_insert(self, table: str, key: dict[str, Any], rest: dict[str, Any]) -> int:
        where = " AND ".join(f"{name} = ?" for name in key)
        row = self._connection.execute(f"SELECT id FROM {table} WHERE {where}", list(key.values())).fetchone()
        return int(row[0]) if row else self._insert(table, **key, **rest)

    def _insert(self, table: str, **values: Any) -> int:
        names, marks = ", ".join(values), ", ".join("?" for _ in values)
        cursor = self._connection.execute(f"INSERT INTO {table} ({names}) VALUES ({marks})", list(values.values()))
        assert cursor.lastrowid is not None
        return cursor.lastrowid

    def _log(self, who: str, what: str, detail: dict[str, Any]) -> None:
        last = self._connection.execute("SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1").fetchone()
        seq, previous = (last[0] + 1, last[1]) if last else (1, GENESIS)
        at, text = _now(), canonical_json(detail)
        self._insert(
            "audit",
            seq=seq,
            at=at,
            who=who,
            what=what,
            detail=text,
            previous=previous,
            hash=entry_hash(seq, at, who, what, text, previous),
        )


def study_uid_of(volume: Volume) -> str:
    """The study a volume belongs to; formats without studies are a study of their own."""
    return volume.study_uid or f"file:{volume.source}"


def _label_of(region: SuggestedRegion) -> Label:
    return Label(region.label_id, region.label, region.label_zh)


def _content(row: RegionRow) -> str:
    label = row.label
    return canonical_json(
        {
            "label": None if label is None else [label.id, label.en, label.zh],
            "box": list(row.box.as_tuple()),
            "state": row.state.value,
        }
    )


def _window_columns(window: Window | None) -> Sequence[float | None]:
    return (None, None) if window is None else (window.center, window.width)


def _now() -> str:
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="microseconds")
