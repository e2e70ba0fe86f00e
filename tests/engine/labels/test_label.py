"""Labels and label files: what is read, and how it is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.labels.label import Kind, label_from_json, label_to_json, same_name
from engine.regions import Label, LabelError, LabelSet

WORDS = st.text(min_size=1, max_size=12).filter(str.strip)
LABELS = st.builds(
    Label,
    id=WORDS,
    en=WORDS,
    zh=WORDS,
    code=st.text(max_size=5),
    modalities=st.lists(WORDS, max_size=2).map(tuple),
    synonyms_en=st.lists(WORDS, max_size=2).map(tuple),
    synonyms_zh=st.lists(WORDS, max_size=2).map(tuple),
    aliases=st.lists(WORDS, max_size=2).map(tuple),
    kind=st.sampled_from(Kind),
    category=st.text(max_size=5),
    parent=st.text(max_size=5),
    lateral=st.booleans(),
    code_meaning=st.text(max_size=5),
    code_source=st.text(max_size=5),
)


def write(path: Path, entries: Any) -> Path:
    path.write_text(json.dumps(entries, ensure_ascii=False), encoding="utf-8")
    return path


@given(LABELS)
def test_a_label_survives_json(label: Label) -> None:
    assert label_from_json(json.loads(json.dumps(label_to_json(label))), "here") == label


def test_a_model_file_of_ids_names_and_codes_is_still_read(tmp_path: Path) -> None:
    file = write(tmp_path / "labels.json", [{"id": "liver", "en": "liver", "zh": "肝脏", "code": "SCT:10200004"}])
    assert list(LabelSet.from_file(file)) == [Label("liver", "liver", "肝脏", "SCT:10200004")]


def test_a_field_of_a_newer_version_is_left_alone(tmp_path: Path) -> None:
    file = write(tmp_path / "labels.json", [{"id": "a", "en": "a", "zh": "甲", "sound": 3}])
    assert list(LabelSet.from_file(file)) == [Label("a", "a", "甲")]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"en": ""}, "'en'"),
        ({"zh": 3}, "'zh'"),
        ({"kind": "thing"}, "'kind'"),
        ({"lateral": "yes"}, "'lateral'"),
        ({"synonyms_zh": "肝"}, "'synonyms_zh'"),
        ({"modalities": [3]}, "'modalities'"),
        ({"code": 5}, "'code'"),
    ],
)
def test_a_wrong_field_is_named_with_its_file_and_entry(tmp_path: Path, change: dict[str, Any], field: str) -> None:
    good = {"id": "a", "en": "a", "zh": "甲"}
    file = write(tmp_path / "labels.json", [good, {"id": "b", "en": "b", "zh": "乙", **change}])
    with pytest.raises(LabelError) as refused:
        LabelSet.from_file(file)
    assert field in str(refused.value)
    assert f"entry 1 of the label file {file}" in str(refused.value)


def test_two_labels_cannot_share_a_name() -> None:
    with pytest.raises(LabelError, match="share the name"):
        LabelSet([Label("a", "liver", "甲"), Label("b", "Liver", "乙")])


@pytest.mark.parametrize(
    ("first", "second", "one"),
    [
        (Label("liver", "liver", ""), Label("liver", "Leber", ""), True),
        (Label("liver", "liver", ""), Label("own-liver", "liver", ""), False),
        (Label("", "Liver", ""), Label("liver", "liver", "肝脏"), True),
        (Label("", "liver", ""), Label("", "spleen", ""), False),
        (Label("", "", "肝脏"), Label("", "", "肝脏"), True),
        (Label("", "", "肝脏"), Label("", "", "脾脏"), False),
        (Label("liver", "liver", ""), None, False),
    ],
)
def test_labels_are_one_by_id_or_else_by_name(first: Label, second: Label | None, one: bool) -> None:
    assert same_name(first, second) is one
    assert same_name(second, first) is one


def test_a_label_says_of_how_many_patients_it_was_learnt(tmp_path: Path) -> None:
    told = Label("liver", "liver", "肝脏", modalities=("CT", "MR"), patients=(("CT", 0), ("MR", 12)))
    (again,) = LabelSet.from_file(write(tmp_path / "labels.json", [label_to_json(told)]))
    assert again == told


@pytest.mark.parametrize("patients", [[1], {"CT": -1}, {"CT": "1"}, {"CT": True}, {"": 2}])
def test_numbers_of_patients_that_cannot_be_are_refused(tmp_path: Path, patients: Any) -> None:
    file = write(tmp_path / "labels.json", [{"id": "a", "en": "a", "zh": "甲", "patients": patients}])
    with pytest.raises(LabelError, match=r"entry 0 .*counts for 'patients'"):
        LabelSet.from_file(file)
