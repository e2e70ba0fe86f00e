"""Regions that two adapters named at the same time, and what the person called them in the end."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlite_utils import Database

from engine.regions import Label
from engine.store.repositories import CURRENT_REGION

_NEWEST = (
    "(SELECT max(id) FROM suggestion WHERE region_root_id = region.root_id AND task = 'region_to_text' "
    "AND model_sha256 = ? AND adapter IS ?)"
)


@dataclass(frozen=True, slots=True)
class NamedTwice:
    """A region that a person named. first, second : whether either adapter's best name was the person's.

    first_shown : whether the first one's answer, kept later, is the one that the person saw.
    """

    root_id: int
    first: bool
    second: bool
    first_shown: bool


class ShadowRepository:
    """What two adapters of one model said of the same views of the same regions."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def named_twice(
        self, model_sha256: str, first: str | None, second: str | None, since: str, limit: int
    ) -> list[NamedTwice]:
        """The first `limit` regions that both named since a time and a person then accepted or corrected.

        first, second : ids of adapters, None for the base alone. since : ISO 8601 UTC as this database writes it, ""
        for ever.
        """
        sql = (
            "SELECT region.root_id, region.label_id, region.label_en, region.label_zh, "
            "a.id AS a_id, a.candidates AS a_said, "
            "b.id AS b_id, b.candidates AS b_said FROM region "
            f"JOIN suggestion AS a ON a.id = {_NEWEST} JOIN suggestion AS b ON b.id = {_NEWEST} "
            "WHERE a.prompt = b.prompt AND a.view_sha256 = b.view_sha256 AND region.label_en IS NOT NULL "
            f"AND region.state IN ('accepted', 'edited') AND {CURRENT_REGION} AND a.created >= ? AND b.created >= ? "
            "ORDER BY max(a.id, b.id) LIMIT ?"
        )
        rows = self._db.query(sql, [model_sha256, first, model_sha256, second, since, since, limit])
        return [self._row(row) for row in rows]

    @staticmethod
    def _row(row: dict[str, Any]) -> NamedTwice:
        final = Label(row["label_id"] or "", row["label_en"] or "", row["label_zh"] or "")
        # Also where it was not sure: its best name is what the person is offered first.
        said = [_agrees(json.loads(row[f"{side}_said"] or "[]"), final) for side in ("a", "b")]
        return NamedTwice(row["root_id"], said[0], said[1], row["a_id"] > row["b_id"])


def _agrees(candidates: Iterable[list[Any]], final: Label) -> bool:
    """Whether the best candidate is the label, by its id or by a name of it."""
    best = next(iter(candidates), None)
    if best is None:
        return False
    english, chinese, id_ = (str(part or "").strip().casefold() for part in best[:3])
    pairs = ((id_, final.id), (english, final.en), (chinese, final.zh))
    return any(said and said == name.strip().casefold() for said, name in pairs)
