"""The window's side of the model process."""

from __future__ import annotations

import contextlib
import itertools
import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from types import TracebackType

from engine.progress import Cancelled
from engine.runtime.adapter import AdapterManifest
from engine.runtime.adapter_choice import CHOSEN, AdapterChoice, AdapterWish
from engine.runtime.choices import chosen_options
from engine.runtime.device import Device
from engine.runtime.errors import EngineError, MemoryShortError, ModelError, QuestionError
from engine.runtime.events import EngineEvent
from engine.runtime.manifest import ModelManifest
from engine.runtime.messages import (
    AdapterUsed,
    AskRequest,
    AskResult,
    BatchRequest,
    BatchResult,
    Cancel,
    Failed,
    Loading,
    Message,
    Ready,
    TextPiece,
    UseAdapter,
    Written,
)
from engine.runtime.offload import SHARES, KvType, Offload
from engine.runtime.options import EngineOptions
from engine.runtime.process import ModelProcess, ProcessDied
from engine.runtime.turns import Turns

logger = logging.getLogger(__name__)

# Twenty gigabytes of MedRegA are hashed and read before the model is ready.
_START_TIMEOUT_S = 900.0
_POLL_S = 0.02
# While only looking ahead: a person's question waits no longer than this for it to be given up.
_LOW_POLL_S = 0.004


def _log_event(event: EngineEvent) -> None:
    logger.log(logging.WARNING if event.kind == "fallback" else logging.INFO, "%s", event.message)


def _never() -> bool:
    return False


