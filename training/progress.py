"""Progress of a command: one line on standard error, and a Ctrl-C that means cancel."""

from __future__ import annotations

import sys
import time


class TerminalProgress:
    """An `engine.progress.Progress` for a terminal: at most two lines a second."""

    def __init__(self) -> None:
        self._last = 0.0

    def report(self, done: int, total: int, what: str) -> None:
        """Rewrite the line; the last report of a job ends it."""
        now = time.monotonic()
        if now - self._last < 0.5 and done != total:
            return
        self._last = now
        end = "\n" if done == total or not sys.stderr.isatty() else "\r"
        sys.stderr.write(f"{what}: {done}/{total or '?'}{end}")
        sys.stderr.flush()

    def cancelled(self) -> bool:
        """A command is cancelled by its interrupt, never through here."""
        return False
