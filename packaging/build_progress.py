"""Turn the log of a long ninja build into one line that moves."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import TextIO

_NINJA_STEP = re.compile(r"^\s*\[(\d+)/(\d+)\] ")


def ninja_step(line: str) -> tuple[int, int] | None:
    """Read `(finished, total)` from a ninja status line such as `[12/193] Building CXX object ...`.

    Returns None for any other line. Leading blanks are pip's: it indents what its children say.
    """
    match = _NINJA_STEP.match(line)
    if match is None:
        return None
    finished, total = int(match[1]), int(match[2])
    return (finished, total) if total > 0 and finished <= total else None


def clock(seconds: float) -> str:
    """Write a duration as `1m05s`."""
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes}m{rest:02d}s"


class BuildProgress:
    """One moving line at a terminal; elsewhere a plain line every ten percent or thirty seconds.

    Parameters
    ----------
    title : str
        What is being built.
    out : TextIO
        Where to write; its `isatty` chooses between the two ways.
    now : callable
        Clock in seconds.
    """

    def __init__(self, title: str, out: TextIO, now: Callable[[], float] = time.monotonic) -> None:
        self._title = title
        self._out = out
        self._now = now
        self._live = out.isatty()
        self._started = now()
        self._finished = 0
        self._total = 0
        self._shown_tenth = -1
        self._shown_at = float("-inf")

    def line(self, text: str) -> None:
        """Take one line of the build's output."""
        step = ninja_step(text)
        # The install step counts from one again: the bar never runs backwards.
        if step is not None and step[1] >= self._total and step[0] >= self._finished:
            self._finished, self._total = step
        self.tick()

    def tick(self) -> None:
        """Show the time passing also while the build says nothing."""
        if self._live:
            self._out.write(f"\r\033[K{self._text()}")
            self._out.flush()
            return
        tenth = 10 * self._finished // self._total if self._total else 0
        if tenth > self._shown_tenth or self._now() - self._shown_at >= 30:
            self._shown_tenth, self._shown_at = tenth, self._now()
            self._out.write(self._text() + "\n")
            self._out.flush()

    def close(self, outcome: str) -> None:
        """Replace the moving line by what came of it."""
        self._out.write("\r\033[K" if self._live else "")
        self._out.write(f"{self._title}: {outcome} after {clock(self._now() - self._started)}\n")
        self._out.flush()

    def _text(self) -> str:
        elapsed = clock(self._now() - self._started)
        if not self._total:
            return f"{self._title}: downloading and configuring, {elapsed}"
        percent = 100 * self._finished // self._total
        return f"{self._title}: {percent:3d} % ({self._finished}/{self._total} files), {elapsed}"
