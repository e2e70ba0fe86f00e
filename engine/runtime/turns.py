"""Whose turn it is: one question at a time, the newest first, and people before work that only looks ahead."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from engine.progress import Cancelled
from engine.runtime.errors import EngineError

MOST_WAITING = 64
"""Questions that may wait; with one more the oldest of them is refused."""

_POLL_S = 0.02


@dataclass(slots=True, eq=False)
class _Ticket:
    low: bool
    gives_way: threading.Event = field(default_factory=threading.Event)
    refused: bool = False


class Turns:
    """A lock that is not first come, first served. May be used from any thread.

    A holder of low priority is told to give way as soon as somebody else waits.
    """

    def __init__(self, most_waiting: int = MOST_WAITING) -> None:
        self._most = most_waiting
        self._changed = threading.Condition()
        self._waiting: list[_Ticket] = []
        self._holder: _Ticket | None = None

    @contextlib.contextmanager
    def take(
        self, cancelled: Callable[[], bool], check: Callable[[], None], *, low: bool = False
    ) -> Iterator[Callable[[], bool]]:
        """Hold the turn; gives the function that says whether to give way.

        check : called while waiting; what it raises ends the wait. low : behind everybody else. Raises `Cancelled`,
        and `EngineError` for a question that too many newer ones have overtaken.
        """
        ticket = _Ticket(low)
        with self._changed:
            self._enter(ticket)
            try:
                while self._holder is not None or self._next() is not ticket:
                    if ticket.refused:
                        raise EngineError("too many questions wait for the model: ask again later")
                    check()
                    if cancelled():
                        raise Cancelled
                    self._changed.wait(_POLL_S)
            finally:
                self._waiting.remove(ticket)
            self._holder = ticket
        try:
            yield ticket.gives_way.is_set
        finally:
            with self._changed:
                self._holder = None
                self._changed.notify_all()

    def _enter(self, ticket: _Ticket) -> None:
        self._waiting.append(ticket)
        waiting = [one for one in self._waiting if one.low == ticket.low and not one.refused]
        if len(waiting) > self._most:
            waiting[0].refused = True
            self._changed.notify_all()
        if self._holder is not None and self._holder.low and not ticket.low:
            self._holder.gives_way.set()

    def _next(self) -> _Ticket:
        """The newest of those that ask, or else the oldest of those that only look ahead."""
        asking = [one for one in self._waiting if not one.low and not one.refused]
        return asking[-1] if asking else self._waiting[0]
