"""A pydicom decoder for lossless JPEG (processes 14 and 14 SV1) and for 12-bit extended JPEG (process 4).

It is the GDCM that SimpleITK brings along; Pillow decodes neither.

The other decoder, python-gdcm, ends the whole process on some broken frames: its Python wrapper lets C++
exceptions through. SimpleITK turns the same ones into `RuntimeError`.

The module follows https://pydicom.github.io/pydicom/stable/guides/decoding/decoder_plugins.html.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import SimpleITK
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.pixels.decoders import JPEGExtended12BitDecoder, JPEGLosslessDecoder, JPEGLosslessSV1Decoder
from pydicom.pixels.decoders.base import DecodeRunner
from pydicom.uid import (
    JPEGExtended12Bit,
    JPEGLossless,
    JPEGLosslessSV1,
    SecondaryCaptureImageStorage,
    generate_uid,
)

PLUGIN = "simpleitk"
DECODER_DEPENDENCIES = dict.fromkeys((JPEGExtended12Bit, JPEGLossless, JPEGLosslessSV1), ("SimpleITK",))

# Start of an extended sequential and of a lossless frame.
_SOF1, _SOF3 = 0xC1, 0xC3


def register() -> None:
    """Make the plugin known to pydicom; again and again does no harm."""
    for decoder in (JPEGExtended12BitDecoder, JPEGLosslessDecoder, JPEGLosslessSV1Decoder):
        if PLUGIN not in decoder.available_plugins:
            decoder.add_plugin(PLUGIN, (__name__, "decode_frame"))


def is_available(uid: str) -> bool:
    """pydicom asks each plugin what it decodes."""
    return uid in DECODER_DEPENDENCIES


def decode_frame(src: bytes, runner: DecodeRunner) -> bytes:
    """One frame's samples, colour by pixel. Raises `ValueError` or `RuntimeError` when it is broken."""
    _require_frame_as_described(src, runner)
    frame = Dataset()
    frame.file_meta = FileMetaDataset()
    frame.file_meta.TransferSyntaxUID = runner.transfer_syntax
    frame.file_meta.MediaStorageSOPClassUID = frame.SOPClassUID = SecondaryCaptureImageStorage
    frame.file_meta.MediaStorageSOPInstanceUID = frame.SOPInstanceUID = generate_uid()
    frame.Rows, frame.Columns = runner.rows, runner.columns
    frame.SamplesPerPixel = runner.samples_per_pixel
    # Samples as they are stored: pydicom does the colours.
    frame.PhotometricInterpretation = "MONOCHROME2" if runner.samples_per_pixel == 1 else "RGB"
    if runner.samples_per_pixel > 1:
        frame.PlanarConfiguration = 0
    frame.BitsAllocated, frame.BitsStored = runner.bits_allocated, runner.bits_stored
    frame.HighBit = runner.bits_stored - 1
    frame.PixelRepresentation = runner.pixel_representation
    frame.PixelData = encapsulate([src])
    frame["PixelData"].VR = "OB"
    # SimpleITK reads files only. This one holds the picture and nothing about the patient.
    with tempfile.TemporaryDirectory(prefix="medrega-") as folder:
        path = Path(folder) / "frame.dcm"
        frame.save_as(path, enforce_file_format=True)
        image = SimpleITK.ReadImage(str(path), imageIO="GDCMImageIO")
    runner.set_option("planar_configuration", 0)
    return bytes(SimpleITK.GetArrayViewFromImage(image).tobytes())


def _require_frame_as_described(src: bytes, runner: DecodeRunner) -> None:
    """Compare the JPEG frame header (ITU T.81 B.2.2) with the DICOM header: GDCM trusts both."""
    place = 2
    while place + 4 <= len(src):
        marker, length = src[place + 1], int.from_bytes(src[place + 2 : place + 4], "big")
        if src[place] != 0xFF or length < 2:
            break
        if marker in (_SOF1, _SOF3) and place + 10 <= len(src):
            precision = src[place + 4]
            rows, columns = (int.from_bytes(src[place + at : place + at + 2], "big") for at in (5, 7))
            found = (rows, columns, src[place + 9])
            expected = (runner.rows, runner.columns, runner.samples_per_pixel)
            if found != expected or not runner.bits_stored <= precision <= runner.bits_allocated:
                raise ValueError(f"its JPEG frame is {found} of {precision} bits, its header says {expected}")
            return
        place += 2 + length
    raise ValueError("its JPEG frame has no header of its process")
