"""Where the slices of a DICOM series, or the frames of one file, lie in the patient.

DICOM PS3.3 C.7.6.2.1.1 (Image Plane), C.7.6.16.2.3 (Plane Position functional group).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from engine.scans.dicom_header import DicomHeader, numbers, orientation_cosines

SAME_ORIENTATION = 1e-3
"""Cosines that differ by less are the same, rounded."""

SAME_PLACE_MM = 1e-3
"""Slices nearer to each other lie at one place."""

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


def single_slice(header: DicomHeader, dataset: Dataset) -> Stack | None:
    """The stack of one classic slice: as thick as it says, 1 mm where it does not. None without geometry."""
    if header.position is None or header.orientation is None:
        return None
    thickness = _positive(dataset.get("SpacingBetweenSlices")) or _positive(dataset.get("SliceThickness")) or 1.0
    orientation = np.array(header.orientation)
    return stack_of(np.array(header.position), orientation, normal_of(orientation) * thickness)


def frame_stack(header: DicomHeader, dataset: Dataset, frames: int) -> Stack | None:
    """The stack of a file with functional groups or several frames, in the order in which they are stored.

    Frames that do not follow each other at equal steps (several stacks, time points or segments in one file,
    tiles of a microscope slide) have no common geometry: None.
    """
    found, turns = frame_planes(dataset, frames)
    if found is None or turns is None:
        return _offset_frames(header, dataset, frames)
    positions, turned = np.array(found), np.array(turns)
    if np.abs(turned - turned[0]).max() > SAME_ORIENTATION:
        return None
    orientation = turned[0]
    if frames == 1:
        measures = functional_group(dataset, 0, "PixelMeasuresSequence") or Dataset()
        thickness = _positive(measures.get("SpacingBetweenSlices")) or _positive(measures.get("SliceThickness"))
        return stack_of(positions[0], orientation, normal_of(orientation) * (thickness or 1.0))
    step = common_step(positions)
    if step is None or abs(float(step @ normal_of(orientation))) < SAME_PLACE_MM:
        return None
    return stack_of(positions[0], orientation, step, frames)


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
    return stored_pixel_spacing(dataset) or (1.0, 1.0)


def stored_pixel_spacing(dataset: Dataset) -> tuple[float, float] | None:
    """As `pixel_spacing`, None where the file does not say."""
    measures = functional_group(dataset, 0, "PixelMeasuresSequence") or Dataset()
    found = numbers(dataset.get("PixelSpacing"), 2) or numbers(measures.get("PixelSpacing"), 2)
    if found is None or min(found) <= 0:
        return None
    # Stored as row distance first: that is y.
    return (found[1], found[0])


def frame_planes(
    dataset: Dataset, frames: int
) -> tuple[list[tuple[float, ...]] | None, list[tuple[float, ...]] | None]:
    """(3,) positions and (6,) orientations of all frames from the functional groups; None unless each has both."""
    positions: list[tuple[float, ...]] = []
    orientations: list[tuple[float, ...]] = []
    for frame in range(frames):
        place = functional_group(dataset, frame, "PlanePositionSequence")
        turn = functional_group(dataset, frame, "PlaneOrientationSequence")
        position = numbers(place.get("ImagePositionPatient"), 3) if place else None
        orientation = orientation_cosines(turn.get("ImageOrientationPatient")) if turn else None
        if position is None or orientation is None:
            return None, None
        positions.append(position)
        orientations.append(orientation)
    return positions, orientations


def _offset_frames(header: DicomHeader, dataset: Dataset, frames: int) -> Stack | None:
    """Frames of RT Dose (PS3.3 C.8.8.3.2) and of older multi-frame images, placed from the first one."""
    if header.position is None or header.orientation is None:
        return None
    if frames == 1:
        return single_slice(header, dataset)
    normal = normal_of(np.array(header.orientation))
    offsets = numbers(dataset.get("GridFrameOffsetVector"), frames)
    spacing = numbers(dataset.get("SpacingBetweenSlices"), 1)
    if offsets is not None:
        step = common_step(np.outer(np.array(offsets) - offsets[0], normal))
    else:
        # Nuclear medicine uses the sign for the direction (PS3.3 C.8.4.15).
        step = normal * spacing[0] if spacing else None
    if step is None or float(np.linalg.norm(step)) < SAME_PLACE_MM:
        return None
    return stack_of(np.array(header.position), np.array(header.orientation), step)


def common_step(positions: NDArray[np.float64]) -> NDArray[np.float64] | None:
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


def normal_of(orientation: NDArray[np.float64]) -> NDArray[np.float64]:
    """The (3,) unit normal of (6,) row and column cosines."""
    return _axes(orientation)[2]


def stack_of(
    position: NDArray[np.float64], orientation: NDArray[np.float64], step: NDArray[np.float64], count: int = 1
) -> Stack:
    """`count` slices from `position`, each a (3,) `step` in mm further; a drift that is only rounding is left out."""
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
