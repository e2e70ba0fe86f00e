"""Answers about whole slices are kept with their question, judged, and vouched for by the log."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from engine.found import without_known
from engine.protocol import Language, Task
from engine.regions import Box
from engine.scans import Plane, Window
from engine.store import AnnotationStore, DecisionKind, RegionState, StoreError
from engine.suggest import (
    Candidate,
    ImageRef,
    ModelRef,
    SuggestedRegion,
    SuggestedSentence,
    Suggestion,
    SuggestTimings,
)

IMAGE = ImageRef(Path("/scans/ct"), "1.2.3", "1.2.3.4", "CT", Plane.AXIAL, 7, 512, 400, Window(40, 400), "a" * 64)
ANSWER = Suggestion(
    task=Task.VQA,
    language=Language.EN,
    image=IMAGE,
    prompt="<image>\nIs the liver large?",
    raw="yes",
    text="yes",
    regions=(),
    candidates=(Candidate("yes", "", "", 0.7), Candidate("no", "", "", 0.3)),
    not_present=(),
    abstained=True,
    malformed=True,
    model=ModelRef("starter", "b" * 64, "site-a"),
    timings_ms=SuggestTimings(1, 2, 3, 4, 10),
    trained=False,
)
LIVER = SuggestedRegion("liver", "肝脏", "liver", Box(10.25, 20, 100, 200), 0.9)
SPLEEN = SuggestedRegion("spleen", "脾脏", "spleen", Box(300, 20, 400, 200), 0.8)
REPORT = replace(
    ANSWER,
    task=Task.GROUNDED_REPORT,
    raw="the whole of it",
    text="large small",
    candidates=(),
    regions=(LIVER, SPLEEN),
    sentences=(SuggestedSentence("large", (LIVER,)), SuggestedSentence("small", (SPLEEN,))),
)


@pytest.fixture
def store(tmp_path: Path):
    with AnnotationStore.open(tmp_path / "a.sqlite") as opened:
        yield opened


def test_an_answer_is_kept_with_its_question_and_what_it_is_worth(store):
    look = replace(ANSWER, task=Task.TEXT_TO_REGION, raw="<ref>mass</ref>: not present", not_present=("mass",))
    kept, rows = store.answers.keep(ANSWER, "1.2", "ann", {"text": "Is the liver large?"}, look=look)
    store.close()
    with AnnotationStore.open(store.path) as again:
        (row,) = again.answers.of_image(kept.suggestion.image_id)
        assert rows == []
        assert row == kept
        assert (row.asked, row.who) == ({"text": "Is the liver large?"}, "ann")
        assert (row.trained, row.malformed, row.suggestion.abstained) == (False, True, True)
        assert (row.suggestion.prompt, row.suggestion.model_sha256, row.suggestion.adapter) == (
            ANSWER.prompt,
            "b" * 64,
            "site-a",
        )
        assert row.look.raw == look.raw
        assert row.verdict is None
        assert again.audit_problems() == []


def test_the_newest_verdict_counts_and_all_are_kept(store):
    kept, _ = store.answers.keep(ANSWER, "1.2", "ann", {})
    number = kept.suggestion.id
    assert store.answers.judge(number, DecisionKind.ACCEPTED, "ann").verdict.kind is DecisionKind.ACCEPTED
    corrected = store.answers.judge(number, DecisionKind.EDITED, "bob", "No, it is small.").verdict
    assert (corrected.kind, corrected.text, corrected.who) == (DecisionKind.EDITED, "No, it is small.", "bob")
    assert store.answers.judge(number, DecisionKind.RESTORED, "bob").verdict is None
    kinds = [verdict.kind.value for verdict in store.answers.verdicts(number)]
    assert kinds == ["accepted", "edited", "restored"]
    assert store.audit_problems() == []


def test_what_is_no_verdict_on_an_answer_is_refused(store):
    kept, _ = store.answers.keep(ANSWER, "1.2", "ann", {})
    with pytest.raises(StoreError, match="is empty"):
        store.answers.judge(kept.suggestion.id, DecisionKind.EDITED, "ann", "  ")
    with pytest.raises(StoreError, match="cannot be locked"):
        store.answers.judge(kept.suggestion.id, DecisionKind.LOCKED, "ann")
    with pytest.raises(StoreError, match="no suggestion 99"):
        store.answers.judge(99, DecisionKind.ACCEPTED, "ann")
    assert store.answers.verdicts(kept.suggestion.id) == []


def test_a_grounded_report_is_one_gesture_with_its_new_regions(store):
    known = store.draw_region(IMAGE, "1.2", LIVER.box, "ann", label=None)
    store.correct(known.root_id, _label(LIVER), "ann")
    before = store.audit.count()
    fresh = without_known(REPORT, store.regions.of_image(known.image_id))
    kept, rows = store.answers.keep(REPORT, "1.2", "ann", {"names": []}, fresh=fresh)
    assert store.audit.count() == before + 1
    assert [(row.label.id, row.state) for row in rows] == [("spleen", RegionState.SUGGESTED)]
    assert [(one.root_id, one.label, one.box) for one in kept.regions] == [
        (rows[0].root_id, "spleen", SPLEEN.box.as_tuple())
    ]
    assert store.suggestions.of_region(rows[0].root_id).text == "small"
    assert [row.suggestion.id for row in store.answers.of_image(known.image_id)] == [kept.suggestion.id]


def test_an_answer_without_a_question_row_is_shown_too(store):
    row = store.record_suggestion(replace(ANSWER, trained=True, malformed=False), "1.2")
    (answer,) = store.answers.of_image(row.image_id)
    assert (answer.asked, answer.who, answer.trained, answer.verdict) == ({}, "", True, None)


def test_where_something_was_looked_for_is_read_once_an_answer(store):
    found = replace(ANSWER, task=Task.TEXT_TO_REGION, raw="both", regions=(LIVER, SPLEEN), candidates=(), sentences=())
    absent = replace(found, raw="<ref>aorta</ref>: not present", regions=(), not_present=("aorta",))
    rows = store.drawing.record_found_many([found, absent], "1.2", "ann")
    assert [row.label.id for row, _ in rows] == ["liver", "spleen"]
    assert store.audit.count() == 1
    said = store.suggestions.looked_for(rows[0][0].image_id)
    assert [one.raw for one, _ in said] == ["both", "<ref>aorta</ref>: not present"]


def test_what_was_looked_for_is_kept_once_an_answer(store):
    """A model that leaves out what it has not found says nothing of it."""
    both = replace(
        ANSWER, task=Task.TEXT_TO_REGION, raw="both", regions=(LIVER, SPLEEN), candidates=(), names=("liver", "spleen")
    )
    none = replace(both, raw="[]", regions=(), names=("aorta",), not_present=("aorta",))
    unlikely = replace(both, raw="one", names=("liver",))
    rows = store.drawing.record_found_many([both, none], "1.2", "ann", about_slice=[unlikely])
    image = rows[0][0].image_id
    assert [names for _, names in store.suggestions.looked_for(image)] == [("liver", "spleen"), ("aorta",), ("liver",)]
    store.answers.keep(ANSWER, "1.2", "ann", {"text": "?"}, look=replace(none, raw="[ ]", names=("mass",)))
    assert [names for _, names in store.suggestions.looked_for(image)][-1] == ("mass",)
    assert store.audit_problems() == []


def test_answers_are_decided_once_the_newest_verdict_says_so(store):
    numbers = [store.answers.keep(ANSWER, "1.2", "ann", {"text": text})[0].suggestion.id for text in "abcd"]
    for number, kind in zip(numbers, (DecisionKind.ACCEPTED, DecisionKind.REJECTED, DecisionKind.EDITED), strict=False):
        store.answers.judge(number, kind, "ann", "No." if kind is DecisionKind.EDITED else "")
    assert [one.asked["text"] for one in store.answers.decided()] == ["a", "c"]
    store.answers.judge(numbers[0], DecisionKind.RESTORED, "bob")
    assert [one.asked["text"] for one in store.answers.decided()] == ["c"]


def _label(region):
    from engine.store.drawing import label_of

    return label_of(region)
