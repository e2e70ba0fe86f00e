"""Chinese names as they are typed: full pinyin, initials, or a mixture.

pypinyin's phrase dictionary reads the polyphones (肠 cháng, 长 zhǎng or cháng, 重 zhòng or chóng) in their word.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from pypinyin import Style, lazy_pinyin

from engine.labels.names import fold


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
def spell(name: str) -> Spelling:
    """The spelling of a name; letters and digits in it stand for themselves, marks and blanks are skipped.

    A character without a reading (a rare one, or one of another script) stands for itself as well.
    """
    syllables: list[str] = []
    places: list[int] = []
    # One reading a character, so that places can be told; `fold` keeps the length, and full-width letters apart.
    readings = lazy_pinyin(name, style=Style.NORMAL, errors=lambda rest: list(rest))
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
    if start == len(syllables) or not query:
        return 0
    syllable = syllables[start]
    common = 0
    while common < min(len(query), len(syllable)) and query[common] == syllable[common]:
        common += 1
    if common == len(query):
        return start + 1
    # Longest first: "fei" is the syllable before it is f + e...
    for taken in range(common, 0, -1):
        if whole and taken < len(syllable):
            return 0
        stop = _fits(query[taken:], syllables, start + 1, whole)
        if stop:
            return stop
    return 0
