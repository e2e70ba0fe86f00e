"""Where the suggestion card lies: beside the region that it is about."""

from __future__ import annotations

from PySide6.QtCore import QObject, QPoint

from desktop.model.regions import RegionsModel
from desktop.panels.suggestion_card import SuggestionCard
from desktop.viewer.view_grid import ViewGrid

_GAP = 10
_MARGIN = 4


class CardPlace(QObject):
    """Moves the card whenever the region, the view or the card itself changes its place or size."""

    def __init__(self, card: SuggestionCard, grid: ViewGrid, regions: RegionsModel) -> None:
        super().__init__(card)
        self._card = card
        self._grid = grid
        self._regions = regions
        for signal in (card.resized, grid.moved, grid.active_changed, regions.selected):
            signal.connect(self.place)

    def place(self) -> None:
        """Right of the box if there is room, else left, always inside the views' area.

        It may lie over another view: in a small one it would hide the box that it is about.
        """
        view, root = self._grid.active_view, self._regions.selected_root
        rect = None if root is None else view.region_rect(root)
        if rect is None or self._card.isHidden():
            return
        area = self._grid.rect()
        rect.translate(view.viewport().mapTo(self._grid, QPoint(0, 0)))
        size = self._card.sizeHint()
        x = rect.right() + _GAP
        if x + self._card.width() > area.right() - _MARGIN:
            x = rect.left() - _GAP - self._card.width()
        x = max(float(_MARGIN), min(x, area.right() - self._card.width() - _MARGIN))
        y = max(float(_MARGIN), min(rect.top(), area.bottom() - size.height() - _MARGIN))
        self._card.move(QPoint(round(x), round(y)))
