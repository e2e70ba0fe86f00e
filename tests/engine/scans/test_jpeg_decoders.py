"""Frames in every encoding of the plugin hold the samples that were put in."""

from __future__ import annotations

from typing import Any

import imagecodecs
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray
from pydicom.encaps import encapsulate
from pydicom.pixels import get_decoder
from pydicom.uid import (
    HTJ2K,
    JPEG2000,
    UID,
    HTJ2KLossless,
    HTJ2KLosslessRPCL,
    JPEG2000Lossless,
    JPEGExtended12Bit,
    JPEGLossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    JPEGLSNearLossless,
)

from engine.scans import jpeg_decoders

jpeg_decoders.register()
_LOSSLESS = (JPEGLSLossless, JPEG2000Lossless, HTJ2KLossless, HTJ2KLosslessRPCL, JPEGLosslessSV1, JPEGLossless)
_PICTURE = (np.arange(40 * 30).reshape(40, 30) * 3 % 4000).astype(np.uint16)
_RNG = np.random.default_rng(8)
_COLOUR = (_RNG.integers(0, 40, (40, 30, 3)) + np.array([0, 90, 180])).astype(np.uint8)


def encode(pixels: NDArray[Any], syntax: UID) -> bytes:
    bits = 8 * pixels.itemsize
    match syntax:
        case "1.2.840.10008.1.2.4.80":
            frame = imagecodecs.jpegls_encode(pixels)
        case "1.2.840.10008.1.2.4.90":
            frame = imagecodecs.jpeg2k_encode(pixels, level=0, codecformat="J2K", reversible=True)
        case "1.2.840.10008.1.2.4.57":
            frame = imagecodecs.jpeg8_encode(pixels, lossless=True, predictor=6, bitspersample=bits)
        case "1.2.840.10008.1.2.4.70":
            frame = imagecodecs.jpeg8_encode(pixels, lossless=True, predictor=1, bitspersample=bits)
        case _:
            frame = imagecodecs.htj2k_encode(pixels, reversible=True)
    return bytes(frame)


def decode(frame: bytes, syntax: UID, like: NDArray[Any], **changes: Any) -> tuple[NDArray[Any], dict[str, Any]]:
    bits = 8 * like.itemsize
    samples = like.shape[2] if like.ndim == 3 else 1
    options = {
        "rows": like.shape[0],
        "columns": like.shape[1],
        "number_of_frames": 1,
        "samples_per_pixel": samples,
        "photometric_interpretation": "RGB" if samples == 3 else "MONOCHROME2",
        "planar_configuration": 0,
        "pixel_representation": int(like.dtype.kind == "i"),
        "bits_allocated": bits,
        "bits_stored": bits,
        "pixel_keyword": "PixelData",
    } | changes
    return get_decoder(syntax).as_array(encapsulate([frame]), decoding_plugin=jpeg_decoders.PLUGIN, **options)


@settings(max_examples=40, deadline=None)
@given(
    st.sampled_from(_LOSSLESS),
    hnp.arrays(
        st.sampled_from([np.uint8, np.uint16]),
        hnp.array_shapes(min_dims=2, max_dims=2, min_side=3, max_side=40),
    ),
)
def test_lossless_frames_come_back_bit_for_bit(syntax: UID, pixels: NDArray[Any]):
    values, _ = decode(encode(pixels, syntax), syntax, pixels)
    assert values.dtype == pixels.dtype
    assert np.array_equal(values, pixels)


@pytest.mark.parametrize("syntax", [JPEG2000Lossless, HTJ2KLossless])
def test_signed_frames_come_back_bit_for_bit(syntax: UID):
    signed = _PICTURE.astype(np.int16) - 2000
    values, _ = decode(encode(signed, syntax), syntax, signed)
    assert values.dtype == np.int16
    assert np.array_equal(values, signed)


@pytest.mark.parametrize("syntax", [JPEGLSLossless, JPEGLosslessSV1])
def test_encodings_without_a_sign_hold_signed_values_too(syntax: UID):
    signed = _PICTURE.astype(np.int16) - 2000
    values, _ = decode(encode(signed.view(np.uint16), syntax), syntax, signed)
    assert np.array_equal(values, signed)


@pytest.mark.parametrize("syntax", _LOSSLESS)
def test_colours_come_back_bit_for_bit(syntax: UID):
    values, described = decode(encode(_COLOUR, syntax), syntax, _COLOUR)
    assert np.array_equal(values, _COLOUR)
    assert described["photometric_interpretation"] == "RGB"


def test_a_colour_transformation_of_jpeg_2000_is_undone_once():
    frame = imagecodecs.jpeg2k_encode(_COLOUR, level=0, codecformat="J2K", reversible=True, mct=True)
    values, described = decode(frame, JPEG2000Lossless, _COLOUR, photometric_interpretation="YBR_RCT")
    assert np.array_equal(values, _COLOUR)
    assert described["photometric_interpretation"] == "RGB"


@pytest.mark.parametrize(
    ("syntax", "frame"),
    [
        (JPEGLSNearLossless, imagecodecs.jpegls_encode(_PICTURE, level=2)),
        (JPEG2000, imagecodecs.jpeg2k_encode(_PICTURE, level=95, codecformat="J2K", reversible=False)),
        (HTJ2K, imagecodecs.htj2k_encode(_PICTURE, level=0.0001, reversible=False)),
        (JPEGExtended12Bit, imagecodecs.jpeg8_encode(_PICTURE, level=100, bitspersample=12)),
    ],
)
def test_lossy_frames_come_back_nearly(syntax: UID, frame: bytes):
    values, _ = decode(frame, syntax, _PICTURE, bits_stored=12)
    assert np.abs(values.astype(int) - _PICTURE).max() <= 20


@pytest.mark.parametrize("change", [{"rows": 39}, {"columns": 31}, {"samples_per_pixel": 3}, {"bits_allocated": 8}])
@pytest.mark.parametrize("syntax", _LOSSLESS)
def test_frames_unlike_their_header_are_refused(syntax: UID, change: dict[str, int]):
    if "bits_allocated" in change:
        change = {"bits_allocated": 8, "bits_stored": 8}
    if "samples_per_pixel" in change:
        change = {**change, "photometric_interpretation": "RGB"}
    with pytest.raises(RuntimeError, match="its header says"):
        decode(encode(_PICTURE, syntax), syntax, _PICTURE, **change)


@pytest.mark.parametrize("syntax", [JPEGLSLossless, JPEG2000Lossless, HTJ2KLossless])
@pytest.mark.parametrize("kept", [0.01, 0.1, 0.5, 0.9])
def test_truncated_frames_are_refused(syntax: UID, kept: float):
    frame = encode(_PICTURE, syntax)
    with pytest.raises(RuntimeError, match="Unable to decode"):
        decode(frame[: int(kept * len(frame))], syntax, _PICTURE)
