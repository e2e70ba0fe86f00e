"""A command that ends with whoever started it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

WAITER = """
import time
from engine.cli.with_parent import stop_with_parent
try:
    # Where there is nobody to wait for, it comes before the next line.
    stop_with_parent()
    print("waits", flush=True)
    time.sleep(120)
except KeyboardInterrupt:
    print("interrupted", flush=True)
"""


@pytest.mark.parametrize("how", ["closed", "killed", "none"])
def test_a_command_is_interrupted_when_its_standard_input_ends(how):
    command, root = [sys.executable, "-c", WAITER], Path(__file__).parents[3]
    if how == "none":
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, cwd=root, timeout=60, check=False
        )
        # It may come in the middle of the line before.
        assert done.stdout.endswith("interrupted\n")
        return
    if how == "killed":
        # A parent of its own between, which holds the other end of the pipe.
        parent = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {WAITER!r}], stdin=subprocess.PIPE)"
        command = [sys.executable, "-c", f"{parent}; sys.stdin.read()"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=root) as one:
        assert one.stdout.readline() == "waits\n"
        if how == "killed":
            one.kill()
        else:
            one.stdin.close()
        assert one.stdout.readline() == "interrupted\n"
