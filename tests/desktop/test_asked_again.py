"""A box that the model found, and what it says when it is asked what is in it: no name stands beside the probability
of another answer than its own, on the card, in the list, on the slice, and in what is accepted at once.
"""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from desktop.viewer.region_item import RegionItem
from engine.protocol import Language, Task
from engine.regions import Box, Label
from engine.store import NewRegion, Origin, RegionState
from engine.suggest import Candidate, ModelRef, SuggestedRegion, Suggestion, SuggestTimings

LIVER, SPLEEN = Label("liver", "liver", "肝脏"), Label("spleen", "spleen", "脾脏")
BOXES = [Box(5, 5, 20, 20), Box(30, 5, 45, 20), Box(5, 30, 20, 45), Box(30, 30, 45, 45), Box(55, 55, 70, 70)]


@pytest.fixture
def driver(open_window):
    return open_window()


def answer(driver, task: Task, said: list[tuple[Label, float]], box: Box, *, abstained: bool = False) -> Suggestion:
    """said : the names, the best one first."""
    asked = task is Task.REGION_TO_TEXT
    best, sure = said[0]
    return Suggestion(
        task=task,
        language=Language.EN,
        image=driver.window.viewing.image_ref(),
        prompt="p",
        raw="r",
        text=best.en,
        regions=(SuggestedRegion(best.en, best.zh, best.id, box, sure),),
        candidates=tuple(Candidate(one.en, one.zh, one.id, p) for one, p in said) if asked else (),
        not_present=(),
        abstained=abstained,
        malformed=False,
        model=ModelRef("names" if asked else "boxes", "0" * 64),
        timings_ms=SuggestTimings(1, 1, 1, 1, 1),
    )


def find(driver, sure: float, box: Box = BOXES[0]) -> int:
    """A liver that the model finds, selected; its root id."""
    regions = driver.window.regions
    assert regions.keep_found(answer(driver, Task.TEXT_TO_REGION, [(LIVER, sure)], box)) == 1
    return next(row.root_id for row in regions.rows if row.box == box)


def ask(driver, root: int, *said: tuple[Label, float], abstained: bool = False) -> int:
    """What it is, says the model now; the answer's number."""
    regions = driver.window.regions
    about = answer(driver, Task.REGION_TO_TEXT, list(said), regions.region(root).box, abstained=abstained)
    regions.keep_suggestion(about, root)
    return driver.window._store.suggestions.of_region(root).id


def drew(driver, root: int) -> int:
    """The number of the answer that drew a box."""
    return driver.window._store.suggestions.about_region(root)[0].id


def listed(driver, root: int) -> str:
    panel = driver.window.regions_panel.list
    texts = {panel.item(n).data(Qt.ItemDataRole.UserRole): panel.item(n).text() for n in range(panel.count())}
    return texts[root]


def card_rows(driver) -> list[tuple[str, float | None]]:
    names = driver.window.card._list
    return [(names.row_at(n).name, names.row_at(n).probability) for n in range(names.count())]


def tag(driver, root: int) -> str:
    items = driver.window.view.scene().items()
    return next(one._tag.text() for one in items if isinstance(one, RegionItem) and one.root_id == root)


def decided(driver, root: int) -> tuple[str, RegionState, int | None]:
    """Name, state, and the answer that the person decided about."""
    store = driver.window._store
    row = store.regions.current(root)
    return row.label.en, row.state, store.verdicts.of_region(root)[-1].suggestion_id


def test_a_newer_answer_with_another_name_lends_its_probability_to_nothing_but_that(driver):
    root = find(driver, 0.31)
    ask(driver, root, (SPLEEN, 0.96), (LIVER, 0.04))
    card = driver.window.card
    assert "96%" in listed(driver, root), "the newer answer is told"
    assert "spleen 96%" in listed(driver, root)
    assert tag(driver, root) == "liver?"
    assert card._title.text() == "What names suggests"
    assert card.note.text() == "Its name so far: liver"
    assert card.note.isVisibleTo(card)
    assert card_rows(driver) == [("spleen", 0.96), ("liver", 0.04)]


def test_what_the_card_offers_is_judged_as_the_answer_that_it_is_of(driver):
    first, second = find(driver, 0.31), find(driver, 0.32, BOXES[1])
    ids = [ask(driver, root, (SPLEEN, 0.96)) for root in (first, second)]
    window = driver.window
    window.regions.select(first)
    # The name so far can be chosen too; no answer here says how sure it is.
    assert card_rows(driver) == [("spleen", 0.96), ("liver", None)]
    driver.key(Qt.Key.Key_Return)
    assert decided(driver, first) == ("spleen", RegionState.ACCEPTED, ids[0])
    window.regions.select(second)
    driver.type("2")
    assert decided(driver, second) == ("liver", RegionState.EDITED, ids[1])


