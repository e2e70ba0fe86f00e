"""Shares and whether they fell, by published rules."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from scipy.special import gammaln

_Z95 = 1.959963984540054
"""The 97.5 % point of the standard normal distribution."""


def wilson_interval(hits: int, total: int) -> tuple[float, float] | None:
    """95 % interval of a share, 0..1; None without any.

    E. B. Wilson, Journal of the American Statistical Association 22 (1927) 209: also right for few and for extreme
    shares, where value +- 1.96 errors is not.
    """
    if not total:
        return None
    share, z2 = hits / total, _Z95**2
    centre = (share + z2 / (2 * total)) / (1 + z2 / total)
    half = _Z95 / (1 + z2 / total) * math.sqrt(share * (1 - share) / total + z2 / (4 * total**2))
    return max(0.0, centre - half), min(1.0, centre + half)


def fall_probability(before: tuple[int, int], now: tuple[int, int]) -> float:
    """How probable so few hits now are, or fewer, if nothing has changed.

    Fisher's exact test, one-sided: R. A. Fisher, Journal of the Royal Statistical Society 85 (1922) 87. Exact for any
    counts: few cannot make a small number. It takes the cases for independent of each other.

    before, now : (hits, total). 1 where either is empty.
    """
    (hits_before, all_before), (hits_now, all_now) = before, now
    if not all_before or not all_now:
        return 1.0
    hits, total = hits_before + hits_now, all_before + all_now
    fewest = max(0, all_now - (total - hits))
    x = np.arange(fewest, hits_now + 1)
    ways = _log_choose(hits, x) + _log_choose(total - hits, all_now - x) - _log_choose(total, np.array([all_now]))
    return float(min(1.0, np.exp(ways).sum()))


def sign_probability(first: int, second: int) -> float:
    """How probable so uneven a split is, or a more uneven one, if either side is as likely.

    The exact two-sided sign test: W. J. Dixon & A. M. Mood, Journal of the American Statistical Association 41 (1946)
    557. first, second : pairs in which that one alone was right; pairs that were alike say nothing. 1 for none.
    """
    total, fewer = first + second, min(first, second)
    below = sum(math.comb(total, number) for number in range(fewer + 1))
    return min(1.0, 2 * below / (1 << total))


def holm(probabilities: Mapping[str, float]) -> dict[str, float]:
    """The probabilities, adjusted for having looked at all of them.

    S. Holm, Scandinavian Journal of Statistics 6 (1979) 65: whatever the tests have to do with each other, the chance
    of any false alarm among those adjusted to at most p is at most p.
    """
    adjusted, highest = {}, 0.0
    ranked = sorted(probabilities, key=lambda name: (probabilities[name], name))
    for place, name in enumerate(ranked):
        highest = max(highest, min(1.0, probabilities[name] * (len(ranked) - place)))
        adjusted[name] = highest
    return adjusted


def name_distance(suggested: str, final: str) -> float:
    """How much of a name was changed: 0 for nothing, 1 for all of it.

    Levenshtein's distance (Soviet Physics Doklady 10 (1966) 707) over the length of the longer name.
    """
    if suggested == final:
        return 0.0
    row = list(range(len(final) + 1))
    for number, letter in enumerate(suggested, start=1):
        before, row = row, [number]
        for place, other in enumerate(final, start=1):
            row.append(min(before[place] + 1, row[-1] + 1, before[place - 1] + (letter != other)))
    return row[-1] / max(len(suggested), len(final))


def _log_choose(n: int, k: np.ndarray[tuple[int], np.dtype[np.int64]]) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    found: np.ndarray[tuple[int], np.dtype[np.float64]] = gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1)
    return found
