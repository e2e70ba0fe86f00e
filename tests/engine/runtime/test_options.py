"""How a model is run where nobody said."""

from __future__ import annotations

import pytest

from engine.runtime.options import default_threads, threads_for


@pytest.mark.parametrize(
    ("cores", "processors", "threads"),
    [
        (2, 2, 2),  # two cores without hyper-threading
        (4, 8, 4),  # two processors a core
        (None, 8, 4),  # the system does not tell
        (None, 1, 1),
        (8, 2, 2),  # the process may use two of them
        (64, 128, 8),
    ],
)
def test_a_thread_for_each_core_that_may_be_used(cores: int | None, processors: int, threads: int):
    assert threads_for(cores, processors) == threads


def test_this_machine_gives_at_least_one():
    assert 1 <= default_threads() <= 8
