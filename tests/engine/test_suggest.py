"""One road from a slice to a suggestion."""

from __future__ import annotations

import json
import math
import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from engine.labels.prior import ELSEWHERE
from engine.progress import Cancelled
from engine.protocol import YES_NO, AnswerForm, Language, Located, ProtocolError, Task
from engine.regions import Box, Label, LabelSet, RegionError
from engine.runtime import (
    Absence,
    AskRequest,
    AskResult,
    Calibration,
    LogisticMap,
    ModelManifest,
    NameMap,
    Session,
    TextPiece,
    Timings,
)
from engine.runtime.adapter_choice import AdapterChoice
from engine.scans import Plane, ScanError, Volume, Window, image_sha256, render_slice
from engine.suggest import box_probabilities, suggest, suggestion_to_json

BOX = Box(10.5, 20, 60, 70.25)
ORGANS = LabelSet([Label("liver", "liver", "肝"), Label("spleen", "spleen", "脾"), Label("lung", "left lung", "左肺")])


@pytest.fixture(scope="module")
def volume():
    voxels = np.random.default_rng(0).integers(-200, 300, (3, 90, 110)).astype(np.int16)
    return Volume(
        voxels,
        (0.8, 0.8, 5.0),
        (0.0, 0.0, 0.0),
        np.eye(3),
        "MR",
        Window(40, 400),
        Path("/scans/one"),
        series_uid="1.2.3",
        instance_uids=("1.2.3.1", "1.2.3.2", "1.2.3.3"),
    )


def what(session, volume, language=Language.EN, box=BOX, **more):
    return suggest(session, volume, Plane.AXIAL, 1, task=Task.REGION_TO_TEXT, language=language, box=box, **more)


def where(session, volume, *names, language=Language.EN, **more):
    return suggest(session, volume, Plane.AXIAL, 1, task=Task.TEXT_TO_REGION, language=language, names=names, **more)


@dataclass
class Canned:
    """A session that gives one fixed answer, a character a token, and keeps the question."""

    manifest: ModelManifest
    raw: str
    finished: bool = True
    asked: AskRequest | None = None
    presence: tuple[float, ...] = ()

    @property
    def adapters(self):
        return AdapterChoice(self.manifest, follows=False)

    def start(self, cancelled):
        pass

    def ask(self, request, *, cancelled, on_piece=None, adapter=None):
        self.asked = request
        pieces = tuple(TextPiece(c, math.log(0.5 if c.isdigit() else 0.9)) for c in self.raw)
        timings = Timings(1, 2, 3, 6)
        return AskResult(0, self.raw, pieces, (), timings, finished=self.finished, presence=self.presence)


def test_a_questions_time_leaves_out_the_loading_of_the_model(session, volume):
    class Slow(Canned):
        def start(self, cancelled):
            time.sleep(2)

    found = where(Slow(session.manifest, "<ref>liver</ref><box>[[100, 100, 400, 400]]</box>"), volume, "liver")
    assert found.timings_ms.total < 2000


