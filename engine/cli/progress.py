"""Progress of a command, on standard error."""

from __future__ import annotations

import sys
import time

import click

_TERMINAL_EVERY_S = 0.3
_LOG_EVERY_S = 15.0


class TerminalProgress:
    """An `engine.progress.Progress`: a line that is rewritten on a terminal, a line now and then in a log."""

    def __init__(self) -> None:
        self._terminal = sys.stderr.isatty()
        # A job that ends soon says nothing in a log.
        self._last = time.monotonic() if not self._terminal else 0.0

    def report(self, done: int, total: int, what: str) -> None:
        """Write how far it is, unless that was said just now."""
        now = time.monotonic()
        finished = self._terminal and done == total
        if now - self._last < (_TERMINAL_EVERY_S if self._terminal else _LOG_EVERY_S) and not finished:
            return
        self._last = now
        text = f"{what}: {done}/{total or '?'}"
        # Erases what a longer line before it left behind.
        click.echo(f"\r{text}\x1b[K" if self._terminal else text, err=True, nl=finished or not self._terminal)

    def cancelled(self) -> bool:
        """A command is cancelled by its interrupt, never through here."""
        return False
