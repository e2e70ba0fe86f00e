"""Generated CT series for the scan bench, in the encodings that it compares."""

from __future__ import annotations

from pathlib import Path

import imagecodecs
import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import (
    UID,
    CTImageStorage,
    ExplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLSLossless,
    generate_uid,
)

_PICTURES = 12


def write_series(folder: Path, count: int, size: int, syntax: UID = ExplicitVRLittleEndian) -> Path:
    """`count` files of `size` x `size` 12-bit pixels, 1 mm apart, named in another order than they lie in.

    A dozen different pictures of body-like ellipses with noise, about as hard to compress as a CT (2.2 : 1).
    """
    folder.mkdir(parents=True)
    rng = np.random.default_rng(3)
    pictures = [_picture(rng, size, number / _PICTURES) for number in range(_PICTURES)]
    encoded = [_encode(picture, syntax) for picture in pictures]
    study, series, frame = (generate_uid(entropy_srcs=["bench", name, str(syntax)]) for name in ("st", "se", "f"))
    for number in range(count):
        dataset = Dataset()
        dataset.file_meta = FileMetaDataset()
        dataset.file_meta.TransferSyntaxUID = syntax
        dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = CTImageStorage
        dataset.SOPInstanceUID = generate_uid(entropy_srcs=["bench", str(syntax), str(number)])
        dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
        dataset.StudyInstanceUID, dataset.SeriesInstanceUID, dataset.FrameOfReferenceUID = study, series, frame
        dataset.Modality, dataset.PatientName, dataset.PatientID = "CT", "Bench^Generated", "BENCH"
        dataset.StudyDate, dataset.StudyTime, dataset.SeriesDescription = "20200101", "120000", "bench"
        dataset.StudyID, dataset.SeriesNumber, dataset.AccessionNumber = "1", 1, ""
        dataset.InstanceNumber, dataset.ImageType = number + 1, ["ORIGINAL", "PRIMARY", "AXIAL"]
        dataset.ImagePositionPatient = [-180.0, -180.0, float(number)]
        dataset.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
        dataset.PixelSpacing, dataset.SliceThickness = [0.7, 0.7], 1.0
        dataset.Rows = dataset.Columns = size
        dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
        dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 16, 12, 11, 0
        dataset.RescaleSlope, dataset.RescaleIntercept, dataset.RescaleType = 1, -1024, "HU"
        dataset.WindowCenter, dataset.WindowWidth = 40, 400
        dataset.PixelData = encoded[number % _PICTURES]
        dataset["PixelData"].VR = "OW" if syntax == ExplicitVRLittleEndian else "OB"
        dataset.save_as(folder / f"{(number * 7919) % 100_000:05}.dcm", enforce_file_format=True)
    return folder


def _picture(rng: np.random.Generator, size: int, turn: float) -> NDArray[np.uint16]:
    y, x = np.mgrid[-1 : 1 : size * 1j, -1 : 1 : size * 1j]
    values = np.where((x / 0.9) ** 2 + (y / 0.7) ** 2 < 1, 1064.0, 24.0)
    for number in range(12):
        angle = 2 * np.pi * (number / 12 + turn)
        inside = ((x - 0.5 * np.cos(angle)) / 0.12) ** 2 + ((y - 0.4 * np.sin(angle)) / 0.09) ** 2 < 1
        values[inside] = 900 + 80 * number
    noisy: NDArray[np.uint16] = np.clip(values + rng.normal(0, 12, values.shape), 0, 4095).astype(np.uint16)
    return noisy


def _encode(picture: NDArray[np.uint16], syntax: UID) -> bytes:
    if syntax == ExplicitVRLittleEndian:
        return picture.astype("<u2").tobytes()
    if syntax == JPEG2000Lossless:
        frame = imagecodecs.jpeg2k_encode(picture, level=0, codecformat="J2K", bitspersample=12, reversible=True)
    elif syntax == JPEGLSLossless:
        frame = imagecodecs.jpegls_encode(picture)
    else:
        raise ValueError(f"no encoder for {syntax.name}")
    encapsulated: bytes = encapsulate([frame])
    return encapsulated
