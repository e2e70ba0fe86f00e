"""Which image to label next: active learning, as a pure function of what models said and of how images look.

Of the images that wait, again and again the one with the highest ::

    score = u * d * r,  each factor x of 0..1 taken as (x + F) / (1 + F) with F = 0.05

u, uncertainty : mean over what the model said of the image of the entropy of its answer, in shares of the highest
    there could be (uncertainty sampling: B. Settles, Active Learning Literature Survey, 2009, section 3.1). The mean
    and not the sum, because a person's work grows with the number of regions too.
d, diversity : distance to the nearest image that is labelled or already chosen, in shares of the largest such
    distance (greedy k-centre: O. Sener & S. Savarese, Active Learning for Convolutional Neural Networks: A Core-Set
    Approach, ICLR 2018, algorithm 1). 1 for all while there is no other image to be near to.
r, rarity : mean over the labels that the image probably shows of ``log((N + 1) / (n + 1)) / log(N + 1)``, weighted by
    their probabilities (inverse document frequency: K. Spaerck Jones, Journal of Documentation 28 (1972) 11); n of the
    N labelled regions have that label. What is chosen counts as labelled with what it probably shows. 1 for all while
    nothing is labelled, and for an image of which nothing is known.

F keeps one factor of 0 from making the others meaningless.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

FLOOR = 0.05


@dataclass(frozen=True, slots=True)
class Said:
    """One answer about an image. odds : the probability of each label key; what is missing to 1 is any other label."""

    odds: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Waiting:
    """An image that waits to be labelled, under a key of the caller's. said : nothing where no model was asked."""

    key: int
    said: Sequence[Said] = field(default_factory=tuple)


@dataclass(frozen=True, slots=True)
class Ranked:
    """An image in its place, with the factors of its score as they were when it was chosen, each 0..1."""

    key: int
    score: float
    uncertainty: float
    diversity: float
    rarity: float


def order_images(
    waiting: Sequence[Waiting],
    counts: Mapping[str, float],
    features: NDArray[np.float64] | None = None,
    labelled: NDArray[np.float64] | None = None,
    limit: int | None = None,
) -> list[Ranked]:
    """The images, what to label first at the front. The same input gives the same order.

    counts : labelled regions by label key. features : (len(waiting), d), near each other where images look alike;
    None leaves diversity out. labelled : (m, d) of the images that are labelled. limit : how many to give, all when
    None. Equal scores keep the order in which they came.
    """
    count = len(waiting)
    assert features is None or len(features) == count, "each image has its features"
    doubts = np.array([uncertainty(one.said) for one in waiting], float)
    near = np.full(count, np.inf)
    if features is not None and labelled is not None:
        for one in labelled:
            near = np.minimum(near, _distances(features, one))
    labels = sorted({label for one in waiting for said in one.said for label in said.odds})
    expected = _expected(waiting, labels)
    known = np.array([counts.get(label, 0) for label in labels], float)
    total = float(sum(counts.values()))
    left = np.ones(count, bool)
    ranked: list[Ranked] = []
    while len(ranked) < (count if limit is None else min(count, limit)):
        diverse, rare = _shares(near, left), _rarities(expected, known, total)
        scores = _lifted(doubts) * _lifted(diverse) * _lifted(rare)
        best = int(np.argmax(np.where(left, scores, -1.0)))
        left[best] = False
        factors = (float(values[best]) for values in (scores, doubts, diverse, rare))
        ranked.append(Ranked(waiting[best].key, *factors))
        known = known + expected[best]
        total += float(expected[best].sum())
        if features is not None:
            near = np.minimum(near, _distances(features, features[best]))
    return ranked


def uncertainty(said: Sequence[Said]) -> float:
    """Mean normalised entropy of some answers, 0..1; 1 where nothing is known, for nobody is sure of that."""
    if not said:
        return 1.0
    return sum(_entropy(list(one.odds.values())) for one in said) / len(said)


def _entropy(odds: Sequence[float]) -> float:
    """Of the named labels and of any other, in shares of the most that so many could have."""
    if not odds:
        return 1.0
    known = [min(1.0, max(0.0, one)) for one in odds]
    total = sum(known)
    # Rounded probabilities may add up to a little more than 1.
    shares = [one / total for one in known] + [0.0] if total > 1 else [*known, 1 - total]
    return -sum(share * math.log(share) for share in shares if share > 0) / math.log(len(shares))


def _expected(waiting: Sequence[Waiting], labels: Sequence[str]) -> NDArray[np.float64]:
    """(images, labels): how many regions of each label an image probably has."""
    place = {label: number for number, label in enumerate(labels)}
    found = np.zeros((len(waiting), len(labels)))
    for row, one in enumerate(waiting):
        for said in one.said:
            for label, share in said.odds.items():
                found[row, place[label]] += share
    return found


def _rarities(expected: NDArray[np.float64], known: NDArray[np.float64], total: float) -> NDArray[np.float64]:
    weights = expected.sum(axis=1)
    if total <= 0:
        return np.ones(len(expected))
    rare: NDArray[np.float64] = np.log((total + 1) / (known + 1)) / np.log(total + 1)
    means: NDArray[np.float64] = np.where(weights > 0, expected @ rare / np.where(weights > 0, weights, 1), 1.0)
    return means


def _shares(near: NDArray[np.float64], left: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Distances in shares of the largest among those that are left."""
    most = near[left].max()
    if not np.isfinite(most) or most <= 0:
        return np.ones(len(near))
    shares: NDArray[np.float64] = np.clip(near / most, 0, 1)
    return shares


def _lifted(factor: NDArray[np.float64]) -> NDArray[np.float64]:
    lifted: NDArray[np.float64] = (factor + FLOOR) / (1 + FLOOR)
    return lifted


def _distances(features: NDArray[np.float64], one: NDArray[np.float64]) -> NDArray[np.float64]:
    found: NDArray[np.float64] = np.linalg.norm(features - one, axis=1)
    return found
