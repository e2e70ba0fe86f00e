"""The window, used with mouse and keys."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import sqlite3
import xml.etree.ElementTree as ElementTree
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QInputMethodEvent, QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLabel

from desktop.model.browser_tree import Role
from desktop.screenshot import draw_box
from engine.protocol import Language, Task
from engine.regions import Box
from engine.runtime import DEFAULT_MODEL, Calibration, ModelManifest, find_model
from engine.store import RegionState
from engine.suggest import ModelRef, SuggestedRegion, Suggestion, SuggestTimings

BOX = Box(30, 40, 60, 70)
OTHER = Box(70, 70, 95, 100)


def wheel(driver, notches: int, modifiers=Qt.KeyboardModifier.NoModifier) -> None:
    view = driver.window.view
    middle = QPointF(view.viewport().rect().center())
    event = QWheelEvent(
        middle,
        view.viewport().mapToGlobal(middle),
        QPoint(),
        QPoint(0, 120 * notches),
        Qt.MouseButton.NoButton,
        modifiers,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(view.viewport(), event)


def test_drawing_asks_and_enter_accepts_what_the_model_said(open_window):
    driver = open_window()
    root = driver.draw_and_wait(BOX)
    window = driver.window
    assert window.card.isVisible()
    first = window.regions.suggestion(root).candidates[0]
    driver.key(Qt.Key.Key_Return)
    row = window.regions.region(root)
    assert row.state is RegionState.ACCEPTED
    assert row.label.en == first[0]
    assert not window.card.isVisible()


def test_the_drawn_box_is_where_the_mouse_was(open_window):
    driver = open_window()
    row = driver.window.regions.region(driver.draw(BOX))
    assert np.abs(np.array(row.box.as_tuple()) - np.array(BOX.as_tuple())).max() < 0.5


def test_typing_corrects(open_window):
    driver = open_window()
    root = driver.draw_and_wait(BOX)
    driver.type("left kid")
    driver.key(Qt.Key.Key_Return)
    row = driver.window.regions.region(root)
    assert row.state is RegionState.EDITED
    assert (row.label.id, row.label.zh) == ("left-kidney", "左肾")


def test_every_letter_begins_a_name_while_the_model_is_asked(open_window):
    """A once asked the model again, so that "aorta" was typed as "orta" and kept as nothing."""
    driver = open_window()
    window = driver.window
    root = driver.draw(BOX)
    assert window.asking.asking
    driver.type("aorta")
    driver.key(Qt.Key.Key_Return)
    assert window.regions.region(root).label.id == "aorta"


def test_an_answer_that_comes_while_a_name_is_typed_takes_no_letter_away(open_window):
    """The field once closed under the fingers: the letters that followed were commands, and Enter took another name."""
    driver = open_window()
    window = driver.window
    root = driver.draw(BOX)
    assert window.asking.asking
    driver.type("left")
    driver.until(lambda: window.regions.suggestion(root) is not None)
    assert window.card.typing
    driver.type(" kid")
    driver.key(Qt.Key.Key_Return)
    assert window.regions.region(root).label.id == "left-kidney"
    assert not window.card.typing


@pytest.mark.parametrize(("typed", "kept"), [("accessory sp", "accessory-spleen"), ("HEART", "heart")])
def test_enter_takes_the_one_name_that_fits(open_window, typed, kept):
    driver = open_window()
    root = driver.draw_and_wait(BOX)
    driver.type(typed)
    driver.key(Qt.Key.Key_Return)
    assert driver.window.regions.region(root).label.id == kept


def test_a_chinese_name_comes_through_the_input_method(open_window):
    driver = open_window()
    root = driver.draw_and_wait(BOX)
    driver.key(Qt.Key.Key_F2)
    typed = QInputMethodEvent()
    typed.setCommitString("脾脏")
    QApplication.sendEvent(driver.window.focusWidget(), typed)
    driver.key(Qt.Key.Key_Return)
    assert driver.window.regions.region(root).label.id == "spleen"


def test_a_typed_name_that_fits_several_is_not_guessed(open_window):
    """`lun` once became "lung nodule", the first name that begins so."""
    driver = open_window()
    root = driver.draw_and_wait(BOX)
    driver.type("lun")
    driver.key(Qt.Key.Key_Return)
    assert driver.window.regions.region(root).state is RegionState.DRAWN
    assert driver.window.card.typing
    for _ in range(20):
        driver.key(Qt.Key.Key_Down)
    driver.key(Qt.Key.Key_Return)
    row = driver.window.regions.region(root)
    assert (row.state, row.label.own, row.label.en) == (RegionState.EDITED, True, "lun"), (
        "the last row is what was typed"
    )


def test_a_name_nobody_knows_can_be_typed(open_window):
    driver = open_window()
    root = driver.draw_and_wait(BOX)
    driver.type("zebra organ")
    driver.key(Qt.Key.Key_Return)
    assert driver.window.regions.region(root).label.en == "zebra organ"


def test_delete_rejects_and_undo_brings_back(open_window):
    driver = open_window()
    root = driver.draw_and_wait(BOX)
    driver.key(Qt.Key.Key_Delete)
    assert driver.window.regions.region(root) is None
    driver.window.regions.undo_stack.undo()
    assert driver.window.regions.region(root).state is RegionState.DRAWN
    driver.window.regions.undo_stack.redo()
    assert driver.window.regions.region(root) is None


def test_undo_and_redo_walk_through_draw_and_accept(open_window):
    driver = open_window()
    root = driver.draw_and_wait(BOX)
    driver.key(Qt.Key.Key_Return)
    stack = driver.window.regions.undo_stack
    stack.undo()
    assert driver.window.regions.region(root).state is RegionState.DRAWN
    stack.undo()
    assert driver.window.regions.region(root) is None
    stack.redo()
    stack.redo()
    assert driver.window.regions.region(root).state is RegionState.ACCEPTED


def test_escape_gives_up_a_box_that_is_being_drawn(open_window):
    driver = open_window()
    view = driver.window.view
    port = view.viewport()
    QTest.mousePress(port, Qt.MouseButton.LeftButton, pos=view.mapFromScene(30, 30))
    QTest.mouseMove(port, view.mapFromScene(60, 60))
    driver.key(Qt.Key.Key_Escape)
    QTest.mouseRelease(port, Qt.MouseButton.LeftButton, pos=view.mapFromScene(60, 60))
    assert driver.window.regions.rows == []


def test_a_click_selects_the_smallest_region_under_it(open_window):
    driver = open_window()
    large = driver.draw_and_wait(Box(20, 20, 100, 100))
    driver.key(Qt.Key.Key_Escape)
    small = driver.draw_and_wait(Box(50, 50, 64, 64))
    driver.key(Qt.Key.Key_Escape)
    driver.click(57, 57)
    assert driver.window.regions.selected_root == small
    driver.key(Qt.Key.Key_Escape)
    driver.click(25, 90)
    assert driver.window.regions.selected_root == large


def test_the_wheel_turns_slices_and_ctrl_zooms(open_window):
    driver = open_window()
    before = driver.window.viewing.index
    wheel(driver, -1)
    assert driver.window.viewing.index == before + 1
    scale = driver.window.view.transform().m11()
    wheel(driver, 1, Qt.KeyboardModifier.ControlModifier)
    assert driver.window.viewing.index == before + 1
    assert driver.window.view.transform().m11() > scale


def test_right_drag_changes_the_window_and_the_pixels(open_window):
    driver = open_window()
    view = driver.window.view
    port, middle = view.viewport(), view.viewport().rect().center()
    before = view.grab().toImage()
    QTest.mousePress(port, Qt.MouseButton.RightButton, pos=middle)
    QTest.mouseMove(port, middle + QPoint(80, 60))
    QTest.mouseRelease(port, Qt.MouseButton.RightButton, pos=middle + QPoint(80, 60))
    window = driver.window.viewing.window
    assert window.width > 400
    assert window.center < 40
    assert view.grab().toImage() != before
    driver.key(Qt.Key.Key_W)
    assert driver.window.viewing.window.width == 400


def test_the_picture_on_screen_is_the_rendered_slice(open_window):
    """VTK's pixels, through the view, at the place where scene coordinates say they are."""
    driver = open_window()
    view = driver.window.view
    rgb = driver.window.viewing.rgb()
    shown = view.viewport().grab().toImage()
    for x, y in ((64, 64), (40, 70), (90, 60), (64, 100)):
        at = view.mapFromScene(x, y)
        neighbourhood = rgb[y - 1 : y + 2, x - 1 : x + 2, 0].astype(int)
        grey = shown.pixelColor(at).red()
        assert neighbourhood.min() - 12 <= grey <= neighbourhood.max() + 12


