"""Mirrored pictures: their boxes go with them, and nothing that has a side is ever mirrored."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from engine.protocol import Language, Question, Task, user_text
from engine.regions import Box
from training.drawing import Drawing, QuestionDataset
from training.features import FeatureCache
from training.mirror import NO_MIRROR, Mirror, mirror_record, mirrors_of
from training.records import Record
from training.samples import ImageSample
from training.tokenizer import PromptEncoder, train_tokenizer

MIRRORS = (NO_MIRROR, Mirror(across=True), Mirror(down=True), Mirror(across=True, down=True))
CORNERS = st.tuples(st.integers(0, 400), st.integers(0, 400), st.integers(500, 999), st.integers(500, 999))


def found(box: Box, name: str = "platelet", modality: str = "SM") -> Record:
    question = Question(Task.REGION_TO_TEXT, Language.EN, 200, 100, box=box)
    return Record(
        "1", "a.png", 200, 100, user_text(question), name, Task.REGION_TO_TEXT, Language.EN, modality=modality
    )


def asked(answer: str, modality: str = "SM") -> Record:
    question = Question(Task.TEXT_TO_REGION, Language.EN, 200, 100, names=("platelet",))
    return Record(
        "2", "a.png", 200, 100, user_text(question), answer, Task.TEXT_TO_REGION, Language.EN, modality=modality
    )


def sample(*records: Record, path: Path = Path("a.png")) -> ImageSample:
    return ImageSample(path, records, None)


@given(CORNERS, st.sampled_from(MIRRORS))
def test_a_box_goes_with_what_it_encloses_and_comes_back(box: tuple[int, int, int, int], mirror: Mirror) -> None:
    image = np.zeros((999, 999, 3), np.uint8)
    image[box[1] : box[3], box[0] : box[2]] = 255
    x1, y1, x2, y2 = mirror.move(box)
    mirrored = mirror.apply(image)
    assert mirrored[y1:y2, x1:x2].min() == 255
    assert mirrored.sum() == image.sum()
    assert mirror.move((x1, y1, x2, y2)) == box


def test_boxes_of_a_list_are_told_from_the_top_again() -> None:
    before = asked("<ref>platelet</ref><box>[[100, 100, 200, 200], [300, 600, 400, 700]]</box>")
    after = mirror_record(before, Mirror(down=True))
    assert after is not None
    assert after.gpt == "<ref>platelet</ref><box>[[300, 299, 400, 399], [100, 799, 200, 899]]</box>"
    assert after.human == before.human, "the format's example is no box"


def test_what_may_name_a_place_is_left_out() -> None:
    report = replace(found(Box(0, 0, 20, 20)), task=Task.REPORT, gpt="The largest lies at the upper left.")
    assert mirror_record(report, Mirror(across=True)) is None
    assert mirror_record(report, NO_MIRROR) is report


@pytest.mark.parametrize(("modality", "forms"), [("SM", 4), ("DMS", 4), ("US", 2), ("CT", 1), ("DX", 1), ("", 1)])
def test_only_what_has_no_side_is_mirrored(modality: str, forms: int) -> None:
    assert len(mirrors_of(sample(found(Box(0, 0, 20, 20), modality=modality)))) == forms


@pytest.mark.parametrize("name", ["left kidney", "右肾", "Right ovary"])
def test_a_picture_with_a_sided_name_is_never_mirrored(name: str) -> None:
    assert mirrors_of(sample(found(Box(0, 0, 20, 20), name, "US"))) == (NO_MIRROR,)


def test_views_of_a_picture_are_drawn_with_their_boxes(tmp_path: Path) -> None:
    image = np.zeros((100, 200, 3), np.uint8)
    image[20:45, 40:90] = 255
    path = tmp_path / "a.png"
    Image.fromarray(image).save(path)
    record = found(Box(40, 20, 90, 45))
    encoder = PromptEncoder(train_tokenizer([record.human, record.gpt], 600), 4)
    drawing = Drawing(
        56, augment=True, groups_per_image=1, branches_per_group=1, seed=1, views=8, view_seed=1, mirror=True
    )
    cache = FeatureCache(tmp_path / "cache", "tower", 1e6)
    items = [QuestionDataset([sample(record, path=path)], encoder, drawing, cache=cache)[visit] for visit in range(40)]
    # Bright in each quarter of some view: all four forms were drawn.
    places = set()
    for item in items:
        assert item["image"] is not None
        rows, columns = np.nonzero(item["image"][..., 0] > 128)
        places.add((rows.mean() > 28, columns.mean() > 28))
    assert len(places) == 4
    assert len({item["key"] for item in items}) == 8
