"""The model process: loads one model and answers what comes through its pipe.

It ends when the pipe closes, whatever it is doing, so that no model process outlives its window.
"""

from __future__ import annotations

import logging
import os
import queue
import threading
import time
import traceback
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np
from PIL import Image

from engine.errors import MedRegAError
from engine.progress import Cancelled
from engine.runtime.errors import MemoryShortError, ModelError, QuestionError
from engine.runtime.gguf_check import check_gguf
from engine.runtime.llama import LlamaModel, context_limit
from engine.runtime.manifest import ModelManifest, verify_files
from engine.runtime.messages import (
    AdapterUsed,
    AskRequest,
    BatchRequest,
    BatchResult,
    Cancel,
    Failed,
    Loading,
    Message,
    MessageError,
    Ready,
    TextPiece,
    UseAdapter,
    Written,
    receive,
    send,
)
from engine.runtime.offload import Offload
from engine.runtime.options import EngineOptions
from engine.runtime.placing import place_model

logger = logging.getLogger(__name__)


def run_worker(connection: Connection, manifest: ModelManifest, options: EngineOptions) -> None:
    """The process's main function."""
    inbox = _Inbox(connection)
    started = time.perf_counter()
    try:
        model, error = load_model(manifest, options, lambda offload: send(connection, Loading(offload)))
    except MedRegAError as failure:
        kind = "memory" if isinstance(failure, MemoryShortError) else "model"
        send(connection, Failed(0, kind, str(failure)))
        return
    send(connection, Ready(error, (time.perf_counter() - started) * 1000))
    while True:
        request = inbox.next()
        if isinstance(request, UseAdapter):
            send(connection, _use_adapter(model, request))
            continue
        send(connection, _answer(model, request, inbox, connection))


def load_model(
    manifest: ModelManifest, options: EngineOptions, on_placed: Callable[[Offload], None] = lambda _: None
) -> tuple[LlamaModel, float]:
    """Verify a model's files, place and load it, and let it pass its self-test; the model and that test's distance.

    on_placed : hears of what goes where before it is loaded. Raises `MemoryShortError` when it does not fit there,
    `ModelError` with what else is wrong and what to do.
    """
    verify_files(manifest)
    text, mmproj = check_gguf(manifest.path("text")), check_gguf(manifest.path("mmproj"))
    offload = place_model(text, mmproj, options, context_limit(manifest))
    on_placed(offload)
    model = LlamaModel(manifest, threads=options.threads, offload=offload)
    return model, golden_error(model, manifest)


def golden_error(model: LlamaModel, manifest: ModelManifest) -> float:
    """Relative L2 distance of the golden image's embedding from the stored one.

    It catches a runtime whose vision graph has changed under the exported weights. Raises `ModelError`
    beyond the manifest's tolerance.
    """
    try:
        with Image.open(manifest.path("golden_image")) as image:
            pixels = np.asarray(image.convert("RGB"))
        golden = np.load(manifest.path("golden_embedding"), allow_pickle=False)
    except (OSError, ValueError) as failure:
        raise ModelError(f"the self-test files of the model {manifest.folder} are unusable: {failure}") from None
    if pixels.shape[:2] != (manifest.image_size, manifest.image_size):
        raise ModelError(
            f"the self-test image of the model {manifest.folder} is {pixels.shape[1]} x {pixels.shape[0]}, its "
            f"manifest says {manifest.image_size}: install the model again"
        )
    embedding = model.embed_image(pixels)
    if golden.shape != embedding.shape:
        raise ModelError(
            f"the self-test embedding of the model {manifest.folder} is {golden.shape}, the model makes "
            f"{embedding.shape}: install the model again"
        )
    error = float(np.linalg.norm(embedding - golden) / np.linalg.norm(golden))
    # Not `>`: a distance that is not a number fails too.
    if not error <= manifest.golden_tolerance:
        raise ModelError(
            f"the model {manifest.id} failed its self-test: its image embedding is off by {error:.3f}, allowed "
            f"is {manifest.golden_tolerance:.3f}; it was exported for llama-cpp-python 0.3.36: install that"
        )
    return error


class _Inbox:
    """What the parent said, heard on a thread of its own so that a cancel is heard during an answer."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._requests: queue.Queue[AskRequest | BatchRequest | UseAdapter] = queue.Queue()
        self._cancelled: set[int] = set()
        threading.Thread(target=self._listen, name="inbox", daemon=True).start()

    def next(self) -> AskRequest | BatchRequest | UseAdapter:
        """Wait for the next thing to do."""
        return self._requests.get()

    def is_cancelled(self, request_id: int) -> bool:
        """Whether the parent does not want this answer any more."""
        return request_id in self._cancelled

    def forget(self, request_id: int) -> None:
        """The question is done with."""
        self._cancelled.discard(request_id)

    def _listen(self) -> None:
        while True:
            try:
                message = receive(self._connection)
            except (EOFError, OSError, MessageError) as failure:
                if isinstance(failure, MessageError):
                    logger.error("the model process ends: %s", failure)
                # The main thread may be deep in llama.cpp: nothing here is worth an orderly end.
                os._exit(0)
            if isinstance(message, AskRequest | BatchRequest | UseAdapter):
                self._requests.put(message)
            elif isinstance(message, Cancel):
                self._cancelled.add(message.request_id)


def _use_adapter(model: LlamaModel, request: UseAdapter) -> Message:
    try:
        model.use_adapter(Path(request.path) if request.path else None, request.scale)
    except MedRegAError as failure:
        return Failed(request.request_id, "engine", str(failure))
    return AdapterUsed(request.request_id)


def _answer(model: LlamaModel, request: AskRequest | BatchRequest, inbox: _Inbox, connection: Connection) -> Message:
    number = request.request_id

    def stopped() -> bool:
        return inbox.is_cancelled(number)

    def tell(piece: TextPiece) -> None:
        if isinstance(request, AskRequest) and request.stream:
            send(connection, Written(number, piece))

    try:
        if stopped():
            raise Cancelled
        if isinstance(request, BatchRequest):
            return BatchResult(number, model.ask_batch(request.requests, stopped))
        return model.ask(request, stopped, tell)
    except Cancelled:
        return Failed(request.request_id, "cancelled", "the question was cancelled")
    except MedRegAError as failure:
        kind = "question" if isinstance(failure, QuestionError) else "engine"
        return Failed(request.request_id, kind, str(failure))
    except Exception as failure:  # noqa: BLE001 - the edge of the process: one message, one log line
        # Where, but not what: the text of an exception may hold a person's words.
        where = traceback.extract_tb(failure.__traceback__)[-1]
        logger.error("%s in %s line %s", type(failure).__name__, where.filename, where.lineno)
        return Failed(request.request_id, "engine", f"the model process failed on this ({type(failure).__name__})")
    finally:
        inbox.forget(request.request_id)
