"""How names are compared: letter by letter, so that a match can be shown where it is."""

from __future__ import annotations

import unicodedata
from functools import lru_cache

_BLANKS = frozenset("-_/'’`·,.()[]")


@lru_cache(maxsize=8192)
def _fold_letter(letter: str) -> str:
    folded = unicodedata.normalize("NFKC", letter).casefold()
    if len(folded) != 1:
        return letter
    return " " if folded in _BLANKS or folded.isspace() else folded


def fold(text: str) -> str:
    """`text` without case, width and hyphens. As long as `text`: position i of one is position i of the other."""
    return "".join(map(_fold_letter, text))


def key(name: str) -> str:
    """What two spellings of the same name have in common: `fold`, with runs of blanks as one.

    A name of marks only keeps them: it is a name too.
    """
    return " ".join(fold(name).split()) or name.strip()
