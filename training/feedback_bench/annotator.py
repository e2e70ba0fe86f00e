"""A simulated annotator: draws a box, lets the model name it, corrects both, all through the product's store."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, SecondaryCaptureImageStorage, generate_uid

from engine.progress import Cancelled, Progress
from engine.protocol import Language, Task
from engine.regions import Box
from engine.runtime import ModelManifest, Session
from engine.scans import read_volume
from engine.store import AnnotationStore, patient_key, study_uid_of
from engine.suggest import suggest
from training.feedback.freezing import side_of
from training.feedback_bench.site import SitePicture

WHO = "simulated annotator"
_SLOPPY = 0.1
"""How far off a side of a box is that a person draws to ask with, of the box's width or height."""


@dataclass(frozen=True, slots=True)
class Patients:
    """Pictures of the patients on one side of a snapshot. side : ``train`` or ``heldout``."""

    side: str
    pictures: Sequence[SitePicture]


def annotate_site(
    store: AnnotationStore,
    base: ModelManifest,
    sides: Sequence[Patients],
    scans: Path,
    heldout_share: float,
    seed: int,
    progress: Progress,
) -> int:
    """Keep the truth about every picture as a person's corrections of what `base` says; gives how many regions.

    scans : a folder for the pictures as DICOM files. heldout_share : of the snapshot to be taken: each patient gets a
    number by which it then lands on its side. Raises `EngineError`, `StoreError`, `ScanError`, `Cancelled`.
    """
    rng = np.random.default_rng(seed)
    todo = sum(len(side.pictures) for side in sides)
    done = regions = 0
    with Session(base) as session:
        for side in sides:
            codes: dict[str, str] = {}
            for picture in side.pictures:
                if progress.cancelled():
                    raise Cancelled
                code = codes.setdefault(
                    picture.patient, patient_code(f"{side.side}{len(codes)}", side.side, heldout_share)
                )
                path = scans / f"{done:05d}.dcm"
                write_scan(path, picture, code)
                regions += _decide(store, session, path, picture, rng)
                done += 1
                progress.report(done, todo, "annotating the site")
    return regions


def _decide(
    store: AnnotationStore, session: Session, path: Path, picture: SitePicture, rng: np.random.Generator
) -> int:
    volume = read_volume(path)
    study = study_uid_of(volume)
    height, width = picture.pixels.shape[:2]
    for label, box in picture.regions:
        drawn = sloppy(box, width, height, rng)
        said = suggest(
            session, volume, volume.plane, 0, task=Task.REGION_TO_TEXT, language=Language.EN, box=drawn, adapter=None
        )
        row, answer = store.record_asked(said, study, drawn, WHO)
        store.correct(row.root_id, label, WHO, suggestion_id=answer.id, box=box)
    return len(picture.regions)


def sloppy(box: Box, width: int, height: int, rng: np.random.Generator) -> Box:
    """The box as somebody draws it who only wants to ask, inside a picture of so many pixels."""
    wide, high = (box.x2 - box.x1) * _SLOPPY, (box.y2 - box.y1) * _SLOPPY
    x1, y1, x2, y2 = rng.uniform(-1, 1, 4) * [wide, high, wide, high] + box.as_tuple()
    return Box(x1, y1, x2, y2).clipped(width, height)


def patient_code(stem: str, side: str, heldout_share: float) -> str:
    """A number for a patient that a snapshot puts on `side`, where a hash of the patient decides."""
    tried = 0
    while side_of(patient_key("", f"{stem}-{tried}", ""), heldout_share) != side:
        tried += 1
    return f"{stem}-{tried}"


def write_scan(path: Path, picture: SitePicture, code: str) -> None:
    """Write a picture as a DICOM secondary capture (PS3.3 section A.8.1) of the patient `code`, pixel by pixel."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = SecondaryCaptureImageStorage
    meta.MediaStorageSOPInstanceUID = generate_uid(entropy_srcs=["medrega bench", path.name, code])
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset = Dataset()
    dataset.file_meta = meta
    dataset.SOPClassUID = meta.MediaStorageSOPClassUID
    dataset.SOPInstanceUID = meta.MediaStorageSOPInstanceUID
    dataset.StudyInstanceUID = generate_uid(entropy_srcs=["medrega bench study", path.name, code])
    dataset.SeriesInstanceUID = generate_uid(entropy_srcs=["medrega bench series", path.name, code])
    dataset.Modality = picture.modality or "OT"
    dataset.ConversionType = "WSD"
    dataset.PatientName, dataset.PatientID = "", code
    dataset.StudyDate = dataset.StudyTime = dataset.AccessionNumber = dataset.ReferringPhysicianName = ""
    dataset.PatientBirthDate = dataset.PatientSex = dataset.StudyID = ""
    dataset.SeriesNumber = dataset.InstanceNumber = 1
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation, dataset.PlanarConfiguration = 3, "RGB", 0
    dataset.Rows, dataset.Columns = picture.pixels.shape[:2]
    dataset.BitsAllocated = dataset.BitsStored = 8
    dataset.HighBit, dataset.PixelRepresentation = 7, 0
    pixels: NDArray[np.uint8] = picture.pixels
    data = pixels.tobytes()
    dataset.PixelData = data + b"\0" * (len(data) % 2)
    path.parent.mkdir(parents=True, exist_ok=True)
    dataset.save_as(path, enforce_file_format=True)
