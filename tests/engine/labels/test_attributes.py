"""Side, certainty, severity and remark of a region."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.labels import Attributes, Certainty, LabelError, Laterality, Severity
from engine.labels.attributes import choice_name

ATTRIBUTES = st.builds(
    Attributes,
    laterality=st.none() | st.sampled_from(Laterality),
    certainty=st.none() | st.sampled_from(Certainty),
    severity=st.none() | st.sampled_from(Severity),
    text=st.text(),
)


@given(ATTRIBUTES)
def test_attributes_survive_json(attributes: Attributes) -> None:
    assert Attributes.from_json(attributes.to_json()) == attributes


@given(ATTRIBUTES, ATTRIBUTES)
def test_their_json_is_equal_exactly_when_they_are(one: Attributes, other: Attributes) -> None:
    assert (one.to_json() == other.to_json()) == (one == other)


def test_nothing_said_is_not_the_same_as_not_applicable() -> None:
    assert Attributes().to_json() == "{}"
    assert json.loads(Attributes(Laterality.NOT_APPLICABLE).to_json()) == {"laterality": "n/a"}


@pytest.mark.parametrize("choices", [Laterality, Certainty, Severity])
@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_choice_has_a_name_of_its_own_in_both_languages(
    choices: type[Laterality] | type[Certainty] | type[Severity], language: str
) -> None:
    names = [choice_name(choice, language) for choice in choices]
    assert all(names)
    assert len(set(names)) == len(names)


def test_they_are_worded_in_one_line() -> None:
    said = Attributes(Laterality.LEFT, Certainty.PROBABLE, Severity.MILD, "边缘毛糙")
    assert said.worded("zh") == "左侧，很可能，轻度，边缘毛糙"
    assert said.worded("en") == "left, probable, mild, 边缘毛糙"


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("{", "not JSON"),
        ("[]", "object"),
        ('{"side":"left"}', "'side'"),
        ('{"laterality":"up"}', "'laterality'"),
        ('{"certainty":null}', "'certainty'"),
        ('{"severity":["mild"]}', "'severity'"),
        ('{"text":3}', "'text'"),
    ],
)
def test_what_is_wrong_is_named(text: str, named: str) -> None:
    with pytest.raises(LabelError, match=named):
        Attributes.from_json(text)
