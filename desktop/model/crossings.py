"""Regions drawn in one plane, as they are cut by the slices of the others."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QObject, Signal

from desktop.model.open_scan import OpenScan
from desktop.model.plane_state import PlaneState
from desktop.model.regions import RegionsModel
from desktop.model.viewing import ViewingModel
from engine.regions import Label, Shape
from engine.regions.rasters import Ring
from engine.regions.structure import CuttingSlice
from engine.scans import Plane, Volume, plane_grid
from engine.store import AnnotationStore, PlacedRegion, RegionRow, shape_of

_MOST_CACHED = 4000
_Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Crossing:
    """Where a structure is cut: (N, 2) rings in pixels of the cutting slice."""

    structure: CutStructure
    rings: tuple[Ring, ...]


@dataclass(frozen=True, slots=True, eq=False)
class CutStructure:
    """A structure of one plane, or a region that is in none. rows, shapes : by slice.

    reach : for each other plane, first and last slice that may cut it.
    """

    plane: Plane
    rows: dict[int, RegionRow]
    shapes: dict[int, Shape]
    reach: dict[Plane, _Span]

    @property
    def label(self) -> Label | None:
        """Its name."""
        return next(iter(self.rows.values())).label

    @property
    def row(self) -> RegionRow:
        """Its first slice's region."""
        return self.rows[min(self.rows)]


class CrossingsModel(QObject):
    """changed : other regions are there to be cut. The open scan's alone, without those hidden on screen."""

    changed = Signal()

    def __init__(
        self, store: AnnotationStore, viewing: ViewingModel, regions: RegionsModel, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._store = store
        self._viewing = viewing
        self._regions = regions
        self._structures: list[CutStructure] | None = None
        # A row of the store never changes.
        self._shapes: dict[int, Shape] = {}
        self._cut: dict[tuple[int, Plane, int], tuple[Ring, ...]] = {}
        regions.edited.connect(self._edited)
        viewing.opened.connect(self._other_scan)

    def _other_scan(self) -> None:
        self._shapes.clear()
        self._edited()

    def _edited(self) -> None:
        self._structures = None
        self._cut.clear()
        self.changed.emit()

    def of(self, state: PlaneState) -> list[Crossing]:
        """What the slice of a view cuts that was drawn in other planes."""
        scan = self._viewing.current
        if scan is None or state.scan is not scan:
            return []
        if self._structures is None:
            self._structures = self._read(scan)
        found = []
        cutting: dict[Plane, CuttingSlice] = {}
        for number, one in enumerate(self._structures):
            low, high = one.reach.get(state.plane, (1, 0))
            if low <= state.index <= high and not any(r.root_id in self._regions.hidden for r in one.rows.values()):
                rings = self._rings(number, one, state, cutting)
                if rings:
                    found.append(Crossing(one, rings))
        return found

    def turn_to(self, crossing: Crossing, state: PlaneState, x: float, y: float) -> None:
        """Go to the slice on which a structure was drawn, nearest to a pixel of a view that cuts it, and select it."""
        volume, plane = state.volume, crossing.structure.plane
        if volume is None:
            return
        voxel = plane_grid(volume, state.plane).pixel_to_voxel(x, y, state.index)
        place = plane_grid(volume, plane).voxel_to_pixel(*voxel)[2]
        index = min(crossing.structure.rows, key=lambda one: abs(one - place))
        self._viewing.activate_plane(plane)
        self._viewing.go_to(index)
        self._regions.select(crossing.structure.rows[index].root_id)

    def _rings(
        self, number: int, one: CutStructure, state: PlaneState, cutting: dict[Plane, CuttingSlice]
    ) -> tuple[Ring, ...]:
        key = (number, state.plane, state.index)
        if key not in self._cut:
            if len(self._cut) >= _MOST_CACHED:
                self._cut.clear()
            assert state.volume is not None
            if one.plane not in cutting:
                cutting[one.plane] = CuttingSlice(state.volume, one.plane, state.plane, state.index)
            self._cut[key] = tuple(cutting[one.plane].rings(one.shapes))
        return self._cut[key]

    def _read(self, scan: OpenScan) -> list[CutStructure]:
        if not scan.is_solid:
            return []
        volume = scan.volume
        groups: dict[tuple[Plane, int], list[PlacedRegion]] = {}
        visible = self._store.readings.visible_in_series(volume.source, volume.series_uid, self._regions.who)
        for one in visible:
            groups.setdefault((one.plane, one.row.structure_id or one.row.root_id), []).append(one)
        return [self._structure(volume, plane, members) for (plane, _), members in groups.items()]

    def _structure(self, volume: Volume, plane: Plane, members: list[PlacedRegion]) -> CutStructure:
        rows = {one.slice: one.row for one in members}
        shapes = {}
        for index, row in rows.items():
            if row.id not in self._shapes:
                self._shapes[row.id] = shape_of(row)
            shapes[index] = self._shapes[row.id]
        return CutStructure(plane, rows, shapes, _reach(volume, plane, rows))


def _reach(volume: Volume, plane: Plane, rows: dict[int, RegionRow]) -> dict[Plane, _Span]:
    boxes = [row.box for row in rows.values()]
    corners = (min(b.x1 for b in boxes), min(b.y1 for b in boxes)), (max(b.x2 for b in boxes), max(b.y2 for b in boxes))
    grid = plane_grid(volume, plane)
    reach = {}
    for other in Plane:
        if other is not plane:
            onto = plane_grid(volume, other)
            ends = [onto.voxel_to_pixel(*grid.pixel_to_voxel(x, y, next(iter(rows))))[2] for x, y in corners]
            reach[other] = (round(min(ends)) - 1, round(max(ends)) + 1)
    return reach
