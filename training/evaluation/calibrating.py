"""Fits a model's calibration to its answers on a validation set, and keeps it in the model's manifest.

The validation set is never the one that a card's figures come from: they would flatter the model.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize, minimize_scalar
from scipy.special import expit, logsumexp
from sklearn.metrics import precision_recall_curve

from engine.labels import LabelSet
from engine.protocol import Task
from engine.runtime import UNCALIBRATED, Calibration, LogisticMap, ModelError, ModelManifest, NameMap
from engine.runtime.calibration import log_odds_of
from training.evaluation.confidences import CHOOSING, RankedCase, box_cases, presence_cases, ranked_cases
from training.evaluation.prediction import Prediction
from training.records import DatasetError

logger = logging.getLogger(__name__)

LEAST_CASES = 50
"""With fewer answers of a kind nothing is fitted to them."""

_COLDEST, _HOTTEST = 0.05, 20.0
_EXPERIENCE = 0.5


def fit_calibration(
    predictions: Sequence[Prediction], dataset_sha256: str, labels: LabelSet | None = None
) -> Calibration:
    """Fit everything there are enough answers for; what there is not stays as it is, and the log says so.

    predictions : of a model without calibration, on a validation set. labels : the names that it knows.
    Raises `DatasetError` when there is nothing to fit.
    """
    temperatures = {}
    for task in CHOOSING:
        cases = [case for case in ranked_cases(predictions, task, labels) if case.truth is not None]
        if len(cases) >= LEAST_CASES:
            temperatures[task.value] = fit_temperature(cases)
        elif cases:
            logger.warning("only %d ranked answers of the task %s: its temperature stays 1", len(cases), task.value)
    names = _fit_names(predictions, temperatures, labels)
    presence, above, bound = UNCALIBRATED.presence, None, None
    odds, there = presence_cases(predictions)
    if _enough(there, "answers whether something is there"):
        presence = fit_logistic(odds, there)
        bound = best_threshold(odds, there)
        above = None if bound is None else presence.of_odds(bound)
    boxes = UNCALIBRATED.boxes
    confidences, right = box_cases(predictions, bound)
    if _enough(right, "boxes"):
        boxes = fit_logistic([log_odds_of(one) for one in confidences], right)
    made = Calibration(temperatures, presence, above, boxes, dataset_sha256, names)
    if made == Calibration(dataset_sha256=dataset_sha256):
        raise DatasetError(
            f"nothing can be calibrated: a kind of answer needs {LEAST_CASES} questions, some answered right and some "
            "wrong; take a larger validation set"
        )
    return made


def _fit_names(
    predictions: Sequence[Prediction], temperatures: Mapping[str, float], labels: LabelSet | None
) -> NameMap:
    task = Task.REGION_TO_TEXT
    ranked = ranked_cases(predictions, task, labels)
    cases = [case for case in ranked if case.patients is not None]
    if ranked and not cases:
        logger.warning("the model does not say how many patients taught its names: they keep their temperature alone")
    right = [case.truth == 0 for case in cases]
    if not _enough(right, "names with known numbers of patients"):
        return UNCALIBRATED.names
    odds = [log_odds_of(case.probability(temperatures.get(task.value, 1.0))) for case in cases]
    return fit_name_map(odds, [case.patients or 0 for case in cases], right)


def _enough(outcomes: Sequence[bool], what: str) -> bool:
    enough = len(outcomes) >= LEAST_CASES and 0 < sum(outcomes) < len(outcomes)
    if outcomes and not enough:
        logger.warning("too few %s (%d, %d of them so) to calibrate them", what, len(outcomes), sum(outcomes))
    return enough


def fit_temperature(cases: Sequence[RankedCase]) -> float:
    """The temperature under which the true candidates are likeliest (Guo et al., ICML 2017, section 4.2).

    A bounded search over its logarithm: the mean negative log-likelihood has one minimum in 1/T.
    """
    widest = max(len(case.scores) for case in cases)
    scores = np.full((len(cases), widest), -np.inf)
    for row, case in zip(scores, cases, strict=True):
        row[: len(case.scores)] = case.scores
    true = scores[np.arange(len(cases)), [case.truth or 0 for case in cases]]

    def loss(log_temperature: float) -> float:
        heat = math.exp(-log_temperature)
        return float(np.mean(logsumexp(scores * heat, axis=1) - true * heat))

    found = minimize_scalar(loss, bounds=(math.log(_COLDEST), math.log(_HOTTEST)), method="bounded")
    return round(math.exp(found.x), 4)


def fit_logistic(odds: Sequence[float], outcomes: Sequence[bool]) -> LogisticMap:
    """The map of log-odds under which the outcomes are likeliest (Platt 1999).

    His targets, a little inside of 0 and 1, keep the map finite where the odds tell all outcomes apart.
    """
    x, y = np.array(odds, float), np.array(outcomes, bool)
    target = _targets(y)

    def loss(parameters: tuple[float, float]) -> tuple[float, list[float]]:
        scale, shift = parameters
        z = scale * x + shift
        error = (expit(z) - target) / len(x)
        return float(np.mean(np.logaddexp(0, z) - target * z)), [float(error @ x), float(error.sum())]

    start = (1.0, log_odds_of(float(y.mean())))
    found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=((1e-3, 50.0), (-50.0, 50.0)))
    return LogisticMap(round(float(found.x[0]), 5), round(float(found.x[1]), 5))


def _targets(outcomes: NDArray[np.bool_]) -> NDArray[np.float64]:
    yes, no = int(outcomes.sum()), int((~outcomes).sum())
    return np.where(outcomes, (yes + 1) / (yes + 2), 1 / (no + 2))


def fit_name_map(odds: Sequence[float], patients: Sequence[int], outcomes: Sequence[bool]) -> NameMap:
    """The map of log-odds and numbers of patients under which the outcomes are likeliest.

    A logistic regression with the targets of `fit_logistic`. Experience is never held against a name, and is 0 where
    nothing speaks for it: a normal prior of standard deviation 0.5 stands against what chance makes of numbers of
    patients that hardly differ. The map goes on as it is to fewer patients than any of these names had.
    """
    known = np.log1p(np.array(patients, float))
    # Centred, else the prior would hold the shift as well.
    x = np.stack([np.array(odds, float), np.ones(len(odds)), known - known.mean()], axis=1)
    target = _targets(np.array(outcomes, bool))
    precision = np.array([0.0, 0.0, _EXPERIENCE**-2]) / len(x)

    def loss(parameters: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        z = x @ parameters
        error = (expit(z) - target) / len(x)
        held = float(precision @ parameters**2) / 2
        return float(np.mean(np.logaddexp(0, z) - target * z)) + held, error @ x + precision * parameters

    found = minimize(loss, (1.0, 0.0, 0.0), jac=True, method="L-BFGS-B", bounds=((1e-3, 50), (-50, 50), (0, 50)))
    scale, shift, experience = map(float, found.x)
    return NameMap(round(scale, 5), round(shift - experience * float(known.mean()), 5), round(experience, 5))


def best_threshold(odds: Sequence[float], there: Sequence[bool]) -> float | None:
    """The odds below which "not present" has the best F1; None where the odds tell nothing.

    Not balanced accuracy: where most of what is asked for is there it would deny many things for each absent one it
    gains, and a person who is told that a thing is not there does not look again. The bound lies halfway between the
    two answers that it parts.
    """
    values, absent = np.array(odds, float), ~np.array(there, bool)
    precision, recall, thresholds = precision_recall_curve(absent, -values)
    f1 = 2 * precision * recall / np.maximum(precision + recall, 1e-12)
    # Thresholds rise: of equal ones the last denies the fewest. The curve's end has none.
    last_denied = -thresholds[np.flatnonzero(f1[:-1] == f1[:-1].max())[-1]]
    denied = values <= last_denied
    kept = values[~denied]
    if not len(kept) or denied[absent].mean() <= denied[~absent].mean():
        return None
    return float((last_denied + kept.min()) / 2)


def keep_calibration(manifest: ModelManifest, calibration: Calibration) -> ModelManifest:
    """Write a calibration into a model's manifest; its weights, their hashes and its self-test stay as they are.

    Raises `DatasetError` when the model's figures come from the set it was fitted on, `ModelError` when the manifest
    cannot be written.
    """
    require_other_set(manifest, calibration.dataset_sha256)
    updated = replace(manifest, calibration=calibration)
    try:
        updated.write()
    except OSError as error:
        raise ModelError(f"cannot write the manifest of {manifest.folder}: {error.strerror}") from error
    return updated


def require_other_set(manifest: ModelManifest, dataset_sha256: str) -> None:
    """Raise `DatasetError` when the model's figures come from this set."""
    if manifest.scores.get("dataset_sha256") == dataset_sha256:
        raise DatasetError(
            f"the figures of {manifest.id} come from this very set: calibrate it on a validation set, not on the "
            "test set"
        )
