"""Judged answers about slices leave as MedRegInstruct records: what was asked, and what is right."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from engine.exchange import ExchangeError, export_medreginstruct
from engine.protocol import AnswerForm, Grounding, Language, Task, denormalize_box
from engine.regions import Box, Label
from engine.scans import read_volume, render_slice
from engine.store import AnnotationStore, DecisionKind
from engine.suggest import (
    ModelRef,
    SuggestedRegion,
    SuggestedSentence,
    Suggestion,
    SuggestTimings,
    make_image_ref,
)
from training.records import read_records

ACCEPTED, EDITED = DecisionKind.ACCEPTED, DecisionKind.EDITED
IN_NUMBERS = "<box>[[100, 200, 500, 749]]</box>", "<box>[[546, 200, 624, 749]]</box>"
LIVER = SuggestedRegion("liver", "肝脏", "liver", denormalize_box((100, 200, 500, 749), 128, 128), 0.9)
SPLEEN = SuggestedRegion("spleen", "脾脏", "spleen", denormalize_box((546, 200, 624, 749), 128, 128), 0.8)


@pytest.fixture
def store(tmp_path: Path):
    with AnnotationStore.open(tmp_path / "a.sqlite") as opened:
        yield opened


@pytest.fixture
def keep(store, phantom_series):
    """Keeps an answer about slice 9, judged."""
    volume = read_volume(phantom_series / "dicom")
    image = make_image_ref(volume, volume.plane, 9, None, render_slice(volume, volume.plane, 9))

    def make(task, raw, asked, kind=None, text="", *, language=Language.EN, text_of="", **more):
        answer = Suggestion(
            task=task,
            language=language,
            image=image,
            prompt="<image>",
            raw=raw,
            text=text_of or raw,
            regions=more.get("regions", ()),
            candidates=(),
            not_present=(),
            abstained=False,
            malformed=False,
            model=ModelRef("gone", "b" * 64, "site-a"),
            timings_ms=SuggestTimings(1, 2, 3, 4, 10),
            sentences=more.get("sentences", ()),
        )
        fresh = answer if answer.regions else None
        kept, rows = store.answers.keep(answer, "1.2", "ann", asked, fresh=fresh)
        if kind is not None:
            store.answers.judge(kept.suggestion.id, kind, "ann", text)
        return kept.suggestion.id, rows

    return make


def exported(store, tmp_path):
    """Question and answer of each record about a slice."""
    counts = export_medreginstruct(store, tmp_path / "o.jsonl")
    lines = (tmp_path / "o.jsonl").read_text(encoding="utf-8").splitlines()
    records = [json.loads(line) for line in lines]
    whole = [one for one in records if one["task"] not in ("region_to_text", "text_to_region")]
    assert len(whole) == counts.answers
    return counts, [tuple(turn["value"] for turn in one["conversations"]) for one in whole], whole


def test_what_a_person_agreed_with_or_wrote_is_the_answer(store, keep, tmp_path):
    asked = {"text": "Is the liver large?", "form": AnswerForm.PHRASE.value}
    keep(Task.VQA, "yes", asked, ACCEPTED)
    keep(Task.VQA, "是", asked | {"text": "肝脏大吗？"}, EDITED, "不大", language=Language.ZH)
    keep(Task.REPORT, "Findings: none.", {}, EDITED, "Findings: a cyst.\nImpression: harmless.")
    keep(Task.VQA, "no", asked, DecisionKind.REJECTED)
    keep(Task.VQA, "no", asked)
    counts, said, records = exported(store, tmp_path)
    assert (counts.images, counts.regions, counts.answers, counts.left_out) == (1, 0, 3, 0)
    assert [answer for _, answer in said] == ["yes", "不大", "Findings: a cyst.\nImpression: harmless."]
    assert said[0][0].endswith("<image>\nIs the liver large? Answer the question using a single word or phrase.")
    model = {"id": "gone", "sha256": "b" * 64, "adapter": "site-a"}
    assert [one["provenance"] for one in records] == [
        [{"decision": decision, "model": model}] for decision in ("accepted", "edited", "edited")
    ]


def test_labels_are_written_as_medrega_writes_them(store, keep, tmp_path):
    asked = {"options": ["cyst", "mass", "None"], "several": True, "none_label": "None"}
    keep(Task.DIAGNOSIS, "cyst", asked, EDITED, "Cyst, mass")
    options = {"text": "Which?", "form": AnswerForm.OPTION.value, "options": ["a tumour", "a cyst"]}
    keep(Task.VQA, "a tumour", options, EDITED, "B")
    _, said, _ = exported(store, tmp_path)
    assert [answer for _, answer in said] == ["cyst,mass", "a cyst"]
    assert '"None" means no diseases are detected' in said[0][0]


def test_the_regions_of_the_first_pass_are_in_the_question_again(store, keep, tmp_path):
    regions = [["liver", [list(LIVER.box.as_tuple())]]]
    asked = {"text": "Is it large?", "arm": "given", "look_for": [], "regions": regions}
    keep(Task.VQA, "yes", asked, ACCEPTED)
    _, ((human, _),), _ = exported(store, tmp_path)
    assert f"The image has these regions: <ref>liver</ref>{IN_NUMBERS[0]}. Is it large?" in human


def test_what_answers_no_question_stays_home(store, keep, tmp_path):
    asked = {"options": ["cyst", "mass"]}
    keep(Task.DIAGNOSIS, "cyst", asked, EDITED, "an abscess")
    # Of an earlier version, which kept no question.
    keep(Task.VQA, "yes", {}, ACCEPTED)
    with pytest.raises(ExchangeError, match="nothing can be learnt yet"):
        export_medreginstruct(store, tmp_path / "o.jsonl")
    keep(Task.REPORT, "Findings: none.", {}, ACCEPTED)
    counts, _, _ = exported(store, tmp_path)
    assert (counts.answers, counts.left_out, counts.records) == (1, 2, 1)


def test_the_trainer_reads_answers_too(store, keep, tmp_path):
    keep(Task.REPORT, "影像诊断：未见异常。", {}, ACCEPTED, language=Language.ZH)
    export_medreginstruct(store, tmp_path / "o.jsonl")
    ((_, record),) = read_records(tmp_path / "o.jsonl")
    assert (record.task, record.language, record.gpt) == (Task.REPORT, Language.ZH, "影像诊断：未见异常。")


class TestGroundedReports:
    @pytest.fixture
    def report(self, keep):
        raw = f"<ref>liver</ref>{IN_NUMBERS[0]}: large\n<ref>spleen</ref>{IN_NUMBERS[1]}: small\n"
        raw += "<ref>aorta</ref>: not present"
        asked = {"names": ["liver", "spleen", "aorta"], "grounding": Grounding.ORGAN.value}
        sentences = (SuggestedSentence("large", (LIVER,)), SuggestedSentence("small", (SPLEEN,)))

        def make(kind, text=""):
            read = {"regions": (LIVER, SPLEEN), "sentences": sentences}
            return keep(Task.GROUNDED_REPORT, raw, asked, kind, text, text_of="large small", **read)

        return make

    def decide(self, store, rows, *labels):
        for row, label in zip(rows, labels, strict=True):
            if label is None:
                store.reject(row.root_id, "ann")
            else:
                store.correct(row.root_id, label, "ann")

    def test_it_waits_until_its_regions_are_decided(self, store, report, tmp_path):
        _, rows = report(ACCEPTED)
        store.correct(rows[0].root_id, Label("liver", "liver", "肝脏"), "ann")
        counts, said, _ = exported(store, tmp_path)
        assert (said, counts.left_out) == ([], 1)

    def test_its_regions_are_as_people_left_them(self, store, report, tmp_path):
        _, rows = report(ACCEPTED)
        self.decide(store, rows, Label("liver", "liver", "肝脏"), Label("kidney", "left kidney", "左肾"))
        store.correct(rows[0].root_id, Label("liver", "liver", "肝脏"), "ann", box=Box(0, 0, 64, 96))
        _, ((human, answer),), _ = exported(store, tmp_path)
        assert human.endswith("<ref>liver</ref>, <ref>spleen</ref>, <ref>aorta</ref>")
        assert answer.splitlines() == [
            "<ref>liver</ref><box>[[0, 0, 500, 749]]</box>: large",
            f"<ref>left kidney</ref>{IN_NUMBERS[1]}: small",
            "<ref>aorta</ref>: not present",
        ]

    def test_a_sentence_goes_with_its_only_region(self, store, report, tmp_path):
        _, rows = report(ACCEPTED)
        self.decide(store, rows, None, Label("spleen", "spleen", "脾脏"))
        _, ((_, answer),), _ = exported(store, tmp_path)
        assert answer.splitlines() == [f"<ref>spleen</ref>{IN_NUMBERS[1]}: small", "<ref>aorta</ref>: not present"]

    def test_a_persons_words_stand_behind_the_models_names(self, store, report, tmp_path):
        text = "liver: normal\nspleen: not present\naorta: wide\n\nNothing else."
        _, rows = report(EDITED, text)
        self.decide(store, rows, Label("liver", "liver", "肝脏"), None)
        _, ((_, answer),), _ = exported(store, tmp_path)
        assert answer.splitlines() == [
            f"<ref>liver</ref>{IN_NUMBERS[0]}: normal",
            "<ref>spleen</ref>: not present",
            "aorta: wide",
            "Nothing else.",
        ]
