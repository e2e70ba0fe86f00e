"""Looks for patients' identifiers in what is about to leave: names, numbers, UIDs, and places of files.

What a person typed, or a model wrote, is searched for what the database and the scans know of their patients. Words in
the pixels are not read here: burned-in text is a step of its own.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from enum import StrEnum
from functools import cache
from itertools import pairwise
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

from PIL import Image, UnidentifiedImageError

from engine.feedback.errors import FeedbackError
from engine.labels import builtin_ontology
from engine.runtime.gguf_header import read_gguf_header
from engine.scans import StudyFacts
from engine.store import IdentifyingKind, IdentifyingText, search_text

_UID = re.compile(r"(?<!\d)(?<!\d\.)(?:\d+(?:\.\d+){3,}|2\.25\.\d{9,})")
"""Dotted numbers of four parts and more: no version is that long, and every UID in a DICOM file is, but for those made
of a UUID (PS3.5, B.2), which have three. A word may stand before it, as in the file name CT.1.2.840.
"""
_WORD = re.compile(r"[^\W_]+")
_UNSPACED = re.compile(r"[\u3005\u3007\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\U00020000-\U0003ffff]")
"""A sign of Chinese, Japanese or Korean, which are written without blanks, and stand beside Latin ones without."""
_SPACED = re.compile(_UNSPACED.pattern.replace("[", "[^", 1))
_SHORTEST_WORD = 3
"""Letters of a part of a name that is searched for by itself: Lee and Kim are names, and li, hu and an turn up."""
_SHORTEST_UNSPACED = 2
_SHORTEST_JOINED = 6
"""Letters of two parts of a name that are also found as one word, as zhangsan: of Ma Le they would be male."""
_SHORTEST_NUMBER = 3
"""Digits or letters of a number that is searched for: ones and twos are counts, sides, levels and grades."""
_RUN = 5
"""Digits that are also found with letters around them: four and fewer are sizes, years and versions."""
_SPLIT_RUN = 7
"""Digits that are also found with separators among them, if the number itself has none: 12.5/100 is two sizes."""
_MOST_PIECES = 6
_DIGITS = re.compile(r"(?<![^\W_])[^\W\d_]*(\d+(?:[ ._/-]\d+)*)[^\W\d_]*(?![^\W_])")
"""Digits with letters on either side, none among them: in a hash, letters and digits take turns."""
_SHORT = re.compile(r"(?<![^\W_])(?<!\d[.,:/-])\d{3,4}(?![^\W_]|[.,:/-]\d)")
"""A number by itself: not a part of a date, a fraction or a range."""
_DATE = re.compile(r"(?<!\d)(\d{1,4})\s?[-./年]\s?(\d{1,2})\s?[-./月]\s?(\d{1,4})(?!\d)")
_BOX = re.compile(r"<box>[\[\]\d\s.,]*(?:</box>|$)")
"""Coordinates: of three digits nearly all, so that a short number would be found in any answer."""
_INSTANT = re.compile(r"\d{4}-\d\d-\d\dt\d\d:\d\d[\d:.]*")
"""When something was made, as programs write it: no birth date has a time."""
_TEXTS = {".json", ".jsonl", ".ndjson", ".md", ".txt", ".toml"}
_PICTURES = {".png", ".jpg"}
_OUR_WORDS = frozenset(
    (
        *("abstained", "accepted", "adapter", "alpha", "annotation", "annotations", "annotator", "annotators"),
        *("augment", "base", "box", "bundle", "candidate", "complete", "conversations", "corrections", "counts"),
        *("data", "diagnostic", "edited", "en", "feedback", "filters", "folder", "format", "general", "gpt", "group"),
        *("heldout", "id", "image", "images", "json", "jsonl", "kind", "label", "labelled", "labels", "language"),
        *("languages", "lineage", "llama", "lora", "made", "meta", "mo", "modalities", "modality", "model", "models"),
        *("name", "nameless", "names", "ndjson", "notice", "odd", "only", "out", "own", "patient", "patients", "png"),
        *("probability", "prompt", "record", "records", "ref", "region", "regions", "repeat", "reviewed", "row"),
        *("share", "side", "since", "snapshot", "source", "sr", "starter", "state", "subtask", "suggested"),
        *("suggestion", "task", "test", "testing", "text", "time", "train", "training", "until", "use", "validation"),
        *("value", "verdict", "verdicts", "view", "width", "zh"),
    )
)
"""What this program itself writes into such files: scans for trying things out are often of a patient TEST.

