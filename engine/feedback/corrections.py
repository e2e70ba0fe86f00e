"""What people decided about regions, with what a model had said before: the rows that all of feedback starts from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from engine.regions import Box, Label
from engine.store import (
    AnnotationStore,
    DecisionKind,
    ImageRow,
    RegionRow,
    SuggestionRow,
    TaskState,
    VerdictRow,
    best_name,
    speaker,
    what_drew,
)

_DECIDING = frozenset(
    {
        DecisionKind.ACCEPTED,
        DecisionKind.EDITED,
        DecisionKind.LABELLED,
        DecisionKind.RESHAPED,
        DecisionKind.REJECTED,
        DecisionKind.RESTORED,
    }
)
"""What says where a region is and what it is called. Locking, grouping and describing say neither."""


@dataclass(frozen=True, slots=True)
class Suggested:
    """What a model said of a region before a person decided.

    All of it is of one answer. row : the answer. label : its name for the region, None where it gave none. box : where
    it drew the region, pixels of the stored slice; None where it was asked about a region that was there. probability :
    of the name, or of the box that it drew.
    """

    row: SuggestionRow
    label: Label | None
    box: Box | None
    probability: float | None

    def to_json(self) -> dict[str, Any]:
        """As the lineage of a data set writes it."""
        return {
            "suggestion": self.row.id,
            "task": self.row.task,
            "language": self.row.language,
            "text": self.row.text,
            "label": label_to_list(self.label),
            "box": None if self.box is None else list(self.box.as_tuple()),
            "probability": self.probability,
            "abstained": self.row.abstained,
            "model": {"id": self.row.model_id, "sha256": self.row.model_sha256, "adapter": self.row.adapter},
        }


@dataclass(frozen=True, slots=True)
class Correction:
    """A region that a person has decided about.

    verdicts : all of its, oldest first. decision : the newest that says where it is or what. suggested : None where no
    model had been asked. annotator : whose it is: of its reading, else of the decision. approved : its reading was
    approved by a reviewer.
    """

    region: RegionRow
    image: ImageRow
    verdicts: tuple[VerdictRow, ...]
    decision: VerdictRow
    suggested: Suggested | None
    annotator: str
    approved: bool

    @property
    def at_once(self) -> bool:
        """Whether it was accepted with many others because the model was sure, by a threshold, not looked at alone.

        Also where that was undone and done again.
        """
        standing = _standing(self.verdicts)
        return bool(standing and standing[-1].detail)


@dataclass(frozen=True, slots=True)
class CorrectionFilter:
    """Which corrections are wanted; an empty field asks for nothing.

    labels : ids or names in either language, in any case. since, until : of the decision, days in UTC (YYYY-MM-DD),
    both included, or instants as `engine.store` writes them, of which the last is not. modalities : DICOM codes.
    """

    annotators: tuple[str, ...] = ()
    reviewed_only: bool = False
    labels: tuple[str, ...] = ()
    since: str = ""
    until: str = ""
    modalities: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """The same filter is written the same, however its lists were ordered."""
        return {
            "annotators": sorted(set(self.annotators)),
            "reviewed_only": self.reviewed_only,
            "labels": sorted({label.strip().casefold() for label in self.labels}),
            "since": self.since,
            "until": self.until,
            "modalities": sorted({modality.upper() for modality in self.modalities}),
        }

    def passes(self, one: Correction) -> bool:
        """Whether a correction is wanted."""
        created = one.decision.created
        return (
            (not self.annotators or one.annotator in self.annotators)
            and (one.approved or not self.reviewed_only)
            and (not self.labels or _is_named(one.region.label, self.labels))
            and (not self.since or created >= self.since)
            and (not self.until or (created < self.until if "T" in self.until else created[:10] <= self.until))
            and (not self.modalities or one.image.modality.upper() in {name.upper() for name in self.modalities})
        )


def corrections(store: AnnotationStore, wanted: CorrectionFilter = CorrectionFilter()) -> Iterator[Correction]:
    """The accepted and corrected regions that pass, by series, slice and age.

    Of a scan that several people read one reading counts (`RegionRepository.decided`), chosen among the wanted
    annotators' where the filter names some.
    """
    for region in store.regions.decided(wanted.annotators):
        one = correction_of(store, region)
        if one is not None and wanted.passes(one):
            yield one


def correction_of(store: AnnotationStore, region: RegionRow) -> Correction | None:
    """A region with its story; None while nobody has decided about it."""
    verdicts = store.verdicts.of_region(region.root_id)
    decision = next((one for one in reversed(verdicts) if one.kind in _DECIDING), None)
    if decision is None:
        return None
    annotator, approved = decision.who, False
    if region.reading_id is not None:
        task = store.readings.task(region.reading_id)
        annotator, approved = task.annotator, task.state is TaskState.REVIEWED
    image = store.images.get(region.image_id)
    suggested = suggested_of(store, region.root_id, verdicts)
    return Correction(region, image, tuple(verdicts), decision, suggested, annotator, approved)


def suggested_of(store: AnnotationStore, root_id: int, verdicts: Iterable[VerdictRow]) -> Suggested | None:
    """What the person had before them: the answer that the newest verdict with one names.

    Where no verdict does (a name given from the list of labels), the newest answer from before they decided. Where that
    one is not sure of a region that a model drew, the region kept its name: what drew it is judged, see `speaker`.
    verdicts : all of the region's, oldest first.
    """
    judged = _standing(list(verdicts))
    answers = store.suggestions.about_region(root_id)
    number = next((one.suggestion_id for one in reversed(judged) if one.suggestion_id is not None), None)
    if number is not None:
        row = next((one for one in answers if one.id == number), None)
    else:
        # All times are written alike, so that texts compare as times do.
        row = next((one for one in reversed(answers) if not judged or one.created <= judged[-1].created), None)
    if row is None:
        return None
    first = store.regions.row(root_id)
    answer = speaker(first, answers, row)
    if answer == what_drew(first, answers):
        return Suggested(answer, first.label, first.box, answer.probability)
    best = best_name(answer)
    label, probability = (None, answer.probability) if best is None else best
    return Suggested(answer, label, None, probability)


def _standing(verdicts: Sequence[VerdictRow]) -> list[VerdictRow]:
    """What was decided up to the decision that holds: undo and redo bring back an earlier one, as it was made then.

    verdicts : all of a region's, oldest first.
    """
    end = len(verdicts)
    for place in reversed(range(len(verdicts))):
        one = verdicts[place]
        if place >= end or one.kind not in _DECIDING:
            continue
        end = place + 1
        before = [number for number in range(place) if verdicts[number].after == one.after]
        if one.kind != DecisionKind.RESTORED or not before:
            break
        end = before[-1] + 1
    return [one for one in verdicts[:end] if one.kind in _DECIDING]


def label_to_list(label: Label | None) -> list[str] | None:
    """id, English and Chinese name."""
    return None if label is None else [label.id, label.en, label.zh]


def _is_named(label: Label | None, names: Iterable[str]) -> bool:
    if label is None:
        return False
    own = {label.id.casefold(), label.en.strip().casefold(), label.zh.strip().casefold()} - {""}
    return any(name.strip().casefold() in own for name in names)
