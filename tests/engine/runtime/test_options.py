"""How a model is run where nobody said."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

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


@pytest.mark.skipif(not Path("/proc/self/maps").is_file(), reason="reads what is loaded from /proc")
def test_openmp_is_not_loaded_before_the_models_process_has_told_it_how_to_wait():
    """It reads GOMP_SPINCOUNT once, when it is loaded: by then the model's process must have set it."""
    script = "import engine.runtime.child; print(open('/proc/self/maps').read())"
    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    assert "libpython" in loaded or "python" in loaded
    assert "libgomp" not in loaded
