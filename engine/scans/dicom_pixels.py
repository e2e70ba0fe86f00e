"""The pixels of a DICOM file as modality values or RGB."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.pixels import apply_color_lut, apply_modality_lut, apply_rescale
from pydicom.uid import (
    JPEG2000,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    JPEGLSNearLossless,
    RLELossless,
)

from engine.scans import jpeg_lossless
from engine.scans.dicom_header import dicom_edge
from engine.scans.limits import require_plausible_compression, require_sane_size
from engine.scans.volume import ScanError

# Mutated files showed which decoders do not survive them: python-gdcm ends the process, pylibjpeg-rle panics
# past `except Exception`. These raise.
_DECODERS = {
    RLELossless: "pydicom",
    JPEGBaseline8Bit: "pillow",
    JPEGExtended12Bit: "pillow",
    JPEGLossless: jpeg_lossless.PLUGIN,
    JPEGLosslessSV1: jpeg_lossless.PLUGIN,
    JPEGLSLossless: "pyjpegls",
    JPEGLSNearLossless: "pyjpegls",
    JPEG2000Lossless: "pylibjpeg",
    JPEG2000: "pylibjpeg",
}
jpeg_lossless.register()

_PIXEL_ELEMENTS = ("PixelData", "FloatPixelData", "DoubleFloatPixelData")


class VoxelStack:
    """Slices gathered into one array whose type grows to what holds them all.

    The array is allocated with the first slice, so that a big series is never in memory twice.
    """

    def __init__(self, count: int) -> None:
        self._count = count
        self._voxels: NDArray[Any] | None = None

    def put(self, index: int, pixels: NDArray[Any]) -> None:
        """Set one slice. Raises `ValueError` when it has another shape than the others."""
        if self._voxels is None:
            self._voxels = np.empty((self._count, *pixels.shape), pixels.dtype)
        if pixels.shape != self._voxels.shape[1:]:
            raise ValueError("another size than the rest")
        if pixels.dtype != self._voxels.dtype:
            common = np.result_type(self._voxels, pixels)
            self._voxels = self._voxels.astype(np.float32 if common == np.float64 else common, copy=False)
        self._voxels[index] = pixels

    def voxels(self) -> NDArray[Any]:
        """The (count, ...) array; every slice must have been set."""
        assert self._voxels is not None
        return self._voxels


def decode_frames(dataset: Dataset, path: Path) -> NDArray[Any]:
    """The frames of a file.

    Returns (frames, rows, columns) modality values (PS3.3 C.11.1; HU for CT) in the smallest of int16, int32
    and float32 that holds them exactly, or (frames, rows, columns, 3) uint8 RGB for RGB, YBR and palettes.
    Raises `ScanError` when the file is truncated, lies about its size or cannot be decoded.
    """
    with dicom_edge(path, "decode the pixels of"):
        frames = max(1, int(dataset.get("NumberOfFrames") or 1))
        rows, columns = int(dataset.Rows), int(dataset.Columns)
        samples = int(dataset.get("SamplesPerPixel") or 1)
        require_sane_size(path, frames, rows, columns, samples)
        _assume_transfer_syntax(dataset)
        _require_enough_pixels(dataset, path, frames * rows * columns * samples)
        decoder = _DECODERS.get(dataset.file_meta.TransferSyntaxUID)
        if decoder is not None:
            dataset.pixel_array_options(decoding_plugin=decoder)
        # pydicom turns YBR into RGB here.
        pixels = np.asarray(dataset.pixel_array)
        bits = int(dataset.get("BitsStored") or pixels.dtype.itemsize * 8)
        if dataset.get("PhotometricInterpretation") == "PALETTE COLOR":
            pixels = apply_color_lut(pixels, dataset)
            bits = pixels.dtype.itemsize * 8
        elif samples == 1:
            return _modality_values(pixels.reshape(frames, rows, columns), dataset)
        return _eight_bit(pixels.reshape(frames, rows, columns, -1)[..., :3], bits)


def _assume_transfer_syntax(dataset: Dataset) -> None:
    """Files without a File Meta group: uncompressed, in the encoding in which they could be parsed."""
    if "TransferSyntaxUID" in dataset.file_meta:
        return
    is_implicit, is_little = dataset.original_encoding
    explicit = ExplicitVRLittleEndian if is_little else ExplicitVRBigEndian
    dataset.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian if is_implicit else explicit


def _require_enough_pixels(dataset: Dataset, path: Path, count: int) -> None:
    """Compare what the header claims with what the file has, before anything is allocated."""
    element = next((name for name in _PIXEL_ELEMENTS if name in dataset), None)
    if element is None:
        raise ScanError(f"{path} holds no pixel data")
    stored = len(dataset[element].value or b"")
    expected = count * int(dataset.BitsAllocated) // 8
    if dataset.file_meta.TransferSyntaxUID.is_compressed:
        require_plausible_compression(path, stored, expected)
        return
    if str(dataset.get("PhotometricInterpretation", "")).endswith("422"):
        expected = expected * 2 // 3
    if stored < expected:
        raise ScanError(f"{path} is truncated: its pixels take {stored} bytes instead of {expected}")


def _modality_values(pixels: NDArray[Any], dataset: Dataset) -> NDArray[Any]:
    """Frame by frame: enhanced images may rescale each one differently (PS3.3 C.7.6.16.2.9)."""
    per_frame = dataset.get("PerFrameFunctionalGroupsSequence") or []
    shared = _rescale_macro(dataset.get("SharedFunctionalGroupsSequence") or [])
    stack = VoxelStack(len(pixels))
    for frame, values in enumerate(pixels):
        macro = _rescale_macro(per_frame[frame : frame + 1]) or shared
        rescaled = apply_rescale(values, macro) if macro else apply_modality_lut(values, dataset)
        stack.put(frame, _narrowest(rescaled))
    return stack.voxels()


def _rescale_macro(groups: Iterable[Dataset]) -> Dataset | None:
    for group in groups:
        for macro in group.get("PixelValueTransformationSequence") or []:
            found: Dataset = macro
            return found
    return None


def _narrowest(values: NDArray[Any]) -> NDArray[Any]:
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
