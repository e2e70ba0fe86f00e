"""kill -9 of the window in the middle of labelling: nothing that was done is lost, a half-drawn shape is offered."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from engine.store import AnnotationStore

KILLS = int(os.environ.get("MEDREGA_WINDOW_KILLS", "4"))
"""200 before a release, about 15 minutes: ``MEDREGA_WINDOW_KILLS=200 pytest tests/desktop/test_killed_window.py``."""


@pytest.mark.slow
def test_a_killed_window_loses_no_gesture(tmp_path, tiny_model, phantom_series):
    database, rng = tmp_path / "a.sqlite", random.Random(7)
    script = [sys.executable, Path(__file__).with_name("window_labeller.py")]
    root = Path(__file__).parents[2]
    environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen", "PYTHONPATH": str(root)}
    said: set[int] = set()
    for _ in range(KILLS):
        with subprocess.Popen(
            [*script, database, tiny_model, phantom_series / "dicom"],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=environment,
        ) as labeller:
            drawn = 0
            for line in labeller.stdout:
                match line.split():
                    case ["ready"]:
                        killer = threading.Timer(rng.uniform(0, 2.5), os.kill, (labeller.pid, signal.SIGKILL))
                        killer.start()
                    case ["region", row]:
                        said.add(int(row))
                    case ["draft", points]:
                        drawn = int(points)
        assert labeller.returncode == -signal.SIGKILL, "it was to label until killed"
        with AnnotationStore.open(database) as store:
            assert store.integrity_problems() == []
            assert store.audit_problems() == []
            assert said <= _rows(database)
            drafts = store.drafts.of_person("labeller")
            if drawn:
                # Unless it was finished in the very moment.
                assert not drafts or drafts[0].shape.count("[") - 1 >= drawn
    assert len(said) > KILLS, "the windows were killed before anything was done"


def _rows(database: Path) -> set[int]:
    reader = sqlite3.connect(database)
    found = {id for (id,) in reader.execute("SELECT id FROM region")}
    reader.close()
    return found
