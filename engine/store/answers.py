"""Answers about whole slices: what was asked, what was said, what people think of it. Each write is one gesture."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from engine.protocol import Task
from engine.store.drawing import add_found
from engine.store.errors import StoreError
from engine.store.gesture import utc_now
from engine.store.region_writer import RegionWriter
from engine.store.repositories import DECIDED_SQL
from engine.store.rows import DecisionKind, RegionRow, SuggestionRow
from engine.suggest import Suggestion

ANSWER_TASKS = (Task.VQA, Task.REPORT, Task.GROUNDED_REPORT, Task.DIAGNOSIS)
"""What is asked about a whole slice."""
VERDICTS = (DecisionKind.ACCEPTED, DecisionKind.EDITED, DecisionKind.REJECTED, DecisionKind.RESTORED)
"""`RESTORED` takes back what was decided before."""


@dataclass(frozen=True, slots=True)
class AnswerVerdict:
    """What a person decided about an answer. text : theirs, in place of the model's; "" for none."""

    kind: DecisionKind
    text: str
    who: str
    created: str


@dataclass(frozen=True, slots=True)
class GroundedRegion:
    """A region that a grounded report drew. box : x1, y1, x2, y2 as the model wrote it, in pixels of the slice."""

    root_id: int
    label: str
    box: tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class AnswerRow:
    """An answer about a slice.

    asked : the question, by its fields; empty where an earlier version kept the answer, whose prompt says it then.
    trained, malformed : as `Suggestion` has them. look : the first of two passes, the look for
    regions. verdict : the newest, None while nobody has decided. regions : of a grounded report, as they were drawn.
    """

    suggestion: SuggestionRow
    asked: Mapping[str, Any]
    trained: bool
    malformed: bool
    look: SuggestionRow | None
    who: str
    verdict: AnswerVerdict | None
    regions: tuple[GroundedRegion, ...] = ()


class AnswerStore:
    """Raises `StoreError` when nothing could be kept."""

    def __init__(self, connection: sqlite3.Connection, writer: RegionWriter) -> None:
        self._connection = connection
        self._writer = writer

    def keep(
        self,
        suggestion: Suggestion,
        study_uid: str,
        who: str,
        asked: Mapping[str, Any],
        *,
        look: Suggestion | None = None,
        fresh: Suggestion | None = None,
    ) -> tuple[AnswerRow, list[RegionRow]]:
        """Keep an answer with its question, and the regions of a grounded report; undecided, all of it.

        asked : the question by its fields, as JSON has them. look : the first of two passes. fresh : the report with
        those of its regions that are not known yet, None where no region is to be kept. Returns the answer and the new
        regions.
        """
        with self._writer.gesture(who, "asked") as made:
            seen = None if look is None else self._writer.add_looked(made, look, study_uid, None, who)
            rows: list[RegionRow] = []
            for row, _ in add_found(self._writer, made, fresh, study_uid, who, whole=False) if fresh else ():
                rows.append(row)
            kept = self._writer.add_suggestion(made, suggestion, study_uid, None)
            look_id = None if seen is None else seen.id
            self._writer.add_question(made, suggestion, kept.id, who, asked, look_id=look_id)
        return self.get(kept.id), rows

    def judge(self, suggestion_id: int, kind: DecisionKind, who: str, text: str = "") -> AnswerRow:
        """What a person thinks of an answer. text : what should have been said, with `DecisionKind.EDITED`."""
        if kind not in VERDICTS:
            raise StoreError(f"an answer about a slice cannot be {kind.value}")
        if kind is DecisionKind.EDITED and not text.strip():
            raise StoreError("a correction of an answer is empty: write what should have been said, or reject it")
        before = self.get(suggestion_id)
        with self._writer.gesture(who, f"answer {kind.value}") as made:
            made.insert(
                "answer_verdict",
                suggestion_id=suggestion_id,
                kind=kind.value,
                before=before.suggestion.text if before.verdict is None else before.verdict.text,
                after=text if kind is DecisionKind.EDITED else "",
                who=who,
                created=utc_now(),
            )
        return self.get(suggestion_id)

    def of_image(self, image_id: int) -> list[AnswerRow]:
        """The answers about a slice, oldest first."""
        tasks = {task.value for task in ANSWER_TASKS}
        return [self._row(one) for one in self._writer.suggestions.of_image(image_id) if one.task in tasks]

    def decided(self) -> Iterator[AnswerRow]:
        """The answers that people accepted or corrected in the end, oldest first."""
        sql = (
            f"SELECT suggestion_id FROM answer_verdict AS verdict WHERE kind IN ({DECIDED_SQL}) AND NOT EXISTS "
            "(SELECT 1 FROM answer_verdict AS newer WHERE newer.suggestion_id = verdict.suggestion_id "
            "AND newer.id > verdict.id) ORDER BY suggestion_id"
        )
        return (self.get(number) for (number,) in self._connection.execute(sql).fetchall())

    def get(self, suggestion_id: int) -> AnswerRow:
        """One answer. Raises `StoreError` when there is none."""
        return self._row(self._writer.suggestions.get(suggestion_id))

    def verdicts(self, suggestion_id: int) -> list[AnswerVerdict]:
        """Everything that was decided about an answer, oldest first."""
        sql = "SELECT kind, after, who, created FROM answer_verdict WHERE suggestion_id = ? ORDER BY id"
        rows = self._connection.execute(sql, [suggestion_id])
        return [AnswerVerdict(DecisionKind(kind), text, who, created) for kind, text, who, created in rows]

    def _row(self, suggestion: SuggestionRow) -> AnswerRow:
        sql = "SELECT look_id, asked, said, who FROM question WHERE suggestion_id = ?"
        look_id, asked, said, who = self._connection.execute(sql, [suggestion.id]).fetchone() or (None, "{}", "{}", "")
        told = json.loads(said)
        verdicts = self.verdicts(suggestion.id)
        newest = verdicts[-1] if verdicts and verdicts[-1].kind is not DecisionKind.RESTORED else None
        return AnswerRow(
            suggestion,
            json.loads(asked),
            bool(told.get("trained", True)),
            bool(told.get("malformed", False)),
            None if look_id is None else self._writer.suggestions.get(look_id),
            who,
            newest,
            self._regions(suggestion),
        )

    def _regions(self, report: SuggestionRow) -> tuple[GroundedRegion, ...]:
        """The regions that were kept out of the same answer: each has a row with the answer's own words."""
        if report.task != Task.GROUNDED_REPORT.value:
            return ()
        sql = (
            "SELECT region_root_id, parsed FROM suggestion WHERE image_id = ? AND task = ? AND raw = ? AND prompt = ? "
            "AND region_root_id IS NOT NULL ORDER BY id"
        )
        values = [report.image_id, report.task, report.raw, report.prompt]
        found = []
        for root_id, parsed in self._connection.execute(sql, values):
            (one,) = json.loads(parsed)
            x1, y1, x2, y2 = (float(value) for value in one["box"])
            found.append(GroundedRegion(root_id, one["label"], (x1, y1, x2, y2)))
        return tuple(found)
