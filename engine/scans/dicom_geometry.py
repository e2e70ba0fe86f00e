"""Where the slices of a DICOM series, or the frames of one file, lie in the patient.

DICOM PS3.3 C.7.6.2.1.1 (Image Plane), C.7.6.16.2.3 (Plane Position functional group).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from engine.scans.dicom_header import DicomHeader, numbers, orientation_cosines
from engine.scans.volume import ScanError

_SAME_ORIENTATION = 1e-3
_SAME_PLACE_MM = 1e-3
# What a whole stack may drift sideways through the rounding of its positions; beyond is a tilted gantry.
_ROUNDED_MM = 1e-2


@dataclass(frozen=True, slots=True, eq=False)
class Stack:
    """Parallel slices at equal steps along one line.

    origin_mm : LPS, centre of the first voxel. direction : (3, 3), columns x, y, z. The z column is the line
    from slice to slice: with a tilted gantry it is not at a right angle to the others. spacing_z_mm : > 0.
    """

    origin_mm: tuple[float, float, float]
    direction: NDArray[np.float64]
    spacing_z_mm: float


def group_by_kind(headers: Sequence[DicomHeader]) -> list[list[DicomHeader]]:
    """The files of a series by what a stack must have in common: size, orientation, one frame a file."""
    kinds: list[list[DicomHeader]] = []
    for header in headers:
        kind = next((kind for kind in kinds if _same_kind(kind[0], header)), None)
        if kind is None:
            kinds.append([header])
        else:
            kind.append(header)
    return kinds


def _same_kind(one: DicomHeader, other: DicomHeader) -> bool:
    if (one.rows, one.columns, one.frames > 1) != (other.rows, other.columns, other.frames > 1):
        return False
    if one.orientation is None or other.orientation is None:
        return one.orientation is other.orientation
    return float(np.abs(np.subtract(one.orientation, other.orientation)).max()) <= _SAME_ORIENTATION


def sort_slices(headers: Sequence[DicomHeader]) -> tuple[list[DicomHeader], Stack | None]:
    """The files of a series from slice to slice along their common normal, and the stack they form.

    Without geometry they are ordered by instance number and the stack is None. Raises `ScanError` when they are
    not one stack: other sizes or orientations, two slices at one place, a missing slice.
    """
    first = headers[0]
    where = f"the series in {first.path.parent}"
    if any((h.rows, h.columns) != (first.rows, first.columns) for h in headers):
        raise ScanError(f"{where} mixes images of different sizes: open one of its files instead")
    if any(h.position is None or h.orientation is None for h in headers):
        return sorted(headers, key=lambda h: (h.instance_number, h.path.name)), None
    orientations = np.array([h.orientation for h in headers])
    if np.abs(orientations - orientations[0]).max() > _SAME_ORIENTATION:
        raise ScanError(f"{where} mixes slices of different orientations: open one of its files instead")
    positions = np.array([h.position for h in headers])
    heights = positions @ _normal(orientations[0])
    order = np.argsort(heights, kind="stable")
    ordered = [headers[i] for i in order]
    steps = np.diff(heights[order])
    if (steps < _SAME_PLACE_MM).any():
        double = ordered[int(np.argmin(steps)) + 1]
        raise ScanError(f"{where} holds two slices at one place, such as {double.path.name}")
    step = _common_step(positions[order])
    if step is None:
        gap = ordered[int(np.argmax(steps))]
        raise ScanError(f"{where} is not evenly spaced: a slice may be missing after {gap.path.name}")
    return ordered, _stack(positions[order][0], orientations[0], step, len(ordered))


def single_slice(header: DicomHeader, dataset: Dataset) -> Stack | None:
    """The stack of one classic slice: as thick as it says, 1 mm where it does not. None without geometry."""
    if header.position is None or header.orientation is None:
        return None
    thickness = _positive(dataset.get("SpacingBetweenSlices")) or _positive(dataset.get("SliceThickness")) or 1.0
    orientation = np.array(header.orientation)
    return _stack(np.array(header.position), orientation, _normal(orientation) * thickness)


def frame_stack(header: DicomHeader, dataset: Dataset, frames: int) -> Stack | None:
    """The stack of a file with functional groups or several frames, in the order in which they are stored.

    Frames that do not follow each other at equal steps (several stacks, time points or segments in one file,
    tiles of a microscope slide) have no common geometry: None.
    """
    positions, orientation = _frame_planes(dataset, frames)
    if positions is None or orientation is None:
        return _offset_frames(header, dataset, frames)
    if frames == 1:
        measures = functional_group(dataset, 0, "PixelMeasuresSequence") or Dataset()
        thickness = _positive(measures.get("SpacingBetweenSlices")) or _positive(measures.get("SliceThickness"))
        return _stack(positions[0], orientation, _normal(orientation) * (thickness or 1.0))
    step = _common_step(positions)
    if step is None or abs(float(step @ _normal(orientation))) < _SAME_PLACE_MM:
        return None
    return _stack(positions[0], orientation, step, frames)


def functional_group(dataset: Dataset, frame: int, name: str) -> Dataset | None:
    """The macro `name` of a frame: its own, else the shared one (PS3.3 C.7.6.16)."""
    per_frame = dataset.get("PerFrameFunctionalGroupsSequence") or []
    groups = list(per_frame[frame : frame + 1]) + list(dataset.get("SharedFunctionalGroupsSequence") or [])[:1]
    for group in groups:
        items = group.get(name)
        if items:
            found: Dataset = items[0]
            return found
    return None


def pixel_spacing(dataset: Dataset) -> tuple[float, float]:
    """(x, y) distance of pixel centres in mm, 1 where the file does not say.

    Imager Pixel Spacing is not used: it is measured at the detector, not in the patient (PS3.3 10.7.1.3).
    """
    measures = functional_group(dataset, 0, "PixelMeasuresSequence") or Dataset()
    found = numbers(dataset.get("PixelSpacing"), 2) or numbers(measures.get("PixelSpacing"), 2)
    if found is None or min(found) <= 0:
        return (1.0, 1.0)
    # Stored as row distance first: that is y.
    return (found[1], found[0])


def _frame_planes(dataset: Dataset, frames: int) -> tuple[NDArray[np.float64] | None, NDArray[np.float64] | None]:
    """(frames, 3) positions and the one (6,) orientation of all frames; None where missing or not common."""
    positions: list[Any] = []
    orientations: list[Any] = []
    for frame in range(frames):
        place = functional_group(dataset, frame, "PlanePositionSequence")
        turn = functional_group(dataset, frame, "PlaneOrientationSequence")
        positions.append(numbers(place.get("ImagePositionPatient"), 3) if place else None)
        orientations.append(orientation_cosines(turn.get("ImageOrientationPatient")) if turn else None)
        if positions[-1] is None or orientations[-1] is None:
            return None, None
    turned = np.array(orientations)
    if np.abs(turned - turned[0]).max() > _SAME_ORIENTATION:
        return np.array(positions), None
    return np.array(positions), turned[0]


def _offset_frames(header: DicomHeader, dataset: Dataset, frames: int) -> Stack | None:
    """Frames of RT Dose (PS3.3 C.8.8.3.2) and of older multi-frame images, placed from the first one."""
    if header.position is None or header.orientation is None:
        return None
    if frames == 1:
        return single_slice(header, dataset)
    normal = _normal(np.array(header.orientation))
    offsets = numbers(dataset.get("GridFrameOffsetVector"), frames)
    spacing = numbers(dataset.get("SpacingBetweenSlices"), 1)
    if offsets is not None:
        step = _common_step(np.outer(np.array(offsets) - offsets[0], normal))
    else:
        # Nuclear medicine uses the sign for the direction (PS3.3 C.8.4.15).
        step = normal * spacing[0] if spacing else None
    if step is None or float(np.linalg.norm(step)) < _SAME_PLACE_MM:
        return None
    return _stack(np.array(header.position), np.array(header.orientation), step)


def _common_step(positions: NDArray[np.float64]) -> NDArray[np.float64] | None:
    """The (3,) mm from slice to slice; None when a slice lies off the even line by 5 % of a step and 0.01 mm."""
    step: NDArray[np.float64] = (positions[-1] - positions[0]) / (len(positions) - 1)
    line = positions[0] + np.arange(len(positions))[:, None] * step
    off = float(np.linalg.norm(positions - line, axis=1).max())
    return step if off <= 0.05 * float(np.linalg.norm(step)) + 0.01 else None


def _axes(orientation: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Row, column and normal as unit vectors at right angles: files round their cosines, 500 pixels show it.

    The column is taken at its word, as GDCM does, so that other ITK programs put voxels at the same place.
    """
    column = orientation[3:] / np.linalg.norm(orientation[3:])
    normal = np.cross(orientation[:3], column)
    normal /= np.linalg.norm(normal)
    return np.cross(column, normal), column, normal


def _normal(orientation: NDArray[np.float64]) -> NDArray[np.float64]:
    return _axes(orientation)[2]


def _stack(
    position: NDArray[np.float64], orientation: NDArray[np.float64], step: NDArray[np.float64], count: int = 1
) -> Stack:
    row, column, normal = _axes(orientation)
    along = float(step @ normal)
    sideways = float(np.linalg.norm(step - along * normal)) * count
    if sideways < _ROUNDED_MM:
        step = along * normal
    spacing = float(np.linalg.norm(step))
    x, y, z = (float(value) for value in position)
    return Stack((x, y, z), np.column_stack([row, column, step / spacing]), spacing)


def _positive(value: Any) -> float | None:
    found = numbers(value, 1)
    return found[0] if found and found[0] > 0 else None