class TestWhatIsThis:
    @pytest.mark.parametrize("language", Language)
    def test_the_models_own_names_are_the_candidates_in_the_asked_language(self, session, volume, language):
        suggestion = what(session, volume, language)
        labels = session.manifest.labels()
        assert {c.label_id for c in suggestion.candidates} == {label.id for label in labels}
        best = labels.find(suggestion.raw)
        assert suggestion.raw == best.name(language)
        assert (suggestion.candidates[0].label, suggestion.candidates[0].label_zh) == (best.en, best.zh)
        probabilities = [c.probability for c in suggestion.candidates]
        assert probabilities == sorted(probabilities, reverse=True)
        assert sum(probabilities) == pytest.approx(1)

    def test_a_given_label_set_replaces_them(self, session, volume):
        assert {c.label_id for c in what(session, volume, labels=ORGANS).candidates} == {"liver", "spleen", "lung"}

    def test_the_region_is_the_one_that_was_asked_about(self, session, volume):
        suggestion = what(session, volume)
        (region,) = suggestion.regions
        assert region.box == BOX
        assert region.probability == suggestion.candidates[0].probability
        assert not suggestion.malformed

    def test_a_calibrated_temperature_flattens_the_names_and_keeps_their_order(self, session, volume, monkeypatch):
        plain = what(session, volume).candidates
        hot = replace(session.manifest, calibration=Calibration({"region_to_text": 5.0}))
        monkeypatch.setattr(session, "manifest", hot)
        flat = what(session, volume).candidates
        assert [one.label for one in flat] == [one.label for one in plain]
        assert flat[0].probability < plain[0].probability

    def test_names_learnt_from_few_patients_are_believed_less_in_their_order(self, session, volume, monkeypatch):
        plain = what(session, volume).candidates
        told = session.manifest.labels()
        few, many = (LabelSet(replace(one, patients=(("MR", n),)) for one in told) for n in (1, 500))
        names = NameMap(scale=1.0, shift=-1.5, experience=0.5)
        monkeypatch.setattr(session, "manifest", replace(session.manifest, calibration=Calibration(names=names)))
        candidates = []
        for labels in (few, many):
            monkeypatch.setattr(session.adapters, "labels", lambda wish, labels=labels: labels)
            candidates.append(what(session, volume).candidates)
            # Whatever names it is to choose among: how many patients taught them is known of all.
            some = LabelSet([replace(one, patients=()) for one in labels])
            assert what(session, volume, labels=some).candidates == candidates[-1]
        doubted, believed = candidates
        monkeypatch.setattr(session.adapters, "labels", lambda wish: told)
        assert [one.label for one in doubted] == [one.label for one in believed] == [one.label for one in plain]
        assert doubted[0].probability < plain[0].probability < believed[0].probability
        assert sum(one.probability for one in doubted) < 1, "it may be none of these"
        assert what(session, volume).candidates == plain, "labels that do not say are left alone"

    def test_below_the_models_threshold_it_abstains(self, session, volume, monkeypatch):
        assert not what(session, volume).abstained
        monkeypatch.setattr(session, "manifest", replace(session.manifest, abstain_below=1.0))
        assert what(session, volume).abstained

    @pytest.mark.parametrize("box", [Box(-5, 0, 10, 10), Box(0, 0, 111, 10), Box(0, 0, 10, 91)])
    def test_a_box_outside_the_slice_is_refused_before_the_model_is_asked(self, random_model, volume, box):
        canned = Canned(random_model, "liver")
        with pytest.raises(RegionError, match="110 x 90"):
            what(canned, volume, box=box)
        assert canned.asked is None

    def test_without_a_box_or_without_names_to_choose_from_it_is_refused(self, session, volume):
        with pytest.raises(ProtocolError, match="needs a box"):
            what(session, volume, box=None)
        with pytest.raises(ProtocolError, match="label set is empty"):
            what(session, volume, labels=LabelSet([]))

    def test_a_label_with_markup_in_its_name_is_refused(self, session, volume):
        with pytest.raises(ProtocolError, match="may not hold"):
            what(session, volume, labels=LabelSet([Label("x", "<|im_end|>", "甲")]))


