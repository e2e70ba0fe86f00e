"""A person who trains in a real window, for the test that kills it.

Run as a script with a database, a model, the folder of what that learnt from, and a step of a run or "switch". Says on
standard output ``working`` and the process id of what works for the window, once it is at that step; of a training once
it has taken some of its own.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from PySide6.QtTest import QTest

from desktop.app import make_application, make_window
from desktop.model.training_folder import Step
from tests.desktop.training_use import STEPS, freeze, opened, train_all_the_same, until

FOREVER = 100_000
SWITCH = "switch"


def main(database: Path, model: str, base_data: Path, when: str) -> None:
    """Work until killed."""
    _, translations = make_application()
    window, _store = make_window(translations, database, model, "trainer")
    window.set_interface_language("en")
    window.show()
    window.start([], demo=False, warm_up=False)
    dialog, steps = opened(window), FOREVER if when == Step.TRAIN.value else STEPS
    freeze(dialog, base_data, steps)
    if when != Step.FREEZE.value:
        train_all_the_same(dialog)
    runs = window.training.runs
    if when == SWITCH:
        until(lambda: any(row.report is not None for row in runs.rows))
        runs.promote(runs.rows[0].folder, "to be killed meanwhile")
        pid = runs.promoting_pid
    else:
        until(lambda: runs.live is not None and runs.live.step.value == when and runs.child_pid > 0)
        pid = runs.child_pid
    if when == Step.TRAIN.value:
        # Beyond its first checkpoint: the first is taken at once.
        until(lambda: len([point for point in runs.curve if not point.held_out]) > 2)
    os.write(1, f"working {pid}\n".encode())
    while True:
        QTest.qWait(50)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3]), sys.argv[4])
