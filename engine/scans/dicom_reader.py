"""DICOM files to volumes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from engine.progress import Cancelled, NoProgress, Progress
from engine.scans.dicom_geometry import (
    Stack,
    frame_stack,
    functional_group,
    pixel_spacing,
    single_slice,
    sort_slices,
)
from engine.scans.dicom_header import DicomHeader, dicom_edge, numbers, read_dataset
from engine.scans.dicom_pixels import VoxelStack, decode_frames
from engine.scans.limits import require_sane_size
from engine.scans.volume import ScanError, Volume, Window
from engine.scans.windows import default_window


@dataclass(frozen=True, slots=True)
class _Display:
    """How a file wants to be shown, and its pixel distances (x, y) in mm."""

    window: Window | None
    inverted: bool
    spacing_mm: tuple[float, float]


def read_series(headers: Sequence[DicomHeader], progress: Progress | None = None) -> Volume:
    """One volume from the files of one series, sorted along their common normal.

    One file gives its frames in stored order. Raises `ScanError` when the files do not form one stack or one
    cannot be decoded, `Cancelled` when the progress says so.
    """
    if len(headers) == 1:
        return _read_single(headers[0])
    progress = progress or NoProgress()
    ordered, stack = sort_slices(headers)
    require_sane_size(ordered[0].path, len(ordered), ordered[0].rows, ordered[0].columns)
    voxels = VoxelStack(len(ordered))
    display = None
    for number, header in enumerate(ordered):
        if progress.cancelled():
            raise Cancelled
        dataset = read_dataset(header.path)
        pixels = decode_frames(dataset, header.path)
        if len(pixels) != 1:
            raise ScanError(f"{header.path} has several frames inside a series of several files: open it alone")
        with dicom_edge(header.path, "stack"):
            voxels.put(number, pixels[0])
        if number == len(ordered) // 2:
            # MR scanners write another window into each slice; the middle one speaks for all.
            display = _display(dataset, header.path)
        progress.report(number + 1, len(ordered), "reading slices")
    assert display is not None
    uids = tuple(header.sop_instance_uid for header in ordered)
    return _volume(voxels.voxels(), ordered[0], stack, display, uids, ordered[0].path.parent)


def _read_single(header: DicomHeader) -> Volume:
    dataset = read_dataset(header.path)
    pixels = decode_frames(dataset, header.path)
    with dicom_edge(header.path, "read the geometry of"):
        is_classic = len(pixels) == 1 and header.position is not None
        stack = single_slice(header, dataset) if is_classic else frame_stack(header, dataset, len(pixels))
    uids = (header.sop_instance_uid,) * len(pixels)
    return _volume(pixels, header, stack, _display(dataset, header.path), uids, header.path)


def _volume(
    voxels: NDArray[Any],
    header: DicomHeader,
    stack: Stack | None,
    display: _Display,
    uids: tuple[str, ...],
    source: Path,
) -> Volume:
    is_color = voxels.ndim == 4
    return Volume(
        voxels=voxels,
        spacing_mm=(*display.spacing_mm, stack.spacing_z_mm if stack else 1.0),
        origin_mm=stack.origin_mm if stack else (0.0, 0.0, 0.0),
        direction=stack.direction if stack else np.eye(3),
        modality=header.modality,
        window=None if is_color else display.window or default_window(voxels, header.modality),
        source=source,
        inverted=display.inverted and not is_color,
        has_geometry=stack is not None,
        series_uid=header.series_uid,
        study_uid=header.study_uid,
        instance_uids=uids,
        description=header.description,
    )


def _display(dataset: Dataset, path: Path) -> _Display:
    with dicom_edge(path, "read how to show"):
        inverted = dataset.get("PhotometricInterpretation") == "MONOCHROME1"
        return _Display(_window(dataset), inverted, pixel_spacing(dataset))


def _window(dataset: Dataset) -> Window | None:
    """The first VOI window of the file, PS3.3 C.11.2; None if it has none that makes sense."""
    for source in (dataset, functional_group(dataset, 0, "FrameVOILUTSequence")):
        if source is None:
            continue
        center, width = (numbers(source.get(tag), 1) for tag in ("WindowCenter", "WindowWidth"))
        if center and width and width[0] > 0:
            return Window(center[0], width[0])
    return None
