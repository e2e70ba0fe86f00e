"""Structures in space and masks, made with menu and keys: each is one step to undo."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QDialogButtonBox

from desktop.panels.numbers_dialog import NumbersDialog
from engine.regions import Box, Label, Mask
from engine.store import Derivation, Origin, RegionState, shape_of

LEFT = Qt.MouseButton.LeftButton
NONE = Qt.KeyboardModifier.NoModifier
SHIFT = Qt.KeyboardModifier.ShiftModifier
CTRL = Qt.KeyboardModifier.ControlModifier
ALT = Qt.KeyboardModifier.AltModifier
LIVER = Label("liver", "liver", "肝脏")
FIRST, LAST = 8, 12


class Hand:
    """Draws with the mouse on the active view, in pixels of the slice, and uses the region's menu."""

    def __init__(self, driver) -> None:
        self.driver, self.window = driver, driver.window
        self.regions = self.window.regions
        self.regions.next_label = LIVER

    def at(self, x: float, y: float) -> QPoint:
        return self.window.view.mapFromScene(x, y)

    def drag(self, *points: tuple[float, float]) -> None:
        port = self.window.view.viewport()
        places = [self.at(*point) for point in points]
        QTest.mousePress(port, LEFT, NONE, places[0])
        for start, end in itertools.pairwise(places):
            for step in range(1, 5):
                QTest.mouseMove(port, start + (end - start) * (step / 4))
        QTest.mouseRelease(port, LEFT, NONE, places[-1])

    def key(self, key: Qt.Key, modifiers=NONE) -> None:
        QTest.keyClick(self.window.view, key, modifiers)

    def go_to(self, index: int) -> None:
        while self.window.viewing.index != index:
            self.key(Qt.Key.Key_PageDown if index > self.window.viewing.index else Qt.Key.Key_PageUp)

    def draw_on(self, index: int, *corners: tuple[float, float]) -> int:
        self.go_to(index)
        self.drag(*corners)
        return self.regions.rows[-1].root_id

    def do(self, id: str) -> None:
        action = self.window.structure_actions.by_id[id]
        assert action.isEnabled()
        action.trigger()
        self.driver.until(lambda: not self.window.models.structures.busy)

    def answer(self, *numbers: float) -> None:
        """Type into the numbers asked for, and agree."""
        (dialog,) = [
            one for one in QApplication.topLevelWidgets() if isinstance(one, NumbersDialog) and one.isVisible()
        ]
        for field, number in zip(dialog.fields, numbers, strict=True):
            field.selectAll()
            QTest.keyClicks(field, f"{number:g}")
        button = dialog.findChild(QDialogButtonBox).button(QDialogButtonBox.StandardButton.Ok)
        QTest.mouseClick(button, LEFT)
        self.driver.until(lambda: not self.window.models.structures.busy)

    def placed(self) -> dict[int, object]:
        """The regions of the scan, by slice; one on each."""
        volume = self.window.viewing.volume
        found = self.window._store.regions.of_series(volume.source, volume.series_uid)
        assert len({one.slice for one in found}) == len(found)
        return {one.slice: one.row for one in found}

    def undo(self) -> None:
        self.window.menus._undo.trigger()

    def redo(self) -> None:
        self.window.menus._redo.trigger()


@pytest.fixture
def hand(open_window) -> Hand:
    return Hand(open_window())


@pytest.fixture
def keyed(hand) -> Hand:
    """A liver drawn on two slices, four apart."""
    hand.draw_on(FIRST, (20, 20), (60, 60))
    hand.draw_on(LAST, (40, 20), (80, 60))
    return hand


def test_slices_between_two_of_one_name_are_filled_as_one_step(keyed):
    keyed.do("interpolate")
    rows = keyed.placed()
    assert sorted(rows) == [8, 9, 10, 11, 12]
    assert rows[10].box.x1 == pytest.approx((rows[8].box.x1 + rows[12].box.x1) / 2)
    between = [rows[index] for index in (9, 10, 11)]
    assert {row.origin for row in between} == {Origin.INTERPOLATED}
    assert not any(row.is_key for row in between)
    assert len({row.structure_id for row in rows.values()}) == 1
    made_of = Derivation.from_json(between[0].derivation)
    assert made_of.roots == (rows[8].root_id, rows[12].root_id)
    keyed.undo()
    rows = keyed.placed()
    assert sorted(rows) == [8, 12]
    assert {row.structure_id for row in rows.values()} == {None}
    keyed.redo()
    assert sorted(keyed.placed()) == [8, 9, 10, 11, 12]