Also the keys of its files and the names of tasks: a patient called Kind must not hold back every snapshot."""
_SMALL_WORDS = frozenset(
    (
        *("an", "and", "are", "as", "at", "be", "by", "ct", "do", "for", "from", "he", "hu", "if", "in", "is", "it"),
        *("may", "max", "min", "mr", "mri", "no", "not", "of", "on", "or", "pet", "ray", "so", "sum", "that", "the"),
        *("this", "to", "us", "was", "with"),
    )
)
"""Of English and of the trade, in any answer; some of them are names too."""
_STROKES = str.maketrans({"ø": "o", "ł": "l", "đ": "d", "ð": "d", "ı": "i", "æ": "ae", "œ": "oe", "þ": "th"})
"""Letters that no mark can be taken off; in lower case."""
_IN_TWO_LETTERS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ø": "oe", "å": "aa"})
_PLAIN_SEGMENTS = {"APP0", "APP14"}
"""Of a JPEG: JFIF, and how its colours were turned by Adobe's programs."""
_PLAIN_PICTURE = {"jfif", "jfif_version", "jfif_unit", "jfif_density", "dpi"}
"""What every JPEG says of itself, none of it text."""


class Telling(StrEnum):
    """What in a text tells who a patient is."""

    UID = "a UID"
    NAME = "a patient's name or number"
    PLACE = "a patient's name, or the place of a scan"


