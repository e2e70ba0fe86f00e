"""How long jobs tell their progress, to a window and to a command line alike."""

from dataclasses import dataclass
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


@dataclass(frozen=True, slots=True)
class Part:
    """A `Progress` of one of several jobs that are one to people. before : done by the others. of : of all of them."""

    whole: Progress
    before: int
    of: int

    def report(self, done: int, total: int, what: str) -> None:
        """Report it as the whole's."""
        self.whole.report(self.before + done, self.of, what)

    def cancelled(self) -> bool:
        """As the whole is."""
        return self.whole.cancelled()
