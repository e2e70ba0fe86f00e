"""Writes of the list of scans: what indexing found, what a person opens, and what they say about a scan."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from engine.scans import FileProblem, SeriesEntry
from engine.store.connection import transaction
from engine.store.errors import StoreError
from engine.store.gesture import gesture, utc_now
from engine.store.repositories import source_key
from engine.store.scan_rows import FileStamp, ScanMark, ScanRow, ScanStatus, patient_key, search_text

_STATUS_OF_NEW = """
    COALESCE(
        (SELECT kind FROM scan_mark WHERE path = :path AND series_uid = :series_uid
            AND kind NOT IN ('removed', 'listed') ORDER BY id DESC LIMIT 1),
        CASE WHEN EXISTS (SELECT 1 FROM worklist WHERE path = :path AND series_uid = :series_uid AND opened IS NOT NULL)
            OR EXISTS (SELECT 1 FROM series WHERE source = :path AND :series_uid IN ('', series_uid))
        THEN 'in_progress' ELSE 'new' END)"""
_COLUMNS = (
    "path",
    "series_uid",
    "study_uid",
    "patient",
    "study_date",
    "study_description",
    "series_number",
    "modality",
    "description",
    "title_en",
    "title_zh",
    "rows",
    "columns",
    "slices",
    "start",
    "pinned",
    "added",
    "search",
    "search_names",
    "institution",
)
# A title and a place at the top that were given once stay when the folder is indexed again.
_KEPT = {"path", "series_uid", "added"}
_UPSERT = (
    f"INSERT INTO scan ({', '.join(_COLUMNS)}, status) VALUES ({', '.join(':' + name for name in _COLUMNS)}, "
    f"{_STATUS_OF_NEW}) ON CONFLICT (path, series_uid) DO UPDATE SET missing = 0, removed = 0, "
    + ", ".join(
        f"{name} = max(pinned, excluded.pinned)"
        if name == "pinned"
        else f"{name} = CASE WHEN pinned = 1 AND excluded.pinned = 0 THEN {name} ELSE excluded.{name} END"
        if name in ("title_en", "title_zh", "start")
        else f"{name} = excluded.{name}"
        for name in _COLUMNS
        if name not in _KEPT
    )
    + " RETURNING id"
)


_WORKED_ON = """
    EXISTS (SELECT 1 FROM series WHERE source = scan.path AND scan.series_uid IN ('', series.series_uid))
    OR EXISTS (SELECT 1 FROM scan_mark WHERE path = scan.path AND series_uid = scan.series_uid)
    OR EXISTS (SELECT 1 FROM task WHERE path = scan.path AND series_uid = scan.series_uid)
    OR EXISTS (SELECT 1 FROM draft WHERE source = scan.path AND series_uid = scan.series_uid)"""


@dataclass(frozen=True, slots=True)
class ListedScan:
    """A scan to list.

    titles : the demo's, "" for what the file says. start : the slice to begin at. pinned : at the top of the list.
    """

    entry: SeriesEntry
    title_en: str = ""
    title_zh: str = ""
    start: int | None = None
    pinned: bool = False


class ScanIndex:
    """Writes about listed scans. Each method is one transaction. Raises `StoreError` when nothing could be kept."""

    def __init__(self, connection: sqlite3.Connection, require_writable: Callable[[], None]) -> None:
        self._connection = connection
        self._require_writable = require_writable

    def stamps(self, folder: Path) -> dict[Path, FileStamp]:
        """The files of a folder as they were indexed; those that have gone are left out."""
        sql = "SELECT DISTINCT path, size, mtime_ns FROM scan_file WHERE folder = ? AND missing = 0"
        rows = self._connection.execute(sql, [source_key(folder)])
        return {Path(path): FileStamp(Path(path), size, mtime_ns) for path, size, mtime_ns in rows}

    def together_with(self, folder: Path, files: Collection[Path], series_uids: Collection[str]) -> set[Path]:
        """The files of a folder that some files may form a stack with: of the same scans, or of the series named.

        series_uids : series instance UIDs.
        """
        sql = (
            "SELECT scan_file.path, scan_id, scan.series_uid FROM scan_file "
            "LEFT JOIN scan ON scan.id = scan_id WHERE folder = ? AND scan_file.missing = 0"
        )
        rows = self._connection.execute(sql, [source_key(folder)]).fetchall()
        wanted = {str(file) for file in files}
        scans = {scan for path, scan, _ in rows if scan is not None and path in wanted}
        uids = {uid for uid in series_uids if uid}
        # Behind a # may stand which stack of the series it is.
        touched = {scan for _, scan, uid in rows if scan in scans or (uid or "").partition("#")[0] in uids}
        touched.discard(None)
        return {Path(path) for path, scan, _ in rows if scan in touched}

    def keep(
        self,
        scans: Sequence[ListedScan],
        stamps: Sequence[FileStamp] = (),
        problems: Sequence[FileProblem] = (),
        gone: Collection[Path] = (),
    ) -> list[int]:
        """Write down what some files hold, in place of what was known of them; returns the scans' ids.

        stamps : of every file that was looked at. gone : files that are no more; their scans stay, as missing.
        """
        self._require_writable()
        by_path = {stamp.path: stamp for stamp in stamps}
        with transaction(self._connection):
            before = self._owners([*by_path, *gone])
            self._connection.executemany("DELETE FROM scan_file WHERE path = ?", [[str(path)] for path in by_path])
            self._connection.executemany(
                "UPDATE scan_file SET missing = 1 WHERE path = ?", [[source_key(path)] for path in gone]
            )
            ids, placed = [], set[Path]()
            for scan in scans:
                ids.append(number := self._upsert(scan))
                self._connection.execute("DELETE FROM scan_thumbnail WHERE scan_id = ?", [number])
                for place, file in enumerate(scan.entry.files):
                    if file in by_path:
                        self._keep_file(by_path[file], number, place)
                        placed.add(file)
            for problem in problems:
                if problem.path in by_path and problem.path not in placed:
                    self._keep_file(by_path[problem.path], None, 0)
                    placed.add(problem.path)
            for path in by_path.keys() - placed:
                self._keep_file(by_path[path], None, 0)
            self._retire(before - set(ids))
        return ids

    def list_again(self, files: Collection[Path]) -> list[int]:
        """The scans of files that have not changed; who adds them again wants to see what was taken off the list."""
        self._require_writable()
        ids = self._owners(list(files))
        removed = [
            scan
            for scan in ids
            if self._connection.execute("SELECT 1 FROM scan WHERE id = ? AND removed = 1", [scan]).fetchone()
        ]
        if removed:
            with transaction(self._connection):
                self._connection.executemany("UPDATE scan SET removed = 0 WHERE id = ?", [[one] for one in removed])
        return sorted(ids)

    def spread(self, root: Path, scans: Collection[int]) -> list[set[Path]]:
        """The files of each series that lies in several folders below `root`, where one of `scans` is part of it."""
        key = source_key(root).rstrip(os.sep) + os.sep
        rows = self._connection.execute(
            "SELECT scan.id, study_uid, series_uid, folder, scan_file.path FROM scan "
            "JOIN scan_file ON scan_file.scan_id = scan.id AND scan_file.missing = 0 "
            "WHERE series_uid <> '' AND substr(scan_file.path, 1, ?) = ?",
            [len(key), key],
        )
        touched, found = set(scans), dict[tuple[str, str], list[tuple[int, str, str]]]()
        for scan, study, uid, folder, path in rows:
            found.setdefault((study, uid.partition("#")[0]), []).append((scan, folder, path))
        return [
            {Path(path) for _, _, path in files}
            for files in found.values()
            if len({folder for _, folder, _ in files}) > 1 and any(scan in touched for scan, _, _ in files)
        ]

    def still_there(self, scans: Sequence[int]) -> list[int]:
        """Those of some scans that have not become part of others, in their order."""
        there = {number for (number,) in self._connection.execute("SELECT id FROM scan")}
        return [scan for scan in scans if scan in there]

    def mark_unseen(self, root: Path, seen: Collection[Path]) -> None:
        """Files below `root` in folders that were not `seen` are gone: their scans stay, as missing."""
        self._require_writable()
        key = source_key(root)
        rows = self._connection.execute(
            "SELECT DISTINCT folder FROM scan_file WHERE missing = 0 AND (folder = ? OR substr(folder, 1, ?) = ?)",
            [key, len(key) + 1, key.rstrip(os.sep) + os.sep],
        ).fetchall()
        known = {source_key(folder) for folder in seen}
        with transaction(self._connection):
            for (folder,) in rows:
                if folder not in known:
                    paths = self._connection.execute("SELECT path FROM scan_file WHERE folder = ?", [folder]).fetchall()
                    owners = self._owners([Path(path) for (path,) in paths])
                    self._connection.execute("UPDATE scan_file SET missing = 1 WHERE folder = ?", [folder])
                    self._retire(owners)

    def keep_thumbnail(self, scan_id: int, png: bytes) -> None:
        """Keep a scan's picture. It holds pixels only."""
        self._require_writable()
        with transaction(self._connection):
            self._connection.execute(
                "INSERT OR REPLACE INTO scan_thumbnail (scan_id, png) VALUES (?, ?)", [scan_id, png]
            )

    def opened(self, scan: ScanRow) -> None:
        """The person opens a scan: it is on the worklist from now on, among the recent ones, and no longer new."""
        self._require_writable()
        now = utc_now()
        with transaction(self._connection):
            self._connection.execute(
                "INSERT OR IGNORE INTO worklist (path, series_uid, title_en, title_zh, slice) "
                "SELECT path, series_uid, title_en, title_zh, start FROM scan WHERE id = ?",
                [scan.id],
            )
            self._connection.execute(
                "UPDATE scan SET opened = ?, status = CASE status WHEN 'new' THEN 'in_progress' ELSE status END "
                "WHERE id = ?",
                [now, scan.id],
            )

    def put_next(self, scan_ids: Sequence[int]) -> None:
        """These scans are to be labelled next, in this order, and no others: what was said before is forgotten."""
        self._require_writable()
        with transaction(self._connection):
            self._connection.execute("UPDATE scan SET next_place = NULL WHERE next_place IS NOT NULL")
            self._connection.executemany(
                "UPDATE scan SET next_place = ? WHERE id = ?", [*enumerate(dict.fromkeys(scan_ids), start=1)]
            )

    def mark(self, scan: ScanRow, kind: ScanMark, who: str) -> None:
        """The person says how far a scan is, takes it off the list or puts it back: a gesture like any other."""
        self._require_writable()
        with gesture(self._connection, who, f"marked {kind.value}") as made:
            made.insert(
                "scan_mark", path=scan.path, series_uid=scan.series_uid, kind=kind.value, who=who, created=utc_now()
            )
            if kind in (ScanMark.REMOVED, ScanMark.LISTED):
                removed = int(kind is ScanMark.REMOVED)
                self._connection.execute("UPDATE scan SET removed = ? WHERE id = ?", [removed, scan.id])
            else:
                status = ScanStatus(kind.value).value
                self._connection.execute("UPDATE scan SET status = ? WHERE id = ?", [status, scan.id])

    def _owners(self, paths: Sequence[Path]) -> set[int]:
        found = set[int]()
        for path in paths:
            rows = self._connection.execute("SELECT scan_id FROM scan_file WHERE path = ?", [str(path)])
            found.update(scan for (scan,) in rows if scan is not None)
        return found

    def _retire(self, scans: Collection[int]) -> None:
        """Scans that lost files: missing when none is left, off the list when other scans have them all."""
        for scan in scans:
            there, gone = self._connection.execute(
                "SELECT COALESCE(sum(missing = 0), 0), COALESCE(sum(missing = 1), 0) FROM scan_file WHERE scan_id = ?",
                [scan],
            ).fetchone()
            if not there and gone:
                self._connection.execute("UPDATE scan SET missing = 1 WHERE id = ?", [scan])
            elif not there:
                # Grouped otherwise now. What somebody worked on stays, because annotations hang on it; what was only
                # looked at while its other slices were still looked for does not.
                gone_for_good = f"(status = 'new' OR NOT ({_WORKED_ON}))"
                self._connection.execute(f"DELETE FROM scan WHERE id = ? AND {gone_for_good}", [scan])
                self._connection.execute("UPDATE scan SET missing = 1 WHERE id = ?", [scan])

    def _keep_file(self, stamp: FileStamp, scan: int | None, place: int) -> None:
        self._connection.execute(
            "INSERT INTO scan_file (path, folder, size, mtime_ns, scan_id, place) VALUES (?, ?, ?, ?, ?, ?)",
            [str(stamp.path), str(stamp.path.parent), stamp.size, stamp.mtime_ns, scan, place],
        )

    def _upsert(self, scan: ListedScan) -> int:
        entry, facts = scan.entry, scan.entry.facts
        date = facts.study_date if len(facts.study_date) == 8 and facts.study_date.isdigit() else ""
        dotted = f"{date[:4]}-{date[4:6]}-{date[6:]}" if date else ""
        title = entry.description or facts.study_description
        # A title may begin with the name of the file, which often is a patient's.
        titles = [one.removeprefix(entry.path.name) for one in (scan.title_en, scan.title_zh)]
        described = (entry.modality, entry.description, facts.study_description, date, dotted)
        row = self._connection.execute(
            _UPSERT,
            {
                "path": source_key(entry.path),
                "series_uid": entry.series_uid,
                "study_uid": entry.study_uid,
                "patient": self._patient(entry),
                "study_date": date,
                "study_description": facts.study_description,
                "series_number": facts.series_number,
                "modality": entry.modality,
                "description": entry.description,
                "title_en": scan.title_en or title or entry.path.name,
                "title_zh": scan.title_zh or title or entry.path.name,
                "rows": entry.rows,
                "columns": entry.columns,
                "slices": entry.slices,
                "start": entry.slices // 2 if scan.start is None else scan.start,
                "pinned": int(scan.pinned),
                "added": utc_now(),
                "search": search_text(*described, *titles),
                "search_names": search_text(facts.patient_name, facts.patient_id, entry.path.name),
                "institution": facts.institution,
            },
        ).fetchone()
        if row is None:
            raise StoreError(f"the scan {entry.path} was not kept: add it again")
        return int(row[0])

    def _patient(self, entry: SeriesEntry) -> int:
        name, code = entry.facts.patient_name, entry.facts.patient_id
        folder = Path(source_key(entry.path)).parent
        key = patient_key(name, code, source_key(entry.path))
        row = self._connection.execute(
            "INSERT INTO scan_patient (key, name, code, folder) VALUES (?, ?, ?, ?) "
            "ON CONFLICT (key) DO UPDATE SET key = key RETURNING id",
            [key, name, code, folder.name],
        ).fetchone()
        return int(row[0])
