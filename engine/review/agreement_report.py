"""Agreement in a whole database: every scan that was read twice, summed up by pair of readers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations

from engine.progress import Cancelled, NoProgress, Progress
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

NO_PROGRESS = NoProgress()


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
    store: AnnotationStore,
    threshold: float = SAME_PLACE,
    overlap: Overlap = shape_iou,
    progress: Progress = NO_PROGRESS,
) -> list[PairAgreement]:
    """One row for each pair of readers, by name.

    A reading counts as it was when it was first submitted: what a reader changed after seeing the other's, or on a
    reviewer's word, is no longer independent. The model's suggestions that nobody decided on are nobody's. threshold :
    IoU from which two regions match. Raises `Cancelled`.
    """
    found: dict[tuple[str, str], tuple[list[RegionRow], list[RegionRow], int]] = {}
    pairs = list(_read_twice(store))
    for number, (one, other) in enumerate(pairs):
        tell(progress, number, len(pairs), f"{one.annotator}, {other.annotator}")
        first, second, scans = found.get((one.annotator, other.annotator), ([], [], 0))
        first += store.readings.as_submitted(one.id)
        second += store.readings.as_submitted(other.id)
        found[one.annotator, other.annotator] = first, second, scans + 1
    report = []
    for number, ((one_name, other_name), (first, second, scans)) in enumerate(sorted(found.items())):
        tell(progress, number, len(found), f"{one_name}, {other_name}")
        names = label_pairs(first, second, pair_up(first, second, threshold, overlap))
        table, _ = confusion_table([one for one, _ in names], [other for _, other in names])
        agreement = region_agreement(first, second, threshold, overlap)
        report.append(PairAgreement(one_name, other_name, scans, agreement, cohen_kappa(table)))
    return report


def submitted_readings(store: AnnotationStore) -> list[list[TaskRow]]:
    """Of each scan, the readings that were submitted at some time, the first reader's first."""
    by_scan: dict[tuple[str, str], list[TaskRow]] = {}
    for task in store.tasks.all():
        if store.readings.was_submitted(task.id):
            by_scan.setdefault((task.path, task.series_uid), []).append(task)
    return [sorted(tasks, key=lambda task: task.reading) for tasks in by_scan.values()]


def tell(progress: Progress, done: int, total: int, what: str) -> None:
    """Say how far it is. Raises `Cancelled` when the person wants no more."""
    progress.report(done, total, what)
    if progress.cancelled():
        raise Cancelled


def _read_twice(store: AnnotationStore) -> Iterator[tuple[TaskRow, TaskRow]]:
    """Pairs of readings of one scan."""
    for tasks in submitted_readings(store):
        yield from combinations(tasks, 2)
