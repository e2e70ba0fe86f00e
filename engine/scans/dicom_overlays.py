"""Overlay planes of DICOM files (groups 60xx) as masks, PS3.3 C.9.2."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.pixels import pixel_array

from engine.scans.dicom_header import dicom_edge, numbers, plain_text, read_dataset
from engine.scans.volume import Volume

_GROUPS = range(0x6000, 0x6020, 2)
_ROWS, _COLUMNS, _FRAMES, _DESCRIPTION, _TYPE, _ORIGIN, _FIRST_FRAME = 0x10, 0x11, 0x15, 0x22, 0x40, 0x50, 0x51
_BITS, _BIT, _LABEL, _DATA = 0x100, 0x102, 0x1500, 0x3000
_MAX_BITS = 1 << 31


@dataclass(frozen=True, slots=True, eq=False)
class Overlay:
    """One plane over one slice.

    mask : (rows, columns) bool on the grid of the stored slice. label : as the file names it, "" without a name.
    is_roi : it marks a region, rather than being graphics such as text or a scale.
    """

    mask: NDArray[np.bool_]
    label: str
    is_roi: bool


def read_overlays(volume: Volume, index: int) -> tuple[Overlay, ...]:
    """The overlay planes of stored slice `index`, read from its file now; empty where `has_overlays` is False.

    Planes that a broken file describes impossibly are left out. Raises `ScanError` when the file cannot be read.
    """
    if not volume.has_overlays or not 0 <= index < len(volume.slice_files):
        return ()
    path = volume.slice_files[index]
    if path is None:
        return ()
    dataset = read_dataset(path)
    # Slices of one file are its frames, in the order in which the volume has them.
    frame = sum(other == path for other in volume.slice_files[:index])
    shape = (volume.voxels.shape[1], volume.voxels.shape[2])
    found = []
    with dicom_edge(path, "read the overlays of"):
        for group in _GROUPS:
            if (group, _ROWS) in dataset:
                mask = _mask(dataset, group, frame, shape)
                if mask is not None:
                    label = plain_text(_value(dataset, group, _LABEL) or _value(dataset, group, _DESCRIPTION))
                    found.append(Overlay(mask, label, plain_text(_value(dataset, group, _TYPE)) == "R"))
    return tuple(found)


def _value(dataset: Dataset, group: int, element: int) -> object:
    return dataset[group, element].value if (group, element) in dataset else None


def _number(dataset: Dataset, group: int, element: int, missing: int) -> int:
    found = numbers(_value(dataset, group, element), 1)
    return int(found[0]) if found else missing


def _mask(dataset: Dataset, group: int, frame: int, shape: tuple[int, int]) -> NDArray[np.bool_] | None:
    rows, columns = (_number(dataset, group, element, 0) for element in (_ROWS, _COLUMNS))
    frames, first = (_number(dataset, group, element, 1) for element in (_FRAMES, _FIRST_FRAME))
    origin = numbers(_value(dataset, group, _ORIGIN), 2) or (1.0, 1.0)
    number = frame - (first - 1)
    if rows <= 0 or columns <= 0 or rows * columns * max(frames, 1) > _MAX_BITS:
        return None
    # A single plane belongs to every frame.
    number = 0 if frames <= 1 else number
    if not 0 <= number < max(frames, 1):
        return None
    data = _value(dataset, group, _DATA)
    plane: NDArray[np.bool_] | None
    if isinstance(data, bytes):
        first_bit = number * rows * columns
        octets = np.frombuffer(data, np.uint8)[first_bit // 8 : (first_bit + rows * columns + 7) // 8]
        bits = np.unpackbits(octets, bitorder="little")[first_bit % 8 :][: rows * columns]
        if len(bits) < rows * columns:
            return None
        plane = bits.astype(bool).reshape(rows, columns)
    else:
        plane = _in_pixels(dataset, _number(dataset, group, _BIT, 0), frame)
        if plane is None:
            return None
    return _placed(plane, int(origin[0]) - 1, int(origin[1]) - 1, shape)


def _in_pixels(dataset: Dataset, bit: int, frame: int) -> NDArray[np.bool_] | None:
    """Retired, but found in older files: a plane in a bit of the pixels that holds no value (PS3.5 8.1.2)."""
    if not 0 < bit < int(dataset.get("BitsAllocated") or 0) or bit < int(dataset.get("BitsStored") or 0):
        return None
    if int(dataset.get("SamplesPerPixel") or 1) != 1 or dataset.file_meta.TransferSyntaxUID.is_compressed:
        return None
    stored = np.asarray(pixel_array(dataset, index=frame, correct_unused_bits=False))
    plane: NDArray[np.bool_] = ((stored.view(np.dtype(f"u{stored.dtype.itemsize}")) >> bit) & 1).astype(bool)
    return plane


def _placed(plane: NDArray[np.bool_], top: int, left: int, shape: tuple[int, int]) -> NDArray[np.bool_]:
    """On the grid of the slice; what lies outside of it is cut off."""
    mask = np.zeros(shape, dtype=bool)
    y, x = max(top, 0), max(left, 0)
    part = plane[max(-top, 0) :, max(-left, 0) :][: max(shape[0] - y, 0), : max(shape[1] - x, 0)]
    mask[y : y + part.shape[0], x : x + part.shape[1]] = part
    return mask
