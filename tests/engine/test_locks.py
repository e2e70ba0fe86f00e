"""A lock between processes: one at a time, and free again however its holder ended."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from engine.locks import BusyError, only_process

HOLDER = """
import sys, time
from pathlib import Path
from engine.locks import only_process
with only_process(Path(sys.argv[1]), "it"):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def holder(tmp_path):
    """A process that holds the lock until its standard input ends."""
    command = [sys.executable, "-c", HOLDER, str(tmp_path / "lock")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=Path(__file__).parents[2]) as one:
        assert one.stdout.readline() == b"held\n"
        yield one
        one.kill()


def test_a_lock_that_another_process_has_is_waited_for_and_then_refused(holder, tmp_path):
    waited = []
    with (
        pytest.raises(BusyError, match="another process works on the run: try again"),
        only_process(tmp_path / "lock", "the run", 0.3, lambda: waited.append(1)),
    ):
        raise AssertionError("two are inside")
    assert len(waited) > 1
    threading.Timer(0.3, holder.stdin.close).start()
    with only_process(tmp_path / "lock", "the run", 30):
        holder.wait()


def test_a_killed_process_gives_its_lock_back(holder, tmp_path):
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    for _ in range(2):
        with only_process(tmp_path / "lock", "the run"):
            pass
