"""Changes to regions that are there, one or many at once. Each method is one gesture, and history only grows.

Every method that takes root ids changes all of those regions or, when one of them cannot be changed (locked, gone,
outside the image, of another reading), none. It returns the new rows in the order of the ids.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from engine.regions import Box, Label
from engine.store.drawing import join_structure
from engine.store.errors import StoreError
from engine.store.region_writer import RegionWriter
from engine.store.rows import HIDDEN_STATES, DecisionKind, RegionRow, RegionState
from engine.store.said_name import may_accept, said_name, stands_behind, what_drew
from engine.suggest import ImageRef


@dataclass(frozen=True, slots=True)
class Reshape:
    """Another place or shape for a region.

    box : bounds. shape : JSON, None for the box itself. view : the slice as it was on screen, None for as it was when
    the region was drawn.
    """

    root_id: int
    box: Box
    shape: str | None = None
    view: ImageRef | None = None


class RegionEdits:
    """Gestures that change regions. Raises `StoreError` when nothing could be kept."""

    def __init__(self, writer: RegionWriter) -> None:
        self._writer = writer

    def accept(self, root_id: int, suggestion_id: int, label: Label, who: str) -> RegionRow:
        """The person agrees with a suggested name (and box)."""
        change = {"label": label, "state": RegionState.ACCEPTED}
        return self._one(root_id, DecisionKind.ACCEPTED, who, change, suggestion_id)

    def accept_as_they_are(self, root_ids: Sequence[int], who: str) -> list[RegionRow]:
        """Accept suggested regions under the names they have, whatever anybody said of how sure it is.

        Those that are decided already, locked or without a name are left alone. The answer judged is the one that says
        the name, see `stands_behind`. Returns the new rows of those accepted.
        """
        rows = []
        with self._writer.gesture(who, DecisionKind.ACCEPTED.value) as made:
            for root_id in root_ids:
                before = self._writer.regions.current(root_id)
                if before.state is not RegionState.SUGGESTED or before.label is None or before.locked:
                    continue
                judged = stands_behind(before, self._writer.suggestions.about_region(root_id))
                change = {"state": RegionState.ACCEPTED}
                number = None if judged is None else judged.id
                rows.append(
                    self._writer.decide(made, root_id, DecisionKind.ACCEPTED, who, change, suggestion_id=number)
                )
        return rows

    def accept_many(self, root_ids: Sequence[int], threshold: float, who: str) -> list[RegionRow]:
        """Accept what the model is at least as sure of as `threshold` (0..1); the others stay undecided.

        Name, probability and the answer judged are of one answer, see `said_name`; a suggested region keeps its name,
        and is left alone where the newest answer is sure of another. So are regions that are locked, decided already,
        or that the model said nothing sure of. The threshold is written into each verdict. Returns the new rows of
        those accepted.
        """
        rows = []
        with self._writer.gesture(who, f"accepted from {threshold:g}") as made:
            for root_id in root_ids:
                before = self._writer.regions.current(root_id)
                said = said_name(before, self._writer.suggestions.about_region(root_id))
                if said is None or not may_accept(before, said, threshold):
                    continue
                rows.append(
                    self._writer.decide(
                        made,
                        root_id,
                        DecisionKind.ACCEPTED,
                        who,
                        {"label": said.label, "state": RegionState.ACCEPTED},
                        suggestion_id=said.answer.id,
                        detail={"threshold": float(threshold), "probability": said.probability},
                    )
                )
        return rows

    def correct(
        self,
        root_id: int,
        label: Label,
        who: str,
        *,
        suggestion_id: int | None = None,
        box: Box | None = None,
        shape: str | None = None,
    ) -> RegionRow:
        """The person gives another name or place than suggested, or one where nothing was suggested.

        box : with `shape`, which None makes the box itself; the place stays when it is None. Raises `RegionError` for
        a box outside the image.
        """
        change: dict[str, Any] = {"label": label, "state": RegionState.EDITED}
        if box is not None:
            change |= {"box": box, "shape": shape, "is_key": True}
        return self._one(root_id, DecisionKind.EDITED, who, change, suggestion_id)

    def reject(self, root_id: int, who: str, suggestion_id: int | None = None) -> RegionRow:
        """The person rejects the region: it is hidden, its history stays."""
        return self._one(root_id, DecisionKind.REJECTED, who, {"state": RegionState.REJECTED}, suggestion_id)

    def edit_shape(
        self, root_id: int, box: Box, who: str, *, shape: str | None = None, view: ImageRef | None = None
    ) -> RegionRow:
        """Move or reshape a region. Raises `RegionError` for bounds outside the image."""
        (row,) = self.edit_many([Reshape(root_id, box, shape, view)], who)
        return row

    def edit_many(self, edits: Sequence[Reshape], who: str) -> list[RegionRow]:
        """Move or reshape regions. Their names stay; a suggestion or an accepted one becomes the person's own.

        Judged is the answer that drew a suggested region, whatever was said of its name later. Raises `RegionError` for
        bounds outside the image.
        """
        rows = []
        with self._writer.gesture(who, DecisionKind.RESHAPED.value) as made:
            for edit in edits:
                before = self._visible(edit.root_id)
                change: dict[str, Any] = {
                    "box": edit.box,
                    "shape": edit.shape,
                    "is_key": True,
                    "state": RegionState.DRAWN if before.label is None else RegionState.EDITED,
                }
                if edit.view is not None:
                    change |= {"view_sha256": edit.view.sha256, "window": edit.view.window}
                suggested = before.state is RegionState.SUGGESTED
                judged = what_drew(before, self._writer.suggestions.about_region(edit.root_id)) if suggested else None
                suggestion_id = None if judged is None else judged.id
                rows.append(
                    self._writer.decide(
                        made, edit.root_id, DecisionKind.RESHAPED, who, change, suggestion_id=suggestion_id
                    )
                )
        return rows

    def set_label(self, root_ids: Sequence[int], label: Label | None, who: str) -> list[RegionRow]:
        """Give regions a name, for one as for every one that has another; None takes the name away."""
        state = RegionState.DRAWN if label is None else RegionState.EDITED
        return self._many(root_ids, DecisionKind.LABELLED, who, {"label": label, "state": state})

    def set_attributes(self, root_ids: Sequence[int], attributes: str | None, who: str) -> list[RegionRow]:
        """Say how regions are, beside their names. attributes : JSON, None for nothing."""
        return self._many(root_ids, DecisionKind.DESCRIBED, who, {"attributes": attributes})

    def delete(self, root_ids: Sequence[int], who: str) -> list[RegionRow]:
        """Take regions away. They are hidden for good, unless undone; the model's are not judged wrong by it."""
        return self._many(root_ids, DecisionKind.DELETED, who, {"state": RegionState.REMOVED})

    def lock(self, root_ids: Sequence[int], who: str) -> list[RegionRow]:
        """Take no changes until `unlock`."""
        return self._many(root_ids, DecisionKind.LOCKED, who, {"locked": True})

    def unlock(self, root_ids: Sequence[int], who: str) -> list[RegionRow]:
        """Take changes again."""
        return self._many(root_ids, DecisionKind.UNLOCKED, who, {"locked": False})

    def group(self, root_ids: Sequence[int], who: str) -> list[RegionRow]:
        """Make regions one 3-D structure, that of the first; returns the new rows of those that were not in it."""
        with self._writer.gesture(who, DecisionKind.GROUPED.value) as made:
            first = self._visible(root_ids[0])
            return join_structure(self._writer, made, first.structure_id or first.root_id, root_ids, who)

    def revert(self, root_id: int, to_row: int | None, who: str) -> RegionRow:
        """Undo: make the region again what an earlier row of it was; None takes it back altogether.

        History is not cut: another row is appended. Raises `StoreError` for a row of another region.
        """
        (row,) = self.revert_many([(root_id, to_row)], who)
        return row

    def revert_many(self, reverts: Sequence[tuple[int, int | None]], who: str) -> list[RegionRow]:
        """Undo or redo a gesture on many regions: each root id with the row to go back to, as for `revert`."""
        rows = []
        with self._writer.gesture(who, DecisionKind.RESTORED.value) as made:
            for root_id, to_row in reverts:
                change = {"state": RegionState.REMOVED} if to_row is None else self._content_of(root_id, to_row)
                rows.append(self._writer.decide(made, root_id, DecisionKind.RESTORED, who, change))
        return rows

    def _content_of(self, root_id: int, to_row: int) -> dict[str, Any]:
        old = self._writer.regions.row(to_row)
        if old.root_id != root_id:
            raise StoreError(f"row {to_row} is not part of region {root_id}'s history")
        return {
            "label": old.label,
            "box": old.box,
            "state": old.state,
            "shape": old.shape,
            "attributes": old.attributes,
            "structure_id": old.structure_id,
            "is_key": old.is_key,
            "locked": old.locked,
            "view_sha256": old.view_sha256,
            "window": old.window,
        }

    def _one(
        self, root_id: int, kind: DecisionKind, who: str, change: dict[str, Any], suggestion_id: int | None = None
    ) -> RegionRow:
        with self._writer.gesture(who, kind.value) as made:
            return self._writer.decide(made, root_id, kind, who, change, suggestion_id=suggestion_id)

    def _many(self, root_ids: Sequence[int], kind: DecisionKind, who: str, change: dict[str, Any]) -> list[RegionRow]:
        with self._writer.gesture(who, kind.value) as made:
            return [
                self._writer.decide(made, self._visible(root_id).root_id, kind, who, change) for root_id in root_ids
            ]

    def _visible(self, root_id: int) -> RegionRow:
        row = self._writer.regions.current(root_id)
        if row.state in HIDDEN_STATES:
            raise StoreError(f"region {root_id} was {row.state.value} and is not there to be changed: undo that first")
        return row
