"""The frames of one DICOM file as stacks: enhanced images hold several orientations, echoes or time points."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from pydicom.dataset import Dataset
from pydicom.uid import SegmentationStorage

from engine.scans.dicom_geometry import frame_planes, frame_stack, functional_group
from engine.scans.dicom_header import DicomHeader, dicom_edge, read_headers_only
from engine.scans.dicom_stacks import Placed, SliceFile, StackPlan, plan_slices
from engine.scans.notes import NoteKind, note

_SPLITS = (
    ("stack", "FrameContentSequence", "StackID"),
    ("temporal position", "FrameContentSequence", "TemporalPositionIndex"),
    ("echo time", "MREchoSequence", "EffectiveEchoTime"),
    ("diffusion b-value", "MRDiffusionSequence", "DiffusionBValue"),
    ("trigger time", "CardiacSynchronizationSequence", "NominalCardiacTriggerDelayTime"),
    ("frame type", "MRImageFrameTypeSequence", "FrameType"),
    ("acquisition", "FrameContentSequence", "FrameAcquisitionNumber"),
)
_PATHOLOGY = "1.2.840.10008.5.1.4.1.1.77.1.6"


def plan_file(header: DicomHeader, dataset: Dataset) -> list[StackPlan]:
    """The stacks of a file that stands alone, the biggest first; in stored order where the frames follow each other.

    Segmentations and the tiles of microscope slides are never taken apart. Raises `ScanError` naming the file.
    """
    frames = header.frames
    with dicom_edge(header.path, "read the geometry of"):
        stored = tuple(SliceFile(header, frame) for frame in range(frames))
        stack = frame_stack(header, dataset, frames)
        told = (note(NoteKind.LOCALIZER),) if header.is_localizer else ()
        if stack is not None:
            return [StackPlan(stored, stack, told)]
        positions, orientations = frame_planes(dataset, frames)
        alone = [StackPlan(stored, None, (*told, note(NoteKind.NO_STACK)) if positions else told)]
        if header.sop_class_uid in (SegmentationStorage, _PATHOLOGY) or positions is None or orientations is None:
            return alone
        placed = []
        for frame in range(frames):
            splits = tuple((by, _split_value(dataset, frame, group, name)) for by, group, name in _SPLITS)
            placed.append(Placed(stored[frame], positions[frame], orientations[frame], (frame, ""), splits))
        plans = plan_slices(placed)
        # Frames that lie all over the place are rather looked at in the order of the film.
        return plans if len(plans) <= max(2, frames // 2) else alone


def with_frame_place(header: DicomHeader) -> DicomHeader:
    """An enhanced file of one frame says where it lies in its functional groups: as if it were a classic one."""
    if header.frames > 1 or header.position is not None or not header.has_groups:
        return header
    with dicom_edge(header.path, "read the geometry of"):
        positions, orientations = frame_planes(read_headers_only(header.path), 1)
    if positions is None or orientations is None:
        return header
    return replace(header, position=positions[0], orientation=orientations[0])


def _split_value(dataset: Dataset, frame: int, group: str, name: str) -> object:
    macro = functional_group(dataset, frame, group)
    value = None if macro is None else macro.get(name)
    return str(value) if value is not None and not isinstance(value, (int, float, np.number)) else value
