"""The window's side of the model process."""

from __future__ import annotations

import itertools
import logging
import multiprocessing
import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from types import TracebackType

from engine.progress import Cancelled
from engine.runtime.errors import EngineError, ModelError
from engine.runtime.manifest import ModelManifest
from engine.runtime.messages import AskRequest, AskResult, Cancel, Failed, Message, Ready, Stop, receive, send
from engine.runtime.worker import run_worker

logger = logging.getLogger(__name__)

_START_TIMEOUT_S = 300.0
_POLL_S = 0.02


@dataclass(frozen=True, slots=True)
class EngineEvent:
    """Something people should know. kind : ``starting``, ``ready``, ``restarted`` or ``failed``."""

    kind: str
    message: str


class _ProcessDied(Exception):
    """The model process is gone; its exit code is in the text."""


def default_threads() -> int:
    """Half the logical processors: two threads of one core were measured no faster than one."""
    return max(1, min(8, (os.cpu_count() or 2) // 2))


def _never() -> bool:
    return False


class Session:
    """A model in a process of its own. Starts with the first question, or with `start`.

    `ask` may be called from any thread, one question is answered at a time. A process that dies is started
    anew once and asked again; `on_event` is told, from the asking thread.
    """

    def __init__(
        self,
        manifest: ModelManifest,
        *,
        threads: int | None = None,
        gpu_layers: int = 0,
        on_event: Callable[[EngineEvent], None] | None = None,
    ) -> None:
        self.manifest = manifest
        self._threads = threads or default_threads()
        self._gpu_layers = gpu_layers
        self._on_event = on_event or (lambda event: logger.info("%s", event.message))
        self._lock = threading.Lock()
        self._ids = itertools.count(1)
        self._process: BaseProcess | None = None
        self._connection: Connection | None = None
        self._closed = False

    def __enter__(self) -> Session:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def pid(self) -> int | None:
        """The model process's id, None while there is none."""
        process = self._process
        return process.pid if process is not None and process.is_alive() else None

    def start(self, cancelled: Callable[[], bool] = _never) -> None:
        """Load the model and run its self-test. Raises `ModelError`, `EngineError` or `Cancelled`."""
        with self._lock:
            self._ensure_started(cancelled)

    def ask(
        self, request: AskRequest, *, cancelled: Callable[[], bool] = _never, timeout_s: float = 120.0
    ) -> AskResult:
        """Answer one question; its `request_id` is replaced by one of ours and restored in the result.

        Raises `Cancelled` when `cancelled()` says so, `EngineError` when the process dies twice or does not
        answer within `timeout_s`, `ModelError` when the model cannot be loaded.
        """
        with self._lock:
            for attempt in (1, 2):
                try:
                    self._ensure_started(cancelled)
                    return self._ask_once(request, cancelled, timeout_s)
                except _ProcessDied as death:
                    self._discard()
                    if self._closed:
                        raise EngineError("the model process was closed") from death
                    if attempt == 2:
                        message = f"The model process stopped twice on one question ({death})."
                        self._on_event(EngineEvent("failed", message))
                        raise EngineError(f"{message} The question was given up.") from death
                    message = f"The model process stopped ({death}) and was restarted."
                    self._on_event(EngineEvent("restarted", message))
        raise AssertionError("unreachable")

    def close(self) -> None:
        """End the model process. May be called twice, and while another thread asks."""
        self._closed = True
        connection, process = self._connection, self._process
        if process is not None and process.is_alive():
            if connection is not None and self._lock.acquire(blocking=False):
                try:
                    send(connection, Stop())
                except OSError:
                    pass
                finally:
                    self._lock.release()
                process.join(1.0)
            if process.is_alive():
                process.kill()
                process.join(5.0)

    def _ensure_started(self, cancelled: Callable[[], bool]) -> None:
        if self._closed:
            raise EngineError("the model process was closed")
        if self._process is not None and self._process.is_alive():
            return
        self._discard()
        self._on_event(EngineEvent("starting", f"Loading the model {self.manifest.id} ..."))
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        process = context.Process(
            target=run_worker,
            args=(theirs, self.manifest, self._threads, self._gpu_layers),
            name=f"medrega-model-{self.manifest.id}",
            daemon=True,
        )
        process.start()
        theirs.close()
        self._process, self._connection = process, ours
        try:
            reply = self._wait(cancelled, _START_TIMEOUT_S)
        except _ProcessDied as death:
            self._discard()
            raise EngineError(f"the model process died while it loaded {self.manifest.id} ({death})") from death
        except Cancelled:
            self._discard()
            raise
        if isinstance(reply, Failed):
            self._discard()
            raise ModelError(reply.message)
        assert isinstance(reply, Ready)
        self._on_event(EngineEvent("ready", f"The model {self.manifest.id} is ready."))

    def _ask_once(self, request: AskRequest, cancelled: Callable[[], bool], timeout_s: float) -> AskResult:
        assert self._connection is not None
        number = next(self._ids)
        try:
            send(self._connection, replace(request, request_id=number))
        except OSError as error:
            raise _ProcessDied(self._death()) from error
        asked_to_stop = False

        def stop() -> bool:
            nonlocal asked_to_stop
            if not asked_to_stop and cancelled():
                asked_to_stop = True
                assert self._connection is not None
                send(self._connection, Cancel(number))
            return False

        reply = self._wait(stop, timeout_s)
        if isinstance(reply, Failed):
            if reply.kind == "cancelled":
                raise Cancelled
            raise EngineError(reply.message)
        assert isinstance(reply, AskResult) and reply.request_id == number
        if asked_to_stop:
            raise Cancelled
        return replace(reply, request_id=request.request_id)

    def _wait(self, cancelled: Callable[[], bool], timeout_s: float) -> Message:
        """The next message of the process. A process that is silent for too long is ended."""
        assert self._connection is not None
        deadline = time.monotonic() + timeout_s
        while True:
            try:
                if self._connection.poll(_POLL_S):
                    return receive(self._connection)
                if cancelled():
                    raise Cancelled
            except (EOFError, OSError) as error:
                raise _ProcessDied(self._death()) from error
            if time.monotonic() > deadline:
                self._discard()
                message = f"The model process did not answer within {timeout_s:g} s and was ended."
                self._on_event(EngineEvent("failed", message))
                raise EngineError(message)

    def _death(self) -> str:
        process = self._process
        if process is None:
            return "it was ended"
        process.join(5.0)
        code = process.exitcode
        if code is not None and code < 0:
            return f"signal {-code}"
        return f"exit code {code}"

    def _discard(self) -> None:
        process, connection = self._process, self._connection
        self._process = self._connection = None
        if connection is not None:
            connection.close()
        if process is not None and process.is_alive():
            process.kill()
            process.join(5.0)
