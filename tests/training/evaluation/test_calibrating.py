"""Calibration: fitted on one set, it makes confidence worth what it says on another."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

import gguf  # noqa: E402
from click.testing import CliRunner  # noqa: E402
from scipy.special import expit  # noqa: E402

from engine.progress import NoProgress  # noqa: E402
from engine.protocol import Language, Located, Question, Task, user_text, write_located  # noqa: E402
from engine.regions import Box, Label, LabelSet  # noqa: E402
from engine.runtime import UNCALIBRATED, Calibration, Choice, ModelFile, ModelManifest, verify_files  # noqa: E402
from training.cli_evaluate import evaluate  # noqa: E402
from training.evaluation.answering import GgufAnswerer  # noqa: E402
from training.evaluation.calibrating import (  # noqa: E402
    best_threshold,
    fit_calibration,
    fit_logistic,
    fit_name_map,
    fit_temperature,
)
from training.evaluation.confidences import RankedCase, abstention_of, reliability_of  # noqa: E402
from training.evaluation.predict import predict  # noqa: E402
from training.evaluation.prediction import Prediction, predicted  # noqa: E402
from training.evaluation.summary import summarize  # noqa: E402
from training.phantom_set import PhantomSetSpec, build_phantom_set  # noqa: E402
from training.records import DatasetError, Record, dataset_sha256  # noqa: E402

SHIPPED = Path(__file__).parents[3] / "resources" / "models" / "starter"
NAMES = ("liver", "spleen", "heart", "aorta", "stomach")


def answers(seed: int, count: int, sharpness: float) -> list[Prediction]:
    """Names from a model that knows the true odds and says them `sharpness` times as sure."""
    rng = np.random.default_rng(seed)
    made = []
    for number in range(count):
        odds = rng.normal(0, 1.5, len(NAMES))
        truth = rng.choice(len(NAMES), p=np.exp(odds) / np.exp(odds).sum())
        said = np.exp(odds * sharpness - np.logaddexp.reduce(odds * sharpness))
        order = np.argsort(-said)
        question = Question(Task.REGION_TO_TEXT, Language.EN, 64, 64, "CT", box=Box(1, 1, 20, 20))
        record = Record(
            str(number),
            "a.png",
            64,
            64,
            user_text(question),
            NAMES[truth],
            question.task,
            question.language,
            "CT",
            f"p{number % 9}",
        )
        choices = [Choice(NAMES[i], float(said[i])) for i in order]
        made.append(predicted(record, str(number), choices[0].text, choices, ()))
    return made


def located(seed: int, count: int, scale: float, shift: float) -> list[Prediction]:
    """Boxes, or none, from a model whose odds are the true ones scaled and shifted."""
    rng = np.random.default_rng(seed)
    made = []
    for number in range(count):
        odds = rng.normal(0, 2)
        there = rng.random() < expit(odds)
        question = Question(Task.TEXT_TO_REGION, Language.EN, 64, 64, "CT", names=("liver",))
        truth, wrong = Box(4, 4, 30, 40), Box(40, 4, 60, 20)
        answer = Located("liver", (truth,)) if there else Located("liver", not_present=True)
        sure = rng.normal(0, 2)
        box = truth if there and rng.random() < expit(sure) else wrong
        record = Record(
            str(number),
            "a.png",
            64,
            64,
            user_text(question),
            write_located((answer,), 64, 64, Language.EN),
            question.task,
            question.language,
            "CT",
            f"p{number % 9}",
        )
        raw = write_located((Located("liver", (box,)),), 64, 64, Language.EN)
        score = float(expit(3 * sure))
        made.append(predicted(record, str(number), raw, (), (score,), (odds * scale + shift,)))
    return made


def test_an_overconfident_models_error_falls_on_data_it_was_not_fitted_to():
    calibration = fit_calibration(answers(1, 1500, sharpness=3.0), "validation")
    assert calibration.temperature("region_to_text") == pytest.approx(3.0, rel=0.15)
    held_out = answers(2, 1500, sharpness=3.0)
    before = reliability_of(held_out, UNCALIBRATED, None)["names"]
    after = reliability_of(held_out, calibration, None)["names"]
    assert before is not None
    assert after is not None
    assert before.ece > 0.15
    assert after.ece < 0.05
    assert after.brier < before.brier


def test_an_underconfident_model_is_cooled():
    assert fit_calibration(answers(1, 1500, sharpness=0.4), "v").temperature("region_to_text") == pytest.approx(
        0.4, rel=0.15
    )


def seen(few: int, many: int) -> LabelSet:
    """The first two names learnt from few patients, the others from many."""
    return LabelSet(
        Label(name, name, name, modalities=("CT",), patients=(("CT", few if number < 2 else many),))
        for number, name in enumerate(NAMES)
    )


def unsound(seed: int, count: int) -> list[Prediction]:
    """Answers of which those with one of the first two names are right half as often as they say."""
    rng = np.random.default_rng(seed)
    return [
        replace(one, truth=replace(one.truth, text="heart", labels=("heart",)))
        if one.choices[0].text in NAMES[:2] and rng.random() < 0.5
        else one
        for one in answers(seed, count, sharpness=1.0)
    ]


def test_names_that_few_patients_taught_are_found_to_be_right_less_often():
    labels = seen(1, 200)
    calibration = fit_calibration(unsound(1, 1500), "validation", labels)
    assert calibration.names.experience > 0.1
    # All together the sound names hide it.
    held_out = [one for one in unsound(2, 1500) if one.choices[0].text in NAMES[:2]]
    before = reliability_of(held_out, replace(calibration, names=UNCALIBRATED.names), labels)["names"]
    after = reliability_of(held_out, calibration, labels)["names"]
    assert after.ece < 0.06 < 0.12 < before.ece
    assert after.brier < before.brier


def test_without_numbers_of_patients_names_have_their_temperature_alone():
    some = unsound(1, 400)
    nameless = LabelSet(Label(name, name, name, modalities=("CT",)) for name in NAMES)
    for labels in (None, nameless):
        assert fit_calibration(some, "v", labels).names == UNCALIBRATED.names


def test_experience_is_never_held_against_a_name():
    assert fit_name_map([2.0] * 60, [1] * 30 + [200] * 30, [True] * 30 + [False] * 30).experience == 0


@pytest.mark.parametrize("seed", range(4))
def test_where_all_names_had_as_many_patients_nothing_is_said_of_fewer(seed):
    rng = np.random.default_rng(seed)
    odds = rng.normal(1, 1, 300)
    found = fit_name_map(odds, [50] * 300, rng.random(300) < expit(odds))
    assert found.experience == 0
    assert found.scale == pytest.approx(1, abs=0.45)


def test_a_model_that_does_not_say_how_many_patients_it_had_is_told_of(caplog):
    with caplog.at_level("WARNING"):
        fit_calibration(answers(1, 100, sharpness=1.0), "v", LabelSet(Label(name, name, name) for name in NAMES))
    assert "how many patients taught its names" in caplog.text


def test_presence_and_boxes_are_mapped_to_shares_of_right_ones():
    calibration = fit_calibration(located(1, 2000, scale=4.0, shift=-3.0), "v")
    assert calibration.presence.scale == pytest.approx(0.25, rel=0.15)
    assert calibration.presence.shift == pytest.approx(0.75, abs=0.2)
    held_out = located(2, 2000, scale=4.0, shift=-3.0)
    before, after = reliability_of(held_out, UNCALIBRATED, None), reliability_of(held_out, calibration, None)
    for kind in ("presence", "boxes"):
        assert after[kind].ece < 0.05 < before[kind].ece


def test_the_bound_of_presence_has_the_best_f1_of_absence():
    rng = np.random.default_rng(0)
    there = np.array([True] * 800 + [False] * 200)
    odds = np.where(there, rng.normal(3, 1, 1000), rng.normal(1, 1, 1000))
    bound = best_threshold(list(odds), list(there))
    assert bound is not None

    def f1(at: float) -> float:
        right, wrong = int((odds < at)[~there].sum()), int((odds < at)[there].sum())
        return 2 * right / (right + wrong + 200)

    assert f1(bound) == pytest.approx(max(f1(at) for at in odds), abs=1e-9)
    assert not set(odds) & {bound}
    # Halfway between the bells, where the balanced accuracy is best, more would be denied.
    assert bound < 2.0
    assert (odds < bound)[there].mean() < (odds < 2.0)[there].mean()


def test_odds_that_tell_nothing_give_no_bound():
    assert best_threshold([1.0, 2.0, 3.0], [True, False, False]) is None
    assert best_threshold([1.0, 1.0, 1.0], [True, False, False]) is None


def test_outcomes_that_the_odds_tell_apart_give_a_finite_map():
    found = fit_logistic([-2.0] * 40 + [2.0] * 40, [False] * 40 + [True] * 40)
    assert 0 < found.scale < 50
    assert 0.9 < found.of_odds(2.0) < 1


def test_odds_that_say_nothing_end_as_the_share():
    found = fit_logistic([-1.0, 1.0] * 50, [True, True, True, False] * 25)
    assert found.of_odds(0.0) == pytest.approx(0.75, abs=0.02)
    assert found.scale > 0


def test_a_temperature_has_its_bounds():
    """Answers that are all right would be made certain for ever."""
    assert fit_temperature([RankedCase(np.array([-0.1, -2.3]), 0)] * 60) >= 0.05


def test_a_true_name_that_no_candidate_is_counts_as_wrong_and_is_not_fitted_to():
    some = answers(1, 200, sharpness=1.0)
    lost = [replace(one, truth=replace(one.truth, text="pancreas")) for one in some[:100]]
    assert fit_calibration(lost + some[100:], "v") == fit_calibration(some[100:], "v")
    assert reliability_of(lost, UNCALIBRATED, None)["names"].ece > 0.4


def test_too_few_answers_are_refused():
    with pytest.raises(DatasetError, match="larger validation set"):
        fit_calibration(answers(1, 20, sharpness=1.0), "v")


def test_abstention_tells_what_it_withholds():
    some = answers(1, 1000, sharpness=1.0)
    row = abstention_of(some, UNCALIBRATED, 0.6, None)
    assert row is not None
    assert 0 < row["said"] < 1
    assert row["accuracy_said"] > 0.6 > row["accuracy_withheld"]
    assert abstention_of(some, UNCALIBRATED, 0.0, None)["accuracy_withheld"] is None
    assert abstention_of(located(1, 60, 1, 0), UNCALIBRATED, 0.5, None) is None


@pytest.fixture(scope="module")
def phantoms(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("set") / "phantoms"
    build_phantom_set(out, PhantomSetSpec(1, 3, 2, slices=2, size=224), NoProgress())
    return out


@pytest.fixture
def overconfident(tmp_path: Path) -> Path:
    """The model that ships with its last norm sixteen times as large: as right as ever, and far too sure of it.

    Four times make it too sure of names alone: the digits of its boxes are so much in doubt that their probabilities
    come near to the share of boxes that are right.
    """
    out = tmp_path / "sure"
    shutil.copytree(SHIPPED, out)
    manifest = ModelManifest.read(out)
    text = gguf.GGUFReader(manifest.path("text"), "r+")
    (norm,) = (one for one in text.tensors if one.name == "output_norm.weight")
    norm.data[:] *= 16
    text.data.flush()
    files = {**manifest.files, "text": ModelFile.of(manifest.path("text"))}
    replace(manifest, files=files, scores={}, calibration=UNCALIBRATED).write()
    return out


def run(*arguments: str) -> dict:
    result = CliRunner().invoke(evaluate, [*arguments, "--json"])
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_the_command_calibrates_an_overconfident_model_and_its_error_falls_on_the_test_set(overconfident, phantoms):
    manifest = ModelManifest.read(overconfident)
    fitted = run(str(overconfident), str(phantoms / "validation"), "--calibrate")["calibration"]
    assert fitted["fitted_here"]
    assert fitted["ece_bins"] == 10
    calibrated = ModelManifest.read(overconfident)
    assert calibrated.calibration.temperature("region_to_text") > 4
    assert calibrated.calibration.presence.scale < 0.4
    assert calibrated.calibration.dataset_sha256 == dataset_sha256(phantoms / "validation")
    assert calibrated.sha256 == manifest.sha256
    verify_files(calibrated)
    # The bound that was fitted decides what is asked from now on, also here.
    with GgufAnswerer(calibrated) as answerer:
        answered = predict(answerer, phantoms / "test", NoProgress())
    report = summarize(answered, answerer.facts, phantoms / "test")
    figures = report["calibration"]
    assert not figures["fitted_here"]
    # So few answers have a noisy ECE, which is tested on generated ones above; a proper score is steadier.
    assert figures["presence"]["brier"] < figures["presence"]["brier_before"]
    # Of boxes the starter's own probabilities are near the truth already: on so few phantoms a map may cost a little.
    assert figures["boxes"]["brier"] < figures["boxes"]["brier_before"] + 0.02
    below = calibrated.calibration.absent_below()
    found = [one for one in answered.predictions if one.record.task is Task.TEXT_TO_REGION]
    assert found
    for one in found:
        drawn = {name.casefold() for name, _ in one.match.said}
        for name, odds in zip(one.question.names, one.presence, strict=True):
            assert (name.casefold() in drawn) == (odds >= below)
    assert report["metrics"]["text_to_region"]["presence"]["balanced_accuracy"] > 0.7


def test_the_set_of_a_card_and_that_of_a_calibration_are_two(overconfident, phantoms, tmp_path):
    """Refused before a question is asked."""
    manifest = ModelManifest.read(overconfident)
    test = phantoms / "test"
    scored = replace(manifest, scores={"dataset_sha256": dataset_sha256(test)})
    scored.write()
    result = CliRunner().invoke(evaluate, [str(overconfident), str(test), "--calibrate"])
    assert isinstance(result.exception, DatasetError)
    assert "very set" in str(result.exception)
    assert ModelManifest.read(overconfident) == scored
    facts = tmp_path / "facts.toml"
    facts.write_text('licence = "none"', encoding="utf-8")
    replace(manifest, calibration=Calibration({"region_to_text": 2.0}, dataset_sha256=dataset_sha256(test))).write()
    result = CliRunner().invoke(evaluate, [str(overconfident), str(test), "--card", str(facts)])
    assert isinstance(result.exception, DatasetError)
    assert "calibrated on this very set" in str(result.exception)
    both = CliRunner().invoke(evaluate, [str(overconfident), str(test), "--card", str(facts), "--calibrate"])
    assert both.exit_code == 2
