"""What there is to learn from: accepted and corrected regions, in all and since the last snapshot."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from desktop.model.counting import CountingModel
from engine.feedback.corrections import Correction, CorrectionFilter, corrections
from engine.regions import Label
from engine.review import label_key
from engine.store import AnnotationStore, RegionState


@dataclass(frozen=True, slots=True)
class LabelCount:
    """Regions of one label; None for those without a name. fresh : of them, since the last snapshot."""

    label: Label | None
    accepted: int = 0
    corrected: int = 0
    fresh: int = 0


@dataclass(frozen=True, slots=True)
class CorrectionCounts:
    """total : all that pass the filter. scans, patients : they are of. since : when the last snapshot was taken, ""
    for never.

    labels : the most frequent first. annotators, names, modalities : what a filter can ask for.
    """

    total: LabelCount
    scans: int
    patients: int
    since: str
    labels: tuple[LabelCount, ...]
    annotators: tuple[str, ...]
    names: tuple[Label, ...]
    modalities: tuple[str, ...]


class CorrectionsModel(CountingModel):
    """counted : a `CorrectionCounts`."""

    def count(self, wanted: CorrectionFilter) -> None:
        """Count what passes."""
        self._start(lambda store: count_corrections(store, wanted))


def count_corrections(store: AnnotationStore, wanted: CorrectionFilter) -> CorrectionCounts:
    """Count; the choices are those of everything, whatever passes. Raises `StoreError`."""
    everything = list(corrections(store))
    # Of a scan that several people read it depends on the wanted annotators whose reading counts.
    found = everything if wanted == CorrectionFilter() else list(corrections(store, wanted))
    snapshots, patients = store.snapshots.all(), store.scans.patients_of_sources()
    since = snapshots[-1].created if snapshots else ""
    by_label: dict[str, list[Correction]] = {}
    for one in found:
        by_label.setdefault("" if one.region.label is None else label_key(one.region.label), []).append(one)
    labels = [_counted(some[-1].region.label, some, since) for some in by_label.values()]
    named = {label_key(one.region.label): one.region.label for one in everything if one.region.label is not None}
    return CorrectionCounts(
        _counted(None, found, since),
        len({one.image.series_uid or one.image.source for one in found}),
        len({patients.get(one.image.source, one.image.source) for one in found}),
        since,
        tuple(sorted(labels, key=lambda one: -(one.accepted + one.corrected))),
        tuple(sorted({one.annotator for one in everything})),
        tuple(sorted(named.values(), key=lambda label: (label.en or label.zh).casefold())),
        tuple(sorted({one.image.modality for one in everything} - {""})),
    )


def _counted(label: Label | None, found: Sequence[Correction], since: str) -> LabelCount:
    accepted = sum(one.region.state is RegionState.ACCEPTED for one in found)
    # Times are all written alike, so that texts compare as times do.
    fresh = sum(one.decision.created > since for one in found)
    return LabelCount(label, accepted, len(found) - accepted, fresh)
