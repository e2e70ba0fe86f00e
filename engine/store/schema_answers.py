"""Migration 4: what was asked about whole slices, and what people think of the answers.

An answer about a region is judged by what becomes of the region. One about a slice (a report, a diagnosis, the answer
to a question in words) has none, and its verdicts stand here. Answers that are there have no question row: their
prompt says what they were asked.
"""

from __future__ import annotations

from sqlite_utils import Database

from engine.store.schema_tools import make_append_only, run_statements

ANSWER_TABLES = ("question", "answer_verdict")
"""The audited ones, both."""

_STATEMENTS = """
CREATE TABLE question (
    id INTEGER PRIMARY KEY,
    suggestion_id INTEGER NOT NULL UNIQUE REFERENCES suggestion(id),
    look_id INTEGER REFERENCES suggestion(id),
    asked TEXT NOT NULL,
    said TEXT NOT NULL,
    who TEXT NOT NULL,
    created TEXT NOT NULL
);
CREATE TABLE answer_verdict (
    id INTEGER PRIMARY KEY,
    suggestion_id INTEGER NOT NULL REFERENCES suggestion(id),
    kind TEXT NOT NULL,
    before TEXT NOT NULL,
    after TEXT NOT NULL,
    who TEXT NOT NULL,
    created TEXT NOT NULL
);
CREATE INDEX answer_verdict_by_suggestion ON answer_verdict (suggestion_id);
CREATE INDEX suggestion_by_image ON suggestion (image_id, task);
"""


def add_answers(db: Database) -> None:
    """Make the tables, and an index for what each slice that is turned reads; no row that is there changes."""
    run_statements(db, _STATEMENTS)
    make_append_only(db, ANSWER_TABLES)
