"""Writes a phantom as a real DICOM CT series with its ground truth beside it."""

from __future__ import annotations

import json
import shutil
import tempfile
from pathlib import Path

import numpy as np
import SimpleITK
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID, CTImageStorage, ExplicitVRLittleEndian, generate_uid

from engine.phantom.anatomy import PHANTOM_LABELS, Z_EXTENT_MM, Phantom
from engine.phantom.raster import LabelledSlice, render_phantom_slice
from engine.progress import Cancelled, NoProgress, Progress

GROUND_TRUTH_JSON = "ground_truth.json"
GROUND_TRUTH_NIFTI = "ground_truth.nii.gz"


def write_phantom_series(
    folder: Path,
    seed: int,
    progress: Progress | None = None,
    *,
    size: int = 512,
    slice_mm: float = 4.0,
) -> Path:
    """Write the patient of `seed` into a new `folder`: a CT series, its label volume and its boxes.

    The series goes to ``folder/dicom``, one file a slice; ``ground_truth.nii.gz`` holds the label map on the
    same grid; ``ground_truth.json`` names its values in EN and ZH and lists ``boxes[slice][label id]`` as
    [x1, y1, x2, y2] in pixels, slices counted from the most inferior. The folder appears whole or not at all.
    Returns `folder`. Raises `FileExistsError` if it exists, `Cancelled` when the progress says so.
    """
    progress = progress or NoProgress()
    if folder.exists():
        raise FileExistsError(f"{folder} exists already")
    folder.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        _write_all(temporary, seed, size, slice_mm, progress)
        temporary.replace(folder)
    finally:
        if temporary.exists():
            shutil.rmtree(temporary)
    return folder


def _write_all(folder: Path, seed: int, size: int, slice_mm: float, progress: Progress) -> None:
    phantom = Phantom.random(seed)
    positions = np.arange(Z_EXTENT_MM[0], Z_EXTENT_MM[1] + 1e-6, slice_mm)
    (folder / "dicom").mkdir()
    uids = _Uids(seed)
    maps = []
    boxes: dict[str, dict[str, list[list[float]]]] = {}
    for index, z_mm in enumerate(positions):
        if progress.cancelled():
            raise Cancelled
        cut = render_phantom_slice(phantom, float(z_mm), size)
        dataset = _ct_instance(cut, uids, index, slice_mm)
        dataset.save_as(folder / "dicom" / f"CT{index:04d}.dcm", enforce_file_format=True)
        maps.append(cut.labels)
        boxes[str(index)] = {id: [list(box.as_tuple()) for box in cut.boxes(id)] for id in cut.present()}
        progress.report(index + 1, len(positions), "phantom CT")
    origin = _origin(phantom, size)
    volume = SimpleITK.GetImageFromArray(np.stack(maps))
    volume.SetSpacing((phantom.fov_mm / size, phantom.fov_mm / size, slice_mm))
    volume.SetOrigin((origin[0], origin[1], float(positions[0])))
    SimpleITK.WriteImage(volume, folder / GROUND_TRUTH_NIFTI)
    truth = {
        "seed": seed,
        "series_uid": str(uids.series),
        "labels": [
            {"value": value, "id": label.id, "en": label.en, "zh": label.zh, "code": label.code}
            for value, label in enumerate(PHANTOM_LABELS, start=1)
        ],
        "boxes": boxes,
    }
    (folder / GROUND_TRUTH_JSON).write_text(json.dumps(truth, ensure_ascii=False), encoding="utf-8")


class _Uids:
    """The UIDs of a phantom's study; the same seed gives the same ones."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self.study = self.of("study")
        self.series = self.of("series")
        self.frame = self.of("frame of reference")

    def of(self, what: str) -> UID:
        """The UID of one thing of this study."""
        return generate_uid(entropy_srcs=["medrega phantom", str(self._seed), what])


def _origin(phantom: Phantom, size: int) -> tuple[float, float]:
    pixel_mm = phantom.fov_mm / size
    x, y = (center - phantom.fov_mm / 2 + pixel_mm / 2 for center in phantom.center_mm)
    return x, y


def _ct_instance(cut: LabelledSlice, uids: _Uids, index: int, slice_mm: float) -> Dataset:
    """One CT Image Storage instance, the attributes of DICOM PS3.3 table A.3-1 that a reader needs."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = CTImageStorage
    meta.MediaStorageSOPInstanceUID = uids.of(f"slice {index}")
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset = Dataset()
    dataset.file_meta = meta
    dataset.SpecificCharacterSet = "ISO_IR 192"
    dataset.SOPClassUID = CTImageStorage
    dataset.SOPInstanceUID = meta.MediaStorageSOPInstanceUID
    dataset.StudyInstanceUID = uids.study
    dataset.SeriesInstanceUID = uids.series
    dataset.FrameOfReferenceUID = uids.frame
    dataset.PositionReferenceIndicator = ""
    dataset.ImageType = ["DERIVED", "PRIMARY", "AXIAL"]
    dataset.Modality = "CT"
    dataset.Manufacturer = "MedRegA Desktop"
    dataset.ManufacturerModelName = "Phantom generator"
    dataset.PatientName = "Phantom^Generated"
    dataset.PatientID = "PHANTOM"
    dataset.PatientBirthDate = ""
    dataset.PatientSex = "O"
    dataset.PatientPosition = "HFS"
    dataset.StudyID = "1"
    dataset.StudyDate = dataset.StudyTime = dataset.AccessionNumber = ""
    dataset.ReferringPhysicianName = ""
    dataset.StudyDescription = "Generated abdomen"
    dataset.SeriesDescription = "Phantom abdomen CT"
    dataset.BodyPartExamined = "ABDOMEN"
    dataset.SeriesNumber = 1
    dataset.AcquisitionNumber = 1
    dataset.InstanceNumber = index + 1
    dataset.ImagePositionPatient = [round(v, 6) for v in (*cut.origin_mm, cut.z_mm)]
    dataset.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    dataset.PixelSpacing = [round(cut.pixel_mm, 8)] * 2
    dataset.SliceThickness = slice_mm
    dataset.SliceLocation = round(cut.z_mm, 6)
    dataset.KVP = 120
    dataset.SamplesPerPixel = 1
    dataset.PhotometricInterpretation = "MONOCHROME2"
    dataset.Rows, dataset.Columns = cut.hu.shape
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 16, 12, 11
    dataset.PixelRepresentation = 0
    dataset.RescaleIntercept, dataset.RescaleSlope, dataset.RescaleType = -1024, 1, "HU"
    dataset.WindowCenter, dataset.WindowWidth = 40, 400
    dataset.PixelData = (cut.hu.astype(np.int32) + 1024).astype("<u2").tobytes()
    return dataset
