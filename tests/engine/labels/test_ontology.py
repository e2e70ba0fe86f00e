"""The ontology that ships: its names, its codes, and what it must cover."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path

import pytest
from pydicom.sr._concepts_dict import concepts

from engine.labels import Kind, Label, LabelError, LabelSet, Laterality, Ontology, builtin_ontology
from engine.phantom import PHANTOM_LABELS

SHIPPED = list(builtin_ontology())
STARTER = Path(__file__).parents[3] / "resources" / "models" / "starter" / "labels.json"
SOURCES = set(re.findall(r"^\| `(.+?)` \|", (STARTER.parents[2] / "ontology" / "README.md").read_text("utf-8"), re.M))
MODALITIES = {"CT", "MR", "DX", "MG", "XA", "US", "ES", "OP", "OPT", "DMS", "XC", "SM"}
SNOMED = {
    code: [meaning for keyword in concepts["SCT"].values() for c, (meaning, _) in keyword.items() if c == code]
    for keyword in concepts["SCT"].values()
    for code in keyword
    if any(label.code == f"SCT:{code}" for label in SHIPPED)
}
# The region boxes of MedRegA's grounded chest reports, its demo questions, and its reports' twelve structures.
MEDREGA = [
    "left lung", "right lung", "mediastinum", "cardiac silhouette", "left hilar structures",
    "right hilar structures", "left clavicle", "right clavicle", "left hemidiaphragm", "right hemidiaphragm",
    "right atrium", "abdomen", "right mandible", "carotid vessel wall", "胰腺癌", "左肾", "胰腺", "No finding",
]  # fmt: skip


def plain(meaning: str) -> str:
    return re.sub(r"\s*\([^)]*\)$", "", meaning).casefold()


def test_there_are_entries_of_every_kind_for_every_modality() -> None:
    kinds = Counter(label.kind for label in SHIPPED)
    assert kinds[Kind.ANATOMY] >= 400
    assert kinds[Kind.FINDING] >= 400
    assert kinds[Kind.DEVICE] >= 25
    assert kinds[Kind.CELL] >= 40
    used = Counter(modality for label in SHIPPED for modality in label.modalities)
    assert set(used) == MODALITIES
    for modality in MODALITIES - {"XA", "XC"}:
        assert used[modality] >= 15, modality


def test_no_name_in_either_language_belongs_to_two_labels() -> None:
    # `Ontology` refuses it; this says so of the strings themselves, synonyms and aliases too.
    names = Counter(name for label in SHIPPED for name in {name.casefold() for name in label.all_names()})
    assert [name for name, count in names.items() if count > 1] == []


def test_every_label_is_well_formed() -> None:
    for label in SHIPPED:
        assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", label.id), label
        assert not label.own, label
        assert re.search(r"[\u4e00-\u9fff]", label.zh), label
        assert label.en.isascii(), label
        assert label.kind, label
        assert label.category, label
        assert re.fullmatch(r"(SCT:\d{6,18}|RID:\d+)?", label.code), label
        assert bool(label.code) == bool(label.code_meaning) == bool(label.code_source), label
        for name in label.all_names():
            assert name == name.strip()
            assert not re.search(r"[\[\]<>|]", name), f"a question to a model may not hold {name}"


def test_a_code_stands_for_one_label() -> None:
    codes = Counter(label.code for label in SHIPPED if label.code)
    assert [code for code, count in codes.items() if count > 1] == []


def test_a_snomed_code_that_dicom_lists_has_the_meaning_that_dicom_gives_it() -> None:
    wrong = []
    checked = 0
    for label in SHIPPED:
        meanings = SNOMED.get(label.code.removeprefix("SCT:"))
        if meanings is not None:
            checked += 1
            if plain(label.code_meaning) not in map(plain, meanings):
                wrong.append((label.id, label.code, label.code_meaning, meanings))
    assert wrong == []
    assert checked >= 350


def verhoeff(number: str) -> int:
    """0 when the last digit of a SNOMED CT identifier is right (SNOMED CT release file specification, annex C)."""
    # The dihedral group of ten elements: rotations 0-4, reflections 5-9.
    table = [
        [
            (a + b) % 5 if a < 5 and b < 5
            else (a + b - 5) % 5 + 5 if a < 5
            else (a - 5 - b) % 5 + 5 if b < 5
            else (a - b) % 5
            for b in range(10)
        ]
        for a in range(10)
    ]  # fmt: skip
    permute = [1, 5, 7, 6, 2, 8, 3, 0, 9, 4]
    check = 0
    for place, digit in enumerate(reversed(number)):
        moved = int(digit)
        for _ in range(place % 8):
            moved = permute[moved]
        check = table[check][moved]
    return check


def test_every_snomed_code_has_the_right_check_digit() -> None:
    codes = [label.code.removeprefix("SCT:") for label in SHIPPED if label.code.startswith("SCT:")]
    assert len(codes) >= 440
    assert [code for code in codes if verhoeff(code)] == []
    assert verhoeff("10200005"), "a wrong digit is seen"


def test_codes_say_where_they_are_from() -> None:
    for label in SHIPPED:
        if label.code:
            assert label.code_source in SOURCES
            assert (label.code_source == "DICOM PS3.16 (pydicom)") == (label.code.removeprefix("SCT:") in SNOMED)


@pytest.mark.parametrize("older", [PHANTOM_LABELS, LabelSet.from_file(STARTER)], ids=["phantom", "starter"])
def test_the_models_that_ship_keep_their_labels(older: LabelSet) -> None:
    for label in older:
        found = builtin_ontology().get(label.id)
        assert found is not None
        assert (found.en, found.zh, found.code) == (label.en, label.zh, label.code)


@pytest.mark.parametrize("name", MEDREGA)
def test_what_medrega_names_is_known(name: str) -> None:
    assert builtin_ontology().find_with_side(name) is not None


@pytest.mark.parametrize(
    ("name", "id_", "side"),
    [
        ("left lung", "left-lung", None),
        ("Left Kidney", "left-kidney", None),
        ("kidney_right", "right-kidney", None),
        ("rib_left_7", "rib-7", Laterality.LEFT),
        ("Hippocampus_R", "hippocampus", Laterality.RIGHT),
        ("左侧海马", "hippocampus", Laterality.LEFT),
        ("右肾上腺", "adrenal-gland", Laterality.RIGHT),
        ("双侧胸腔积液", "pleural-effusion", Laterality.BILATERAL),
        ("ground glass nodule", "ground-glass-nodule", None),
    ],
)
def test_a_name_with_a_side_gives_the_label_and_the_side(name: str, id_: str, side: Laterality | None) -> None:
    found = builtin_ontology().find_with_side(name)
    assert found is not None
    assert (found[0].id, found[1]) == (id_, side)


@pytest.mark.parametrize("name", ["", "left", "left liver", "left right kidney", "左", "strange shadow"])
def test_a_name_that_is_not_known_is_not_guessed(name: str) -> None:
    assert builtin_ontology().find_with_side(name) is None


def test_every_label_of_the_real_scans_is_known(shared_data: Path) -> None:
    names = set()
    for line in (shared_data / "2d" / "index.jsonl").read_text(encoding="utf-8").splitlines():
        names |= {region["label"] for region in json.loads(line)["regions"]}
    for file in (shared_data / "volumes" / "totalsegmentator").glob("*.labels.json"):
        names |= set(json.loads(file.read_text(encoding="utf-8")).values())
    areas = (shared_data / "volumes" / "colin27_aal" / "aal.nii.txt").read_text(encoding="utf-8").splitlines()
    names |= {line.split()[1] for line in areas if line.strip()}
    assert len(names) > 150
    assert sorted(name for name in names if builtin_ontology().find_with_side(name) is None) == []


def test_two_labels_that_share_a_synonym_are_refused() -> None:
    with pytest.raises(LabelError, match="'a' and 'b' share the name"):
        Ontology([Label("a", "one", "一", synonyms_en=("uno",)), Label("b", "two", "二", synonyms_zh=("UNO",))])


def test_a_parent_that_there_is_not_is_refused() -> None:
    with pytest.raises(LabelError, match="'nowhere'"):
        Ontology([Label("a", "one", "一", parent="nowhere")])


def test_a_folder_without_labels_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LabelError, match="no label file"):
        Ontology.from_folder(tmp_path)
