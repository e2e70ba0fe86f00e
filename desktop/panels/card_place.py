"""Where the suggestion card lies: beside the region that it is about."""

from __future__ import annotations

from PySide6.QtCore import QObject, QPoint, QRect, QSize

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
        """Right of the box if there is room, else left, below or above it, or else where it hides least of the box.

        It may lie over another view: in a small one it would hide the box that it is about.
        """
        view, root = self._grid.active_view, self._regions.selected_root
        rect = None if root is None else view.region_rect(root)
        if rect is None or self._card.isHidden():
            return
        box = rect.translated(view.viewport().mapTo(self._grid, QPoint(0, 0))).toRect()
        area = self._grid.rect().adjusted(_MARGIN, _MARGIN, -_MARGIN, -_MARGIN)
        size = QSize(self._card.width(), self._card.sizeHint().height())
        self._card.move(_beside(box, size, area))


def _beside(box: QRect, size: QSize, area: QRect) -> QPoint:
    """Where a card of some size lies in an area: beside a box where there is room, else over as little as can be."""
    right = max(area.left(), area.right() - size.width())
    bottom = max(area.top(), area.bottom() - size.height())
    places = (
        QPoint(box.right() + _GAP, box.top()),
        QPoint(box.left() - _GAP - size.width(), box.top()),
        QPoint(box.left(), box.bottom() + _GAP),
        QPoint(box.left(), box.top() - _GAP - size.height()),
    )
    inside = [
        QPoint(max(area.left(), min(place.x(), right)), max(area.top(), min(place.y(), bottom))) for place in places
    ]

    def hidden(place: QPoint) -> int:
        common = QRect(place, size) & box
        return common.width() * common.height()

    return min(inside, key=hidden)