def test_interpolating_again_replaces_what_was_made_and_keeps_what_was_drawn(keyed):
    keyed.do("interpolate")
    keyed.go_to(10)
    (row,) = keyed.regions.rows
    keyed.regions.select(row.root_id)
    keyed.key(Qt.Key.Key_Right, CTRL | SHIFT)
    moved = keyed.placed()[10]
    assert moved.is_key
    assert moved.box.x1 == pytest.approx(row.box.x1 + 10)
    before = keyed.placed()
    keyed.do("interpolate")
    rows = keyed.placed()
    assert rows[10].id == moved.id
    assert rows[9].root_id != before[9].root_id
    assert rows[9].box.x1 == pytest.approx((rows[8].box.x1 + moved.box.x1) / 2)
    keyed.undo()
    assert {index: row.root_id for index, row in keyed.placed().items()} == {
        index: row.root_id for index, row in before.items()
    }


def test_a_locked_slice_between_stays(keyed):
    keyed.do("interpolate")
    keyed.go_to(9)
    keyed.regions.select(keyed.regions.rows[0].root_id)
    keyed.window.region_actions.by_id["lock"].trigger()
    kept = keyed.placed()[9]
    keyed.do("interpolate")
    assert keyed.placed()[9].root_id == kept.root_id


def test_one_slice_alone_says_what_is_missing(hand):
    hand.draw_on(FIRST, (20, 20), (60, 60))
    said = []
    hand.window.models.structures.failed.connect(said.append)
    hand.do("interpolate")
    assert len(said) == 1
    assert len(hand.placed()) == 1


def test_one_box_is_put_on_a_range_of_slices(hand):
    hand.draw_on(10, (20, 20), (60, 60))
    hand.do("box_over")
    hand.answer(8, 14)
    rows = hand.placed()
    assert sorted(rows) == list(range(7, 14))
    assert len({row.box for row in rows.values()}) == 1
    assert {index for index, row in rows.items() if row.is_key} == {7, 10, 13}
    hand.undo()
    assert sorted(hand.placed()) == [10]


def test_a_structure_is_followed_as_suggestions_and_accepted_as_a_whole(hand):
    # The spine of the phantom goes through many slices.
    truth = truth_of(hand, "vertebra")
    hand.draw_on(10, (truth.x1 - 2, truth.y1 - 2), (truth.x2 + 2, truth.y2 + 2))
    drawn = hand.regions.selected_root
    hand.do("follow")
    rows = hand.placed()
    assert len(rows) > 2
    found = [row for row in rows.values() if row.root_id != drawn]
    assert {row.origin for row in found} == {Origin.PROPAGATED}
    assert {row.state for row in found} == {RegionState.SUGGESTED}
    assert {row.label for row in found} == {LIVER}
    hand.key(Qt.Key.Key_Return, ALT)
    assert {row.state for row in hand.placed().values()} == {RegionState.ACCEPTED, RegionState.EDITED}
    hand.undo()
    hand.undo()
    assert len(hand.placed()) == 1


def test_a_followed_slice_is_accepted_with_enter_and_one_that_is_deleted_stays_deleted(hand):
    truth = truth_of(hand, "vertebra")
    hand.draw_on(10, (truth.x1 - 2, truth.y1 - 2), (truth.x2 + 2, truth.y2 + 2))
    drawn = hand.regions.selected_root
    hand.do("follow")
    hand.go_to(11)
    hand.regions.select(hand.regions.rows[0].root_id)
    assert hand.window.card.isVisible()
    hand.key(Qt.Key.Key_Return)
    assert hand.placed()[11].state is RegionState.ACCEPTED
    hand.go_to(9)
    hand.regions.select(hand.regions.rows[0].root_id)
    hand.key(Qt.Key.Key_Delete)
    assert 9 not in hand.placed()
    hand.go_to(10)
    hand.regions.select(drawn)
    hand.do("follow")
    assert 9 not in hand.placed()


def test_a_whole_structure_is_deleted_as_one_step(keyed):
    keyed.do("interpolate")
    keyed.do("delete_all")
    assert keyed.placed() == {}
    keyed.undo()
    assert len(keyed.placed()) == 5


