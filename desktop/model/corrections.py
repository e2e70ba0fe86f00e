"""What there is to learn from: accepted and corrected regions, in all and since the last snapshot."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from desktop.model.counting import CountingModel
from desktop.model.training_folder import Nameless
from engine.feedback.corrections import Correction, CorrectionFilter, corrections
from engine.regions import Label
from engine.review import label_key
from engine.store import AnnotationStore, RegionState, utc_text


@dataclass(frozen=True, slots=True)
class LabelCount:
    """Regions of one label; None for those without a name. fresh : of them, since the last snapshot."""

    label: Label | None
    accepted: int = 0
    corrected: int = 0
    fresh: int = 0


@dataclass(frozen=True, slots=True)
class PatientCounts:
    """named : patients that scans' headers tell apart. files, folders : the scans whose headers name none, and the
    folders that these lie in.
    """

    named: int = 0
    files: int = 0
    folders: int = 0

    def of(self, nameless: Nameless) -> int:
        """How many patients a snapshot holds."""
        return self.named + (self.files if nameless is Nameless.FILE else self.folders)

    @property
    def likely(self) -> Nameless:
        """What stands for a patient unless a person says otherwise.

        A folder, where people keep one for each patient; but where all lie in one folder nothing could be held out.
        """
        return Nameless.FOLDER if self.folders > 1 else Nameless.FILE


@dataclass(frozen=True, slots=True)
class CorrectionCounts:
    """total : all that pass the filter. scans, patients : they are of. since : when the last snapshot was taken, ""
    for never.

    labels : the most frequent first. annotators, names, modalities : what a filter can ask for.
    """

    total: LabelCount
    scans: int
    patients: PatientCounts
    since: str
    labels: tuple[LabelCount, ...]
    annotators: tuple[str, ...]
    names: tuple[Label, ...]
    modalities: tuple[str, ...]


def utc_bounds(first: datetime.date | None, last: datetime.date | None) -> tuple[str, str]:
    """The instants between which these days of this place lie, both included, for the engine's filter.

    None, and "", for no bound.
    """
    return (
        "" if first is None else _midnight(first),
        "" if last is None else _midnight(last + datetime.timedelta(days=1)),
    )


def _midnight(day: datetime.date) -> str:
    """When a day begins on the clock of this place."""
    return utc_text(datetime.datetime.combine(day, datetime.time()))


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
    own = [one.created for one in store.snapshots.all() if not one.imported]
    since = own[-1] if own else ""
    by_label: dict[str, list[Correction]] = {}
    for one in found:
        by_label.setdefault("" if one.region.label is None else label_key(one.region.label), []).append(one)
    labels = [_counted(some[-1].region.label, some, since) for some in by_label.values()]
    named = {label_key(one.region.label): one.region.label for one in everything if one.region.label is not None}
    return CorrectionCounts(
        _counted(None, found, since),
        len({one.image.series_uid or one.image.source for one in found}),
        count_patients(store, {one.image.source for one in found}),
        since,
        tuple(sorted(labels, key=lambda one: -(one.accepted + one.corrected))),
        tuple(sorted({one.annotator for one in everything})),
        tuple(sorted(named.values(), key=lambda label: (label.en or label.zh).casefold())),
        tuple(sorted({one.image.modality for one in everything} - {""})),
    )


def count_patients(store: AnnotationStore, sources: Iterable[str]) -> PatientCounts:
    """Count as a snapshot does, but for names that turn out to be one patient's only when scans are compared.

    sources : of scans that something was drawn on.

    A DICOM series that was never listed is the one case in which only its file says who it is of: it is counted by its
    study.
    """
    known = store.scans.patients_of_sources()
    named, files = set[str](), set[str]()
    for source in sources:
        patient = known.get(source, "")
        # The key of a patient with a name or a number has both, a line each (`engine.store.patient_key`).
        if "\n" in patient or not (patient in ("", f"file:{source}") or store.scans.of_path(source)):
            named.add(patient)
        else:
            files.add(source)
    return PatientCounts(len(named), len(files), len({Path(source).parent for source in files}))


def _counted(label: Label | None, found: Sequence[Correction], since: str) -> LabelCount:
    accepted = sum(one.region.state is RegionState.ACCEPTED for one in found)
    # Times are all written alike, so that texts compare as times do.
    fresh = sum(one.decision.created > since for one in found)
    return LabelCount(label, accepted, len(found) - accepted, fresh)