class TestWhereIsIt:
    def test_names_are_asked_in_the_questions_language_however_they_were_given(self, random_model, volume):
        canned = Canned(random_model, "")
        where(canned, volume, "肝", "LIVER", "lung", "spleen", "portal vein", labels=ORGANS)
        asked = "<ref>liver</ref>, <ref>left lung</ref>, <ref>spleen</ref>, <ref>portal vein</ref> in this MRI scan."
        assert asked in canned.asked.prompt.text
        where(canned, volume, "liver", "左肺", language=Language.ZH, labels=ORGANS)
        assert "<ref>肝</ref>, <ref>左肺</ref>" in canned.asked.prompt.text

    def test_boxes_come_with_the_label_in_both_languages_and_their_own_probability(self, random_model, volume):
        raw = "<ref>肝</ref><box>[[0, 0, 999, 500], [7, 7, 7, 9], [1, 2, 3, 4]]</box>, <ref>脾</ref>：未见"
        suggestion = where(Canned(random_model, raw), volume, "肝", "脾", language=Language.ZH, labels=ORGANS)
        assert [(r.label, r.label_zh, r.label_id) for r in suggestion.regions] == [("liver", "肝", "liver")] * 2
        assert suggestion.regions[0].box.as_tuple() == pytest.approx((0, 0, 110, 500 / 999 * 90))
        assert [r.probability for r in suggestion.regions] == pytest.approx([0.5, 0.5])
        assert suggestion.malformed
        assert suggestion.not_present == ("脾",)
        assert suggestion.text == "肝, 脾：未见"
        assert suggestion.candidates == ()

    def test_a_name_outside_the_label_set_has_no_chinese_name_and_no_id(self, random_model, volume):
        suggestion = where(Canned(random_model, "portal vein[[1, 2, 3, 4]]"), volume, "portal vein", labels=ORGANS)
        (region,) = suggestion.regions
        assert (region.label, region.label_zh, region.label_id) == ("portal vein", "", "")

    def test_an_answer_that_was_cut_short_is_marked(self, random_model, volume):
        raw = "<ref>liver</ref><box>[[1, 2, 3, 4]]</box>"
        assert not where(Canned(random_model, raw), volume, "liver").malformed
        assert where(Canned(random_model, raw, finished=False), volume, "liver").malformed

    def test_a_calibrated_model_says_how_probable_it_is_that_a_thing_is_there(self, random_model, volume):
        fitted = Calibration({}, LogisticMap(2.0, 1.0), 0.5, LogisticMap(1.0, -1.0))
        model = replace(random_model, calibration=fitted)
        raw = "<ref>liver</ref><box>[[1, 2, 300, 400]]</box>, <ref>spleen</ref>: not present"
        canned = Canned(model, raw, presence=(1.0, -2.0))
        made = where(canned, volume, "liver", "spleen", labels=ORGANS)
        assert canned.asked.absence == Absence(": not present", -0.5)
        assert [one.label_id for one in made.presence] == ["liver", "spleen"]
        assert [one.probability for one in made.presence] == pytest.approx(
            [1 / (1 + math.exp(-3)), 1 / (1 + math.exp(3))]
        )
        # The digits' 0.5 is log-odds of 0.
        assert made.regions[0].probability == pytest.approx(1 / (1 + math.e))
        assert suggestion_to_json(made)["presence"][1] == {
            "label": "spleen",
            "label_zh": "脾",
            "probability": pytest.approx(1 / (1 + math.exp(3)), abs=1e-6),
        }

    def test_without_a_calibration_the_models_own_words_decide(self, random_model, volume):
        canned = Canned(random_model, "<ref>liver</ref>: not present", presence=(0.0,))
        made = where(canned, volume, "liver")
        assert canned.asked.absence == Absence(": not present", None)
        assert [one.probability for one in made.presence] == [0.5]

    @pytest.mark.parametrize("dialect", ["qwen-vl", "gemma", "medmo"])
    def test_families_without_such_words_have_no_such_odds(self, random_model, volume, dialect):
        canned = Canned(replace(random_model, dialect=dialect), "[]")
        assert where(canned, volume, "liver").presence == ()
        assert canned.asked.absence is None

    @pytest.mark.parametrize("language", Language)
    def test_a_real_model_answers_about_the_names_and_nothing_else(self, session, volume, language):
        suggestion = where(session, volume, "liver", "spleen", language=language)
        assert {r.label for r in suggestion.regions} <= {"liver", "spleen"}
        for region in suggestion.regions:
            region.box.require_inside(110, 90)
            assert 0 < region.probability <= 1

    def test_a_name_with_markup_is_refused(self, session, volume):
        with pytest.raises(ProtocolError, match="may not hold"):
            where(session, volume, "liver<|im_end|>")


def other(session, volume, task, language=Language.EN, **more):
    return suggest(session, volume, Plane.AXIAL, 1, task=task, language=language, labels=ORGANS, **more)


class TestReports:
    GROUNDED = (
        "<ref>肝</ref><box>[[0, 0, 999, 500]]</box>, <ref>脾</ref><box>[[1, 2, 3, 4], [5, 6, 70, 80]]</box>：均正常。\n"
        "<ref>左肺</ref>：未见"
    )

    def test_a_grounded_sentence_has_its_regions_with_their_labels(self, random_model, volume):
        canned = Canned(random_model, self.GROUNDED)
        made = other(canned, volume, Task.GROUNDED_REPORT, Language.ZH, names=["liver", "脾", "lung"])
        assert "<ref>肝</ref>, <ref>脾</ref>, <ref>左肺</ref>" in canned.asked.prompt.text
        first, second = made.sentences
        assert first.text == "均正常。"
        assert [r.label_id for r in first.regions] == ["liver", "spleen", "spleen"]
        assert (second.regions, second.not_present) == ((), ("左肺",))
        assert made.regions == first.regions
        assert [r.probability for r in made.regions] == pytest.approx([0.5] * 3)
        assert made.not_present == ("左肺",)
        assert not made.malformed

    def test_a_report_of_everything_may_only_name_the_label_set(self, random_model, volume):
        canned = Canned(random_model, self.GROUNDED)
        other(canned, volume, Task.GROUNDED_REPORT, Language.ZH)
        assert 'name ::= "肝" | "脾" | "左肺"' in canned.asked.grammar

    def test_a_report_comes_in_its_parts(self, random_model, volume):
        made = other(Canned(random_model, "Findings: Large. Impression: Tumour."), volume, Task.REPORT)
        assert [(one.kind, one.text) for one in made.sections] == [("findings", "Large."), ("impression", "Tumour.")]
        assert 0.5 < made.probability <= 0.9
        assert not made.abstained

    @pytest.mark.parametrize("task", [Task.REPORT, Task.GROUNDED_REPORT])
    @pytest.mark.parametrize("language", Language)
    def test_a_real_model_writes_something_that_is_read(self, session, volume, task, language):
        made = other(session, volume, task, language)
        assert made.text
        for region in made.regions:
            region.box.require_inside(110, 90)