class Identifiers:
    """What identifies some patients, to be looked for in texts.

    What is missed leaves with a patient's name on it; what is found without need makes a snapshot or a bundle be
    refused, and if that is a word that every answer holds, no file of this database ever leaves. So a part of a name
    counts by itself unless it is a word that is written anyway, and two parts of one name side by side count also then.
    """

    def __init__(self, texts: Iterable[str | IdentifyingText] = ()) -> None:
        self._places: set[str] = set()
        self._words: set[str] = set()
        self._pairs: set[frozenset[str]] = set()
        self._everyday: set[tuple[str, ...]] = set()
        self._unspaced_names: set[str] = set()
        self._unspaced_words: set[str] = set()
        self._numbers: set[str] = set()
        self._split_numbers: set[str] = set()
        self._codes: set[str] = set()
        self._split_codes: set[str] = set()
        for text in texts:
            self.add(text)

    def add(self, text: str | IdentifyingText) -> None:
        """A name, a number or a file's place. A bare text is a place if it is an absolute path, else of a person.

        A part of a name that is a word of the label ontology, or of this program, does not count by itself: there are
        people called White and Stone, and there are white matter and kidney stones. Nor does a name whose parts are
        all words of one label.
        """
        if isinstance(text, str):
            text = IdentifyingText(IdentifyingKind.PLACE if _is_absolute(text) else IdentifyingKind.PERSON, text)
        folded = search_text(text.text)
        if text.kind is IdentifyingKind.PLACE:
            if folded:
                self._places.add(folded)
            return
        # DICOM writes a name in several scripts, with = between them.
        for script in text.text.split("="):
            # What holds a digit is a number, with its letters: of LIDC-IDRI-0001 no part is a name.
            pieces = re.split(r"[\s,;]+", search_text(script))
            name = " ".join(piece for piece in pieces if not re.search(r"\d", piece))
            # Both may stand in one group: Wang Xiaodong 王小东.
            self._add_unspaced(_WORD.findall(_SPACED.sub(" ", name)))
            for spelling in _spellings(_UNSPACED.sub(" ", name)):
                self._add_name(_WORD.findall(spelling))
        self._add_number(folded)

    def add_facts(self, facts: StudyFacts) -> None:
        """What a scan's header says of its patient."""
        for text in (facts.patient_name, facts.patient_id, facts.accession_number, facts.birth_date):
            self.add(IdentifyingText(IdentifyingKind.PERSON, text))

    def find(self, text: str) -> Telling | None:
        """What a text holds of it, None for nothing. The identifier itself is not said."""
        folded = search_text(text)
        if _UID.search(folded):
            return Telling.UID
        if any(place in folded for place in self._places):
            return Telling.PLACE
        if self._holds_unspaced(folded):
            return Telling.NAME
        spaced = _UNSPACED.sub(" ", folded)
        if any(self._holds_name(_WORD.findall(spelling)) for spelling in _spellings(spaced)):
            return Telling.NAME
        return Telling.NAME if self._holds_number(_INSTANT.sub(" ", _BOX.sub(" ", folded))) else None

    def _add_name(self, parts: Sequence[str]) -> None:
        harmless = _harmless_words()
        telling = {part for part in parts if len(part) > 1 and part not in harmless}
        self._words |= telling if len(parts) == 1 else {part for part in telling if len(part) >= _SHORTEST_WORD}
        # Side by side in either order: header, list and letter each have their own, with or without a second name.
        two = [(parts[i], parts[j]) for i in range(len(parts)) for j in range(len(parts)) if i != j]
        two = [(one, other) for one, other in two if one in telling or other in telling]
        self._pairs |= {frozenset(names) for names in two}
        joined = {one + other for one, other in two if min(len(one), len(other)) > 1}
        self._words |= {word for word in joined - harmless if len(word) >= _SHORTEST_JOINED}
        proper = [part for part in parts if len(part) > 1 and part not in _SMALL_WORDS]
        if not telling and len(proper) > 1 and not any(words.issuperset(proper) for words in _label_words()):
            # TEST^PATIENT: no part tells anything, all of them together do.
            self._everyday.add(tuple(sorted(proper)))

    def _add_unspaced(self, parts: Sequence[str]) -> None:
        labels, whole = _unspaced_labels(), "".join(parts)
        if len(whole) >= _SHORTEST_UNSPACED and whole not in labels:
            self._unspaced_names.add(whole)
        self._unspaced_words |= {part for part in parts if len(part) >= _SHORTEST_UNSPACED and part not in labels}

    def _add_number(self, folded: str) -> None:
        code = "".join(_WORD.findall(_UNSPACED.sub(" ", folded)))
        runs = re.findall(r"\d+", code)
        if code.isdigit():
            if len(code) >= _SHORTEST_NUMBER:
                self._numbers.add(_bare(code))
            if len(code) >= (_SPLIT_RUN if code == folded else _SHORTEST_NUMBER + 1):
                self._split_numbers.add(_bare(code))
        elif runs and len(code) >= _SHORTEST_NUMBER and code not in _harmless_words():
            self._codes.add(code)
            # A short code in pieces is none: "a 12 mm cyst" is not of patient A12, nor "test 1" of a patient TEST1.
            letters = set(re.findall(r"[^\W\d]+", code)) - _harmless_words()
            if len(code) >= _RUN and (letters or len("".join(runs)) >= _SHORTEST_NUMBER):
                self._split_codes.add(code)
            # Who types MRN12345 by hand often leaves its letters out.
            self._numbers |= {_bare(run) for run in runs if len(run) >= _RUN}
            self._split_numbers |= {_bare(run) for run in runs if len(run) >= _SPLIT_RUN}

    def _holds_name(self, words: Sequence[str]) -> bool:
        if not self._words.isdisjoint(words) or any(frozenset(two) in self._pairs for two in pairwise(words)):
            return True
        # Zhang San, of a patient ZHANGSAN.
        joined = ("".join(two) for two in pairwise(words) if min(map(len, two)) > 1)
        if any(len(word) >= _SHORTEST_JOINED and word in self._words for word in joined):
            return True
        return any(
            tuple(sorted(words[first : first + length])) in self._everyday
            for length in {len(name) for name in self._everyday}
            for first in range(len(words) - length + 1)
        )

    def _holds_unspaced(self, folded: str) -> bool:
        if not _UNSPACED.search(folded):
            return False
        joined = re.sub(r"[\s·・_-]", "", folded)
        return any(name in joined for name in self._unspaced_names) or any(
            word in folded for word in self._unspaced_words
        )

    def _holds_number(self, folded: str) -> bool:
        if any(date in self._numbers for date in _dates(folded)):
            return True
        folded = _UNSPACED.sub(" ", folded)
        if any(found in self._numbers for found in _SHORT.findall(folded)):
            return True
        for chain in _DIGITS.findall(folded):
            for count, run in _joined(re.findall(r"\d+", chain)):
                known = self._numbers if count == 1 and len(run) >= _RUN else self._split_numbers
                if _bare(run) in known:
                    return True
        pieces = _WORD.findall(folded)
        return any(code in (self._codes if count == 1 else self._split_codes) for count, code in _joined(pieces))


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
            try:
                for number, text in _texts(path):
                    found = identifiers.find(text)
                    if found:
                        raise FeedbackError(f"{path} line {number} holds {found}. {remedy}")
            except ValueError as error:
                raise FeedbackError(f"{path} cannot be read as text ({error}). {remedy}") from error


