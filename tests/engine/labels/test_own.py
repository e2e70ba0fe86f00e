"""Labels that people add: never one that is there already, never renamed."""

from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from engine.labels import Label, LabelError, NameTakenError, Ontology, builtin_ontology, own_label

NAMES = st.text(st.characters(exclude_categories=["C", "Z"], exclude_characters="[]<>|"), max_size=20)


@pytest.mark.parametrize("name", ["lung nodule", "Pulmonary  Nodule", "ground glass nodule", "肺结节", "kidney_right"])
def test_a_name_that_is_taken_says_by_which_label(name: str) -> None:
    with pytest.raises(NameTakenError) as refused:
        own_label(name, "新的名字", builtin_ontology())
    assert refused.value.label.en in str(refused.value)
    assert builtin_ontology().get(refused.value.label.id) is refused.value.label


def test_a_chinese_name_that_is_taken_is_refused_beside_a_new_english_one() -> None:
    with pytest.raises(NameTakenError, match="lung nodule"):
        own_label("some new thing", "肺部结节", builtin_ontology())


def test_its_id_depends_on_its_names_only() -> None:
    empty = Ontology([])
    label = own_label("Strange shadow", "奇怪影", builtin_ontology())
    assert label.own
    assert label.id.startswith("own-strange-shadow-")
    assert own_label(" strange-shadow ", "奇怪影", empty).id == label.id
    assert own_label("strange shadow", "另一影", empty).id != label.id


def test_a_name_in_one_language_stands_for_both() -> None:
    assert own_label("", "奇怪影", builtin_ontology()).en == "奇怪影"
    assert own_label("odd", "", builtin_ontology()).zh == "odd"


@pytest.mark.parametrize(("en", "zh"), [("", " "), ("a[b]", ""), ("a\nb", ""), ("", "甲<乙"), ("x" * 81, "")])
def test_a_name_that_cannot_be_one_is_refused(en: str, zh: str) -> None:
    with pytest.raises(LabelError):
        own_label(en, zh, builtin_ontology())


def test_an_own_label_is_found_and_not_added_twice() -> None:
    label = own_label("Strange shadow", "奇怪影", builtin_ontology())
    known = builtin_ontology().with_labels([label])
    assert known.search("qiguaiying")[0].label == label
    assert known.search("strange sha")[0].label == label
    with pytest.raises(NameTakenError, match="Strange shadow"):
        own_label("STRANGE SHADOW", "", known)


@given(NAMES, NAMES)
def test_a_new_label_is_found_by_each_of_its_names(en: str, zh: str) -> None:
    assume(en or zh)
    label = own_label(en, zh, Ontology([]))
    known = Ontology([Label("liver", "liver", "肝脏")]).with_labels([label])
    assert known.find(label.en) == known.find(label.zh) == known.get(label.id) == label
    assert known.search(label.zh)[0].label == label
