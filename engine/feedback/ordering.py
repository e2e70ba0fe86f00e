"""Which image to label next: active learning, as a pure function of what models said and of how images look.

Of the images that wait, again and again the one that stands for most of what is not yet known ::

    score = d * (mean of u * r over what it stands for),  u and r taken as (x + F) / (1 + F) with F = 0.05

u, uncertainty : mean over what the model said of an image of the entropy of its answer, in shares of the highest
    there could be (uncertainty sampling: B. Settles, Active Learning Literature Survey, 2009, section 3.1). The mean
    and not the sum, because a person's work grows with the number of regions too.
r, rarity : mean over the labels that an image probably shows of ``log((N + 1) / (n + 1)) / log(N + 1)``, weighted by
    their probabilities (inverse document frequency: K. Spaerck Jones, Journal of Documentation 28 (1972) 11); n of the
    N labelled regions have that label. What is chosen counts as labelled with what it probably shows. 1 for all while
    nothing is labelled, and for an image of which nothing is known.
d, diversity : how much of what waits looks like the image and not yet like one that is labelled or chosen, in shares
    of the most that any could add (facility location: K. Wei, R. Iyer & J. Bilmes, Submodularity in Data Subset
    Selection and Active Learning, ICML 2015, section 4). Images look alike by ``exp(-distance^2 / 2 h^2)``, h twice the
    median distance to the fifth neighbour. That gain is also what weighs the mean over what an image stands for.

F keeps one factor of 0 from making the others meaningless. An image that looks like no other stands for itself alone:
the distance to the nearest known one (greedy k-centre), which puts such images first, needed half as many labels again
(`medrega bench feedback`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

FLOOR = 0.05
_NEIGHBOUR = 5
_STOOD_FOR = 2000
"""The most images that others are said to stand for: more are no better and take minutes."""
_ONE_BY_ONE = 300
_PIECE = 1000


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
    """An image in its place, with the factors of its score as they were when it was chosen, each 0..1.

    uncertainty, rarity : mean over what it stands for, see the module.
    """

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
    alike = _Alike(count, features, labelled)
    labels = sorted({label for one in waiting for said in one.said for label in said.odds})
    expected = _expected(waiting, labels)
    known = np.array([counts.get(label, 0) for label in labels], float)
    total = float(sum(counts.values()))
    left = np.ones(count, bool)
    ranked: list[Ranked] = []
    wanted = count if limit is None else min(count, limit)
    while len(ranked) < wanted:
        rare = _rarities(expected, known, total)
        added, means = alike.gains(np.stack([_lifted(doubts) * _lifted(rare), doubts, rare]))
        diverse = _shares(added, left)
        scores = diverse * means[0]
        order = np.argsort(np.where(left, -scores, np.inf), kind="stable")
        # Nobody labels that many before a model is asked anew: behind them the order is as it stands.
        taken = order[:1] if len(ranked) < _ONE_BY_ONE else order[: wanted - len(ranked)]
        for best in map(int, taken):
            left[best] = False
            factors = (float(values[best]) for values in (scores, means[1], diverse, means[2]))
            ranked.append(Ranked(waiting[best].key, *factors))
            known = known + expected[best]
            total += float(expected[best].sum())
            alike.choose(best)
    return ranked


class _Alike:
    """Which images that wait look like which, and how far what they look like is known already.

    Without features each image is like itself alone. Of very many the images to be stood for are a part, evenly spread.
    """

    def __init__(self, count: int, features: NDArray[np.float64] | None, labelled: NDArray[np.float64] | None) -> None:
        self._likeness: NDArray[np.float32] | None = None
        self._own = np.ones(count)
        if features is None or not count:
            return
        spread = range(0, count, -(-count // _STOOD_FOR))
        every = features if labelled is None else np.concatenate([features, labelled])
        width = _bandwidth(every)
        self._stood_for = np.array(spread)
        self._likeness = _likeness(features, features[self._stood_for], width)
        self._covered = np.zeros(len(spread), np.float32)
        if labelled is not None and len(labelled):
            self._covered = _likeness(labelled, features[self._stood_for], width).max(axis=0)

    def gains(self, values: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """(N,) how much each image adds, and (V, N) the means of `values`, (V, N), over what it adds."""
        if self._likeness is None:
            return self._own, values
        new = np.maximum(self._likeness - self._covered, 0)
        added = new.sum(axis=1, dtype=float)
        sums = (new @ values[:, self._stood_for].T.astype(np.float32)).T
        means: NDArray[np.float64] = np.where(added > 0, sums / np.where(added > 0, added, 1), values)
        # The sums are of 32 bits: a mean may be a little beyond what it is a mean of.
        return added, np.clip(means, values.min(axis=1)[:, None], values.max(axis=1)[:, None])

    def choose(self, image: int) -> None:
        """From now on what looks like this image is known as far as it does."""
        if self._likeness is not None:
            self._covered = np.maximum(self._covered, self._likeness[image])


def _likeness(some: NDArray[np.float64], others: NDArray[np.float64], width: float) -> NDArray[np.float32]:
    """(N, M) 0..1; 1 for the same. Computed in pieces: of many images it is a large table."""
    found = np.empty((len(some), len(others)), np.float32)
    for start in range(0, len(some), _PIECE):
        piece = _distances(some[start : start + _PIECE], others)
        found[start : start + _PIECE] = np.exp(-(piece**2) / (2 * width**2)) if width > 0 else piece == 0
    return found


def _bandwidth(features: NDArray[np.float64]) -> float:
    """Twice the median distance to the fifth neighbour, of few images to one nearer; 0 where all are the same."""
    chosen = features[:: -(-len(features) // _STOOD_FOR)]
    if len(chosen) < 2:
        return 0.0
    neighbour = max(1, min(_NEIGHBOUR, len(chosen) // 10))
    near = np.concatenate(
        [
            np.partition(_distances(chosen[start : start + _PIECE], chosen), neighbour, axis=1)[:, neighbour]
            for start in range(0, len(chosen), _PIECE)
        ]
    )
    return 2 * float(np.median(near))


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
    rare: NDArray[np.float64] = 1 - np.log1p(known) / np.log1p(total)
    means: NDArray[np.float64] = np.where(weights > 0, expected @ rare / np.where(weights > 0, weights, 1), 1.0)
    return means


def _shares(added: NDArray[np.float64], left: NDArray[np.bool_]) -> NDArray[np.float64]:
    """In shares of the largest among those that are left; 1 for all where nothing adds anything."""
    most = added[left].max()
    if most <= 0:
        return np.ones(len(added))
    shares: NDArray[np.float64] = np.clip(added / most, 0, 1)
    return shares


def _lifted(factor: NDArray[np.float64]) -> NDArray[np.float64]:
    lifted: NDArray[np.float64] = (factor + FLOOR) / (1 + FLOOR)
    return lifted


def _distances(some: NDArray[np.float64], others: NDArray[np.float64]) -> NDArray[np.float64]:
    """(N, M) Euclidean."""
    squares = (some**2).sum(axis=1)[:, None] + (others**2).sum(axis=1)[None] - 2 * some @ others.T
    found: NDArray[np.float64] = np.sqrt(np.maximum(squares, 0))
    return found
