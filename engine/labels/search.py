"""Search-as-you-type over labels: what matches, how well, and where to highlight it."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum

from engine.labels.label import Label
from engine.labels.pinyin import typed_in
from engine.labels.search_names import Field, IndexedName, LabelNames, Query
from engine.labels.search_typos import TYPO_LENGTH, TypoIndex


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
class _Found:
    """A name that matched. before : how many words or characters stand before the match."""

    name: IndexedName
    kind: MatchKind
    before: int
    span: tuple[int, int]

    def order(self) -> tuple[int, int, int, int]:
        return (self.kind, self.name.order, self.before, len(self.name.text))


_MODALITY_FAMILY = {
    "DR": "DX", "CR": "DX", "RF": "DX", "PX": "DX", "IO": "DX", "RG": "DX",
    "IVUS": "US", "OCT": "OPT", "OPTBSV": "OPT", "OPTENF": "OPT", "GM": "SM", "PT": "CT",
}  # fmt: skip


def modality_family(modality: str) -> str:
    """The code that the ontology uses for a DICOM modality code (PS3.3 C.7.3.1.1.1), such as DX for CR."""
    return _MODALITY_FAMILY.get(modality, modality)


class SearchIndex:
    """The names of some labels, prepared once."""

    def __init__(self, labels: Iterable[Label]) -> None:
        self._rows = tuple(LabelNames(label) for label in labels)
        self._typos = TypoIndex(row.names for row in self._rows)

    def with_labels(self, labels: Iterable[Label]) -> SearchIndex:
        """This index and some labels more; what is prepared already is kept."""
        larger = SearchIndex(())
        larger._rows = (*self._rows, *(LabelNames(label) for label in labels))
        larger._typos = TypoIndex(row.names for row in larger._rows)
        return larger

    def search(self, text: str, limit: int = 20, modality: str = "", recent: Sequence[str] = ()) -> list[Match]:
        """The best `limit` labels for what was typed so far, the best first; each label once.

        text : English, Chinese or pinyin (full, first letters, or both mixed), in any case, blanks as you like;
        empty gives the recent labels, then those of the modality. modality : DICOM code of the picture, empty for
        any. recent : ids, the latest first. Recent labels come first among those that match equally well, then
        those of the modality.
        """
        if limit <= 0:
            return []
        query = Query.of(text)
        found = {place: hit for place, row in enumerate(self._rows) if (hit := _best(query, row)) is not None}
        if len(found) < limit and len(query.folded) >= TYPO_LENGTH:
            for place, name, before, span in self._typos.near(query):
                hit = _Found(name, MatchKind.TYPO, before, span)
                if place not in found or hit.order() < found[place].order():
                    found[place] = hit
        family = modality_family(modality)
        latest = {id_: place for place, id_ in reversed(list(enumerate(recent)))}

        def rank(place: int) -> tuple[int, ...]:
            label, hit = self._rows[place].label, found[place]
            fitting = 0 if not family or family in label.modalities else 1 if not label.modalities else 2
            recency = latest.get(label.id, len(latest))
            return (hit.kind, recency, fitting, hit.before, hit.name.order, len(hit.name.text), place)

        return [
            Match(self._rows[place].label, hit.kind, hit.name.field, hit.name.text, hit.span)
            for place in heapq.nsmallest(limit, found, key=rank)
            for hit in (found[place],)
        ]


def _best(query: Query, row: LabelNames) -> _Found | None:
    """How a label matches at its best, typing errors left out."""
    if not query.key:
        return _Found(row.names[0], MatchKind.ALL, 0, (0, 0))
    found = [_exact(name) for name in row.names if name.key == query.key]
    if not query.folded:
        return min(found, key=_Found.order) if found else None
    if query.folded in row.hay or query.squeezed in row.hay:
        found += [hit for name in row.names if (hit := _in_text(query, name)) is not None]
    if len(query.words) > 1 and all(word in row.hay for word in query.words):
        found += [hit for name in row.names if (hit := _by_words(query, name)) is not None]
    if query.letters[:2] in row.typed_beginnings:
        found += [hit for name in row.names if (hit := _in_pinyin(query, name)) is not None]
    if len(query.letters) > 1 and query.letters in row.word_initials:
        found += [hit for name in row.names if (hit := _as_initials(query, name)) is not None]
    return min(found, key=_Found.order) if found else None


def _exact(name: IndexedName) -> _Found:
    own = name.field in (Field.EN, Field.ZH, Field.ID)
    return _Found(name, MatchKind.EXACT_NAME if own else MatchKind.EXACT_OTHER, 0, (0, len(name.text)))


def _in_text(query: Query, name: IndexedName) -> _Found | None:
    """At the beginning of a word, or within one. Blanks typed between Chinese characters do not count."""
    wanted = query.squeezed if name.spellings else query.folded
    at = name.folded.find(wanted)
    if at < 0 or name.field is Field.CODE:
        return None
    for number, start in enumerate(name.starts):
        if name.folded.startswith(wanted, start):
            return _Found(name, MatchKind.PREFIX, number, (start, start + len(wanted)))
    return _Found(name, MatchKind.SUBSTRING, at, (at, at + len(wanted)))


def _by_words(query: Query, name: IndexedName) -> _Found | None:
    """Several words, each the beginning of one of the name's, in any order: "nodule lung"."""
    spans = []
    for word in query.words:
        at = next((s for s, w in zip(name.starts, name.words, strict=True) if w.startswith(word)), None)
        if at is None:
            return None
        spans.append((at, at + len(word)))
    span = (min(start for start, _ in spans), max(stop for _, stop in spans))
    return _Found(name, MatchKind.SUBSTRING, len(name.text), span)


def _in_pinyin(query: Query, name: IndexedName) -> _Found | None:
    hits = []
    for spelling in name.spellings:
        typed = typed_in(query.letters, spelling)
        if typed is not None:
            span = (spelling.places[typed.start], spelling.places[typed.stop - 1] + 1)
            in_full = MatchKind.SUBSTRING if typed.start else MatchKind.PREFIX
            hits.append(_Found(name, in_full if typed.whole else MatchKind.INITIALS, typed.start, span))
    return min(hits, key=_Found.order) if hits else None


def _as_initials(query: Query, name: IndexedName) -> _Found | None:
    """First letters of consecutive English words: "ggn" for ground-glass nodule."""
    at = name.initials.find(query.letters)
    if at < 0 or name.spellings:
        return None
    last = at + len(query.letters) - 1
    return _Found(name, MatchKind.INITIALS, at, (name.starts[at], name.starts[last] + len(name.words[last])))
