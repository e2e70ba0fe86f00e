"""Agreement in a whole database: every scan that was read twice, summed up by pair of readers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations

from engine.review.agreement import Kappa, cohen_kappa, confusion_table
from engine.review.regions import (
    SAME_PLACE,
    Overlap,
    RegionAgreement,
    label_pairs,
    pair_up,
    region_agreement,
    shape_iou,
)
from engine.store import AnnotationStore, RegionRow, TaskRow


@dataclass(frozen=True, slots=True)
class PairAgreement:
    """Two readers over all the scans that both read.

    first, second : their names, the one with the lower reading number first. scans : read by both. kappa : Cohen's,
    unweighted, of the names on matched regions; it says nothing of regions that only one of them has.
    """

    first: str
    second: str
    scans: int
    regions: RegionAgreement
    kappa: Kappa


def agreement_report(
    store: AnnotationStore, threshold: float = SAME_PLACE, overlap: Overlap = shape_iou
) -> list[PairAgreement]:
    """One row for each pair of readers, by name.

    A reading counts as it was when it was first submitted: what a reader changed after seeing the other's, or on a
    reviewer's word, is no longer independent. The model's suggestions that nobody decided on are nobody's. threshold :
    IoU from which two regions match.
    """
    found: dict[tuple[str, str], tuple[list[RegionRow], list[RegionRow], int]] = {}
    for one, other in _read_twice(store):
        first, second, scans = found.get((one.annotator, other.annotator), ([], [], 0))
        first += store.readings.as_submitted(one.id)
        second += store.readings.as_submitted(other.id)
        found[one.annotator, other.annotator] = first, second, scans + 1
    report = []
    for (one_name, other_name), (first, second, scans) in sorted(found.items()):
        names = label_pairs(first, second, pair_up(first, second, threshold, overlap))
        table, _ = confusion_table([one for one, _ in names], [other for _, other in names])
        agreement = region_agreement(first, second, threshold, overlap)
        report.append(PairAgreement(one_name, other_name, scans, agreement, cohen_kappa(table)))
    return report


def _read_twice(store: AnnotationStore) -> Iterator[tuple[TaskRow, TaskRow]]:
    """Pairs of readings of one scan that both were submitted at some time."""
    by_scan: dict[tuple[str, str], list[TaskRow]] = {}
    for task in store.tasks.all():
        if store.readings.was_submitted(task.id):
            by_scan.setdefault((task.path, task.series_uid), []).append(task)
    for tasks in by_scan.values():
        yield from combinations(sorted(tasks, key=lambda task: task.reading), 2)
