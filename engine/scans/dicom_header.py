"""What is asked of a DICOM file before its pixels: identity, size, place, and that it is safe to read."""

from __future__ import annotations

import logging
import struct
import threading
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pydicom
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.errors import BytesLengthException, InvalidDicomError
from pydicom.uid import UID, DeflatedExplicitVRLittleEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from engine.scans.dicom_elements import Elements, read_elements
from engine.scans.dicom_guard import HeaderStream, require_begin, require_bounded
from engine.scans.limits import require_regular_file
from engine.scans.volume import ScanError

# pydicom logs the values and names that irritate it: they may be a patient's.
logging.getLogger("pydicom").setLevel(logging.CRITICAL)

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

SPLITS = {
    "temporal position": 0x00200100,
    "echo": 0x00180086,
    "echo time": 0x00180081,
    "diffusion b-value": 0x00189087,
    "trigger time": 0x00181060,
    "inversion time": 0x00180082,
    "flip angle": 0x00181314,
    "acquisition": 0x00200012,
    "image type": 0x00080008,
    "kernel": 0x00181210,
    "acquisition time": 0x00080032,
}
"""What tells apart images of one series that lie at the same place; the first that does is taken."""

_LEFT_BYTES = 1 << 20
_OVERLAY_ROWS = [(group << 16) | 0x0010 for group in range(0x6000, 0x6020, 2)]
_TAGS = {
    "SOPClassUID": 0x00080016,
    "SOPInstanceUID": 0x00080018,
    "Modality": 0x00080060,
    "StudyInstanceUID": 0x0020000D,
    "SeriesInstanceUID": 0x0020000E,
    "InstanceNumber": 0x00200013,
    "ImagePositionPatient": 0x00200032,
    "ImageOrientationPatient": 0x00200037,
    "SamplesPerPixel": 0x00280002,
    "PhotometricInterpretation": 0x00280004,
    "NumberOfFrames": 0x00280008,
    "Rows": 0x00280010,
    "Columns": 0x00280011,
    "BitsAllocated": 0x00280100,
    "BitsStored": 0x00280101,
    "PixelRepresentation": 0x00280103,
    "RescaleIntercept": 0x00281052,
    "RescaleSlope": 0x00281053,
    "ModalityLUTSequence": 0x00283000,
    "DoseGridScaling": 0x3004000E,
}
_SHARED_GROUPS, _FRAME_GROUPS = 0x52009229, 0x52009230
_WANTED = frozenset([*_TAGS.values(), _SHARED_GROUPS, _FRAME_GROUPS, *SPLITS.values(), *_OVERLAY_ROWS])
_IMAGE_TYPE = list(SPLITS).index("image type")


@dataclass(frozen=True, slots=True)
class PixelPlace:
    """Where the grey pixels of a file of one frame lie.

    offset : of their first byte, or of their first item where they are compressed. length : bytes. dtype : numpy's
    name, with its byte order. unused : high bits that hold no value, whatever they contain.
    slope, intercept : modality rescale of the whole file, PS3.3 C.11.1.
    """

    offset: int
    length: int
    dtype: str
    unused: int
    slope: float
    intercept: float


@dataclass(frozen=True, slots=True)
class DicomHeader:
    """What sorting and listing need of one file.

    position : (3,) LPS mm of the first pixel's centre. orientation : (6,) LPS cosines of row and column.
    Both are None where absent or where the cosines are no right-angled pair of unit vectors.
    splits : the values of `SPLITS`, as stored. has_groups : there are functional groups. place : None
    where pydicom must read the whole file to make sense of its pixels.
    """

    path: Path
    sop_class_uid: str
    sop_instance_uid: str
    series_uid: str
    study_uid: str
    modality: str
    rows: int
    columns: int
    samples: int
    frames: int
    position: tuple[float, ...] | None
    orientation: tuple[float, ...] | None
    instance_number: int
    splits: tuple[bytes, ...]
    is_localizer: bool
    transfer_syntax: str
    has_overlays: bool
    has_groups: bool
    place: PixelPlace | None

    @property
    def is_compressed(self) -> bool:
        """Whether each frame needs a decoder."""
        return _is_compressed(self.transfer_syntax)


