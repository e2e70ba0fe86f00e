"""Two passes, four arms, and what each was asked with."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.protocol import AnswerForm, Language, Located, ProtocolError, Task
from engine.regional_cot import Arm, ask_by_regions, random_regions, regional_cot_to_json
from engine.regions import Box, Label, LabelSet, RegionError
from engine.runtime import AskResult, Choice, ModelManifest, Timings
from engine.runtime.adapter_choice import AdapterChoice
from engine.scans import Plane, Volume, Window

LABELS = LabelSet([Label("mass", "mass", "肿块"), Label("cyst", "cyst", "囊肿")])
SEEN = "<ref>mass</ref><box>[[100, 200, 300, 400], [500, 500, 600, 600]]</box>"
GIVEN = [Located("mass", (Box(10, 20, 30, 40),)), Located("cyst", (Box(0, 0, 100, 90), Box(5, 5, 6, 6)))]
NEXT_TO = "The image has these regions: "


@pytest.fixture(scope="module")
def volume():
    voxels = np.random.default_rng(0).integers(-200, 300, (3, 90, 110)).astype(np.int16)
    return Volume(voxels, (1, 1, 5), (0, 0, 0), np.eye(3), "CT", Window(40, 400), Path("/scans/one"))


@dataclass
class Script:
    """A session that finds what it is told to find, answers the rest, and keeps the questions."""

    manifest: ModelManifest
    sees: str = SEEN
    asked: list = field(default_factory=list)

    @property
    def adapters(self):
        return AdapterChoice(self.manifest, follows=False)

    def start(self, cancelled):
        pass

    def ask(self, request, *, cancelled, on_piece=None, adapter=None):
        self.asked.append(request.prompt.text)
        timings = Timings(1, 2, 3, 6)
        if not request.choices:
            return AskResult(0, self.sees, (), (), timings)
        return AskResult(0, request.choices[0], (), tuple(Choice(c, 0.5) for c in request.choices), timings)


def ask(session, volume, arm, language=Language.EN, **more):
    more = {"task": Task.VQA, "text": "Is there a mass?", "form": AnswerForm.YES_NO, **more}
    return ask_by_regions(session, volume, Plane.AXIAL, 1, arm=arm, language=language, labels=LABELS, **more)


def test_without_boxes_it_is_one_plain_question(random_model, volume):
    script = Script(random_model)
    cot = ask(script, volume, Arm.NONE)
    assert (cot.found, cot.look, len(script.asked)) == ((), None, 1)
    assert "Is there a mass?" in script.asked[0]
    assert NEXT_TO not in script.asked[0]
    assert cot.answer.option == "yes"


def test_its_own_boxes_are_found_first_and_written_into_the_question(random_model, volume):
    script = Script(random_model)
    cot = ask(script, volume, Arm.OWN)
    assert [one.prompt for one in cot.passes] == script.asked
    assert "Please locate <ref>abnormal region</ref> in this CT scan." in script.asked[0]
    assert f"\n{NEXT_TO}{SEEN}. Is there a mass?" in script.asked[1]
    assert [(item.name, len(item.boxes)) for item in cot.found] == [("mass", 2)]


def test_it_looks_for_what_it_is_told_in_the_questions_language(random_model, volume):
    script = Script(random_model, "<ref>囊肿</ref><box>[[1, 2, 30, 40]]</box>")
    cot = ask(script, volume, Arm.OWN, Language.ZH, look_for=["cyst"], text="有囊肿吗？")
    assert "定位<ref>囊肿</ref>" in script.asked[0]
    assert "图像中有以下区域：<ref>囊肿</ref><box>[[1, 2, 30, 40]]</box>。有囊肿吗？" in script.asked[1]
    assert cot.answer.option == "是"


def test_where_it_finds_nothing_the_question_is_asked_as_it_is(random_model, volume):
    script = Script(random_model, "<ref>abnormal region</ref>: not present")
    for arm in (Arm.OWN, Arm.RANDOM):
        cot = ask(script, volume, arm)
        assert cot.found == ()
        assert NEXT_TO not in script.asked[-1]
        assert cot.look.not_present == ("abnormal region",)


def test_given_boxes_need_no_first_pass(random_model, volume):
    script = Script(random_model)
    cot = ask(script, volume, Arm.GIVEN, given=GIVEN)
    assert (cot.found, cot.look, len(script.asked)) == (tuple(GIVEN), None, 1)
    assert "<ref>mass</ref><box>[[91, 222, 272, 444]]</box>, <ref>cyst</ref>" in script.asked[0]


def test_random_boxes_are_as_many_and_as_large_and_the_same_for_the_same_seed(random_model, volume):
    script = Script(random_model)
    first, again, other = (ask(script, volume, Arm.RANDOM, given=GIVEN, seed=seed) for seed in (1, 1, 2))
    assert first.found == again.found != other.found
    assert first.look is None
    assert first.found != tuple(GIVEN)
    own = ask(script, volume, Arm.RANDOM)
    sizes = [box.width for item in ask(script, volume, Arm.OWN).found for box in item.boxes]
    assert [box.width for item in own.found for box in item.boxes] == pytest.approx(sizes)
    assert own.look is not None


def test_a_diagnosis_can_be_asked_in_two_passes(random_model, volume):
    script = Script(random_model)
    cot = ask(script, volume, Arm.OWN, task=Task.DIAGNOSIS, options=["cyst", "mass"], text="", form=AnswerForm.PHRASE)
    assert f"{NEXT_TO}{SEEN}. Please diagnose the disease" in script.asked[1]
    assert [label.label_id for label in cot.answer.labels] == ["cyst"]


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"arm": Arm.GIVEN}, "at least one"),
        ({"arm": Arm.OWN, "given": GIVEN}, "does not use them"),
        ({"arm": Arm.OWN, "task": Task.REPORT}, "not into 'report'"),
        ({"arm": Arm.GIVEN, "given": [Located("<ref>", (Box(1, 1, 2, 2),))]}, "may not hold"),
    ],
)
def test_what_cannot_be_asked_is_refused_before_the_model_is_asked(random_model, volume, more, words):
    script = Script(random_model)
    with pytest.raises(ProtocolError, match=words):
        ask(script, volume, **more)
    assert script.asked == []


def test_a_given_box_outside_the_slice_is_refused(random_model, volume):
    with pytest.raises(RegionError, match="110 x 90"):
        ask(Script(random_model), volume, Arm.GIVEN, given=[Located("mass", (Box(0, 0, 200, 20),))])


def test_its_json_holds_every_prompt_and_answer(random_model, volume):
    script = Script(random_model)
    record = regional_cot_to_json(ask(script, volume, Arm.RANDOM, seed=3))
    assert record["cot"]["arm"] == "random"
    assert record["cot"]["seed"] == 3
    assert [one["prompt"] for one in record["cot"]["passes"]] == script.asked
    assert [one["raw"] for one in record["cot"]["passes"]] == [SEEN, "yes"]
    assert [len(item["boxes"]) for item in record["cot"]["regions"]] == [2]
    assert json.loads(json.dumps(record, allow_nan=False)) == record


def test_a_real_model_walks_every_arm(session, volume):
    for arm in Arm:
        given = GIVEN if arm in (Arm.GIVEN, Arm.RANDOM) else ()
        cot = ask(session, volume, arm, given=given)
        assert cot.answer.option in ("yes", "no")


@given(st.integers(1, 2000), st.integers(1, 2000), st.integers(0, 2**64), st.data())
def test_random_boxes_lie_inside_and_keep_their_size(width, height, seed, data):
    def span(extent):
        low = data.draw(st.floats(0, extent * 0.9))
        return low, data.draw(st.floats(low + extent * 0.05, extent))

    (x1, x2), (y1, y2) = span(width), span(height)
    regions = [Located("a", (Box(x1, y1, x2, y2),))]
    (moved,) = random_regions(regions, width, height, seed)
    (box,) = moved.boxes
    box.require_inside(width, height)
    assert box.width == pytest.approx(x2 - x1, abs=1e-6)
    assert box.height == pytest.approx(y2 - y1, abs=1e-6)
