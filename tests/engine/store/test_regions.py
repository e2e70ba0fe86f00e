"""Regions of any shape: each gesture, on one or on many, is one transaction, and undo appends."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.protocol import Language, Task
from engine.regions import Box, Label, RegionError
from engine.scans import Plane, Window
from engine.store import (
    AnnotationStore,
    Derivation,
    NewRegion,
    Origin,
    RegionState,
    Reshape,
    StoreError,
)
from engine.suggest import Candidate, ImageRef, ModelRef, SuggestedRegion, Suggestion, SuggestTimings

LIVER = Label("liver", "liver", "肝脏")
SPLEEN = Label("spleen", "spleen", "脾脏")
IMAGE = ImageRef(Path("/scans/ct"), "1.2.3", "1.2.3.4", "CT", Plane.AXIAL, 7, 512, 400, Window(40, 400), "a" * 64)
BOX, OTHER = Box(10, 20, 100, 200), Box(11, 21, 99, 180)
TRIANGLE = '{"kind":"polygon","points":[[11,21],[99,21],[50,180]]}'
POLYGON = '{"points": [[10.0, 20.0], [100.0, 20.0], [50.0, 200.0]], "kind": "polygon"}'
SAID = '{"laterality":"left","text":"see 12 下方"}'
CANONICAL = '{"kind":"polygon","points":[[10.0,20.0],[100.0,20.0],[50.0,200.0]]}'


def slice_of(index: int) -> ImageRef:
    return dataclasses.replace(IMAGE, slice=index, sha256=f"{index:064d}")


def answer(probability: float, *, label: Label = LIVER, task: Task = Task.TEXT_TO_REGION) -> Suggestion:
    asked = task is Task.REGION_TO_TEXT
    return Suggestion(
        task=task,
        language=Language.EN,
        image=IMAGE,
        prompt="p",
        raw="r",
        text="t",
        regions=(SuggestedRegion(label.en, label.zh, label.id, BOX, probability),),
        candidates=(Candidate(label.en, label.zh, label.id, probability),) if asked else (),
        not_present=(),
        abstained=False,
        malformed=False,
        model=ModelRef("starter", "b" * 64),
        timings_ms=SuggestTimings(1, 2, 3, 4, 10),
    )


def gestures(store: AnnotationStore) -> list[str]:
    return [entry.what for entry in store.audit.all()]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[AnnotationStore]:
    with AnnotationStore.open(tmp_path / "a.sqlite") as opened:
        yield opened
        assert opened.audit_problems() == []
        assert opened.integrity_problems() == []


def test_a_shape_a_name_and_attributes_are_kept_in_one_gesture(store: AnnotationStore):
    said = '{"text": "see 12 下方", "laterality": "left", "severity": ""}'
    drawn = store.draw_region(IMAGE, "1", BOX, "ann", shape=POLYGON, label=LIVER, attributes=said)
    assert gestures(store) == ["drew"]
    with AnnotationStore.open(store.path) as again:
        row = again.regions.current(drawn.root_id)
        assert (row.shape, row.box, row.attributes, row.label.en) == (CANONICAL, BOX, SAID, "liver")
        assert (row.state, row.origin, row.is_key, row.locked) == (RegionState.EDITED, Origin.PERSON, True, False)
        assert [one.kind for one in again.verdicts.of_region(row.root_id)] == ["labelled"]


def test_a_box_is_kept_as_it_was_before_there_were_shapes(store: AnnotationStore):
    row = store.draw_region(IMAGE, "1", BOX, "ann")
    columns = "shape, attributes, structure_id, is_key, locked, derivation, reading_id"
    assert store._connection.execute(f"SELECT {columns} FROM region").fetchone() == (None,) * 7
    assert (row.shape, row.state) == (None, RegionState.DRAWN)
    assert (
        store.draw_region(IMAGE, "1", BOX, "ann", shape='{"kind":"box","x1":10,"x2":100,"y1":20,"y2":200}').shape
        is None
    )


@pytest.mark.parametrize("text", ["", "7", "{}", '{"kind": "star"}', '{"kind": "polygon", "points": [NaN]}'])
def test_text_that_is_no_shape_is_refused(store: AnnotationStore, text: str):
    with pytest.raises(RegionError, match=r"shape|JSON|polygon"):
        store.draw_region(IMAGE, "1", BOX, "ann", shape=text)
    assert gestures(store) == []


def test_a_shape_with_the_bounds_of_another_is_refused(store: AnnotationStore):
    with pytest.raises(StoreError, match="was given the bounds"):
        store.draw_region(IMAGE, "1", OTHER, "ann", shape=POLYGON)
    assert gestures(store) == []


@pytest.mark.parametrize("text", ["", "[]", '{"severity": 3}', '{"text": null}'])
def test_text_that_says_nothing_of_a_region_is_refused(store: AnnotationStore, text: str):
    row = store.draw_region(IMAGE, "1", BOX, "ann")
    with pytest.raises(StoreError, match=r"JSON|must all be texts"):
        store.edits.set_attributes([row.root_id], text, "ann")
    assert store.edits.set_attributes([row.root_id], "{}", "ann")[0].attributes is None


def test_reshaping_keeps_the_name_and_makes_a_suggestion_the_persons_own(store: AnnotationStore):
    ((found, kept),) = store.record_found(answer(0.9), "1", "ann")
    view = dataclasses.replace(IMAGE, window=Window(50, 350), sha256="c" * 64)
    row = store.edits.edit_shape(found.root_id, OTHER, "ann", shape=TRIANGLE, view=view)
    assert (row.label, row.state, row.origin, row.box) == (LIVER, RegionState.EDITED, Origin.MODEL, OTHER)
    assert (row.window, row.view_sha256) == (Window(50, 350), "c" * 64)
    (verdict,) = store.verdicts.of_region(found.root_id)
    assert (verdict.kind, verdict.suggestion_id) == ("reshaped", kept.id)
    back = store.revert(found.root_id, found.id, "ann")
    assert (back.box, back.shape, back.state, back.window) == (BOX, None, RegionState.SUGGESTED, IMAGE.window)


def test_reshaping_an_unnamed_region_leaves_it_waiting_for_a_name(store: AnnotationStore):
    row = store.draw_region(IMAGE, "1", BOX, "ann")
    assert store.edits.edit_shape(row.root_id, OTHER, "ann").state is RegionState.DRAWN


def test_a_shape_outside_the_image_changes_none_of_many(store: AnnotationStore):
    rows = [store.draw_region(IMAGE, "1", BOX, "ann") for _ in range(2)]
    edits = [Reshape(rows[0].root_id, OTHER), Reshape(rows[1].root_id, Box(0, 0, 900, 10))]
    with pytest.raises(RegionError, match="512 x 400"):
        store.edits.edit_many(edits, "ann")
    assert [store.regions.current(row.root_id) for row in rows] == rows


def test_one_label_is_changed_everywhere_at_once_and_back(store: AnnotationStore):
    rows = [store.draw_region(slice_of(n), "1", BOX, "ann", label=LIVER) for n in range(5)]
    store.draw_region(IMAGE, "1", BOX, "ann", label=SPLEEN)
    everywhere = store.regions.labelled(LIVER)
    assert [row.id for row in everywhere] == [row.id for row in rows]
    before = len(gestures(store))
    changed = store.edits.set_label([row.root_id for row in everywhere], SPLEEN, "bob")
    assert {row.label for row in changed} == {SPLEEN}
    assert gestures(store)[before:] == ["labelled"]
    assert store.regions.labelled(LIVER) == []
    store.edits.revert_many([(row.root_id, row.id) for row in rows], "bob")
    assert {store.regions.current(row.root_id).label for row in rows} == {LIVER}
    assert gestures(store)[before:] == ["labelled", "restored"]


def test_a_name_taken_away_makes_a_region_wait_for_one(store: AnnotationStore):
    row = store.draw_region(IMAGE, "1", BOX, "ann", label=LIVER)
    (bare,) = store.edits.set_label([row.root_id], None, "ann")
    assert (bare.label, bare.state) == (None, RegionState.DRAWN)


def test_attributes_change_nothing_else(store: AnnotationStore):
    ((found, _),) = store.record_found(answer(0.9), "1", "ann")
    (row,) = store.edits.set_attributes([found.root_id], '{"severity":"severe"}', "ann")
    assert (row.attributes, row.state, row.label) == ('{"severity":"severe"}', RegionState.SUGGESTED, LIVER)


def test_what_is_deleted_stays_deleted_until_undone(store: AnnotationStore):
    ((found, _),) = store.record_found(answer(0.9), "1", "ann")
    store.edits.delete([found.root_id], "ann")
    assert store.regions.of_image(found.image_id) == []
    with pytest.raises(StoreError, match="is not there to be changed: undo"):
        store.edits.set_label([found.root_id], SPLEEN, "ann")
    assert store.edits.accept_many([found.root_id], 0.5, "ann") == []
    store.revert(found.root_id, found.id, "ann")
    assert [row.root_id for row in store.regions.of_image(found.image_id)] == [found.root_id]


def test_a_locked_region_takes_only_unlocking_undo_and_a_structure(store: AnnotationStore):
    row = store.draw_region(IMAGE, "1", BOX, "ann", label=LIVER)
    root = row.root_id
    (locked,) = store.edits.lock([root], "ann")
    assert locked.locked
    for change in (
        lambda: store.edits.edit_shape(root, OTHER, "ann"),
        lambda: store.edits.set_label([root], SPLEEN, "ann"),
        lambda: store.edits.delete([root], "ann"),
        lambda: store.correct(root, SPLEEN, "ann"),
        lambda: store.reject(root, "ann"),
    ):
        with pytest.raises(StoreError, match="is locked: unlock it"):
            change()
    assert store.edits.group([root], "ann")[0].locked
    (unlocked,) = store.edits.unlock([root], "ann")
    assert not unlocked.locked
    assert store.edits.set_label([root], SPLEEN, "ann")[0].label == SPLEEN
    assert store.revert(root, locked.id, "ann").locked


def test_a_duplicate_is_a_region_of_its_own(store: AnnotationStore):
    ((found, _),) = store.record_found(answer(0.9), "1", "ann")
    copy = store.edits.edit_shape(store.drawing.duplicate(found.root_id, "ann").root_id, OTHER, "ann")
    assert copy.root_id != found.root_id
    assert (copy.label, copy.state, copy.origin) == (LIVER, RegionState.EDITED, Origin.COPIED)
    assert Derivation.from_json(copy.derivation) == Derivation((found.root_id,), "duplicate")
    assert store.regions.current(found.root_id) == found
    with pytest.raises(RegionError):
        store.drawing.duplicate(found.root_id, "ann", box=Box(0, 0, 900, 900))


def test_a_structure_that_is_not_there_cannot_be_joined(store: AnnotationStore):
    with pytest.raises(StoreError, match="no region 99"):
        store.draw_region(IMAGE, "1", BOX, "ann", structure_id=99)


def test_a_verdict_names_the_kind_of_shape_and_leaves_its_points_to_the_rows(store: AnnotationStore):
    row = store.draw_region(IMAGE, "1", BOX, "ann", label=LIVER)
    store.edits.edit_shape(row.root_id, OTHER, "ann", shape=TRIANGLE)
    verdict = store.verdicts.of_region(row.root_id)[-1]
    assert '"shape":"polygon"' in verdict.after
    assert "shape" not in verdict.before


CHANGES = [
    lambda store, root: store.edits.edit_shape(root, OTHER, "ann", shape=TRIANGLE, view=slice_of(9)),
    lambda store, root: store.edits.edit_shape(root, BOX, "ann"),
    lambda store, root: store.edits.set_label([root], SPLEEN, "ann"),
    lambda store, root: store.edits.set_label([root], None, "ann"),
    lambda store, root: store.edits.set_attributes([root], SAID, "ann"),
    lambda store, root: store.edits.set_attributes([root], None, "ann"),
    lambda store, root: store.edits.group([root], "ann"),
    lambda store, root: store.edits.lock([root], "ann"),
    lambda store, root: store.edits.unlock([root], "ann"),
    lambda store, root: store.reject(root, "ann"),
    lambda store, root: store.edits.delete([root], "ann"),
]


@settings(max_examples=40, deadline=None)
@given(st.lists(st.sampled_from(CHANGES), max_size=6), st.data())
def test_undo_brings_back_every_field_of_any_earlier_row(changes, data):
    with TemporaryDirectory() as folder, AnnotationStore.open(Path(folder) / "a.sqlite") as store:
        root = store.draw_region(IMAGE, "1", BOX, "ann", label=LIVER).root_id
        for change in changes:
            # Locked, or hidden: not every change is taken.
            with contextlib.suppress(StoreError):
                change(store, root)
        history = store.regions.history(root)
        old = data.draw(st.sampled_from(history))
        back = store.revert(root, old.id, "bob")
        assert dataclasses.replace(back, id=old.id, who=old.who, created=old.created) == old
        assert store.regions.history(root) == [*history, back], "history only grows"
        assert store.audit_problems() == []


def interpolated(index: int, first: int, last: int) -> NewRegion:
    made_of = Derivation((first, last), "linear")
    return NewRegion(
        slice_of(index), "1", OTHER, TRIANGLE, LIVER, origin=Origin.INTERPOLATED, is_key=False, derivation=made_of
    )


def test_slices_between_become_one_structure_with_the_drawn_ones_in_one_gesture(store: AnnotationStore):
    first = store.draw_region(slice_of(1), "1", BOX, "ann", label=LIVER)
    last = store.draw_region(slice_of(4), "1", BOX, "ann", label=LIVER)
    between = [interpolated(n, first.root_id, last.root_id) for n in (2, 3)]
    new, joined = store.drawing.draw_many(between, "ann", structure=True, join=[first.root_id, last.root_id])
    assert gestures(store) == ["drew", "drew", "interpolated"]
    structure = store.regions.of_structure(first.root_id)
    assert [store.images.get(row.image_id).slice for row in structure] == [1, 2, 3, 4]
    assert [row.is_key for row in structure] == [True, False, False, True]
    assert store.edits.edit_shape(new[0].root_id, BOX, "ann").is_key, "a slice that a person reshapes is drawn"
    back = [(row.root_id, None) for row in new] + [(first.root_id, first.id), (last.root_id, last.id)]
    store.edits.revert_many(back, "ann")
    assert store.regions.of_structure(first.root_id) == []
    assert store.regions.current(first.root_id).structure_id is None
    again = [(row.root_id, row.id) for row in (*new, *joined)]
    store.edits.revert_many(again, "ann")
    assert len(store.regions.of_structure(first.root_id)) == 4


def test_a_structure_of_new_regions_is_called_by_the_first(store: AnnotationStore):
    many = [NewRegion(slice_of(n), "1", BOX, label=LIVER) for n in range(3)]
    rows, _ = store.drawing.draw_many(many, "ann", structure=True)
    assert {row.structure_id for row in rows} == {rows[0].root_id}
    later = store.draw_region(slice_of(3), "1", BOX, "ann", label=LIVER, structure_id=rows[0].root_id)
    assert store.regions.of_structure(rows[0].root_id)[-1] == later
    assert store.edits.group([rows[0].root_id, later.root_id], "ann") == []


def test_one_of_many_new_regions_outside_its_image_keeps_none(store: AnnotationStore):
    many = [NewRegion(IMAGE, "1", BOX), NewRegion(IMAGE, "1", Box(0, 0, 900, 9))]
    with pytest.raises(RegionError):
        store.drawing.draw_many(many, "ann")
    assert gestures(store) == []


def test_what_a_machine_propagated_is_a_suggestion_until_somebody_decides(store: AnnotationStore):
    made = NewRegion(IMAGE, "1", BOX, label=LIVER, origin=Origin.PROPAGATED, is_key=False)
    assert store.drawing.draw(made, "ann").state is RegionState.SUGGESTED


def test_accepted_finds_keep_the_answer_and_the_verdict(store: AnnotationStore):
    found = NewRegion(
        IMAGE, "1", BOX, label=LIVER, origin=Origin.MODEL, state=RegionState.ACCEPTED, suggestion=answer(0.7)
    )
    row = store.drawing.draw(found, "ann")
    (verdict,) = store.verdicts.of_region(row.root_id)
    assert (verdict.kind, verdict.suggestion_id) == ("accepted", store.suggestions.of_region(row.root_id).id)
    with pytest.raises(StoreError, match="without a name"):
        store.drawing.draw(dataclasses.replace(found, label=None), "ann")


def test_only_what_the_model_is_sure_of_is_accepted_and_the_threshold_is_written_down(store: AnnotationStore):
    sure, unsure = (store.record_found(answer(p), "1", "ann")[0][0] for p in (0.8, 0.79))
    asked, _ = store.record_asked(answer(0.95, task=Task.REGION_TO_TEXT), "1", OTHER, "ann")
    renamed = store.record_found(answer(0.99), "1", "ann")[0][0]
    store.edits.set_label([renamed.root_id], SPLEEN, "ann")
    locked = store.record_found(answer(0.99), "1", "ann")[0][0]
    store.edits.lock([locked.root_id], "ann")
    bare = store.draw_region(IMAGE, "1", BOX, "ann")
    every = [row.root_id for row in (sure, unsure, asked, renamed, locked, bare)]
    rows = store.edits.accept_many(every, 0.8, "ann")
    assert [(row.root_id, row.label, row.state) for row in rows] == [
        (sure.root_id, LIVER, RegionState.ACCEPTED),
        (asked.root_id, LIVER, RegionState.ACCEPTED),
    ]
    assert gestures(store)[-1] == "accepted from 0.8"
    assert store.verdicts.of_region(sure.root_id)[-1].detail == '{"probability":0.8,"threshold":0.8}'
    assert store.regions.current(renamed.root_id).label == SPLEEN, "nothing that a person named is named again"
    assert store.edits.accept_many(every, 0.8, "ann") == []


def test_how_sure_the_sides_of_a_found_box_are_is_kept(store: AnnotationStore):
    said = answer(0.9)
    sure = dataclasses.replace(said, regions=(dataclasses.replace(said.regions[0], spread=(0.5, 1.0, 12.25, 3.0)),))
    ((row, kept),) = store.record_found(sure, "1", "ann")
    assert kept.spread == (0.5, 1.0, 12.25, 3.0)
    again = store.suggestions.of_region(row.root_id)
    assert again is not None
    assert again.spread == kept.spread
    ((_, plain),) = store.record_found(said, "1", "ann")
    assert plain.spread is None


def test_answers_of_a_slice_are_kept_together_and_what_was_asked_is_known(store: AnnotationStore):
    place = (IMAGE.path, IMAGE.series_uid, IMAGE.plane, "b" * 64, None)
    found, left_out = answer(0.9), dataclasses.replace(answer(0.2), prompt="q")
    nothing = dataclasses.replace(answer(0.9), prompt="n", regions=())
    about_slice = [dataclasses.replace(found, regions=()), left_out, nothing]
    kept = store.drawing.record_found_many([found], "1", "ann", about_slice=about_slice)
    assert [row.state for row, _ in kept] == [RegionState.SUGGESTED]
    assert gestures(store) == ["suggested"]
    assert len(store.suggestions.of_image(kept[0][0].image_id)) == 3
    assert store.suggestions.found_in_series(*place) == {(7, "p"): None, (7, "q"): 0.2, (7, "n"): None}
    store.record_found(dataclasses.replace(left_out, image=slice_of(8)), "1", "ann")
    store.drawing.record_found_many([], "1", "ann", about_slice=[dataclasses.replace(left_out, regions=())])
    asked = store.suggestions.found_in_series(*place)
    assert (asked[7, "q"], asked[8, "q"]) == (None, None)
    for number, other in enumerate((Path("/scans/mr"), "1.2.9", Plane.CORONAL, "c" * 64, "adapter")):
        elsewhere = (*place[:number], other, *place[number + 1 :])
        assert store.suggestions.found_in_series(*elsewhere) == {}


def test_none_of_several_answers_is_kept_when_one_cannot_be(store: AnnotationStore):
    broken = dataclasses.replace(answer(0.9), image=dataclasses.replace(slice_of(9), width=None))
    with pytest.raises((StoreError, TypeError)):
        store.drawing.record_found_many([answer(0.9), broken], "1", "ann")
    assert gestures(store) == []
    assert store.regions.of_series(IMAGE.path, IMAGE.series_uid) == []
