"""The image and the list of regions have the room, at the sizes that screens have."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from desktop.model.tools import Tool
from engine.regions import Box, Label

LIVER = Label("liver", "liver", "肝脏")


def drawn(driver, count: int) -> None:
    """Small regions with a name, the last one selected."""
    driver.window.regions.next_label = LIVER
    for number in range(count):
        driver.draw(
            Box(20 + 15 * (number % 5), 20 + 15 * (number // 5), 30 + 15 * (number % 5), 30 + 15 * (number // 5))
        )
    QApplication.processEvents()


def seen_rows(driver) -> int:
    """How many rows of the list of regions can be seen whole."""
    rows = driver.window.regions_panel.list
    area = rows.viewport().rect()
    return sum(area.contains(rows.visualItemRect(rows.item(number))) for number in range(rows.count()))


@pytest.mark.parametrize(("size", "least"), [((1024, 700), 4), ((1280, 800), 4), ((1600, 1000), 5)])
def test_the_list_of_regions_has_the_room_that_the_rest_leaves(open_window, size, least):
    driver = open_window()
    window = driver.window
    window.resize(*size)
    drawn(driver, 12)
    assert window.regions_panel.attributes.section.isVisible()
    driver.until(lambda: seen_rows(driver) >= least)
    assert window.regions_panel.label_bar.list.height() >= 3 * window.fontMetrics().height()


def test_a_folded_part_gives_its_room_to_the_list_and_stays_folded(open_window):
    driver = open_window()
    window = driver.window
    window.resize(1280, 800)
    drawn(driver, 12)
    panel = window.regions_panel
    panel.attributes.section.header.click()
    QApplication.processEvents()
    before = panel.list.height()
    for section in (panel.find_section, panel.label_bar.section, panel.attributes.section):
        QTest.mouseClick(section.header, Qt.MouseButton.LeftButton)
        assert not section.is_open
        driver.until(lambda: panel.list.height() > before)  # noqa: B023 - asked within the round
        before = panel.list.height()
    assert panel.label_bar.in_hand.isVisible(), "what is drawn next is named so: that is never folded away"
    assert not panel.attributes.certainty.isVisible()
    window.close()
    panel = open_window().window.regions_panel
    assert not panel.find_section.is_open
    assert not panel.label_bar.section.is_open
    assert not panel.attributes.section.is_open


def test_looking_for_a_name_unfolds_the_field_for_it(open_window):
    driver = open_window()
    panel = driver.window.regions_panel
    QTest.mouseClick(panel.find_section.header, Qt.MouseButton.LeftButton)
    driver.window.view.setFocus()
    driver.key(Qt.Key.Key_F)
    assert panel.find_section.is_open
    assert panel._line.hasFocus()


def test_the_region_tools_are_as_narrow_as_their_icons_also_with_the_brush(open_window):
    driver = open_window()
    window = driver.window
    bar, image = window.region_bar, window.view.width()
    assert bar.width() <= 48
    window.models.tools.choose(Tool.BRUSH)
    bar.values.limited.setChecked(True)
    QApplication.processEvents()
    assert window.view.width() == image, "taking the brush does not push the image aside"
    assert bar.width() <= 48
    limits = bar.values._limits
    assert limits.isVisible()
    assert limits.sizeHint().width() <= bar.width()
    low, high = window.models.tools.value_range
    assert limits.text() == f"{high:.0f}\n{low:.0f}"


def test_the_brushs_limits_are_asked_for_beside_their_button(open_window):
    driver = open_window()
    window = driver.window
    window.models.tools.choose(Tool.BRUSH)
    box = window.region_bar.values
    QTest.mouseClick(box.button, Qt.MouseButton.LeftButton)
    assert box.fields.isVisible()
    assert not box.button.isChecked(), "there are no limits yet"
    QTest.keyClick(box.limited, Qt.Key.Key_Space)
    box.low.setValue(-50)
    box.high.setValue(150)
    assert window.models.tools.value_range == (-50, 150)
    assert box.button.isChecked()
    box.fields.close()
    assert window.models.tools.value_range == (-50, 150)