def _texts(path: Path) -> Iterator[tuple[int, str]]:
    """The texts of a file with the numbers of their lines; of JSON the values, so that numbers are no text.

    Raises `ValueError` for what is no text, or no JSON.
    """
    whole = path.read_text(encoding="utf-8")
    if path.suffix == ".json":
        yield from ((1, text) for text in _strings(json.loads(whole)))
        return
    # Not `splitlines`: a line of JSON may hold what that takes for an end of one, such as U+2028.
    for number, line in enumerate(whole.split("\n"), start=1):
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
            # What stands behind the pixels is only met on the way.
            picture.load()
            more = {str(name) for name in picture.info} - _PLAIN_PICTURE
            more |= {name for name, _ in getattr(picture, "applist", ())} - _PLAIN_SEGMENTS
            more |= {chunk[0].decode("ascii", "replace") for chunk in getattr(picture, "private_chunks", ())}
    except (OSError, UnidentifiedImageError, Image.DecompressionBombError, ValueError, SyntaxError) as error:
        raise FeedbackError(f"{path} cannot be read as a picture ({error}). {remedy}") from error
    if more:
        raise FeedbackError(f"the picture {path} holds more than pixels ({', '.join(sorted(more))}). {remedy}")


def _is_absolute(text: str) -> bool:
    # No path is written with ^, and every name of more than one part in a DICOM file is.
    return "^" not in text and (PurePosixPath(text).is_absolute() or PureWindowsPath(text).is_absolute())


def _spellings(text: str) -> set[str]:
    """A text without apostrophes: O'Brien is written OBrien and O Brien, and what is hers is Brien's.

    Also without accents and, as in German and Danish, with two letters for one: Müller is Muller and Mueller.
    """
    text = re.sub(r"['’]s(?![^\W_])", "", text)
    texts = {re.sub(r"['’]", "", text), text}
    if text.isascii():
        return texts
    return {spelt for one in texts for spelt in (one, _unmarked(one), _unmarked(one.translate(_IN_TWO_LETTERS)))}


def _unmarked(text: str) -> str:
    letters = unicodedata.normalize("NFD", text.translate(_STROKES))
    return unicodedata.normalize(
        "NFC", "".join(one for one in letters if not unicodedata.category(one).startswith("M"))
    )


def _bare(run: str) -> str:
    """A number without the zeros before it, which people leave out, if that leaves enough of it."""
    bare = run.lstrip("0")
    return bare if len(bare) >= _RUN else run


def _dates(text: str) -> Iterator[str]:
    """The dates in a text that are written in numbers, as YYYYMMDD; both where day and month could be either."""
    for first, second, third in _DATE.findall(text):
        if len(first) == 4 and len(third) <= 2:
            yield first + second.zfill(2) + third.zfill(2)
        elif len(third) == 4 and len(first) <= 2:
            yield third + second.zfill(2) + first.zfill(2)
            yield third + first.zfill(2) + second.zfill(2)


def _joined(pieces: Sequence[str]) -> Iterator[tuple[int, str]]:
    """Pieces that follow each other as one, with how many they are."""
    for first in range(len(pieces)):
        for end in range(first + 1, min(len(pieces), first + _MOST_PIECES) + 1):
            yield end - first, "".join(pieces[first:end])


@cache
def _harmless_words() -> frozenset[str]:
    return frozenset().union(_OUR_WORDS, _SMALL_WORDS, *_label_words())


@cache
def _label_words() -> frozenset[frozenset[str]]:
    """The words of each name of a label."""
    names = (name for label in builtin_ontology() for name in label.all_names())
    return frozenset(frozenset(_WORD.findall(spelling)) for name in names for spelling in _spellings(search_text(name)))


@cache
def _unspaced_labels() -> str:
    """The names of labels that are written without blanks, one a line, to look for a part in."""
    names = (search_text(name) for label in builtin_ontology() for name in label.all_names())
    return "\n".join(sorted({name for name in names if _UNSPACED.search(name)}))
