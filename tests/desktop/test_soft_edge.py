"""How sure the model is of a box's sides, on screen: seen round what it wrote, and gone once a person took over."""

from __future__ import annotations

from dataclasses import replace

import pytest

pytest.importorskip("PySide6")

import itertools

from PySide6.QtGui import QColor, QImage, QPainter
from PySide6.QtWidgets import QGraphicsScene

from desktop.viewer.region_item import RegionItem
from engine.protocol import Language, Task
from engine.regions import Box
from engine.scans import render_slice
from engine.suggest import ModelRef, SuggestedRegion, Suggestion, SuggestTimings, make_image_ref

BOX = Box(20, 20, 50, 60)


def found(driver, spread):
    viewing = driver.window.viewing
    rgb = render_slice(viewing.volume, viewing.plane, viewing.index, viewing.window)
    return Suggestion(
        task=Task.TEXT_TO_REGION,
        language=Language.EN,
        image=make_image_ref(viewing.volume, viewing.plane, viewing.index, viewing.window, rgb),
        prompt="",
        raw="",
        text="liver",
        regions=(SuggestedRegion("liver", "", "liver", BOX, 0.5, spread),),
        candidates=(),
        not_present=(),
        abstained=False,
        malformed=False,
        model=ModelRef("m", "0" * 64),
        timings_ms=SuggestTimings(1, 1, 1, 1, 1),
    )


def item_of(driver, root):
    scene = driver.window.view.scene()
    return next(item for item in scene.items() if isinstance(item, RegionItem) and item.root_id == root)


def soft(item):
    return item._soft is not None and item._soft.isVisible()


def test_a_found_boxs_edge_is_as_soft_as_the_model_is_unsure_until_it_is_accepted(open_window):
    driver = open_window()
    regions = driver.window.regions
    assert regions.keep_found(found(driver, (2.0, 1.0, 6.0, 3.0))) == 1
    (row,) = [row for row in regions.rows if row.box == BOX]
    item = item_of(driver, row.root_id)
    assert soft(item)
    bounds = item._soft.boundingRect()
    assert (bounds.left(), bounds.top(), bounds.right(), bounds.bottom()) == pytest.approx((18, 19, 56, 63))
    regions.accept(row.root_id, row.label)
    assert not soft(item_of(driver, row.root_id))


def test_no_side_is_drawn_where_there_is_no_picture(open_window):
    driver = open_window()
    driver.window.regions.keep_found(found(driver, (30.0, 1.0, 200.0, 3.0)))
    (row,) = [row for row in driver.window.regions.rows if row.box == BOX]
    bounds = item_of(driver, row.root_id)._soft.boundingRect()
    height, width = driver.window.viewing.active.shape
    assert (bounds.left(), bounds.top()) == (-0.5, 19)
    assert (bounds.right(), bounds.bottom()) == (width - 0.5, 63)
    assert height > 63


def test_a_sure_box_has_a_plain_edge_and_a_dragged_one_too(open_window):
    driver = open_window()
    regions = driver.window.regions
    regions.keep_found(found(driver, (0.1, 0.0, 0.2, 0.3)))
    (row,) = [row for row in regions.rows if row.box == BOX]
    assert not soft(item_of(driver, row.root_id))
    unsure = RegionItem(row, BOX, "", QColor("yellow"), selected=False, spread=(4.0, 4.0, 4.0, 4.0))
    assert unsure._soft.isVisible()
    unsure.show_shape(replace(BOX, x1=10))
    assert not unsure._soft.isVisible()


def test_the_band_is_darkest_at_the_side_and_fades(open_window):
    driver = open_window()
    driver.window.regions.keep_found(found(driver, (8.0, 8.0, 8.0, 8.0)))
    (row,) = [row for row in driver.window.regions.rows if row.box == BOX]
    scene = QGraphicsScene(0, 0, 80, 80)
    scene.addItem(RegionItem(row, BOX, "", QColor("white"), selected=False, spread=(8.0, 8.0, 8.0, 8.0)))
    image = QImage(80, 80, QImage.Format.Format_RGB32)
    image.fill(QColor("black"))
    painter = QPainter(image)
    scene.render(painter)
    painter.end()
    # Away from the dashed line itself and its dark edge.
    brightness = [image.pixelColor(x, 40).red() for x in (10, 13, 15, 17, 22, 24, 27, 33)]
    assert brightness[0] == 0
    assert brightness[1] < brightness[2] < brightness[3]
    assert brightness[4] > brightness[5] > brightness[6]
    assert brightness[7] == 0


def test_the_band_has_no_steps(open_window):
    driver = open_window()
    driver.window.regions.keep_found(found(driver, (8.0, 8.0, 8.0, 8.0)))
    (row,) = [row for row in driver.window.regions.rows if row.box == BOX]
    item = RegionItem(row, BOX, "", QColor("white"), selected=False, spread=(18.0, 18.0, 18.0, 18.0))
    scene = QGraphicsScene(0, 0, 80, 80)
    scene.addItem(item)
    # Ten times as large as the slice: each step of a staircase would be wide.
    image = QImage(800, 800, QImage.Format.Format_RGB32)
    image.fill(QColor("black"))
    painter = QPainter(image)
    scene.render(painter)
    painter.end()
    across = [image.pixelColor(x, 400).red() for x in range(20, 190)]
    assert max(b - a for a, b in itertools.pairwise(across)) <= 2
    assert across == sorted(across)
