"""Undo and redo. A command calls the same store methods as everything else; history only ever grows."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtGui import QUndoCommand

from engine.regions import Box
from engine.store import AnnotationStore, RegionRow
from engine.suggest import ImageRef, Suggestion

if TYPE_CHECKING:
    from desktop.model.regions import RegionsModel


class Drawing(QUndoCommand):
    """A new box. Undone, it is taken back; redone, it is the same region again."""

    def __init__(
        self,
        regions: RegionsModel,
        store: AnnotationStore,
        image: ImageRef,
        study_uid: str,
        box: Box,
        who: str,
    ) -> None:
        super().__init__()
        self._regions = regions
        self._store = store
        self._who = who
        # Kept before the command goes onto the stack, so that a failing store leaves no command behind.
        self._row = store.draw_region(image, study_uid, box, who)
        self._first = True

    def redo(self) -> None:
        """Draw it, or bring it back."""
        if not self._first:
            self._regions.show_image(self._row.image_id)
            self._store.revert(self._row.root_id, self._row.id, self._who)
        self._regions.refresh()
        self._regions.select(self._row.root_id)
        if self._first:
            self._first = False
            self._regions.drawn.emit(self._row.root_id)

    def undo(self) -> None:
        """Take it back."""
        self._regions.show_image(self._row.image_id)
        self._store.revert(self._row.root_id, None, self._who)
        self._regions.refresh()


class Finding(QUndoCommand):
    """The boxes of a text-to-region answer. Undone, they are taken back; redone, they are the same regions again."""

    def __init__(
        self, regions: RegionsModel, store: AnnotationStore, suggestion: Suggestion, study_uid: str, who: str
    ) -> None:
        super().__init__()
        self._regions = regions
        self._store = store
        self._who = who
        self.rows = [row for row, _ in store.record_found(suggestion, study_uid, who)]
        self._first = True

    def redo(self) -> None:
        """Show them, or bring them back."""
        if not self._first:
            self._regions.show_image(self.rows[0].image_id)
            for row in self.rows:
                self._store.revert(row.root_id, row.id, self._who)
        self._first = False
        self._regions.refresh()
        self._regions.select(self.rows[0].root_id)

    def undo(self) -> None:
        """Take them back."""
        self._regions.show_image(self.rows[0].image_id)
        for row in self.rows:
            self._store.revert(row.root_id, None, self._who)
        self._regions.refresh()


class AppendedRow(QUndoCommand):
    """A decision about a region. Undone, the region is again what it was before."""

    def __init__(
        self,
        regions: RegionsModel,
        store: AnnotationStore,
        before: RegionRow,
        gesture: Callable[[], RegionRow],
        who: str,
    ) -> None:
        super().__init__()
        self._regions = regions
        self._store = store
        self._before = before
        self._who = who
        self._after = gesture()
        self._first = True

    def redo(self) -> None:
        """Decide, or decide again."""
        if not self._first:
            self._regions.show_image(self._before.image_id)
            self._store.revert(self._before.root_id, self._after.id, self._who)
        self._first = False
        self._regions.refresh()
        self._regions.select_next_undecided()

    def undo(self) -> None:
        """Back to what it was."""
        self._regions.show_image(self._before.image_id)
        self._store.revert(self._before.root_id, self._before.id, self._who)
        self._regions.refresh()
        self._regions.select(self._before.root_id)
