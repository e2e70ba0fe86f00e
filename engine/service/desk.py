"""One model behind the service: its process, and the line of those who wait for it."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Generic, TypeVar

from starlette.requests import Request

from engine.progress import Cancelled
from engine.runtime import EngineEvent, ModelManifest, Session
from engine.service.limits import ServiceLimits
from engine.service.refusal import Refusal

logger = logging.getLogger(__name__)

Answer = TypeVar("Answer")
Item = TypeVar("Item")

_MOST_SILENCE_S = 10.0
_SLACK_S = 2.0
_ENDED = object()


class ClientGone(Exception):  # noqa: N818 - nobody is there to be told
    """Who asked has closed the connection."""


class Turn:
    """A question while it is waited for. Asked from the thread that asks, given up from any.

    restarts : how often the model process was started anew meanwhile: an answer then begins again.
    """

    def __init__(self, session: Session, answer_s: float, stopping: threading.Event) -> None:
        self.session = session
        self.restarts = 0
        self.timed_out = False
        self._given_up = threading.Event()
        self._stopping = stopping
        self._deadline = time.monotonic() + answer_s
        self._silence_s = min(_MOST_SILENCE_S, answer_s / 2)
        self._alive = self._deadline

    def begin(self) -> None:
        """Its turn has come. Raises `Cancelled` when nobody waits for the answer any more."""
        self._alive = time.monotonic()
        if self.cancelled():
            raise Cancelled

    def heard(self) -> None:
        """The model process shows that it works."""
        self._alive = time.monotonic()

    def give_up(self) -> None:
        """Nobody waits for the answer any more."""
        self._given_up.set()

    def cancelled(self) -> bool:
        """Whether to stop; what `Session.ask` takes."""
        if self._given_up.is_set() or self._stopping.is_set():
            return True
        now = time.monotonic()
        if now < self._deadline:
            return False
        if not self.timed_out and now - self._alive > self._silence_s:
            # It may be frozen: the next question must not wait for it too.
            self.session.end_process()
        self.timed_out = True
        return True


class Desk:
    """Asks one model, one question after the other, in the order in which they came."""

    def __init__(self, manifest: ModelManifest, limits: ServiceLimits, stopping: threading.Event) -> None:
        self.manifest = manifest
        self.session = Session(manifest, promoted=True, on_event=self._tell)
        self._limits = limits
        self._stopping = stopping
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=f"ask-{manifest.id}")
        self._turn: Turn | None = None

    def start(self) -> None:
        """Load the model. Raises `ModelError`, `EngineError`, `Cancelled`."""
        self.session.start(self._stopping.is_set)

    def close(self) -> None:
        """End the model process, whatever it does. Call with `stopping` set."""
        self.session.close()
        self._thread.shutdown(wait=True, cancel_futures=True)

    def put(self, work: Callable[[Turn, Callable[[Item], None]], Answer]) -> Asking[Item, Answer]:
        """Stand in line with a question.

        work : asks it, on the thread of this model; may hand over items of the answer meanwhile.
        """
        turn = Turn(self.session, self._limits.answer_s, self._stopping)
        loop, items = asyncio.get_running_loop(), asyncio.Queue[object]()

        def hand_over(item: object) -> None:
            loop.call_soon_threadsafe(items.put_nowait, item)

        def run() -> Answer:
            turn.begin()
            self._turn = turn
            try:
                return work(turn, hand_over)
            finally:
                self._turn = None

        future = self._thread.submit(run)
        future.add_done_callback(lambda _: hand_over(_ENDED))
        return Asking(turn, future, items, self._limits.answer_s + _SLACK_S, self._stopping)

    def _tell(self, event: EngineEvent) -> None:
        # On the asking thread, during its turn.
        logger.log(logging.WARNING if event.kind in ("restarted", "failed") else logging.INFO, "%s", event.message)
        if event.kind == "restarted" and self._turn is not None:
            self._turn.restarts += 1


class Asking(Generic[Item, Answer]):
    """A question in line or in work. `give_up` it when nobody waits for it any more."""

    def __init__(
        self,
        turn: Turn,
        future: Future[Answer],
        items: asyncio.Queue[object],
        patience_s: float,
        stopping: threading.Event,
    ) -> None:
        self._turn = turn
        self._future = future
        self._items = items
        self._until = time.monotonic() + patience_s
        self._stopping = stopping

    def give_up(self) -> None:
        """Stop it, in line or in work; once it is answered this does nothing."""
        self._turn.give_up()
        self._future.cancel()

    async def answer(self, request: Request) -> Answer:
        """Wait for the whole answer; the items are dropped.

        Raises `ClientGone`, `Refusal` when the time is over, and what asking raised.
        """
        while await self.next(request) is not None:
            pass
        return self.result()

    async def next(self, request: Request | None) -> Item | None:
        """The next item, None once the answer is whole. Raises as `answer` does.

        request : watched for who asked leaving, which the response itself does once it is being sent.
        """
        waiting = asyncio.ensure_future(self._items.get())
        gone = asyncio.ensure_future(_gone(request)) if request is not None else None
        tasks = {waiting} if gone is None else {waiting, gone}
        try:
            await asyncio.wait(
                tasks, timeout=max(self._until - time.monotonic(), 0.0), return_when=asyncio.FIRST_COMPLETED
            )
            if waiting.done():
                item = waiting.result()
                if item is not _ENDED:
                    return item  # type: ignore[return-value]
                self._require_success()
                return None
            if gone is not None and gone.done():
                raise ClientGone
            self._turn.timed_out = True
            raise self._refusal()
        finally:
            for task in tasks:
                task.cancel()

    def result(self) -> Answer:
        """The answer, after `next` has given None."""
        return self._future.result(timeout=0)

    def _require_success(self) -> None:
        if self._future.cancelled():
            raise self._refusal()
        error = self._future.exception(timeout=0)
        if isinstance(error, Cancelled):
            raise self._refusal()
        if error is not None:
            raise error

    def _refusal(self) -> Refusal:
        if self._stopping.is_set():
            return Refusal(503, "the service is being stopped: ask again later", code="stopping", retry_after_s=5)
        if self._turn.timed_out:
            return Refusal(504, "the model did not answer in time: ask again, or for less at once", code="timeout")
        return Refusal(503, "the question was given up: ask again", code="given_up", retry_after_s=1)


async def _gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
