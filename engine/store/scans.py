"""Reads of the list of scans: patients, studies and scans, filtered, a page at a time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sqlite_utils import Database

from engine.store.errors import StoreError
from engine.store.repositories import CURRENT_REGION, DECIDED_SQL, source_key
from engine.store.scan_rows import DecidedView, PatientRow, ScanFilter, ScanRow, ScanStatus, StudyRow, search_text

_IN_NO_GROUP = "pinned = 0 AND next_place IS NULL"
_OPEN_SQL = "'drawn', 'suggested'"
_FROM = "FROM scan JOIN scan_patient ON scan_patient.id = scan.patient "
# Newest first; what has no date comes last, since '' is less than any date.
_PATIENT_ORDER = "last_date DESC, scan_patient.name, scan_patient.id"
_SCAN_ORDER = "scan.series_number IS NULL, scan.series_number, scan.path, scan.series_uid"


class ScanRepository:
    """Scans on the list. `rows_read` counts what was fetched, so that a test can hold that little is."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self.rows_read = 0

    def patients(self, wanted: ScanFilter, offset: int, limit: int) -> list[PatientRow]:
        """Patients with scans that pass, the newest study first. Scans of the groups above are not among them."""
        where, values = _where(wanted)
        sql = (
            "SELECT scan_patient.*, count(*) AS scans, count(DISTINCT study_uid) AS studies, "
            f"max(study_date) AS last_date {_FROM} WHERE {_IN_NO_GROUP} AND {where} "
            f"GROUP BY scan_patient.id ORDER BY {_PATIENT_ORDER} LIMIT ? OFFSET ?"
        )
        return [
            PatientRow(r["id"], r["name"], r["code"], r["folder"], r["studies"], r["scans"], r["last_date"])
            for r in self._query(sql, [*values, limit, offset])
        ]

    def patients_of_sources(self) -> dict[str, str]:
        """Of the place of each scan that something was drawn on, what tells its patient from others.

        Scans whose headers name no patient, and those that were never listed, are told apart by their studies.
        """
        sql = (
            "SELECT series.source, max(study.study_uid) AS study, max(scan_patient.key) AS patient FROM series "
            "JOIN study ON study.id = series.study_id LEFT JOIN scan ON scan.path = series.source "
            "LEFT JOIN scan_patient ON scan_patient.id = scan.patient AND name || code <> '' "
            "GROUP BY series.source ORDER BY series.source"
        )
        return {row["source"]: row["patient"] or row["study"] for row in self._db.query(sql)}

    def decided_views(self) -> list[DecidedView]:
        """Every picture on which somebody has decided about a region, also where the decision was taken back."""
        sql = (
            "SELECT DISTINCT series.source, series.series_uid, study.study_uid, region.view_sha256, scan_patient.key, "
            "scan_patient.name, scan_patient.code FROM region JOIN image ON image.id = region.image_id "
            "JOIN series ON series.id = image.series_id JOIN study ON study.id = series.study_id "
            "LEFT JOIN scan ON scan.path = series.source AND scan.series_uid IN ('', series.series_uid) "
            f"LEFT JOIN scan_patient ON scan_patient.id = scan.patient WHERE region.state IN ({DECIDED_SQL}) "
            "ORDER BY 1, 2, 3, 4, 5"
        )
        return [
            DecidedView(
                row["source"],
                row["series_uid"],
                row["study_uid"],
                row["view_sha256"],
                # What was on the worklist before there was a list of scans: nobody has looked whose it is.
                None if row["key"] in (None, "worklist") else (row["name"], row["code"]),
            )
            for row in self._db.query(sql)
        ]

    def institutions_of_sources(self) -> dict[str, str]:
        """Of the place of each scan that something was drawn on, where its header says that it was made."""
        sql = (
            "SELECT series.source, max(scan.institution) AS institution FROM series "
            "JOIN scan ON scan.path = series.source WHERE scan.institution <> '' GROUP BY series.source"
        )
        return {row["source"]: row["institution"] for row in self._db.query(sql)}

    def studies(self, wanted: ScanFilter, patient: int, offset: int, limit: int) -> list[StudyRow]:
        """Studies of a patient, the newest first."""
        where, values = _where(wanted)
        sql = (
            "SELECT study_uid, max(study_date) AS date, max(study_description) AS description, count(*) AS scans, "
            f"group_concat(DISTINCT modality) AS modalities {_FROM} WHERE {_IN_NO_GROUP} AND patient = ? AND {where} "
            "GROUP BY study_uid ORDER BY date DESC, study_uid LIMIT ? OFFSET ?"
        )
        return [
            StudyRow(
                patient,
                r["study_uid"],
                r["date"],
                r["description"],
                tuple(sorted((r["modalities"] or "").split(","))),
                r["scans"],
            )
            for r in self._query(sql, [patient, *values, limit, offset])
        ]

    def of_study(self, wanted: ScanFilter, patient: int, study_uid: str, offset: int, limit: int) -> list[ScanRow]:
        """Scans of a study by series number."""
        where, values = _where(wanted)
        terms = f"{_IN_NO_GROUP} AND patient = ? AND study_uid = ? AND {where}"
        return self._scans(terms, f"{_SCAN_ORDER} LIMIT ? OFFSET ?", [patient, study_uid, *values, limit, offset])

    def pinned(self, wanted: ScanFilter, offset: int, limit: int) -> list[ScanRow]:
        """The demo's scans, and what was on the worklist before there were patients, in the order of adding."""
        where, values = _where(wanted)
        terms = f"pinned = 1 AND next_place IS NULL AND {where}"
        return self._scans(terms, "scan.id LIMIT ? OFFSET ?", [*values, limit, offset])

    def next(self, wanted: ScanFilter, offset: int, limit: int) -> list[ScanRow]:
        """What is to be labelled next, in that order (see `ScanIndex.put_next`)."""
        where, values = _where(wanted)
        terms = f"next_place IS NOT NULL AND {where}"
        return self._scans(terms, "scan.next_place, scan.id LIMIT ? OFFSET ?", [*values, limit, offset])

    def recent(self, wanted: ScanFilter, limit: int) -> list[ScanRow]:
        """What was opened last, the latest first."""
        where, values = _where(wanted)
        return self._scans(f"opened IS NOT NULL AND {where}", "scan.opened DESC LIMIT ?", [*values, limit])

    def get(self, scan_id: int) -> ScanRow:
        """A scan by its id, on the list or not. Raises `StoreError` when there is none."""
        found = self.if_there(scan_id)
        if found is None:
            raise StoreError(f"there is no scan {scan_id} in this database: read it again")
        return found

    def if_there(self, scan_id: int) -> ScanRow | None:
        """A scan by its id; None once it has become part of another."""
        return next(iter(self._scans("scan.id = ?", "scan.id", [scan_id])), None)

    def find(self, path: Path | str, series_uid: str) -> ScanRow | None:
        """A scan by what `read_volume` takes, None when it was never listed."""
        rows = self._scans("scan.path = ? AND scan.series_uid = ?", "scan.id", [source_key(path), series_uid])
        return rows[0] if rows else None

    def of_path(self, path: Path | str) -> list[ScanRow]:
        """All scans of a file or folder, on the list or not, in the order of adding."""
        return self._scans("scan.path = ?", "scan.id", [source_key(path)])

    def neighbour(self, wanted: ScanFilter, scan_id: int | None, step: int) -> ScanRow | None:
        """The scan `step` places on in the order of the list; the first one for a scan that is not listed."""
        where, values = _where(wanted)
        sql = (
            # Groups, as they stand one below the other: to be labelled next, pinned, all others.
            "WITH grouped AS (SELECT scan.*, scan_patient.name, CASE WHEN next_place IS NOT NULL THEN 0 "
            f"WHEN pinned = 1 THEN 1 ELSE 2 END AS part {_FROM} WHERE {where}), "
            "listed AS (SELECT id, part, next_place, name, patient, study_date, study_uid, "
            "series_number, path, series_uid, "
            "CASE part WHEN 2 THEN max(study_date) OVER (PARTITION BY part, patient) ELSE '' END AS last_date, "
            "max(study_date) OVER (PARTITION BY part, patient, study_uid) AS date FROM grouped), "
            "placed AS (SELECT id, row_number() OVER (ORDER BY part, next_place, CASE part WHEN 1 THEN id END, "
            "last_date DESC, name, patient, date DESC, study_uid, series_number IS NULL, series_number, path, "
            "series_uid) AS place FROM listed) "
            "SELECT id FROM placed WHERE place = COALESCE((SELECT place + ? FROM placed WHERE id = ?), 1)"
        )
        row = next(iter(self._query(sql, [*values, step, scan_id])), None)
        return None if row is None else self.get(row["id"])

    def modalities(self) -> list[str]:
        """Those that are on the list."""
        rows = self._query("SELECT DISTINCT modality FROM scan WHERE removed = 0 AND modality <> '' ORDER BY 1", [])
        return [row["modality"] for row in rows]

    def count(self, wanted: ScanFilter) -> int:
        """How many scans pass."""
        where, values = _where(wanted)
        return int(self._query(f"SELECT count(*) AS n {_FROM} WHERE {where}", values)[0]["n"])

    def patient(self, number: int) -> PatientRow:
        """A patient, counts left out. Raises `StoreError` when there is none."""
        rows = self._query("SELECT * FROM scan_patient WHERE id = ?", [number])
        if not rows:
            raise StoreError(f"there is no patient {number} in this database: read it again")
        row = rows[0]
        return PatientRow(row["id"], row["name"], row["code"], row["folder"], 0, 0, "")

    def thumbnail(self, scan_id: int) -> bytes | None:
        """Its picture as PNG, None until it was made."""
        rows = self._query("SELECT png FROM scan_thumbnail WHERE scan_id = ?", [scan_id])
        return rows[0]["png"] if rows else None

    def middle_file(self, scan_id: int) -> Path | None:
        """The file in the middle of its slices, None where the scan is not made of files that are known."""
        sql = (
            "SELECT path FROM scan_file WHERE scan_id = :id AND missing = 0 ORDER BY place LIMIT 1 "
            "OFFSET (SELECT count(*) / 2 FROM scan_file WHERE scan_id = :id AND missing = 0)"
        )
        row = next(self._db.query(sql, {"id": scan_id}), None)
        return None if row is None else Path(row["path"])

    def _query(self, sql: str, values: list[Any]) -> list[dict[str, Any]]:
        rows = list(self._db.query(sql, values))
        self.rows_read += len(rows)
        return rows

    def _scans(self, where: str, order: str, values: list[Any]) -> list[ScanRow]:
        """order : ORDER BY terms, with a LIMIT behind them where there is one."""
        terms = order.partition(" LIMIT ")[0]
        # Counts only of the rows that are fetched: regions hang on series, which few scans have.
        counts = (
            f"(SELECT count(*) FROM series JOIN image ON image.series_id = series.id "
            f"JOIN region ON region.image_id = image.id AND {CURRENT_REGION} "
            "WHERE series.source = scan.path AND scan.series_uid IN ('', series.series_uid) AND region.state IN ({}))"
        )
        sql = (
            f"SELECT scan.*, {counts.format(DECIDED_SQL)} AS decided, {counts.format(_OPEN_SQL)} AS open "
            f"FROM (SELECT scan.* {_FROM} WHERE {where} ORDER BY {order}) AS scan ORDER BY {terms}"
        )
        return [_scan(row) for row in self._query(sql, values)]


