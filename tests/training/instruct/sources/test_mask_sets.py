"""Folders of masks and SA-Med2D-20M."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from engine.regions import Box
from training.instruct.items import SourceImage
from training.records import DatasetError


def save_mask(path: Path, *rectangles: tuple[int, int, int, int, int]) -> None:
    """x1, y1, x2, y2 (pixels from, to) and value of each."""
    mask = np.zeros((48, 64), np.uint8)
    for x1, y1, x2, y2, value in rectangles:
        mask[y1:y2, x1:x2] = value
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(mask).save(path)


@pytest.fixture
def folders(tmp_path: Path, picture) -> dict:
    picture(tmp_path / "images" / "p1_a.png")
    save_mask(tmp_path / "masks" / "p1_a_mask.png", (10, 12, 42, 36, 2), (50, 5, 60, 20, 1))
    places = {"images": tmp_path / "images", "masks": tmp_path / "masks", "mask_suffix": "_mask.png"}
    return {"kind": "mask_folders", **places}


def test_each_value_of_a_mask_has_its_name(folders, read_all):
    (image,) = read_all(**folders, values={"1": "spleen", "2": "liver"})
    found = {region.key: region.box for region in image.regions}
    assert found == {"liver": Box(9.5, 11.5, 41.5, 35.5), "spleen": Box(49.5, 4.5, 59.5, 19.5)}


def shown(image: SourceImage) -> dict[str, int]:
    """Pixels of each label in a picture's label map."""
    assert image.label_map is not None
    values, keys = image.label_map.values, image.label_map.keys
    assert values.shape == image.pixels.shape[:2]
    return {key: int((values == number).sum()) for number, key in enumerate(keys, start=1)}


def test_a_mask_becomes_the_pictures_label_map(folders, read_all):
    (image,) = read_all(**folders, values={"1": "spleen", "2": "liver"})
    assert shown(image) == {"liver": 32 * 24, "spleen": 10 * 15}
    (image,) = read_all(**folders, values={"2": "liver"})
    assert shown(image) == {"liver": 32 * 24}


def test_a_binary_mask_has_one_name_whatever_its_value(folders, read_all):
    (image,) = read_all(**folders, values={"*": "liver"})
    assert [region.key for region in image.regions] == ["liver", "liver"]


def test_the_patient_is_read_from_the_file_name(folders, read_all):
    (image,) = read_all(**folders, values={"*": "liver"}, group_pattern=r"^(p\d+)_")
    assert image.group == "p1"


def test_a_file_name_without_the_patient_is_named(folders, read_all):
    with pytest.raises(DatasetError, match="'p1_a' tells no patient"):
        read_all(**folders, values={"*": "liver"}, group_pattern=r"^q(\d+)")


def test_a_missing_mask_is_named(folders, read_all, tmp_path: Path):
    (tmp_path / "masks" / "p1_a_mask.png").unlink()
    with pytest.raises(DatasetError, match=r"p1_a_mask\.png"):
        read_all(**folders, values={"*": "liver"})


def test_a_mask_of_another_size_is_named(folders, read_all, tmp_path: Path):
    Image.fromarray(np.ones((3, 3), np.uint8)).save(tmp_path / "masks" / "p1_a_mask.png")
    with pytest.raises(DatasetError, match=r"p1_a\.png"):
        read_all(**folders, values={"*": "liver"})


@pytest.fixture(params=["number to name", "name to number"])
def sa_med2d(request, tmp_path: Path, picture) -> dict:
    stem = "ct_00--AbdomenCT1K--Case_00011--x_0041"
    picture(tmp_path / "images" / f"{stem}.png")
    names = [f"masks/{stem}--0003_000.png", f"masks/{stem}--0003_001.png", f"masks/{stem}--0001_000.png"]
    save_mask(tmp_path / names[0], (10, 12, 22, 36, 255))
    save_mask(tmp_path / names[1], (30, 12, 42, 36, 255))
    save_mask(tmp_path / names[2], (50, 5, 60, 20, 255))
    classes = {"3": "kidney_left", "1": "spleen"}
    if request.param == "name to number":
        classes = {name: f"{int(number):04d}" for number, name in classes.items()}
    (tmp_path / "SAMed2D_v1.json").write_text(json.dumps({f"images/{stem}.png": names}), encoding="utf-8")
    (tmp_path / "SAMed2D_v1_class_mapping_id.json").write_text(json.dumps({"AbdomenCT1K": classes}), encoding="utf-8")
    return {"kind": "sa_med2d", "path": tmp_path, "axes": {"x": "sagittal"}}


def test_names_of_sa_med2d_tell_modality_patient_plane_and_class(sa_med2d, read_all):
    (image,) = read_all(**sa_med2d, **{"modality": ""})
    assert (image.modality, image.group, image.plane) == ("CT", "AbdomenCT1K--Case_00011", "sagittal")
    assert [region.key for region in image.regions] == ["left-kidney", "left-kidney", "spleen"]
    assert image.regions[0].box == Box(9.5, 11.5, 21.5, 35.5)


def test_the_masks_of_sa_med2d_become_one_label_map(sa_med2d, read_all):
    (image,) = read_all(**sa_med2d)
    assert shown(image) == {"left-kidney": 2 * 12 * 24, "spleen": 10 * 15}


def test_where_masks_overlap_the_smaller_thing_is_on_top(sa_med2d, read_all, tmp_path: Path):
    save_mask(next((tmp_path / "masks").glob("*0001_000.png")), (12, 14, 16, 18, 255))
    (image,) = read_all(**sa_med2d)
    assert shown(image) == {"left-kidney": 2 * 12 * 24 - 16, "spleen": 16}


def test_a_data_set_of_sa_med2d_that_is_not_wanted_is_left_out(sa_med2d, read_all):
    assert read_all(**sa_med2d, datasets=["BraTS"]) == []


def test_a_missing_mask_of_sa_med2d_is_named(sa_med2d, read_all, tmp_path: Path):
    next((tmp_path / "masks").glob("*0001_000.png")).unlink()
    with pytest.raises(DatasetError, match=r"0001_000\.png"):
        read_all(**sa_med2d)


def test_a_class_that_the_mapping_lacks_is_named(sa_med2d, read_all, tmp_path: Path):
    path = tmp_path / "SAMed2D_v1_class_mapping_id.json"
    path.write_text(json.dumps({"AbdomenCT1K": {"1": "spleen"}}), encoding="utf-8")
    with pytest.raises(DatasetError, match="of class '0003'"):
        read_all(**sa_med2d)
