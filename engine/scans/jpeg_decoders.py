"""A pydicom decoder plugin over imagecodecs: JPEG-LS, JPEG 2000, HTJ2K, lossless and 12-bit JPEG.

Its decoders (CharLS, OpenJPEG, libjpeg-turbo) give up Python's lock while they work, so that threads decode side by
side; those of pyjpegls and pylibjpeg-openjpeg hold it. They run in the program's own process: of 43,000 to 81,000
mutated codestreams of each encoding none ended a child process or took 2 s or 700 MB.

The module follows
https://pydicom.github.io/pydicom/stable/guides/decoding/decoder_plugins.html.
"""

from __future__ import annotations

from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray
from pydicom.pixels import get_decoder
from pydicom.pixels.decoders.base import DecodeRunner
from pydicom.uid import (
    HTJ2K,
    JPEG2000,
    HTJ2KLossless,
    HTJ2KLosslessRPCL,
    JPEG2000Lossless,
    JPEGExtended12Bit,
    JPEGLossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    JPEGLSNearLossless,
)

from engine.scans.codestreams import FrameFacts, jpeg2000, jpeg_facts

PLUGIN = "imagecodecs"
_JPEG = (JPEGExtended12Bit, JPEGLossless, JPEGLosslessSV1)
_JPEG_LS = (JPEGLSLossless, JPEGLSNearLossless)
_JPEG_2000 = (JPEG2000, JPEG2000Lossless, HTJ2K, HTJ2KLossless, HTJ2KLosslessRPCL)
_EOI = b"\xff\xd9"
SYNTAXES = (*_JPEG, *_JPEG_LS, *_JPEG_2000)
DECODER_DEPENDENCIES = dict.fromkeys(SYNTAXES, ("imagecodecs",))


def register() -> None:
    """Make the plugin known to pydicom; again and again does no harm."""
    for uid in SYNTAXES:
        decoder = get_decoder(uid)
        if PLUGIN not in decoder.available_plugins:
            decoder.add_plugin(PLUGIN, (__name__, "decode_frame"))


def is_available(uid: str) -> bool:
    """pydicom asks each plugin what it decodes."""
    return uid in SYNTAXES


def decode_frame(src: bytes, runner: DecodeRunner) -> bytes:
    """One frame's samples, colour by pixel. Raises `ValueError` or `RuntimeError` when it is broken."""
    decoded: NDArray[Any]
    if runner.transfer_syntax in _JPEG_2000:
        facts, codestream = jpeg2000(src)
        _require_as_described(facts, runner)
        # One thread a frame: the frames of a series are many.
        decoded = imagecodecs.jpeg2k_decode(codestream, numthreads=1)
        if runner.photometric_interpretation in ("YBR_ICT", "YBR_RCT"):
            # The decoder undoes the transformation that these two name.
            runner.set_option("photometric_interpretation", "RGB")
    else:
        facts = jpeg_facts(src)
        _require_as_described(facts, runner)
        if runner.transfer_syntax in _JPEG_LS:
            # CharLS reads 2 ** 31 zeros past the end of a truncated stream, but stops at a marker.
            decoded = imagecodecs.jpegls_decode(src + _EOI)
        else:
            # Samples as they are stored: pydicom does the colours.
            space = "GRAYSCALE" if facts.samples == 1 else "RGB"
            decoded = imagecodecs.jpeg8_decode(src, colorspace=space, outcolorspace=space)
    if decoded.size != facts.rows * facts.columns * facts.samples:
        raise ValueError(f"its frame became {decoded.shape} samples")
    # Samples lie in the container that their precision needs, which need not be the one of the header.
    runner.set_option("bits_allocated", decoded.dtype.itemsize * 8)
    if facts.samples > 1:
        runner.set_option("planar_configuration", 0)
    return np.ascontiguousarray(decoded).tobytes()


def _require_as_described(facts: FrameFacts, runner: DecodeRunner) -> None:
    """Compare the frame with the DICOM header, by which memory was judged."""
    found = (facts.rows, facts.columns, facts.samples)
    expected = (runner.rows, runner.columns, runner.samples_per_pixel)
    most = max(runner.bits_allocated, 8)
    # Signed JPEG 2000 and JPEG-LS may have fewer bits than the header says: pydicom extends the sign.
    least = runner.bits_stored if runner.transfer_syntax in _JPEG else 1
    if found != expected or not least <= facts.precision <= most:
        raise ValueError(f"its frame is {found} of {facts.precision} bits, its header says {expected} in {most}")
