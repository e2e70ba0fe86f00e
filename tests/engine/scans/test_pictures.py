"""Photographs and exported slices keep their pixels."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from engine.scans import NoteKind, ScanError, index_path, read_volume, render_slice


def test_an_eight_bit_picture_is_shown_as_stored(tmp_path: Path):
    values = np.arange(256, dtype=np.uint8).reshape(16, 16)
    Image.fromarray(values).save(tmp_path / "grey.png")
    volume = read_volume(tmp_path / "grey.png")
    assert not volume.has_geometry
    assert np.array_equal(render_slice(volume, volume.plane, 0), np.repeat(values[..., None], 3, axis=2))


@pytest.mark.parametrize("name", ["deep.png", "deep.tif"])
def test_sixteen_bit_grey_keeps_its_values(tmp_path: Path, name: str):
    values = np.array([[0, 1000], [40_000, 65_535]], np.uint16)
    Image.fromarray(values).save(tmp_path / name)
    voxels = read_volume(tmp_path / name).voxels
    assert voxels.dtype == np.uint16
    assert np.array_equal(voxels[0], values)


def test_transparency_is_dropped(tmp_path: Path):
    Image.new("RGBA", (3, 2), (10, 20, 30, 0)).save(tmp_path / "clear.png")
    assert read_volume(tmp_path / "clear.png").voxels[0, 0, 0].tolist() == [10, 20, 30]


def test_a_photo_is_turned_upright_and_listed_upright(tmp_path: Path):
    image = Image.new("RGB", (40, 20))
    exif = image.getexif()
    exif[0x0112] = 6
    image.save(tmp_path / "photo.jpg", exif=exif)
    volume = read_volume(tmp_path / "photo.jpg")
    (entry,) = index_path(tmp_path).series
    assert volume.voxels.shape == (1, 40, 20, 3)
    assert (entry.rows, entry.columns, entry.slices) == (40, 20, 1)


def test_the_pages_of_a_tiff_are_slices(tmp_path: Path):
    pages = [Image.fromarray(np.full((4, 5), value, np.uint16)) for value in (7, 700, 7000)]
    pages[0].save(tmp_path / "stack.tif", save_all=True, append_images=pages[1:])
    (entry,) = index_path(tmp_path).series
    assert entry.slices == 3
    assert read_volume(entry.path).voxels[:, 0, 0].tolist() == [7, 700, 7000]


def test_pages_of_another_size_are_left_out_with_a_note(tmp_path: Path):
    pages = [Image.new("L", size, 9) for size in ((4, 4), (2, 2), (4, 4), (5, 4))]
    pages[0].save(tmp_path / "odd.tif", save_all=True, append_images=pages[1:])
    volume = read_volume(tmp_path / "odd.tif")
    assert volume.voxels.shape == (2, 4, 4)
    (said,) = volume.notes
    assert (said.kind, dict(said.values)) == (NoteKind.OTHER_PAGES, {"count": "2"})


@pytest.mark.parametrize("name", ["a.bmp", "a.webp", "a.png", "a.tiff", "A.TIF"])
def test_every_lossless_colour_format_holds_its_pixels(tmp_path: Path, name: str):
    noise = np.random.default_rng(0).integers(0, 256, (20, 30, 3), np.uint8)
    options = {"lossless": True} if name.endswith("webp") else {}
    Image.fromarray(noise).save(tmp_path / name, **options)
    assert np.array_equal(read_volume(tmp_path / name).voxels[0], noise)


@pytest.mark.parametrize("turn", range(1, 9))
def test_every_exif_orientation_is_followed(tmp_path: Path, turn: int):
    upright = np.zeros((16, 32), np.uint8)
    upright[:8, :8] = 255
    stored = {
        1: upright,
        2: upright[:, ::-1],
        3: upright[::-1, ::-1],
        4: upright[::-1],
        5: upright.T,
        6: np.rot90(upright, 1),
        7: upright[::-1, ::-1].T,
        8: np.rot90(upright, -1),
    }[turn]
    image = Image.fromarray(np.ascontiguousarray(stored))
    exif = image.getexif()
    exif[0x0112] = turn
    image.save(tmp_path / "turned.png", exif=exif)
    assert np.array_equal(read_volume(tmp_path / "turned.png").voxels[0], upright)


def png_claiming(width: int, height: int) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = zlib.compress(b"\0" * 1000)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


@pytest.mark.parametrize("size", [(2_000_000, 2_000_000), (9000, 9000)])
def test_a_decompression_bomb_is_refused_before_it_goes_off(tmp_path: Path, size: tuple[int, int]):
    (tmp_path / "bomb.png").write_bytes(png_claiming(*size))
    with pytest.raises(ScanError, match=r"bomb\.png"):
        read_volume(tmp_path / "bomb.png")


def test_a_truncated_picture_is_refused(tmp_path: Path):
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    Image.fromarray(noise).save(tmp_path / "whole.png")
    (tmp_path / "half.png").write_bytes((tmp_path / "whole.png").read_bytes()[:4000])
    with pytest.raises(ScanError, match=r"half\.png"):
        read_volume(tmp_path / "half.png")
