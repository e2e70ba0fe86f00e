"""Whether confidence is worth what it says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

ECE_BINS = 10
"""Equal bins of confidence; an ECE means little without their number."""


@dataclass(frozen=True, slots=True)
class ReliabilityBin:
    """Answers of like confidence. low, high : its bounds. confidence, accuracy : means over its `count` answers."""

    low: float
    high: float
    confidence: float
    accuracy: float
    count: int


@dataclass(frozen=True, slots=True)
class Reliability:
    """ece : mean distance of confidence and accuracy over equal bins, weighted by counts (Guo et al., ICML 2017).

    brier : mean squared distance of confidence and outcome (Brier 1950). bins : those that hold an answer.
    """

    ece: float
    brier: float
    bins: tuple[ReliabilityBin, ...]

    @property
    def count(self) -> int:
        """Answers in all."""
        return sum(one.count for one in self.bins)

    @property
    def confidence(self) -> float:
        """Mean over the answers."""
        return sum(one.confidence * one.count for one in self.bins) / self.count

    @property
    def accuracy(self) -> float:
        """Share of the answers that were right."""
        return sum(one.accuracy * one.count for one in self.bins) / self.count


def measure_reliability(
    confidences: Sequence[float], correct: Sequence[bool], bins: int = ECE_BINS
) -> Reliability | None:
    """Compare confidences, 0..1, with whether each answer was right; None without any."""
    if not confidences:
        return None
    confidence, hit = np.array(confidences, float), np.array(correct, float)
    places = np.minimum((confidence * bins).astype(int), bins - 1)
    found = []
    ece = 0.0
    for number in range(bins):
        inside = places == number
        if inside.any():
            mean, accuracy = float(confidence[inside].mean()), float(hit[inside].mean())
            ece += float(inside.mean()) * abs(mean - accuracy)
            found.append(ReliabilityBin(number / bins, (number + 1) / bins, mean, accuracy, int(inside.sum())))
    return Reliability(ece, float(((confidence - hit) ** 2).mean()), tuple(found))
