"""The pixels of a DICOM file as modality values or RGB."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.pixels import apply_color_lut, apply_modality_lut, get_decoder, iter_pixels
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    RLELossless,
)

from engine.scans import jpeg_decoders
from engine.scans.dicom_header import DicomHeader, PixelPlace, dicom_edge, numbers, plain_text
from engine.scans.limits import require_plausible_compression, require_sane_size
from engine.scans.volume import ScanError
from engine.scans.voxel_stack import VoxelStack

# Mutated files showed which decoders do not survive them: python-gdcm ends the process, pylibjpeg-rle panics
# past `except Exception`. These raise.
_DECODERS = {
    RLELossless: "pydicom",
    JPEGBaseline8Bit: "pillow",
    **dict.fromkeys(jpeg_decoders.SYNTAXES, jpeg_decoders.PLUGIN),
}
jpeg_decoders.register()

# Transfer syntaxes that are younger than pydicom's dictionary.
_UNKNOWN = {
    "1.2.840.10008.1.2.8.1": "Deflated Image Frame Compression",
    "1.2.840.10008.1.2.4.110": "JPEG XL Lossless",
    "1.2.840.10008.1.2.4.111": "JPEG XL JPEG Recompression",
    "1.2.840.10008.1.2.4.112": "JPEG XL",
}
_PIXEL_ELEMENTS = ("PixelData", "FloatPixelData", "DoubleFloatPixelData")


def decode_frames(dataset: Dataset, path: Path) -> NDArray[Any]:
    """All frames of a file, gathered; see `iter_frames`."""
    stack = VoxelStack(frame_count(dataset))
    for number, values in enumerate(iter_frames(dataset, path)):
        stack.put(number, values)
    return stack.voxels


def frame_count(dataset: Dataset) -> int:
    """How many frames a file claims to have, at least 1."""
    return max(1, int(dataset.get("NumberOfFrames") or 1))


def iter_frames(dataset: Dataset, path: Path, frames: Sequence[int] | None = None) -> Iterator[NDArray[Any]]:
    """The frames of a file one by one, all of them unless `frames` names some.

    dataset : read by `read_dataset`; its pixels may have been left in the file. Each is (rows, columns) of modality
    values (PS3.3 C.11.1; HU for CT) in the smallest of int16, int32 and float32 that holds them exactly, or
    (rows, columns, 3) uint8 RGB for RGB, YBR and palettes. Raises `ScanError` when the file is truncated, lies
    about its size or cannot be decoded.
    """
    with dicom_edge(path, "decode the pixels of"):
        count = frame_count(dataset)
        rows, columns = int(dataset.Rows), int(dataset.Columns)
        samples = int(dataset.get("SamplesPerPixel") or 1)
        require_sane_size(path, count, rows, columns, samples)
        assumed = _assume_transfer_syntax(dataset)
        if not dataset.file_meta.TransferSyntaxUID.is_transfer_syntax:
            uid = dataset.file_meta.TransferSyntaxUID
            name = _UNKNOWN.get(uid, f"the transfer syntax {plain_text(uid)}")
            raise ScanError(f"{path} is stored as {name}, which is not decoded here: convert it first")
        _require_enough_pixels(dataset, path, count * rows * columns * samples)
        syntax = dataset.file_meta.TransferSyntaxUID
        options: dict[str, Any] = {}
        if syntax.is_compressed:
            options["decoding_plugin"] = _plugin(path, syntax, int(dataset.get("BitsStored") or 8))
        wanted = range(count) if frames is None else frames
        # From the file only the frames that are asked for; pydicom turns YBR into RGB here.
        whole = assumed or count == 1 or syntax == DeflatedExplicitVRLittleEndian
        source = dataset if whole else str(path)
        for number, pixels in zip(wanted, iter_pixels(source, indices=list(wanted), **options), strict=True):
            yield _frame_values(np.asarray(pixels).reshape(rows, columns, -1), dataset, number)


def _plugin(path: Path, syntax: UID, bits_stored: int) -> str:
    if syntax not in _DECODERS:
        raise ScanError(f"{path} is stored as {syntax.name}, which is not decoded here: convert it first")
    is_shallow = syntax == JPEGExtended12Bit and bits_stored <= 8
    return _DECODERS[JPEGBaseline8Bit if is_shallow else syntax]


def _frame_values(pixels: NDArray[Any], dataset: Dataset, frame: int) -> NDArray[Any]:
    """pixels : (rows, columns, samples) as stored."""
    if dataset.get("PhotometricInterpretation") == "PALETTE COLOR":
        coloured = apply_color_lut(pixels[..., 0], dataset)
        return _eight_bit(coloured[..., :3], coloured.dtype.itemsize * 8)
    if pixels.shape[-1] == 1:
        return _modality_values(pixels[..., 0], dataset, frame)
    return _eight_bit(pixels[..., :3], int(dataset.get("BitsStored") or pixels.dtype.itemsize * 8))


def stored_values(header: DicomHeader) -> NDArray[Any]:
    """The modality values of a single-frame file whose header says where its pixels lie.

    The same as `iter_frames` gives, without parsing the file again: uncompressed ones come at the speed of the disk.
    Raises `ScanError` when the file has changed or cannot be decoded.
    """
    place = header.place
    assert place is not None
    try:
        with header.path.open("rb", buffering=0) as stream:
            stream.seek(place.offset)
            data = stream.read(place.length)
    except OSError as error:
        raise ScanError(f"cannot read {header.path}: {error.strerror}") from error
    if len(data) < place.length:
        raise ScanError(f"{header.path} is truncated: its pixels take {len(data)} bytes instead of {place.length}")
    if header.is_compressed:
        with dicom_edge(header.path, "decode the pixels of"):
            return rescaled(_decoded(header, place, data), place.slope, place.intercept)
    values = np.frombuffer(data, place.dtype).reshape(header.rows, header.columns)
    if place.unused:
        # Up and down again: the sign of signed values goes along.
        values = (values << place.unused) >> place.unused
    return rescaled(values, place.slope, place.intercept)


def _decoded(header: DicomHeader, place: PixelPlace, items: bytes) -> NDArray[Any]:
    """(rows, columns) stored values. items : the encapsulated frame, PS3.5 A.4."""
    dtype, syntax = np.dtype(place.dtype), UID(header.transfer_syntax)
    require_sane_size(header.path, header.rows, header.columns)
    require_plausible_compression(header.path, len(items), header.rows * header.columns * dtype.itemsize)
    bits_stored = dtype.itemsize * 8 - place.unused
    plugin = _plugin(header.path, syntax, bits_stored)
    values, _ = get_decoder(syntax).as_array(
        items,
        decoding_plugin=plugin,
        rows=header.rows,
        columns=header.columns,
        number_of_frames=1,
        samples_per_pixel=1,
        photometric_interpretation="MONOCHROME2",
        pixel_representation=int(dtype.kind == "i"),
        bits_allocated=dtype.itemsize * 8,
        bits_stored=bits_stored,
        pixel_keyword="PixelData",
    )
    decoded: NDArray[Any] = values.reshape(header.rows, header.columns)
    return decoded


def rescaled(values: NDArray[Any], slope: float, intercept: float) -> NDArray[Any]:
    """Modality values, PS3.3 C.11.1.1.2, in the smallest of int16, int32 and float32 that holds them exactly."""
    if values.dtype.kind in "iu" and slope == 1 and intercept == int(intercept) and abs(intercept) < 2**30:
        shift = int(intercept)
        low, high = int(values.min(initial=0)) + shift, int(values.max(initial=0)) + shift
        if low >= -(2**15) and high < 2**15:
            # Wraps round and back again where the stored type is unsigned.
            shifted = values.astype(np.int16)
            shifted += np.array(shift & 0xFFFF, np.uint16).astype(np.int16)
            return shifted
        return narrowest(values.astype(np.int64) + shift)
    return narrowest(values.astype(np.float64) * slope + intercept)


def _assume_transfer_syntax(dataset: Dataset) -> bool:
    """Files without a File Meta group: uncompressed, in the encoding in which they could be parsed."""
    if "TransferSyntaxUID" in dataset.file_meta:
        return False
    is_implicit, is_little = dataset.original_encoding
    explicit = ExplicitVRLittleEndian if is_little else ExplicitVRBigEndian
    dataset.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian if is_implicit else explicit
    return True


def _require_enough_pixels(dataset: Dataset, path: Path, count: int) -> None:
    """Compare what the header claims with what the file has, before anything is allocated."""
    element = next((name for name in _PIXEL_ELEMENTS if name in dataset), None)
    if element is None:
        raise ScanError(f"{path} holds no pixel data")
    raw = dataset.get_item(element)
    if isinstance(raw, RawDataElement) and raw.value is None:
        # Left in the file.
        stored = min(raw.length, path.stat().st_size - raw.value_tell)
    else:
        stored = len(dataset[element].value or b"")
    expected = count * int(dataset.BitsAllocated) // 8
    if dataset.file_meta.TransferSyntaxUID.is_compressed:
        require_plausible_compression(path, stored, expected)
        return
    if str(dataset.get("PhotometricInterpretation", "")).endswith("422"):
        expected = expected * 2 // 3
    if stored < expected:
        raise ScanError(f"{path} is truncated: its pixels take {stored} bytes instead of {expected}")


def _modality_values(values: NDArray[Any], dataset: Dataset, frame: int) -> NDArray[Any]:
    """Enhanced images may rescale each frame differently (PS3.3 C.7.6.16.2.9); RT Dose has a scale of its own."""
    dose = dose_scale(dataset)
    if dose is not None:
        return rescaled(values, dose, 0.0)
    per_frame = dataset.get("PerFrameFunctionalGroupsSequence") or []
    macro = _rescale_macro(per_frame[frame : frame + 1])
    macro = macro or _rescale_macro(dataset.get("SharedFunctionalGroupsSequence") or [])
    if macro is None and dataset.get("ModalityLUTSequence"):
        return narrowest(apply_modality_lut(values, dataset))
    source = dataset if macro is None else macro
    slope, intercept = (numbers(source.get(name), 1) for name in ("RescaleSlope", "RescaleIntercept"))
    return rescaled(values, slope[0] if slope else 1.0, intercept[0] if intercept else 0.0)


def dose_scale(dataset: Dataset) -> float | None:
    """Dose Grid Scaling, what a stored value of an RT Dose is multiplied by (PS3.3 C.8.8.3); None without one."""
    found = numbers(dataset.get("DoseGridScaling"), 1)
    return found[0] if found and found[0] > 0 else None


def _rescale_macro(groups: Iterable[Dataset]) -> Dataset | None:
    for group in groups:
        for macro in group.get("PixelValueTransformationSequence") or []:
            found: Dataset = macro
            return found
    return None


def narrowest(values: NDArray[Any]) -> NDArray[Any]:
    """The same numbers as int16, int32 or, when they are no whole numbers, float32."""
    # NaN is not equal to itself, so that it counts as no whole number too.
    if np.issubdtype(values.dtype, np.floating) and not np.array_equal(np.rint(values), values):
        return values.astype(np.float32)
    low, high = values.min(initial=0), values.max(initial=0)
    for dtype in (np.int16, np.int32):
        if np.iinfo(dtype).min <= low and high <= np.iinfo(dtype).max:
            return values.astype(dtype)
    return values.astype(np.float32)


def _eight_bit(pixels: NDArray[Any], bits: int) -> NDArray[np.uint8]:
    """RGB of any depth on 0 to 255. bits : how many of each sample are used."""
    if pixels.dtype == np.uint8:
        return pixels
    scaled = pixels.astype(np.float64) * (255 / (2**bits - 1))
    shown: NDArray[np.uint8] = np.clip(np.rint(scaled), 0, 255).astype(np.uint8)
    return shown