class TestChoosing:
    @pytest.mark.parametrize("language", Language)
    def test_a_yes_no_question_ranks_yes_and_no(self, session, volume, language):
        made = other(session, volume, Task.VQA, language, text="Tumour?", form=AnswerForm.YES_NO)
        assert made.option == made.candidates[0].label
        assert {c.label for c in made.candidates} == set(YES_NO[language])
        assert sum(c.probability for c in made.candidates) == pytest.approx(1)

    def test_options_are_the_candidates(self, session, volume):
        made = other(session, volume, Task.VQA, text="Which?", form=AnswerForm.OPTION, options=["heart", "spleen"])
        assert {(c.label, c.label_zh) for c in made.candidates} == {("heart", ""), ("spleen", "脾")}
        assert made.option == made.candidates[0].label

    def test_an_improbable_phrase_is_abstained_from(self, random_model, volume):
        sure = replace(random_model, abstain_below=0.8)
        assert not other(Canned(sure, "heart"), volume, Task.VQA, text="Which?").abstained
        unsure = replace(random_model, abstain_below=0.95)
        made = other(Canned(unsure, "heart"), volume, Task.VQA, text="Which?")
        assert (made.abstained, made.text) == (True, "heart")

    def test_one_diagnosis_is_ranked_in_the_asked_language(self, session, volume):
        made = other(session, volume, Task.DIAGNOSIS, Language.ZH, options=["liver", "脾", "别的"])
        assert {c.label_zh or c.label for c in made.candidates} == {"肝", "脾", "别的"}
        assert made.labels == made.candidates[:1]

    def test_several_diagnoses_have_their_own_probabilities(self, random_model, volume):
        canned = Canned(random_model, "spleen,liver,spleen")
        made = other(canned, volume, Task.DIAGNOSIS, options=["liver", "spleen", "none"], several=True)
        assert canned.asked.choices == ()
        assert [(one.label_id, one.label_zh) for one in made.labels] == [("spleen", "脾"), ("liver", "肝")]
        assert [one.probability for one in made.labels] == pytest.approx([0.9, 0.9])
        assert made.candidates == ()

    def test_a_model_that_never_learnt_the_task_is_not_believed(self, random_model, volume):
        told = replace(random_model, tasks=("text_to_region",))
        made = other(Canned(told, "heart"), volume, Task.VQA, text="Which?")
        assert (made.abstained, made.trained) == (True, False)
        assert "tiny-0 was not trained on the task vqa" in made.warnings[0]
        assert where(Canned(told, "liver[[1, 2, 3, 4]]"), volume, "liver").warnings == ()

    def test_an_x_ray_of_the_chest_is_called_one(self, random_model, volume):
        chest = replace(volume, modality="DX", body_part="CHEST")
        canned = Canned(random_model, "liver")
        other(canned, chest, Task.DIAGNOSIS, options=["liver", "spleen"])
        assert "You are given a chest x-ray image." in canned.asked.prompt.text

    def test_a_found_region_outside_the_slice_is_refused(self, random_model, volume):
        found = [Located("mass", (Box(0, 0, 500, 5),))]
        with pytest.raises(RegionError):
            other(Canned(random_model, ""), volume, Task.VQA, text="Which?", found=found)


class TestBoxProbabilities:
    def pieces(self, *some):
        return [TextPiece(text, math.log(probability)) for text, probability in some]

    def test_it_is_the_geometric_mean_over_the_digits_alone(self):
        pieces = self.pieces(
            ("<box>", 0.01), ("[[", 0.01), ("1", 0.8), ("2", 0.2), (", ", 0.01), ("5", 0.5), (", ", 0.01)
        ) + self.pieces(("3", 1.0), ("4", 1.0), (", ", 0.01), ("9", 0.5), ("]]", 0.01))
        assert box_probabilities(pieces) == pytest.approx([(0.8 * 0.2 * 0.5 * 0.5) ** (1 / 6)])

    def test_a_box_without_area_has_none_as_it_has_no_region(self):
        pieces = [TextPiece(c, -0.5) for c in "[[1, 2, 1, 4], [1, 2, 3, 4]]"]
        assert len(box_probabilities(pieces)) == 1


