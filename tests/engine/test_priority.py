"""A process that works beside the window gives way to it."""

from __future__ import annotations

import os
import subprocess
import sys

import psutil
import pytest

from engine.priority import lower_priority


@pytest.mark.skipif(not hasattr(os, "nice"), reason="Unix has niceness")
@pytest.mark.parametrize("niceness", [0, 1])
def test_a_process_becomes_nicer_by_so_much(niceness):
    code = f"import os; from engine.priority import lower_priority; lower_priority({niceness}); print(os.nice(0))"
    said = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, check=True, timeout=60)
    assert int(said.stdout) == min(19, os.nice(0) + niceness)


@pytest.mark.parametrize("niceness", [0, 10])
def test_windows_has_a_class_below_normal_instead(niceness, monkeypatch):
    wanted = []

    class Process:
        def nice(self, value: int) -> None:
            wanted.append(value)

    # As psutil has it on Windows alone (winbase.h).
    monkeypatch.setattr(psutil, "BELOW_NORMAL_PRIORITY_CLASS", 0x4000, raising=False)
    monkeypatch.setattr(psutil, "Process", Process)
    lower_priority(niceness)
    assert wanted == ([0x4000] if niceness else [])
