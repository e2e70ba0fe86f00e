"""New regions: drawn, copied, made between slices, found by the model. Each method is one gesture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

from engine.regions import Box, Label
from engine.store.errors import StoreError
from engine.store.gesture import Gesture
from engine.store.region_writer import RegionWriter
from engine.store.rows import DECIDED_STATES, DecisionKind, Origin, RegionRow, RegionState, SuggestionRow
from engine.store.shape_text import Derivation
from engine.suggest import ImageRef, SuggestedRegion, Suggestion

_BY_MACHINE = (Origin.MODEL, Origin.PROPAGATED)
_WORDS = {
    Origin.PERSON: "drew",
    Origin.MODEL: "suggested",
    Origin.INTERPOLATED: "interpolated",
    Origin.PROPAGATED: "propagated",
    Origin.COPIED: "copied",
}


@dataclass(frozen=True, slots=True)
class NewRegion:
    """A region to add.

    box : bounds of the shape, pixels of the stored slice. shape, attributes : JSON, None for the box itself and for
    nothing. state : None for what follows from the rest: a suggestion when a machine made it, else edited when it has
    a name and drawn when it has none. structure_id : of the 3-D structure it joins. is_key : False for a slice between
    drawn ones. suggestion : the model's answer it comes from, kept with it. reading_id : of another's reading that a
    reviewer adds it to; None for the reading of whoever draws it.
    """

    image: ImageRef
    study_uid: str
    box: Box
    shape: str | None = None
    label: Label | None = None
    attributes: str | None = None
    origin: Origin = Origin.PERSON
    state: RegionState | None = None
    structure_id: int | None = None
    is_key: bool = True
    derivation: Derivation | None = None
    suggestion: Suggestion | None = None
    reading_id: int | None = None


class RegionDrawing:
    """Gestures that make regions. Raises `StoreError` when nothing could be kept, `RegionError` for a wrong place."""

    def __init__(self, writer: RegionWriter) -> None:
        self._writer = writer

    def draw(self, region: NewRegion, who: str) -> RegionRow:
        """Keep one region."""
        (row,), _ = self.draw_many([region], who)
        return row

    def draw_many(
        self, regions: Sequence[NewRegion], who: str, *, structure: bool = False, join: Sequence[int] = ()
    ) -> tuple[list[RegionRow], list[RegionRow]]:
        """Keep many regions at once: interpolation, a 3-D region, a copy to other slices, what the model found.

        structure : they are one 3-D structure, together with the regions `join` (root ids). It keeps the id of the
        first of `join`, or is called by the first new region. Returns the new rows in the order given, and the new
        rows of those that joined. Undo is `revert_many` with None for the first and the rows before for the others.
        """
        for region in regions:
            region.box.require_inside(region.image.width, region.image.height)
        if join and not structure:
            raise StoreError("regions can only join a structure: ask for one")
        words = sorted({_WORDS[region.origin] for region in regions})
        with self._writer.gesture(who, ", ".join(words) or DecisionKind.GROUPED.value) as made:
            structure_id: int | None = None
            joined = []
            if join:
                first = self._writer.regions.current(join[0])
                structure_id = first.structure_id or first.root_id
                joined = join_structure(self._writer, made, structure_id, join, who)
            rows = []
            for region in regions:
                starts = structure and structure_id is None
                row = self._add(made, replace(region, structure_id=structure_id or region.structure_id), who, starts)
                if starts:
                    structure_id = row.structure_id
                rows.append(row)
        return rows, joined

    def duplicate(self, root_id: int, who: str, *, box: Box | None = None, shape: str | None = None) -> RegionRow:
        """A copy on the same slice, as a region of its own; a suggestion's copy is the person's.

        box, shape : where it goes, on top of the old one when None. It is not locked and in no 3-D structure. A
        reviewer's copy of a region of a reading belongs to that reading too.
        """
        with self._writer.gesture(who, "duplicated") as made:
            source = self._writer.regions.current(root_id)
            row = self._writer.add_like(
                made,
                source,
                who,
                box=source.box if box is None else box,
                shape=source.shape if box is None else shape,
                state=RegionState.DRAWN if source.label is None else RegionState.EDITED,
                origin=Origin.COPIED,
                structure_id=None,
                is_key=True,
                locked=False,
                derivation=Derivation((root_id,), "duplicate").to_json(),
            )
            if row.label is not None:
                self._writer.add_verdict(made, row, DecisionKind.LABELLED, who)
        return row

    def record_suggestion(self, suggestion: Suggestion, study_uid: str, root_id: int | None) -> SuggestionRow:
        """Keep a model's answer, about a region or about the whole slice."""
        with self._writer.gesture(f"model {suggestion.model.id}", "answered") as made:
            return self._writer.add_suggestion(made, suggestion, study_uid, root_id)

    def record_asked(
        self, suggestion: Suggestion, study_uid: str, box: Box, who: str, *, shape: str | None = None
    ) -> tuple[RegionRow, SuggestionRow]:
        """Keep a region a person asked about together with the answer, undecided."""
        box.require_inside(suggestion.image.width, suggestion.image.height)
        with self._writer.gesture(who, "asked") as made:
            row = self._writer.add(made, suggestion.image, study_uid, box, who, shape=shape)
            return row, self._writer.add_suggestion(made, suggestion, study_uid, row.root_id)

    def record_found(self, suggestion: Suggestion, study_uid: str, who: str) -> list[tuple[RegionRow, SuggestionRow]]:
        """Keep a text-to-region answer: each of its boxes as a suggested region with its own row.

        Of a grounded report each region has its own description, and the whole is kept besides, about the slice.
        """
        return self.record_found_many([suggestion], study_uid, who)

    def record_found_many(
        self, found: Sequence[Suggestion], study_uid: str, who: str, *, about_slice: Sequence[Suggestion] = ()
    ) -> list[tuple[RegionRow, SuggestionRow]]:
        """Keep several answers as one gesture, each as `record_found` keeps it: all of them, or none.

        about_slice : answers whose boxes are to be no regions; they are kept about the slice.
        """
        with self._writer.gesture(who, "suggested") as made:
            kept = [one for answer in found for one in add_found(self._writer, made, answer, study_uid, who)]
            for answer in about_slice:
                self._writer.add_looked(made, answer, study_uid, None, who)
        return kept

    def _add(self, made: Gesture, region: NewRegion, who: str, starts_structure: bool) -> RegionRow:
        state = region.state or _state_of(region)
        if state in DECIDED_STATES and region.label is None:
            raise StoreError(f"a region without a name cannot be {state.value}: name it first")
        if region.structure_id is not None:
            # A structure is called by its first region: that must be there.
            self._writer.regions.current(region.structure_id)
        row = self._writer.add(
            made,
            region.image,
            region.study_uid,
            region.box,
            who,
            state=state,
            origin=region.origin,
            label=region.label,
            starts_structure=starts_structure,
            shape=region.shape,
            attributes=region.attributes,
            structure_id=region.structure_id,
            is_key=region.is_key,
            derivation=region.derivation.to_json() if region.derivation else None,
            fixed_reading=region.reading_id,
        )
        judged = None
        if region.suggestion is not None:
            judged = self._writer.add_suggestion(made, region.suggestion, region.study_uid, row.root_id)
        if state in DECIDED_STATES:
            kind = DecisionKind.ACCEPTED if state is RegionState.ACCEPTED else DecisionKind.LABELLED
            self._writer.add_verdict(made, row, kind, who, judged=judged)
        return row


