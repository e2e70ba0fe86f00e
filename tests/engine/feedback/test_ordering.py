"""What to label next: each factor does what the formula says, and the order is the same each time."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from engine.browse import index_into
from engine.feedback.ordering import FLOOR, Said, Waiting, order_images, uncertainty
from engine.feedback.waiting import order_of, tiny_picture
from engine.progress import NoProgress
from engine.protocol import Task
from engine.regions import Box
from engine.store import AnnotationStore, ScanFilter
from tests.clinic import KIDNEY, LIVER, SPLEEN, answer, found, see, write_clinic
from training.cli_feedback import feedback

SURE, TORN = Said({"liver": 0.99, "spleen": 0.01}), Said({"liver": 0.5, "spleen": 0.5})


def keys(*arguments, **more) -> list[int]:
    return [one.key for one in order_images(*arguments, **more)]


def test_uncertainty_is_the_share_of_the_highest_entropy():
    assert uncertainty([Said({"a": 0.5})]) == pytest.approx(1)
    assert uncertainty([Said({"a": 1.0})]) == 0
    assert uncertainty([Said({"a": 0.5, "b": 0.5})]) == pytest.approx(math.log(2) / math.log(3))
    assert uncertainty([Said({"a": 0.5}), Said({"a": 1.0})]) == pytest.approx(0.5)
    assert uncertainty([]) == uncertainty([Said({})]) == 1
    # Rounded shares may add up to a little more than 1.
    assert 0 <= uncertainty([Said({"a": 0.7, "b": 0.300001})]) <= 1


def test_doubtful_images_come_first():
    assert keys([Waiting(1, [SURE]), Waiting(2, [TORN])], {}) == [2, 1]


def test_rare_labels_come_first_and_what_was_chosen_counts():
    counts = {"liver": 90, "spleen": 2}
    liver, spleen = Said({"liver": 0.6}), Said({"spleen": 0.6})
    assert keys([Waiting(1, [liver]), Waiting(2, [spleen])], counts) == [2, 1]
    # Of two labels that are equally rare, the second image of one comes after the first of the other.
    a, b = Said({"a": 0.6}), Said({"b": 0.6})
    assert keys([Waiting(1, [a]), Waiting(2, [a]), Waiting(3, [b])], {"liver": 5}) == [1, 3, 2]


def test_an_image_that_stands_for_many_comes_first_and_its_likes_last():
    waiting = [Waiting(number, [TORN]) for number in range(6)]
    crowd, pair, alone = [[0.0, 0], [0.1, 0], [0.2, 0]], [[5.0, 0], [5.1, 0]], [[9.0, 9]]
    features = np.array([*crowd, *pair, *alone])
    first = keys(waiting, {}, features)
    assert first[0] == 1
    # One of each kind before a second of any.
    assert {number if number == 5 else number // 3 for number in first[:3]} == {0, 1, 5}
    # What looks like a labelled image waits.
    assert keys(waiting, {}, features, np.array([[0.1, 0]]))[0] in (3, 4)
    assert keys(waiting, {}, features, np.array([[5.0, 0], [0.1, 0]]))[0] == 5


def test_doubt_about_its_likes_speaks_for_an_image():
    features = np.array([[0.0], [0.1], [5.0], [5.1]])
    waiting = [Waiting(0, [SURE]), Waiting(1, [SURE]), Waiting(2, [SURE]), Waiting(3, [TORN])]
    first, second = order_images(waiting, {}, features, limit=2)
    assert first.key == 3
    assert second.key in (0, 1)
    assert 0 < uncertainty([SURE]) < first.uncertainty < uncertainty([TORN])


def test_of_very_many_images_the_order_is_whole_and_begins_as_that_of_fewer_rounds():
    features = np.random.default_rng(1).normal(size=(700, 4))
    waiting = [Waiting(number, [TORN]) for number in range(700)]
    whole = keys(waiting, {}, features)
    assert sorted(whole) == list(range(700))
    assert keys(waiting, {}, features, limit=310) == whole[:310]


def test_a_score_is_the_product_that_is_written_down():
    (only,) = order_images([Waiting(1, [TORN])], {"liver": 3, "x": 1}, limit=1)
    rare = (math.log(5 / 4) + math.log(5 / 1)) / 2 / math.log(5)
    assert only.rarity == pytest.approx(rare)
    lifted = [(value + FLOOR) / (1 + FLOOR) for value in (only.uncertainty, 1.0, rare)]
    assert only.score == pytest.approx(math.prod(lifted))


@given(
    st.lists(st.lists(st.dictionaries(st.sampled_from("abcd"), st.floats(0, 1), max_size=4), max_size=3), max_size=8),
    st.dictionaries(st.sampled_from("abc"), st.integers(0, 50)),
    st.integers(0, 2**32 - 1),
)
def test_every_image_has_one_place_and_factors_are_shares(said, counts, seed):
    waiting = [Waiting(number, [Said(one) for one in its]) for number, its in enumerate(said)]
    features = np.random.default_rng(seed).normal(size=(len(waiting), 3))
    ranked = order_images(waiting, counts, features)
    assert sorted(one.key for one in ranked) == list(range(len(waiting)))
    assert ranked == order_images(waiting, counts, features)
    for one in ranked:
        for factor in (one.uncertainty, one.diversity, one.rarity, one.score):
            assert -1e-9 <= factor <= 1 + 1e-9
    assert order_images(waiting, counts, features, limit=2) == ranked[:2]


def test_a_tiny_picture_knows_neither_brightness_nor_contrast():
    grey = np.random.default_rng(3).integers(20, 80, (64, 48)).astype(np.uint8)
    brighter = np.repeat((2 * grey + 10)[..., None], 3, axis=2).astype(np.uint8)
    assert tiny_picture(grey) == pytest.approx(tiny_picture(brighter), abs=0.05)
    assert np.linalg.norm(tiny_picture(grey)) == pytest.approx(1)
    assert not tiny_picture(np.full((8, 8), 7, np.uint8)).any()


def test_the_order_of_a_database_names_what_waits_and_what_is_gone(tmp_path: Path):
    scans = write_clinic(tmp_path / "c", ["A^A", "B^B", "C^C"])
    with AnnotationStore.open(tmp_path / "a.sqlite") as store:
        row, said = found(store, scans[0], LIVER, Box(10, 10, 40, 40))
        store.accept(row.root_id, said.id, LIVER, "ann")
        found(store, scans[0], LIVER, Box(10, 10, 40, 40), 0.99, index=2)
        view, study = see(scans[1], 2)
        torn = answer(view, SPLEEN, Box(5, 5, 20, 20), 0.5, others=[(KIDNEY, 0.5)], task=Task.REGION_TO_TEXT)
        store.record_asked(torn, study, Box(5, 5, 20, 20), "ann")
        found(store, scans[2], SPLEEN, Box(10, 10, 40, 40), 0.5)
        for file in scans[2].iterdir():
            file.unlink()
        order = order_of(store, NoProgress())
        assert [one.image.source for one in order.images] == [str(scans[n]) for n in (1, 0, 2)]
        assert [one.regions for one in order.images] == [1, 1, 1]
        assert [place for place, _ in order.skipped] == [str(scans[2])]
        assert len(order_of(store, NoProgress(), limit=1).images) == 1
        path = store.path
    result = CliRunner().invoke(feedback, ["order", "--db", str(path), "--no-pictures", "--json"])
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    assert {one["diversity"] for one in told["images"]} == {1.0}
    assert told["images"][0]["slice"] == 1
    with AnnotationStore.open(path) as store:
        assert store.scans.next(ScanFilter(), 0, 9) == [], "only when it is asked for"
        index_into(store, scans[:2], NoProgress())
    result = CliRunner().invoke(feedback, ["order", "--db", str(path), "--no-pictures", "--worklist", "--json"])
    assert json.loads(result.stdout)["scans_first"] == 2
    with AnnotationStore.open(path) as store:
        assert [one.path for one in store.scans.next(ScanFilter(), 0, 9)] == [str(scans[1]), str(scans[0])]
    assert CliRunner().invoke(feedback, ["order", "--db", str(path), "--usual", "--limit", "2"]).exit_code == 2
    assert CliRunner().invoke(feedback, ["order", "--db", str(path), "--usual"]).exit_code == 0
    with AnnotationStore.open(path) as store:
        assert store.scans.next(ScanFilter(), 0, 9) == []
    result = CliRunner().invoke(feedback, ["drift", "--db", str(path), "--json"])
    assert json.loads(result.stdout)["overall"]["accepted"] == 1
    assert "liver" in CliRunner().invoke(feedback, ["drift", "--db", str(path)]).stdout
