"""Search-as-you-type: what is found, in which order, and what is highlighted."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.labels import Field, Label, Match, MatchKind, Ontology, builtin_ontology
from engine.labels.search_typos import one_edit

SMALL = Ontology(
    [
        Label("lung-nodule", "lung nodule", "肺结节", "SCT:427359005", ("CT", "DX"), ("pulmonary nodule",)),
        Label("thyroid-nodule", "thyroid nodule", "甲状腺结节", "", ("US",)),
        Label("ground-glass-nodule", "ground-glass nodule", "磨玻璃结节", "", ("CT",), ("GGN",)),
        Label("inferior-vena-cava", "inferior vena cava", "下腔静脉", "", ("CT",)),
        Label("lung", "lung", "肺"),
        Label("bile-duct", "bile duct", "胆管"),
    ]
)
NAMES = [(label, name) for label in builtin_ontology() for name in (label.id, label.en, label.zh)]


def ids(matches: list[Match]) -> list[str]:
    return [match.label.id for match in matches]


@pytest.mark.parametrize(
    ("typed", "first", "kind", "field", "highlighted"),
    [
        ("lung nod", "lung-nodule", MatchKind.PREFIX, Field.EN, "lung nod"),
        ("LUNG", "lung", MatchKind.EXACT_NAME, Field.EN, "lung"),
        ("nodul", "lung-nodule", MatchKind.PREFIX, Field.EN, "nodul"),
        ("ulmon", "lung-nodule", MatchKind.SUBSTRING, Field.SYNONYM_EN, "ulmon"),
        ("nodule thyr", "thyroid-nodule", MatchKind.SUBSTRING, Field.EN, "thyroid nodule"),
        ("ground glass", "ground-glass-nodule", MatchKind.PREFIX, Field.EN, "ground-glass"),
        ("ggn", "ground-glass-nodule", MatchKind.EXACT_OTHER, Field.SYNONYM_EN, "GGN"),
        ("ivc", "inferior-vena-cava", MatchKind.INITIALS, Field.EN, "inferior vena cava"),
        ("thyriod", "thyroid-nodule", MatchKind.TYPO, Field.EN, "thyroid"),
        ("肺结", "lung-nodule", MatchKind.PREFIX, Field.ZH, "肺结"),
        ("肺 结 节", "lung-nodule", MatchKind.PREFIX, Field.ZH, "肺结节"),
        ("静脉", "inferior-vena-cava", MatchKind.SUBSTRING, Field.ZH, "静脉"),
        ("feijiejie", "lung-nodule", MatchKind.PREFIX, Field.ZH, "肺结节"),
        ("fei jie jie", "lung-nodule", MatchKind.PREFIX, Field.ZH, "肺结节"),
        ("FeiJ", "lung-nodule", MatchKind.PREFIX, Field.ZH, "肺结"),
        ("fjj", "lung-nodule", MatchKind.INITIALS, Field.ZH, "肺结节"),
        ("f j j", "lung-nodule", MatchKind.INITIALS, Field.ZH, "肺结节"),
        ("jingmai", "inferior-vena-cava", MatchKind.SUBSTRING, Field.ZH, "静脉"),
        ("feijiejia", "lung-nodule", MatchKind.TYPO, Field.ZH, "肺结节"),
        ("427359005", "lung-nodule", MatchKind.EXACT_OTHER, Field.CODE, "427359005"),
    ],
)
def test_what_is_typed_finds_its_label(typed: str, first: str, kind: MatchKind, field: Field, highlighted: str) -> None:
    match = SMALL.search(typed)[0]
    assert (match.label.id, match.kind, match.field) == (first, kind, field)
    assert match.text[slice(*match.span)] == highlighted


def test_the_labels_of_the_pictures_modality_come_first() -> None:
    assert ids(SMALL.search("nodule", modality="US"))[0] == "thyroid-nodule"
    assert ids(SMALL.search("jiejie", modality="CT"))[0] == "lung-nodule"
    assert ids(SMALL.search("nodule", modality="CR"))[0] == "lung-nodule"


def test_recent_labels_come_before_others_that_match_as_well() -> None:
    recent = ("ground-glass-nodule", "thyroid-nodule")
    assert ids(SMALL.search("nod", recent=recent))[:2] == list(recent)


def test_a_recent_label_does_not_hide_a_better_match() -> None:
    assert ids(SMALL.search("lung", recent=("lung-nodule",)))[0] == "lung"


def test_nothing_typed_offers_the_recent_labels_then_those_of_the_modality() -> None:
    assert ids(SMALL.search("", limit=2, modality="US", recent=("bile-duct",))) == ["bile-duct", "thyroid-nodule"]


def test_a_short_word_has_no_typing_errors() -> None:
    assert ids(SMALL.search("lunk")) == []


@pytest.mark.parametrize("limit", [-1, 0, 1, 3])
def test_no_more_than_asked_for_is_given(limit: int) -> None:
    assert len(SMALL.search("n", limit=limit)) <= max(limit, 0)


@pytest.mark.parametrize(
    ("one", "other", "near"),
    [
        ("liver", "livre", True),
        ("liver", "liverr", True),
        ("liver", "iver", True),
        ("liver", "lover", True),
        ("liver", "liver", False),
        ("liver", "levir", False),
        ("", "a", True),
    ],
)
def test_one_edit(one: str, other: str, near: bool) -> None:
    assert one_edit(one, other) is near
    assert one_edit(other, one) is near


@pytest.mark.parametrize(
    ("typed", "first"),
    [
        ("feijiejie", "lung-nodule"),
        ("zhuigu", "vertebra"),
        ("shenjieshi", "kidney-stone"),
        ("nveyuan", "malaria-parasite"),
        ("plueral", "pleural-plaque"),
        ("melanom", "melanoma"),
        ("c3", "c3-vertebra"),
        ("xirou", "polyp"),
    ],
)
def test_the_ontology_that_ships_answers_what_people_type(typed: str, first: str) -> None:
    assert ids(builtin_ontology().search(typed))[0] == first


@given(st.sampled_from(NAMES), st.sampled_from(["", "CT", "US", "OP"]), st.sampled_from(NAMES))
def test_an_exact_name_always_ranks_first(named: tuple[Label, str], modality: str, recent: tuple[Label, str]) -> None:
    label, name = named
    for typed in (name, name.upper(), f" {name} "):
        match = builtin_ontology().search(typed, 3, modality, (recent[0].id,))[0]
        assert match.label == label
        assert match.kind is MatchKind.EXACT_NAME


@given(st.text(max_size=30), st.integers(0, 5), st.text(max_size=3), st.lists(st.text(max_size=5), max_size=3))
def test_any_text_is_searched_without_an_error(text: str, limit: int, modality: str, recent: list[str]) -> None:
    matches = builtin_ontology().search(text, limit, modality, recent)
    assert len(matches) <= limit
    assert len(set(ids(matches))) == len(matches)
    for match in matches:
        start, stop = match.span
        assert 0 <= start <= stop <= len(match.text)
