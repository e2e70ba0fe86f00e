"""Search-as-you-type over labels: what matches, how well, and where to highlight it."""

from __future__ import annotations

import heapq
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum, StrEnum

from engine.labels.label import Label
from engine.labels.names import fold, key
from engine.labels.pinyin import Spelling, spell, typed_in

_TYPED_LETTERS = re.compile(r"[a-z0-9]+")
_WORD = re.compile(r"\w+")
TYPO_LENGTH = 5
"""From how many letters on one wrong letter is forgiven; shorter words have too many neighbours."""


class Field(StrEnum):
    """Which of a label's names matched."""

    EN = "en"
    ZH = "zh"
    SYNONYM_EN = "synonym_en"
    SYNONYM_ZH = "synonym_zh"
    ID = "id"
    ALIAS = "alias"
    CODE = "code"


class MatchKind(IntEnum):
    """How a name matched, the best first."""

    EXACT_NAME = 0
    EXACT_OTHER = 1
    PREFIX = 2
    SUBSTRING = 3
    INITIALS = 4
    TYPO = 5
    ALL = 6


@dataclass(frozen=True, slots=True)
class Match:
    """One answer of a search.

    text : the name that matched, as it is written. span : the part of it to highlight, (start, stop) characters.
    """

    label: Label
    kind: MatchKind
    field: Field
    text: str
    span: tuple[int, int]


@dataclass(frozen=True, slots=True)
class _Name:
    field: Field
    text: str
    folded: str
    key: str
    starts: tuple[int, ...]
    words: tuple[str, ...]
    initials: str
    spelling: Spelling | None


_Found = tuple[MatchKind, int, tuple[int, int]]
"""Kind, how many words or characters stand before the match, span."""

_EXACT_NAME = (Field.EN, Field.ZH, Field.ID)
_SHOWN_ORDER = {field: place for place, field in enumerate(Field)}
_MODALITY_FAMILY = {
    "DR": "DX", "CR": "DX", "RF": "DX", "PX": "DX", "IO": "DX", "RG": "DX",
    "IVUS": "US", "OPM": "OPT", "OCT": "OPT", "OPTBSV": "OPT", "OPTENF": "OPT", "GM": "SM", "PT": "CT",
}  # fmt: skip


def modality_family(modality: str) -> str:
    """The code that the ontology uses for a DICOM modality code (PS3.3 C.7.3.1.1.1), such as DX for CR."""
    return _MODALITY_FAMILY.get(modality, modality)


class SearchIndex:
    """The names of some labels, prepared once."""

    def __init__(self, labels: Iterable[Label]) -> None:
        self._rows = [(label, _names(label)) for label in labels]

    def search(
        self, text: str, limit: int = 20, modality: str = "", recent: Sequence[str] = ()
    ) -> list[Match]:
        """The best `limit` labels for what was typed so far, the best first; each label once.

        text : English, Chinese or pinyin (full, first letters, or both mixed), in any case, blanks as you like;
        empty gives the recent labels, then those of the modality. modality : DICOM code of the picture, empty for
        any. recent : ids, the latest first. Recent labels come first among those that match equally well, then
        those of the modality.
        """
        if limit <= 0:
            return []
        query = _Query.of(text)
        family = modality_family(modality)
        latest = {id_: place for place, id_ in reversed(list(enumerate(recent)))}
        ranked = []
        for place, (label, names) in enumerate(self._rows):
            best: tuple[tuple[int, ...], _Found, _Name] | None = None
            for name in names:
                found = query.find(name)
                if found is not None:
                    order = (found[0], _SHOWN_ORDER[name.field], found[1], len(name.text))
                    if best is None or order < best[0]:
                        best = (order, found, name)
            if best is not None:
                (kind, field, before, length), found, name = best
                fitting = 0 if family and family in label.modalities else 1 if not label.modalities else 2
                # Among initials and typos a name is as good as a synonym; before that the shown name is what one means.
                rank = (kind, latest.get(label.id, len(latest)), fitting if family else 0, before, field, length, place)
                ranked.append((rank, Match(label, found[0], name.field, name.text, found[2])))
        return [match for _, match in heapq.nsmallest(limit, ranked, key=lambda pair: pair[0])]