class _Quiet:
    """No warnings: pydicom has one for each irregular value, but a viewer shows the file or says why not.

    `warnings.catch_warnings` sets the filters of all threads, and where they overlap the last one to leave does not
    restore them. So the first thread to come sets them and the last to leave restores them.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inside = 0
        self._filters = warnings.catch_warnings()

    def __enter__(self) -> None:
        with self._lock:
            self._inside += 1
            if self._inside == 1:
                self._filters = warnings.catch_warnings()
                self._filters.__enter__()
                warnings.simplefilter("ignore")

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._inside -= 1
            if self._inside == 0:
                self._filters.__exit__(None, None, None)


_quiet = _Quiet()


@contextmanager
def dicom_edge(path: Path, verb: str) -> Iterator[None]:
    """Turn whatever pydicom raises about a bad file into one `ScanError`: "cannot <verb> <path>: <reason>"."""
    try:
        with _quiet:
            yield
    except _PYDICOM_ERRORS as error:
        raise ScanError(f"cannot {verb} {path}: {plain_text(error) or type(error).__name__}") from error


def is_dicom(path: Path) -> bool:
    """Whether the file has the DICM mark of DICOM PS3.10 7.1, is named like a DICOM file, or begins like one.

    Files without the mark begin with their first data element: group 0002 or 0008, and a plausible VR or length.
    """
    with path.open("rb") as stream:
        head = stream.read(132)
    if head[128:] == b"DICM" or path.suffix.lower() in (".dcm", ".dicom"):
        return True
    begins = head[:2] in (b"\x08\x00", b"\x02\x00") and head[3:4] == b"\0" and len(head) > 8
    return begins and (head[4:6] in (b"UL", b"UI", b"CS", b"OB", b"SH") or head[6:8] == b"\0\0")


def read_header(path: Path) -> DicomHeader:
    """The header of an image file. Raises `ScanError` for anything else."""
    require_regular_file(path)
    with dicom_edge(path, "read the DICOM header of"), path.open("rb") as stream:
        found = read_elements(stream, _WANTED) or _by_pydicom(path)
        values, syntax = found.values, found.transfer_syntax
        raw = {name: values.get(tag, b"") for name, tag in _TAGS.items()}
        rows, columns, samples, bits, stored, signed = (
            int.from_bytes(raw[name][:2], "little")
            for name in ("Rows", "Columns", "SamplesPerPixel", "BitsAllocated", "BitsStored", "PixelRepresentation")
        )
        if rows <= 0 or columns <= 0:
            raise ScanError(f"{path} holds no image{_what_else(raw['SOPClassUID'])}")
        frames = max(1, int(_first_number(raw["NumberOfFrames"]) or 1))
        has_overlays = not values.keys().isdisjoint(_OVERLAY_ROWS)
        has_groups = _SHARED_GROUPS in values or _FRAME_GROUPS in values
        special = has_overlays or has_groups
        special = special or not values.keys().isdisjoint((_TAGS["ModalityLUTSequence"], _TAGS["DoseGridScaling"]))
        special = special or raw["PhotometricInterpretation"].startswith(b"PALETTE")
        place = None
        if (
            found.pixels_at is not None
            and _is_known(syntax)
            and samples <= 1
            and frames == 1
            and bits in (8, 16)
            and not special
        ):
            dtype, unused = f"<{'i' if signed else 'u'}{bits // 8}", bits - stored if 0 < stored <= bits else 0
            stream.seek(found.pixels_at)
            expected = None if _is_compressed(syntax) else rows * columns * bits // 8
            place = _pixel_place(stream, dtype, unused, raw, expected)
        splits = tuple(values.get(tag, b"") for tag in SPLITS.values())
        return DicomHeader(
            path=path,
            sop_class_uid=_ascii(raw["SOPClassUID"]),
            sop_instance_uid=_ascii(raw["SOPInstanceUID"]),
            series_uid=_ascii(raw["SeriesInstanceUID"]),
            study_uid=_ascii(raw["StudyInstanceUID"]),
            modality=_ascii(raw["Modality"])[:16] or "OT",
            rows=rows,
            columns=columns,
            samples=max(1, samples),
            frames=frames,
            position=_numbers(raw["ImagePositionPatient"], 3),
            orientation=orientation_cosines(_numbers(raw["ImageOrientationPatient"], 6)),
            instance_number=int(_first_number(raw["InstanceNumber"]) or 0),
            splits=splits,
            is_localizer=b"LOCALIZER" in splits[_IMAGE_TYPE],
            transfer_syntax=syntax,
            has_overlays=has_overlays,
            has_groups=has_groups,
            place=place,
        )


def _by_pydicom(path: Path) -> Elements:
    """For files that are not as plain as `read_elements` needs them."""
    require_begin(path)
    require_bounded(path)
    with HeaderStream(path) as stream:
        dataset = pydicom.dcmread(stream, force=True, stop_before_pixels=True, specific_tags=list(_WANTED))
        values = {tag: _raw(dataset, tag) for tag in _WANTED if tag in dataset}
        syntax = str(dataset.file_meta.get("TransferSyntaxUID", ""))
        is_little = dataset.original_encoding[1]
        return Elements(values, syntax, stream.tell() if _is_known(syntax) and is_little else None)


def _is_known(syntax: str) -> bool:
    """Whether the bytes of pixels mean what they seem to; "" is a file without a File Meta group."""
    return syntax in ("", ImplicitVRLittleEndian, ExplicitVRLittleEndian) or _is_compressed(syntax)


def _is_compressed(syntax: str) -> bool:
    uid = UID(syntax)
    return bool(uid.is_transfer_syntax and uid.is_compressed)


def _raw(dataset: Dataset, tag: int) -> bytes:
    """The bytes of an element; of numbers in little endian."""
    element = dataset.get_item(tag)
    if isinstance(element, RawDataElement):
        data = bytes(element.value or b"")
        swapped = element.VR == "US" and not element.is_little_endian
        return data[:2][::-1] if swapped else data
    # A sequence, or one of the few that pydicom turns into values by itself.
    value = element.value
    if isinstance(value, int):
        return value.to_bytes(2, "little", signed=value < 0)
    return value if isinstance(value, bytes) else str(value if value is not None else "").encode()


def _ascii(data: bytes) -> str:
    return plain_text(data.rstrip(b"\0 ").decode("ascii", "replace"))


def _numbers(data: bytes, count: int) -> tuple[float, ...] | None:
    parts = [part.strip(b"\0 ") for part in data.split(b"\\")]
    return numbers(parts, count) if len(parts) >= count and all(parts[:count]) else None


def _first_number(data: bytes) -> float | None:
    found = _numbers(data, 1)
    return found[0] if found else None


def _pixel_place(
    stream: BinaryIO, dtype: str, unused: int, raw: dict[str, bytes], expected: int | None
) -> PixelPlace | None:
    """Look at the element that reading stopped at; None unless it is Pixel Data, and all of it.

    expected : bytes of uncompressed pixels, None where they are compressed.
    """
    at = stream.tell()
    head = stream.read(12)
    if head[:4] != b"\xe0\x7f\x10\x00" or len(head) < 12:
        return None
    # Explicit VR: two letters, two reserved bytes, then the length. Implicit VR: the length at once.
    is_explicit = head[4:6] in (b"OW", b"OB")
    offset = at + (12 if is_explicit else 8)
    length = int.from_bytes(head[8:12] if is_explicit else head[4:8], "little")
    slope, intercept = _first_number(raw["RescaleSlope"]), _first_number(raw["RescaleIntercept"])
    size = stream.seek(0, 2)
    if expected is None:
        if not is_explicit or length != 0xFFFFFFFF or size <= offset:
            return None
        expected = size - offset
    elif length == 0xFFFFFFFF or length < expected or size < offset + expected:
        return None
    rescale = (1.0 if slope is None else slope, 0.0 if intercept is None else intercept)
    return PixelPlace(offset, expected, dtype, unused, *rescale)


def _what_else(sop_class: bytes) -> str:
    name = UID(_ascii(sop_class)).name
    return f": it is a {name.removesuffix(' Storage')}" if name and not name[0].isdigit() else ""


def read_dataset(path: Path, *, leave_pixels: bool = False) -> Dataset:
    """The file, pixels undecoded. Raises `ScanError` naming it.

    leave_pixels : uncompressed ones stay in the file until they are asked for.
    """
    with dicom_edge(path, "read the DICOM file"):
        require_bounded(path)
        dataset = pydicom.dcmread(path, force=True, defer_size=_LEFT_BYTES if leave_pixels else None)
        if leave_pixels and dataset.file_meta.get("TransferSyntaxUID") == DeflatedExplicitVRLittleEndian:
            # What was deflated has no place in the file to come back to.
            dataset = pydicom.dcmread(path, force=True)
        return dataset


def read_headers_only(path: Path) -> Dataset:
    """All but the pixels of a file. Raises `ScanError` naming it."""
    with dicom_edge(path, "read the DICOM header of"):
        require_bounded(path)
        return pydicom.dcmread(path, force=True, stop_before_pixels=True)


def plain_text(value: object) -> str:
    """A DICOM text as one short printable line: any character set, any length, control characters."""
    text = "" if value is None else str(value)
    return " ".join("".join(c if c.isprintable() else " " for c in text[:256]).split())


def numbers(value: Any, count: int) -> tuple[float, ...] | None:
    """The first `count` numbers of an element, None unless it has that many finite ones."""
    if value is None or value == "":
        return None
    items = list(value) if isinstance(value, (list, tuple, pydicom.multival.MultiValue)) else [value]
    try:
        found = tuple(float(item) for item in items[:count])
    except (TypeError, ValueError):
        # What is no number says nothing; the file may be shown all the same.
        return None
    return found if len(found) == count and np.isfinite(found).all() else None


def orientation_cosines(value: Any) -> tuple[float, ...] | None:
    """Image Orientation (Patient), PS3.3 C.7.6.2.1.1; None unless two unit vectors at a right angle."""
    cosines = numbers(value, 6)
    if cosines is None:
        return None
    row, column = np.array(cosines[:3]), np.array(cosines[3:])
    lengths_off = max(abs(float(np.linalg.norm(axis)) - 1) for axis in (row, column))
    return cosines if lengths_off < 1e-2 and abs(float(row @ column)) < 1e-2 else None
