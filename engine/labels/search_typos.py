"""Names that are one typing error away."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

from engine.labels.search_names import Field, IndexedName, Query

TYPO_LENGTH = 5
"""From how many letters on one wrong letter is forgiven; shorter words have too many neighbours."""

_Entry = tuple[int, IndexedName, int, tuple[int, int]]
"""Place of the label, its name, words before the match, span of the match."""


class TypoIndex:
    """Words, whole names and pinyin by their length, each once."""

    def __init__(self, names: Iterable[Sequence[IndexedName]]) -> None:
        self._by_length: dict[int, dict[str, list[_Entry]]] = defaultdict(lambda: defaultdict(list))
        for place, of_label in enumerate(names):
            for name in of_label:
                if name.field is Field.CODE:
                    continue
                whole = (place, name, 0, (0, len(name.text)))
                for text in {name.key, *(spelling.full for spelling in name.spellings)}:
                    self._add(text, whole)
                if len(name.words) > 1 and not name.spellings:
                    for number, (start, word) in enumerate(zip(name.starts, name.words, strict=True)):
                        self._add(word, (place, name, number, (start, start + len(word))))

    def _add(self, text: str, entry: _Entry) -> None:
        if len(text) >= TYPO_LENGTH - 1:
            self._by_length[len(text)][text].append(entry)

    def near(self, query: Query) -> Iterator[_Entry]:
        """Names, words and pinyin that one edit makes into what was typed."""
        for typed in {query.folded, query.letters or query.folded}:
            for length in (len(typed) - 1, len(typed), len(typed) + 1):
                for text, entries in self._by_length.get(length, {}).items():
                    if one_edit(typed, text):
                        yield from entries


def one_edit(one: str, other: str) -> bool:
    """Whether one letter more, less, another, or two neighbours swapped make `one` into `other`."""
    if abs(len(one) - len(other)) > 1 or one == other:
        return False
    short, long = (one, other) if len(one) <= len(other) else (other, one)
    at = 0
    while at < len(short) and short[at] == long[at]:
        at += 1
    if len(short) < len(long):
        return short[at:] == long[at + 1 :]
    if short[at + 1 :] == long[at + 1 :]:
        return True
    return short[at : at + 2] == long[at : at + 2][::-1] and short[at + 2 :] == long[at + 2 :]
