"""How long jobs tell their progress, to a window and to a command line alike."""

from typing import Protocol


class Cancelled(Exception):  # noqa: N818 - not an error: the person asked for it
    """Raised by a long job when its `Progress` says that it was cancelled."""


class Progress(Protocol):
    """What a long job calls. Implementations must be cheap: a job may call them often."""

    def report(self, done: int, total: int, what: str) -> None:
        """`done` of `total` units finished; `total` 0 when it is not known. `what` is shown to people."""

    def cancelled(self) -> bool:
        """Whether the person asked to stop; the job then raises `Cancelled` at its next safe point."""


class NoProgress:
    """A `Progress` that nobody looks at."""

    def report(self, done: int, total: int, what: str) -> None:
        """Ignore it."""

    def cancelled(self) -> bool:
        """Never cancelled."""
        return False
