"""A name is accepted with the probability of the answer that gives it, and with no other."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.protocol import Language, Task
from engine.regions import Box, Label
from engine.scans import Plane, Window
from engine.store import (
    AnnotationStore,
    NewRegion,
    Origin,
    RegionRow,
    RegionState,
    SuggestionRow,
    may_accept,
    said_name,
    stands_behind,
)
from engine.suggest import Candidate, ImageRef, ModelRef, SuggestedRegion, Suggestion, SuggestTimings

LIVER, SPLEEN = Label("liver", "liver", "肝脏"), Label("spleen", "spleen", "脾脏")
IMAGE = ImageRef(Path("/scans/ct"), "1.2.3", "1.2.3.4", "CT", Plane.AXIAL, 7, 512, 400, Window(40, 400), "a" * 64)
BOX = Box(10, 20, 100, 200)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[AnnotationStore]:
    with AnnotationStore.open(tmp_path / "a.sqlite") as opened:
        yield opened


def answer(task: Task, label: Label, probability: float, *, abstained: bool = False, named: bool = True) -> Suggestion:
    """As `engine.suggest` gives them: candidates are of the question what something is."""
    asked = task is Task.REGION_TO_TEXT
    best = Candidate(label.en, label.zh, label.id, probability)
    return Suggestion(
        task=task,
        language=Language.EN,
        image=IMAGE,
        prompt="p",
        raw="r",
        text="t",
        regions=(SuggestedRegion(label.en, label.zh, label.id, BOX, probability),) if named else (),
        candidates=(best, Candidate("gallbladder", "胆囊", "gallbladder", 0.01)) if asked and named else (),
        not_present=(),
        abstained=abstained,
        malformed=False,
        model=ModelRef("starter", "b" * 64),
        timings_ms=SuggestTimings(1, 2, 3, 4, 10),
    )


def found(store: AnnotationStore, probability: float, *, abstained: bool = False) -> tuple[RegionRow, SuggestionRow]:
    said = answer(Task.TEXT_TO_REGION, LIVER, probability, abstained=abstained)
    ((row, drew),) = store.record_found(said, "1", "ann")
    return row, drew


def asked_of(store: AnnotationStore, row: RegionRow, label: Label, probability: float, **more: bool) -> SuggestionRow:
    return store.record_suggestion(answer(Task.REGION_TO_TEXT, label, probability, **more), "1", row.root_id)


def followed(store: AnnotationStore) -> RegionRow:
    return store.drawing.draw(NewRegion(IMAGE, "1", BOX, label=LIVER, origin=Origin.PROPAGATED), "ann")


def accepted(store: AnnotationStore, row: RegionRow, threshold: float) -> tuple[Label, float, int] | None:
    """What is accepted of a region among many: name, probability and the answer judged."""
    rows = store.edits.accept_many([row.root_id], threshold, "ann")
    if not rows:
        assert store.regions.current(row.root_id).state is row.state
        return None
    verdict = store.verdicts.of_region(row.root_id)[-1]
    return rows[0].label, json.loads(verdict.detail)["probability"], verdict.suggestion_id


def judged(store: AnnotationStore, row: RegionRow) -> int | None:
    """Which answer is judged when a region is accepted as it is."""
    (now,) = store.edits.accept_as_they_are([row.root_id], "ann")
    assert now.label == row.label
    return store.verdicts.of_region(row.root_id)[-1].suggestion_id


def test_a_found_name_is_not_accepted_for_being_sure_of_another(store: AnnotationStore):
    row, _ = found(store, 0.3)
    asked_of(store, row, SPLEEN, 0.95)
    assert accepted(store, row, 0.9) is None
    assert accepted(store, row, 0.0) is None, "sure enough of its own name as it may be: a person looks"


def test_a_found_name_that_is_said_again_is_accepted_as_the_newer_answer_says_it(store: AnnotationStore):
    row, _ = found(store, 0.95)
    again = asked_of(store, row, LIVER, 0.8)
    assert accepted(store, row, 0.9) is None
    assert accepted(store, row, 0.8) == (LIVER, 0.8, again.id)


@pytest.mark.parametrize("more", [{"abstained": True}, {"named": False}])
def test_an_answer_that_is_not_sure_leaves_a_found_name_to_what_drew_it(store: AnnotationStore, more):
    row, drew = found(store, 0.7)
    asked_of(store, row, SPLEEN, 0.95, **more)
    assert accepted(store, row, 0.9) is None
    assert accepted(store, row, 0.7) == (LIVER, 0.7, drew.id)


def test_a_box_of_a_model_that_never_learnt_to_draw_is_not_accepted_unseen(store: AnnotationStore):
    row, _ = found(store, 0.99, abstained=True)
    assert accepted(store, row, 0.0) is None
    again = asked_of(store, row, LIVER, 0.8)
    assert accepted(store, row, 0.8) == (LIVER, 0.8, again.id)


def test_a_name_that_was_followed_is_only_accepted_where_an_answer_says_it(store: AnnotationStore):
    for label, more, wanted in ((SPLEEN, {}, False), (LIVER, {"abstained": True}, False), (LIVER, {}, True)):
        row = followed(store)
        assert accepted(store, row, 0.0) is None
        said = asked_of(store, row, label, 0.9, **more)
        assert accepted(store, row, 0.9) == ((LIVER, 0.9, said.id) if wanted else None)


def test_a_region_that_waits_for_a_name_gets_that_of_the_newest_answer_if_it_is_sure(store: AnnotationStore):
    row = store.draw_region(IMAGE, "1", BOX, "ann")
    asked_of(store, row, LIVER, 0.99)
    unsure = asked_of(store, row, SPLEEN, 0.4, abstained=True)
    assert accepted(store, row, 0.0) is None
    assert said_name(row, [unsure]).label == SPLEEN, "it is told all the same"
    sure = asked_of(store, row, SPLEEN, 0.9)
    assert accepted(store, row, 0.9) == (SPLEEN, 0.9, sure.id)


def test_a_found_region_whose_name_was_taken_away_waits_for_another(store: AnnotationStore):
    row, _ = found(store, 0.99)
    (bare,) = store.edits.set_label([row.root_id], None, "ann")
    assert accepted(store, bare, 0.0) is None
    said = asked_of(store, row, SPLEEN, 0.9)
    assert accepted(store, bare, 0.9) == (SPLEEN, 0.9, said.id)


def test_what_is_counted_is_what_is_accepted(store: AnnotationStore):
    rows = [found(store, p)[0] for p in (0.9, 0.9, 0.9, 0.2, 0.9)]
    asked_of(store, rows[1], SPLEEN, 0.99)
    asked_of(store, rows[2], SPLEEN, 0.99, abstained=True)
    asked_of(store, rows[3], LIVER, 0.99)
    store.edits.lock([rows[4].root_id], "ann")
    rows += [followed(store), store.draw_region(IMAGE, "1", BOX, "ann")]
    asked_of(store, rows[5], LIVER, 0.9)
    current = [store.regions.current(row.root_id) for row in rows]
    answers = store.suggestions.about_series(IMAGE.path, IMAGE.series_uid)
    assert all(answers.get(row.root_id, []) == store.suggestions.about_region(row.root_id) for row in rows)
    counted = [row for row in current if may_accept(row, said_name(row, answers.get(row.root_id, [])), 0.9)]
    assert [rows.index(row) for row in counted] == [0, 2, 3, 5]
    made = store.edits.accept_many([row.root_id for row in rows], 0.9, "ann")
    assert [row.root_id for row in made] == [row.root_id for row in counted]
    assert {row.state for row in made} == {RegionState.ACCEPTED}
    assert not any(may_accept(row, said_name(row, answers[row.root_id]), 0.0) for row in made), "decided already"


def test_a_region_accepted_as_it_is_judges_the_answer_that_says_its_name(store: AnnotationStore):
    row, drew = found(store, 0.7)
    assert stands_behind(row, [drew]) == drew
    asked_of(store, row, SPLEEN, 0.95)
    assert judged(store, row) == drew.id

    row, _ = found(store, 0.7)
    again = asked_of(store, row, LIVER, 0.95)
    assert judged(store, row) == again.id

    row, drew = found(store, 0.7)
    asked_of(store, row, LIVER, 0.2, abstained=True)
    assert judged(store, row) == drew.id

    row = followed(store)
    asked_of(store, row, SPLEEN, 0.95)
    assert judged(store, row) is None

    row = followed(store)
    again = asked_of(store, row, LIVER, 0.95)
    assert judged(store, row) == again.id


def test_a_reshaped_region_judges_the_answer_that_drew_it(store: AnnotationStore):
    row, drew = found(store, 0.7)
    asked_of(store, row, LIVER, 0.95)
    store.edits.edit_shape(row.root_id, Box(12, 20, 90, 180), "ann")
    assert store.verdicts.of_region(row.root_id)[-1].suggestion_id == drew.id

    # Nobody said that a box that was followed here is right.
    row = followed(store)
    asked_of(store, row, LIVER, 0.95)
    store.edits.edit_shape(row.root_id, Box(12, 20, 90, 180), "ann")
    assert store.verdicts.of_region(row.root_id)[-1].suggestion_id is None
