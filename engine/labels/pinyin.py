"""Chinese names as they are typed: full pinyin, initials, or a mixture.

pypinyin's phrase dictionary reads the polyphones (肠 cháng, 长 zhǎng or cháng, 重 zhòng or chóng) in their word.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from engine.labels.names import fold

# In names of body parts these have one reading, which the phrase dictionary does not know for every word.
_ALWAYS = {"椎": "zhui", "尾": "wei", "肋": "lei", "血": "xue"}
# Both readings are typed by people: the formal one and the everyday one, or the one and the other word.
_BOTH = {
    "血": ("xue", "xie"),
    "肋": ("lei", "le"),
    "壳": ("qiao", "ke"),
    "塞": ("se", "sai"),
    "长": ("chang", "zhang"),
    "重": ("zhong", "chong"),
}


@dataclass(frozen=True, slots=True)
class Spelling:
    """How a Chinese name is typed. syllables : lower case, no tones; places : where each one's character stands."""

    syllables: tuple[str, ...]
    places: tuple[int, ...]

    @property
    def full(self) -> str:
        """All syllables in one word: ``"feijiejie"``."""
        return "".join(self.syllables)

    @property
    def initials(self) -> str:
        """The first letters: ``"fjj"``."""
        return "".join(s[0] for s in self.syllables)


@dataclass(frozen=True, slots=True)
class Typed:
    """Where typed letters fit a spelling.

    start, stop : syllables they cover. whole : each but the last in full, not by its first letters.
    """

    start: int
    stop: int
    whole: bool


@lru_cache(maxsize=16384)
def spellings(name: str) -> tuple[Spelling, ...]:
    """How a name is spelled, the likely way first; none for a name without Chinese characters.

    Letters and digits in it stand for themselves, marks and blanks are skipped. A character without a reading (a
    rare one, or one of another script) stands for itself as well.
    """
    if not any("\u2e80" <= letter <= "\U0003ffff" for letter in name):
        return ()
    # Not at the top: its dictionaries take 55 MB and half a second, which other processes never need.
    from pypinyin import Style, lazy_pinyin

    # One reading a character, so that places can be told; by themselves where pypinyin takes several for one.
    readings = lazy_pinyin(name, style=Style.NORMAL, errors=_each)
    if len(readings) != len(name):
        readings = ["".join(lazy_pinyin(letter, style=Style.NORMAL)) for letter in name]
    readings = [_ALWAYS.get(letter, reading) for letter, reading in zip(name, readings, strict=True)]
    first = _spelling(readings)
    if not first.syllables:
        return ()
    others = [
        next((other for other in _BOTH[letter] if other != reading), reading) if letter in _BOTH else reading
        for letter, reading in zip(name, readings, strict=True)
    ]
    return (first,) if others == readings else (first, _spelling(others))


def _each(rest: str) -> Any:
    """What pypinyin cannot read, letter by letter; a list is allowed though its stub says text."""
    return list(rest)


def _spelling(readings: list[str]) -> Spelling:
    syllables: list[str] = []
    places: list[int] = []
    for place, reading in enumerate(readings):
        letters = "".join(fold(reading).replace("ü", "v").split())
        if letters and letters[0].isalnum():
            syllables.append(letters)
            places.append(place)
    return Spelling(tuple(syllables), tuple(places))


def typed_in(query: str, spelling: Spelling) -> Typed | None:
    """Where `query` (lower-case letters and digits) fits: first places first, whole syllables before first letters."""
    syllables = spelling.syllables
    for start, syllable in enumerate(syllables):
        if syllable[0] == query[0]:
            for whole in (True, False):
                stop = _fits(query, syllables, start, whole)
                if stop:
                    return Typed(start, stop, whole)
    return None


def _fits(query: str, syllables: tuple[str, ...], start: int, whole: bool) -> int:
    """The syllable after the last one that `query` uses from `start` on, or 0 when it does not fit.

    `whole`: every syllable but the last in full; else each by one or more of its first letters.
    """
    if start == len(syllables):
        return 0
    syllable = syllables[start]
    common = 0
    while common < min(len(query), len(syllable)) and query[common] == syllable[common]:
        common += 1
    if common == len(query):
        return start + 1
    if whole:
        return _fits(query[common:], syllables, start + 1, whole) if common == len(syllable) else 0
    for taken in range(common, 0, -1):
        stop = _fits(query[taken:], syllables, start + 1, whole)
        if stop:
            return stop
    return 0
