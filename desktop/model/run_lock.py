"""One window at a time works on a training run, also between the commands that it starts for it."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QLockFile

_LOCK_FILE = ".lock"


def take_run(folder: Path) -> QLockFile | None:
    """A run for this window until it is unlocked; None while another window has it."""
    lock = QLockFile(str(folder / _LOCK_FILE))
    # A window that was killed leaves its lock; the process it names is gone.
    lock.setStaleLockTime(0)
    return lock if lock.tryLock(0) else None
