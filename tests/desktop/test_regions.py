"""Regions of every shape, drawn and changed with mouse and keys."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QPushButton

from desktop.model.tools import Tool
from engine.phantom import write_phantom_series
from engine.regions import Box, Ellipse, Freehand, HandleRole, Label, Line, Mask, Point, Polygon, RotatedBox
from engine.store import Origin, RegionState, shape_of

LEFT = Qt.MouseButton.LeftButton
NONE = Qt.KeyboardModifier.NoModifier
SHIFT = Qt.KeyboardModifier.ShiftModifier
ALT = Qt.KeyboardModifier.AltModifier
CTRL = Qt.KeyboardModifier.ControlModifier
LIVER = Label("liver", "liver", "肝脏")


class Hand:
    """A hand on mouse and keyboard, over the active view, in pixels of the slice."""

    def __init__(self, driver) -> None:
        self.driver, self.window = driver, driver.window
        # Drawn regions are named without asking: the model is not what is tested here.
        self.window.regions.next_label = LIVER

    @property
    def regions(self):
        return self.window.regions

    def at(self, x: float, y: float) -> QPoint:
        return self.window.view.mapFromScene(x, y)

    def drag(self, *points: tuple[float, float], modifiers=NONE, steps: int = 4) -> None:
        port = self.window.view.viewport()
        places = [self.at(*point) for point in points]
        QTest.mousePress(port, LEFT, modifiers, places[0])
        for start, end in itertools.pairwise(places):
            for step in range(1, steps + 1):
                # QTest has no modifiers for moves.
                QTest.mouseMove(port, start + (end - start) * (step / steps))
        QTest.mouseRelease(port, LEFT, modifiers, places[-1])

    def click(self, x: float, y: float, modifiers=NONE) -> None:
        QTest.mouseClick(self.window.view.viewport(), LEFT, modifiers, self.at(x, y))

    def double_click(self, x: float, y: float) -> None:
        QTest.mouseDClick(self.window.view.viewport(), LEFT, NONE, self.at(x, y))

    def key(self, key: Qt.Key, modifiers=NONE) -> None:
        QTest.keyClick(self.window.view, key, modifiers)

    def take(self, tool: Tool) -> None:
        """By its key, as the tool bar shows it."""
        shortcut = self.window.viewer_actions.by_id[tool.value].shortcut()[0]
        QTest.keyClick(self.window.view, shortcut.key(), shortcut.keyboardModifiers())
        assert self.window.models.tools.tool is tool

    def shapes(self) -> list:
        return [shape_of(row) for row in self.regions.rows]

    def undo(self) -> None:
        self.window.menus._undo.trigger()

    def redo(self) -> None:
        self.window.menus._redo.trigger()


@pytest.fixture
def hand(open_window) -> Hand:
    return Hand(open_window())


def draw_box(hand: Hand) -> None:
    hand.take(Tool.POINT)
    hand.take(Tool.BOX)
    hand.drag((20, 30), (60, 70))


def draw_polygon(hand: Hand) -> None:
    hand.take(Tool.POLYGON)
    for corner in ((20, 20), (60, 20), (60, 60), (20, 60)):
        hand.click(*corner)
    hand.key(Qt.Key.Key_Return)


def draw_freehand(hand: Hand) -> None:
    hand.take(Tool.FREEHAND)
    turns = np.linspace(0, 2 * np.pi, 24)
    hand.drag(*((50 + 20 * np.cos(t), 50 + 15 * np.sin(t)) for t in turns), steps=2)


def draw_point(hand: Hand) -> None:
    hand.take(Tool.POINT)
    hand.click(40, 45)


def paint(hand: Hand) -> None:
    hand.take(Tool.BRUSH)
    hand.drag((30, 40), (70, 40))


def drag_with(tool: Tool) -> Callable[[Hand], None]:
    def draw(hand: Hand) -> None:
        hand.take(tool)
        hand.drag((20, 30), (60, 70))

    return draw


SHAPES = {
    "box": (draw_box, Box),
    "rotated_box": (drag_with(Tool.ROTATED_BOX), RotatedBox),
    "ellipse": (drag_with(Tool.OVAL), Ellipse),
    "polygon": (draw_polygon, Polygon),
    "freehand": (draw_freehand, Freehand),
    "line": (drag_with(Tool.LINE), Line),
    "point": (draw_point, Point),
    "mask": (paint, Mask),
}


@pytest.mark.parametrize("kind", SHAPES)
def test_each_shape_is_drawn_kept_undone_and_redone(hand, open_window, kind):
    draw, made = SHAPES[kind]
    draw(hand)
    (shape,) = hand.shapes()
    assert type(shape) is made
    assert shape.kind == kind
    (row,) = hand.regions.rows
    assert row.label == LIVER
    assert hand.regions.selected_root == row.root_id
    hand.undo()
    assert hand.shapes() == []
    hand.redo()
    assert hand.shapes() == [shape]
    assert hand.regions.rows[0].root_id == row.root_id
    hand.window.close()
    again = open_window()
    assert [shape_of(row) for row in again.window.regions.rows] == [shape], "on disk without any saving"


@pytest.mark.parametrize("kind", SHAPES)
def test_each_shape_is_moved_by_its_outline_and_by_arrows_and_back(hand, kind):
    draw, _ = SHAPES[kind]
    draw(hand)
    (before,) = hand.shapes()
    rows = before.outline()[0]
    x, y = ((rows[0] + rows[1]) / 2) if len(rows) > 1 else rows[0]
    hand.take(Tool.SELECT)
    # Not where a grip is.
    box = before.bounds
    start = (box.x1 + 3, (box.y1 + box.y2) / 2) if kind == "mask" else (float(x), float(y))
    grip = hand.window.view._gestures._grip(QPointF(*start))
    if grip is not None and grip.role is not HandleRole.CENTRE and kind != "point":
        start = (box.x1 + box.width * 0.3, (box.y1 + box.y2) / 2 + 2)
    hand.drag(start, (start[0] + 10, start[1] + 6))
    (moved,) = hand.shapes()
    offset = np.array(moved.bounds.as_tuple()) - np.array(before.bounds.as_tuple())
    assert np.allclose(offset, [10, 6, 10, 6], atol=1.1)
    hand.key(Qt.Key.Key_Right)
    hand.key(Qt.Key.Key_Down, SHIFT)
    (nudged,) = hand.shapes()
    offset = np.array(nudged.bounds.as_tuple()) - np.array(moved.bounds.as_tuple())
    assert np.allclose(offset, [1, 10, 1, 10], atol=1e-6)
    for _ in range(3):
        hand.undo()
    assert hand.shapes() == [before]
    for _ in range(3):
        hand.redo()
    assert hand.shapes() == [nudged]


@pytest.mark.parametrize("kind", ["box", "rotated_box", "ellipse", "freehand"])
def test_a_grip_resizes_and_the_opposite_corner_stays(hand, kind):
    draw, _ = SHAPES[kind]
    draw(hand)
    (before,) = hand.shapes()
    corner = next(one for one in before.handles() if one.id == "se")
    hand.drag((corner.x, corner.y), (corner.x + 12, corner.y + 9))
    (after,) = hand.shapes()
    assert after.bounds.x1 == pytest.approx(before.bounds.x1, abs=0.3)
    assert after.bounds.y1 == pytest.approx(before.bounds.y1, abs=0.3)
    assert after.bounds.width - before.bounds.width == pytest.approx(12, abs=1)
    assert after.bounds.height - before.bounds.height == pytest.approx(9, abs=1)
    hand.undo()
    assert hand.shapes() == [before]


def test_a_turned_box_is_turned_by_its_grip(hand):
    drag_with(Tool.ROTATED_BOX)(hand)
    (before,) = hand.shapes()
    grip = next(one for one in before.handles() if one.role is HandleRole.ROTATE)
    hand.drag((grip.x, grip.y), (before.cx + 40, before.cy))
    (after,) = hand.shapes()
    assert abs(after.angle_deg) == pytest.approx(90, abs=2)
    assert (after.cx, after.cy) == (before.cx, before.cy)


def test_vertices_are_moved_added_and_removed(hand):
    draw_polygon(hand)
    hand.drag((60, 60), (75, 70))
    (shape,) = hand.shapes()
    assert np.allclose(shape.points[2], (75, 70), atol=0.6)
    hand.double_click(40, 20)
    (shape,) = hand.shapes()
    assert len(shape.points) == 5
    corner = min(shape.points, key=lambda one: abs(one[0] - 40) + abs(one[1] - 20))
    hand.click(*corner, modifiers=ALT)
    (shape,) = hand.shapes()
    assert len(shape.points) == 4
    for _ in range(3):
        hand.undo()
    (shape,) = hand.shapes()
    assert np.allclose(shape.points, [(20, 20), (60, 20), (60, 60), (20, 60)], atol=0.6)


def test_a_polygon_closes_on_its_first_corner_and_backspace_takes_one_back(hand):
    hand.take(Tool.POLYGON)
    for corner in ((20, 20), (60, 20), (90, 90)):
        hand.click(*corner)
    hand.key(Qt.Key.Key_Backspace)
    hand.click(60, 60)
    hand.click(20.5, 20.5)
    (shape,) = hand.shapes()
    assert np.allclose(shape.points, [(20, 20), (60, 20), (60, 60)], atol=0.6)


def test_escape_gives_up_what_is_being_drawn(hand):
    hand.take(Tool.POLYGON)
    hand.click(20, 20)
    hand.click(60, 20)
    hand.key(Qt.Key.Key_Escape)
    hand.key(Qt.Key.Key_Return)
    assert hand.shapes() == []
    assert hand.window._store.drafts.of_person("tester") == []


def test_the_brush_adds_to_the_selected_mask_and_the_eraser_takes_away(hand):
    paint(hand)
    (first,) = hand.shapes()
    hand.drag((50, 30), (50, 60))
    (more,) = hand.shapes()
    assert more.area > first.area
    hand.take(Tool.ERASER)
    hand.drag((20, 40), (45, 40))
    (less,) = hand.shapes()
    assert less.area < more.area
    assert not less.contains(35, 40)
    hand.undo()
    assert hand.shapes() == [more]
    hand.drag((10, 45), (100, 45), (100, 30), (10, 30), (10, 60), (100, 60))
    hand.window.models.tools.brush_radius = 48.0
    hand.drag((30, 40), (70, 40))
    assert hand.shapes() == [], "a mask of which nothing is left is gone"
    hand.undo()
    assert len(hand.shapes()) == 1


def test_the_brush_keeps_to_the_values_that_were_asked_for(hand):
    volume, state = hand.window.viewing.volume, hand.window.viewing.active
    values = volume.voxels[state.index]
    low, high = float(np.percentile(values, 60)), float(values.max())
    hand.window.models.tools.set_value_range((low, high))
    hand.take(Tool.BRUSH)
    hand.drag((20, 60), (100, 60))
    (shape,) = hand.shapes()
    painted = values[shape.to_array(values.shape[1], values.shape[0])]
    assert painted.min() >= low


def test_the_wheel_with_shift_widens_the_brush(hand):
    hand.take(Tool.BRUSH)
    before, index = hand.window.models.tools.brush_radius, hand.window.viewing.index
    view = hand.window.view
    place = QPointF(hand.at(40, 40))
    event = QWheelEvent(
        place,
        view.mapToGlobal(place),
        QPoint(),
        QPoint(0, 120),
        Qt.MouseButton.NoButton,
        SHIFT,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(view.viewport(), event)
    assert hand.window.models.tools.brush_radius > before
    assert hand.window.viewing.index == index


def test_a_locked_region_cannot_be_changed_until_it_is_unlocked(hand):
    draw_box(hand)
    (before,) = hand.shapes()
    hand.key(Qt.Key.Key_L, CTRL)
    assert hand.regions.rows[0].locked
    hand.take(Tool.SELECT)
    hand.drag((40, 50), (60, 60))
    hand.key(Qt.Key.Key_Right)
    hand.key(Qt.Key.Key_Delete)
    assert hand.shapes() == [before]
    hand.regions.select(hand.regions.rows[0].root_id)
    hand.key(Qt.Key.Key_L, CTRL)
    hand.key(Qt.Key.Key_Right)
    assert hand.shapes()[0].x1 == before.x1 + 1


def test_a_hidden_region_is_not_drawn_and_comes_back(hand):
    draw_box(hand)
    hand.key(Qt.Key.Key_H, CTRL)
    assert hand.window.view.items_on_slice._regions == []
    assert len(hand.regions.rows) == 1
    hand.key(Qt.Key.Key_H, CTRL | SHIFT)
    assert len(hand.window.view.items_on_slice._regions) == 1


def test_duplicates_and_copies_to_other_slices(hand):
    draw_box(hand)
    (before,) = hand.shapes()
    root = hand.regions.selected_root
    index = hand.window.viewing.index
    hand.key(Qt.Key.Key_D, CTRL)
    assert len(hand.shapes()) == 2
    hand.undo()
    hand.regions.select(root)
    hand.key(Qt.Key.Key_PageDown, CTRL)
    assert hand.window.viewing.index == index + 1
    (row,) = hand.regions.rows
    assert shape_of(row) == before
    assert (row.label, row.origin, row.structure_id) == (LIVER, Origin.COPIED, root)
    hand.key(Qt.Key.Key_PageDown, CTRL)
    assert hand.window.viewing.index == index + 2
    assert hand.regions.rows[0].structure_id == root
    hand.undo()
    assert hand.regions.rows == []
    hand.undo()
    hand.undo()
    assert hand.window.viewing.index == index, "one goes to where something is undone"
    assert hand.shapes() == []


def test_a_small_region_under_a_large_one_can_be_selected(hand):
    hand.take(Tool.OVAL)
    hand.drag((20, 20), (100, 100))
    hand.regions.select(None)
    hand.take(Tool.BOX)
    hand.drag((50, 50), (60, 60))
    small = hand.regions.selected_root
    hand.regions.select(None)
    hand.click(55, 55)
    assert hand.regions.selected_root == small
    hand.key(Qt.Key.Key_Escape)
    hand.click(22, 22)
    assert hand.regions.selected_root is None, "in the corner of the box round an ellipse there is nothing"


def test_a_half_drawn_shape_is_offered_back_after_the_program_was_ended(hand, open_window):
    hand.take(Tool.POLYGON)
    for corner in ((20, 20), (60, 20), (60, 60)):
        hand.click(*corner)
    store = hand.window._store
    hand.driver.until(lambda: bool(store.drafts.of_person("tester")))
    hand.driver.until(lambda: store.drafts.of_person("tester")[0].shape.count("[") >= 4)
    # As a kill would leave it: nothing is tidied up.
    hand.window.models.drafts._growing = None
    hand.window.close()
    again = Hand(open_window())
    notice = again.window.notice_bar
    assert notice.isVisible()
    notice.findChildren(QPushButton)[0].click()
    assert again.window.models.tools.tool is Tool.POLYGON
    again.click(20, 60)
    again.key(Qt.Key.Key_Return)
    (shape,) = again.shapes()
    assert np.allclose(shape.points, [(20, 20), (60, 20), (60, 60), (20, 60)], atol=0.6)
    assert again.window._store.drafts.of_person("tester") == []


def test_a_half_drawn_shape_waits_on_its_own_slice(hand):
    hand.take(Tool.POLYGON)
    for corner in ((20, 20), (60, 20), (60, 60)):
        hand.click(*corner)
    index = hand.window.viewing.index
    hand.window.viewing.step(1)
    hand.click(30, 30)
    hand.key(Qt.Key.Key_Escape)
    assert hand.shapes() == []
    hand.window.viewing.go_to(index)
    notice = hand.window.notice_bar
    assert notice.isVisible()
    notice.findChildren(QPushButton)[1].click()
    assert hand.window._store.drafts.of_person("tester") == []


def test_a_drawn_region_that_is_deleted_is_gone_and_comes_back(hand):
    draw_box(hand)
    root = hand.regions.selected_root
    hand.key(Qt.Key.Key_Delete)
    assert hand.shapes() == []
    assert hand.window._store.regions.current(root).state is RegionState.REMOVED
    hand.undo()
    assert len(hand.shapes()) == 1


def test_undo_goes_back_over_scans_and_shows_where(hand, tmp_path):
    other = write_phantom_series(tmp_path / "p", 12, size=96, slice_mm=10.0) / "dicom"
    window, first = hand.window, hand.window.viewing.item
    window.viewing.step(2)
    index = window.viewing.index
    draw_box(hand)
    added: list[int] = []
    window.worklist.added.connect(added.extend)
    window.worklist.add_paths([other])
    hand.driver.until(lambda: bool(added))
    window.open_item(window.worklist.row_of(added[0]))
    hand.driver.until(lambda: window.viewing.item.path != first.path and window.viewing.current.is_complete)
    draw_box(hand)
    hand.undo()
    assert hand.shapes() == []
    hand.undo()
    hand.driver.until(lambda: window.viewing.item.path == first.path and window.viewing.current.is_complete)
    assert window.viewing.index == index
    assert hand.shapes() == []
    hand.redo()
    assert len(hand.shapes()) == 1


def test_taking_the_brush_leaves_the_image_where_it_is(hand):
    before = hand.window.view.mapTo(hand.window, QPoint(0, 0))
    hand.take(Tool.BRUSH)
    QApplication.processEvents()
    assert hand.window.view.mapTo(hand.window, QPoint(0, 0)) == before
