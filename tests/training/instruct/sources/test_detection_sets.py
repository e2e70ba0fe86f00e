"""COCO, YOLO and Pascal VOC: the same box, in each one's own way of writing it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from engine.regions import Box
from training.records import DatasetError

LIVER = Box(9.5, 11.5, 41.5, 35.5)
"""Pixels 10..41 and 12..35 of a 64 x 48 picture: edges 10, 12, 42, 36."""


@pytest.fixture
def coco(tmp_path: Path, picture):
    def write(**changes) -> dict:
        picture(tmp_path / "a.png")
        # Annotations first, pictures last: the order is free.
        data = {
            "annotations": [
                {"id": 1, "image_id": 7, "category_id": 3, "bbox": [10, 12, 32, 24], "area": 1},
                {"id": 2, "image_id": 7, "category_id": 4, "bbox": [0, 0, 60, 40], "iscrowd": 1},
            ],
            "categories": [{"id": 3, "name": "liver"}, {"id": 4, "name": "spleen"}],
            "images": [{"id": 7, "file_name": "a.png", "width": 64, "height": 48}],
        }
        path = tmp_path / "coco.json"
        path.write_text(json.dumps(data | changes), encoding="utf-8")
        return {"kind": "coco", "path": path, "root": tmp_path}

    return write


def test_coco_boxes_are_corner_and_size(coco, read_all):
    (image,) = read_all(**coco())
    assert [(r.key, r.box) for r in image.regions] == [("liver", LIVER)]


def test_a_crowd_of_coco_is_neither_a_box_nor_absent(coco, read_all):
    (image,) = read_all(**coco())
    assert image.uncertain == ("spleen",)


def test_a_picture_without_annotations_is_read_too(coco, read_all):
    (image,) = read_all(**coco(annotations=[]))
    assert image.regions == ()


def test_a_file_that_is_not_coco_is_named(coco, read_all):
    with pytest.raises(DatasetError, match=r"coco\.json is not a COCO file"):
        read_all(**coco(images=[{"id": "x"}]))


@pytest.fixture
def yolo(tmp_path: Path, picture):
    def write(text: str | None, names: str = "names: [spleen, liver]") -> dict:
        picture(tmp_path / "images" / "val" / "a.png")
        (tmp_path / "labels" / "val").mkdir(parents=True)
        if text is not None:
            (tmp_path / "labels" / "val" / "a.txt").write_text(text, encoding="utf-8")
        (tmp_path / "data.yaml").write_text(names, encoding="utf-8")
        folders = {"images": tmp_path / "images", "labels_folder": tmp_path / "labels"}
        return {"kind": "yolo", "names": tmp_path / "data.yaml", **folders}

    return write


@pytest.mark.parametrize("names", ["names: [spleen, liver]", "names: {0: spleen, 1: liver}"])
def test_yolo_boxes_are_centre_and_size_in_fractions(yolo, read_all, names):
    (image,) = read_all(**yolo("1 0.40625 0.5 0.5 0.5\n", names))
    assert [(r.key, r.box) for r in image.regions] == [("liver", LIVER)]


def test_a_yolo_outline_becomes_the_box_round_it(yolo, read_all):
    (image,) = read_all(**yolo("1 0.15625 0.25 0.65625 0.25 0.65625 0.75 0.15625 0.75\n"))
    assert image.regions[0].box == LIVER


def test_a_yolo_picture_without_a_text_file_has_nothing_in_it(yolo, read_all):
    (image,) = read_all(**yolo(None))
    assert image.regions == ()


@pytest.mark.parametrize("text", ["9 .5 .5 .1 .1", "1 .5 .5 .1", "liver .5 .5 .1 .1"])
def test_a_wrong_yolo_line_is_named(yolo, read_all, text):
    with pytest.raises(DatasetError, match=r"a\.txt line 2"):
        read_all(**yolo("1 0.5 0.5 0.5 0.5\n" + text))


@pytest.fixture
def voc(tmp_path: Path, picture):
    def write(box: tuple) -> dict:
        picture(tmp_path / "JPEGImages" / "a.png")
        (tmp_path / "Annotations").mkdir()
        ends = "".join(f"<{n}>{v}</{n}>" for n, v in zip(("xmin", "ymin", "xmax", "ymax"), box, strict=True))
        thing = f"<object><name>liver</name><bndbox>{ends}</bndbox></object>"
        text = f"<annotation><filename>a.png</filename>{thing}</annotation>"
        (tmp_path / "Annotations" / "a.xml").write_text(text, encoding="utf-8")
        return {"kind": "voc", "path": tmp_path}

    return write


def test_voc_boxes_count_from_one_and_hold_both_ends(voc, read_all):
    (image,) = read_all(**voc((11, 13, 42, 36)))
    assert [(r.key, r.box) for r in image.regions] == [("liver", LIVER)]


def test_voc_boxes_of_tools_that_count_from_zero(voc, read_all):
    (image,) = read_all(**voc((10, 12, 42, 36)), counts_from=0)
    assert image.regions[0].box == LIVER


def test_a_voc_file_that_is_none_is_named(voc, read_all, tmp_path: Path):
    settings = voc((11, 13, 42, 36))
    (tmp_path / "Annotations" / "a.xml").write_text("<annotation>", encoding="utf-8")
    with pytest.raises(DatasetError, match=r"a\.xml is not a Pascal VOC annotation"):
        read_all(**settings)