def test_an_answer_that_says_the_name_again_is_the_one_shown_and_accepted(driver):
    root = find(driver, 0.31)
    again = ask(driver, root, (LIVER, 0.96), (SPLEEN, 0.04))
    assert "liver  肝脏\n96%" in listed(driver, root)
    assert tag(driver, root) == "liver 96%?"
    assert card_rows(driver) == [("liver", 0.96), ("spleen", 0.04)]
    assert not driver.window.card.note.isVisibleTo(driver.window.card)
    driver.key(Qt.Key.Key_Return)
    assert decided(driver, root) == ("liver", RegionState.ACCEPTED, again)


def test_an_answer_that_is_not_sure_leaves_the_name_to_what_drew_it(driver):
    root = find(driver, 0.71)
    ask(driver, root, (SPLEEN, 0.22), abstained=True)
    card = driver.window.card
    assert "liver  肝脏\n71%" in listed(driver, root)
    assert tag(driver, root) == "liver 71%?"
    assert card._title.text() == "Found by boxes"
    assert card_rows(driver) == [("liver", 0.71)]
    assert card.note.text() == "Asked what it is, the model is not sure"
    driver.key(Qt.Key.Key_Return)
    assert decided(driver, root) == ("liver", RegionState.ACCEPTED, drew(driver, root))


def test_a_name_that_was_followed_is_not_as_sure_as_what_is_said_of_it(driver):
    window = driver.window
    new = NewRegion(window.viewing.image_ref(), "1", BOXES[0], label=LIVER, origin=Origin.PROPAGATED)
    (row,) = window.regions.add([new])
    unsure = ask(driver, row.root_id, (SPLEEN, 0.22), abstained=True)
    assert "%" not in listed(driver, row.root_id)
    assert window.card._title.text() == "Followed from another slice"
    assert card_rows(driver) == [("liver", None)]
    driver.key(Qt.Key.Key_Return)
    assert decided(driver, row.root_id)[:2] == ("liver", RegionState.ACCEPTED)
    assert decided(driver, row.root_id)[2] != unsure
    driver.key(Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    window.regions.select(row.root_id)
    ask(driver, row.root_id, (SPLEEN, 0.96))
    assert card_rows(driver) == [("spleen", 0.96), ("liver", None)]
    assert tag(driver, row.root_id) == "liver?"


def test_what_the_buttons_count_is_what_they_accept(driver):
    window = driver.window
    sure, doubted, unsure, said, other = (find(driver, 0.95, box) for box in BOXES)
    ask(driver, doubted, (SPLEEN, 0.99))
    ask(driver, unsure, (SPLEEN, 0.2), abstained=True)
    again = ask(driver, said, (LIVER, 0.97))
    ask(driver, other, (LIVER, 0.5))
    box = window.regions_panel.find_all
    box.threshold.setValue(90)
    driver.until(lambda: box.accept_here.text() == "This slice (3)")
    driver.until(lambda: box.accept_everywhere.text() == "All slices (3)")
    window.regions.select(None)
    for button in (box.accept_here, box.accept_everywhere):
        QTest.mouseClick(button, Qt.MouseButton.LeftButton)
        states = {root: window._store.regions.current(root).state for root in (sure, doubted, unsure, said, other)}
        assert [root for root, state in states.items() if state is RegionState.ACCEPTED] == [sure, unsure, said]
        judged = {root: window._store.verdicts.of_region(root)[-1] for root in (sure, unsure, said)}
        assert {root: one.suggestion_id for root, one in judged.items()} == {
            sure: drew(driver, sure),
            unsure: drew(driver, unsure),
            said: again,
        }
        assert [json.loads(one.detail)["probability"] for one in judged.values()] == [0.95, 0.95, 0.97]
        driver.until(lambda: box.accept_here.text() == "This slice (0)")
        driver.key(Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
        driver.until(lambda: box.accept_everywhere.text() == "All slices (3)")


def test_what_has_another_name_than_the_model_says_now_is_looked_at_first(driver):
    window = driver.window
    shaky, doubted, sure = (find(driver, p, box) for p, box in zip((0.2, 0.9, 0.8), BOXES, strict=False))
    ask(driver, doubted, (SPLEEN, 0.99))
    assert [one.place.row.root_id for one in window.models.uncertain.waiting()] == [doubted, shaky, sure]


def test_an_answer_about_a_found_box_leaves_its_sides_as_they_were(driver):
    regions = driver.window.regions
    drawn = answer(driver, Task.TEXT_TO_REGION, [(LIVER, 0.9)], BOXES[0])
    spread = (2.0, 1.0, 6.0, 3.0)
    regions.keep_found(replace(drawn, regions=(replace(drawn.regions[0], spread=spread),)))
    (row,) = regions.rows
    ask(driver, row.root_id, (SPLEEN, 0.99))
    assert regions.spread(row) == spread
