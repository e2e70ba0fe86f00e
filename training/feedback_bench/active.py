"""How many labels a model needs when people label what it asks for first, and how many in random order.

The learner is a linear one (logistic regression) on what the tower and the connector say of each region: to train an
adapter for every budget, order and seed would take days on two cores. The doubt is the learner's own, asked anew after
each round as a person's model would be after each fine-tuning; the order is `engine.feedback.ordering`'s.
"""

from __future__ import annotations

import math
import statistics
import warnings
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression

from engine.feedback.ordering import Said, Waiting, order_images
from engine.progress import Cancelled, Progress
from training.evaluation.classes import mean_label_recall
from training.feedback_bench.pool import Pool
from training.records import DatasetError

_C = 10.0
"""Inverse strength of the learner's penalty, on features as `scaled_features` gives them."""
_STEPS = 100
_COMPONENTS = 128
_FIRST = 10
_ROUND = 10
"""Pictures that are labelled before the learner is asked, and in each round."""
_TEST_SHARE = 0.4
SHARES = (0.8, 0.9, 0.95)
"""Of the figure that all labels together give: how much of it is to be reached."""
MAIN_SHARE = 0.9
FIGURES = ("accuracy", "recall")
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
                # A little short of the optimum is near enough, for all orders alike; few regions of a name are meant.
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
    ranked = order_images(learner.said(waiting), counts, pool.looks[waiting], pool.looks[labelled], limit=count)
    return [one.key for one in ranked]


def random_order(seed: int) -> Chooser:
    """Any of those that wait, whatever the learner says."""
    rng = np.random.default_rng([seed, 1])

    def choose(learner: Learner, waiting: list[int], labelled: list[int], count: int) -> list[int]:
        return [waiting[int(number)] for number in rng.permutation(len(waiting))[:count]]

    return choose


@dataclass(frozen=True, slots=True, eq=False)
class Trial:
    """Who is labelled and who judges. first : pictures that are labelled before anything is asked.

    test : numbers of the regions that judge.
    """

    first: tuple[int, ...]
    waiting: tuple[int, ...]
    test: NDArray[np.int64]

    @classmethod
    def draw(cls, pool: Pool, seed: int, start: int = 0) -> Trial:
        """Patients are dealt whole, by the seed alone. start : draws other first pictures."""
        rng = np.random.default_rng([2026, seed])
        patients = sorted(set(pool.patients.tolist()))
        judges = set(rng.permutation(patients)[: round(_TEST_SHARE * len(patients))].tolist())
        held = np.isin(pool.patients, sorted(judges))
        free = sorted(int(one) for one in np.unique(pool.pictures) if not held[one])
        test = pool.regions_of([int(one) for one in np.flatnonzero(held)])
        if len(free) <= _FIRST or not len(test):
            raise DatasetError(
                f"the pool has {len(free)} pictures to label and {len(test)} regions to judge by: too few"
            )
        drawn = np.random.default_rng([2026, seed, start, 1]).permutation(free).tolist()
        return cls(tuple(drawn[:_FIRST]), tuple(sorted(drawn[_FIRST:])), test)


def learning_curve(
    pool: Pool, scaled: NDArray[np.float64], trial: Trial, choose: Chooser, progress: Progress
) -> list[Point]:
    """Label the pictures of a trial in rounds, as `choose` says, until all are; a point for each round.

    scaled : of `scaled_features`. Raises `Cancelled`.
    """
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
        chosen = choose(learner, waiting, labelled, _ROUND)
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


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """The mean of several learning curves at the same numbers of labels, all (G,). accuracy, recall : see `Point`."""

    labels: NDArray[np.float64]
    accuracy: NDArray[np.float64]
    recall: NDArray[np.float64]

    def to_json(self) -> dict[str, list[float]]:
        """Plain data."""
        return {field.name: np.round(getattr(self, field.name), 4).tolist() for field in fields(self)}


def mean_curve(curves: Sequence[Sequence[Point]], grid: NDArray[np.float64]) -> Curve:
    """Between two points a curve is the line that joins them."""

    def mean(figure: str) -> NDArray[np.float64]:
        lines = [
            np.interp(grid, [one.labels for one in points], [getattr(one, figure) for one in points])
            for points in curves
        ]
        found: NDArray[np.float64] = np.mean(lines, axis=0)
        return found

    return Curve(grid, mean("accuracy"), mean("recall"))


def labels_to_reach(labels: NDArray[np.float64], values: NDArray[np.float64], target: float) -> float:
    """After how many labels a curve first reaches a figure, on the line between two points; infinite where never."""
    reached = np.flatnonzero(values >= target)
    if not len(reached):
        return math.inf
    place = int(reached[0])
    if place == 0:
        return float(labels[0])
    low, high = float(values[place - 1]), float(values[place])
    share = (target - low) / (high - low)
    return float(labels[place - 1] + share * (labels[place] - labels[place - 1]))


@dataclass(frozen=True, slots=True)
class Needed:
    """Labels that it takes to reach a share of what all of them give, in the product's order and in a random one."""

    share: float
    target: float
    product: float
    random: float

    @property
    def ratio(self) -> float:
        """The product's order in shares of the random one."""
        return self.product / self.random


@dataclass(frozen=True, slots=True, eq=False)
class SeedResult:
    """One deal of the patients. needed : by figure, ``accuracy`` and ``recall``, for each of `SHARES`."""

    seed: int
    product: Curve
    random: Curve
    needed: dict[str, tuple[Needed, ...]]

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "seed": self.seed,
            "needed": {
                name: [asdict(one) | {"ratio": one.ratio} for one in some] for name, some in self.needed.items()
            },
            "curves": {"product": self.product.to_json(), "random": self.random.to_json()},
        }


def measure_seed(pool: Pool, scaled: NDArray[np.float64], seed: int, starts: int, progress: Progress) -> SeedResult:
    """Label the same pictures in both orders, from the same first ones. starts : times, from others each time.

    Raises `DatasetError` for too small a pool, `Cancelled`.
    """
    trials = [Trial.draw(pool, seed, start) for start in range(starts)]
    product = [learning_curve(pool, scaled, trial, product_order, progress) for trial in trials]
    chance = [
        learning_curve(pool, scaled, trial, random_order(1000 * seed + start), progress)
        for start, trial in enumerate(trials)
    ]
    first = max(points[0].labels for points in (*product, *chance))
    grid = np.arange(first, product[0][-1].labels + 1, dtype=float)
    ours, random = mean_curve(product, grid), mean_curve(chance, grid)
    needed = {}
    for figure in FIGURES:
        # The same for both: in the end everything is labelled.
        whole = float(getattr(random, figure)[-1])
        needed[figure] = tuple(
            Needed(
                share,
                share * whole,
                labels_to_reach(grid, getattr(ours, figure), share * whole),
                labels_to_reach(grid, getattr(random, figure), share * whole),
            )
            for share in SHARES
        )
    return SeedResult(seed, ours, random, needed)


def median_ratio(results: Sequence[SeedResult], figure: str, share: float) -> float:
    """Over the seeds, for one of `SHARES`."""
    return statistics.median(one.ratio for result in results for one in result.needed[figure] if one.share == share)
