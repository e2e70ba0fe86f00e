"""The model process: loads one model and answers what comes through its pipe.

It ends when the pipe closes, whatever it is doing, so that no model process outlives its window.
"""

from __future__ import annotations

import logging
import os
import queue
import signal
import threading
import time
from multiprocessing.connection import Connection

import numpy as np
from PIL import Image

from engine.errors import MedRegAError
from engine.progress import Cancelled
from engine.runtime.errors import ModelError
from engine.runtime.gguf_check import check_gguf
from engine.runtime.llama import LlamaModel
from engine.runtime.manifest import ModelManifest, verify_files
from engine.runtime.messages import AskRequest, Cancel, Failed, Message, Ready, Stop, receive, send

logger = logging.getLogger(__name__)


def run_worker(connection: Connection, manifest: ModelManifest, threads: int, gpu_layers: int) -> None:
    """The process's main function."""
    # Ctrl-C goes to the whole terminal group; the parent decides when we end.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    started = time.perf_counter()
    try:
        verify_files(manifest)
        check_gguf(manifest.path("text"))
        check_gguf(manifest.path("mmproj"))
        model = LlamaModel(manifest, threads=threads, gpu_layers=gpu_layers)
        error = golden_error(model, manifest)
    except MedRegAError as failure:
        send(connection, Failed(0, "model", str(failure)))
        return
    send(connection, Ready(error, (time.perf_counter() - started) * 1000))
    _Worker(connection, model).run()


def golden_error(model: LlamaModel, manifest: ModelManifest) -> float:
    """Relative L2 distance of the golden image's embedding from the stored one.

    It catches a runtime whose vision graph has changed under the exported weights. Raises `ModelError`
    beyond the manifest's tolerance.
    """
    try:
        with Image.open(manifest.path("golden_image")) as image:
            pixels = np.asarray(image.convert("RGB"))
        golden = np.load(manifest.path("golden_embedding"), allow_pickle=False)
        embedding = model.embed_image(pixels)
        error = float(np.linalg.norm(embedding - golden) / np.linalg.norm(golden))
    except (OSError, ValueError) as failure:
        raise ModelError(
            f"the self-test files of the model {manifest.folder} are unusable: {failure}"
        ) from None
    if not error <= manifest.golden_tolerance:
        raise ModelError(
            f"the model {manifest.id} failed its self-test: its image embedding is off by {error:.3f}, allowed "
            f"is {manifest.golden_tolerance:.3f}; it was exported for llama-cpp-python 0.3.36: install that"
        )
    return error


class _Worker:
    def __init__(self, connection: Connection, model: LlamaModel) -> None:
        self._connection = connection
        self._model = model
        self._requests: queue.Queue[AskRequest] = queue.Queue()
        self._lock = threading.Lock()
        self._current: int | None = None
        self._cancelled: set[int] = set()

    def run(self) -> None:
        threading.Thread(target=self._listen, daemon=True).start()
        while True:
            self._answer(self._requests.get())

    def _listen(self) -> None:
        while True:
            try:
                message = receive(self._connection)
            except (EOFError, OSError):
                message = Stop()
            if isinstance(message, Stop):
                # The main thread may be deep in llama.cpp: nothing here is worth an orderly end.
                os._exit(0)
            if isinstance(message, AskRequest):
                self._requests.put(message)
            elif isinstance(message, Cancel):
                with self._lock:
                    self._cancelled.add(message.request_id)
                    if self._current == message.request_id:
                        self._model.abort()

    def _answer(self, request: AskRequest) -> None:
        with self._lock:
            self._current = request.request_id
            gone = request.request_id in self._cancelled
        reply: Message
        try:
            if gone:
                raise Cancelled
            reply = self._model.ask(request)
        except Cancelled:
            reply = Failed(request.request_id, "cancelled", "the question was cancelled")
        except MedRegAError as failure:
            reply = Failed(request.request_id, "engine", str(failure))
        with self._lock:
            self._current = None
            self._cancelled.discard(request.request_id)
        send(self._connection, reply)
