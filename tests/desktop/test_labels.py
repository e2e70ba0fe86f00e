"""Names, colours and keys of labels, used with mouse and keys."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QImage, QInputMethodEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from desktop.model.label_colors import LabelColors
from desktop.model.relabelling import FEW
from desktop.model.tools import Tool
from desktop.panels.change_label_dialog import ChangeLabelDialog
from desktop.panels.label_sets_dialog import LabelSetsDialog
from engine.labels import (
    Attributes,
    Certainty,
    LabelScheme,
    LabelSet,
    Laterality,
    Severity,
    builtin_ontology,
    builtin_schemes,
)
from engine.phantom import write_phantom_series
from engine.regions import Box, Label
from engine.store import RegionState

BOX = Box(30, 40, 60, 70)
OTHER = Box(70, 70, 95, 100)


def ids(driver) -> list[str]:
    return [row.label.id for row in driver.window.regions.rows if row.label is not None]


def hold(driver, id: str) -> None:
    driver.window.labels.take(builtin_ontology().get(id))


def reopened(driver, open_window):
    driver.window.close()
    return open_window()


@pytest.mark.parametrize("typed", ["gan zang", "ganzang"])
def test_pinyin_names_a_region(open_window, typed):
    driver = open_window()
    root = driver.draw_and_wait(BOX)
    driver.key(Qt.Key.Key_F2)
    driver.type(typed)
    driver.key(Qt.Key.Key_Return)
    assert driver.window.regions.region(root).label.id == "liver"


def test_first_letters_of_pinyin_find_but_are_not_taken_without_choosing(open_window):
    driver = open_window()
    root = driver.draw_and_wait(BOX)
    driver.key(Qt.Key.Key_F2)
    driver.type("gz")
    driver.key(Qt.Key.Key_Return)
    assert driver.window.regions.region(root).state is RegionState.DRAWN
    names = [driver.window.card._list.row_at(number).name for number in range(driver.window.card._list.count())]
    for _ in range(names.index("liver") + 1):
        driver.key(Qt.Key.Key_Down)
    driver.key(Qt.Key.Key_Return)
    assert driver.window.regions.region(root).label.id == "liver"


def test_an_input_method_finds_names_and_its_half_typed_letters_take_none(open_window):
    driver = open_window()
    root = driver.draw_and_wait(BOX)
    driver.key(Qt.Key.Key_F2)
    QApplication.sendEvent(driver.window.focusWidget(), QInputMethodEvent("pi zang", []))
    assert driver.window.regions.region(root).state is RegionState.DRAWN
    done = QInputMethodEvent()
    done.setCommitString("脾脏")
    QApplication.sendEvent(driver.window.focusWidget(), done)
    driver.key(Qt.Key.Key_Return)
    assert driver.window.regions.region(root).label.id == "spleen"


def test_a_digit_takes_the_candidate_of_that_number(open_window):
    driver = open_window()
    root = driver.draw_and_wait(BOX)
    candidates = driver.window.regions.suggestion(root).candidates
    driver.key(Qt.Key.Key_2)
    row = driver.window.regions.region(root)
    assert (row.label.en, row.state) == (candidates[1][0], RegionState.EDITED)


def test_a_digit_names_the_selected_region(open_window):
    driver = open_window()
    hold(driver, "aorta")
    root = driver.draw(BOX)
    scheme = driver.window.labels.scheme
    driver.key(Qt.Key.Key_3)
    assert driver.window.regions.region(root).label.id == scheme.by_key("3").label.id
    driver.key(Qt.Key.Key_1)
    assert driver.window.regions.region(root).label.id == scheme.by_key("1").label.id
    driver.window.regions.undo_stack.undo()
    assert driver.window.regions.region(root).label.id == scheme.by_key("3").label.id


def test_a_digit_of_no_label_still_fits_the_picture(open_window):
    driver = open_window()
    driver.type("+")
    before = driver.window.view.transform().m11()
    driver.key(Qt.Key.Key_0)
    assert driver.window.view.transform().m11() < before
    assert driver.window.regions.next_label is None


def test_a_label_in_hand_names_everything_drawn_also_on_another_slice_and_scan(open_window, tmp_path):
    driver = open_window()
    window = driver.window
    label = window.labels.scheme.by_key("2").label
    driver.key(Qt.Key.Key_2)
    assert window.regions_panel.label_bar.in_hand.isVisible()
    driver.draw(BOX)
    driver.draw(OTHER)
    driver.key(Qt.Key.Key_Escape)
    driver.key(Qt.Key.Key_Down)
    driver.draw(BOX)
    assert ids(driver) == [label.id]
    first = window.viewing.item
    window.worklist.add_paths([write_phantom_series(tmp_path / "other", 12, size=128, slice_mm=10.0) / "dicom"])
    driver.until(lambda: window.worklist.neighbour(first, 1) not in (None, first))
    driver.key(Qt.Key.Key_N)
    driver.until(lambda: window.viewing.item != first and window.viewing.current.is_complete)
    assert window.regions.next_label == label
    driver.draw(BOX)
    assert ids(driver) == [label.id]
    driver.key(Qt.Key.Key_Escape)
    assert window.regions.next_label == label, "the first Esc is for the selection"
    driver.key(Qt.Key.Key_Escape)
    assert window.regions.next_label is None
    assert not window.regions_panel.label_bar.in_hand.isVisible()


def test_a_click_on_the_bar_is_the_same_as_the_key(open_window):
    driver = open_window()
    bar = driver.window.regions_panel.label_bar
    at = bar.list.visualItemRect(bar.list.item(1)).center()
    QTest.mouseClick(bar.list.viewport(), Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, at)
    assert driver.window.regions.next_label == driver.window.labels.scheme.entries[1].label
    assert driver.window.focusWidget() is driver.window.view
    driver.key(Qt.Key.Key_2)
    assert driver.window.regions.next_label is None


def test_the_bar_marks_the_name_that_the_selected_region_has_now(open_window):
    driver = open_window()
    window = driver.window
    bar = window.regions_panel.label_bar
    root = driver.draw_and_wait(BOX)
    driver.key(Qt.Key.Key_Escape)
    for number in (0, 1):
        window.regions.select(root)
        window.regions.set_label([root], window.labels.scheme.entries[number].label)
        bold = [row for row in range(bar.list.count()) if bar.list.item(row).font().bold()]
        assert bold == [number]


def test_a_new_name_with_its_other_language_is_known_after_reopening(open_window):
    driver = open_window()
    driver.draw_and_wait(BOX)
    driver.type("zebra organ")
    driver.key(Qt.Key.Key_Tab)
    other = QInputMethodEvent()
    other.setCommitString("斑马器官")
    QApplication.sendEvent(driver.window.focusWidget(), other)
    driver.key(Qt.Key.Key_Return)
    (row,) = driver.window.regions.rows
    assert (row.label.en, row.label.zh) == ("zebra organ", "斑马器官")
    again = reopened(driver, open_window)
    again.draw_and_wait(OTHER)
    again.type("ban ma qi guan")
    again.key(Qt.Key.Key_Return)
    assert [one.label.id for one in again.window.regions.rows] == [row.label.id] * 2
    assert len(again.window._store.labels.own_labels()) == 1


def test_a_taken_name_is_offered_and_nothing_is_overwritten(open_window):
    driver = open_window()
    root = driver.draw_and_wait(BOX)
    driver.type("zebra organ")
    driver.key(Qt.Key.Key_Tab)
    other = QInputMethodEvent()
    other.setCommitString("肝脏")
    QApplication.sendEvent(driver.window.focusWidget(), other)
    driver.key(Qt.Key.Key_Return)
    driver.key(Qt.Key.Key_Return)
    assert driver.window.regions.region(root).label is None, "not taken without being chosen"
    assert "liver" in driver.window.card._hint.text()
    assert driver.window._store.labels.own_labels() == []
    driver.key(Qt.Key.Key_Backtab)
    driver.key(Qt.Key.Key_Down)
    driver.key(Qt.Key.Key_Return)
    assert driver.window.regions.region(root).label.id == "liver"


def test_what_is_said_of_a_region_is_undone_and_survives_reopening(open_window):
    driver = open_window()
    hold(driver, "kidney-cyst")
    root = driver.draw(BOX)
    editor = driver.window.regions_panel.attributes
    for combo, steps in ((editor.certainty, 2), (editor.severity, 1), (editor.side, 1)):
        combo.setFocus()
        for _ in range(steps):
            QTest.keyClick(combo, Qt.Key.Key_Down)
    editor.remark.setFocus()
    driver.type("near the hilum")
    driver.key(Qt.Key.Key_Return)
    wanted = Attributes(Laterality.LEFT, Certainty.PROBABLE, Severity.MILD, "near the hilum")
    assert Attributes.from_json(driver.window.regions.region(root).attributes) == wanted
    assert "left, probable, mild, near the hilum" in driver.window.regions_panel.list.item(0).text()
    driver.window.regions.undo_stack.undo()
    assert Attributes.from_json(driver.window.regions.region(root).attributes).text == ""
    assert editor.remark.text() == ""
    driver.window.regions.undo_stack.redo()
    again = reopened(driver, open_window)
    assert Attributes.from_json(again.window.regions.rows[0].attributes) == wanted


def test_a_side_is_asked_for_only_where_a_label_has_sides(open_window):
    driver = open_window()
    # Folded away in a window as low as this one, where nobody has opened it.
    driver.window.regions_panel.attributes.section.set_open(True)
    hold(driver, "liver")
    driver.draw(BOX)
    assert not driver.window.regions_panel.attributes.side.isVisible()
    driver.key(Qt.Key.Key_Escape)
    hold(driver, "kidney-cyst")
    driver.draw(OTHER)
    assert driver.window.regions_panel.attributes.side.isVisible()


def test_a_remark_that_is_being_typed_is_kept_when_the_slice_turns(open_window):
    driver = open_window()
    hold(driver, "liver")
    root = driver.draw(BOX)
    driver.window.regions_panel.attributes.remark.setFocus()
    driver.type("dense")
    driver.window.viewing.step(1)
    assert Attributes.from_json(driver.window._store.regions.current(root).attributes).text == "dense"


def test_regions_are_walked_through_with_the_keyboard(open_window):
    driver = open_window()
    hold(driver, "liver")
    first, second = driver.draw(BOX), driver.draw(OTHER)
    driver.key(Qt.Key.Key_F7)
    assert driver.window.focusWidget() is driver.window.regions_panel.list
    driver.key(Qt.Key.Key_Up)
    assert driver.window.regions.selected_root == first
    driver.key(Qt.Key.Key_Down)
    assert driver.window.regions.selected_root == second
    driver.key(Qt.Key.Key_F2)
    driver.type("spleen")
    driver.key(Qt.Key.Key_Return)
    assert driver.window.regions.region(second).label.id == "spleen"


def test_an_edited_label_set_is_kept_and_its_colour_is_on_the_slice(open_window):
    driver = open_window()
    labels = driver.window.labels
    mine = labels.copy_of(labels.scheme, "Mine", "我的")
    entry = mine.entries[0]
    value = mine.to_json()
    value["labels"][0]["colour"] = "#12E0F3"
    mine = type(mine).from_json(value, labels.ontology, "the test")
    labels.save(mine)
    labels.choose(labels.modality, mine.id)
    assert labels.scheme.id == mine.id
    labels.take(entry.label)
    driver.draw(BOX)
    driver.window.regions.select(None)
    assert (0x12, 0xE0, 0xF3) in colours_on(driver, BOX)
    again = reopened(driver, open_window)
    assert again.window.labels.scheme == mine
    assert (0x12, 0xE0, 0xF3) in colours_on(again, BOX)


def colours_on(driver, box: Box) -> set[tuple[int, int, int]]:
    """On the left edge of a box, as the view shows it."""
    view = driver.window.view
    image = view.viewport().grab().toImage().convertToFormat(QImage.Format.Format_RGB888)
    at = view.mapFromScene(box.x1, (box.y1 + box.y2) / 2)
    ratio = image.devicePixelRatio()
    near = range(int(at.x() * ratio) - 4, int(at.x() * ratio) + 5)
    return {image.pixelColor(x, int(at.y() * ratio)).getRgb()[:3] for x in near}


def test_label_sets_of_another_version_are_said_and_left_alone(open_window):
    driver = open_window()
    text = json.dumps({"format": "medrega-label-sets", "version": 99})
    driver.window._store.labels.set_scheme(text)
    again = reopened(driver, open_window)
    assert "another version" in again.window.notice_bar.text
    bar = again.window.regions_panel.label_bar
    bar._choose_set(0)
    assert again.window._store.labels.scheme() == text


def test_made_colours_are_as_light_as_each_other_and_never_the_yellow_of_what_waits():
    colors = LabelColors()
    made = [colors.of(Label("", f"name {number}", "")) for number in range(300)]
    light = [relative_luminance(color.getRgbF()[:3]) for color in made]
    assert max(light) / min(light) < 1.1
    assert min(light) > 0.4
    assert not any(45 <= color.hslHue() <= 62 and color.hslSaturation() > 200 for color in made)


def relative_luminance(rgb) -> float:
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in rgb]
    return float(np.dot(linear, (0.2126, 0.7152, 0.0722)))


def test_a_label_is_changed_everywhere_on_the_scan_and_back_in_one_step(open_window):
    driver = open_window()
    window = driver.window
    hold(driver, "liver")
    driver.draw(BOX)
    driver.key(Qt.Key.Key_Escape)
    driver.key(Qt.Key.Key_Down)
    driver.draw(BOX)
    driver.key(Qt.Key.Key_Escape)
    hold(driver, "aorta")
    driver.draw(OTHER)
    driver.key(Qt.Key.Key_Escape)
    hold(driver, "liver")
    locked = driver.draw(Box(10, 10, 25, 25))
    driver.key(Qt.Key.Key_L, Qt.KeyboardModifier.ControlModifier)
    window.region_actions.by_id["change_everywhere"].trigger()
    dialog = window.findChild(ChangeLabelDialog)
    assert "2" in dialog.counted.text()
    assert "1" in dialog.counted.text().split("·")[1], "the locked one is said to stay"
    QTest.keyClicks(dialog.search.edit, "spleen")
    QTest.keyClick(dialog.search.edit, Qt.Key.Key_Return)
    labels = window._store.regions.labelled
    spleen, liver = (window.labels.ontology.get(id) for id in ("spleen", "liver"))
    driver.until(lambda: len(labels(spleen)) == 2)
    assert [row.root_id for row in labels(liver)] == [locked]
    assert "2" in window.statusBar().currentMessage()
    window.menus._undo.trigger()
    assert len(labels(liver)) == 3
    window.menus._redo.trigger()
    assert len(labels(spleen)) == 2


def test_a_large_change_is_made_in_the_background_and_undone_as_one(open_window):
    driver = open_window()
    window = driver.window
    hold(driver, "liver")
    new = window.regions.new_region(BOX)
    window.regions.add([replace(new, label=window.regions.next_label)] * (FEW + 5))
    liver, spleen = (window.labels.ontology.get(id) for id in ("liver", "spleen"))
    window.relabelling.change(window.relabelling.find(liver), spleen)
    assert window.relabelling.busy
    driver.until(lambda: not window.relabelling.busy)
    assert len(window._store.regions.labelled(spleen)) == FEW + 5
    window.menus._undo.trigger()
    assert window._store.regions.labelled(spleen) == []
    assert window._store.audit_problems() == []


def test_a_label_set_is_copied_edited_and_chosen_in_its_dialog(open_window, tmp_path):
    driver = open_window()
    window = driver.window
    window.menus.label_sets.trigger()
    dialog = window.findChild(LabelSetsDialog)
    assert not dialog.editor.isEnabled(), "what ships is not edited"
    dialog.copy.click()
    assert dialog.editor.isEnabled()
    before = [entry.label.id for entry in dialog.scheme]
    dialog.editor.table.setCurrentRow(1)
    QTest.keyClick(dialog.editor.table, Qt.Key.Key_Up, Qt.KeyboardModifier.AltModifier)
    assert [entry.label.id for entry in dialog.scheme] == [before[1], before[0], *before[2:]]
    QTest.keyClicks(dialog.editor.search.edit, "ban ma")
    QTest.keyClick(dialog.editor.search.edit, Qt.Key.Key_Return)
    assert len(dialog.scheme) == len(before), "nothing fits: nothing is added"
    dialog.editor.search.edit.setText("femoral head")
    QTest.keyClick(dialog.editor.search.edit, Qt.Key.Key_Return)
    assert dialog.scheme.entries[-1].label.id == "femoral-head"
    dialog.editor.key.setCurrentText("7")
    dialog.editor.key.textActivated.emit("7")
    assert dialog.scheme.by_key("7").label.id == "femoral-head"
    dialog.editor.table.setCurrentRow(0)
    dialog.editor.remove.click()
    assert dialog.scheme.entries[0].label.id == before[0]
    dialog.editor.en.setText("Hips")
    dialog.editor.en.editingFinished.emit()
    dialog.use.click()
    assert window.labels.scheme.en == "Hips"
    window.labels.scheme.save(tmp_path / "hips.json")
    kept = window.labels.scheme
    dialog.close()
    again = reopened(driver, open_window)
    assert again.window.labels.scheme == kept
    again.key(Qt.Key.Key_7)
    assert again.window.regions.next_label.id == "femoral-head"
    copy = again.window.labels.import_file(tmp_path / "hips.json")
    assert (copy.id, copy.entries) == (f"{kept.id}-2", kept.entries)


def test_a_label_set_can_bind_the_model_to_its_names(open_window):
    driver = open_window()
    window = driver.window
    names = list(window.asking.labels)
    assert len(names) > 2
    whole = driver.draw_and_wait(BOX)
    assert len(window.regions.suggestion(whole).candidates) == len(names)
    assert not window.card.among.isVisible()
    own = window.labels.add_own("own x", "")
    window.labels.save(LabelScheme.of("two", "Two", "两个", LabelSet([*names[:2], own])))
    window.menus.label_sets.trigger()
    dialog = window.findChild(LabelSetsDialog)
    dialog._fill("two")
    assert not dialog.bind.isEnabled(), "another set is in use"
    dialog.use.click()
    assert "knows 2 of its 3 names" in dialog._used.text()
    dialog.bind.click()
    dialog.close()
    root = driver.draw_and_wait(Box(10, 10, 40, 40))
    assert {one[0] for one in window.regions.suggestion(root).candidates} == {label.en for label in names[:2]}
    assert window.card.among.text() == "among 2 names"
    again = reopened(driver, open_window)
    assert again.window.labels.binding_scheme.id == "two"
    again.window.labels.choose(again.window.labels.modality, "abdomen-ct-mr")
    assert again.window.labels.binding_scheme is None, "it was that set which was binding"
    again.window.labels.choose(again.window.labels.modality, "two")
    again.window.labels.bind(again.window.labels.modality, False)
    root = again.draw_and_wait(Box(50, 10, 90, 40))
    assert len(again.window.regions.suggestion(root).candidates) == len(names)


def test_a_set_of_names_that_the_model_does_not_know_cannot_bind_it(open_window):
    driver = open_window()
    window = driver.window
    labels, modality = window.labels, window.labels.modality
    labels.save(LabelScheme.of("mine", "Mine", "我的", LabelSet([labels.add_own("own x", "")])))
    labels.choose(modality, "mine")
    window.menus.label_sets.trigger()
    assert not window.findChild(LabelSetsDialog).bind.isEnabled()
    # As after a change of the model: nothing is named from elsewhere, and it can be undone.
    labels.bind(modality, True)
    root = driver.draw(BOX)
    driver.until(lambda: "knows none of the names" in window.notice_bar.text)
    assert window.regions.suggestion(root) is None
    window.findChild(LabelSetsDialog)._follow()
    assert window.findChild(LabelSetsDialog).bind.isEnabled()


def test_a_label_set_file_that_cannot_be_read_is_said_in_the_dialog(open_window, tmp_path):
    driver = open_window()
    driver.window.menus.label_sets.trigger()
    dialog = driver.window.findChild(LabelSetsDialog)
    broken = tmp_path / "broken.json"
    broken.write_text("[]", encoding="utf-8")
    dialog.import_path(broken)
    assert "broken.json" in dialog.problem.text()
    assert driver.window.labels.own == ()


def test_every_modality_has_a_set_made_for_it(open_window):
    labels = open_window().window.labels
    for modality in {one for scheme in builtin_schemes() for one in scheme.modalities} - {"CR", "XC"}:
        assert modality in labels.scheme_of(modality).modalities
    assert labels.scheme_of("").id == "names-of-the-model"


def test_drawing_tools_leave_the_digits_to_labels(open_window):
    driver = open_window()
    driver.window.models.tools.choose(Tool.BRUSH)
    driver.key(Qt.Key.Key_1)
    assert driver.window.regions.next_label == driver.window.labels.scheme.by_key("1").label
