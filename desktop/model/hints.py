"""Which regions a sentence points at, and which region the mouse points at: for the eye alone."""

from __future__ import annotations

from collections.abc import Iterable

from PySide6.QtCore import QObject, Signal


class HintsModel(QObject):
    """changed : other regions are pointed at. under_changed : another region, or none, is under the mouse.

    wanted : whether anybody wants to know what is under the mouse; looking for it takes time.
    """

    changed = Signal()
    under_changed = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.pointed: frozenset[int] = frozenset()
        self.under: int | None = None
        self.wanted = False

    def point(self, roots: Iterable[int]) -> None:
        """Point at these regions, by root id, and at no others."""
        pointed = frozenset(roots)
        if pointed != self.pointed:
            self.pointed = pointed
            self.changed.emit()

    def mouse_over(self, root_id: int | None) -> None:
        """The mouse is over a region, or over none."""
        if root_id != self.under:
            self.under = root_id
            self.under_changed.emit()
