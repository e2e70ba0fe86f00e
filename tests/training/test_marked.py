"""The dense stage of sets with boxes: targets worked out by hand, and who is visited how often."""

from __future__ import annotations

import json
from collections import Counter

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from engine.regions import Box  # noqa: E402
from training.augment import Crop  # noqa: E402
from training.box_targets import draw_cells, largest_boxes, owner_boxes  # noqa: E402
from training.marked import MarkedDataset, MarkedModel, collate_marked, label_values, seen_part  # noqa: E402
from training.marked_regions import MarkedBoxes, read_regions, regions_line  # noqa: E402
from training.model import load_model  # noqa: E402
from training.records import REGIONS_FILE, DatasetError  # noqa: E402
from training.samples import ImageSample, VisitSampler, gather_samples, visit_weights  # noqa: E402


def test_a_cell_is_the_smallest_boxs_whose_ellipse_holds_its_middle():
    cells, owners = draw_cells([(5, (0, 0, 1, 1)), (7, (0.5, 0.5, 0.75, 0.75))], 8)
    assert cells[0, 0] == 0, "a corner of the box lies outside of its ellipse"
    assert cells[3, 1] == 5
    assert (cells[4:6, 4:6] == 7).all()
    assert owners[4, 4] == 1
    assert owners[0, 0] == -1


def test_a_thing_smaller_than_a_cell_is_still_somewhere():
    boxes = [(3, (0.51, 0.51, 0.53, 0.53))]
    cells, owners = draw_cells(boxes, 8)
    assert (cells == 3).sum() >= 1
    assert np.isfinite(owner_boxes(boxes, owners, 2)).all(axis=-1).sum() == 1


def test_a_place_tells_the_box_of_its_smallest_thing():
    boxes = [(1, (0.0, 0.0, 1.0, 1.0)), (2, (0.5, 0.5, 0.75, 0.75))]
    _, owners = draw_cells(boxes, 16)
    told = owner_boxes(boxes, owners, 4)
    assert told[2, 2].tolist() == [0.5, 0.5, 0.75, 0.75]
    assert told[1, 1].tolist() == [0, 0, 1, 1]
    assert largest_boxes([*boxes, (2, (0, 0, 0.1, 0.1))], 4)[2].tolist() == [0.5, 0.5, 0.75, 0.75]


def test_a_crop_moves_boxes_and_drops_what_it_hardly_shows():
    crop = Crop(0.5, 0.0, 1.0, 0.5)
    assert seen_part((0.5, 0.0, 0.75, 0.25), crop) == (0, 0, 0.5, 0.5)
    assert seen_part((0.25, 0.0, 0.75, 0.25), crop) == (0, 0, 0.5, 0.5)
    assert seen_part((0.0, 0.0, 0.55, 0.25), crop) is None


def test_regions_beside_the_records_are_read_and_a_bad_line_is_named(phantom_set, tmp_path):
    samples = gather_samples([phantom_set])
    assert all(sample.marked is not None and sample.marked.complete for sample in samples)
    assert "liver" in label_values(samples)
    lines = (phantom_set / REGIONS_FILE).read_text(encoding="utf-8").splitlines()
    for file in phantom_set.glob("*.jsonl"):
        (tmp_path / file.name).write_bytes(file.read_bytes())
    (tmp_path / REGIONS_FILE).write_text(lines[0] + "\n" + json.dumps({"image": "x"}) + "\n", encoding="utf-8")
    with pytest.raises(DatasetError, match="line 2 is no line of marked regions"):
        gather_samples([tmp_path])


def test_what_is_written_of_a_region_is_read_back_and_ends_at_the_border(tmp_path):
    line = regions_line("images/a.png", 200, 100, [("liver", Box(-0.5, 25, 100, 99.5))], complete=False)
    (tmp_path / REGIONS_FILE).write_text(line, encoding="utf-8")
    read = read_regions(tmp_path)
    assert read == {tmp_path / "images" / "a.png": MarkedBoxes((("liver", (0.0, 0.25, 0.5, 0.995)),), False)}
    assert read_regions(tmp_path / "elsewhere") == {}


def test_the_loss_falls_when_boxes_are_learned(phantom_set, tiny_checkpoint):
    samples = gather_samples([phantom_set])[:2]
    values = label_values(samples)
    drawn = MarkedDataset(samples, values, 56, 14, 3)
    batch = collate_marked([drawn[0], drawn[1]])
    torch.manual_seed(0)
    module = MarkedModel(load_model(tiny_checkpoint).model, len(values) + 1)
    optimizer = torch.optim.Adam(module.parameters(), 3e-3)
    losses = []
    for _ in range(25):
        optimizer.zero_grad()
        loss = module(**batch)["loss"]
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.8 * losses[0]


def sample(name: str, *labels: str) -> ImageSample:
    return ImageSample(name, (), None, MarkedBoxes(tuple((label, (0, 0, 1, 1)) for label in labels), True))


def test_images_with_rare_labels_are_visited_oftener_and_each_visit_has_its_own_number():
    samples = [sample(f"{n}", "common") for n in range(90)] + [sample(f"rare{n}", "rare") for n in range(10)]
    assert visit_weights(samples, 0.0) is None
    weights = visit_weights(samples, 1.0)
    sampler = VisitSampler([1] * 100, 300, 5, batch=4, by_length=False, weights=weights)
    visits = list(sampler)
    assert len(visits) == len(set(visits)) == 300
    rare = Counter(visit % 100 >= 90 for visit in visits)[True]
    assert 140 <= rare <= 160, "as often as the common one, which is in nine times as many images"
    assert list(sampler) == visits