def test_the_list_says_how_large_a_structure_is(keyed):
    keyed.do("interpolate")
    volume = keyed.window.viewing.volume
    area = sum(shape_of(row).area for row in keyed.placed().values())
    millilitres = area * np.prod(volume.spacing_mm) / 1000
    text = keyed.window.regions_panel.list.item(0).text()
    assert f"{millilitres:.1f} ml on 5 slices" in text


def test_a_loose_box_is_fitted_to_the_structure_in_it(hand):
    truth = truth_of(hand, "left-kidney")
    root = hand.draw_on(10, (truth.x1 - 3, truth.y1 - 3), (truth.x2 + 3, truth.y2 + 3))
    drawn = hand.regions.region(root).box
    hand.key(Qt.Key.Key_N, CTRL | SHIFT)
    fitted = hand.regions.region(root).box
    assert fitted.iou(truth) > drawn.iou(truth)
    hand.undo()
    assert hand.regions.region(root).box == drawn


MASK_VERBS = {
    "make_mask": lambda before, after: after.area == pytest.approx(before.area, rel=0.1),
    "grow": lambda before, after: after.area > before.area,
    "shrink": lambda before, after: after.area < before.area,
    # Corners are rounded off; the box's own area lies between whole pixels.
    "smooth": lambda before, after: after.area < before.covered(0, 0, 128, 128).sum(),
}


@pytest.mark.parametrize("id", MASK_VERBS)
def test_a_region_becomes_a_mask_and_is_changed_as_one(hand, id):
    root = hand.draw_on(10, (20, 20), (60, 60))
    before = shape_of(hand.regions.region(root))
    hand.do(id)
    after = shape_of(hand.regions.region(root))
    assert isinstance(after, Mask)
    assert MASK_VERBS[id](before, after)
    hand.undo()
    assert shape_of(hand.regions.region(root)) == before


def test_only_values_of_a_range_are_kept(hand):
    root = hand.draw_on(10, (10, 10), (110, 110))
    values = hand.window.viewing.volume.voxels[10]
    hand.do("threshold")
    hand.answer(-50, 150)
    mask = shape_of(hand.regions.region(root)).to_array(*values.shape[::-1])
    assert mask.any()
    assert values[mask].min() >= -50
    assert values[mask].max() <= 150


@pytest.mark.parametrize(("id", "left"), [("union", 1), ("subtract", 2), ("intersect", 2)])
def test_a_region_is_combined_with_the_next_one_that_is_clicked(hand, id, left):
    first = hand.draw_on(10, (20, 20), (60, 60))
    second = hand.draw_on(10, (70, 70), (40, 40))
    a, b = (shape_of(hand.regions.region(root)).to_mask(128, 128).to_array(128, 128) for root in (first, second))
    hand.regions.select(first)
    hand.do(id)
    QTest.mouseClick(hand.window.view.viewport(), LEFT, NONE, hand.at(66, 66))
    assert len(hand.regions.rows) == left
    got = shape_of(hand.regions.region(first)).to_array(128, 128)
    wanted = {"union": a | b, "subtract": a & ~b, "intersect": a & b}[id]
    assert (got == wanted).all()
    hand.undo()
    assert [type(shape_of(row)) for row in hand.regions.rows] == [Box, Box]


def test_escape_leaves_the_other_region_alone(hand):
    first = hand.draw_on(10, (20, 20), (60, 60))
    hand.draw_on(10, (70, 70), (40, 40))
    hand.regions.select(first)
    hand.do("union")
    hand.key(Qt.Key.Key_Escape)
    QTest.mouseClick(hand.window.view.viewport(), LEFT, NONE, hand.at(66, 66))
    assert len(hand.regions.rows) == 2
    assert shape_of(hand.regions.region(first)).kind == "box"


def truth_of(hand, wanted: str) -> Box:
    """Where a structure of the phantom lies on slice 10."""
    import json

    from engine.demo import GROUND_TRUTH_JSON

    folder = hand.window.viewing.volume.source
    folder = folder if folder.is_dir() else folder.parent
    truth = json.loads((folder.parent / GROUND_TRUTH_JSON).read_text(encoding="utf-8"))["boxes"]["10"]
    return Box(*truth[wanted][0])
