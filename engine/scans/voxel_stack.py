"""The array that slices are gathered in: in memory, or in a temporary file when it is big."""

from __future__ import annotations

import mmap
import os
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.scans.volume import ScanError

IN_MEMORY_BYTES = 1 << 30
"""Voxels that take more are kept in a temporary file, of which the system holds in memory what it has room for."""


class VoxelStack:
    """Slices gathered into one array whose type grows to what holds them all.

    The array is allocated with the first slice, so that a big series is never in memory twice. `voxels` is
    another array after the type has grown.
    """

    def __init__(self, count: int, in_memory_bytes: int | None = None) -> None:
        self._count = count
        self._bound = IN_MEMORY_BYTES if in_memory_bytes is None else in_memory_bytes
        self._voxels: NDArray[Any] | None = None
        self._filled = np.zeros(count, dtype=bool)

    def put(self, index: int, pixels: NDArray[Any]) -> None:
        """Set one slice. Raises `ValueError` when it has another shape than the others, `ScanError` when the disk
        has no room for the temporary file."""
        if self._voxels is None:
            self._voxels = self._allocate((self._count, *pixels.shape), pixels.dtype)
        if pixels.shape != self._voxels.shape[1:]:
            raise ValueError("another size than the rest")
        if pixels.dtype != self._voxels.dtype:
            common = np.result_type(self._voxels, pixels)
            common = np.dtype(np.float32) if common == np.float64 else common
            if common != self._voxels.dtype:
                grown = self._allocate(self._voxels.shape, common)
                grown[self._filled] = self._voxels[self._filled]
                self._voxels = grown
        self._voxels[index] = pixels
        self._filled[index] = True

    @property
    def voxels(self) -> NDArray[Any]:
        """The (count, ...) array; zero where no slice was set yet."""
        assert self._voxels is not None
        return self._voxels

    @property
    def filled(self) -> NDArray[np.bool_]:
        """(count,) which slices were set. A copy."""
        return self._filled.copy()

    def empty_the_rest(self) -> None:
        """Set the slices that do not exist to the lowest value there is, which is shown black."""
        voxels = self.voxels
        lowest = voxels[int(np.argmax(self._filled))].min()
        for index in np.flatnonzero(~self._filled):
            voxels[index] = lowest

    def _allocate(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> NDArray[Any]:
        size = int(np.prod(shape)) * dtype.itemsize
        if size <= self._bound:
            return np.zeros(shape, dtype)
        try:
            with tempfile.TemporaryFile(prefix="medrega-", dir=_scratch_folder()) as stream:
                # Room is taken now: writing to a mapped file on a full disk ends the process.
                if hasattr(os, "posix_fallocate"):
                    os.posix_fallocate(stream.fileno(), 0, size)
                else:
                    zeros = bytes(1 << 20)
                    for _ in range(-(-size // len(zeros))):
                        stream.write(zeros)
                    stream.flush()
                mapped = mmap.mmap(stream.fileno(), size)
        except OSError as error:
            raise ScanError(f"no room for {size:,} bytes of voxels in {_scratch_folder()}: {error.strerror}") from error
        return np.frombuffer(mapped, dtype).reshape(shape)


def _scratch_folder() -> Path:
    """Where TMPDIR points, else the system's folder for big temporary files: /tmp is often kept in memory."""
    big = Path("/var/tmp")
    return big if "TMPDIR" not in os.environ and big.is_dir() else Path(tempfile.gettempdir())
