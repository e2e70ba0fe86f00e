"""What is asked of a DICOM file before its pixels: identity, size, place, and that it is safe to read."""

from __future__ import annotations

import struct
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
from pydicom.dataset import Dataset
from pydicom.errors import BytesLengthException, InvalidDicomError

from engine.scans.limits import require_regular_file
from engine.scans.volume import ScanError, StudyFacts

# What pydicom and its decoders raise on files that are broken, undecodable or lie.
_PYDICOM_ERRORS = (
    InvalidDicomError,
    BytesLengthException,
    AttributeError,
    ArithmeticError,
    AssertionError,
    EOFError,
    LookupError,
    MemoryError,
    NotImplementedError,
    OSError,
    RecursionError,
    RuntimeError,
    TypeError,
    ValueError,
    struct.error,
    zlib.error,
)

_HEADER_TAGS = [
    "SOPInstanceUID",
    "SeriesInstanceUID",
    "StudyInstanceUID",
    "Modality",
    "SeriesDescription",
    "Rows",
    "Columns",
    "NumberOfFrames",
    "ImagePositionPatient",
    "ImageOrientationPatient",
    "InstanceNumber",
]

_FACT_TAGS = [
    "SpecificCharacterSet",
    "PatientName",
    "PatientID",
    "PatientBirthDate",
    "PatientSex",
    "AccessionNumber",
    "StudyDate",
    "StudyTime",
    "StudyDescription",
    "SeriesDate",
    "SeriesNumber",
]


@dataclass(frozen=True, slots=True)
class DicomHeader:
    """What sorting and listing need of one file.

    position : (3,) LPS mm of the first pixel's centre. orientation : (6,) LPS cosines of row and column.
    Both are None where absent or where the cosines are no right-angled pair of unit vectors.
    """

    path: Path
    sop_instance_uid: str
    series_uid: str
    study_uid: str
    modality: str
    description: str
    rows: int
    columns: int
    frames: int
    position: tuple[float, ...] | None
    orientation: tuple[float, ...] | None
    instance_number: int


@contextmanager
def dicom_edge(path: Path, verb: str) -> Iterator[None]:
    """Turn whatever pydicom raises about a bad file into one `ScanError`: "cannot <verb> <path>: <reason>"."""
    try:
        with warnings.catch_warnings():
            # pydicom warns about each irregular value; a viewer shows the file or says why not.
            warnings.simplefilter("ignore")
            yield
    except _PYDICOM_ERRORS as error:
        raise ScanError(f"cannot {verb} {path}: {plain_text(error) or type(error).__name__}") from error


def is_dicom(path: Path) -> bool:
    """Whether the file has the DICM mark of DICOM PS3.10 7.1, or is named like a DICOM file."""
    with path.open("rb") as stream:
        head = stream.read(132)
    return head[128:] == b"DICM" or path.suffix.lower() in (".dcm", ".dicom")


def read_header(path: Path) -> DicomHeader:
    """The header of an image file. Raises `ScanError` for anything else."""
    require_regular_file(path)
    with dicom_edge(path, "read the DICOM header of"):
        dataset = pydicom.dcmread(path, force=True, stop_before_pixels=True, specific_tags=_HEADER_TAGS)
        rows, columns = int(dataset.get("Rows") or 0), int(dataset.get("Columns") or 0)
        if rows <= 0 or columns <= 0:
            raise ScanError(f"{path} holds no image")
        return DicomHeader(
            path=path,
            sop_instance_uid=plain_text(dataset.get("SOPInstanceUID")),
            series_uid=plain_text(dataset.get("SeriesInstanceUID")),
            study_uid=plain_text(dataset.get("StudyInstanceUID")),
            modality=plain_text(dataset.get("Modality"))[:16] or "OT",
            description=plain_text(dataset.get("SeriesDescription")),
            rows=rows,
            columns=columns,
            frames=max(1, int(dataset.get("NumberOfFrames") or 1)),
            position=numbers(dataset.get("ImagePositionPatient"), 3),
            orientation=orientation_cosines(dataset.get("ImageOrientationPatient")),
            instance_number=int(dataset.get("InstanceNumber") or 0),
        )


def read_facts(path: Path) -> StudyFacts:
    """What a study browser shows of a file. Raises `ScanError` naming it."""
    with dicom_edge(path, "read the DICOM header of"):
        dataset = pydicom.dcmread(path, force=True, stop_before_pixels=True, specific_tags=_FACT_TAGS)
        number = numbers(dataset.get("SeriesNumber"), 1)
        return StudyFacts(
            patient_name=plain_text(dataset.get("PatientName")),
            patient_id=plain_text(dataset.get("PatientID")),
            birth_date=plain_text(dataset.get("PatientBirthDate")),
            sex=plain_text(dataset.get("PatientSex")),
            accession_number=plain_text(dataset.get("AccessionNumber")),
            study_date=plain_text(dataset.get("StudyDate")),
            study_time=plain_text(dataset.get("StudyTime")),
            study_description=plain_text(dataset.get("StudyDescription")),
            series_date=plain_text(dataset.get("SeriesDate")),
            series_number=int(number[0]) if number else None,
        )


def read_dataset(path: Path) -> Dataset:
    """The whole file, pixels undecoded. Raises `ScanError` naming it."""
    require_regular_file(path)
    with dicom_edge(path, "read the DICOM file"):
        return pydicom.dcmread(path, force=True)


def plain_text(value: object) -> str:
    """A DICOM text as one short printable line: any character set, any length, control characters."""
    text = "" if value is None else str(value)
    return " ".join("".join(c if c.isprintable() else " " for c in text[:256]).split())


def numbers(value: Any, count: int) -> tuple[float, ...] | None:
    """The first `count` numbers of an element, None unless it has that many finite ones."""
    if value is None or value == "":
        return None
    items = list(value) if isinstance(value, (list, tuple, pydicom.multival.MultiValue)) else [value]
    found = tuple(float(item) for item in items[:count])
    return found if len(found) == count and np.isfinite(found).all() else None


def orientation_cosines(value: Any) -> tuple[float, ...] | None:
    """Image Orientation (Patient), PS3.3 C.7.6.2.1.1; None unless two unit vectors at a right angle."""
    cosines = numbers(value, 6)
    if cosines is None:
        return None
    row, column = np.array(cosines[:3]), np.array(cosines[3:])
    lengths_off = max(abs(float(np.linalg.norm(axis)) - 1) for axis in (row, column))
    return cosines if lengths_off < 1e-2 and abs(float(row @ column)) < 1e-2 else None
