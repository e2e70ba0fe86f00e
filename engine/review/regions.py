"""How well two readers agree on regions: which are the same, and where they differ."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from engine.regions import Label
from engine.store import RegionRow, shape_of

Overlap = Callable[[RegionRow, RegionRow], float]
"""Intersection over union of two regions of one slice, 0..1."""

SAME_FINDING = 0.1
"""Two regions that overlap less (IoU) are two findings."""

SAME_PLACE = 0.5
"""Two regions that overlap less (IoU) differ in their boundary; also the usual threshold for a match."""

# Between two equally good partners the one with the same name is taken. Far below any difference in overlap.
_SAME_NAME = 1e-9


class Difference(StrEnum):
    """What two readers disagree on."""

    ONLY_A = "only_a"
    ONLY_B = "only_b"
    LABEL = "label"
    BOUNDARY = "boundary"


@dataclass(frozen=True, slots=True)
class Match:
    """Two regions that are the same finding. first, second : their places in the lists."""

    first: int
    second: int
    iou: float


@dataclass(frozen=True, slots=True)
class Discrepancy:
    """One line of the list two readers go through. a, b : the regions, None for who has none. iou : 0 for one alone.

    differences : what is different, in the order of `Difference`; label and boundary can differ both.
    """

    differences: tuple[Difference, ...]
    a: RegionRow | None
    b: RegionRow | None
    iou: float


@dataclass(frozen=True, slots=True)
class RegionAgreement:
    """Agreement on regions, over any number of slices.

    first, second : how many regions each reader has. matched : pairs that overlap by the threshold. iou_sum : of those.
    named : matched pairs of which both have a name. same_name : those with the same. Ratios are None where there is
    nothing to divide by.
    """

    first: int
    second: int
    matched: int
    iou_sum: float
    named: int
    same_name: int

    @property
    def recall(self) -> float | None:
        """The share of the first reader's regions that the second has too."""
        return self.matched / self.first if self.first else None

    @property
    def precision(self) -> float | None:
        """The share of the second reader's regions that the first has too."""
        return self.matched / self.second if self.second else None

    @property
    def f1(self) -> float | None:
        """``2 matched / (first + second)``, the same whoever is first; None when neither has a region."""
        return 2 * self.matched / (self.first + self.second) if self.first + self.second else None

    @property
    def mean_iou(self) -> float | None:
        """Mean overlap of the matched pairs."""
        return self.iou_sum / self.matched if self.matched else None

    @property
    def label_agreement(self) -> float | None:
        """The share of the matched pairs with two names whose names are the same."""
        return self.same_name / self.named if self.named else None


def shape_iou(first: RegionRow, second: RegionRow) -> float:
    """Intersection over union of the shapes; of two upright boxes exactly, of others in whole pixels."""
    return shape_of(first).iou(shape_of(second))


def iou_matrix(
    first: Sequence[RegionRow], second: Sequence[RegionRow], overlap: Overlap = shape_iou
) -> NDArray[np.float64]:
    """(len(first), len(second)) overlap of every pair."""
    found = np.zeros((len(first), len(second)))
    for row, one in enumerate(first):
        for column, other in enumerate(second):
            found[row, column] = overlap(one, other)
    return found


def match_regions(iou: NDArray[np.float64], threshold: float, bonus: NDArray[np.float64] | None = None) -> list[Match]:
    """Pair regions one to one so that the overlaps add up to the most, by first region.

    The assignment problem (H. W. Kuhn, Naval Research Logistics 2 (1955) 83), solved by scipy. iou : (n, m). threshold
    : pairs that overlap less are no pairs. bonus : (n, m) added when choosing, to break ties.
    """
    allowed = (iou >= threshold) & (iou > 0)
    worth = np.where(allowed, iou if bonus is None else iou + bonus, 0.0)
    rows, columns = linear_sum_assignment(worth, maximize=True)
    return [
        Match(int(row), int(column), float(iou[row, column]))
        for row, column in zip(rows, columns, strict=True)
        if allowed[row, column]
    ]


def pair_up(
    first: Sequence[RegionRow], second: Sequence[RegionRow], threshold: float, overlap: Overlap = shape_iou
) -> list[Match]:
    """Pair the regions of two readers, slice by slice, equal names first where overlaps are equal."""
    matches = []
    for image in sorted({row.image_id for row in first} & {row.image_id for row in second}):
        mine = [place for place, row in enumerate(first) if row.image_id == image]
        theirs = [place for place, row in enumerate(second) if row.image_id == image]
        ours, others = [first[place] for place in mine], [second[place] for place in theirs]
        same = np.array([[label_key(a.label) == label_key(b.label) for b in others] for a in ours], float)
        found = match_regions(iou_matrix(ours, others, overlap), threshold, same * _SAME_NAME)
        matches += [Match(mine[one.first], theirs[one.second], one.iou) for one in found]
    return matches


def region_agreement(
    first: Sequence[RegionRow],
    second: Sequence[RegionRow],
    threshold: float = SAME_PLACE,
    overlap: Overlap = shape_iou,
) -> RegionAgreement:
    """Agreement of two readers on the regions of any slices. threshold : IoU from which two regions match."""
    matches = pair_up(first, second, threshold, overlap)
    names = label_pairs(first, second, matches)
    return RegionAgreement(
        len(first),
        len(second),
        len(matches),
        sum(match.iou for match in matches),
        len(names),
        sum(one == other for one, other in names),
    )


def label_pairs(
    first: Sequence[RegionRow], second: Sequence[RegionRow], matches: Iterable[Match]
) -> list[tuple[str, str]]:
    """The two names (`label_key`) of each matched pair; pairs of which one has no name yet are left out."""
    pairs = ((label_key(first[one.first].label), label_key(second[one.second].label)) for one in matches)
    return [(one, other) for one, other in pairs if one and other]


def discrepancies(
    first: Sequence[RegionRow],
    second: Sequence[RegionRow],
    *,
    same_finding: float = SAME_FINDING,
    same_place: float = SAME_PLACE,
    overlap: Overlap = shape_iou,
) -> list[Discrepancy]:
    """Where two readers differ, by slice, then those of the first reader, then what only the second has.

    same_finding : IoU from which two regions are one finding. same_place : IoU from which it has one boundary.
    """
    partner = {match.first: match for match in pair_up(first, second, same_finding, overlap)}
    taken = {match.second for match in partner.values()}
    found = []
    for place, row in enumerate(first):
        match = partner.get(place)
        if match is None:
            found.append(Discrepancy((Difference.ONLY_A,), row, None, 0.0))
            continue
        other, different = second[match.second], []
        if label_key(row.label) != label_key(other.label):
            different.append(Difference.LABEL)
        if match.iou < same_place:
            different.append(Difference.BOUNDARY)
        if different:
            found.append(Discrepancy(tuple(different), row, other, match.iou))
    found += [
        Discrepancy((Difference.ONLY_B,), None, row, 0.0) for place, row in enumerate(second) if place not in taken
    ]
    return sorted(found, key=_image_of)


def _image_of(one: Discrepancy) -> int:
    row = one.a or one.b
    assert row is not None, "a discrepancy is about a region"
    return row.image_id


def label_key(label: Label | None) -> str:
    """What makes two names the same: the id, or the English name where it has none; "" for no name."""
    return "" if label is None else label.id or label.en.strip().casefold()