def join_structure(
    writer: RegionWriter, made: Gesture, structure_id: int, root_ids: Sequence[int], who: str
) -> list[RegionRow]:
    """Make regions part of a 3-D structure; returns the new rows of those that were not yet."""
    return [
        writer.decide(made, root_id, DecisionKind.GROUPED, who, {"structure_id": structure_id})
        for root_id in root_ids
        if writer.regions.current(root_id).structure_id != structure_id
    ]


def add_found(
    writer: RegionWriter, made: Gesture, suggestion: Suggestion, study_uid: str, who: str, *, whole: bool = True
) -> list[tuple[RegionRow, SuggestionRow]]:
    """The rows of an answer that names places.

    whole : also one about the slice, where the answer says more than its regions.
    """
    kept: list[tuple[RegionRow, SuggestionRow]] = []
    for region in suggestion.regions:
        row = writer.add(
            made,
            suggestion.image,
            study_uid,
            region.box,
            who,
            label=label_of(region),
            state=RegionState.SUGGESTED,
            origin=Origin.MODEL,
        )
        one = replace(suggestion, regions=(region,), text=_said_of(suggestion, region))
        # Once an answer.
        add = writer.add_suggestion if kept else partial(writer.add_looked, who=who)
        kept.append((row, add(made, one, study_uid, row.root_id)))
    if whole and (suggestion.sentences or not suggestion.regions):
        writer.add_looked(made, suggestion, study_uid, None, who)
    return kept


def label_of(region: SuggestedRegion) -> Label:
    """The name in an answer, as a label."""
    return Label(region.label_id, region.label, region.label_zh)


def _said_of(suggestion: Suggestion, region: SuggestedRegion) -> str:
    """What a report says of a region; the whole answer where it is no report."""
    return next((one.text for one in suggestion.sentences if region in one.regions), suggestion.text)


def _state_of(region: NewRegion) -> RegionState:
    if region.origin in _BY_MACHINE:
        return RegionState.SUGGESTED
    return RegionState.DRAWN if region.label is None else RegionState.EDITED