def test_an_answer_is_never_shown_on_another_slice(open_window):
    driver = open_window()
    window = driver.window
    root = driver.draw(BOX)
    window.viewing.step(1)
    assert not window.asking.asking
    driver.qtbot.wait(1500)
    assert window.regions.rows == []
    assert not window.card.isVisible()
    window.viewing.step(-1)
    assert window.regions.region(root).label is None
    assert window.regions.suggestion(root) is None


def test_killing_the_model_process_mid_answer_leaves_the_window_working_and_says_so(open_window):
    driver = open_window()
    window = driver.window
    driver.draw_and_wait(BOX)
    driver.key(Qt.Key.Key_Return)
    # Frozen, it cannot be done before it is killed.
    os.kill(window.asking.session.pid, signal.SIGSTOP)
    root = driver.draw(OTHER)
    driver.qtbot.wait(200)
    assert window.asking.is_asked(root)
    os.kill(window.asking.session.pid, signal.SIGKILL)
    driver.until(lambda: window.regions.suggestion(root) is not None)
    assert window.regions.suggestion(root).candidates
    assert window.notice_bar.isVisible()
    assert "signal 9" in window.notice_bar.text
    driver.key(Qt.Key.Key_Return)
    assert window.regions.region(root).state is RegionState.ACCEPTED


