"""Undo and redo. A command calls the same store methods as everything else; history only ever grows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtGui import QUndoCommand

from engine.store import AnnotationStore, RegionRow

if TYPE_CHECKING:
    from desktop.model.regions import RegionsModel


@dataclass(frozen=True, slots=True)
class Change:
    """What a gesture did to one region. before : None when it was not there."""

    before: RegionRow | None
    after: RegionRow


class RegionsCommand(QUndoCommand):
    """A gesture on one region or many, on disk already when this is made: a failing store leaves no command behind.

    Undone, the regions are again what they were before, or taken back; redone, they are the same regions again.
    then : what to select after it is done: a root id or None. first_time : called once, after the gesture itself.
    """

    def __init__(
        self,
        regions: RegionsModel,
        store: AnnotationStore,
        who: str,
        changes: Sequence[Change],
        then: Callable[[], int | None],
        first_time: Callable[[], None] | None = None,
    ) -> None:
        super().__init__()
        self._regions = regions
        self._store = store
        self._who = who
        self._changes = tuple(changes)
        self._then = then
        self._first_time = first_time
        self._done = True

    def redo(self) -> None:
        """Show it, or do it again."""
        again = not self._done
        if again:
            self._go_there()
            self._store.edits.revert_many([(one.after.root_id, one.after.id) for one in self._changes], self._who)
            self._done = True
        self._regions.edited.emit()
        self._regions.refresh()
        self._regions.select(self._then())
        if not again and self._first_time is not None:
            self._first_time()
            self._first_time = None

    def undo(self) -> None:
        """Back to what was."""
        self._go_there()
        before = [(one.after.root_id, None if one.before is None else one.before.id) for one in self._changes]
        self._store.edits.revert_many(before, self._who)
        self._done = False
        self._regions.edited.emit()
        self._regions.refresh()
        there = [one.before.root_id for one in self._changes if one.before is not None]
        self._regions.select(there[0] if there else None)

    def _go_there(self) -> None:
        """To a slice that it changes, unless one is on screen: nothing changes where nobody sees it."""
        images = [one.after.image_id for one in self._changes]
        if self._regions.image_id not in images:
            self._regions.show_image(images[0])
