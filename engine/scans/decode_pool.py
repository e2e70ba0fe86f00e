"""Decodes compressed frames in child processes: decoders hold the interpreter lock, and one may die of a bad file.

Measured with 512 x 512 frames: two threads decode JPEG 2000 and JPEG-LS no faster than one.
"""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections.abc import Sequence
from concurrent.futures import BrokenExecutor, Future, ProcessPoolExecutor
from types import TracebackType
from typing import Any

from numpy.typing import NDArray
from pydicom.uid import HTJ2K, JPEG2000, HTJ2KLossless, HTJ2KLosslessRPCL, JPEG2000Lossless

from engine.scans.dicom_header import DicomHeader, read_dataset
from engine.scans.dicom_pixels import iter_frames, stored_values
from engine.scans.volume import ScanError

_MOST_WORKERS = 8
_SLOW = (JPEG2000, JPEG2000Lossless, HTJ2K, HTJ2KLossless, HTJ2KLosslessRPCL)
# Samples from which starting processes (half a second) pays: slow decoders take 0.1 s a million, others 0.02 s.
_WORTH_SLOW = 6_000_000
_WORTH = 40_000_000


def is_worth_it(transfer_syntax: str, samples: int) -> bool:
    """Whether so many samples are decoded sooner by processes of their own."""
    return samples >= (_WORTH_SLOW if transfer_syntax in _SLOW else _WORTH)


def decode(header: DicomHeader, frames: Sequence[int]) -> list[NDArray[Any]]:
    """Frames of a file as modality values or RGB; see `iter_frames`."""
    if header.place is not None:
        return [stored_values(header)]
    return list(iter_frames(read_dataset(header.path, leave_pixels=True), header.path, frames))


class DecodePool:
    """Child processes that call `decode`. Leaving the context drops what is still waiting.

    The processes are shared by the whole program and stay for the next series: starting them takes longer than a
    small series.
    """

    _lock = threading.Lock()
    _shared: ProcessPoolExecutor | None = None

    def __init__(self) -> None:
        self.workers = min(_MOST_WORKERS, os.cpu_count() or 1)
        self._submitted: set[Future[list[NDArray[Any]]]] = set()

    def __enter__(self) -> DecodePool:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for future in self._submitted:
            future.cancel()

    def submit(self, header: DicomHeader, frames: Sequence[int]) -> Future[list[NDArray[Any]]]:
        """Have frames decoded."""
        with DecodePool._lock:
            if DecodePool._shared is None:
                DecodePool._shared = self._start(self.workers)
            try:
                future = DecodePool._shared.submit(decode, header, tuple(frames))
            except BrokenExecutor:
                DecodePool._shared = self._start(self.workers)
                future = DecodePool._shared.submit(decode, header, tuple(frames))
        self._submitted.add(future)
        return future

    def result(
        self, future: Future[list[NDArray[Any]]], header: DicomHeader, frames: Sequence[int]
    ) -> list[NDArray[Any]]:
        """What became of a submission. Raises `ScanError`, also when the decoder died of the file."""
        self._submitted.discard(future)
        try:
            return future.result()
        except BrokenExecutor:
            pass
        # One file broke the pool and took the others' work along: each is tried again by itself.
        with self._start(1) as alone:
            try:
                return alone.submit(decode, header, tuple(frames)).result()
            except BrokenExecutor as error:
                raise ScanError(f"{header.path} cannot be decoded: the decoder ended over it") from error

    @staticmethod
    def _start(workers: int) -> ProcessPoolExecutor:
        # Spawn: a fork would inherit the locks of the window's threads.
        spawn = multiprocessing.get_context("spawn")
        return ProcessPoolExecutor(workers, mp_context=spawn, initializer=_end_with_parent)


def _end_with_parent() -> None:
    """Workers wait for work without noticing that the program was killed: one thread of each does."""
    parent = multiprocessing.parent_process()

    def wait() -> None:
        if parent is not None:
            parent.join()
            os._exit(0)

    threading.Thread(target=wait, daemon=True).start()
