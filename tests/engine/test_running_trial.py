"""A trial that goes on after the window was closed: what it is of, what counts, what cannot be."""

from __future__ import annotations

import shutil
from dataclasses import replace

import pytest

from engine.protocol import Task
from engine.regions import Box, Label
from engine.running_trial import begin_trial, end_trial, running_trial
from engine.runtime import ModelError, registry
from engine.shadow import ShadowTrial
from engine.store import AnnotationStore
from tests.clinic import LIVER, SPLEEN, answer, see, write_clinic
from tests.engine.runtime.tiny_adapter import write_adapter


@pytest.fixture
def pair(random_model, tmp_path, monkeypatch):
    monkeypatch.setattr(registry, "model_folders", lambda: (tmp_path / "models", tmp_path / "shipped"))
    return [write_adapter(tmp_path / f"feedback-{n}", random_model, seed=n) for n in (1, 2)]


def test_a_trial_is_found_again_until_it_is_ended(random_model, pair):
    assert running_trial(random_model) is None
    begun = begin_trial(random_model, ShadowTrial(None, pair[1]), 20, "ann")
    assert running_trial(random_model) == begun
    assert (begun.trial.first, begun.trial.second, begun.regions, begun.who) == (None, pair[1], 20, "ann")
    with pytest.raises(ModelError, match="another comparison is running"):
        begin_trial(random_model, ShadowTrial(*pair), 20, "ann")
    end_trial(random_model)
    end_trial(random_model)
    assert running_trial(random_model) is None


def test_one_adapter_alone_and_another_models_are_refused(random_model, pair, make_model):
    with pytest.raises(ModelError, match="two different adapters"):
        begin_trial(random_model, ShadowTrial(pair[0], pair[0]), 20, "ann")
    with pytest.raises(ModelError, match="two different adapters"):
        begin_trial(random_model, ShadowTrial(None, None), 20, "ann")
    with pytest.raises(ModelError, match="another model"):
        begin_trial(make_model(3), ShadowTrial(*pair), 20, "ann")
    assert running_trial(random_model) is None


def test_an_adapter_that_was_exchanged_meanwhile_is_an_error(random_model, pair, tmp_path):
    begin_trial(random_model, ShadowTrial(*pair), 20, "ann")
    shutil.rmtree(tmp_path / "feedback-2")
    write_adapter(tmp_path / "feedback-2", random_model, seed=9)
    with pytest.raises(ModelError, match="is not the one that is compared"):
        running_trial(random_model)
    end_trial(random_model)


def test_only_what_was_asked_since_it_began_counts_and_no_more_than_was_wanted(random_model, pair, tmp_path):
    scan = write_clinic(tmp_path / "clinic", ["Okafor^Ada"])[0]
    with AnnotationStore.open(tmp_path / "a.sqlite") as store:

        def named_by_both(number: int, first: Label, second: Label, final: Label) -> None:
            image, study = see(scan)
            box = Box(5 + number, 6, 30 + number, 40)
            root = store.draw_region(image, study, box, "ann").root_id
            for adapter, label in zip(pair, (first, second), strict=True):
                said = answer(image, label, box, task=Task.REGION_TO_TEXT, adapter=adapter.id)
                model = replace(said.model, sha256=random_model.sha256)
                store.record_suggestion(replace(said, model=model), study, root)
            store.correct(root, final, "ann")

        named_by_both(0, LIVER, SPLEEN, LIVER)
        trial = begin_trial(random_model, ShadowTrial(*pair), 3, "ann")
        assert trial.summary(store, random_model).regions == 0
        for number, (first, second, final) in enumerate(
            [(LIVER, SPLEEN, SPLEEN), (LIVER, LIVER, LIVER), (LIVER, SPLEEN, SPLEEN), (LIVER, SPLEEN, LIVER)], start=1
        ):
            named_by_both(number, first, second, final)
        told = trial.summary(store, random_model)
        assert (told.regions, told.first, told.second, told.both, told.neither) == (3, 1, 3, 1, 0)
        # Two regions that only the second named right: as uneven by chance in two of four cases.
        assert told.chance == pytest.approx(0.5)
