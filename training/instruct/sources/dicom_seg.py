"""DICOM Segmentation objects (PS3.3 A.51) with the series that they are of, read by highdicom.

Each segment's label names it; where that is none of the ontology's, the meaning of its property type's code does.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar, Literal

import highdicom
import numpy as np
import pydicom
from numpy.typing import NDArray

from engine.scans import Volume, read_volume
from training.instruct.items import SourceImage, Unit
from training.instruct.sources.base import Source, SourceSettings, require_folder
from training.instruct.volumes import LabelLayer, LabelledVolume, Slicing, labels_on_grid, slice_images
from training.records import DatasetError

_SEGMENTATION_CLASSES = ("1.2.840.10008.5.1.4.1.1.66.4", "1.2.840.10008.5.1.4.1.1.66.7")


class DicomSegSettings(SourceSettings):
    """path : a folder with the segmentations, at any depth. images : where their series are; `path` when not given."""

    kind: Literal["dicom_seg"]
    path: Path
    images: Path | None = None
    slicing: Slicing = Slicing()


class DicomSeg(Source[DicomSegSettings]):
    """See the module."""

    kind: ClassVar[str] = "dicom_seg"

    def units(self) -> Iterator[Unit]:
        """A segmentation a unit, in the order of their paths."""
        folder = require_folder(self.settings.path, self.settings.name)
        for path in sorted(p for p in folder.rglob("*") if p.is_file()):
            if _is_segmentation(path):
                yield Unit(path.relative_to(folder).as_posix())

    def read(self, unit: Unit) -> Iterator[SourceImage]:
        """The chosen slices of the segmented series."""
        path = self.settings.path / unit.key
        try:
            # highdicom and pydicom raise what they meet: any of it means that this file cannot be used.
            segmentation = highdicom.seg.segread(path)
            series = str(segmentation.ReferencedSeriesSequence[0].SeriesInstanceUID)
        except (OSError, AttributeError, IndexError, KeyError, TypeError, ValueError, RuntimeError) as error:
            raise DatasetError(f"{path} is not a segmentation of a series: {error}") from error
        volume = read_volume(self.settings.images or self.settings.path, series)
        layers = []
        for number in segmentation.segment_numbers:
            key = self._key(segmentation.get_segment_description(number))
            if key is None:
                continue
            mask = _on_grid(segmentation, number, volume, path)
            layers.append(LabelLayer(mask, {1: key}))
        if not layers:
            return
        scan = LabelledVolume(volume, tuple(layers))
        group = str(segmentation.get("PatientID", "")) or str(segmentation.get("StudyInstanceUID", "")) or unit.key
        modality = self.modality or volume.modality
        body = self.settings.body_part or volume.body_part
        yield from slice_images(scan, self.settings.slicing, self.thresholds, self.naming, group, modality, body)

    def _key(self, description: Any) -> str | None:
        label = str(description.segment_label)
        by_code = self.naming.resolve(str(description.segmented_property_type.meaning), self.settings.labels)
        if self.naming.resolve(label, self.settings.labels) is None and by_code is not None:
            return by_code
        return self.key(label)


def _is_segmentation(path: Path) -> bool:
    try:
        header = pydicom.dcmread(path, stop_before_pixels=True, specific_tags=["SOPClassUID"])
    except (OSError, pydicom.errors.InvalidDicomError, ValueError, EOFError):
        return False
    return header.get("SOPClassUID") in _SEGMENTATION_CLASSES


def _on_grid(segmentation: Any, number: int, volume: Volume, path: Path) -> NDArray[np.int32]:
    """One segment as a mask on the voxels of its series."""
    try:
        segment = segmentation.get_volume(segment_numbers=[number], rescale_fractional=True)
    except (AttributeError, KeyError, TypeError, ValueError, RuntimeError) as error:
        raise DatasetError(f"{path}: its segment {number} is no volume of parallel frames: {error}") from error
    array = np.asarray(segment.array)
    mask = (array[..., 0] if array.ndim == 4 else array) > 0.5
    # highdicom's index is (slice, row, column), ours (x, y, z).
    affine = np.array(segment.affine, float)[:, [2, 1, 0, 3]]
    return labels_on_grid(volume, mask.astype(np.int32), affine, str(path))
