"""How well readers agree on names, beyond what chance would give.

A coefficient that cannot be computed says why instead of being a number: see `Kappa.undefined`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

Weights = Literal["unweighted", "linear", "quadratic"]

_Z95 = 1.959963984540054
"""The 97.5 % point of the standard normal distribution."""


@dataclass(frozen=True, slots=True)
class Kappa:
    """An agreement beyond chance.

    value : -1..1, 1 for full agreement, 0 for what chance gives; None when it is undefined. undefined : why; "" when
    it is not. observed, expected : the (weighted) share of agreement found, and by chance; None without ratings.
    standard_error, low, high : of `value` and its 95 % confidence interval, cut at -1 and 1; None where the method
    gives none. by_category : kappa of each category against all others, for Fleiss' kappa; None for a category that
    nobody chose or everybody always did. subjects : how many were rated.
    """

    value: float | None
    undefined: str
    observed: float | None
    expected: float | None
    subjects: int
    standard_error: float | None = None
    low: float | None = None
    high: float | None = None
    by_category: tuple[float | None, ...] = ()


def confusion_table(first: Sequence[str], second: Sequence[str]) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    """(k, k) counts of the pairs that two readers chose, and the k categories, sorted.

    first, second : the name each reader gave to each subject, in the same order.
    """
    if len(first) != len(second):
        raise ValueError(f"{len(first)} ratings cannot be paired with {len(second)}")
    categories = tuple(sorted({*first, *second}))
    place = {name: number for number, name in enumerate(categories)}
    table = np.zeros((len(categories), len(categories)), np.int64)
    for one, other in zip(first, second, strict=True):
        table[place[one], place[other]] += 1
    return table, categories


def percent_agreement(table: ArrayLike) -> float | None:
    """The share of subjects, 0..1, that both readers put in the same category; None without subjects."""
    counts = np.asarray(table, float)
    return float(np.trace(counts) / counts.sum()) if counts.sum() else None


def agreement_weights(categories: int, weights: Weights) -> NDArray[np.float64]:
    """(k, k) how much of an agreement a pair of categories is: 1 on the diagonal, down to 0.

    linear : ``1 - |i - j| / (k - 1)`` (Cicchetti & Allison 1971). quadratic : ``1 - (i - j)^2 / (k - 1)^2`` (Fleiss &
    Cohen 1973). Both need categories in an order that means something.
    """
    if weights == "unweighted":
        return np.eye(categories)
    apart = np.abs(np.subtract.outer(np.arange(categories), np.arange(categories))) / max(categories - 1, 1)
    found: NDArray[np.float64] = 1 - (apart if weights == "linear" else apart**2)
    return found


def cohen_kappa(table: ArrayLike, weights: Weights = "unweighted") -> Kappa:
    """Cohen's kappa of two readers, with its large-sample standard error.

    ``(po - pe) / (1 - pe)`` with po, pe the weighted shares of agreement found and expected from the readers' own
    habits: J. Cohen, Educational and Psychological Measurement 20 (1960) 37; weighted, Psychological Bulletin 70
    (1968) 213. Standard error: J. L. Fleiss, J. Cohen, B. S. Everitt, Psychological Bulletin 72 (1969) 323, eq. 9
    (not the one under the hypothesis of chance agreement); the interval is value +- 1.96 of it.

    table : (k, k) counts, first reader in rows (`confusion_table`). Undefined without subjects, and when chance alone
    gives full agreement: both readers put everything in one and the same category.
    """
    counts = np.asarray(table, float)
    if counts.ndim != 2 or counts.shape[0] != counts.shape[1] or (counts < 0).any():
        raise ValueError(f"a table of counts must be square and not negative, not {counts.shape}")
    subjects = int(counts.sum())
    if not subjects:
        return Kappa(None, "nothing was rated by both", None, None, 0)
    p = counts / counts.sum()
    w = agreement_weights(len(p), weights)
    rows, columns = p.sum(axis=1), p.sum(axis=0)
    observed, expected = float((w * p).sum()), float(rows @ w @ columns)
    # Sums of shares are not exact: one category only gives 1 up to the last bits.
    if math.isclose(expected, 1, abs_tol=1e-12):
        return Kappa(None, "both put everything in one category", observed, expected, subjects)
    value = (observed - expected) / (1 - expected)
    mean = (w @ columns)[:, None] + (rows @ w)[None, :]
    spread = (p * (w * (1 - expected) - mean * (1 - observed)) ** 2).sum()
    spread -= (observed * expected - 2 * expected + observed) ** 2
    error = math.sqrt(max(float(spread), 0.0) / subjects) / (1 - expected) ** 2
    low, high = max(value - _Z95 * error, -1.0), min(value + _Z95 * error, 1.0)
    return Kappa(value, "", observed, expected, subjects, error, low, high)


def fleiss_kappa(counts: ArrayLike) -> Kappa:
    """Fleiss' kappa of any number of readers, who need not be the same for each subject.

    J. L. Fleiss, Measuring nominal scale agreement among many raters, Psychological Bulletin 76 (1971) 378, with the
    value of each category. For two readers it is Scott's pi, not Cohen's kappa.

    counts : (subjects, k) how many readers chose each category; every row has the same sum, at least 2. Undefined
    without subjects, and when only one category was ever chosen.
    """
    chosen = np.asarray(counts, float)
    if chosen.size == 0:
        return Kappa(None, "nothing was rated", None, None, 0)
    readers = chosen.sum(axis=1)
    if chosen.ndim != 2 or (chosen < 0).any() or (readers != readers[0]).any() or readers[0] < 2:
        raise ValueError("every subject must be rated by the same number of readers, at least two")
    n, subjects = float(readers[0]), len(chosen)
    share = chosen.sum(axis=0) / chosen.sum()
    observed = float(((chosen**2).sum(axis=1) - n).mean() / (n * (n - 1)))
    expected = float((share**2).sum())
    if math.isclose(expected, 1, abs_tol=1e-12):
        return Kappa(None, "only one category was ever chosen", observed, expected, subjects)
    both_ways = share * (1 - share)
    split = (chosen * (n - chosen)).sum(axis=0)
    each = tuple(
        None if pq < 1e-12 else float(1 - apart / (subjects * n * (n - 1) * pq))
        for apart, pq in zip(split, both_ways, strict=True)
    )
    return Kappa((observed - expected) / (1 - expected), "", observed, expected, subjects, by_category=each)
