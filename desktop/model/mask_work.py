"""What is done to the selected region's pixels: painted, fitted, made a mask, tidied, combined with another."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import Any

from numpy.typing import NDArray
from PySide6.QtCore import QObject, Signal

from desktop.model.commands import Change
from desktop.model.regions import RegionsModel
from desktop.model.tools import ToolModel
from desktop.model.viewing import ViewingModel
from engine.errors import MedRegAError
from engine.regions import Mask, RegionError, Shape, masks
from engine.regions.masks import ValueRange
from engine.regions.snapping import snap, structure_in
from engine.scans.positions import slice_values
from engine.store import AnnotationStore, RegionRow, Reshape, shape_of, shape_text


class MaskVerb(StrEnum):
    """What can be done to one mask. GROW, SHRINK, SMOOTH : amount in pixels; DROP_ISLANDS : least number of pixels."""

    MAKE = "make"
    FILL = "fill"
    SMOOTH = "smooth"
    GROW = "grow"
    SHRINK = "shrink"
    LARGEST = "largest"
    DROP_ISLANDS = "drop_islands"


class Combination(StrEnum):
    """What can be done to two. UNION takes the other in."""

    UNION = "union"
    SUBTRACT = "subtract"
    INTERSECT = "intersect"


class MaskWork(QObject):
    """said : a line for the person. waiting_changed : another region is to be chosen, or no longer."""

    said = Signal(str)
    waiting_changed = Signal()

    def __init__(
        self, store: AnnotationStore, viewing: ViewingModel, regions: RegionsModel, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._store = store
        self._viewing = viewing
        self._regions = regions
        self._waiting: tuple[Combination, int] | None = None
        regions.selected.connect(self._chosen)

    @property
    def waiting(self) -> Combination | None:
        """What is to be done with the region that is selected next."""
        return None if self._waiting is None else self._waiting[0]

    def paint(self, points: Sequence[tuple[float, float]], tools: ToolModel, *, erase: bool) -> None:
        """A stroke of the brush: onto the selected mask, or a new one. Erasing works on whatever is selected."""
        state, regions = self._viewing.active, self._regions
        row = regions.selected_row
        if state.volume is None or not state.has_slice:
            regions.failed.emit(self.tr("This slice is not read yet: draw when it is here"))
            return
        height, width = state.shape
        values = None if state.volume.is_color else slice_values(state.volume, state.plane, state.index)
        before = None if row is None else shape_of(row)
        try:
            within = None if tools.value_range is None or values is None else ValueRange(*tools.value_range)
            brush = masks.stroke(points, tools.brush_radius, (height, width), state.spacing)
            if erase:
                if row is None or before is None:
                    regions.failed.emit(self.tr("Select a region to erase from"))
                    return
                self._erase(row, before.to_mask(width, height), brush, values, within)
            elif row is not None and isinstance(before, Mask) and not row.locked:
                regions.reshape(row.root_id, masks.painted(before, brush, values, within))
            else:
                regions.draw(masks.painted(None, brush, values, within))
        except RegionError as error:
            regions.failed.emit(str(error))

    def _erase(
        self, row: RegionRow, mask: Mask, brush: Mask, values: NDArray[Any] | None, within: ValueRange | None
    ) -> None:
        root = row.root_id
        try:
            left = masks.erased(mask, brush, values, within)
        except RegionError:
            # Nothing of it is left.
            self._regions.change([root], lambda: self._store.edits.delete([root], self._regions.who))
        else:
            self._regions.reshape(root, left)

    def snap(self) -> None:
        """Fit the selected box to what stands out in it."""
        row = self._regions.selected_row
        values = self._values()
        if row is None or values is None or row.shape is not None:
            return
        fitted = snap(values, row.box)
        if fitted == row.box:
            self.said.emit(self.tr("Nothing stands out in this box: it stays as it was drawn"))
        else:
            self._regions.reshape(row.root_id, fitted)

    def mask_inside(self) -> None:
        """Turn the selected box into a mask of what stands out in it."""
        row, values = self._regions.selected_row, self._values()
        if row is None or values is None or row.shape is not None:
            return
        found = structure_in(values, row.box)
        if found is None:
            self.said.emit(self.tr("Nothing stands out in this box: it stays as it was drawn"))
        else:
            self._regions.reshape(row.root_id, found)

    def do(self, verb: MaskVerb, amount: float = 1.0) -> None:
        """Change the selected region; one that is no mask becomes one first."""
        image = self._viewing.active.shape
        verbs: dict[MaskVerb, Callable[[Mask], Shape]] = {
            MaskVerb.MAKE: lambda mask: mask,
            MaskVerb.FILL: masks.filled,
            MaskVerb.SMOOTH: lambda mask: masks.smoothed(mask, amount, image),
            MaskVerb.GROW: lambda mask: masks.grown(mask, amount, image),
            MaskVerb.SHRINK: lambda mask: masks.grown(mask, -amount, image),
            MaskVerb.LARGEST: masks.largest_island,
            MaskVerb.DROP_ISLANDS: lambda mask: masks.without_small_islands(mask, round(amount)),
        }
        self._change(lambda row: verbs[verb](self._mask(row)))

    def threshold(self, low: float, high: float) -> None:
        """Keep of the selected region the pixels whose values lie in a range."""
        values = self._values()
        if values is not None:
            self._change(lambda row: masks.thresholded(shape_of(row), values, ValueRange(low, high)))

    def combine_with_next(self, how: Combination) -> None:
        """Combine the selected region with the one that is selected next."""
        row = self._regions.selected_row
        if row is not None and not row.locked:
            self._waiting = (how, row.root_id)
            self.waiting_changed.emit()
            self.said.emit(self.tr("Click the other region (Esc: leave it)"))

    def _chosen(self) -> None:
        if self._waiting is None:
            return
        (how, root), other = self._waiting, self._regions.selected_row
        if other is not None and other.root_id == root:
            return
        self._waiting = None
        self.waiting_changed.emit()
        row = self._regions.region(root)
        if row is not None and other is not None:
            self._combine(how, row, other)

    def _combine(self, how: Combination, row: RegionRow, other: RegionRow) -> None:
        verbs = {
            Combination.UNION: masks.union,
            Combination.SUBTRACT: masks.subtracted,
            Combination.INTERSECT: masks.intersected,
        }

        def gesture() -> list[Change]:
            mask = verbs[how](self._mask(row), self._mask(other))
            edit = Reshape(row.root_id, mask.bounds, shape_text(mask), self._viewing.image_ref())
            (after,) = self._store.edits.edit_many([edit], self._regions.who)
            changes = [Change(row, after)]
            if how is Combination.UNION:
                try:
                    (gone,) = self._store.edits.delete([other.root_id], self._regions.who)
                except MedRegAError:
                    # Half of a gesture is none.
                    self._store.edits.revert_many([(row.root_id, row.id)], self._regions.who)
                    raise
                changes.append(Change(other, gone))
            return changes

        self._regions.apply(gesture, lambda: row.root_id)

    def _change(self, make: Callable[[RegionRow], Shape]) -> None:
        row = self._regions.selected_row
        if row is None:
            return
        try:
            shape = make(row)
        except RegionError as error:
            self._regions.failed.emit(str(error))
            return
        if shape != shape_of(row):
            self._regions.reshape(row.root_id, shape)

    def _mask(self, row: RegionRow) -> Mask:
        height, width = self._viewing.active.shape
        shape = shape_of(row)
        return shape if isinstance(shape, Mask) else shape.to_mask(width, height)

    def _values(self) -> NDArray[Any] | None:
        """(H, W) of the slice on screen; None, and a word why, where there are none to hold against."""
        state = self._viewing.active
        if state.volume is None or not state.has_slice:
            return None
        if state.volume.is_color:
            self.said.emit(self.tr("This needs grey values: the picture is in colour"))
            return None
        return slice_values(state.volume, state.plane, state.index)
