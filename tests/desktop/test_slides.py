"""Into a whole slide and out again, with mouse and keys."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import Qt

from engine.bench.slides import write_slide
from engine.browse import make_thumbnail
from engine.regions import Box
from engine.scans import read_volume
from engine.store import ScanFilter

ALT = Qt.KeyboardModifier.AltModifier


@pytest.fixture
def driver(open_window, tmp_path: Path):
    """A window with a slide open: 6000 pixels a side, its overview 1500."""
    (tmp_path / "incoming").mkdir()
    path = write_slide(tmp_path / "incoming" / "Doe Jane.svs", 6000, like="svs", subifds=False)
    driver = open_window()
    added: list[int] = []
    driver.window.worklist.added.connect(added.extend)
    driver.window.worklist.add_paths([path])
    driver.until(lambda: bool(added))
    driver.window.open_item(driver.window.worklist.row_of(added[0]))
    driver.until(lambda: shown(driver) is not None and shown(driver).is_overview)
    driver.path = path
    return driver


def shown(driver):
    scan = driver.window.viewing.current
    return None if scan is None else scan.volume.slide


def go_in(driver) -> None:
    before = driver.window.viewing.current
    driver.key(Qt.Key.Key_Down, ALT)
    driver.until(lambda: driver.window.viewing.current is not before and driver.window.viewing.current.is_complete)


def test_the_selected_region_opens_in_full_resolution_and_a_key_goes_back(driver):
    window = driver.window
    root = driver.draw(Box(500, 600, 700, 750))
    box = window.regions.region(root).box
    window.view.setFocus()
    go_in(driver)
    area = shown(driver).area
    assert area.level == 0
    corner = shown(driver).to_base(0, 0)
    assert corner == pytest.approx((4 * box.x1 + 1.5, 4 * box.y1 + 1.5), abs=1.01)
    assert np.array_equal(window.viewing.volume.voxels, read_volume(driver.path, str(area)).voxels)
    assert window.worklist.title_of(window.viewing.item).endswith("Doe Jane.svs · area 1 · 0.25 µm/px")
    driver.key(Qt.Key.Key_Up, ALT)
    driver.until(lambda: shown(driver).is_overview)
    assert window.regions.region(root) is not None


def test_without_a_region_what_the_view_shows_is_opened(driver):
    window = driver.window
    view = window.view
    view.one_to_one()
    view.pan_by(view.viewport().rect().center() - view.mapFromScene(300, 400))
    seen = view.mapToScene(view.viewport().rect()).boundingRect().intersected(view.image_rect)
    go_in(driver)
    slide = shown(driver)
    assert slide.area.level == 0
    assert slide.area.width == pytest.approx(min(seen.width() * 4, 4096), abs=9)


def test_the_whole_view_is_opened_no_finer_than_is_sensible(driver):
    said: list[str] = []
    driver.window.slide_actions.said.connect(said.append)
    driver.key(Qt.Key.Key_Down, ALT)
    assert said == ["This area is too large to be seen any finer: choose a smaller one"]
    assert shown(driver).is_overview


def test_the_same_area_is_the_same_scan_with_its_regions(driver):
    window = driver.window
    root = driver.draw(Box(500, 600, 700, 750))
    window.view.setFocus()
    go_in(driver)
    first = window.viewing.item
    inside = driver.draw(Box(100, 100, 300, 300))
    driver.window.view.setFocus()
    driver.key(Qt.Key.Key_Escape)
    driver.key(Qt.Key.Key_Up, ALT)
    driver.until(lambda: shown(driver).is_overview)
    window.regions.select(root)
    window.view.setFocus()
    go_in(driver)
    assert window.viewing.item.series_uid == first.series_uid
    assert window.regions.region(inside) is not None
    scans = window.worklist.scan_of(first)
    beside = window.worklist.tree.index_of_scan(scans.id).parent()
    assert window.worklist.tree.rowCount(beside) == 2


def test_hidden_names_are_not_in_the_title_of_an_area(driver):
    window = driver.window
    driver.draw(Box(500, 600, 700, 750))
    window.view.setFocus()
    go_in(driver)
    window.worklist.set_names_hidden(True)
    title = window.worklist.title_of(window.viewing.item)
    assert "Doe" not in title
    assert title.endswith("· area 1 · 0.25 µm/px")
    hidden = ScanFilter(text="Doe", names_hidden=True)
    assert window._store.scans.count(hidden) == 0


def test_an_area_is_named_in_the_language_of_the_interface(driver, request):
    window = driver.window
    # Translators hang on the application, which later tests share.
    request.addfinalizer(lambda: window.set_interface_language("en"))
    driver.draw(Box(500, 600, 700, 750))
    window.view.setFocus()
    go_in(driver)
    window.set_interface_language("zh_CN")
    driver.until(lambda: window.slide_actions.back.text() == "返回整张切片")
    assert window.worklist.title_of(window.viewing.item).endswith("Doe Jane.svs · 区域 1 · 0.25 µm/px")


def test_ordinary_scans_offer_no_areas(open_window):
    window = open_window().window
    assert not window.slide_actions.open_area.isEnabled()
    assert not window.slide_actions.back.isEnabled()


def test_a_slide_can_be_zoomed_to_its_pixels(driver):
    view = driver.window.view
    view.one_to_one()
    assert view.transform().m11() == pytest.approx(1 / view.devicePixelRatioF())


def test_a_slide_and_its_area_have_pictures_in_the_list(driver):
    whole = make_thumbnail(driver.path, "", driver.path)
    area = make_thumbnail(driver.path, "#L0@2000,2000,500,500", None)
    assert whole.startswith(b"\x89PNG")
    assert area != whole
