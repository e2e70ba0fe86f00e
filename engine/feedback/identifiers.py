"""Looks for patients' identifiers in what is about to leave: names, numbers, UIDs, and places of files.

What a person typed, or a model wrote, is searched for what the database and the scans know of their patients. Words in
the pixels are not read here: burned-in text is a step of its own.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any

from PIL import Image, UnidentifiedImageError

from engine.feedback.errors import FeedbackError
from engine.labels import builtin_ontology
from engine.runtime.gguf_header import read_gguf_header
from engine.scans import StudyFacts
from engine.store import search_text

_UID = re.compile(r"(?<![\d.])\d+(?:\.\d+){3,}")
"""Dotted numbers of four parts and more: no version is that long, and every UID in a DICOM file is."""
_WORD = re.compile(r"[^\W_]+(?:[-'’][^\W_]+)*")
_CJK = re.compile(r"[\u3400-\u9fff]")
_SHORTEST = 4
"""Letters of a word that is searched for by itself: boxes are full of shorter numbers."""
_SHORTEST_CJK = 2
_TEXTS = {".json", ".jsonl", ".ndjson", ".md", ".txt", ".toml"}
_PICTURES = {".png", ".jpg"}
_OUR_WORDS = frozenset(
    (
        *("adapter", "annotations", "base", "bundle", "candidate", "diagnostic", "feedback", "heldout", "image"),
        *("images", "label", "labels", "lineage", "model", "models", "name", "names", "patient", "patients", "record"),
        *("records", "region", "regions", "snapshot", "test", "testing", "text", "train", "training", "validation"),
    )
)
"""What this program itself writes into such files: scans for trying things out are often of a patient TEST."""
_PLAIN_PICTURE = {"jfif", "jfif_version", "jfif_unit", "jfif_density", "dpi"}
"""What every JPEG says of itself, none of it text."""


class Telling(StrEnum):
    """What in a text tells who a patient is."""

    UID = "a UID"
    NAME = "a patient's name or number"
    PLACE = "a patient's name, or the place of a scan"


class Identifiers:
    """What identifies some patients, to be looked for in texts."""

    def __init__(self, texts: Iterable[str] = ()) -> None:
        self._phrases: set[str] = set()
        self._words: set[str] = set()
        for text in texts:
            self.add(text)

    def add(self, text: str) -> None:
        """A name, a number or a file's place. Of a name each long part counts by itself too.

        A part that is a word of the label ontology, or of this program, does not: there are people called White, and
        there is white matter.
        """
        if "/" in text or "\\" in text:
            self._phrases.add(search_text(text))
            return
        # DICOM writes a name in several scripts, with = between them.
        for script in text.split("="):
            parts = _WORD.findall(search_text(script))
            if len(parts) > 1:
                # Chinese names are written without a blank.
                self._phrases.add(("" if _CJK.search(script) else " ").join(parts))
            self._words |= {part for part in parts if _is_long(part) and part not in _harmless_words()}

    def add_facts(self, facts: StudyFacts) -> None:
        """What a scan's header says of its patient."""
        for text in (facts.patient_name, facts.patient_id, facts.accession_number, facts.birth_date):
            self.add(text)

    def find(self, text: str) -> Telling | None:
        """What a text holds of it, None for nothing. The identifier itself is not said."""
        folded = search_text(text)
        if _UID.search(folded):
            return Telling.UID
        if any(phrase in folded for phrase in self._phrases):
            return Telling.PLACE
        words = set(_WORD.findall(folded))
        if words & self._words or any(word in folded for word in self._words if _CJK.search(word)):
            return Telling.NAME
        return None


def require_anonymous(folder: Path, identifiers: Identifiers, remedy: str) -> None:
    """Raise `FeedbackError` for the first file in a folder that tells who a patient is, by its name or in it.

    remedy : what the message says to do. Text is searched, but for the questions of a data set, which hold nothing
    that its answers do not; pictures must hold nothing but pixels.
    """
    for path in sorted(folder.rglob("*")):
        if path.is_dir():
            continue
        name = path.relative_to(folder).as_posix()
        found = identifiers.find(name)
        if found:
            raise FeedbackError(f"the name of a file of {folder} holds {found}. {remedy}")
        if path.suffix in _PICTURES:
            _require_pixels_alone(path, remedy)
        elif path.suffix == ".gguf":
            if any(identifiers.find(text) for text in _strings(dict(read_gguf_header(path).values))):
                raise FeedbackError(f"the header of {path} tells who a patient is. {remedy}")
        elif path.suffix in _TEXTS:
            for number, text in _texts(path):
                found = identifiers.find(text)
                if found:
                    raise FeedbackError(f"{path} line {number} holds {found}. {remedy}")


def _texts(path: Path) -> Iterator[tuple[int, str]]:
    """The texts of a file with the numbers of their lines; of JSON the values, so that numbers are no text."""
    whole = path.read_text(encoding="utf-8")
    if path.suffix == ".json":
        yield from ((1, text) for text in _strings(json.loads(whole)))
        return
    for number, line in enumerate(whole.splitlines(), start=1):
        if path.suffix in (".jsonl", ".ndjson"):
            yield from ((number, text) for text in _strings(json.loads(line or "null")))
        else:
            yield number, line


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, (list, tuple)):
        for one in value:
            yield from _strings(one)
    elif isinstance(value, dict):
        if value.get("from") == "human":
            return
        for key, one in value.items():
            yield key
            yield from _strings(one)


def _require_pixels_alone(path: Path, remedy: str) -> None:
    try:
        with Image.open(path) as picture:
            more = {str(name) for name in picture.info} - _PLAIN_PICTURE
    except (OSError, UnidentifiedImageError, Image.DecompressionBombError, ValueError, SyntaxError) as error:
        raise FeedbackError(f"{path} cannot be read as a picture ({error}). {remedy}") from error
    if more:
        raise FeedbackError(f"the picture {path} holds more than pixels ({', '.join(sorted(more))}). {remedy}")


def _is_long(word: str) -> bool:
    return len(word) >= (_SHORTEST_CJK if _CJK.search(word) else _SHORTEST)


@cache
def _harmless_words() -> frozenset[str]:
    names = (name for label in builtin_ontology() for name in label.all_names())
    return _OUR_WORDS.union(word for name in names for word in _WORD.findall(search_text(name)))
