"""DICOM files to volumes: slices sorted by geometry, values rescaled, colours as RGB."""

from __future__ import annotations

import struct
import warnings
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.errors import BytesLengthException, InvalidDicomError
from pydicom.pixels import apply_color_lut, apply_rescale

from engine.progress import Cancelled, NoProgress, Progress
from engine.scans.limits import require_regular_file, require_sane_size
from engine.scans.volume import ScanError, Volume, Window
from engine.scans.windows import default_window

# What pydicom and its decoders raise on files that are broken, undecodable or lie.
PYDICOM_ERRORS = (
    InvalidDicomError,
    BytesLengthException,
    AttributeError,
    ArithmeticError,
    AssertionError,
    EOFError,
    LookupError,
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
    "PixelSpacing",
    "InstanceNumber",
    "SamplesPerPixel",
    "BitsAllocated",
]


@dataclass(frozen=True, slots=True)
class DicomHeader:
    """What sorting and listing need of one file. position, orientation : LPS, None where absent."""

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


def is_dicom(path: Path) -> bool:
    """Whether the file has the DICM mark of DICOM PS3.10 7.1, or is named like a DICOM file."""
    with path.open("rb") as stream:
        head = stream.read(132)
    return head[128:] == b"DICM" or path.suffix.lower() in (".dcm", ".dicom")


