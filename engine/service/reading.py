"""Uploaded pictures are read in a process of their own: what a decoder does with a hostile file may end it."""

from __future__ import annotations

import contextlib
import logging
import multiprocessing
import signal
import tempfile
import threading
from dataclasses import replace
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path

from engine.errors import MedRegAError
from engine.runtime import EngineError
from engine.scans import ScanError, Volume, index_path, read_volume
from engine.service.limits import ServiceLimits
from engine.service.uploads import Upload

logger = logging.getLogger(__name__)

_START_S = 300.0
_THE_PICTURE = "the picture"
_DEADLY = "the picture ended the process that read it: it is damaged or made to harm"
_READY = "ready"


class UploadReader:
    """Reads one upload after the other; may be called from any thread. The process starts with the first of them."""

    def __init__(self, limits: ServiceLimits) -> None:
        self._limits = limits
        self._lock = threading.Lock()
        self._closed = False
        self._process: BaseProcess | None = None
        self._connection: Connection | None = None

    def start(self) -> None:
        """Have the process ready before anybody waits for it. Raises `EngineError`."""
        with self._lock:
            self._ensure_started()

    def read(self, upload: Upload) -> Volume:
        """The scan in a file. Raises `ScanError` that says what is wrong with it, `EngineError` when nothing is read.

        The file lies in a folder that only this user can enter, for as long as it is read.
        """
        with self._lock, tempfile.TemporaryDirectory(prefix="medrega-") as folder:
            path = Path(folder) / f"upload{upload.suffix}"
            path.write_bytes(upload.data)
            # Something else may have ended the process: a picture is to blame only when it does so twice.
            answer = self._ask(path) or self._ask(path) or _DEADLY
        if isinstance(answer, str):
            raise ScanError(answer.replace(str(path), _THE_PICTURE))
        # Where it lay is nobody's business.
        return replace(answer, source=Path(path.name))

    def close(self) -> None:
        """End the process; whoever waits for it gets an error."""
        self._closed = True
        process = self._process
        if process is not None:
            process.kill()
        with self._lock:
            self._discard()

    def _ask(self, path: Path) -> Volume | str | None:
        """The scan, or what is wrong with it; None when the process died."""
        connection = self._ensure_started()
        try:
            connection.send((path, self._limits.pixels))
            if not connection.poll(self._limits.read_s):
                self._discard()
                return f"{_THE_PICTURE} takes longer than {self._limits.read_s:g} s to read: it is made to harm"
            answer: Volume | str = connection.recv()
        except (EOFError, OSError):
            logger.warning("the process that reads pictures died of one (exit code %s)", self._exit_code())
            self._discard()
            return None
        return answer

    def _ensure_started(self) -> Connection:
        if self._connection is not None and self._process is not None and self._process.is_alive():
            return self._connection
        self._discard()
        if self._closed:
            raise EngineError("the service is being stopped: ask again later")
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        self._process = context.Process(target=_reader_main, args=(theirs,), name="medrega-reader", daemon=True)
        self._process.start()
        theirs.close()
        self._connection = ours
        try:
            if ours.poll(_START_S) and ours.recv() == _READY:
                return ours
        except (EOFError, OSError):
            pass
        self._discard()
        raise EngineError("the process that reads pictures does not start: there may be too little memory")

    def _exit_code(self) -> int | None:
        if self._process is None:
            return None
        self._process.join(1)
        return self._process.exitcode

    def _discard(self) -> None:
        process, connection = self._process, self._connection
        self._process = self._connection = None
        if connection is not None:
            connection.close()
        if process is not None:
            process.kill()
            process.join(5)


def _reader_main(connection: Connection) -> None:
    # Ctrl-C goes to the whole terminal group; the parent decides when we end.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # The parent has gone or wants no more.
    with contextlib.suppress(EOFError, OSError):
        connection.send(_READY)
        while True:
            path, most_pixels = connection.recv()
            try:
                connection.send(_read(path, most_pixels))
            except MedRegAError as error:
                connection.send(str(error))
            except MemoryError:
                connection.send(f"{_THE_PICTURE} does not fit into the memory")


def _read(path: Path, most_pixels: int) -> Volume:
    """Raises `ScanError`, for a picture that says it is too large before any of it is decoded."""
    index = index_path(path)
    if not index.series:
        raise ScanError(index.problems[0].reason if index.problems else f"{path} holds no picture")
    entry = max(index.series, key=lambda one: one.slices)
    pixels = entry.rows * entry.columns * entry.slices
    if pixels > most_pixels:
        raise ScanError(f"{path} says that it has {pixels:,} pixels, more than the {most_pixels:,} that are read")
    return read_volume(path, entry.series_uid)
