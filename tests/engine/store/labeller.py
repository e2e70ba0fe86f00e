"""Labels without end, for the kill test: each line on standard input starts one labeller, to be killed.

Run as a script with a database and as many gestures as the test lets it live. One import of the engine serves all
rounds: each labeller is a fork that opens the database anew.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from engine.regions import Box, Label
from engine.scans import Plane, Window
from engine.store import AnnotationStore
from engine.suggest import ImageRef

IMAGE = ImageRef(Path("/scans/ct"), "1", "", "CT", Plane.AXIAL, 0, 512, 512, Window(40, 400), "a" * 64)
LIVER = Label("liver", "liver", "肝脏")


def label_for_ever(database: Path) -> None:
    """Make gestures; say each, with the row it made, as soon as the store has returned from it."""
    say(str(os.getpid()))
    store = AnnotationStore.open(database)
    while True:
        drawn = store.draw_region(IMAGE, "1", Box(1, 2, 3, 4), "ann")
        say(f"drawn {drawn.id}")
        named = store.correct(drawn.root_id, LIVER, "ann", box=Box(1, 2, 30, 40))
        say(f"edited {named.id}")
        say(f"rejected {store.reject(drawn.root_id, 'ann').id}")
        say(f"edited {store.revert(drawn.root_id, named.id, 'ann').id}")


def say(words: str) -> None:
    """One line in one write: a kill leaves it whole or away."""
    os.write(1, f"{words}\n".encode())


if __name__ == "__main__":
    for _ in sys.stdin:
        child = os.fork()
        if child == 0:
            label_for_ever(Path(sys.argv[1]))
        os.waitpid(child, 0)
        say("killed")
