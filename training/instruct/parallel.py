"""Work for several processes with a bounded number of pieces under way, results in order."""

from __future__ import annotations

import multiprocessing
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import Any, TypeVar

from training.records import DatasetError

Item = TypeVar("Item")
Result = TypeVar("Result")
_WAITING_PER_WORKER = 4


def bounded_map(
    work: Callable[[Item], Result],
    items: Iterable[Item],
    workers: int,
    begin: Callable[..., None] | None = None,
    begin_with: tuple[Any, ...] = (),
) -> Iterator[Result]:
    """``work(item)`` of each item, in their order, by so many processes; in this one when it is 1.

    `items` is drawn from as results are taken: neither piles up. begin : called once in each process.
    Raises what `work` raises, and `DatasetError` when a process dies.
    """
    if workers == 1:
        if begin is not None:
            begin(*begin_with)
        yield from map(work, items)
        return
    # Not forked: threads of VTK and of libraries would be copied in any state.
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(workers, mp_context=context, initializer=begin, initargs=begin_with)
    futures: deque[Future[Result]] = deque()
    try:
        for item in items:
            futures.append(pool.submit(work, item))
            if len(futures) >= workers * _WAITING_PER_WORKER:
                yield futures.popleft().result()
        while futures:
            yield futures.popleft().result()
    except BrokenProcessPool as error:
        raise DatasetError(
            "a process that reads pictures has died, of too little memory or by a file that its decoder cannot take: "
            "run the same command again, with --workers 1 to see at which"
        ) from error
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
