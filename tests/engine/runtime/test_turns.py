"""Who comes next: the newest question, and nobody waits behind work that only looks ahead."""

from __future__ import annotations

import threading
import time

import pytest

from engine.progress import Cancelled
from engine.runtime import EngineError
from engine.runtime.turns import Turns


def never():
    return False


def nothing():
    pass


def wait_until(condition):
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.002)


class Asker(threading.Thread):
    """Waits for a turn, notes it, and ends it at once."""

    def __init__(self, turns, name, order, *, low=False):
        super().__init__(daemon=True)
        self.turns, self.label, self.order, self.low, self.error = turns, name, order, low, None
        self.start()

    def run(self):
        try:
            with self.turns.take(never, nothing, low=self.low):
                self.order.append(self.label)
        except EngineError as error:
            self.error = error


def queue(turns, names, order, *, low=()):
    askers = []
    for name in names:
        askers.append(Asker(turns, name, order, low=name in low))
        wait_until(lambda: len(turns._waiting) == len(askers))
    return askers


def test_the_newest_question_is_answered_first_and_work_ahead_last_in_its_order():
    turns, order = Turns(), []
    with turns.take(never, nothing):
        askers = queue(turns, "aXbYc", order, low="XY")
    for asker in askers:
        asker.join(10)
    assert order == ["c", "b", "a", "X", "Y"]


def test_of_too_many_questions_the_oldest_is_refused():
    turns, order = Turns(most_waiting=2), []
    with turns.take(never, nothing):
        askers = queue(turns, "ab", order)
        askers.append(Asker(turns, "c", order))
        askers[0].join(10)
        assert "too many questions wait" in str(askers[0].error)
    for asker in askers:
        asker.join(10)
    assert order == ["c", "b"]


def test_work_ahead_is_told_to_give_way_once_somebody_asks():
    turns, order = Turns(), []
    with turns.take(never, nothing, low=True) as gives_way:
        assert not gives_way()
        Asker(turns, "later", order, low=True)
        wait_until(lambda: len(turns._waiting) == 1)
        assert not gives_way()
        Asker(turns, "now", order)
        wait_until(gives_way)
    wait_until(lambda: order == ["now", "later"])


def test_a_question_is_never_told_to_give_way():
    turns, order = Turns(), []
    with turns.take(never, nothing) as gives_way:
        queue(turns, "a", order)
        assert not gives_way()


def test_who_no_longer_waits_leaves_no_trace():
    turns, order = Turns(), []
    with turns.take(never, nothing):
        with pytest.raises(Cancelled), turns.take(lambda: True, nothing):
            pass
        assert not turns._waiting
    with turns.take(never, nothing):
        order.append("free")
    assert order == ["free"]
