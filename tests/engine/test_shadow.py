"""Two adapters on the same regions: both answers kept, one on screen, and whose name became the person's."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from engine.protocol import Language
from engine.regions import Box, Label
from engine.runtime import Session
from engine.scans import Plane, Volume, Window
from engine.shadow import ShadowTrial, ask_both, keep_both, summarize_trial
from engine.store import AnnotationStore
from tests.engine.runtime.tiny_adapter import write_adapter

BOXES = [Box(5 + 3 * n, 6, 30 + 3 * n, 40) for n in range(6)]


@pytest.fixture
def volume() -> Volume:
    voxels = np.random.default_rng(4).integers(-100, 200, (3, 64, 64)).astype(np.int16)
    return Volume(voxels, (1, 1, 1), (0, 0, 0), np.eye(3), "CT", Window(40, 400), Path("/scans/ct"))


def test_both_answers_are_kept_the_shown_one_last_and_counted(random_model, volume, tmp_path):
    adapters = [write_adapter(tmp_path / f"feedback-{n}", random_model, seed=n, strength=2.0) for n in (1, 2)]
    trial = ShadowTrial(*adapters)
    right = {"feedback-1": 0, "feedback-2": 0}
    shown_first = 0
    with AnnotationStore.open(tmp_path / "work.sqlite") as store, Session(random_model, threads=1) as session:
        for number, box in enumerate(BOXES):
            place = (volume, Plane.AXIAL, 1)
            image = ask_both(session, trial, 1, *place, language=Language.EN, box=box).shown.image
            root = store.draw_region(image, "1.2", box, "ann").root_id
            both = ask_both(session, trial, root, *place, language=Language.EN, box=box)
            assert {both.shown.model.adapter, both.hidden.model.adapter} == set(right)
            row = keep_both(store, both, volume, root)
            assert store.suggestions.of_region(root) == row
            assert row.adapter == both.shown.model.adapter
            shown_first += row.adapter == "feedback-1"
            # The person takes the shown name, the hidden one, or another.
            best = [one.candidates[0] for one in (both.shown, both.hidden)]
            final = ("nothing of these", best[0].label, best[1].label)[number % 3]
            label = Label("", final, "") if number % 3 == 0 else Label(best[number % 3 - 1].label_id, final, "")
            store.correct(root, label, "ann")
            for one in (both.shown, both.hidden):
                right[one.model.adapter] += one.candidates[0].label == final
        undecided = store.draw_region(image, "1.2", BOXES[0], "ann").root_id
        keep_both(store, both, volume, undecided)
        summary = summarize_trial(store, random_model.sha256, trial)
        assert summary.regions == len(BOXES)
        assert (summary.first, summary.second) == (right["feedback-1"], right["feedback-2"])
        assert summary.neither == 2
        assert summary.both + summary.neither + (summary.first - summary.both) + (summary.second - summary.both) == 6
        assert summary.first_shown == shown_first
        assert summarize_trial(store, random_model.sha256, trial, regions=2).regions == 2
        assert summarize_trial(store, random_model.sha256, ShadowTrial(None, adapters[0])).regions == 0


def test_either_adapter_is_shown_about_as_often(random_model, tmp_path):
    adapters = [write_adapter(tmp_path / f"feedback-{n}", random_model, seed=n) for n in (1, 2)]
    trial = ShadowTrial(*adapters)
    for step in (1, 2):
        shown = [trial.shown_for(root)[0].id for root in range(1, 1 + 400 * step, step)]
        assert 160 < shown.count("feedback-1") < 240
    assert trial.shown_for(7) == trial.shown_for(7)
