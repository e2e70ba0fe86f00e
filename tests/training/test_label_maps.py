"""Label maps beside a data set's images."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from training.label_maps import LabelMapFile, label_values, read_label_maps
from training.records import DatasetError


def test_values_go_by_names_whatever_the_numbers_of_a_set(tmp_path: Path):
    Image.fromarray(np.array([[0, 1], [2, 1]], np.uint8)).save(tmp_path / "a.png")
    one = LabelMapFile(tmp_path / "a.png", ("spleen", "liver"))
    values = label_values([one, LabelMapFile(tmp_path / "b.png", ("heart",))])
    assert values == {"heart": 1, "liver": 2, "spleen": 3}
    assert one.read(values).tolist() == [[0, 3], [2, 3]]


def test_a_value_without_a_label_is_named(tmp_path: Path):
    Image.fromarray(np.full((2, 2), 7, np.uint8)).save(tmp_path / "a.png")
    with pytest.raises(DatasetError, match=r"a\.png has values"):
        LabelMapFile(tmp_path / "a.png", ("liver",)).read({"liver": 1})


def test_a_map_that_is_no_picture_is_named(tmp_path: Path):
    (tmp_path / "a.png").write_bytes(b"no picture")
    with pytest.raises(DatasetError, match=r"a\.png"):
        LabelMapFile(tmp_path / "a.png", ("liver",)).read({"liver": 1})


def test_a_set_without_label_maps_has_none(tmp_path: Path):
    assert read_label_maps(tmp_path) == {}


@pytest.mark.parametrize(
    "text", ["[]", "{", json.dumps({"a.png": "masks/a.png"}), json.dumps({"a.png": {"file": "x"}})]
)
def test_a_list_that_is_none_is_named(tmp_path: Path, text: str):
    (tmp_path / "masks.json").write_text(text, encoding="utf-8")
    with pytest.raises(DatasetError, match=r"masks\.json"):
        read_label_maps(tmp_path)
