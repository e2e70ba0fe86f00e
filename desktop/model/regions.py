"""The regions of the slice on screen: every gesture on them, each to be undone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from desktop.model.commands import Change, RegionsCommand
from desktop.model.slice_regions import UNDECIDED, SliceRegions
from engine.found import known_regions, without_known
from engine.labels import same_name
from engine.regions import Label, RegionError, Shape
from engine.shadow import BothAnswers, keep_both
from engine.store import (
    NewRegion,
    Origin,
    RegionRow,
    RegionState,
    Reshape,
    StoreError,
    shape_of,
    shape_text,
    study_uid_of,
)
from engine.suggest import ImageRef, Suggestion


class RegionsModel(SliceRegions):
    """What the person does to the regions of the slice on screen; see `SliceRegions` for its signals."""

    # New regions

    def draw(self, shape: Shape) -> None:
        """A person has drawn a shape on the slice on screen. Without a label in hand, the model is to be asked."""
        new = self.new_region(shape)
        if new is not None:
            new = replace(new, label=self.next_label)
            self.add([new], ask=self.next_label is None)

    def new_region(self, shape: Shape) -> NewRegion | None:
        """A region to be, on the slice on screen and within it; None, and `failed`, when there can be none."""
        image, volume = self._viewing.image_ref(), self._viewing.volume
        if volume is None:
            return None
        if image is None:
            self.failed.emit(self.tr("This slice is not read yet: draw when it is here"))
            return None
        try:
            inside = shape.clipped(image.width, image.height)
        except RegionError as error:
            self.failed.emit(str(error))
            return None
        study, reading = study_uid_of(volume), self.fixed_reading
        return NewRegion(image, study, inside.bounds, shape_text(inside), reading_id=reading)

    def image_of(self, index: int) -> ImageRef | None:
        """Another slice of the active view, as it is shown; None when it is not there."""
        state = self._viewing.active
        return None if state.scan is None else state.image_ref_of(index)

    def add(
        self,
        regions: Sequence[NewRegion],
        *,
        ask: bool = False,
        structure: bool = False,
        join: Sequence[int] = (),
        select: bool = True,
    ) -> list[RegionRow]:
        """Keep new regions as one gesture; see `RegionDrawing.draw_many`. ask : the model is to name the first."""
        if self._is_frozen():
            return []
        try:
            before = {root: self._store.regions.current(root) for root in join}
            rows, joined = self._store.drawing.draw_many(regions, self.who, structure=structure, join=join)
        except (RegionError, StoreError) as error:
            self.failed.emit(str(error))
            return []
        changes = [Change(None, row) for row in rows]
        changes += [Change(before[row.root_id], row) for row in joined]
        if changes:
            first = rows[0].root_id if rows and select else self.selected_root
            asking = (lambda: self.drawn.emit(rows[0].root_id)) if ask and rows and not self.blind else None
            self._push(changes, lambda: first, asking)
        return rows

    def keep_suggestion(self, said: Suggestion | BothAnswers, root_id: int) -> None:
        """Store an answer about a drawn region, or two of which the person sees one."""
        volume = self._viewing.volume
        if volume is not None:
            if isinstance(said, BothAnswers):
                keep_both(self._store, said, volume, root_id)
            else:
                self._store.record_suggestion(said, study_uid_of(volume), root_id)
            self._answers[root_id] = self._read_answers(root_id)
            self.changed.emit()
            self.selected.emit()

    def known(self, image: ImageRef) -> list[RegionRow]:
        """What is not to be found again on a slice: the regions the person sees, and the model's they deleted."""
        return known_regions(self._store, image.path, image.series_uid, image.plane, image.slice, self.who)

    def keep_found(self, suggestion: Suggestion) -> int:
        """Store the boxes of a text-to-region answer that are new; returns how many there are."""
        volume = self._viewing.volume
        if volume is None or self._is_frozen():
            return 0
        fresh = without_known(suggestion, self.known(suggestion.image))
        found = [row for row, _ in self._store.record_found(fresh, study_uid_of(volume), self.who)]
        if found:
            self._push([Change(None, row) for row in found], lambda: found[0].root_id)
        else:
            # What is not there is shown too.
            self.refresh()
        return len(found)

    def duplicate(self, root_id: int, dx: float = 8.0, dy: float = 8.0) -> None:
        """A copy beside a region, on its slice."""
        row, size = self.region(root_id), self._viewing.active.shape
        if row is None or self._is_frozen():
            return
        try:
            moved = shape_of(row).moved(dx, dy).clipped(size[1], size[0])
            copy = self._store.drawing.duplicate(root_id, self.who, box=moved.bounds, shape=shape_text(moved))
        except (RegionError, StoreError) as error:
            self.failed.emit(str(error))
            return
        self._push([Change(None, copy)], lambda: copy.root_id)

    def copy_to(self, root_id: int, index: int) -> bool:
        """Copy a region to another slice of the same view, joined to it as one 3-D structure, and go there."""
        row, image, volume = self.region(root_id), self.image_of(index), self._viewing.volume
        if row is None or image is None or volume is None:
            return False
        study, reading = study_uid_of(volume), self.fixed_reading
        copy = NewRegion(
            image, study, row.box, row.shape, row.label, row.attributes, origin=Origin.COPIED, reading_id=reading
        )
        self._viewing.go_to(index)
        return bool(self.add([copy], structure=True, join=[root_id]))

    # Changes

    def reshape(self, root_id: int, shape: Shape) -> None:
        """Another place or shape for a region; one that would leave the image is cut off at its edge."""
        size = self._viewing.active.shape
        try:
            inside = shape.clipped(size[1], size[0])
        except RegionError as error:
            self.failed.emit(str(error))
            self.changed.emit()
            return
        edit = Reshape(root_id, inside.bounds, shape_text(inside), self._viewing.image_ref())
        self._change([root_id], lambda: self._store.edits.edit_many([edit], self.who))

    def nudge(self, root_id: int, dx: float, dy: float) -> None:
        """Move a region by pixels."""
        row = self.region(root_id)
        if row is not None:
            self.reshape(root_id, shape_of(row).moved(dx, dy))

    def accept(self, root_id: int, label: Label) -> None:
        """Agree with a suggested name; with another than the model says or the region has, it is a correction."""
        row = self.region(root_id)
        said = None if row is None else self.said(row)
        if said is not None and same_name(said.label, label):
            self._decide(root_id, lambda: self._store.accept(root_id, said.answer.id, label, self.who))
        elif row is not None and row.state is RegionState.SUGGESTED and row.label == label:
            # Followed through the slices: no model has said how sure it is.
            self._change(
                [root_id], lambda: self._store.edits.accept_as_they_are([root_id], self.who), self._next_undecided
            )
        else:
            self.correct(root_id, label)

    def accept_above(self, threshold: float) -> int:
        """Accept everything on this slice that the model is that sure of (0..1); returns how many there were."""
        roots = [row.root_id for row in self.rows if row.state in UNDECIDED]
        return self._change(
            roots, lambda: self._store.edits.accept_many(roots, threshold, self.who), self._next_undecided
        )

    def correct(self, root_id: int, label: Label) -> None:
        """Give the region another name than the suggested one."""
        number = self._judged(root_id)
        self._decide(root_id, lambda: self._store.correct(root_id, label, self.who, suggestion_id=number))

    def reject(self, root_id: int) -> None:
        """Reject what the model found; a region that a person drew is taken away."""
        number = self._judged(root_id)
        if number is not None:
            self._decide(root_id, lambda: self._store.reject(root_id, self.who, number))
        elif self.region(root_id) is not None:
            self._change([root_id], lambda: self._store.edits.delete([root_id], self.who), self._next_undecided)

    def _judged(self, root_id: int) -> int | None:
        """The answer that the person decides about: the one that is shown, or else the newest."""
        row = self.region(root_id)
        said = None if row is None else self.said(row)
        answer = self.suggestion(root_id) if said is None else said.answer
        return None if answer is None else answer.id

    def name(self, root_id: int, label: Label) -> None:
        """A person names a region: one that waits for it is decided by that, another one stays selected."""
        row = self.region(root_id)
        if row is not None and row.state in UNDECIDED:
            self.correct(root_id, label)
        elif row is not None and not (row.label and (row.label.id, row.label.en) == (label.id, label.en)):
            self.set_label([root_id], label)

    def set_label(self, root_ids: Sequence[int], label: Label) -> int:
        """Give many regions a name, on whatever slice; returns how many there were."""
        return self._change(root_ids, lambda: self._store.edits.set_label(root_ids, label, self.who))

    def set_attributes(self, root_id: int, attributes: str | None) -> None:
        """Say how a region is, beside its name. attributes : canonical JSON, None for nothing."""
        self._change([root_id], lambda: self._store.edits.set_attributes([root_id], attributes, self.who))

    def toggle_locked(self, root_id: int) -> None:
        """Take no changes to a region, or take them again."""
        row = self.region(root_id)
        if row is not None:
            verb = self._store.edits.unlock if row.locked else self._store.edits.lock
            self._change([root_id], lambda: verb([root_id], self.who))

    def change(self, root_ids: Sequence[int], gesture: Callable[[], list[RegionRow]]) -> int:
        """Any other gesture of the store on regions that are there, to be undone as one; returns how many changed."""
        return self._change(root_ids, gesture)

    def apply(self, gesture: Callable[[], list[Change]], then: Callable[[], int | None] | None = None) -> int:
        """Gestures of the store that make and change regions, to be undone as one; returns how many there were."""
        try:
            changes = gesture()
        except (RegionError, StoreError) as error:
            self.failed.emit(str(error))
            self.changed.emit()
            return 0
        if changes:
            self._push(changes, then or (lambda: self.selected_root))
        return len(changes)

    def adopt(self, rows: Sequence[RegionRow]) -> None:
        """New regions that are in the store already, as one gesture to be undone: those nobody has touched since."""
        self.apply(lambda: [Change(None, row) for row in rows if self._store.regions.current(row.root_id).id == row.id])

    def keep_changes(self, changes: Sequence[Change]) -> None:
        """Take over what was changed in the store elsewhere, on whatever slice, to be undone as one."""
        if changes:
            self._push(changes, lambda: self.selected_root)

    def _decide(self, root_id: int, gesture: Callable[[], RegionRow]) -> None:
        if self.region(root_id) is not None:
            self._change([root_id], lambda: [gesture()], self._next_undecided)

    def _change(
        self,
        root_ids: Sequence[int],
        gesture: Callable[[], list[RegionRow]],
        then: Callable[[], int | None] | None = None,
    ) -> int:
        if self._is_frozen():
            self.changed.emit()
            return 0
        try:
            before = {root: self._store.regions.current(root) for root in root_ids}
            rows = gesture()
        except (RegionError, StoreError) as error:
            self.failed.emit(str(error))
            # What was dragged on screen goes back to where it is.
            self.changed.emit()
            return 0
        changes = [Change(before[row.root_id], row) for row in rows]
        if changes:
            self._push(changes, then or (lambda: self.selected_root))
        return len(changes)

    def _is_frozen(self) -> bool:
        if self.frozen:
            self.failed.emit(self.frozen)
        return bool(self.frozen)

    def _push(
        self,
        changes: Sequence[Change],
        then: Callable[[], int | None],
        first_time: Callable[[], None] | None = None,
    ) -> None:
        self.undo_stack.push(RegionsCommand(self, self._store, self.who, changes, then, first_time))
