"""Decodes compressed frames in child processes: decoders hold the interpreter lock, and one may die of a bad file.

Measured with 512 x 512 frames: two threads decode JPEG 2000 and JPEG-LS no faster than one.
"""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Sequence
from concurrent.futures import BrokenExecutor, Future, ProcessPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Any

from numpy.typing import NDArray
from pydicom.uid import HTJ2K, JPEG2000, HTJ2KLossless, HTJ2KLosslessRPCL, JPEG2000Lossless

from engine.scans.dicom_header import read_dataset
from engine.scans.dicom_pixels import iter_frames
from engine.scans.volume import ScanError

_MOST_WORKERS = 8
_SLOW = (JPEG2000, JPEG2000Lossless, HTJ2K, HTJ2KLossless, HTJ2KLosslessRPCL)
# Samples from which starting processes (half a second) pays: slow decoders take 0.1 s a million, others 0.02 s.
_WORTH_SLOW = 6_000_000
_WORTH = 40_000_000


def is_worth_it(transfer_syntax: str, samples: int) -> bool:
    """Whether so many samples are decoded sooner by processes of their own."""
    return samples >= (_WORTH_SLOW if transfer_syntax in _SLOW else _WORTH)


def decode(path: Path, frames: Sequence[int]) -> list[NDArray[Any]]:
    """Frames of a file as modality values or RGB; see `iter_frames`."""
    return list(iter_frames(read_dataset(path, leave_pixels=True), path, frames))


class DecodePool:
    """Child processes that call `decode`. Use it as a context; leaving it drops what is still waiting."""

    def __init__(self, workers: int | None = None) -> None:
        self.workers = workers or min(_MOST_WORKERS, os.cpu_count() or 1)
        self._pool = self._start(self.workers)

    def __enter__(self) -> DecodePool:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)

    def submit(self, path: Path, frames: Sequence[int]) -> Future[list[NDArray[Any]]]:
        """Have frames decoded."""
        try:
            return self._pool.submit(decode, path, tuple(frames))
        except BrokenExecutor:
            self._pool = self._start(self.workers)
            return self._pool.submit(decode, path, tuple(frames))

    def result(self, future: Future[list[NDArray[Any]]], path: Path, frames: Sequence[int]) -> list[NDArray[Any]]:
        """What became of a submission. Raises `ScanError`, also when the decoder died of the file."""
        try:
            return future.result()
        except BrokenExecutor:
            pass
        # One file broke the pool and took the others' work along: each is tried again by itself.
        with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as alone:
            try:
                return alone.submit(decode, path, tuple(frames)).result()
            except BrokenExecutor as error:
                raise ScanError(f"{path} cannot be decoded: the decoder ended over it") from error

    @staticmethod
    def _start(workers: int) -> ProcessPoolExecutor:
        # Spawn: a fork would inherit the locks of the window's threads.
        return ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn"))
