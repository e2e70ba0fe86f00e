"""Whole slides in DICOM: levels in files of one series, their tiles in every order and encoding."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pydicom
import pytest
from PIL import Image
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import (
    UID,
    ExplicitVRLittleEndian,
    JPEGBaseline8Bit,
    VLWholeSlideMicroscopyImageStorage,
    generate_uid,
)

from engine.bench.slides import slide_pixels
from engine.scans import NoteKind, Plane, ScanError, index_path, read_volume
from engine.scans.measuring import length

SIZE, TILE = 1500, 128
SERIES, STUDY, FRAME = (generate_uid(entropy_srcs=["slides", name]) for name in ("series", "study", "frame"))


def tiles_of(picture: np.ndarray) -> list[np.ndarray]:
    rows, columns = (-(-side // TILE) * TILE for side in picture.shape[:2])
    padded = np.full((rows, columns, 3), 255, np.uint8)
    padded[: picture.shape[0], : picture.shape[1]] = picture
    return [padded[y : y + TILE, x : x + TILE] for y in range(0, rows, TILE) for x in range(0, columns, TILE)]


def encoded(tiles: list[np.ndarray], syntax: UID, has_table: bool) -> bytes:
    if syntax == ExplicitVRLittleEndian:
        return b"".join(tile.tobytes() for tile in tiles)
    frames = []
    for tile in tiles:
        out = io.BytesIO()
        Image.fromarray(tile).save(out, "JPEG", quality=90)
        frames.append(out.getvalue())
    return encapsulate(frames, has_bot=has_table)


def write_level(
    path: Path,
    scale: int,
    syntax: UID = ExplicitVRLittleEndian,
    *,
    sparse: bool = False,
    has_table: bool = True,
    flavor: str = "VOLUME",
    frames: slice = slice(None),
) -> np.ndarray:
    """Write a level and return its picture. frames : which of the tiles are in the file."""
    side = SIZE // scale
    picture = slide_pixels(SIZE, scale, 0, 0, side, side)
    tiles = tiles_of(picture)
    across = -(-side // TILE)
    order = list(range(len(tiles)))[frames]
    if sparse:
        order = [number for number in reversed(order) if number % 7]
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = syntax
    dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = VLWholeSlideMicroscopyImageStorage
    dataset.SOPInstanceUID = generate_uid(entropy_srcs=["slides", path.name, str(syntax), str(sparse)])
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID, dataset.FrameOfReferenceUID = STUDY, SERIES, FRAME
    dataset.Modality, dataset.PatientName, dataset.PatientID = "SM", "Slide^Generated", "SLIDE"
    dataset.ImageType = ["ORIGINAL", "PRIMARY", flavor, "NONE"]
    dataset.InstanceNumber = scale
    dataset.Rows = dataset.Columns = TILE
    dataset.TotalPixelMatrixRows = dataset.TotalPixelMatrixColumns = side
    dataset.NumberOfFrames = len(order)
    dataset.SamplesPerPixel, dataset.PlanarConfiguration, dataset.PixelRepresentation = 3, 0, 0
    dataset.PhotometricInterpretation = "RGB" if syntax == ExplicitVRLittleEndian else "YBR_FULL_422"
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 8, 8, 7
    shared, measures, optics = Dataset(), Dataset(), Dataset()
    measures.PixelSpacing = [0.0005 * scale, 0.0005 * scale]
    shared.PixelMeasuresSequence = [measures]
    dataset.SharedFunctionalGroupsSequence = [shared]
    optics.ObjectiveLensPower = 20
    dataset.OpticalPathSequence = [optics]
    dataset.DimensionOrganizationType = "TILED_SPARSE" if sparse else "TILED_FULL"
    if frames != slice(None):
        dataset.ConcatenationUID = generate_uid(entropy_srcs=["slides", "concatenation"])
        dataset.ConcatenationFrameOffsetNumber = order[0]
    if sparse:
        dataset.PerFrameFunctionalGroupsSequence = [placed(number, across) for number in order]
        for number in set(range(len(tiles))) - set(order):
            y, x = number // across * TILE, number % across * TILE
            picture[y : y + TILE, x : x + TILE] = 255
    dataset.PixelData = encoded([tiles[number] for number in order], syntax, has_table)
    dataset["PixelData"].VR = "OB"
    dataset.save_as(path, enforce_file_format=True)
    return picture


def placed(number: int, across: int) -> Dataset:
    group, position = Dataset(), Dataset()
    position.ColumnPositionInTotalImagePixelMatrix = number % across * TILE + 1
    position.RowPositionInTotalImagePixelMatrix = number // across * TILE + 1
    group.PlanePositionSlideSequence = [position]
    return group


@pytest.mark.parametrize("sparse", [False, True])
def test_areas_are_the_tiles_put_together(tmp_path: Path, sparse: bool):
    path = tmp_path / "level.dcm"
    picture = write_level(path, 1, sparse=sparse)
    assert np.array_equal(read_volume(path).voxels[0], picture)
    area = read_volume(path, "L0@333,444,700,500")
    assert np.array_equal(area.voxels[0], picture[444:944, 333:1033])
    assert area.series_uid == f"{SERIES}#L0@333,444,700,500"
    assert area.series_instance_uid == SERIES


@pytest.mark.parametrize("has_table", [True, False])
def test_compressed_tiles_are_found_with_and_without_a_table(tmp_path: Path, has_table: bool):
    path = tmp_path / "level.dcm"
    write_level(path, 1, JPEGBaseline8Bit, has_table=has_table)
    tiles = pydicom.dcmread(path).pixel_array
    whole = np.concatenate([np.concatenate(list(row), axis=1) for row in tiles.reshape(12, 12, TILE, TILE, 3)])
    area = read_volume(path, "L0@1000,900,500,600")
    assert np.array_equal(area.voxels[0], whole[900:1500, 1000:1500])


def test_the_files_of_a_series_are_one_slide(tmp_path: Path):
    pictures = {scale: write_level(tmp_path / f"{scale}.dcm", scale) for scale in (4, 1, 2)}
    write_level(tmp_path / "label.dcm", 12, flavor="LABEL")
    write_level(tmp_path / "macro.dcm", 13, flavor="OVERVIEW")
    index = index_path(tmp_path)
    slide = next(entry for entry in index.series if len(entry.files) == 3)
    assert len({(entry.path, entry.series_uid) for entry in index.series}) == len(index.series)
    assert (slide.path, slide.series_uid, slide.rows, slide.slices) == (tmp_path, SERIES, SIZE, 1)
    assert slide.facts.patient_id == "SLIDE"
    volume = read_volume(slide.path, slide.series_uid)
    assert [one.columns for one in volume.slide.levels] == [1500, 750, 375]
    assert np.array_equal(read_volume(tmp_path, f"{SERIES}#L1@100,50,300,200").voxels[0], pictures[2][50:250, 100:400])
    others = [entry for entry in index.series if entry is not slide]
    assert others
    assert all(read_volume(one.path, one.series_uid).slide is None for one in others)


def test_a_level_spread_over_files_is_put_together(tmp_path: Path):
    picture = write_level(tmp_path / "first.dcm", 1, frames=slice(0, 70))
    write_level(tmp_path / "second.dcm", 1, frames=slice(70, None))
    (entry,) = index_path(tmp_path).series
    volume = read_volume(entry.path, entry.series_uid)
    assert np.array_equal(volume.voxels[0], picture)
    assert NoteKind.SLIDE_PLANES not in [one.kind for one in volume.notes]


def test_the_scale_of_each_level_is_its_own(tmp_path: Path):
    for scale in (1, 4):
        write_level(tmp_path / f"{scale}.dcm", scale)
    area = read_volume(tmp_path, f"{SERIES}#L1@0,0,300,300")
    assert length(area, Plane.AXIAL, (0, 0), (0, 100)) == pytest.approx(0.2)
    assert area.notes[0].message == "this is an area of a slide at 5x"


def test_a_truncated_file_says_so(tmp_path: Path):
    path = tmp_path / "cut.dcm"
    picture = write_level(path, 1)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) * 2 // 3])
    volume = read_volume(path, "L0@0,0,300,300")
    assert np.array_equal(volume.voxels[0], picture[:300, :300])
    with pytest.raises(ScanError, match=r"cut\.dcm is truncated"):
        read_volume(path, "L0@1200,1300,100,100")
    assert NoteKind.BROKEN_TILES in [one.kind for one in read_volume(path).notes]


def test_headers_that_lie_are_refused(tmp_path: Path):
    path = tmp_path / "liar.dcm"
    write_level(path, 4)
    dataset = pydicom.dcmread(path)
    dataset.TotalPixelMatrixColumns = dataset.TotalPixelMatrixRows = 2**31
    dataset.save_as(path)
    with pytest.raises(ScanError, match=r"liar\.dcm has no level that is small enough"):
        read_volume(path)
    assert index_path(path).problems
    dataset.TotalPixelMatrixColumns = dataset.TotalPixelMatrixRows = 375
    dataset.Rows = dataset.Columns = 60_000
    dataset.save_as(path)
    with pytest.raises(ScanError, match=r"liar\.dcm"):
        read_volume(path)


@pytest.mark.parametrize("name", ["sm_image", "sm_image_jpegls", "sm_image_jpegls_nobot", "sm_image_grayscale"])
def test_real_slides_are_put_together(shared_data: Path, name: str):
    path = shared_data / "dicom" / "highdicom" / "data" / "test_files" / f"{name}.dcm"
    tiles = pydicom.dcmread(path).pixel_array
    whole = np.concatenate([np.concatenate(list(row), axis=1) for row in tiles.reshape(5, 5, *tiles.shape[1:])])
    volume = read_volume(path)
    assert np.array_equal(volume.voxels[0], whole)
    area = read_volume(path, "L0@13,17,25,30")
    assert np.array_equal(area.voxels[0], whole[17:47, 13:38])
    assert volume.has_spacing
