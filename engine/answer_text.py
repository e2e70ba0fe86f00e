"""Answers as people read them: while they are being written, and read again out of what was kept."""

from __future__ import annotations

import re
from collections.abc import Sequence

from engine.models.dialects import dialect_of
from engine.protocol import Answer, Language, Question, Sentence, Task, parse_answer
from engine.protocol.syntax import COLON, NOT_PRESENT, prose
from engine.runtime import ModelManifest

_UNFINISHED_TAG = re.compile(r"<[/|]?[A-Za-z_]*\|?\Z")
_WHOLE = 1000
"""Side of the picture that an unfinished answer's boxes are read in: nobody sees them yet."""


def text_so_far(raw: str, task: Task, language: Language, manifest: ModelManifest) -> str:
    """What an answer says as far as it is written: no half tags, no boxes.

    Of a grounded report a line a sentence, with the names it is about before it.
    """
    whole = _without_half_marks(raw)
    if task is Task.GROUNDED_REPORT:
        answer = dialect_of(manifest).parse_answer(whole, Question(task, language, _WHOLE, _WHOLE))
        lines = [sentence_line(sentence, language) for sentence in answer.sentences]
        return "\n".join(line for line in lines if line)
    return prose(whole)


def read_again(
    raw: str,
    task: Task,
    language: Language,
    width: int,
    height: int,
    *,
    manifest: ModelManifest | None,
    names: Sequence[str] = (),
    options: Sequence[str] = (),
) -> Answer:
    """Parse an answer that was kept, as it was parsed when it came.

    width, height : of its slice; boxes are in its pixels. manifest : of the model that gave it, None where that is not
    registered any more: it is read as MedRegA's then. names, options : of its question. Never raises.
    """
    question = Question(task, language, width, height, names=tuple(names), options=tuple(options))
    return parse_answer(raw, question) if manifest is None else dialect_of(manifest).parse_answer(raw, question)


def sentence_line(sentence: Sentence, language: Language) -> str:
    """A sentence of a grounded report in one line: what it is about, then what it says."""
    names = ", ".join(dict.fromkeys(item.name for item in sentence.located))
    said = sentence.text
    if not said and any(item.not_present for item in sentence.located):
        said = NOT_PRESENT[language]
    return f"{names}{COLON[language]}{said}" if names and said else names or said


def _without_half_marks(raw: str) -> str:
    """Cut off a box list or a tag that is still being written."""
    start = raw.rfind("[[")
    if start >= 0 and "]]" not in raw[start:]:
        raw = raw[:start]
    return _UNFINISHED_TAG.sub("", raw)
