"""Moving a region, or one of its grips, with the mouse: shown while dragged, kept on release."""

from __future__ import annotations

from PySide6.QtCore import QPointF

from desktop.model.regions import RegionsModel
from desktop.viewer.slice_items import SliceItems
from engine.regions import Handle, HandleRole, RegionError, Shape

_VERTEX_KINDS = ("polygon", "line")


class RegionEditing:
    """The drag in work on one view's selected region."""

    def __init__(self, regions: RegionsModel, items: SliceItems) -> None:
        self._regions = regions
        self._items = items
        self._root: int | None = None
        self._before: Shape | None = None
        self._now: Shape | None = None
        self._handle: Handle | None = None
        self._from = QPointF()

    @property
    def active(self) -> bool:
        """Whether something is being dragged."""
        return self._root is not None

    def press(self, root_id: int, shape: Shape, handle: Handle | None, point: QPointF) -> None:
        """Take hold of a region, or of one of its grips."""
        self._root, self._before, self._now = root_id, shape, shape
        self._handle, self._from = handle, point

    def move(self, point: QPointF, *, keep_aspect: bool) -> None:
        """Drag it along."""
        if self._root is None or self._before is None:
            return
        off = point - self._from
        if self._handle is None or self._handle.role is HandleRole.CENTRE:
            self._now = self._before.moved(off.x(), off.y())
        else:
            place = QPointF(self._handle.x, self._handle.y) + off
            self._now = self._before.with_handle(self._handle.id, place.x(), place.y(), keep_aspect)
        self._items.drag(self._root, self._now)

    def release(self, least: float) -> bool:
        """Keep it. False when it was hardly moved: a click. least : image pixels."""
        root, before, now, whole = self._root, self._before, self._now, self._handle is None
        self.cancel()
        if root is None or before is None or now is None or now == before:
            return False
        one, other = before.bounds.as_tuple(), now.bounds.as_tuple()
        if whole and max(abs(a - b) for a, b in zip(one, other, strict=True)) < least:
            self._items.show_regions()
            return False
        self._regions.reshape(root, now)
        return True

    def cancel(self) -> None:
        """Let go; what is on screen is drawn anew by whoever asks."""
        self._root = self._before = self._now = self._handle = None

    def insert_vertex(self, root_id: int, shape: Shape, point: QPointF) -> bool:
        """A new corner on the edge under a place. False for a shape without corners of its own."""
        if shape.kind not in _VERTEX_KINDS:
            return False
        edge = shape.nearest_edge(point.x(), point.y())  # type: ignore[attr-defined]
        self._regions.reshape(root_id, shape.with_vertex_inserted(edge, point.x(), point.y()))
        return True

    def remove_vertex(self, root_id: int, shape: Shape, handle: Handle) -> bool:
        """Without the corner of a grip. False when it is no corner, or none can be spared."""
        if handle.role is not HandleRole.VERTEX:
            return False
        ids = [one.id for one in shape.handles() if one.role is HandleRole.VERTEX]
        try:
            fewer = shape.without_vertex(ids.index(handle.id))
        except RegionError:
            return False
        self._regions.reshape(root_id, fewer)
        return True
