"""Names of sources become labels, sides are kept, nothing is guessed."""

from __future__ import annotations

import pytest

from engine.labels import LabelError
from training.instruct.naming import Naming, modality_code


@pytest.mark.parametrize(
    ("name", "en", "zh"),
    [
        ("kidney_left", "left kidney", "左肾"),
        ("Hippocampus_L", "left hippocampus", "左侧海马"),
        ("rib_right_7", "right rib 7", "右侧第七肋"),
        ("右侧海马", "right hippocampus", "右侧海马"),
        ("melanoma", "melanoma", "黑色素瘤"),
    ],
)
def test_a_name_is_canonical_in_both_languages(naming: Naming, name: str, en: str, zh: str):
    key = naming.resolve(name, {})
    assert key is not None
    assert (naming.name(key, "en"), naming.name(key, "zh")) == (en, zh)


@pytest.mark.parametrize("name", ["", "livr", "left liver", "thing"])
def test_what_no_label_has_is_not_guessed(naming: Naming, name: str):
    assert naming.resolve(name, {}) is None


def test_an_own_label_needs_a_person_to_name_it_in_both_languages():
    naming = Naming([("purple thing", "紫色物")])
    key = naming.resolve("Purple thing", {})
    assert key is not None
    assert naming.name(key, "zh") == "紫色物"


def test_an_own_label_cannot_take_a_name():
    with pytest.raises(LabelError, match="already a name"):
        Naming([("liver", "肝")])


def test_a_label_is_foreign_only_to_modalities_that_cannot_show_it(naming: Naming):
    assert naming.foreign("melanoma", "CT")
    assert not naming.foreign("liver", "CT")
    assert not naming.foreign("left-lung", "CR")
    # A picture of who knows what may hold anything.
    assert not naming.foreign("melanoma", "OT")
    assert not naming.foreign("melanoma", "")


@pytest.mark.parametrize(
    ("word", "code"), [("MRI", "MR"), ("X-ray", "DX"), ("dermoscopy", "DMS"), ("CT", "CT"), ("", "")]
)
def test_words_for_modalities_become_codes(word: str, code: str):
    assert modality_code(word) == code
