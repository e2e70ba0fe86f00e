"""DICOM slices into one volume, the asked one first."""

from __future__ import annotations

import logging
import threading
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from engine.progress import Cancelled, Progress
from engine.scans.ahead import ahead
from engine.scans.dicom_calibration import pixel_size
from engine.scans.dicom_display import read_display, read_facts
from engine.scans.dicom_geometry import frame_stack, single_slice
from engine.scans.dicom_header import DicomHeader, dicom_edge, read_dataset
from engine.scans.dicom_pixels import iter_frames, stored_values
from engine.scans.dicom_stacks import SliceFile, StackPlan
from engine.scans.limits import require_sane_size
from engine.scans.notes import NoteKind, note
from engine.scans.volume import ScanError, Volume
from engine.scans.voxel_stack import VoxelStack
from engine.scans.windows import default_window

_log = logging.getLogger(__name__)
# Frames of one file that are decoded together.
_CHUNK = 8


class StackReading:
    """One stack while it is read. `volume` is there after `open`; `fill` completes it."""

    def __init__(self, plan: StackPlan, source: Path, series_uid: str, in_memory_bytes: int | None = None) -> None:
        self._plan = plan
        self._source = source
        self._series_uid = series_uid
        self._stack = VoxelStack(len(plan.slices), in_memory_bytes)
        self._todo = np.array([one is not None for one in plan.slices])
        self._failed: dict[int, str] = {}
        self._files = len(plan.files)
        self._volume: Volume | None = None
        self.wanted = len(plan.slices) // 2

    @property
    def volume(self) -> Volume:
        """As far as it is read."""
        assert self._volume is not None
        return self._volume

    @property
    def filled(self) -> NDArray[np.bool_]:
        """(slices,) which are there."""
        return self._stack.filled

    def open(self) -> None:
        """Read the wanted slice, or the nearest that can be read. Raises `ScanError` when none can."""
        header = self._plan.header
        require_sane_size(header.path, len(self._plan.slices), header.rows, header.columns, header.samples)
        while self._todo.any():
            index = self._next()
            one = self._plan.slices[index]
            assert one is not None
            try:
                dataset = read_dataset(one.header.path, leave_pixels=one.header.frames > 1)
                (pixels,) = iter_frames(dataset, one.header.path, [one.frame])
                described = self._described(pixels, dataset, one)
            except ScanError as error:
                self._fail([index], error)
                continue
            self._put(index, pixels)
            self._volume = replace(described, voxels=self._stack.voxels)
            self.wanted = index
            return
        raise ScanError(next(iter(self._failed.values())))

    def fill(self, progress: Progress) -> None:
        """Read the other slices, nearest to `wanted` first.

        Raises `ScanError` when more than half of them cannot be read, `Cancelled` when the progress says so; what
        is there stays there, and `fill` may be called again.
        """
        total = len(self._plan.slices)
        with closing(self._side_by_side() if self._plan.header.is_compressed else self._in_turn()) as steps:
            for _ in steps:
                if progress.cancelled():
                    raise Cancelled
                progress.report(int(self._stack.filled.sum()), total, "reading slices")
        if 2 * len(self._failed) > total:
            raise ScanError(next(iter(self._failed.values())))
        self._stack.empty_the_rest()
        self._finish()

    def _in_turn(self) -> Generator[None, None, None]:
        while self._todo.any():
            chunk, one = self._next_chunk()
            try:
                for index, pixels in zip(chunk, _frames(one.header, [self._frame(i) for i in chunk]), strict=True):
                    self._put(index, pixels)
            except ScanError as error:
                self._fail([index for index in chunk if self._todo[index]], error)
            yield

    def _side_by_side(self) -> Generator[None, None, None]:
        """Decode in threads: the decoders give up the interpreter's lock while they work."""
        enough = threading.Event()

        def work(one: tuple[list[int], DicomHeader]) -> list[NDArray[Any]]:
            chunk, header = one
            return _decoded(header, [self._frame(index) for index in chunk], enough)

        with closing(ahead(self._chunks(), work, "decode")) as decoded:
            try:
                for (chunk, _), future in decoded:
                    try:
                        for index, pixels in zip(chunk, future.result(), strict=True):
                            self._put(index, pixels)
                    except ScanError as error:
                        self._fail(chunk, error)
                    yield
            finally:
                # Before the threads are waited for.
                enough.set()

    def _chunks(self) -> Iterator[tuple[list[int], DicomHeader]]:
        """What is left, by chunks of one file, nearest to the wanted slice as it is when each is taken."""
        left = self._todo.copy()
        while left.any():
            chunk, one = self._next_chunk(left)
            left[chunk] = False
            yield chunk, one.header

    def _next(self, left: NDArray[np.bool_] | None = None) -> int:
        remaining = np.flatnonzero(self._todo if left is None else left)
        return int(remaining[np.argmin(np.abs(remaining - self.wanted))])

    def _next_chunk(self, left: NDArray[np.bool_] | None = None) -> tuple[list[int], SliceFile]:
        """The next slice, and those after it that are frames of the same file."""
        left = self._todo if left is None else left
        first = self._next(left)
        one = self._plan.slices[first]
        assert one is not None
        chunk = [first]
        if one.header.frames > 1:
            # All that uncompressed frames cost is finding their place in the file.
            most = _CHUNK if one.header.is_compressed else len(left)
            behind = (int(index) for index in np.flatnonzero(left) if index != first)
            chunk += [index for index in behind if self._is_of(index, one)][: most - 1]
        return chunk, one

    def _is_of(self, index: int, one: SliceFile) -> bool:
        other = self._plan.slices[index]
        return other is not None and other.header is one.header

    def _frame(self, index: int) -> int:
        one = self._plan.slices[index]
        assert one is not None
        return one.frame

    def _put(self, index: int, pixels: NDArray[Any]) -> None:
        one = self._plan.slices[index]
        assert one is not None
        with dicom_edge(one.header.path, "stack"):
            self._stack.put(index, pixels)
        self._todo[index] = False
        if self._volume is not None and self._volume.voxels is not self._stack.voxels:
            self._volume = replace(self._volume, voxels=self._stack.voxels)

    def _fail(self, indices: list[int], error: ScanError) -> None:
        if self._files == 1:
            raise error
        for index in indices:
            self._todo[index] = False
            self._failed[index] = str(error)
        _log.info("a slice is left empty: %s", type(error.__cause__).__name__)

    def _described(self, pixels: NDArray[Any], dataset: Dataset, one: SliceFile) -> Volume:
        plan = self._plan
        with dicom_edge(one.header.path, "read how to show"):
            # MR scanners write another window into each slice; this one speaks for all.
            display, facts, size = read_display(dataset, one.frame), read_facts(dataset), pixel_size(dataset)
        stack = plan.stack
        if stack is None and len(plan.slices) == 1 and one.header.frames == 1:
            with dicom_edge(one.header.path, "read the geometry of"):
                stack = (
                    frame_stack(one.header, dataset, 1) if one.header.has_groups else single_slice(one.header, dataset)
                )
        is_color = pixels.ndim == 3
        window = (
            display.presets[0].window
            if display.presets
            else default_window(pixels[None], one.header.modality, display.padding)
        )
        return Volume(
            voxels=pixels[None],
            spacing_mm=(*display.spacing_mm, stack.spacing_z_mm) if stack else (*size.spacing_mm, 1.0),
            origin_mm=stack.origin_mm if stack else (0.0, 0.0, 0.0),
            direction=stack.direction if stack else np.eye(3),
            modality=one.header.modality,
            window=None if is_color else window,
            source=self._source,
            inverted=display.inverted and not is_color,
            has_geometry=stack is not None,
            is_calibrated=size.is_known,
            series_uid=self._series_uid,
            study_uid=one.header.study_uid,
            instance_uids=tuple("" if s is None else s.header.sop_instance_uid for s in plan.slices),
            description=display.description,
            units="" if is_color else display.units,
            body_part=display.body_part,
            laterality=display.laterality,
            photometric=display.photometric,
            frame_of_reference_uid=display.frame_of_reference_uid,
            curve=display.curve,
            presets=() if is_color else display.presets,
            padding=None if is_color else display.padding,
            frame_time_ms=display.frame_time_ms,
            slice_files=tuple(None if s is None else s.header.path for s in plan.slices),
            has_overlays=any(s is not None and s.header.has_overlays for s in plan.slices),
            notes=plan.notes,
            facts=facts,
        )

    def _finish(self) -> None:
        volume = self.volume
        if not volume.is_color and not volume.presets:
            # Told from all slices now, where it was a guess from the first one.
            volume = replace(volume, window=default_window(volume.voxels, volume.modality, volume.padding))
        if self._failed:
            reason = next(iter(self._failed.values()))
            said = note(NoteKind.UNREADABLE_SLICES, count=len(self._failed), reason=reason)
            volume = replace(volume, notes=(*(n for n in volume.notes if n.kind is not said.kind), said))
        self._volume = volume


def _frames(header: DicomHeader, frames: Sequence[int]) -> Iterator[NDArray[Any]]:
    """Frames of a file as modality values or RGB; see `iter_frames`."""
    if header.place is not None:
        yield stored_values(header)
    else:
        yield from iter_frames(read_dataset(header.path, leave_pixels=True), header.path, frames)


def _decoded(header: DicomHeader, frames: Sequence[int], enough: threading.Event) -> list[NDArray[Any]]:
    """All of `_frames`; fewer when nobody waits for them any more."""
    if enough.is_set():
        return []
    decoded = []
    for pixels in _frames(header, frames):
        decoded.append(pixels)
        if enough.is_set():
            break
    return decoded
