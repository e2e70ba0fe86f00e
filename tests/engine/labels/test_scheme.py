"""Project label sets: order, colours, keys, files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.labels import (
    SHORTCUT_KEYS,
    Label,
    LabelError,
    LabelScheme,
    SchemeEntry,
    builtin_ontology,
    builtin_schemes,
    default_colours,
    own_label,
)

KNOWN = builtin_ontology()
LABELS = list(KNOWN)
OWN = own_label("Strange shadow", "奇怪影", KNOWN)
VIEWER_KEYS = set("BXQVDGERMWIZJCSHTK" + "AFLNP")


def scheme_file(path: Path, labels: Any, **more: Any) -> Path:
    value = {"format": "medrega-label-scheme", "version": 1, "id": "mine", "en": "Mine", "zh": "我的", **more}
    path.write_text(json.dumps({**value, "labels": labels}), encoding="utf-8")
    return path


@given(
    st.lists(st.sampled_from([*LABELS, OWN]), unique_by=lambda label: label.id, max_size=60),
    st.randoms(use_true_random=False),
)
def test_a_scheme_survives_its_file(labels: list[Label], random: Any) -> None:
    colours = default_colours(len(labels))
    random.shuffle(colours)
    keys = random.sample(SHORTCUT_KEYS, len(SHORTCUT_KEYS)) + [""] * len(labels)
    entries = tuple(SchemeEntry(x, c, k) for x, c, k in zip(labels, colours, keys, strict=False))
    scheme = LabelScheme("mine", "Mine", "我的", entries, ("CT",))
    assert LabelScheme.from_json(json.loads(json.dumps(scheme.to_json())), KNOWN, "here") == scheme


def test_a_saved_scheme_is_read_back(tmp_path: Path) -> None:
    scheme = LabelScheme.of("mine", "Mine", "我的", [LABELS[3], OWN, LABELS[7]])
    scheme.save(tmp_path / "mine.json")
    assert LabelScheme.from_file(tmp_path / "mine.json", KNOWN) == scheme
    assert LabelScheme.from_file(tmp_path / "mine.json", KNOWN.with_labels([OWN])) == scheme
    assert scheme.own_labels() == (OWN,)


def test_a_scheme_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    with pytest.raises(LabelError, match="cannot write"):
        LabelScheme.of("mine", "Mine", "我的", []).save(tmp_path / "missing" / "mine.json")


def test_labels_get_colours_and_keys_in_their_order() -> None:
    scheme = LabelScheme.of("mine", "Mine", "我的", LABELS[:50])
    assert [e.colour for e in scheme] == default_colours(50)
    assert "".join(e.key for e in scheme) == "123456789"
    assert scheme.by_key("3") is scheme.entries[2]
    assert scheme.by_key("9") is scheme.entries[8]
    assert scheme.by_key("") is None
    assert scheme.entry(LABELS[4].id) is scheme.entries[4]


def test_a_label_added_takes_the_first_free_colour_and_key_and_changes_no_other() -> None:
    before = LabelScheme("mine", "Mine", "我的", (SchemeEntry(LABELS[0], "#E69F00", "2"),))
    after = before.with_label(OWN)
    assert after.entries == (before.entries[0], SchemeEntry(OWN, "#56B4E9", "1"))
    assert after.with_label(OWN) is after


def test_no_key_is_one_of_the_viewers() -> None:
    assert not VIEWER_KEYS & set(SHORTCUT_KEYS)


@pytest.mark.parametrize("scheme", builtin_schemes(), ids=lambda scheme: scheme.id)
def test_a_scheme_that_ships_is_usable(scheme: LabelScheme) -> None:
    assert len(scheme) >= 10
    assert scheme.modalities
    assert len({e.colour for e in scheme}) == len(scheme)
    assert {e.key for e in scheme} >= set("123456789")
    assert not scheme.own_labels()


def test_there_is_a_scheme_for_each_modality() -> None:
    assert {m for scheme in builtin_schemes() for m in scheme.modalities} >= {
        "CT", "MR", "DX", "MG", "US", "ES", "OP", "OPT", "DMS", "SM"
    }  # fmt: skip
    names = [name for scheme in builtin_schemes() for name in (scheme.id, scheme.en, scheme.zh)]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize(
    ("labels", "named"),
    [
        ({}, "'labels'"),
        (["liver"], "entry 0"),
        ([{"id": "liver"}, {"id": "livre"}], "entry 1.*'id' 'livre'"),
        ([{}], "'id'"),
        ([{"id": "liver", "colour": "red"}], "colour"),
        ([{"id": "liver", "colour": 3}], "'colour'"),
        ([{"id": "liver", "key": "B"}], "key"),
        ([{"id": "liver", "key": "12"}], "key"),
        ([{"id": "liver"}, {"id": "liver"}], "'liver' twice"),
        ([{"id": "liver", "key": "1"}, {"id": "spleen", "key": "1"}], "'1' twice"),
        ([{"id": "liver", "colour": "#aabbcc"}, {"id": "spleen", "colour": "#AABBCC"}], "twice"),
        ([{"label": {"id": "own-x", "en": "x"}}], "'zh'"),
        ([{"label": {"id": "x", "en": "x", "zh": "甲"}}], "own-"),
        ([{"label": {"id": "own-x", "en": "hepatic cyst", "zh": "甲"}}], "hepatic cyst"),
    ],
)
def test_what_is_wrong_in_a_file_is_named(tmp_path: Path, labels: Any, named: str) -> None:
    file = scheme_file(tmp_path / "mine.json", labels)
    with pytest.raises(LabelError, match=named) as refused:
        LabelScheme.from_file(file, KNOWN)
    assert str(file) in str(refused.value)


@pytest.mark.parametrize("more", [{"format": "x"}, {"version": 2}, {"id": ""}, {"id": "A b"}, {"modalities": "CT"}])
def test_a_file_that_is_no_label_set_is_refused(tmp_path: Path, more: dict[str, Any]) -> None:
    with pytest.raises(LabelError, match=r"mine\.json"):
        LabelScheme.from_file(scheme_file(tmp_path / "mine.json", [], **more), KNOWN)


def test_an_own_label_known_under_another_name_is_not_relabelled(tmp_path: Path) -> None:
    renamed = {"id": OWN.id, "en": "Plain shadow", "zh": "平常影"}
    file = scheme_file(tmp_path / "mine.json", [{"label": renamed}])
    with pytest.raises(LabelError, match="known under another name, 'Strange shadow'"):
        LabelScheme.from_file(file, KNOWN.with_labels([OWN]))


def test_an_entry_without_a_colour_gets_a_free_one(tmp_path: Path) -> None:
    file = scheme_file(tmp_path / "mine.json", [{"id": "liver"}, {"id": "spleen", "colour": "#E69F00"}])
    assert [e.colour for e in LabelScheme.from_file(file, KNOWN)] == ["#56B4E9", "#E69F00"]
