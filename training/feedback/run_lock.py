"""One process at a time works on a run: what a killed window left behind may still be ending its step."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from engine.feedback.run_lock import RUN_LOCK_FILE
from engine.locks import only_process
from engine.progress import Progress

_WAIT_S = 60.0
"""A step and a checkpoint of the starter take less, also on a busy machine."""


@contextlib.contextmanager
def working_on(run: Path, progress: Progress) -> Iterator[None]:
    """Be the only process that works on a run. Raises `BusyError` when another one does not end."""
    run.mkdir(parents=True, exist_ok=True)

    def waiting() -> None:
        progress.report(0, 0, "waiting for the process that works on this run to end")

    with only_process(run / RUN_LOCK_FILE, f"the training run {run.name}", _WAIT_S, waiting):
        yield
