"""Bootstrap intervals that draw whole patients."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats


def interval_by_group(values: Sequence[float], groups: Sequence[str], draws: int = 1000) -> tuple[float, float] | None:
    """95% bootstrap interval of the mean, percentile method; groups are drawn whole, since a patient's questions
    resemble each other. None for fewer than two groups: one patient says nothing about others.
    """
    sums: dict[str, float] = defaultdict(float)
    counts: dict[str, int] = defaultdict(int)
    for value, group in zip(values, groups, strict=True):
        sums[group] += value
        counts[group] += 1
    if len(sums) < 2:
        return None
    names = sorted(sums)
    drawn = (np.array([sums[name] for name in names]), np.array([counts[name] for name in names], float))
    if np.ptp(drawn[0] / drawn[1]) == 0:
        # scipy warns of a degenerate distribution: every resample has this mean.
        same = float(drawn[0][0] / drawn[1][0])
        return same, same
    result = stats.bootstrap(
        drawn,
        _ratio,
        paired=True,
        vectorized=True,
        n_resamples=draws,
        batch=100,
        confidence_level=0.95,
        method="percentile",
        rng=np.random.default_rng(0),
    )
    return float(result.confidence_interval.low), float(result.confidence_interval.high)


def _ratio(sums: NDArray[np.float64], counts: NDArray[np.float64], axis: int = -1) -> Any:
    return sums.sum(axis=axis) / counts.sum(axis=axis)
