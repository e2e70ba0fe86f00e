"""How many labels a model needs when people label what it asks for first, and how many in random order.

The learner is a linear one (logistic regression) on what the tower and the connector say of each region: to train an
adapter for every budget, order and seed would take days on two cores. The doubt is the learner's own, asked anew after
each round as a person's model would be after each fine-tuning; the order is `engine.feedback.ordering`'s.
"""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression

from engine.feedback.ordering import Said, Waiting, order_images
from engine.progress import Cancelled, Progress
from training.evaluation.classes import mean_label_recall
from training.feedback_bench.pool import Pool

_C = 10.0
"""Inverse strength of the learner's penalty, on features as `scaled_features` gives them."""
_STEPS = 100
_COMPONENTS = 128
_FIRST = 10
_ROUND = 10
"""Pictures that are labelled before the learner is asked, and in each round."""
_TEST_SHARE = 0.4
LEARNER = "logistic regression on region features of the model's own tower and connector"

Chooser = Callable[["Learner", list[int], list[int], int], list[int]]


@dataclass(frozen=True, slots=True)
class Point:
    """What a learner could after so many labels. accuracy : share of the test regions named right. recall : mean of
    the labels' recalls.
    """

    pictures: int
    labels: int
    accuracy: float
    recall: float


class Learner:
    """Names regions. Knows the labels that it was shown."""

    def __init__(self, pool: Pool, scaled: NDArray[np.float64], regions: NDArray[np.int64]) -> None:
        self.pool = pool
        self.scaled = scaled
        truth = pool.labels[regions]
        self.names: list[str] = sorted(set(truth.tolist()))
        self._model: LogisticRegression | None = None
        if len(self.names) > 1:
            self._model = LogisticRegression(C=_C, max_iter=_STEPS, tol=1e-3)
            with warnings.catch_warnings():
                # A little short of the optimum is near enough, for all orders alike; many names of few regions are meant.
                warnings.simplefilter("ignore", ConvergenceWarning)
                warnings.simplefilter("ignore", UserWarning)
                self._model.fit(scaled[regions], truth)
            self.names = [str(name) for name in self._model.classes_]

    def odds(self, regions: NDArray[np.int64]) -> NDArray[np.float64]:
        """(regions, names): how probable each name is."""
        if self._model is None:
            return np.ones((len(regions), 1))
        odds: NDArray[np.float64] = self._model.predict_proba(self.scaled[regions])
        return odds

    def said(self, pictures: Sequence[int]) -> list[Waiting]:
        """What it says of the regions of some pictures, as the ordering takes it."""
        regions = self.pool.regions_of(pictures)
        answers: dict[int, list[Said]] = {picture: [] for picture in pictures}
        for region, row in zip(regions, self.odds(regions).tolist(), strict=True):
            answers[int(self.pool.pictures[region])].append(Said(dict(zip(self.names, row, strict=True))))
        return [Waiting(picture, answers[picture]) for picture in pictures]

    def score(self, regions: NDArray[np.int64]) -> tuple[float, float]:
        """Accuracy and mean of the labels' recalls."""
        said = np.array(self.names)[self.odds(regions).argmax(axis=1)]
        truth = self.pool.labels[regions]
        hits = (said == truth).astype(float).tolist()
        return float(np.mean(hits)), mean_label_recall(truth.tolist(), hits)


def product_order(learner: Learner, waiting: list[int], labelled: list[int], count: int) -> list[int]:
    """The next pictures as `medrega feedback order` puts them."""
    pool = learner.pool
    counts = Counter(map(str, pool.labels[pool.regions_of(labelled)]))
    ranked = order_images(
        learner.said(waiting), counts, pool.looks[waiting], pool.looks[labelled], limit=count
    )
    return [one.key for one in ranked]


def random_order(seed: int) -> Chooser:
    """Always the first of a shuffled list, whatever the learner says."""
    rng = np.random.default_rng([seed, 1])
    places: dict[int, float] = {}

    def choose(learner: Learner, waiting: list[int], labelled: list[int], count: int) -> list[int]:
        for picture in waiting:
            places.setdefault(picture, float(rng.random()))
        return sorted(waiting, key=lambda picture: places[picture])[:count]

    return choose


@dataclass(frozen=True, slots=True)
class Trial:
    """One seed: who is labelled and who judges. first : pictures that are labelled before anything is asked."""

    first: tuple[int, ...]
    waiting: tuple[int, ...]
    test: NDArray[np.int64]

    @classmethod
    def draw(cls, pool: Pool, seed: int) -> Trial:
        """Patients are dealt whole."""
        rng = np.random.default_rng([seed, 0])
        patients = sorted(set(pool.patients.tolist()))
        judges = set(rng.permutation(patients)[: round(_TEST_SHARE * len(patients))].tolist())
        held = np.isin(pool.patients, sorted(judges))
        with_regions = np.unique(pool.pictures)
        free = rng.permutation([int(one) for one in with_regions if not held[one]]).tolist()
        test = pool.regions_of([int(one) for one in np.flatnonzero(held)])
        return cls(tuple(free[:_FIRST]), tuple(sorted(free[_FIRST:])), test)


def learning_curve(
    pool: Pool, trial: Trial, choose: Chooser, progress: Progress, *, per_round: int = _ROUND
) -> list[Point]:
    """Label the pictures of a trial in rounds, as `choose` says, until all are; a point for each round.

    Raises `Cancelled`.
    """
    scaled = scaled_features(pool)
    labelled, waiting = list(trial.first), list(trial.waiting)
    points = []
    while True:
        if progress.cancelled():
            raise Cancelled
        regions = pool.regions_of(labelled)
        learner = Learner(pool, scaled, regions)
        points.append(Point(len(labelled), len(regions), *learner.score(trial.test)))
        progress.report(len(labelled), len(labelled) + len(waiting), "labelling")
        if not waiting:
            return points
        chosen = choose(learner, waiting, labelled, per_round)
        labelled += chosen
        taken = set(chosen)
        waiting = [one for one in waiting if one not in taken]


def scaled_features(pool: Pool) -> NDArray[np.float64]:
    """(N, at most 128): the features' main components over the pool. No label is looked at.

    Each feature has variance 1 before; the first component has variance 1 after, so that a penalty means the same for
    any tower.
    """
    values = pool.features.astype(float)
    spread = values.std(axis=0)
    values = (values - values.mean(axis=0)) / np.where(spread > 0, spread, 1)
    left, sizes, _ = np.linalg.svd(values, full_matrices=False)
    kept: NDArray[np.float64] = (left * sizes)[:, :_COMPONENTS]
    return kept / max(float(kept[:, 0].std()), 1e-12)


def labels_to_reach(points: Sequence[Point], target: float, figure: str = "accuracy") -> float | None:
    """After how many labels a curve first reaches a figure, between two points on the line that joins them.

    None where it never does.
    """
    before: Point | None = None
    for point in points:
        value = getattr(point, figure)
        if value >= target:
            if before is None:
                return float(point.labels)
            low = getattr(before, figure)
            return before.labels + (point.labels - before.labels) * (target - low) / (value - low)
        before = point
    return None
