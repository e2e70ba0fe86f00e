"""A lock between processes that the system takes back when its holder ends, however that ends."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

from engine.errors import MedRegAError

_POLL_S = 0.1


class BusyError(MedRegAError):
    """Another process holds a lock."""


@contextlib.contextmanager
def only_process(
    path: Path, what: str, wait_s: float = 0.0, waiting: Callable[[], object] = lambda: None
) -> Iterator[None]:
    """Be the only process inside for this file, which is made and stays.

    what : what is locked, for the message. waiting : called while another process has it. Raises `BusyError` when it
    still has after `wait_s` seconds, `OSError`.
    """
    with path.open("a+b") as stream:
        until = time.monotonic() + wait_s
        while not _take(stream):
            if time.monotonic() >= until:
                raise BusyError(f"another process works on {what}: try again when it has ended")
            waiting()
            time.sleep(_POLL_S)
        try:
            yield
        finally:
            _give(stream)


if sys.platform == "win32":
    import msvcrt

    def _take(stream: IO[bytes]) -> bool:
        stream.seek(0)
        try:
            msvcrt.locking(stream.fileno(), msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

    def _give(stream: IO[bytes]) -> None:
        stream.seek(0)
        msvcrt.locking(stream.fileno(), msvcrt.LK_UNLCK, 1)

else:
    import fcntl

    def _take(stream: IO[bytes]) -> bool:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def _give(stream: IO[bytes]) -> None:
        fcntl.flock(stream, fcntl.LOCK_UN)
