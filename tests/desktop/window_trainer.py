"""A person who trains in a real window, for the test that kills it.

Run as a script with a database, a model, and the folder of what that learnt from. Says on standard output ``training``
and the trainer's process id, once it has taken some steps.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from PySide6.QtTest import QTest

from desktop.app import make_application, make_window
from tests.desktop.training_use import begin, opened, until

STEPS = 100_000


def main(database: Path, model: str, base_data: Path) -> None:
    """Train until killed."""
    _, translations = make_application()
    window, _store = make_window(translations, database, model, "trainer")
    window.set_interface_language("en")
    window.show()
    window.start([], demo=False, warm_up=False)
    begin(opened(window), base_data, STEPS)
    runs = window.training.runs
    # Beyond its first checkpoint: the first is taken at once.
    until(lambda: len([point for point in runs.curve if not point.held_out]) > 2)
    os.write(1, f"training {runs.child_pid}\n".encode())
    while True:
        QTest.qWait(50)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3]))
