"""Work done in threads a little ahead of who takes its results: decoders give up the interpreter's lock."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

_MOST_THREADS = 8

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


def ahead(
    items: Iterable[_Item], work: Callable[[_Item], _Result], name: str
) -> Generator[tuple[_Item, Future[_Result]], None, None]:
    """Each item with what `work` makes of it, in the order of the items; the future raises what `work` raised.

    items : taken as late as possible, so that what comes next can still be chosen. name : of the threads. Close it to
    drop what is still waiting: it ends with the work that has begun.
    """
    workers = min(_MOST_THREADS, os.cpu_count() or 1)
    waiting: deque[tuple[_Item, Future[_Result]]] = deque()
    with ThreadPoolExecutor(workers, name) as pool:
        try:
            for item in items:
                waiting.append((item, pool.submit(work, item)))
                # A thread that is done finds another one at the door; more would only take memory.
                if len(waiting) >= workers + 2:
                    yield waiting.popleft()
            while waiting:
                yield waiting.popleft()
        finally:
            for _, future in waiting:
                future.cancel()
