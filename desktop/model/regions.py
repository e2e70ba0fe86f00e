"""The regions of the slice on screen: which there are, which is selected, and every gesture on them."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QUndoStack

from desktop.model.commands import AppendedRow, Drawing, Finding
from desktop.model.plane_state import PlaneState
from desktop.model.viewing import ViewingModel
from engine.regions import Box, Label, RegionError
from engine.store import AnnotationStore, RegionRow, RegionState, StoreError, SuggestionRow, study_uid_of
from engine.suggest import Suggestion

UNDECIDED = (RegionState.DRAWN, RegionState.SUGGESTED)


class RegionsModel(QObject):
    """changed : the list or a region's content. selected : another region, or none. failed : a message."""

    changed = Signal()
    selected = Signal()
    failed = Signal(str)
    drawn = Signal(int)

    def __init__(self, store: AnnotationStore, viewing: ViewingModel, who: str, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._store = store
        self._viewing = viewing
        self._who = who
        self.undo_stack = QUndoStack(self)
        self.rows: list[RegionRow] = []
        self._suggested: dict[int, SuggestionRow] = {}
        self.selected_root: int | None = None
        viewing.slice_changed.connect(self._other_slice)

    def _other_slice(self) -> None:
        self.selected_root = None
        self.refresh()
        self.selected.emit()

    def refresh(self) -> None:
        """Read the slice's regions from the store, the only truth."""
        self.rows = self._read(self._viewing.active)
        waiting = (row.root_id for row in self.rows if row.state in UNDECIDED)
        found = {root: self.suggestion(root) for root in waiting}
        self._suggested = {root: one for root, one in found.items() if one is not None}
        if self.selected_root not in [row.root_id for row in self.rows]:
            self.selected_root = None
        self.changed.emit()

    def show_image(self, image_id: int) -> None:
        """Go to the slice that something is undone or redone on: nothing changes where nobody sees it."""
        image = self._store.images.get(image_id)
        for state in self._viewing.all_states:
            volume = state.volume
            if volume is None or (str(volume.source), volume.series_uid) != (image.source, image.series_uid):
                continue
            if state.plane is image.plane:
                self._viewing.activate(state)
                state.go_to(image.slice)
                return

    def rows_of(self, state: PlaneState) -> list[RegionRow]:
        """The regions of the slice that a view shows."""
        return self.rows if state is self._viewing.active else self._read(state)

    def _read(self, state: PlaneState) -> list[RegionRow]:
        volume = state.volume
        if volume is None:
            return []
        image = self._store.images.find(str(volume.source), volume.series_uid, state.plane, state.index)
        return [] if image is None else self._store.regions.of_image(image.id)

    def region(self, root_id: int) -> RegionRow | None:
        """A visible region of this slice."""
        return next((row for row in self.rows if row.root_id == root_id), None)

    def suggestion(self, root_id: int) -> SuggestionRow | None:
        """The newest answer about a region."""
        return self._store.suggestions.of_region(root_id)

    def suggested(self, root_id: int) -> SuggestionRow | None:
        """The newest answer about an undecided region of this slice, as it was read: asks no database."""
        return self._suggested.get(root_id)

    def select(self, root_id: int | None) -> None:
        """Select one region or none."""
        if root_id != self.selected_root:
            self.selected_root = root_id
            self.selected.emit()

    def select_next_undecided(self) -> None:
        """Go to the next region that waits for a decision; none when all are decided."""
        waiting = [row.root_id for row in self.rows if row.state in UNDECIDED]
        later = [root for root in waiting if self.selected_root is None or root > self.selected_root]
        self.select((later or waiting or [None])[0])

    def draw(self, box: Box) -> None:
        """A person has drawn a box on the slice on screen."""
        image, volume = self._viewing.image_ref(), self._viewing.volume
        if volume is None:
            return
        if image is None:
            self.failed.emit(self.tr("This slice is not read yet: draw when it is here"))
            return
        try:
            box = box.clipped(image.width, image.height)
            self.undo_stack.push(Drawing(self, self._store, image, study_uid_of(volume), box, self._who))
        except (RegionError, StoreError) as error:
            self.failed.emit(str(error))

    def keep_suggestion(self, suggestion: Suggestion, root_id: int) -> None:
        """Store an answer about a drawn region."""
        volume = self._viewing.volume
        if volume is not None:
            self._suggested[root_id] = self._store.record_suggestion(suggestion, study_uid_of(volume), root_id)
            self.changed.emit()
            self.selected.emit()

    def keep_found(self, suggestion: Suggestion) -> int:
        """Store the boxes of a text-to-region answer; returns how many there are."""
        volume = self._viewing.volume
        if volume is None:
            return 0
        found = Finding(self, self._store, suggestion, study_uid_of(volume), self._who)
        if found.rows:
            self.undo_stack.push(found)
        return len(found.rows)

    def accept(self, root_id: int, label: Label) -> None:
        """Agree with a suggested name."""
        suggestion = self.suggestion(root_id)
        if suggestion is None:
            self.correct(root_id, label)
            return
        self._append(root_id, lambda: self._store.accept(root_id, suggestion.id, label, self._who))

    def correct(self, root_id: int, label: Label) -> None:
        """Give the region another name than the suggested one."""
        suggestion = self.suggestion(root_id)
        number = None if suggestion is None else suggestion.id
        self._append(root_id, lambda: self._store.correct(root_id, label, self._who, suggestion_id=number))

    def reject(self, root_id: int) -> None:
        """Reject the region."""
        suggestion = self.suggestion(root_id)
        number = None if suggestion is None else suggestion.id
        self._append(root_id, lambda: self._store.reject(root_id, self._who, number))

    def _append(self, root_id: int, gesture) -> None:  # type: ignore[no-untyped-def]
        before = self.region(root_id)
        if before is None:
            return
        try:
            self.undo_stack.push(AppendedRow(self, self._store, before, gesture, self._who))
        except StoreError as error:
            self.failed.emit(str(error))
