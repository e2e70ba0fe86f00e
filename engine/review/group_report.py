"""Agreement of three or more readers of the same scans."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from engine.progress import Progress
from engine.review.agreement import Kappa, fleiss_kappa
from engine.review.agreement_report import NO_PROGRESS, submitted_readings, tell
from engine.review.regions import SAME_PLACE, label_key, pair_up
from engine.store import AnnotationStore, RegionRow


@dataclass(frozen=True, slots=True)
class GroupAgreement:
    """Readers who read the same scans. names : theirs, sorted. scans : read by all of them.

    kappa : Fleiss', of the names that they gave to the findings which all of them have; `kappa.subjects` of those.
    """

    names: tuple[str, ...]
    scans: int
    kappa: Kappa


def group_report(
    store: AnnotationStore, threshold: float = SAME_PLACE, progress: Progress = NO_PROGRESS
) -> list[GroupAgreement]:
    """One row for each set of three or more readers of a scan, by name. Raises `Cancelled`.

    A reading counts as it was when it was first submitted (see `agreement_report`). threshold : IoU from which two
    regions are one finding.
    """
    names: dict[tuple[str, ...], list[tuple[str, ...]]] = {}
    scans: dict[tuple[str, ...], int] = {}
    read = [tasks for tasks in submitted_readings(store) if len(tasks) > 2]
    for number, tasks in enumerate(read):
        group = tuple(sorted(task.annotator for task in tasks))
        tell(progress, number, len(read), ", ".join(group))
        readings = [store.readings.as_submitted(task.id) for task in tasks]
        names.setdefault(group, []).extend(common_names(readings, threshold))
        scans[group] = scans.get(group, 0) + 1
    return [GroupAgreement(group, scans[group], fleiss_kappa(_counts(names[group]))) for group in sorted(scans)]


def common_names(readings: Sequence[Sequence[RegionRow]], threshold: float = SAME_PLACE) -> list[tuple[str, ...]]:
    """The names of each finding that every reader has and has named, in the order of the readings.

    A finding is a region of the first reading that one of each other reading overlaps by `threshold`: the first
    reader is the one whom the others are matched to.
    """
    first, *others = readings
    partners = [{m.first: m.second for m in pair_up(first, other, threshold)} for other in others]
    found = []
    for place, row in enumerate(first):
        if all(place in partner for partner in partners):
            rows = [row, *(other[partner[place]] for other, partner in zip(others, partners, strict=True))]
            names = tuple(label_key(one.label) for one in rows)
            if all(names):
                found.append(names)
    return found


def _counts(names: Sequence[tuple[str, ...]]) -> np.ndarray[tuple[int, int], np.dtype[np.int64]]:
    """(findings, k) how many readers gave each name."""
    categories = sorted({name for one in names for name in one})
    counts = np.zeros((len(names), len(categories)), np.int64)
    for row, one in enumerate(names):
        for name in one:
            counts[row, categories.index(name)] += 1
    return counts
