"""The slice on screen and its neighbours are ready before anybody asks; a question never waits for that."""

from __future__ import annotations

import pytest

pytest.importorskip("PySide6")

from engine.protocol import Language, Question, Task, render_prompt
from engine.regions import Box
from engine.runtime import AskRequest
from engine.scans import render_slice


def asked_about(driver, index):
    """The model's answer about a slice; what it did not have to do for it is in there."""
    window = driver.window
    volume, viewing = window.viewing.volume, window.viewing
    rgb = render_slice(volume, viewing.plane, index, viewing.window)
    height, width = rgb.shape[:2]
    question = Question(Task.REGION_TO_TEXT, Language.EN, width, height, volume.modality, Box(1, 1, 20, 20))
    return window.asking.session.ask(AskRequest(0, rgb, render_prompt(question), None, ("a", "b")))


def settled(driver):
    ahead = driver.window.asking.ahead
    driver.until(lambda: ahead._settled.isActive() or ahead.looking)
    driver.until(lambda: not ahead._settled.isActive() and not ahead.looking)


def test_the_slice_on_screen_and_its_neighbours_are_ready_once_it_has_settled(open_window):
    driver = open_window(warm=True)
    driver.until(lambda: driver.window.asking.session.pid is not None)
    here = driver.window.viewing.index
    driver.window.viewing.go_to(here + 2)
    settled(driver)
    for index in (here + 1, here + 2, here + 3):
        result = asked_about(driver, index)
        assert result.image_cached
        assert result.prefix_reused
    assert not asked_about(driver, here - 4).image_cached


def test_a_question_stops_it_and_is_answered(open_window):
    driver = open_window(warm=True)
    driver.until(lambda: driver.window.asking.session.pid is not None)
    driver.window.viewing.go_to(driver.window.viewing.index + 1)
    ahead = driver.window.asking.ahead
    driver.until(lambda: ahead.looking or not ahead._settled.isActive())
    root = driver.draw_and_wait(Box(20, 20, 50, 60))
    assert driver.window.regions.suggestion(root) is not None


def test_nothing_is_looked_at_while_a_scan_is_read_blind(open_window):
    driver = open_window(warm=True)
    driver.until(lambda: driver.window.asking.session.pid is not None)
    settled(driver)
    driver.window.viewing.go_to(driver.window.viewing.index + 3)
    driver.window.regions.blind = True
    driver.until(lambda: not driver.window.asking.ahead._settled.isActive())
    assert not driver.window.asking.ahead.looking
    assert not asked_about(driver, driver.window.viewing.index).image_cached
