"""The paper's measures, by their published definitions (Wang et al., ICLR 2025, section 4 and appendix).

Precision and recall have their standard meaning here; the paper's text and code swap the two names.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment

from engine.protocol import Located
from engine.regions import Box


def tokens(text: str) -> list[str]:
    """Lower-case words; a Chinese character is a word."""
    found: list[str] = []
    word = ""
    for character in text.lower():
        if "\u4e00" <= character <= "\u9fff":
            found += [word] if word else []
            found.append(character)
            word = ""
        elif character.isspace():
            found += [word] if word else []
            word = ""
        else:
            word += character
    return found + ([word] if word else [])


@dataclass(frozen=True, slots=True)
class TextScore:
    """One answer against the truth. recall, f1 : over token sets. bleu1 : Papineni et al. 2002, unigrams."""

    exact: bool
    recall: float
    f1: float
    bleu1: float

    @property
    def correct(self) -> bool:
        """The paper's accuracy: at least three quarters of the truth's tokens were said."""
        return self.recall >= 0.75


def score_text(answer: str, truth: str) -> TextScore:
    """Compare a short answer with the truth."""
    said, meant = tokens(answer), tokens(truth)
    both = set(said) & set(meant)
    recall = len(both) / len(set(meant)) if meant else float(not said)
    precision = len(both) / len(set(said)) if said else 0.0
    f1 = 2 * precision * recall / (precision + recall) if precision + recall else 0.0
    overlap = sum((Counter(said) & Counter(meant)).values())
    brevity = 1.0 if len(said) > len(meant) else math.exp(1 - len(meant) / len(said)) if said else 0.0
    bleu = brevity * overlap / len(said) if said else 0.0
    return TextScore(said == meant, recall, f1, bleu)


@dataclass(frozen=True, slots=True)
class RegionScore:
    """One text-to-region answer, boxes matched one to one for the largest sum of IoU (Hungarian).

    iou : over the true boxes, a missed one counts 0. first_iou : the single-object single-region measure.
    """

    object_f1: float
    region_f1: float
    aligned_f1: float
    iou: float
    first_iou: float


def score_regions(answer: Sequence[Located], truth: Sequence[Located], threshold: float = 0.5) -> RegionScore:
    """Compare located names with the truth."""
    said = [(item.name.casefold(), box) for item in answer for box in item.boxes]
    meant = [(item.name.casefold(), box) for item in truth for box in item.boxes]
    if not said or not meant:
        return RegionScore(0.0, 0.0, 0.0, 0.0, 0.0)
    ious = np.array([[a.iou(b) for _, b in meant] for _, a in said])
    rows, columns = linear_sum_assignment(-ious)
    pairs = [(said[i][0] == meant[j][0], float(ious[i, j])) for i, j in zip(rows, columns, strict=True)]

    def f1(hits: int) -> float:
        return 2 * hits / (len(said) + len(meant))

    return RegionScore(
        object_f1=f1(sum(name for name, _ in pairs)),
        region_f1=f1(sum(iou >= threshold for _, iou in pairs)),
        aligned_f1=f1(sum(name and iou >= threshold for name, iou in pairs)),
        iou=sum(iou for _, iou in pairs) / len(meant),
        first_iou=best_iou(said[0][1], [box for _, box in meant]),
    )


def best_iou(box: Box, others: Sequence[Box]) -> float:
    """IoU of a box with the one it fits best."""
    return max((box.iou(other) for other in others), default=0.0)


def expected_calibration_error(probabilities: Sequence[float], correct: Sequence[bool], bins: int = 10) -> float:
    """Mean distance of confidence and accuracy over equal bins, weighted by their counts (Guo et al. 2017)."""
    if not probabilities:
        return 0.0
    confidence, hit = np.array(probabilities), np.array(correct, float)
    places = np.minimum((confidence * bins).astype(int), bins - 1)
    total = 0.0
    for number in range(bins):
        inside = places == number
        if inside.any():
            total += inside.mean() * abs(confidence[inside].mean() - hit[inside].mean())
    return float(total)


def interval_by_group(values: Sequence[float], groups: Sequence[str], draws: int = 1000) -> tuple[float, float]:
    """95% bootstrap interval that draws whole groups (patients), percentile method."""
    names = sorted(set(groups))
    members = [np.array([v for v, g in zip(values, groups, strict=True) if g == name]) for name in names]
    rng = np.random.default_rng(0)
    drawn = [
        np.concatenate([members[i] for i in rng.integers(len(names), size=len(names))]).mean() for _ in range(draws)
    ]
    low, high = np.percentile(drawn, [2.5, 97.5])
    return float(low), float(high)
