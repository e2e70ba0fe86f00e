"""How much handwork the model's help saves: ``medrega bench annotate``.

Twenty regions of the demo are annotated twice in the real window with real events, by somebody who knows the truth:
once with what the model finds and names, once by drawing each box and typing its name. A gesture is one click, one
drag or one key.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import click
import shiboken6
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from desktop.app import make_application, make_window
from desktop.cli import has_display
from desktop.main_window import MainWindow
from desktop.model.slice_regions import UNDECIDED
from desktop.screenshot import draw_box, wait_until
from engine.bench import BenchReport, Row, row
from engine.cli.bench import print_report
from engine.cli.options import json_option
from engine.demo import GROUND_TRUTH_JSON, default_demo_folder, phantom_folder
from engine.labels import same_name
from engine.regions import Box, Label, LabelSet
from engine.runtime import DEFAULT_MODEL
from engine.store import DECIDED_STATES, RegionRow

_SLICES = 5
_EACH = 4
_GOOD_IOU = 0.5
"""A found box that shares this much with the truth is taken by most people; less is deleted and drawn anew."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A region to annotate."""

    slice: int
    label: Label
    box: Box


def wanted_regions(labels: LabelSet) -> list[Wanted]:
    """Twenty regions of the demo: the four largest structures that the model knows, on five slices."""
    truth = json.loads((phantom_folder(default_demo_folder()) / GROUND_TRUTH_JSON).read_text(encoding="utf-8"))["boxes"]
    by_slice: dict[int, list[Wanted]] = {}
    for index, boxes in truth.items():
        here = [Wanted(int(index), label, Box(*boxes[label.id][0])) for label in labels if label.id in boxes]
        here.sort(key=lambda one: -one.box.area)
        if len(here) >= _EACH:
            by_slice[int(index)] = here[:_EACH]
    slices = sorted(by_slice)
    step = max(1, len(slices) // (_SLICES + 1))
    return [one for index in slices[step::step][:_SLICES] for one in by_slice[index]]


class _Hand:
    """Does gestures and counts them."""

    def __init__(self, window: MainWindow) -> None:
        self.window = window
        self.gestures = 0

    def key(self, key: Qt.Key) -> None:
        self.gestures += 1
        QTest.keyClick(self.window.focusWidget() or self.window.view, key)

    def draw(self, box: Box) -> int:
        self.gestures += 1
        draw_box(self.window, box)
        root = self.window.regions.selected_root
        assert root is not None
        return root

    def go_to(self, index: int) -> None:
        """Both ways of working turn the same slices: not counted."""
        self.window.viewing.go_to(index)

    def name(self, label: Label) -> None:
        """Type until the name is the one that Enter takes."""
        for letter in label.en:
            self.gestures += 1
            QTest.keyClicks(self.window.focusWidget() or self.window.view, letter)
            if same_name(self.window.card.chosen, label):
                break
        self.key(Qt.Key.Key_Return)


def asked_on_release(window: MainWindow, wanted: list[Wanted]) -> int:
    """Draw each box, and take the name that the model gives it or type another."""
    hand = _Hand(window)
    for one in wanted:
        hand.go_to(one.slice)
        _draw_and_name(hand, one)
    return hand.gestures


def _draw_and_name(hand: _Hand, one: Wanted) -> None:
    window = hand.window
    root = hand.draw(one.box)
    wait_until(lambda: window.regions.suggestion(root) is not None)
    if same_name(window.card.chosen, one.label):
        hand.key(Qt.Key.Key_Return)
    else:
        hand.name(one.label)


def found_by_name(window: MainWindow, wanted: list[Wanted]) -> int:
    """Ask for the names on each slice, take what is right, delete what is wrong, draw what is missing."""
    hand = _Hand(window)
    names = list(dict.fromkeys(one.label.en for one in wanted))
    # Each is two clicks in the list of names.
    hand.gestures += 2 * len(names)
    window.regions_panel.set_names(", ".join(names))
    window.view.setFocus()
    for index in dict.fromkeys(one.slice for one in wanted):
        here = [one for one in wanted if one.slice == index]
        hand.go_to(index)
        hand.key(Qt.Key.Key_F)
        hand.key(Qt.Key.Key_Return)
        wait_until(lambda: not window.asking.asking)
        done = _judge(hand, here)
        for one in here:
            if one.label not in done:
                _draw_and_name(hand, one)
    return hand.gestures


def _judge(hand: _Hand, here: list[Wanted]) -> set[Label]:
    """One key for each finding; returns the names that are done."""
    regions, done = hand.window.regions, set()
    if any(one.state in UNDECIDED for one in regions.rows) and regions.selected_row is None:
        hand.key(Qt.Key.Key_Tab)
    while regions.selected_row is not None and regions.selected_row.state in UNDECIDED:
        found = regions.selected_row
        right = _right(found, [one for one in here if one.label not in done])
        if right is not None:
            done.add(right.label)
        hand.key(Qt.Key.Key_Delete if right is None else Qt.Key.Key_Return)
    return done


def _right(found: RegionRow, wanted: list[Wanted]) -> Wanted | None:
    fits = [one for one in wanted if same_name(found.label, one.label) and found.box.iou(one.box) >= _GOOD_IOU]
    return fits[0] if fits else None


def by_hand(window: MainWindow, wanted: list[Wanted]) -> int:
    """Draw each box and type its name."""
    hand = _Hand(window)
    for one in wanted:
        hand.go_to(one.slice)
        hand.draw(one.box)
        hand.name(one.label)
    return hand.gestures


@contextmanager
def demo_window(model_id: str) -> Iterator[MainWindow]:
    """The window on the demo, with a database of its own and the model ready."""
    _, translations = make_application()
    with tempfile.TemporaryDirectory() as folder:
        window, store = make_window(translations, Path(folder) / "bench.sqlite", model_id, "bench")
        try:
            window.set_interface_language("en")
            window.resize(1280, 800)
            window.show()
            window.start([], demo=True)
            wait_until(lambda: window.viewing.current is not None and window.viewing.current.is_complete)
            window.view.setFocus()
            yield window
        finally:
            window.close()
            store.close()
            shiboken6.delete(window)


def annotate_rows(model_id: str = DEFAULT_MODEL) -> list[Row]:
    """Gestures for each region, with help and without."""
    figures = []
    for work in (asked_on_release, found_by_name, by_hand):
        with demo_window(model_id) as window:
            wanted = wanted_regions(window.asking.labels)
            gestures = work(window, wanted)
            for index in dict.fromkeys(one.slice for one in wanted):
                window.viewing.go_to(index)
                kept = [one for one in window.regions.rows if one.state in DECIDED_STATES]
                asked = {one.label.id for one in wanted if one.slice == index}
                assert {one.label.id for one in kept if one.label} == asked, (index, asked, kept)
            figures.append(gestures / len(wanted))
    released, found, hand = figures
    what, unit, peer = f"{len(wanted)} regions on {_SLICES} slices", "gestures/region", "drawn and typed by hand"
    return [
        row(f"{what}, drawn and named by the model", unit, released, peer_name=peer, peer=hand, goal=2),
        row(f"{what}, found by name", unit, found, peer_name=peer, peer=hand),
    ]


@click.command("annotate")
@click.option("--model", "model_id", default=DEFAULT_MODEL, show_default=True)
@json_option
def annotate_command(model_id: str, as_json: bool) -> None:
    """Annotate twenty regions of the demo in a real window, with the model's help and without.

    Counts clicks, drags and keys. Takes about a minute. Example: medrega bench annotate --json
    """
    if not has_display():
        os.environ["QT_QPA_PLATFORM"] = "offscreen"
    print_report(BenchReport("annotate", tuple(annotate_rows(model_id))), as_json)
