"""One piece of work with llama.cpp in a process of its own: what it does with a file or a driver may end it."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any, TypeVar

from engine.progress import Cancelled

_Argument = TypeVar("_Argument")

_POLL_S = 0.1
_JOIN_S = 5.0


class ChildDied(Exception):  # noqa: N818 - not an error of its own: the caller makes one of it
    """The process ended, or was ended when its time was up, before it said anything; the text says how."""


def run_in_child(
    job: Callable[[Connection, _Argument], None],
    argument: _Argument,
    *,
    timeout_s: float,
    cancelled: Callable[[], bool] = lambda: False,
) -> Any:
    """What `job` sends through its connection, once.

    job : a function of a module that spawned processes can import, and that loads llama.cpp only when it runs.
    Raises `ChildDied`, `Cancelled`.
    """
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=job, args=(theirs, argument), daemon=True)
    process.start()
    theirs.close()
    deadline = time.monotonic() + timeout_s
    try:
        while not ours.poll(_POLL_S):
            if cancelled():
                raise Cancelled
            if time.monotonic() > deadline:
                raise ChildDied(f"no end after {timeout_s:g} s")
        return ours.recv()
    except EOFError:
        process.join(_JOIN_S)
        raise ChildDied(f"exit code {process.exitcode}") from None
    finally:
        process.kill()
        process.join(_JOIN_S)
        ours.close()