def test_a_scan_that_cannot_be_read_leaves_the_open_one_marked(open_window, pydicom_files, tmp_path):
    """What is marked on the list is what boxes are drawn on."""
    driver = open_window()
    window = driver.window
    broken = tmp_path / "broken.dcm"
    shutil.copy(pydicom_files / "CT_small.dcm", broken)
    added: list[int] = []
    window.worklist.added.connect(added.extend)
    window.worklist.add_paths([broken])
    driver.until(lambda: bool(added))
    broken.write_bytes(broken.read_bytes()[:3000])
    tree = window.worklist_panel.tree
    tree.setCurrentIndex(window.worklist.tree.index_of_scan(added[0]))
    window.open_item(window.worklist.row_of(added[0]))
    driver.until(lambda: window.notice_bar.isVisible())
    assert "broken.dcm" in window.notice_bar.text
    assert window.viewing.item.path != str(broken)
    assert tree.currentIndex().data(Role.SCAN) == window.worklist.scan_of(window.viewing.item).id


def test_undo_goes_to_the_slice_where_it_changes_something(open_window):
    driver = open_window()
    window = driver.window
    index = window.viewing.index
    root = driver.draw_and_wait(BOX)
    driver.key(Qt.Key.Key_Return)
    window.viewing.step(3)
    window.regions.undo_stack.undo()
    assert window.viewing.index == index
    assert window.regions.region(root).state is RegionState.DRAWN
    window.viewing.step(-2)
    window.regions.undo_stack.redo()
    assert window.viewing.index == index
    assert window.regions.region(root).state is RegionState.ACCEPTED


def test_what_was_found_can_be_taken_back(open_window):
    driver = open_window()
    window = driver.window
    suggestion = found_on(window, BOX)
    assert window.regions.keep_found(suggestion) == 1
    root = window.regions.rows[0].root_id
    window.regions.undo_stack.undo()
    assert window.regions.rows == []
    window.regions.undo_stack.redo()
    assert [row.root_id for row in window.regions.rows] == [root]
    assert window.regions.rows[0].state is RegionState.SUGGESTED


def found_on(window, box: Box) -> Suggestion:
    """A text-to-region answer about the slice on screen."""
    return Suggestion(
        task=Task.TEXT_TO_REGION,
        language=Language.EN,
        image=window.viewing.image_ref(),
        prompt="where?",
        raw="there",
        text="there",
        regions=(SuggestedRegion("liver", "肝脏", "liver", box, 0.9),),
        candidates=(),
        not_present=(),
        abstained=False,
        malformed=False,
        model=ModelRef("tiny", "b" * 64),
        timings_ms=SuggestTimings(1, 1, 1, 1, 4),
    )


def test_everything_is_where_it_was_after_reopening(open_window):
    driver = open_window()
    accepted = driver.draw_and_wait(BOX)
    driver.key(Qt.Key.Key_Return)
    driver.draw_and_wait(OTHER)
    driver.window.viewing.step(2)
    driver.window.viewing.step(-1)
    index = driver.window.viewing.index
    driver.window.close()
    again = open_window()
    assert again.window.viewing.index == index
    again.window.viewing.step(-1)
    assert [row.state for row in again.window.regions.rows] == [RegionState.ACCEPTED, RegionState.DRAWN]
    assert again.window.regions.rows[0].root_id == accepted


def test_found_regions_wait_for_a_decision(open_window):
    driver = open_window()
    window = driver.window
    window.view.setFocus()
    driver.key(Qt.Key.Key_F)
    driver.type("liver")
    answered: list[int] = []
    window.asking.answered.connect(answered.append)
    driver.key(Qt.Key.Key_Return)
    driver.until(lambda: bool(answered))
    for row in window.regions.rows:
        assert row.state is RegionState.SUGGESTED
        assert row.label.id == "liver"


