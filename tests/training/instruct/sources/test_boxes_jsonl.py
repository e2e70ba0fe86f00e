"""The generic jsonl of boxes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from engine.regions import Box
from training.instruct.items import Marked
from training.records import DatasetError


@pytest.fixture
def boxes(tmp_path: Path, picture):
    def write(*lines: dict) -> Path:
        picture(tmp_path / "a.png")
        path = tmp_path / "index.jsonl"
        path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
        return path

    return write


def line(**changes) -> dict:
    return {"image": "a.png", "regions": [{"label": "liver", "box": [4, 5, 20, 30]}]} | changes


def test_boxes_between_pixel_edges_become_boxes_between_pixel_centres(boxes, read_all):
    (image,) = read_all(kind="boxes_jsonl", path=boxes(line()))
    assert image.regions == (Marked("liver", Box(3.5, 4.5, 19.5, 29.5)),)


def test_a_line_tells_patient_and_modality(boxes, read_all):
    path = boxes(line(group="p1", modality="MRI"))
    (image,) = read_all(kind="boxes_jsonl", path=path, modality="")
    assert (image.group, image.modality) == ("p1", "MR")


def test_where_chooses_lines(boxes, read_all):
    path = boxes(line(source="x"), line(source="y"))
    assert len(read_all(kind="boxes_jsonl", path=path, where={"source": "y"})) == 1


def test_an_unknown_label_is_counted_and_never_guessed(boxes, source_of):
    path = boxes(line(regions=[{"label": "livr", "box": [4, 5, 20, 30]}]))
    source = source_of(kind="boxes_jsonl", path=path)
    (image,) = [one for unit in source.units() for one in source.read(unit)]
    assert image.regions == ()
    assert source.unknown == {"livr": 1}


def test_the_spec_names_what_the_ontology_calls_otherwise(boxes, read_all):
    path = boxes(line(regions=[{"label": "Hepar", "box": [4, 5, 20, 30]}]))
    (image,) = read_all(kind="boxes_jsonl", path=path, labels={"Hepar": "liver"})
    assert image.regions[0].key == "liver"


def test_a_box_too_small_leaves_its_label_uncertain(boxes, read_all):
    path = boxes(line(regions=[{"label": "liver", "box": [4, 5, 5, 6]}]))
    (image,) = read_all(kind="boxes_jsonl", path=path)
    assert (image.regions, image.uncertain) == ((), ("liver",))


def test_pictures_upside_down_are_turned_with_their_boxes(boxes, read_all):
    path = boxes(line())
    (as_is,) = read_all(kind="boxes_jsonl", path=path)
    (turned,) = read_all(kind="boxes_jsonl", path=path, flip="vertical")
    assert (turned.pixels[::-1] == as_is.pixels).all()
    assert turned.regions[0].box == Box(3.5, 48 - 30 - 0.5, 19.5, 48 - 5 - 0.5)


def test_wrong_boxes_can_be_left_out_and_their_labels_kept_as_classes(boxes, read_all):
    (image,) = read_all(kind="boxes_jsonl", path=boxes(line()), boxes=False)
    assert (image.regions, image.classes, image.scope) == ((), ("liver",), "")


@pytest.mark.parametrize(
    "broken",
    [
        {"regions": [{"label": "liver", "box": [4, 5, 200, 30]}]},
        {"regions": [{"label": "liver", "box": [20, 5, 4, 30]}]},
        {"regions": [{"label": "liver", "box": [4, 5, 20]}]},
        {"regions": [{"name": "liver"}]},
        {"image": "../../etc/passwd"},
        {"image": "b.png"},
        {"width": 3, "height": 4},
    ],
)
def test_a_broken_line_is_named(boxes, read_all, broken):
    with pytest.raises(DatasetError, match=r"line 2"):
        read_all(kind="boxes_jsonl", path=boxes(line(), line(**broken)))


def test_a_line_that_is_not_json_is_named(tmp_path: Path, read_all):
    path = tmp_path / "index.jsonl"
    path.write_text("{", encoding="utf-8")
    with pytest.raises(DatasetError, match="line 1 is not JSON"):
        read_all(kind="boxes_jsonl", path=path)
