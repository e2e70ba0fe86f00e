"""Which answer of a search a person has named so plainly that it may be taken without asking."""

from __future__ import annotations

from collections.abc import Sequence

from engine.labels.pinyin import spellings
from engine.labels.search import Match, MatchKind
from engine.labels.search_names import Query


def plain_choice(matches: Sequence[Match], text: str) -> int | None:
    """The place of the one match that `text` names, or None when it names several or none for sure.

    matches : all that a search for `text` found. A name written in full is plain, then a Chinese one spelled in full
    that no other label is spelled like, then the only label that fits at all. A typing error is never corrected
    without asking.
    """
    query = Query.of(text)
    if not query.key:
        return None
    exact = [place for place, match in enumerate(matches) if match.kind <= MatchKind.EXACT_OTHER]
    if exact:
        return exact[0] if len(exact) == 1 else None
    spelled = [place for place, match in enumerate(matches) if _is_spelled(match, query.letters)]
    if len(spelled) == 1:
        return spelled[0]
    return 0 if len(matches) == 1 and matches[0].kind < MatchKind.TYPO else None


def _is_spelled(match: Match, letters: str) -> bool:
    return bool(letters) and any(spelling.full == letters for spelling in spellings(match.text))
