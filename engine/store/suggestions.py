"""Answers of models, read. Writing is in `engine.store.region_writer`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from sqlite_utils import Database

from engine.scans import Plane
from engine.store.repositories import one_row, source_key, window_of
from engine.store.rows import SuggestionRow


class SuggestionRepository:
    """Answers of models."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def of_region(self, root_id: int) -> SuggestionRow | None:
        """The newest answer about a region, None when the model was never asked."""
        sql = "SELECT * FROM suggestion WHERE region_root_id = ? ORDER BY id DESC LIMIT 1"
        return next(map(self._row, self._db.query(sql, [root_id])), None)

    def about_region(self, root_id: int) -> list[SuggestionRow]:
        """Every answer about a region, oldest first."""
        rows = self._db.query("SELECT * FROM suggestion WHERE region_root_id = ? ORDER BY id", [root_id])
        return [self._row(row) for row in rows]

    def about_series(self, source: Path | str, series_uid: str) -> dict[int, list[SuggestionRow]]:
        """Every answer about each region of a series, by root id, oldest first."""
        sql = (
            "SELECT suggestion.* FROM suggestion JOIN image ON image.id = suggestion.image_id "
            "JOIN series ON series.id = image.series_id "
            "WHERE source = ? AND series_uid = ? AND region_root_id IS NOT NULL ORDER BY suggestion.id"
        )
        found: dict[int, list[SuggestionRow]] = {}
        for row in map(self._row, self._db.query(sql, [source_key(source), series_uid])):
            if row.region_root_id is not None:
                found.setdefault(row.region_root_id, []).append(row)
        return found

    def of_image(self, image_id: int) -> list[SuggestionRow]:
        """Answers about the whole slice (reports, questions, diagnoses), oldest first."""
        sql = "SELECT * FROM suggestion WHERE image_id = ? AND region_root_id IS NULL ORDER BY id"
        return [self._row(row) for row in self._db.query(sql, [image_id])]

    def looked_for(self, image_id: int) -> list[tuple[SuggestionRow, tuple[str, ...]]]:
        """Each answer that says where something is on a slice, or that it is not there, once and oldest first.

        With the names that it was asked for; none where an earlier version kept it.
        """
        sql = (
            "SELECT suggestion.*, asked FROM suggestion LEFT JOIN question ON suggestion_id = suggestion.id "
            "WHERE suggestion.id IN (SELECT min(id) FROM suggestion WHERE image_id = ? AND task = 'text_to_region' "
            "GROUP BY prompt, raw, model_sha256) ORDER BY suggestion.id"
        )
        rows = self._db.query(sql, [image_id])
        return [(self._row(row), tuple(json.loads(row["asked"] or "{}").get("names", ()))) for row in rows]

    def found_in_series(
        self, source: Path | str, series_uid: str, plane: Plane, model_sha256: str, adapter: str | None
    ) -> dict[tuple[int, str], float | None]:
        """What a model was asked to find on the slices of a series, by slice and prompt.

        The value is the probability of the best box that was left out the last time (see
        `RegionDrawing.record_found_many`), None where none was.
        """
        sql = (
            "SELECT image.slice, prompt, region_root_id, parsed FROM suggestion "
            "JOIN image ON image.id = suggestion.image_id JOIN series ON series.id = image.series_id "
            "WHERE source = ? AND series_uid = ? AND plane = ? AND task = 'text_to_region' AND model_sha256 = ? "
            "AND adapter IS ? ORDER BY suggestion.id"
        )
        values = [source_key(source), series_uid, plane.value, model_sha256, adapter]
        found: dict[tuple[int, str], float | None] = {}
        for row in self._db.query(sql, values):
            place = (row["slice"], row["prompt"])
            if row["region_root_id"] is not None:
                found.setdefault(place, None)
            else:
                left_out = [float(one["probability"]) for one in json.loads(row["parsed"] or "[]")]
                found[place] = max(left_out, default=None)
        return found

    def get(self, suggestion_id: int) -> SuggestionRow:
        """An answer by its id. Raises `StoreError` when there is none."""
        return one_row(self._db, "suggestion", "SELECT * FROM suggestion WHERE id = ?", suggestion_id, self._row)

    @staticmethod
    def _row(row: dict[str, Any]) -> SuggestionRow:
        parsed = json.loads(row["parsed"] or "[]")
        return SuggestionRow(
            row["id"],
            row["image_id"],
            row["region_root_id"],
            row["task"],
            row["language"],
            row["prompt"],
            row["raw"],
            row["text"] or "",
            tuple((c[0], c[1], c[2], float(c[3])) for c in json.loads(row["candidates"] or "[]")),
            parsed[0]["probability"] if parsed else None,
            bool(row["abstained"]),
            row["model_id"],
            row["model_sha256"],
            row["adapter"],
            row["latency_ms"] or 0.0,
            row["created"],
            _spread(parsed),
            row["view_sha256"] or "",
            window_of(row),
        )


def _spread(parsed: list[dict[str, Any]]) -> tuple[float, float, float, float] | None:
    """Of the first region; suggestions of earlier versions have none."""
    values = parsed[0].get("spread") if parsed else None
    if values is None:
        return None
    left, top, right, bottom = (float(value) for value in values)
    return (left, top, right, bottom)