def test_a_name_that_is_too_improbable_is_not_drawn_and_the_probability_is_told(open_window, tmp_path):
    """The calibrated bound decides, not the model's own first token."""
    folder = tmp_path / "careful"
    # The untrained one spells the end of a name in tokens that decide nothing.
    shutil.copytree(find_model(DEFAULT_MODEL).folder, folder)
    manifest = ModelManifest.read(folder)
    replace(manifest, id="careful", calibration=Calibration(present_above=1.0)).write()
    driver = open_window(str(folder))
    window = driver.window
    heard: list[str] = []
    window.asking.not_found.connect(heard.append)
    window.view.setFocus()
    driver.key(Qt.Key.Key_F)
    driver.type("liver")
    driver.key(Qt.Key.Key_Return)
    driver.until(lambda: bool(heard))
    assert window.regions.rows == []
    assert re.fullmatch(r"liver \(probability of being here: \d+%\)", heard[0])


def test_names_switch_to_chinese_and_the_interface_with_them(open_window):
    driver = open_window()
    window = driver.window
    window.set_interface_language("zh_CN")
    try:
        driver.until(lambda: window.worklist_panel._title.text().startswith("工作列表"))
        root = driver.draw_and_wait(BOX)
        assert window.regions.suggestion(root).language == "zh"
        assert "什么" in window.regions.suggestion(root).prompt
    finally:
        window.set_interface_language("en")


def test_an_unreadable_scan_is_named_and_the_window_stays(open_window, tmp_path):
    driver = open_window()
    broken = tmp_path / "broken.dcm"
    broken.write_bytes(b"\0" * 128 + b"DICM" + b"nonsense" * 20)
    driver.window.worklist.add_paths([broken])
    driver.until(lambda: "broken.dcm" in driver.window.notice_bar.text)
    assert driver.window.viewing.volume is not None


def test_no_translation_is_unfinished_and_none_is_missing():
    path = Path(__file__).parents[2] / "resources" / "translations" / "medrega_zh_CN.ts"
    messages = list(ElementTree.parse(path).getroot().iter("message"))
    assert len(messages) > 80
    for message in messages:
        translation = message.find("translation")
        assert translation.get("type") is None, message.find("source").text
        assert translation.text, message.find("source").text


def test_chinese_writes_units_and_dots_in_one_way():
    """mm as everywhere in the clinic; one … right behind the word, as in every Chinese menu."""
    folder = Path(__file__).parents[2] / "resources" / "translations"
    tree = ElementTree.parse(folder / "medrega_zh_CN.ts")
    sentences = ["".join(one.itertext()) for one in tree.iter("translation")]
    catalogue = json.loads((folder / "errors_zh.json").read_text(encoding="utf-8"))
    sentences += [text for part in catalogue.values() for text in part.values()]
    assert len(sentences) > 900
    for text in sentences:
        assert "毫米" not in text, text
        assert "……" not in text, text
        # A range, such as 1 … 9, has room on both sides.
        assert not re.search(r"(?<![0-9]) …|… (?![0-9])", text), text


@pytest.mark.parametrize("folder", ["desktop"])
def test_every_visible_string_is_in_the_translation_file(folder, tmp_path):
    """lupdate finds nothing in the sources that the committed file does not have."""
    import shutil
    import subprocess
    import sys

    root = Path(__file__).parents[2]
    tool = Path(sys.executable).with_name("pyside6-lupdate")
    if not tool.exists():
        pytest.skip("pyside6-lupdate is not installed")
    committed = root / "resources" / "translations" / "medrega_zh_CN.ts"
    copy = tmp_path / committed.name
    shutil.copy(committed, copy)
    sources = sorted(str(path) for path in (root / folder).rglob("*.py"))
    subprocess.run([tool, *sources, "-ts", str(copy), "-no-obsolete", "-locations", "none"], check=True)
    texts = [
        {
            (c.find("name").text, m.find("source").text)
            for c in ElementTree.parse(p).iter("context")
            for m in c.iter("message")
        }
        for p in (committed, copy)
    ]
    assert texts[0] == texts[1]


def test_a_database_of_a_newer_version_is_shown_and_said_to_be_read_only(open_window, tmp_path):
    driver = open_window()
    root = driver.draw_and_wait(BOX)
    driver.key(Qt.Key.Key_Return)
    driver.window.close()
    driver.window.regions._store.close()
    with sqlite3.connect(tmp_path / "a.sqlite") as newer:
        newer.execute("PRAGMA user_version = 99")
    newer.close()
    driver = open_window()
    label = driver.window.findChild(QLabel, "readOnly")
    assert label.isVisible()
    assert "newer version" in label.toolTip()
    assert driver.window.regions.region(root).state is RegionState.ACCEPTED
    draw_box(driver.window, OTHER)
    assert len(driver.window.regions.rows) == 1
    assert "newer version" in driver.window.notice_bar.text
