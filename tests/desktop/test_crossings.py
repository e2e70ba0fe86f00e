"""Regions drawn in one plane are seen, and found again, in the others."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest

from desktop.model.layout import Layout, Pane
from desktop.screenshot import draw_box
from engine.regions import Box, Label
from engine.scans import Plane

LEFT, NONE = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
BOX = Box(30, 40, 70, 80)


@pytest.fixture
def window(open_window):
    window = open_window().window
    window.regions.next_label = Label("liver", "liver", "肝脏")
    window.models.layout.choose(Layout.PLANES)
    window.viewing.activate_plane(Plane.AXIAL)
    window.viewing.go_to(10)
    draw_box(window, BOX)
    return window


def cut(window, pane: Pane):
    return window.models.crossings.of(window.grid.view_of(pane).state)


def test_a_box_is_a_bar_one_slice_thick_in_the_planes_that_cut_it(window):
    coronal = window.viewing.states[Plane.CORONAL]
    coronal.go_to(60)
    (crossing,) = cut(window, Pane.CORONAL)
    (ring,) = crossing.rings
    drawn = window.regions.rows[0].box
    assert ring[:, 0].min() == pytest.approx(drawn.x1, abs=1)
    assert ring[:, 0].max() == pytest.approx(drawn.x2, abs=1)
    assert abs(ring[:, 1].max() - ring[:, 1].min()) == pytest.approx(1)
    coronal.go_to(5)
    assert cut(window, Pane.CORONAL) == []
    assert cut(window, Pane.AXIAL) == []


def test_it_goes_and_comes_back_with_undo(window):
    window.viewing.states[Plane.CORONAL].go_to(60)
    window.menus._undo.trigger()
    assert cut(window, Pane.CORONAL) == []
    window.menus._redo.trigger()
    assert len(cut(window, Pane.CORONAL)) == 1


def test_a_click_on_it_turns_to_the_slice_it_was_drawn_on(window):
    root = window.regions.rows[0].root_id
    window.viewing.go_to(3)
    assert window.regions.selected_root is None
    coronal = window.grid.view_of(Pane.CORONAL)
    coronal.state.go_to(60)
    (ring,) = cut(window, Pane.CORONAL)[0].rings
    at = coronal.mapFromScene(*ring.mean(axis=0))
    QTest.mouseClick(coronal.viewport(), LEFT, NONE, QPoint(at))
    assert (window.viewing.plane, window.viewing.index) == (Plane.AXIAL, 10)
    assert window.regions.selected_root == root