class Session:
    """A model in a process of its own. Starts with the first question, or with `start`.

    `ask` may be called from any thread; questions are answered one after the other, the newest that waits first, and
    before whatever `prepare` does. A process that dies is started anew once and asked again; `on_event` is told, from
    the asking thread. device, kv_type : the person's choice when None. A GPU whose memory is too small gets less of the
    model at each try, at last nothing. promoted : answer with the adapter that was promoted, as it changes. For the
    other options see `EngineOptions`. No port is opened.
    """

    def __init__(
        self,
        manifest: ModelManifest,
        *,
        threads: int | None = None,
        device: Device | None = None,
        gpu_layers: int | None = None,
        kv_type: KvType | None = None,
        promoted: bool = False,
        on_event: Callable[[EngineEvent], None] | None = None,
    ) -> None:
        self.manifest = manifest
        self._options = chosen_options(device, kv_type, threads=threads, gpu_layers=gpu_layers)
        self._on_event = on_event or _log_event
        self._offload: Offload | None = None
        # Held during a question, by whoever may touch the process and its pipe.
        self._turns = Turns()
        self._ids = itertools.count(1)
        self._process: ModelProcess | None = None
        self._given_up = threading.Event()
        self._closed = False
        self.adapters = AdapterChoice(manifest, follows=promoted)

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
        return process.pid if process is not None else None

    @property
    def offload(self) -> Offload | None:
        """Where the model is computed; None before it was loaded."""
        return self._offload

    def start(self, cancelled: Callable[[], bool] = _never) -> None:
        """Load the model and run its self-test. Raises `ModelError`, `EngineError` or `Cancelled`."""
        with self._turn(cancelled) as stop:
            self._ensure_started(stop)

    def ask(
        self,
        request: AskRequest,
        *,
        cancelled: Callable[[], bool] = _never,
        timeout_s: float = 120.0,
        on_piece: Callable[[TextPiece], None] | None = None,
        adapter: AdapterWish = CHOSEN,
    ) -> AskResult:
        """Answer one question; its `request_id` is replaced by one of ours and restored in the result.

        cancelled : asked about 50 times a second. timeout_s : for the answer; loading the model is not counted.
        on_piece : hears of each token as it is written, on this thread; from the start again if the process dies.
        adapter : answer this question with another one, None for the base alone.
        Raises `Cancelled`, at once, also while another question is being answered; `EngineError` when the process
        dies twice or does not answer in time, `QuestionError` when it is the question; `ModelError` when the model
        cannot be loaded.
        """
        with self._turn(cancelled) as stop:
            sent = replace(request, stream=on_piece is not None)
            result = self._ask_until_answered(sent, stop, timeout_s, on_piece, adapter)
        assert isinstance(result, AskResult)
        return replace(result, request_id=request.request_id)

    def ask_batch(
        self, requests: Sequence[AskRequest], *, cancelled: Callable[[], bool] = _never, timeout_s: float = 120.0
    ) -> tuple[AskResult, ...]:
        """Answer several questions about one picture, those with one preamble together; see `ask`.

        Raises as `ask` does, and `ValueError` for questions about different pictures.
        """
        if not requests:
            return ()
        if any(request.image is not requests[0].image for request in requests):
            raise ValueError("questions of one batch are about one picture")
        with self._turn(cancelled) as stop:
            result = self._ask_until_answered(BatchRequest(0, tuple(requests)), stop, timeout_s * len(requests))
        assert isinstance(result, BatchResult)
        return result.results

    def prepare(self, request: AskRequest, *, cancelled: Callable[[], bool] = _never) -> bool:
        """Evaluate what a question like this would need of its picture, behind all questions.

        Given up at once when somebody asks; False then. Does not start a process: nobody asked for one.
        Raises as `ask` does.
        """
        with self._turn(cancelled, low=True) as stop:
            if self._process is None or not self._process.is_alive():
                return False
            try:
                self._ensure_adapter(stop, self.adapters.wanted)
                self._ask_once(replace(request, prepare=True), stop, _START_TIMEOUT_S, poll_s=_LOW_POLL_S)
            except ProcessDied:
                # The next question starts it again, and tells.
                return False
            except Cancelled:
                if cancelled():
                    raise
                return False
        return True

    def _ask_until_answered(
        self,
        request: AskRequest | BatchRequest,
        stop: Callable[[], bool],
        timeout_s: float,
        on_piece: Callable[[TextPiece], None] | None = None,
        adapter: AdapterWish = CHOSEN,
    ) -> AskResult | BatchResult:
        for last in (False, True):
            try:
                self._ensure_started(stop)
                self._ensure_adapter(stop, self.adapters.resolve(adapter))
                return self.adapters.sign(self._ask_once(request, stop, timeout_s, on_piece))
            except ProcessDied as death:
                self._discard()
                self._require_open()
                if death.aborted:
                    # So ggml ends when a GPU's memory runs out in the middle of a question.
                    self._step_down(str(death))
                if last:
                    message = f"The model process stopped twice on one question ({death})."
                    self._tell("failed", message)
                    raise EngineError(f"{message} The question was given up.") from None
                self._tell("restarted", f"The model process stopped ({death}). It is started again.", str(death))
        raise AssertionError("unreachable")

    @property
    def adapter(self) -> AdapterManifest | None:
        """What questions are answered with from now on, beside the base."""
        return self.adapters.wanted

    def use_adapter(self, adapter: AdapterManifest | None) -> None:
        """Answer with another adapter from the next question on; the base is not loaded again.

        Raises `ModelError` for one that was made for another model, or whose file was altered.
        """
        self.adapters.choose(adapter)

    @property
    def options(self) -> EngineOptions:
        """How it is to run."""
        return self._options

    def run_as(self, *, device: Device | None = None, kv_type: KvType | None = None) -> None:
        """Run so from the next question on, for which the model is loaded again; None leaves it as it is."""
        was = self._options
        wanted = replace(was, device=device or was.device, kv_type=kv_type or was.kv_type)
        if not wanted.runs_as(was):
            self._options = replace(wanted, attempt=0)

    def cancel_current(self) -> None:
        """Make the `ask` in work, if any, raise `Cancelled`. May be called from any thread."""
        self._given_up.set()

    def end_process(self) -> None:
        """End a model process that does not react; the next question starts it again. From any thread."""
        process = self._process
        if process is not None:
            process.kill()

    def close(self) -> None:
        """End the model process, at once. May be called twice, and while another thread asks."""
        self._closed = True
        process = self._process
        if process is not None:
            # Whoever waits for an answer sees the pipe close, and lets go of the lock.
            process.kill()
        with self._turns.take(_never, lambda: None):
            self._discard()

    @contextlib.contextmanager
    def _turn(self, cancelled: Callable[[], bool], *, low: bool = False) -> Iterator[Callable[[], bool]]:
        """Wait for one's turn; gives the function that says whether to stop."""
        self.adapters.follow()
        with self._turns.take(cancelled, self._require_open, low=low) as gives_way:
            self._given_up.clear()
            yield lambda: cancelled() or gives_way() or self._given_up.is_set()

    def _tell(self, kind: str, message: str, reason: str = "") -> None:
        self._on_event(EngineEvent(kind, message, reason, self._offload))

    def _require_open(self) -> None:
        if self._closed:
            raise EngineError("the model process was closed: open a new session")

    def _ensure_started(self, stop: Callable[[], bool]) -> None:
        self._require_open()
        if self._process is not None:
            if not self._process.is_alive():
                death = self._process.death()
                self._tell("restarted", f"The model process had stopped ({death}). It is started again.", death)
            elif self._process.options.runs_as(self._options):
                return
            self._discard()
        self._tell("starting", f"Loading the model {self.manifest.id} ...")
        while not self._start(stop):
            pass
        where = self._offload or Offload()
        self._tell("ready", f"The model {self.manifest.id} is ready ({where.text}).")

    def _start(self, stop: Callable[[], bool]) -> bool:
        """Start a process and wait until it is ready; False when a GPU had too little memory, and less is tried."""
        self._process = ModelProcess(self.manifest, self._options)
        try:
            # `close` may have come after the first look and found no process to end.
            self._require_open()
            reply = self._wait(0, stop, _START_TIMEOUT_S)
            if isinstance(reply, Failed):
                self._discard()
                if reply.kind == "memory" and self._step_down(reply.message):
                    return False
                raise (MemoryShortError if reply.kind == "memory" else ModelError)(reply.message)
        except ProcessDied as death:
            self._discard()
            self._require_open()
            if self._step_down(str(death)):
                return False
            raise EngineError(
                f"the model process died while it loaded {self.manifest.folder} ({death}): there may be too little "
                "memory, or the engine was built for another processor"
            ) from None
        except BaseException:
            self._discard()
            raise
        return True

    def _step_down(self, reason: str) -> bool:
        """Let less of the model go to a GPU from the next start on; False where there is nothing to take away."""
        was = self._offload
        if was is None or not was.on_gpu or self._options.attempt + 1 >= len(SHARES):
            return False
        self._options = replace(self._options, attempt=self._options.attempt + 1)
        self._tell("fallback", f"{was.text} did not fit ({reason}). Less of the model goes to the GPU.", reason)
        return True

    def _ensure_adapter(self, stop: Callable[[], bool], wanted: AdapterManifest | None) -> None:
        if wanted == self.adapters.in_use:
            return
        number = next(self._ids)
        self._send(UseAdapter(number, str(wanted.path) if wanted else "", wanted.scale if wanted else 1.0))
        reply = self._wait(number, stop, _START_TIMEOUT_S)
        if isinstance(reply, Failed):
            raise EngineError(reply.message)
        self.adapters.in_use = wanted

    def _ask_once(
        self,
        request: AskRequest | BatchRequest,
        stop: Callable[[], bool],
        timeout_s: float,
        on_piece: Callable[[TextPiece], None] | None = None,
        poll_s: float = _POLL_S,
    ) -> AskResult | BatchResult:
        number = next(self._ids)
        self._send(replace(request, request_id=number))
        try:
            reply = self._wait(number, stop, timeout_s, on_piece, poll_s)
        except Cancelled:
            # Not waited for: its answer, if one comes, has a number that nobody asks for any more.
            with contextlib.suppress(ProcessDied):
                self._send(Cancel(number))
            raise
        if isinstance(reply, Failed):
            error = QuestionError if reply.kind == "question" else EngineError
            raise error(reply.message)
        assert isinstance(reply, AskResult | BatchResult)
        return reply

    def _send(self, message: Message) -> None:
        self._running().send(message)

    def _running(self) -> ModelProcess:
        if self._process is None:
            # `close` came meanwhile.
            raise ProcessDied("it was ended")
        return self._process

    def _wait(
        self,
        number: int,
        stop: Callable[[], bool],
        timeout_s: float,
        on_piece: Callable[[TextPiece], None] | None = None,
        poll_s: float = _POLL_S,
    ) -> Message:
        """The process's reply to message `number` (0: to its start). One that is silent for too long is ended."""
        process = self._running()
        deadline = time.monotonic() + timeout_s
        while True:
            while (reply := process.receive(poll_s)) is not None:
                if isinstance(reply, Loading):
                    self._placed(reply.offload)
                elif isinstance(reply, Ready):
                    if number == 0:
                        return reply
                elif isinstance(reply, Written):
                    if on_piece is not None and reply.request_id == number:
                        on_piece(reply.piece)
                    if stop():
                        raise Cancelled
                elif isinstance(reply, AskResult | BatchResult | AdapterUsed | Failed) and reply.request_id == number:
                    return reply
            if stop():
                raise Cancelled
            if time.monotonic() > deadline:
                self._discard()
                message = f"The model process did not answer within {timeout_s:g} s and was ended."
                self._tell("failed", message)
                raise EngineError(f"{message} The next question starts it again.")

    def _placed(self, offload: Offload) -> None:
        self._offload = offload
        if offload.lack is not None:
            self._tell("fallback", f"The model {self.manifest.id} runs on the CPU: {offload.lack.text}.")

    def _discard(self) -> None:
        process, self._process = self._process, None
        self.adapters.in_use = None
        if process is not None:
            process.close()
