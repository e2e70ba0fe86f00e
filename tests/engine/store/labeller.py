"""Labels without end, for the kill test: each line on standard input starts one labeller, to be killed.

Run as a script with a database and as many gestures as the test lets it live. One import of the engine serves all
rounds: each labeller is a fork that opens the database anew.
"""

from __future__ import annotations

import dataclasses
import os
import sys
from collections.abc import Iterable
from pathlib import Path

from engine.regions import Box, Label
from engine.scans import Plane, Window
from engine.store import AnnotationStore, Derivation, NewRegion, Origin, RegionRow, Reshape
from engine.suggest import ImageRef

IMAGE = ImageRef(Path("/scans/ct"), "1", "", "CT", Plane.AXIAL, 0, 512, 512, Window(40, 400), "a" * 64)
LIVER, SPLEEN = Label("liver", "liver", "肝脏"), Label("spleen", "spleen", "脾脏")
BOX, POLYGON = Box(1, 2, 30, 40), '{"kind":"polygon","points":[[1,2],[30,2],[9,40]]}'

ELLIPSE = '{"angle_deg":0,"cx":30.5,"cy":36,"kind":"ellipse","rx":29.5,"ry":34}'


def label_for_ever(database: Path) -> None:
    """Make gestures; say each, with the rows it made, as soon as the store has returned from it."""
    say(str(os.getpid()))
    store = AnnotationStore.open(database)
    while True:
        annotate(store)
        read_and_review(store)


def annotate(store: AnnotationStore) -> None:
    """Shapes drawn, named, made between slices, judged, undone."""
    store.drafts.keep(IMAGE, "polygon", str(said := store.audit.count()), "ann")
    say(f"draft {said}")
    first = kept(store.draw_region(IMAGE, "1", BOX, "ann", shape=POLYGON))
    last = kept(store.draw_region(slice_of(3), "1", BOX, "ann", label=LIVER))
    kept(store.edits.edit_shape(first.root_id, Box(1, 2, 60, 70), "ann", shape=ELLIPSE))
    roots = [first.root_id, last.root_id]
    kept_all(store.edits.set_label(roots, SPLEEN, "ann"))
    made_of = Derivation(tuple(roots), "linear")
    between = [
        NewRegion(
            slice_of(number), "1", BOX, POLYGON, SPLEEN, origin=Origin.INTERPOLATED, is_key=False, derivation=made_of
        )
        for number in (1, 2)
    ]
    new, joined = store.drawing.draw_many(between, "ann", structure=True, join=roots)
    kept_all([*new, *joined])
    kept_all(store.edits.edit_many([Reshape(row.root_id, Box(2, 3, 50, 60)) for row in new], "ann"))
    kept_all(store.edits.set_attributes(roots, '{"laterality":"left","text":"see below"}', "ann"))
    kept_all(store.edits.lock(roots, "ann"))
    kept_all(store.edits.unlock(roots, "ann"))
    kept(store.drawing.duplicate(first.root_id, "ann"))
    kept(store.reject(last.root_id, "ann"))
    kept_all(store.edits.delete([row.root_id for row in new], "ann"))
    kept_all(store.edits.revert_many([(row.root_id, row.id) for row in (*new, last)], "ann"))


def read_and_review(store: AnnotationStore) -> None:
    """A task from its beginning to its approval."""
    for name in ("ann", "bob"):
        store.tasks.add_annotator(name, "bob")
    number = len(store.tasks.all())
    task = store.tasks.assign("/scans/mr", str(number), "ann", "bob")
    say(f"task {task.id} 1")
    kept(store.draw_region(dataclasses.replace(IMAGE, path=Path("/scans/mr"), series_uid=str(number)), "2", BOX, "ann"))
    for move in (
        lambda: store.tasks.submit(task.id, "ann"),
        lambda: store.tasks.return_task(task.id, "bob", "the lower edge"),
        lambda: store.tasks.submit(task.id, "ann"),
        lambda: store.tasks.approve(task.id, "bob"),
    ):
        move()
        event = store.tasks.events(task.id)[-1]
        say(f"task_event {event.id} {event.state.value}")


def slice_of(number: int) -> ImageRef:
    """Another slice of the scan."""
    return dataclasses.replace(IMAGE, slice=number)


def kept(row: RegionRow) -> RegionRow:
    """Say that a region row is on disk."""
    kept_all([row])
    return row


def kept_all(rows: Iterable[RegionRow]) -> None:
    """Say that the rows of one gesture are on disk."""
    say("".join(f"region {row.id} {row.state.value}\n" for row in rows).rstrip())


def say(words: str) -> None:
    """One line or more in one write: a kill leaves it whole or away."""
    os.write(1, f"{words}\n".encode())


if __name__ == "__main__":
    for _ in sys.stdin:
        child = os.fork()
        if child == 0:
            label_for_ever(Path(sys.argv[1]))
        os.waitpid(child, 0)
        say("killed")
