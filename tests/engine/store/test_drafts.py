"""What was half drawn is offered again, and labels of one's own are never lost."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.scans import Plane, Window
from engine.store import AnnotationStore, StoreError
from engine.suggest import ImageRef

IMAGE = ImageRef(Path("/scans/ct"), "1.2.3", "1.2.3.4", "CT", Plane.AXIAL, 7, 512, 400, Window(40, 400), "a" * 64)
NEXT = dataclasses.replace(IMAGE, slice=8)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[AnnotationStore]:
    with AnnotationStore.open(tmp_path / "a.sqlite") as opened:
        yield opened


def test_the_newest_draft_of_each_slice_and_person_is_kept(store: AnnotationStore):
    for number in range(3):
        store.drafts.keep(IMAGE, "polygon", f'{{"points":[{number}]}}', "ann")
    store.drafts.keep(NEXT, "mask", "{}", "ann")
    store.drafts.keep(IMAGE, "ellipse", "{}", "bob")
    with AnnotationStore.open(store.path) as again:
        assert again.drafts.of_image(IMAGE, "ann").shape == '{"points":[2]}'
        latest, older = again.drafts.of_person("ann")
        assert (latest.slice, latest.kind, latest.source, latest.plane) == (8, "mask", "/scans/ct", Plane.AXIAL)
        assert older.slice == 7
        again.drafts.drop(IMAGE, "ann")
        assert again.drafts.of_image(IMAGE, "ann") is None
        assert again.drafts.of_image(IMAGE, "bob").kind == "ellipse"
    store.drafts.drop(IMAGE, "nobody")


def test_a_draft_is_no_gesture_and_gestures_still_wait_for_the_disk(store: AnnotationStore):
    store.drafts.keep(IMAGE, "polygon", "{}", "ann")
    assert list(store.audit.all()) == []
    assert store._connection.execute("PRAGMA synchronous").fetchone()[0] == 2, "FULL"


def test_labels_of_ones_own_are_added_renamed_and_taken_away(store: AnnotationStore):
    store.labels.keep_own_label("own-vein", "vein", "静脉", "ann")
    store.labels.keep_own_label("own-node", "node", "", "bob")
    store.labels.keep_own_label("own-vein", "portal vein", "门静脉", "bob", '{"kind":"anatomy"}')
    first, second = store.labels.own_labels()
    assert (first.label_id, first.en, first.zh, first.who) == ("own-vein", "portal vein", "门静脉", "bob")
    assert (second.en, second.details, first.details) == ("node", "", '{"kind":"anatomy"}')
    store.labels.retire_own_label("own-vein", "ann")
    assert [row.label_id for row in store.labels.own_labels()] == ["own-node"]
    with pytest.raises(StoreError, match="no label 'own-vein'"):
        store.labels.retire_own_label("own-vein", "ann")
    store.labels.keep_own_label("own-vein", "vein", "静脉", "ann")
    assert [row.label_id for row in store.labels.own_labels()] == ["own-vein", "own-node"]
    with pytest.raises(StoreError, match="needs an id and a name"):
        store.labels.keep_own_label("x", " ", "", "ann")
    assert store.audit_problems() == []


def test_the_label_scheme_is_kept_as_text(store: AnnotationStore):
    assert store.labels.scheme() == ""
    store.labels.set_scheme('{"labels":["肝脏"]}')
    assert store.labels.scheme() == '{"labels":["肝脏"]}'
