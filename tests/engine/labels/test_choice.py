"""What Enter may take of a search."""

from __future__ import annotations

import pytest

from engine.labels import builtin_ontology, plain_choice

EVERYTHING = 500


@pytest.mark.parametrize(
    ("typed", "taken"),
    [
        ("liver", "liver"),
        ("肝脏", "liver"),
        ("gan zang", "liver"),
        ("ganzang", "liver"),
        ("left kid", "left-kidney"),
    ],
)
def test_a_name_in_full_or_the_only_one_that_fits_is_taken(typed: str, taken: str) -> None:
    matches = builtin_ontology().search(typed, EVERYTHING, "CT")
    place = plain_choice(matches, typed)
    assert place is not None
    assert matches[place].label.id == taken


@pytest.mark.parametrize("typed", ["", "lun", "gz", "ganzan", "spleenn", "zebra organ", "xi"])
def test_what_is_not_plain_is_not_taken(typed: str) -> None:
    matches = builtin_ontology().search(typed, EVERYTHING, "CT")
    assert plain_choice(matches, typed) is None