def _scan(row: dict[str, Any]) -> ScanRow:
    return ScanRow(
        row["id"],
        row["path"],
        row["series_uid"],
        row["study_uid"],
        row["patient"],
        row["title_en"],
        row["title_zh"],
        row["description"],
        row["modality"],
        row["study_date"],
        row["series_number"],
        row["rows"],
        row["columns"],
        row["slices"],
        row["start"],
        ScanStatus(row["status"]),
        bool(row["pinned"]),
        bool(row["missing"]),
        row["next_place"],
        row["decided"],
        row["open"],
    )


def _where(wanted: ScanFilter) -> tuple[str, list[Any]]:
    terms, values = ["removed = 0"], list[Any]()
    for word in search_text(wanted.text).split():
        # LIKE and not a full-text index: a part of a word must be found, and Chinese has no spaces between words.
        like = "%" + word.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"
        if wanted.names_hidden:
            terms.append("search LIKE ? ESCAPE '\\'")
            values.append(like)
        else:
            terms.append("(search LIKE ? ESCAPE '\\' OR search_names LIKE ? ESCAPE '\\')")
            values += [like, like]
    for term, value in (
        ("modality = ?", wanted.modality),
        ("status = ?", wanted.status),
        ("study_date >= ?", wanted.date_from),
        ("study_date <> '' AND study_date <= ?", wanted.date_to),
    ):
        if value:
            terms.append(term)
            values.append(str(value))
    return " AND ".join(terms), values
