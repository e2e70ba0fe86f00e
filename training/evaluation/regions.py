"""The region-aligned framework (Wang et al., ICLR 2025, Algorithm 1) under the field's names.

Precision is over what the answer holds, recall over what is there; the paper's text and code swap the two
(`training.evaluation.paper` keeps theirs).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment

from engine.protocol import Located
from engine.regions import Box

THRESHOLDS = (0.25, 0.5, 0.75)


@dataclass(frozen=True, slots=True)
class MatchedPair:
    """A said box and the true one it was matched with. said, meant : their numbers in the flat lists."""

    said: int
    meant: int
    same_name: bool
    iou: float


@dataclass(frozen=True, slots=True)
class Hits:
    """Precision, recall and F1 of one answer, 0..1."""

    precision: float
    recall: float
    f1: float

    @classmethod
    def of(cls, hits: int, said: int, meant: int) -> Hits:
        """From counts; nothing said or nothing meant makes what has no denominator 0."""
        total = said + meant
        return cls(hits / said if said else 0.0, hits / meant if meant else 0.0, 2 * hits / total if total else 0.0)


@dataclass(frozen=True, slots=True)
class RegionMatch:
    """An answer's boxes matched one to one with the true ones for the largest sum of IoU (Hungarian).

    said, meant : (name, box) of each. pairs : as many as the shorter of the two lists.
    """

    said: tuple[tuple[str, Box], ...]
    meant: tuple[tuple[str, Box], ...]
    pairs: tuple[MatchedPair, ...]

    @property
    def iou(self) -> float:
        """Mean over the true boxes, a missed one counts 0."""
        return sum(pair.iou for pair in self.pairs) / len(self.meant) if self.meant else 0.0

    @property
    def first_iou(self) -> float:
        """IoU of the first box said with the true one it fits best."""
        return best_iou(self.said[0][1], [box for _, box in self.meant]) if self.said else 0.0

    def objects(self) -> Hits:
        """Pairs with the same name."""
        return self._hits(sum(pair.same_name for pair in self.pairs))

    def regions(self, threshold: float = 0.5) -> Hits:
        """Pairs whose IoU reaches the threshold."""
        return self._hits(sum(pair.iou >= threshold for pair in self.pairs))

    def aligned(self, threshold: float = 0.5) -> Hits:
        """Pairs that have the same name and reach the threshold."""
        return self._hits(self.aligned_count(threshold))

    def aligned_count(self, threshold: float = 0.5) -> int:
        """How many pairs are aligned, to sum over questions."""
        return sum(pair.same_name and pair.iou >= threshold for pair in self.pairs)

    def _hits(self, count: int) -> Hits:
        return Hits.of(count, len(self.said), len(self.meant))


def match_regions(answer: Sequence[Located], truth: Sequence[Located]) -> RegionMatch:
    """Match located names with the truth; names are compared without case."""
    said = flat(answer)
    meant = flat(truth)
    if not said or not meant:
        return RegionMatch(said, meant, ())
    ious = np.array([[a.iou(b) for _, b in meant] for _, a in said])
    rows, columns = linear_sum_assignment(-ious)
    pairs = tuple(
        MatchedPair(int(i), int(j), said[i][0] == meant[j][0], float(ious[i, j]))
        for i, j in zip(rows, columns, strict=True)
    )
    return RegionMatch(said, meant, pairs)


def flat(located: Sequence[Located]) -> tuple[tuple[str, Box], ...]:
    """(case-folded name, box) for every box of some located names, in their order."""
    return tuple((item.name.casefold(), box) for item in located for box in item.boxes)


def best_iou(box: Box, others: Sequence[Box]) -> float:
    """IoU of a box with the one it fits best."""
    return max((box.iou(other) for other in others), default=0.0)
