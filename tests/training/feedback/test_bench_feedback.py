"""`medrega bench feedback`: how it deals and counts, that its annotator's work reaches the store, both experiments."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from engine.progress import Cancelled, NoProgress  # noqa: E402
from engine.regions import Box, Label  # noqa: E402
from engine.scans import read_volume  # noqa: E402
from engine.store import patient_key  # noqa: E402
from training.bench_feedback import FeedbackSettings, bench_feedback  # noqa: E402
from training.feedback.freezing import side_of  # noqa: E402
from training.feedback_bench.active import (  # noqa: E402
    Trial,
    labels_to_reach,
    learning_curve,
    measure_seed,
    median_ratio,
    product_order,
    random_order,
    scaled_features,
)
from training.feedback_bench.annotator import patient_code, sloppy, write_scan  # noqa: E402
from training.feedback_bench.new_site import SiteSettings, majority_hits  # noqa: E402
from training.feedback_bench.pool import Pool, few_of_each, make_pool, region_features  # noqa: E402
from training.feedback_bench.site import (  # noqa: E402
    Site,
    SitePicture,
    count_regions,
    cut_to,
    deal_patients,
    phantom_site,
)
from training.records import DatasetError, read_records  # noqa: E402

LIVER, SPLEEN = Label("", "liver", "肝"), Label("", "spleen", "脾")
BOX = Box(2, 3, 10, 11)


def picture(patient: str, *labels: Label) -> SitePicture:
    pixels = np.random.default_rng(len(patient)).integers(0, 255, (15, 17, 3)).astype(np.uint8)
    return SitePicture(pixels, patient, "US", tuple((label, BOX) for label in labels))


def test_each_patient_is_in_one_group_and_rare_names_are_spread():
    pictures = [picture(f"p{n}", LIVER, *([SPLEEN] if n % 5 == 0 else [])) for n in range(25)]
    groups = deal_patients(Site((*pictures, pictures[0]), "a site"), 5, seed=3)
    assert sorted(name for group in groups for name in group) == sorted(f"p{n}" for n in range(25))
    rare = {f"p{n}" for n in range(0, 25, 5)}
    assert [len(rare & set(group)) for group in groups] == [1] * 5
    with pytest.raises(DatasetError, match="2 patients cannot be dealt to 5"):
        deal_patients(Site(tuple(pictures[:2]), "a site"), 5, seed=3)


def test_a_budget_of_regions_cuts_the_last_picture():
    kept = cut_to([picture("a", LIVER, SPLEEN), picture("b", LIVER, SPLEEN), picture("c", LIVER)], 3)
    assert [one.patient for one in kept] == ["a", "b"]
    assert count_regions(kept) == 3
    assert [label for label, _ in few_of_each(picture("a", LIVER, LIVER, SPLEEN, LIVER))] == [
        LIVER,
        LIVER,
        SPLEEN,
    ]


def test_a_generated_site_has_names_that_no_model_has():
    site = phantom_site(20, 0, NoProgress())
    assert len(site.patients()) == 20
    assert "hepatic parenchyma" in site.labels()
    assert not {"liver", "spleen", "aorta"} & set(site.labels())


@pytest.mark.parametrize("side", ["train", "heldout"])
def test_a_patient_lands_on_the_side_it_is_meant_for(side):
    codes = [patient_code(f"x{n}", side, 0.2) for n in range(20)]
    assert {side_of(patient_key("", code, ""), 0.2) for code in codes} == {side}


def test_a_picture_is_a_scan_pixel_by_pixel(tmp_path):
    one = picture("somebody", LIVER)
    write_scan(tmp_path / "scans" / "1.dcm", one, "x-7")
    volume = read_volume(tmp_path / "scans" / "1.dcm")
    assert volume.modality == "US"
    assert np.array_equal(np.squeeze(volume.voxels), one.pixels)


def test_a_kept_pool_is_read_also_where_an_older_version_kept_more(tmp_path, monkeypatch):
    made = Pool(
        np.ones((2, 9), np.float32), np.array(["a", "b"]), np.array([0, 1]), np.array(["x", "y"]), np.eye(2, 256)
    )
    monkeypatch.setattr("training.feedback_bench.pool._look", lambda *_: made)
    model = SimpleNamespace(sha256="m")
    file = tmp_path / "pool.npz"
    make_pool(model, iter(()), 2, file, "these", NoProgress())
    with np.load(file) as held:
        arrays = dict(held)
    assert "tokens" not in arrays
    np.savez_compressed(file, **arrays, tokens=np.zeros((2, 2), np.float32))
    monkeypatch.setattr("training.feedback_bench.pool._look", None)
    kept = make_pool(model, iter(()), 2, file, "these", NoProgress())
    assert np.array_equal(kept.looks, made.looks)
    assert kept.labels.tolist() == ["a", "b"]


def test_a_sloppy_box_is_near_the_true_one_and_inside():
    rng = np.random.default_rng(0)
    for _ in range(200):
        box = sloppy(BOX, 11, 11, rng)
        assert np.abs(np.subtract(box.as_tuple(), BOX.as_tuple())).max() <= 0.8
        assert box.x2 <= 11


def test_features_of_a_region_are_of_its_tokens():
    tokens = np.repeat(np.arange(16, dtype=np.float32)[:, None], 3, axis=1)
    told = region_features(tokens, Box(50, 0, 100, 25), 100, 100)
    assert told[:3].tolist() == [2.5] * 3
    assert told[3:6].tolist() == [7.5] * 3
    assert told[6:] == pytest.approx([0.5, 0, 1, 0.25, math.sqrt(0.125)], abs=0.01)
    # Smaller than a quarter of a token: the one it lies in.
    assert region_features(tokens, Box(30, 30, 31, 31), 100, 100)[0] == 5


def test_labels_needed_are_read_off_the_line_between_two_points():
    labels, values = np.array([10.0, 20, 30]), np.array([0.2, 0.4, 0.9])
    assert labels_to_reach(labels, values, 0.3) == pytest.approx(15)
    assert labels_to_reach(labels, values, 0.1) == 10
    assert labels_to_reach(labels, values, 0.95) == math.inf


@pytest.fixture(scope="module")
def pool():
    """Two names that most pictures show, six that few do: what a good order finds first."""
    rng = np.random.default_rng(0)
    names = [f"common {n}" for n in range(2)] * 110 + [f"rare {n}" for n in range(6)] * 10
    centres = {name: 4 * rng.standard_normal(12) for name in sorted(set(names))}
    features = np.array([centres[name] + rng.standard_normal(12) for name in names], np.float32)
    looks = np.array([centres[name][:4].repeat(64) for name in names]) + rng.standard_normal((len(names), 256)) / 4
    count = np.arange(len(names), dtype=np.int64)
    patients = np.array([f"p{n}" for n in count])
    return Pool(features, np.array(names), count, patients, looks)


def test_nobody_who_judges_is_labelled(pool):
    trials = [Trial.draw(pool, 1, start) for start in (0, 1)]
    for trial in trials:
        labelled = {*trial.first, *trial.waiting}
        assert not labelled & set(pool.pictures[trial.test].tolist())
        assert len(labelled) + len(trial.test) == len(pool.labels)
    assert (trials[0].test == trials[1].test).all()
    assert trials[0].first != trials[1].first
    small = replace(pool, labels=pool.labels[:12], pictures=pool.pictures[:12], patients=pool.patients[:12])
    with pytest.raises(DatasetError, match="too few"):
        Trial.draw(small, 1)


def test_both_orders_end_with_everything_and_the_products_finds_rare_names_sooner(pool):
    scaled, trial = scaled_features(pool), Trial.draw(pool, 0)
    ours, chance = (
        learning_curve(pool, scaled, trial, choose, NoProgress()) for choose in (product_order, random_order(0))
    )
    assert ours[0] == chance[0]
    assert ours[-1] == chance[-1]
    assert [one.pictures for one in ours] == [*range(10, len(trial.waiting) + 10, 10), len(trial.waiting) + 10]
    result = measure_seed(pool, scaled, 0, 2, NoProgress())
    assert median_ratio([result], "recall", 0.9) < 0.75


def test_a_curve_can_be_cancelled(pool):
    class Stop(NoProgress):
        def cancelled(self) -> bool:
            return True

    with pytest.raises(Cancelled):
        learning_curve(pool, scaled_features(pool), Trial.draw(pool, 0), product_order, Stop())


def test_the_most_frequent_name_counts_by_language(snapshot):
    held = [record for _, record in read_records(snapshot / "heldout")]
    hits = majority_hits(snapshot / "train", held)
    assert len(hits) == sum(record.task.value == "region_to_text" for record in held)
    assert 0 < np.mean(hits) < 1


def test_both_experiments_leave_a_page_a_plot_and_figures_and_are_not_done_twice(base, tmp_path):
    site = SiteSettings(corrections=24, steps=6, base_limit=12)
    settings = FeedbackSettings(site, seeds=1, starts=1, patients=40)
    report = bench_feedback(base, tmp_path, None, settings)
    found = json.loads((tmp_path / "results.json").read_text(encoding="utf-8"))
    assert found["model"]["sha256"] == base.sha256
    (run,) = found["site"]["runs"]
    assert run["counts"]["corrections"] == 24
    assert run["counts"]["heldout_patients"] == 8
    named = found["site"]["site"]["region to text, accuracy"]
    assert named["difference"] == pytest.approx(named["after"] - named["before"])
    assert [one["seed"] for one in found["order"]["seeds"]] == [0]
    page = (tmp_path / "report.md").read_text(encoding="utf-8")
    assert all(f"\n## {title}\n" in page for title in ("A new site", "What to label next", "Goals"))
    assert (tmp_path / "labels.png").read_bytes().startswith(b"\x89PNG")
    assert any(one.name == "new site, region to text, points gained" and one.goal == 20 for one in report.rows)
    kept = {path: path.stat().st_mtime_ns for path in (tmp_path / "site").rglob("*") if path.is_file()}
    again = bench_feedback(base, tmp_path, None, settings)
    assert again.rows == report.rows
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "site").rglob("*") if path.is_file()} == kept
