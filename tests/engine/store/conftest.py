"""A database with some work in it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from engine.protocol import Language, Task
from engine.regions import Box, Label
from engine.scans import Plane, SeriesEntry, Window
from engine.store import AnnotationStore, DecisionKind, Derivation, ListedScan, NewRegion, ScanMark
from engine.suggest import Candidate, ImageRef, ModelRef, SuggestedRegion, Suggestion, SuggestTimings

_IMAGE = ImageRef(Path("/scans/ct"), "1.2.3", "1.2.3.4", "CT", Plane.AXIAL, 7, 512, 400, Window(40, 400), "a" * 64)
_BOX = Box(10.5, 20, 100, 200)
_ENTRY = SeriesEntry(Path("/scans/ct"), "1.2.3", "1.2", "CT", "Abdomen", 400, 512, 9, ())
_LIVER = Label("liver", "liver", "肝脏")


@pytest.fixture
def work() -> Callable[[AnnotationStore], None]:
    """One gesture of every kind."""

    def do(store: AnnotationStore) -> None:
        answer = Suggestion(
            task=Task.REGION_TO_TEXT,
            language=Language.EN,
            image=_IMAGE,
            prompt="what is <image> this?",
            raw="liver",
            text="liver",
            regions=(SuggestedRegion("liver", "肝脏", "liver", _BOX, 0.9),),
            candidates=(Candidate("liver", "肝脏", "liver", 0.9),),
            not_present=(),
            abstained=False,
            malformed=False,
            model=ModelRef("starter", "b" * 64),
            timings_ms=SuggestTimings(1, 2, 3, 4, 10),
        )
        region, kept = store.record_asked(answer, "1.2", _BOX, "ann")
        accepted = store.accept(region.root_id, kept.id, _LIVER, "ann")
        store.reject(region.root_id, "ann")
        store.revert(region.root_id, accepted.id, "ann")
        drawn = store.draw_region(_IMAGE, "1.2", Box(1, 2, 3, 4), "bob")
        store.record_suggestion(answer, "1.2", drawn.root_id)
        store.correct(drawn.root_id, Label("", "vein", ""), "bob", box=Box(1, 2, 30, 40))
        store.record_found(answer, "1.2", "bob")
        (scan,) = store.scan_index.keep([ListedScan(_ENTRY)])
        store.scan_index.mark(store.scans.get(scan), ScanMark.DONE, "bob")
        if not store.tasks.annotators():
            store.tasks.add_annotator("cy", "bob")
        number = len(store.tasks.all())
        store.tasks.assign("/scans/mr", str(number), "cy", "bob")
        image = replace(_IMAGE, path=Path("/scans/mr"), series_uid=str(number))
        shape = '{"angle_deg":0,"cx":55.25,"cy":110,"kind":"ellipse","rx":44.75,"ry":90}'
        said = '{"laterality":"left","text":"see below"}'
        made_of = Derivation((drawn.root_id,), "copy")
        new = NewRegion(image, "1.3", _BOX, shape, _LIVER, said, is_key=False, derivation=made_of)
        (first, second), _ = store.drawing.draw_many([new, new], "cy", structure=True)
        store.edits.lock([first.root_id, second.root_id], "cy")
        found = store.record_found(answer, "1.2", "bob")
        store.edits.accept_many([row.root_id for row, _ in found], 0.5, "bob")
        store.labels.keep_own_label("own-vein", "vein", "静脉", "bob")
        report, _ = store.answers.keep(replace(answer, task=Task.REPORT), "1.2", "bob", {})
        store.answers.judge(report.suggestion.id, DecisionKind.EDITED, "bob", "all well")
        store.snapshots.keep("c" * 64, "{}", "{}", Path("/sets") / str(len(store.snapshots.all())), "bob")

    return do


@pytest.fixture
def worked(tmp_path: Path, work: Callable[[AnnotationStore], None]) -> Iterator[AnnotationStore]:
    """An open database in which one gesture of every kind was made."""
    with AnnotationStore.open(tmp_path / "worked.sqlite") as store:
        work(store)
        yield store
