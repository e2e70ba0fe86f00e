"""What the set-up says to the person at the terminal, or to a log that nobody watches."""

from __future__ import annotations

import sys


class SetupError(Exception):
    """Set-up cannot go on; the message names what failed and what to do about it."""


def say(line: str) -> None:
    """Print one line at once, so that it stands before the output of the commands started next."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def at_terminal() -> bool:
    """Tell whether a person can be asked something."""
    return sys.stdin is not None and sys.stdin.isatty() and sys.stdout.isatty()


def confirm(question: str) -> bool:
    """Ask a yes-or-no question; an empty answer means yes."""
    return input(f"{question} [Y/n] ").strip().lower() in ("", "y", "yes")
