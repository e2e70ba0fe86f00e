"""Whole slides in TIFF: the overview and areas of every kind of pyramid, and what happens to broken ones."""

from __future__ import annotations

import tracemalloc
import zlib
from pathlib import Path

import numpy as np
import pytest
import tifffile
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from engine.bench.slides import slide_pixels, write_slide
from engine.progress import Cancelled
from engine.scans import (
    NoteKind,
    Plane,
    ScanError,
    SlideArea,
    SlideLevel,
    SlideView,
    VolumeLoader,
    index_path,
    read_volume,
    split_area,
)
from engine.scans.measuring import length
from engine.scans.slide_tiff import open_tiff

SIZE = 4500
KINDS = {
    "ome.tif": {"like": "ome"},
    "slide.svs": {"like": "svs", "subifds": False},
    "jp2k.svs": {"like": "svs", "subifds": False, "compression": "jpeg2000"},
    "deflate.tif": {"like": "", "compression": "zlib"},
    "lzw.tiff": {"like": "", "compression": "lzw", "subifds": False},
    "plain.tif": {"like": "", "compression": None, "tile": 192},
}


@pytest.fixture(scope="module")
def slides(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("slides")
    return {name: write_slide(folder / name, SIZE, **how) for name, how in KINDS.items()}


def level(path: Path, number: int) -> np.ndarray:
    """A level, read whole by tifffile."""
    with tifffile.TiffFile(path) as tiff:
        return np.squeeze(tiff.series[0].levels[number].asarray())


@pytest.mark.parametrize("name", KINDS)
def test_a_slide_is_listed_once_and_opened_as_an_overview(slides, name: str):
    index = index_path(slides[name])
    (entry,) = index.series
    assert (entry.rows, entry.columns, entry.slices, entry.modality) == (1125, 1125, 1, "SM")
    volume = read_volume(entry.path, entry.series_uid)
    assert np.array_equal(volume.voxels[0], level(slides[name], 1))
    assert volume.slide.is_overview
    assert not volume.has_geometry


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize(
    "area", ["L0@0,0,300,200", "L0@1003,2005,700,611", "L0@4400,4300,100,200", "L1@7,1000,513,125"]
)
def test_an_area_is_the_same_pixels_as_the_level_read_whole(slides, name: str, area: str):
    wanted = split_area(area)[1]
    volume = read_volume(slides[name], area)
    whole = level(slides[name], wanted.level)
    expected = whole[wanted.y : wanted.y + wanted.height, wanted.x : wanted.x + wanted.width]
    assert np.array_equal(volume.voxels[0], expected)
    assert volume.series_uid == f"#{area}"
    assert volume.series_instance_uid == ""


def test_an_area_has_one_name_however_it_is_asked_for(slides):
    first = read_volume(slides["slide.svs"], "L0@10,20,300,200")
    again = read_volume(slides["slide.svs"], first.series_uid)
    assert again.series_uid == first.series_uid
    assert np.array_equal(again.voxels, first.voxels)


def test_the_loader_opens_an_area_at_once(slides):
    loader = VolumeLoader(slides["ome.tif"], "#L0@512,512,256,256")
    volume = loader.open()
    assert loader.loaded.all()
    assert loader.load() is volume


@pytest.mark.parametrize("name", ["ome.tif", "slide.svs", "deflate.tif"])
def test_lengths_on_a_slide_are_in_millimetres(slides, name: str):
    overview, area = read_volume(slides[name]), read_volume(slides[name], "L0@0,0,500,500")
    # A thousandth of a mm a pixel at 10x, a quarter of that at 40x.
    assert length(overview, Plane.AXIAL, (0, 0), (300, 400)) == pytest.approx(0.5)
    assert length(area, Plane.AXIAL, (0, 0), (300, 400)) == pytest.approx(0.125)
    assert overview.has_spacing
    assert area.has_spacing


def test_the_magnification_is_said(slides):
    overview, area = read_volume(slides["slide.svs"]), read_volume(slides["slide.svs"], "L0@0,0,50,50")
    assert overview.notes[0].message == "this is the whole slide at 10x: its areas can be opened at up to 40x"
    assert area.notes[0].message == "this is an area of a slide at 40x"


def test_a_slide_without_a_scale_is_not_measured(tmp_path: Path):
    path = write_slide(tmp_path / "a.tif", 1024, levels=2, like="", um=None)
    volume = read_volume(path)
    assert not volume.has_spacing
    assert volume.notes[0].kind is NoteKind.SLIDE_FULL
    screen = write_slide(tmp_path / "screen.tif", 1024, levels=2, like="", um=25400 / 72)
    assert not read_volume(screen).has_spacing


def test_a_large_slide_of_one_level_is_reduced(tmp_path: Path):
    path = write_slide(tmp_path / "flat.tif", 9000, levels=1, like="")
    volume = read_volume(path)
    assert volume.voxels.shape == (1, 3000, 3000, 3)
    assert volume.slide.reduction == 3
    assert volume.spacing_mm[0] == pytest.approx(0.00075)
    whole = level(path, 0).reshape(3000, 3, 3000, 3, 3)
    assert np.array_equal(volume.voxels[0], np.rint(whole.mean(axis=(1, 3), dtype=np.float32)).astype(np.uint8))


def test_a_level_of_mostly_broken_tiles_is_not_reduced_for_long(tmp_path: Path):
    path = write_slide(tmp_path / "flat.tif", 9000, levels=1, like="", compression="zlib", tile=128)
    offsets, counts = tile_table(path)
    content = bytearray(path.read_bytes())
    for offset, count in zip(offsets, counts, strict=True):
        content[offset : offset + min(count, 8)] = bytes(min(count, 8))
    path.write_bytes(content)
    with pytest.raises(ScanError, match=r"decode a tile of .*flat\.tif"):
        read_volume(path)


def test_ordinary_tiffs_stay_pictures(tmp_path: Path):
    tifffile.imwrite(tmp_path / "tiled.tif", np.zeros((300, 400, 3), np.uint8), tile=(64, 64), photometric="rgb")
    pages = [Image.fromarray(np.full((64, 64), grey, np.uint8)) for grey in (0, 100)]
    pages[0].save(tmp_path / "stack.tif", save_all=True, append_images=pages[1:])
    assert read_volume(tmp_path / "tiled.tif").slide is None
    assert read_volume(tmp_path / "stack.tif").voxels.shape == (2, 64, 64)


def test_grey_and_deep_slides(tmp_path: Path):
    deep = (slide_pixels(2048, 1, 0, 0, 2048, 2048)[..., 0].astype(np.uint16)) * 200
    with tifffile.TiffWriter(tmp_path / "deep.ome.tif") as tiff:
        tiff.write(np.stack([deep, deep // 2]), tile=(256, 256), subifds=1, metadata={"axes": "CYX"})
        tiff.write(np.stack([deep, deep // 2])[:, ::2, ::2], tile=(256, 256), subfiletype=1)
    volume = read_volume(tmp_path / "deep.ome.tif")
    assert np.array_equal(volume.voxels[0], deep)
    assert NoteKind.SLIDE_PLANES in [one.kind for one in volume.notes]
    apart = np.moveaxis(slide_pixels(2048, 1, 0, 0, 2048, 2048), -1, 0)
    with tifffile.TiffWriter(tmp_path / "apart.tif") as tiff:
        for number, one in enumerate((apart, apart[:, ::2, ::2])):
            tiff.write(one, tile=(256, 256), planarconfig="separate", photometric="rgb", subfiletype=number)
    area = read_volume(tmp_path / "apart.tif", "L0@100,300,400,500")
    assert np.array_equal(area.voxels[0], np.moveaxis(apart, 0, -1)[300:800, 100:500])


@pytest.mark.parametrize(
    ("area", "reason"),
    [
        ("L0@4000,4000,600,100", "outside of level 0"),
        ("L0@0,0,0,10", "outside of level 0"),
        ("L7@0,0,10,10", "has 3 levels"),
    ],
)
def test_an_area_that_is_not_there_is_refused(slides, area: str, reason: str):
    with pytest.raises(ScanError, match=reason):
        read_volume(slides["ome.tif"], area)


def test_an_area_that_is_too_large_is_refused(tmp_path: Path):
    path = write_slide(tmp_path / "flat.tif", 9000, levels=1, like="")
    with pytest.raises(ScanError, match="8192 a side at most"):
        read_volume(path, "L0@0,0,8500,10")


def test_what_is_no_slide_has_no_areas(tmp_path: Path, pydicom_files: Path):
    Image.fromarray(np.zeros((64, 64), np.uint8)).save(tmp_path / "a.png")
    for path in (tmp_path / "a.png", pydicom_files / "CT_small.dcm"):
        with pytest.raises(ScanError, match="no whole slide"):
            read_volume(path, "L0@0,0,10,10")


def test_reading_a_slide_can_be_cancelled(slides):
    class Impatient:
        def report(self, done: int, total: int, what: str) -> None:
            self.cancel = True

        def cancelled(self) -> bool:
            return getattr(self, "cancel", False)

    with pytest.raises(Cancelled):
        read_volume(slides["ome.tif"], "", Impatient())


def tile_table(path: Path, number: int = 0) -> tuple[tuple[int, ...], tuple[int, ...]]:
    with tifffile.TiffFile(path) as tiff:
        page = tiff.series[0].levels[number].keyframe
        return page.dataoffsets, page.databytecounts


def test_broken_tiles_are_white_with_a_note(slides, tmp_path: Path):
    path = tmp_path / "broken.tif"
    offsets, counts = tile_table(slides["ome.tif"])
    content = bytearray(slides["ome.tif"].read_bytes())
    content[offsets[0] : offsets[0] + counts[0]] = bytes(counts[0])
    path.write_bytes(content)
    volume = read_volume(path, "L0@0,0,512,256")
    assert (volume.voxels[0, :, :256] == 255).all()
    assert np.array_equal(volume.voxels[0, :, 256:], level(slides["ome.tif"], 0)[:256, 256:512])
    said = volume.notes[-1]
    assert said.kind is NoteKind.BROKEN_TILES
    assert dict(said.values)["count"] == "1"
    with pytest.raises(ScanError, match=r"decode a tile of .*broken\.tif"):
        read_volume(path, "L0@0,0,256,256")


@pytest.mark.parametrize("part", [0.02, 0.3, 0.7, 0.9])
@pytest.mark.parametrize("name", ["ome.tif", "slide.svs", "deflate.tif"])
def test_a_truncated_slide_opens_with_a_note_or_is_refused(slides, tmp_path: Path, name: str, part: float):
    content = slides[name].read_bytes()
    path = tmp_path / name
    path.write_bytes(content[: int(len(content) * part)])
    problem = ""
    for area in ("", "L0@2000,2000,512,512", "L0@0,0,4500,4500"):
        try:
            volume = read_volume(path, area)
        except ScanError as error:
            problem = str(error)
            assert name in problem
        else:
            assert volume.voxels.size
            problem = problem or " ".join(one.kind for one in volume.notes if one.kind is NoteKind.BROKEN_TILES)
    assert problem


def test_a_tile_that_says_it_is_huge_takes_no_memory(slides, tmp_path: Path):
    offsets, counts = tile_table(slides["ome.tif"])
    content = bytearray(slides["ome.tif"].read_bytes())
    for offset, count in zip(offsets, counts, strict=True):
        at = content.index(b"\xff\xc0", offset, offset + count)
        content[at + 5 : at + 9] = b"\xff\xdc\xff\xdc"
    path = tmp_path / "bomb.tif"
    path.write_bytes(content)
    tracemalloc.start()
    try:
        with pytest.raises(ScanError, match="unpacks to 65500 x 65500"):
            read_volume(path, "L0@0,0,512,512")
        assert tracemalloc.get_traced_memory()[1] < 50e6
    finally:
        tracemalloc.stop()


def test_a_deflate_bomb_takes_no_memory(tmp_path: Path):
    tile = zlib.compress(bytes(200 * 2**20), 9)
    with tifffile.TiffWriter(tmp_path / "bomb.tif") as tiff:
        for number, side in enumerate((512, 256)):
            tiff.write(
                iter([tile] * (side // 256) ** 2),
                shape=(side, side, 3),
                dtype=np.uint8,
                tile=(256, 256),
                photometric="rgb",
                compression="zlib",
                subfiletype=number,
            )
    tracemalloc.start()
    try:
        with pytest.raises(ScanError, match="decode a tile"):
            read_volume(tmp_path / "bomb.tif", "L0@0,0,512,512")
        assert tracemalloc.get_traced_memory()[1] < 100e6
    finally:
        tracemalloc.stop()


def test_a_header_that_lies_about_the_size_allocates_nothing(slides, tmp_path: Path):
    for name in ("ome.tif", "slide.svs", "plain.tif"):
        path = tmp_path / name
        path.write_bytes(slides[name].read_bytes())
        with tifffile.TiffFile(path, mode="r+") as tiff:
            for one in tiff.series[0].levels:
                for tag in ("ImageWidth", "ImageLength"):
                    one.keyframe.tags[tag].overwrite(2**31 - 1)
        with pytest.raises(ScanError, match=name.replace(".", r"\.")):
            read_volume(path)
        assert index_path(path).problems


def test_slides_of_other_formats_are_refused_with_the_remedy(tmp_path: Path):
    (tmp_path / "slide.mrxs").write_bytes(b"\xff\xd8" + bytes(100))
    with pytest.raises(ScanError, match=r"slide\.mrxs is a whole-slide image.*export it as"):
        read_volume(tmp_path / "slide.mrxs")
    (tmp_path / "slide.svs").write_bytes(b"II*\0" + bytes(100))
    with pytest.raises(ScanError, match=r"slide\.svs"):
        read_volume(tmp_path / "slide.svs")
    assert len(index_path(tmp_path).problems) == 2


areas = st.builds(SlideArea, st.integers(0, 999), *[st.integers(0, 10**10 - 1)] * 4)


@given(areas, st.sampled_from(["", "1.2.3", "1.2.3#2", "#a/slide.svs", "1.2#L0@1,2,3,4"]))
def test_the_name_of_an_area_is_read_back(area: SlideArea, uid: str):
    assert split_area(area.series_uid(uid)) == (split_area(uid)[0], area)
    assert split_area(str(area)) == ("", area)


@st.composite
def views(draw: st.DrawFn) -> SlideView:
    columns, rows = draw(st.integers(64, 200_000)), draw(st.integers(64, 200_000))
    levels = tuple(SlideLevel(max(1, columns >> n), max(1, rows >> n), None) for n in range(draw(st.integers(1, 6))))
    number = draw(st.integers(0, len(levels) - 1))
    x, y = draw(st.integers(0, levels[number].columns - 1)), draw(st.integers(0, levels[number].rows - 1))
    area = SlideArea(number, x, y, levels[number].columns - x, levels[number].rows - y)
    return SlideView(levels, area, False, draw(st.integers(1, 9)))


@given(views(), st.floats(-100, 5000), st.floats(-100, 5000))
def test_places_go_to_full_resolution_and_back(view: SlideView, x: float, y: float):
    assert view.from_base(*view.to_base(x, y)) == pytest.approx((x, y), abs=1e-6)


@given(views(), *[st.floats(0, 300)] * 4)
def test_the_area_of_a_box_holds_it_and_no_more(view: SlideView, x: float, y: float, width: float, height: float):
    box = (x, y, x + width + 1, y + height + 1)
    area = view.area_of(box, largest=10**9)
    left, top = view.to_base(box[0], box[1])
    right, bottom = view.to_base(box[2], box[3])
    inside = left < view.levels[0].columns - 0.5 and top < view.levels[0].rows - 0.5
    if area is None:
        assert not inside or right < 0 or bottom < 0
        return
    assert area.level == 0
    assert area.x - 0.51 <= left < area.x + 0.51
    assert area.y - 0.51 <= top < area.y + 0.51
    assert area.x + area.width <= min(view.levels[0].columns, right + 1.51)


def test_a_box_that_is_too_large_is_opened_at_a_coarser_level(slides):
    view = read_volume(slides["ome.tif"]).slide
    assert view.area_of((100, 100, 300, 300)).level == 0
    assert view.area_of((0, 0, 1124, 1124)) == SlideArea(1, 0, 0, 1125, 1125)
    assert view.area_of((0, 0, 1124, 1124), largest=400).level == 2
    assert view.area_of((0, 0, 1124, 1124), largest=100) is None


def test_a_place_looks_the_same_in_the_overview_and_in_its_area(slides):
    overview = read_volume(slides["deflate.tif"])
    x, y = overview.slide.to_base(700.0, 650.0)
    area = read_volume(slides["deflate.tif"], f"L0@{round(x) - 50},{round(y) - 50},100,100")
    assert area.slide.from_base(x, y) == pytest.approx((50, 50), abs=0.51)
    patch = overview.voxels[0, 640:661, 690:711].reshape(-1, 3).mean(axis=0)
    assert patch == pytest.approx(area.voxels[0].reshape(-1, 3).mean(axis=0), abs=25)


def test_threads_never_read_a_slides_file_at_once(tmp_path, monkeypatch):
    """tifffile reads long tags when they are asked for: a tile once came from where another thread had gone to."""
    path = tmp_path / "tiles.tif"
    pixels = np.random.default_rng(0).integers(0, 255, (1024, 1024, 3), dtype=np.uint8)
    with tifffile.TiffWriter(path) as writer:
        writer.write(pixels, tile=(64, 64), compression="jpeg", photometric="ycbcr", subifds=1)
        writer.write(pixels[::2, ::2], tile=(64, 64), compression="jpeg", photometric="ycbcr", subfiletype=1)
    with open_tiff(path) as slide:
        reads: list[bool] = []
        seek = tifffile.FileHandle.seek

        def watched(handle, *where):
            reads.append(slide._lock.locked())
            return seek(handle, *where)

        monkeypatch.setattr(tifffile.FileHandle, "seek", watched)
        for tile in slide.tiles(SlideArea(0, 0, 0, 128, 128)):
            assert slide.decode(0, tile) is not None
        monkeypatch.undo()
    assert len(reads) > 4, "tags are read too, not only the tiles"
    assert all(reads)
