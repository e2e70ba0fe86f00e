"""The model's help on many slices: found in the background, gone through with one key each."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from engine.found import SAME_PLACE, split_names
from engine.models.adding import add_model
from engine.progress import NoProgress
from engine.protocol import Language, Task
from engine.regions import Box
from engine.runtime import ModelManifest, registry
from engine.store import Origin, RegionState
from engine.suggest import ModelRef, Suggestion, SuggestTimings

CTRL = Qt.KeyboardModifier.ControlModifier
BOX = Box(30, 30, 70, 70)
NAME = "spleen"
"""What the untrained model finds on every slice."""


@pytest.fixture
def driver(open_window):
    return open_window()


def found(driver):
    """All regions of the scan that can be seen."""
    volume, store = driver.window.viewing.volume, driver.window._store
    return store.regions.of_series(volume.source, volume.series_uid)


def look_for(driver, *names: str) -> None:
    box = driver.window.regions_panel
    box._names.setCurrentText(", ".join(names))
    QTest.mouseClick(box.find_all.all_slices, Qt.MouseButton.LeftButton)
    assert driver.window.models.finding.running


def find_all(driver, *names: str) -> None:
    look_for(driver, *names)
    driver.until(lambda: not driver.window.models.finding.running)


def test_names_are_parted_by_commas_of_either_language():
    assert split_names(" liver, 脾脏，aorta;;liver ") == ["liver", "脾脏", "aorta"]


def test_names_are_found_on_every_slice_as_suggestions_with_their_probability(driver):
    find_all(driver, NAME)
    regions = found(driver)
    assert len({one.slice for one in regions}) > 1
    assert {one.row.state for one in regions} == {RegionState.SUGGESTED}
    assert {one.row.origin for one in regions} == {Origin.MODEL}
    store = driver.window._store
    assert all(store.suggestions.of_region(one.row.root_id).probability is not None for one in regions)
    assert "%" in driver.window.regions_panel.list.item(0).text()


def test_finding_on_all_slices_is_one_step_to_undo_and_what_was_decided_meanwhile_stays(driver):
    window = driver.window
    look_for(driver, NAME)
    driver.until(lambda: bool(window.regions.rows))
    window.regions.select(window.regions.rows[0].root_id)
    driver.key(Qt.Key.Key_Return)
    accepted = next(one.row.root_id for one in found(driver) if one.row.state is RegionState.ACCEPTED)
    driver.until(lambda: not window.models.finding.running)
    assert len(found(driver)) > 1
    driver.key(Qt.Key.Key_Z, CTRL)
    assert [one.row.root_id for one in found(driver)] == [accepted]


def test_nothing_is_found_twice(driver):
    find_all(driver, NAME)
    before = [one.row.root_id for one in found(driver)]
    find_all(driver, NAME)
    assert [one.row.root_id for one in found(driver)] == before


def test_on_this_slice_a_box_in_the_same_place_is_not_found_again(driver):
    window = driver.window
    panel = window.regions_panel
    said = []
    window.asking.already.connect(lambda: said.append(1))
    for _ in range(2):
        panel._names.setCurrentText(NAME)
        QTest.mouseClick(panel._button, Qt.MouseButton.LeftButton)
        driver.until(lambda: not window.asking.asking)
    boxes = [row.box for row in window.regions.rows]
    assert said == [1]
    assert all(a is b or a.iou(b) <= SAME_PLACE for a in boxes for b in boxes)


def test_what_was_deleted_stays_deleted(driver):
    window = driver.window
    find_all(driver, NAME)
    window.regions.select(window.regions.rows[0].root_id)
    gone = window.regions.selected_root
    driver.key(Qt.Key.Key_Delete)
    here = window.viewing.index
    find_all(driver, NAME)
    left = [row.root_id for row in window.regions.rows]
    assert window.viewing.index == here
    assert gone not in left
    assert all(one.row.root_id in left for one in found(driver) if one.slice == here)


def test_stopping_keeps_what_was_found(driver):
    window = driver.window
    results = []
    window.models.finding.done.connect(results.append)
    look_for(driver, NAME)
    driver.until(lambda: bool(found(driver)))
    QTest.mouseClick(window.status._cancel, Qt.MouseButton.LeftButton)
    driver.until(lambda: not window.models.finding.running)
    (result,) = results
    assert result.left > 0
    assert len(found(driver)) == result.regions > 0


def test_a_persons_question_comes_first_and_finding_goes_on_afterwards(driver):
    window = driver.window
    look_for(driver, NAME)
    root = driver.draw(BOX)
    driver.until(lambda: window.regions.suggestion(root) is not None)
    assert window.models.finding.running
    driver.until(lambda: not window.models.finding.running)
    assert {one.slice for one in found(driver)} == set(range(window.viewing.slice_count))


def test_the_next_uncertain_one_is_the_least_certain_of_the_whole_scan(driver):
    window = driver.window
    find_all(driver, NAME)
    order = [one.place for one in window.models.uncertain.waiting()]
    assert len(order) > 2
    for place in order[:3]:
        driver.type(".")
        assert (window.viewing.index, window.regions.selected_root) == (place.slice, place.row.root_id)
    driver.key(Qt.Key.Key_Tab, CTRL)
    assert window.regions.selected_root == order[3].row.root_id if len(order) > 3 else order[0].row.root_id


def test_everything_sure_enough_is_accepted_on_all_slices_in_one_step(driver):
    window = driver.window
    find_all(driver, NAME)
    box = window.regions_panel.find_all
    driver.until(lambda: box.next_uncertain.isEnabled())
    # An untrained model is sure of nothing.
    assert not box.accept_everywhere.isEnabled()
    box.threshold.setValue(0)
    sure = {one.row.root_id for one in found(driver)}
    QTest.mouseClick(box.accept_everywhere, Qt.MouseButton.LeftButton)
    assert {one.row.root_id for one in found(driver) if one.row.state is RegionState.ACCEPTED} == sure
    root = next(iter(sure))
    assert "threshold" in window._store.verdicts.of_region(root)[-1].detail
    driver.key(Qt.Key.Key_Z, CTRL)
    assert {one.row.state for one in found(driver)} == {RegionState.SUGGESTED}


def test_names_are_chosen_from_a_list_beside_those_typed(driver):
    panel = driver.window.regions_panel
    panel._names.setCurrentText("liver, something else")
    menu = panel.find_all._menu
    panel.find_all._fill_menu()
    actions = {action.text(): action for action in menu.actions()}
    assert actions["liver"].isChecked()
    actions["spleen"].trigger()
    assert panel._names.currentText() == "liver, something else, spleen"
    panel.find_all._fill_menu()
    next(action for action in menu.actions() if action.text() == "liver").trigger()
    assert panel._names.currentText() == "something else, spleen"


def test_every_name_is_a_question_of_its_own(driver):
    find_all(driver, NAME, "liver")
    store = driver.window._store
    prompts = {store.suggestions.of_region(one.row.root_id).prompt for one in found(driver)}
    assert all(prompt.count("<ref>") == 2 for prompt in prompts), "one as the form, one as the name"
    assert any("<ref>liver</ref>" in prompt for prompt in prompts)
    assert store.audit_problems() == []


def test_the_time_that_is_left_is_told(driver):
    said = set()
    running = driver.window.regions_panel.find_all._running
    driver.window.models.finding.changed.connect(lambda: said.add(running.text()))
    find_all(driver, NAME)
    assert any("left" in text for text in said)


def absent_answer(window, raw: str, model: ModelRef) -> Suggestion:
    return Suggestion(
        task=Task.TEXT_TO_REGION,
        language=Language.EN,
        image=window.viewing.image_ref(),
        prompt="where is <image>",
        raw=raw,
        text=raw,
        regions=(),
        candidates=(),
        not_present=("aorta",),
        abstained=False,
        malformed=False,
        model=model,
        timings_ms=SuggestTimings(0, 0, 0, 0, 0),
        names=("aorta",),
    )


def test_what_another_model_left_out_is_shown_as_not_there(open_window, tiny_model, tmp_path, monkeypatch):
    folders = (tmp_path / "models", tmp_path / "shipped")
    monkeypatch.setattr(registry, "model_folders", lambda: folders)
    monkeypatch.setattr("engine.models.registering.model_folders", lambda: folders)
    first = ModelManifest.read(tiny_model)
    files = (first.path("text"), first.path("mmproj"))
    other = add_model(*files, "qwen-vl", "json", NoProgress(), labels=first.labels(), box_unit="1000")
    driver = open_window()
    window = driver.window
    absent = window.regions_panel.absent
    # JSON writes nothing of what is not there, and what it does write is nothing in MedRegA's syntax.
    window._store.record_found(absent_answer(window, "[]", ModelRef(other.id, other.sha256)), "1", "tester")
    window.regions.refresh()
    assert absent.text() == "Not on this slice, says the model: aorta"
    window.viewing.step(1)
    assert not absent.isVisible()
    box = '[{"bbox_2d": [100, 100, 300, 300], "label": "aorta"}]'
    window._store.record_found(absent_answer(window, box, ModelRef(other.id, other.sha256)), "1", "tester")
    window.regions.refresh()
    assert not absent.isVisible()


def test_what_is_not_there_is_shown_as_such(driver):
    window = driver.window
    answer = absent_answer(window, "<ref>aorta</ref>: not present", ModelRef("tiny", "0" * 64))
    window._store.record_found(answer, "1", "tester")
    window.regions.refresh()
    absent = window.regions_panel.absent
    assert absent.text() == "Not on this slice, says the model: aorta"
    assert absent.isVisible()
    window.set_answer_language(Language.ZH)
    assert "主动脉" in absent.text()
    window.viewing.step(1)
    assert not absent.isVisible()
    window.viewing.step(-1)
    root = driver.draw(BOX)
    window.regions.correct(root, window.asking.labels.find("aorta"))
    assert not absent.isVisible(), "a person says that it is there"