class TestTheRecord:
    def test_it_names_the_slice_the_model_and_the_words(self, session, volume):
        window = Window(100, 50)
        suggestion = suggest(
            session, volume, Plane.AXIAL, 1, window, task=Task.REGION_TO_TEXT, language=Language.EN, box=BOX
        )
        image = suggestion.image
        assert (image.series_uid, image.sop_instance_uid, image.slice) == ("1.2.3", "1.2.3.2", 1)
        assert (image.width, image.height, image.window) == (110, 90, window)
        assert image.sha256 == image_sha256(render_slice(volume, Plane.AXIAL, 1, window))
        assert suggestion.model.sha256 == session.manifest.sha256
        assert suggestion.prompt.count("<image>") == 1
        assert suggestion.prompt.startswith("<|im_start|>system")

    def test_its_json_has_the_keys_of_the_command_line_and_plain_values(self, session, volume):
        record = suggestion_to_json(what(session, volume))
        assert list(record) == [
            "task",
            "language",
            "image",
            "prompt",
            "raw",
            "text",
            "regions",
            "candidates",
            "not_present",
            "abstained",
            "model",
            "timings_ms",
        ]
        assert {"path", "plane", "slice", "width", "height", "sha256"} <= set(record["image"])
        assert list(record["regions"][0]) == ["label", "label_zh", "box", "probability"]
        assert list(record["candidates"][0]) == ["label", "label_zh", "probability"]
        assert list(record["model"]) == ["id", "sha256", "adapter"]
        assert list(record["timings_ms"]) == ["render", "encode", "prompt", "decode", "total"]
        assert record["regions"][0]["box"] == [10.5, 20.0, 60.0, 70.25]
        assert sum(c["probability"] for c in record["candidates"]) <= 1
        assert json.loads(json.dumps(record, allow_nan=False)) == record

    @pytest.mark.parametrize(
        ("task", "more", "keys"),
        [
            (Task.GROUNDED_REPORT, {}, ["sentences"]),
            (Task.REPORT, {}, ["sections"]),
            (Task.VQA, {"text": "?"}, ["option"]),
            (Task.DIAGNOSIS, {"options": ["a", "b"]}, ["labels"]),
        ],
    )
    def test_each_tasks_json_has_its_own_keys_behind_the_common_ones(self, session, volume, task, more, keys):
        record = suggestion_to_json(other(session, volume, task, **more))
        assert list(record)[12:] == ["probability", "malformed", *keys]
        assert json.loads(json.dumps(record, allow_nan=False)) == record

    def test_numpy_boxes_become_plain_numbers(self, session, volume):
        box = Box(*np.array([1, 2, 30, 40], np.float32))
        (region,) = suggestion_to_json(what(session, volume, box=box))["regions"]
        assert [type(value) for value in region["box"]] == [float] * 4

    def test_a_slice_that_is_not_there_is_refused(self, session, volume):
        with pytest.raises(ScanError):
            suggest(session, volume, Plane.AXIAL, 3, task=Task.REGION_TO_TEXT, language=Language.EN, box=BOX)

    def test_it_can_be_cancelled(self, session, volume):
        with pytest.raises(Cancelled):
            where(session, volume, "liver", cancelled=lambda: True)


def test_a_suggestion_leans_to_what_was_seen_in_such_pictures(volume, random_model):
    """The other way round on the same picture, whatever an untrained model says of it."""
    told = []
    for here, elsewhere in (("MR", "CT"), ("CT", "MR")):
        labels = LabelSet(
            [
                Label("liver", "liver", "肝", modalities=(here,)),
                Label("spleen", "spleen", "脾", modalities=(elsewhere,)),
            ]
        )
        with Session(random_model) as session:
            answer = suggest(
                session,
                volume,
                volume.plane,
                0,
                task=Task.REGION_TO_TEXT,
                language=Language.EN,
                box=Box(1, 1, 9, 9),
                labels=labels,
            )
        told.append({one.label: one.probability for one in answer.candidates})
    for name, way in (("liver", 0), ("spleen", 1)):
        assert told[way][name] > told[1 - way][name]
    odds = [one["liver"] / one["spleen"] for one in told]
    assert abs(math.log(odds[0] / odds[1]) + 2 * math.log(ELSEWHERE)) < 0.05