@dataclass(frozen=True, slots=True)
class _Query:
    key: str
    folded: str
    words: tuple[str, ...]
    squeezed: str
    letters: str

    @classmethod
    def of(cls, text: str) -> _Query:
        folded = " ".join(fold(text).split())
        squeezed = folded.replace(" ", "")
        letters = squeezed.replace("ü", "v")
        typed = letters if _TYPED_LETTERS.fullmatch(letters) else ""
        return cls(key(text), folded, tuple(folded.split()), squeezed, typed)

    def find(self, name: _Name) -> _Found | None:
        """How this name matches, at its best."""
        if not self.key:
            return (MatchKind.ALL, 0, (0, 0)) if name.field is Field.EN else None
        if self.key == name.key:
            kind = MatchKind.EXACT_NAME if name.field in _EXACT_NAME else MatchKind.EXACT_OTHER
            return (kind, 0, (0, len(name.text)))
        if not self.folded or name.field is Field.CODE:
            return None
        return self._in_text(name) or self._in_pinyin(name) or self._as_initials(name) or self._with_typo(name)

    def _in_text(self, name: _Name) -> _Found | None:
        query = self.folded if name.spelling is None else self.squeezed
        at = name.folded.find(query)
        if at < 0:
            return self._by_words(name)
        for number, start in enumerate(name.starts):
            if name.folded.startswith(query, start):
                return (MatchKind.PREFIX, number, (start, start + len(query)))
        return (MatchKind.SUBSTRING, at, (at, at + len(query)))

    def _by_words(self, name: _Name) -> _Found | None:
        """Several words, each the beginning of one of the name's, in any order: "nodule lung"."""
        if len(self.words) < 2 or len(name.words) < 2:
            return None
        spans = []
        for word in self.words:
            at = next((s for s, w in zip(name.starts, name.words, strict=True) if w.startswith(word)), None)
            if at is None:
                return None
            spans.append((at, at + len(word)))
        return (MatchKind.SUBSTRING, len(name.text), (min(s for s, _ in spans), max(e for _, e in spans)))

    def _in_pinyin(self, name: _Name) -> _Found | None:
        if name.spelling is None or not self.letters or self.letters[0] not in name.initials:
            return None
        typed = typed_in(self.letters, name.spelling)
        if typed is None:
            return None
        span = (name.spelling.places[typed.start], name.spelling.places[typed.stop - 1] + 1)
        if not typed.whole:
            return (MatchKind.INITIALS, typed.start, span)
        return (MatchKind.SUBSTRING if typed.start else MatchKind.PREFIX, typed.start, span)

    def _as_initials(self, name: _Name) -> _Found | None:
        """First letters of consecutive English words: "ggn" for ground-glass nodule."""
        if name.spelling is not None or len(self.letters) < 2:
            return None
        at = name.initials.find(self.letters)
        if at < 0:
            return None
        last = at + len(self.letters) - 1
        return (MatchKind.INITIALS, at, (name.starts[at], name.starts[last] + len(name.words[last])))

    def _with_typo(self, name: _Name) -> _Found | None:
        if name.spelling is not None:
            if len(self.letters) >= TYPO_LENGTH and one_edit(self.letters, name.spelling.full):
                return (MatchKind.TYPO, 0, (0, len(name.text)))
            return None
        if len(self.folded) < TYPO_LENGTH:
            return None
        if one_edit(self.folded, name.key):
            return (MatchKind.TYPO, 0, (0, len(name.text)))
        if len(self.words) == 1:
            for number, word in enumerate(name.words):
                if len(word) >= TYPO_LENGTH - 1 and one_edit(self.folded, word):
                    start = name.starts[number]
                    return (MatchKind.TYPO, number, (start, start + len(word)))
        return None


def one_edit(one: str, other: str) -> bool:
    """Whether one letter more, less, another, or two neighbours swapped make `one` into `other`."""
    if abs(len(one) - len(other)) > 1 or one == other:
        return False
    short, long = sorted((one, other), key=len)
    at = 0
    while at < len(short) and short[at] == long[at]:
        at += 1
    if len(short) < len(long):
        return short[at:] == long[at + 1 :]
    if short[at + 1 :] == long[at + 1 :]:
        return True
    return short[at : at + 2] == long[at : at + 2][::-1] and short[at + 2 :] == long[at + 2 :]


def _names(label: Label) -> tuple[_Name, ...]:
    fields = [(Field.EN, label.en), (Field.ZH, label.zh)]
    fields += [(Field.SYNONYM_EN, text) for text in label.synonyms_en]
    fields += [(Field.SYNONYM_ZH, text) for text in label.synonyms_zh]
    known = {key(text) for _, text in fields}
    # An id or alias that reads like a name would only be matched a second time.
    fields += [(Field.ID, label.id)] if key(label.id) not in known else []
    fields += [(Field.ALIAS, text) for text in label.aliases if key(text) not in known]
    fields += [(Field.CODE, label.code), (Field.CODE, label.code.partition(":")[2])] if label.code else []
    return tuple(_name(field, text) for field, text in fields)


def _name(field: Field, text: str) -> _Name:
    folded = fold(text)
    spelling = spell(text) if any("\u2e80" <= letter <= "\U0003ffff" for letter in text) else None
    if spelling is not None and not spelling.syllables:
        spelling = None
    words = list(_WORD.finditer(folded))
    # A blank in a Chinese name is no part of what is typed, and its characters are no words.
    starts = tuple(w.start() for w in words)
    initials = spelling.initials if spelling else "".join(w.group()[0] for w in words)
    return _Name(field, text, folded, key(text), starts, tuple(w.group() for w in words), initials, spelling)
