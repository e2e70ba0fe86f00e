"""Stored bits become modality values or RGB, or the file is refused by name."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.uid import JPEG2000Lossless, JPEGLosslessSV1, RLELossless

from engine.scans import ScanError, Window, index_path, read_volume
from engine.scans.dicom_header import read_dataset, read_header
from engine.scans.dicom_pixels import iter_frames, stored_values


def test_rescaled_values_are_those_of_the_standard(pydicom_files: Path):
    dataset = pydicom.dcmread(pydicom_files / "CT_small.dcm")
    expected = dataset.pixel_array * float(dataset.RescaleSlope) + float(dataset.RescaleIntercept)
    voxels = read_volume(pydicom_files / "CT_small.dcm").voxels
    assert voxels.dtype == np.int16
    assert np.array_equal(voxels[0], expected)


@pytest.mark.parametrize(
    "name", ["MR_small_RLE", "MR_small_bigendian", "MR_small_implicit", "MR_small_jp2klossless", "MR_small_padded"]
)
def test_every_lossless_encoding_holds_the_same_values(pydicom_files: Path, name: str):
    expected = read_volume(pydicom_files / "MR_small.dcm").voxels
    assert np.array_equal(read_volume(pydicom_files / f"{name}.dcm").voxels, expected)


@pytest.mark.parametrize("signed", [0, 1])
@pytest.mark.parametrize("stored", [8, 11, 12, 15, 16])
def test_bits_that_hold_no_value_are_left_out(pydicom_files: Path, tmp_path: Path, signed: int, stored: int):
    dataset = pydicom.dcmread(pydicom_files / "MR_small.dcm")
    dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = stored, stored - 1, signed
    noise = np.random.default_rng(0).integers(0, 65536, (dataset.Rows, dataset.Columns), np.uint16)
    dataset.PixelData = noise.tobytes()
    dataset.save_as(tmp_path / "noise.dcm")
    expected = pydicom.dcmread(tmp_path / "noise.dcm").pixel_array
    assert np.array_equal(read_volume(tmp_path / "noise.dcm").voxels[0], expected)
    # Several files are read another way than a single one.
    dataset.SOPInstanceUID += ".1"
    dataset.InstanceNumber = 2
    dataset.ImagePositionPatient = [float(v) + 3 for v in dataset.ImagePositionPatient]
    dataset.save_as(tmp_path / "noise2.dcm")
    assert all(np.array_equal(one, expected) for one in read_volume(tmp_path).voxels)


def test_fractional_values_are_kept(pydicom_files: Path, tmp_path: Path):
    dataset = pydicom.dcmread(pydicom_files / "MR_small.dcm")
    dataset.RescaleSlope, dataset.RescaleIntercept = "0.25", "-3"
    dataset.save_as(tmp_path / "quarter.dcm")
    voxels = read_volume(tmp_path / "quarter.dcm").voxels
    assert voxels.dtype == np.float32
    assert np.array_equal(voxels[0], dataset.pixel_array * 0.25 - 3)


def test_each_frame_has_its_own_rescale(shared_data: Path, tmp_path: Path):
    source = shared_data / "dicom" / "dcmqi" / "data" / "segmentations" / "23x38x3" / "multiframe" / "mf.dcm"
    dataset = pydicom.dcmread(source)
    for frame, groups in enumerate(dataset.PerFrameFunctionalGroupsSequence):
        macro = Dataset()
        macro.RescaleSlope, macro.RescaleIntercept, macro.RescaleType = 1, 100 * frame, "US"
        groups.PixelValueTransformationSequence = [macro]
    dataset.save_as(tmp_path / "frames.dcm")
    expected = dataset.pixel_array + 100 * np.arange(3)[:, None, None]
    assert np.array_equal(read_volume(tmp_path / "frames.dcm").voxels, expected)


def test_a_modality_table_is_applied(shared_data: Path):
    path = shared_data / "dicom" / "pydicom_data" / "data" / "mlut_18.dcm"
    dataset = pydicom.dcmread(path)
    assert np.array_equal(read_volume(path).voxels[0], pydicom.pixels.apply_modality_lut(dataset.pixel_array, dataset))


def test_float_pixels_are_read(shared_data: Path):
    volume = read_volume(shared_data / "dicom" / "pydicom_data" / "data" / "parametric_map_float.dcm")
    assert volume.voxels.dtype == np.float32


def test_a_palette_becomes_its_colours(pydicom_files: Path):
    dataset = pydicom.dcmread(pydicom_files / "examples_palette.dcm")
    expected = pydicom.pixels.apply_color_lut(dataset.pixel_array, dataset).astype(float) / 257
    voxels = read_volume(pydicom_files / "examples_palette.dcm").voxels
    assert voxels.shape == (1, *expected.shape)
    assert np.abs(voxels[0] - expected).max() <= 0.5


def test_deep_colour_is_scaled_to_eight_bits(pydicom_files: Path):
    deep, flat = (read_volume(pydicom_files / name).voxels for name in ("SC_rgb_rle_16bit.dcm", "SC_rgb_rle.dcm"))
    assert np.abs(deep.astype(int) - flat).max() <= 1


def test_luminance_and_chrominance_become_rgb(pydicom_files: Path):
    voxels = read_volume(pydicom_files / "SC_ybr_full_422_uncompressed.dcm").voxels
    red = voxels[0, 5, 50].astype(int)
    assert red[0] > 240
    assert red[1:].max() < 20


def test_monochrome1_is_inverted_and_keeps_its_values(pydicom_files: Path, tmp_path: Path):
    dataset = pydicom.dcmread(pydicom_files / "MR_small.dcm")
    dataset.PhotometricInterpretation = "MONOCHROME1"
    dataset.save_as(tmp_path / "one.dcm")
    volume = read_volume(tmp_path / "one.dcm")
    assert volume.inverted
    assert np.array_equal(volume.voxels[0], dataset.pixel_array)


def test_the_first_window_of_the_header_is_used(pydicom_files: Path, tmp_path: Path):
    dataset = pydicom.dcmread(pydicom_files / "CT_small.dcm")
    dataset.WindowCenter, dataset.WindowWidth = ["-600", "40"], ["1500", "400"]
    dataset.save_as(tmp_path / "lung.dcm")
    assert read_volume(tmp_path / "lung.dcm").window == Window(-600, 1500)


@pytest.mark.parametrize("width", ["0", "-5", ""])
def test_a_senseless_window_is_replaced(pydicom_files: Path, tmp_path: Path, width: str):
    dataset = pydicom.dcmread(pydicom_files / "CT_small.dcm")
    dataset.WindowCenter, dataset.WindowWidth = "40", width
    dataset.save_as(tmp_path / "w.dcm")
    assert read_volume(tmp_path / "w.dcm").window == Window(40, 400)


def test_a_file_without_meta_group_is_read(pydicom_files: Path, tmp_path: Path):
    dataset = pydicom.dcmread(pydicom_files / "MR_small_implicit.dcm")
    expected = dataset.pixel_array
    dataset.file_meta = pydicom.dataset.FileMetaDataset()
    pydicom.dcmwrite(tmp_path / "bare.dcm", dataset, implicit_vr=True, little_endian=True)
    assert np.array_equal(read_volume(tmp_path / "bare.dcm").voxels[0], expected)


@pytest.mark.parametrize("syntax", [RLELossless, JPEG2000Lossless])
def test_a_lying_compressed_file_does_not_allocate(pydicom_files: Path, tmp_path: Path, syntax: pydicom.uid.UID):
    name = "MR_small_RLE.dcm" if syntax == RLELossless else "MR_small_jp2klossless.dcm"
    dataset = pydicom.dcmread(pydicom_files / name)
    dataset.Rows = dataset.Columns = 30_000
    dataset.save_as(tmp_path / "liar.dcm")
    with pytest.raises(ScanError, match=r"liar\.dcm claims that"):
        read_volume(tmp_path / "liar.dcm")


def test_a_run_that_overflows_its_segment_is_refused(pydicom_files: Path, tmp_path: Path):
    content = bytearray((pydicom_files / "MR_small_RLE.dcm").read_bytes())
    pixels = content.index(b"\xe0\x7f\x10\x00")
    for place in range(pixels + 100, len(content), 40):
        content[place] = 0x81
    (tmp_path / "runs.dcm").write_bytes(content)
    with pytest.raises(ScanError, match=r"runs\.dcm"):
        read_volume(tmp_path / "runs.dcm")


@pytest.mark.parametrize("cut", [200, 1000, 5000, 30_000])
def test_a_file_cut_off_anywhere_is_refused_by_name(pydicom_files: Path, tmp_path: Path, cut: int):
    (tmp_path / "cut.dcm").write_bytes((pydicom_files / "CT_small.dcm").read_bytes()[:cut])
    with pytest.raises(ScanError, match=r"cut\.dcm"):
        read_volume(tmp_path / "cut.dcm")


@pytest.mark.filterwarnings("ignore")  # pydicom's, about what is written here on purpose
@pytest.mark.parametrize(
    "charset", ["ISO_IR 192", "\\ISO 2022 IR 87", "nonsense", "ISO_IR 13", "GB18030", "ISO 2022 IR 149"]
)
def test_no_character_set_stops_a_file(pydicom_files: Path, tmp_path: Path, charset: str):
    path = Path(shutil.copy(pydicom_files / "MR_small.dcm", tmp_path))
    dataset = pydicom.dcmread(path)
    dataset.SpecificCharacterSet = charset.split("\\")
    dataset[0x0008, 0x103E] = pydicom.dataelem.RawDataElement(
        pydicom.tag.Tag(0x0008, 0x103E), "LO", 8, b"\xff\xfe\x1b$B\x00\n\xe9", 0, False, True
    )
    pydicom.dcmwrite(path, dataset)
    assert read_volume(path).description.isprintable()


def test_texts_of_many_character_sets_are_printable(shared_data: Path):
    index = index_path(shared_data / "dicom" / "pydicom" / "charset_files")
    assert sum(len(entry.files) for entry in index.series) >= 10
    assert all(entry.description.isprintable() for entry in index.series)


def test_lossless_jpeg_holds_the_uncompressed_values(shared_data: Path):
    folder = shared_data / "dicom" / "cornerstone3d" / "testImages"
    expected = read_volume(folder / "CTImage.dcm").voxels
    for process in (
        "JPEGProcess14TransferSyntax_1.2.840.10008.1.2.4.57",
        "JPEGProcess14SV1TransferSyntax_1.2.840.10008.1.2.4.70",
    ):
        assert np.array_equal(read_volume(folder / f"CTImage.dcm_{process}.dcm").voxels, expected)


@pytest.mark.parametrize("frame", ["JPEGProcess2_4TransferSyntax_1.2.840.10008.1.2.4.51"])
def test_lossy_jpeg_of_12_bits_is_near_the_uncompressed_values(shared_data: Path, frame: str):
    folder = shared_data / "dicom" / "cornerstone3d" / "testImages"
    expected = read_volume(folder / "CTImage.dcm").voxels.astype(int)
    folder = shared_data / "dicom" / "cornerstone3d" / "examplesOld" / "test-images"
    lossy = read_volume(folder / f"CTImage.dcm_{frame}.dcm").voxels.astype(int)
    assert np.abs(lossy - expected).mean() < 5


@pytest.mark.parametrize(
    ("uid", "name"),
    [
        ("1.2.840.10008.1.2.4.112", "JPEG XL"),
        ("1.2.840.10008.1.2.8.1", "Deflated Image Frame Compression"),
        ("1.2.840.10008.1.2.4.53", "JPEG Spectral Selection"),
        ("1.2.840.10008.1.2.4.102", "MPEG-4 AVC/H.264"),
        ("1.2.840.10008.1.2.4.92", "JPEG 2000 Part 2"),
    ],
)
def test_what_is_not_decoded_is_refused_by_its_name(pydicom_files: Path, tmp_path: Path, uid: str, name: str):
    # pydicom does not write what it does not know.
    padded = uid.encode() + b"\0" * (len(uid) % 2)
    content = (pydicom_files / "MR_small_jp2klossless.dcm").read_bytes()
    known = b"UI\x16\x00" + b"1.2.840.10008.1.2.4.90"
    assert known in content
    (tmp_path / "odd.dcm").write_bytes(content.replace(known, b"UI" + bytes([len(padded), 0]) + padded))
    # Not even in a series are they taken for plain pixels.
    assert pydicom.uid.UID(uid).is_transfer_syntax or read_header(tmp_path / "odd.dcm").place is None
    with pytest.raises(ScanError, match=rf"odd\.dcm is stored as {name}"):
        read_volume(tmp_path / "odd.dcm")


def test_high_throughput_jpeg_2000_is_decoded(shared_data: Path):
    folder = shared_data / "dicom" / "pydicom_data" / "data"
    lossless, lossy = (read_volume(folder / f"{name}_08_RGB.dcm").voxels for name in ("HTJ2KLossless", "HTJ2K"))
    assert lossless.std() > 10
    assert np.abs(lossless.astype(int) - lossy).mean() < 5


def test_lossless_colour_jpeg_holds_the_uncompressed_values(pydicom_files: Path):
    dataset = pydicom.dcmread(pydicom_files / "SC_rgb_jpeg_gdcm.dcm")
    assert dataset.file_meta.TransferSyntaxUID == JPEGLosslessSV1
    expected = read_volume(pydicom_files / "SC_rgb_rle.dcm").voxels
    assert np.array_equal(read_volume(pydicom_files / "SC_rgb_jpeg_gdcm.dcm").voxels, expected)


@pytest.mark.parametrize("change", [{"Rows": 50}, {"Columns": 101}, {"BitsStored": 16, "BitsAllocated": 16}])
def test_a_lossless_jpeg_unlike_its_header_is_refused(pydicom_files: Path, tmp_path: Path, change: dict[str, int]):
    dataset = pydicom.dcmread(pydicom_files / "SC_rgb_jpeg_gdcm.dcm")
    for keyword, value in change.items():
        setattr(dataset, keyword, value)
    dataset.save_as(tmp_path / "other.dcm")
    with pytest.raises(ScanError, match=r"other\.dcm"):
        read_volume(tmp_path / "other.dcm")


def first_frame(path: Path) -> np.ndarray:
    return next(iter_frames(read_dataset(path), path))


def values_or_none(read: Callable[[], np.ndarray]) -> np.ndarray | None:
    try:
        return read()
    except ScanError:
        return None


def test_pixels_read_from_their_place_are_those_of_the_whole_file(shared_data: Path):
    compressed = 0
    for path in sorted((shared_data / "dicom").rglob("*.dcm")):
        try:
            header = read_header(path)
        except ScanError:
            continue
        if header.place is None:
            continue
        one = values_or_none(partial(stored_values, header))
        other = values_or_none(partial(first_frame, path))
        assert (one is None) == (other is None), path
        if one is not None:
            assert one.dtype == other.dtype, path
            assert np.array_equal(one, other), path
            compressed += header.is_compressed
    assert compressed >= 15