def read_header(path: Path) -> DicomHeader:
    """The header of an image file. Raises `ScanError` for anything else."""
    require_regular_file(path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            dataset = pydicom.dcmread(path, force=True, stop_before_pixels=True, specific_tags=_HEADER_TAGS)
            rows, columns = int(dataset.get("Rows") or 0), int(dataset.get("Columns") or 0)
            if rows <= 0 or columns <= 0:
                raise ScanError(f"{path} holds no image")
            return DicomHeader(
                path,
                plain_text(dataset.get("SOPInstanceUID")),
                plain_text(dataset.get("SeriesInstanceUID")),
                plain_text(dataset.get("StudyInstanceUID")),
                plain_text(dataset.get("Modality"))[:16] or "OT",
                plain_text(dataset.get("SeriesDescription")),
                rows,
                columns,
                int(dataset.get("NumberOfFrames") or 1),
                _numbers(dataset.get("ImagePositionPatient"), 3),
                _numbers(dataset.get("ImageOrientationPatient"), 6),
                int(dataset.get("InstanceNumber") or 0),
            )
    except PYDICOM_ERRORS as error:
        raise ScanError(f"cannot read the DICOM header of {path}: {_reason(error)}") from error


def plain_text(value: object) -> str:
    """A DICOM text as one short printable line: any character set, any length, control characters."""
    text = "" if value is None else str(value)
    return " ".join("".join(c if c.isprintable() else " " for c in text[:256]).split())


def read_series(headers: Sequence[DicomHeader], progress: Progress | None = None) -> Volume:
    """One volume from the files of one series, sorted along their common normal.

    Raises `ScanError` when the files do not form one stack (sizes, orientations, missing or double slices)
    or one cannot be decoded, `Cancelled` when the progress says so.
    """
    progress = progress or NoProgress()
    if len(headers) == 1:
        return _read_single(headers[0])
    ordered, spacing_z = _sort(headers)
    first = ordered[0]
    require_sane_size(first.path, len(ordered), first.rows, first.columns)
    stack: NDArray[Any] | None = None
    last = None
    for number, header in enumerate(ordered):
        if progress.cancelled():
            raise Cancelled
        dataset = _read_dataset(header.path)
        pixels = _decode(dataset, header.path)
        if pixels.shape[0] != 1:
            raise ScanError(f"{header.path} is a multi-frame file inside a series of several files")
        if stack is None:
            stack = np.empty((len(ordered), *pixels.shape[1:]), pixels.dtype)
        elif pixels.shape[1:] != stack.shape[1:]:
            raise ScanError(f"{header.path} has another size than the rest of its series")
        if pixels.dtype != stack.dtype:
            stack = stack.astype(np.result_type(stack, pixels))
        stack[number] = pixels[0]
        last = dataset
        progress.report(number + 1, len(ordered), "reading slices")
    assert stack is not None
    assert last is not None
    return _volume(last, stack, first, spacing_z, tuple(h.sop_instance_uid for h in ordered), first.path.parent)


def _read_single(header: DicomHeader) -> Volume:
    dataset = _read_dataset(header.path)
    pixels = _decode(dataset, header.path)
    spacing = dataset.get("SpacingBetweenSlices") or dataset.get("SliceThickness")
    spacing_z = abs(float(spacing)) if spacing else 1.0
    return _volume(dataset, pixels, header, spacing_z or 1.0, (header.sop_instance_uid,), header.path)


def _sort(headers: Sequence[DicomHeader]) -> tuple[list[DicomHeader], float]:
    """Slices along their normal and their distance in mm. Without geometry: by instance number, distance 1."""
    first = headers[0]
    where = f"the series in {first.path.parent}"
    if any((h.rows, h.columns) != (first.rows, first.columns) for h in headers):
        raise ScanError(f"{where} mixes images of different sizes")
    if any(h.position is None or h.orientation is None for h in headers):
        return sorted(headers, key=lambda h: (h.instance_number, h.path.name)), 1.0
    orientations = np.array([h.orientation for h in headers])
    if np.abs(orientations - orientations[0]).max() > 1e-3:
        raise ScanError(f"{where} mixes slices of different orientations: open one of its files instead")
    normal = np.cross(orientations[0][:3], orientations[0][3:])
    places = np.array([h.position for h in headers]) @ normal
    order = np.argsort(places, kind="stable")
    steps = np.diff(places[order])
    if (steps < 1e-3).any():
        double = headers[order[int(np.argmin(steps)) + 1]]
        raise ScanError(f"{where} holds two slices at one place, such as {double.path.name}")
    spacing = float(np.median(steps))
    if np.abs(steps - spacing).max() > 0.05 * spacing + 0.01:
        gap = headers[order[int(np.argmax(steps))]]
        raise ScanError(f"{where} is not evenly spaced: a slice may be missing after {gap.path.name}")
    return [headers[i] for i in order], spacing


def _read_dataset(path: Path) -> Dataset:
    require_regular_file(path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return pydicom.dcmread(path, force=True)
    except PYDICOM_ERRORS as error:
        raise ScanError(f"cannot read the DICOM file {path}: {_reason(error)}") from error


def _decode(dataset: Dataset, path: Path) -> NDArray[Any]:
    """(frames, rows, columns) rescaled values, or (frames, rows, columns, 3) uint8 RGB."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            frames = int(dataset.get("NumberOfFrames") or 1)
            samples = int(dataset.get("SamplesPerPixel") or 1)
            require_sane_size(path, frames, int(dataset.Rows), int(dataset.Columns), samples)
            _require_enough_pixels(dataset, path, frames, samples)
            # pydicom turns YBR into RGB here.
            pixels = np.asarray(dataset.pixel_array)
            if dataset.PhotometricInterpretation == "PALETTE COLOR":
                pixels = apply_color_lut(pixels, dataset)
                samples = 3
            if samples == 1:
                pixels = pixels.reshape(frames, int(dataset.Rows), int(dataset.Columns))
                return _rescaled(pixels, dataset)
            pixels = pixels.reshape(frames, int(dataset.Rows), int(dataset.Columns), pixels.shape[-1])[..., :3]
            return _to_uint8(pixels)
    except PYDICOM_ERRORS as error:
        raise ScanError(f"cannot decode the pixels of {path}: {_reason(error)}") from error


def _require_enough_pixels(dataset: Dataset, path: Path, frames: int, samples: int) -> None:
    if "PixelData" not in dataset:
        raise ScanError(f"{path} holds no pixel data that is shown here")
    syntax = getattr(dataset.file_meta, "TransferSyntaxUID", None)
    if syntax is not None and syntax.is_compressed:
        return
    subsampled = str(dataset.get("PhotometricInterpretation", "")).endswith("422")
    bits = frames * samples * int(dataset.Rows) * int(dataset.Columns) * int(dataset.BitsAllocated)
    expected = bits // 8 * (2 if subsampled else 3) // 3
    if len(dataset.PixelData) < expected:
        raise ScanError(f"{path} is truncated: its pixels take {len(dataset.PixelData)} bytes instead of {expected}")


def _rescaled(pixels: NDArray[Any], dataset: Dataset) -> NDArray[Any]:
    """Modality values, PS3.3 C.11.1, in the smallest of int16, int32 and float32 that holds them exactly."""
    values: NDArray[Any] = apply_rescale(pixels, _rescale_source(dataset))
    if np.issubdtype(values.dtype, np.floating):
        rounded = np.rint(values)
        if not np.array_equal(rounded, values) or np.abs(values).max(initial=0) >= 2**31:
            return values.astype(np.float32)
        values = rounded
    low, high = float(values.min(initial=0)), float(values.max(initial=0))
    return values.astype(np.int16 if low >= -32768 and high <= 32767 else np.int32)


def _rescale_source(dataset: Dataset) -> Dataset:
    """Where slope and intercept stand: enhanced images keep them in a functional group."""
    if "RescaleSlope" not in dataset:
        for groups in _functional_groups(dataset):
            if groups.get("PixelValueTransformationSequence"):
                source: Dataset = groups.PixelValueTransformationSequence[0]
                return source
    return dataset


def _functional_groups(dataset: Dataset) -> list[Dataset]:
    found = []
    for name in ("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence"):
        found += list(dataset.get(name) or [])[:1]
    return found


def _to_uint8(pixels: NDArray[Any]) -> NDArray[np.uint8]:
    if pixels.dtype == np.uint8:
        return pixels
    # 16-bit colour and palettes use the whole range of their type.
    return (pixels.astype(np.float64) * (255 / np.iinfo(pixels.dtype).max)).round().astype(np.uint8)


def _volume(
    dataset: Dataset,
    voxels: NDArray[Any],
    header: DicomHeader,
    spacing_z: float,
    uids: tuple[str, ...],
    source: Path,
) -> Volume:
    position, orientation, pixel = (
        header.position,
        header.orientation,
        _numbers(dataset.get("PixelSpacing"), 2),
    )
    for groups in _functional_groups(dataset):
        for name, tag, count in (
            ("PlanePositionSequence", "ImagePositionPatient", 3),
            ("PlaneOrientationSequence", "ImageOrientationPatient", 6),
            ("PixelMeasuresSequence", "PixelSpacing", 2),
        ):
            items = groups.get(name)
            found = _numbers(items[0].get(tag), count) if items else None
            if found is not None and count == 3:
                position = position or found
            elif found is not None and count == 6:
                orientation = orientation or found
            elif found is not None:
                pixel = pixel or found
    direction = np.eye(3)
    if orientation is not None:
        row, column = np.array(orientation[:3]), np.array(orientation[3:])
        direction = np.column_stack([row, column, np.cross(row, column)])
    if pixel is None or min(pixel) <= 0:
        pixel = (1.0, 1.0)
    is_color = voxels.ndim == 4
    return Volume(
        voxels=voxels,
        # PixelSpacing is row distance first: that is y.
        spacing_mm=(pixel[1], pixel[0], spacing_z),
        origin_mm=(position or (0.0, 0.0, 0.0))[:3],  # type: ignore[arg-type]
        direction=direction,
        modality=header.modality,
        window=None if is_color else _window(dataset) or default_window(voxels, header.modality),
        source=source,
        inverted=dataset.get("PhotometricInterpretation") == "MONOCHROME1",
        has_geometry=position is not None and orientation is not None,
        series_uid=header.series_uid,
        study_uid=header.study_uid,
        instance_uids=uids if len(uids) == len(voxels) else uids * len(voxels),
        description=header.description,
    )


def _window(dataset: Dataset) -> Window | None:
    """The first VOI window of the file, PS3.3 C.11.2; None if it has none that makes sense."""
    sources = [dataset]
    for groups in _functional_groups(dataset):
        sources += list(groups.get("FrameVOILUTSequence") or [])[:1]
    for source in sources:
        center, width = (_numbers(source.get(tag), 1) for tag in ("WindowCenter", "WindowWidth"))
        if center and width and width[0] > 0:
            return Window(center[0], width[0])
    return None


def _numbers(value: Any, count: int) -> tuple[float, ...] | None:
    """The first `count` numbers of an element, None unless it has that many finite ones."""
    if value is None or value == "":
        return None
    items = list(value) if isinstance(value, (list, tuple, pydicom.multival.MultiValue)) else [value]
    numbers = tuple(float(item) for item in items[:count])
    return numbers if len(numbers) == count and np.isfinite(numbers).all() else None


def _reason(error: BaseException) -> str:
    return plain_text(error) or type(error).__name__
