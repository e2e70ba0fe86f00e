"""A structure in space: its shapes on the slices of one plane, and what they look like in the other planes.

A shape stands for a slab as thick as the distance between slices: from half a slice before its index to half a slice
after. Slabs of one structure that touch merge into one outline.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from engine.regions.box import Box
from engine.regions.errors import RegionError
from engine.regions.rasters import Bits, Ring, chords, trace_edges
from engine.regions.shape import Shape
from engine.regions.shapes import Ellipse, Line, Mask, Point
from engine.scans import Plane, Volume, plane_grid

Intervals = NDArray[np.float64]
Pixel = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Structure:
    """Shapes of one structure.

    plane : on whose slices they lie. shapes : by slice index. keys : the slices drawn by a person; the others were
    interpolated or propagated and may be made anew. Raises `RegionError` when there are no shapes, for a negative
    slice, and for a key without a shape.
    """

    plane: Plane
    shapes: Mapping[int, Shape]
    keys: frozenset[int] = field(default_factory=frozenset)

    def __post_init__(self) -> None:
        # A copy, so that nobody changes it from outside.
        object.__setattr__(self, "shapes", dict(self.shapes))
        if not self.shapes:
            raise RegionError("a structure needs a shape on at least one slice")
        if min(self.shapes) < 0:
            raise RegionError(f"a structure has a shape on slice {min(self.shapes)}, before the first")
        if not self.keys <= set(self.shapes):
            raise RegionError(f"a structure has no shape on its key slices {sorted(self.keys - set(self.shapes))}")

    @property
    def slices(self) -> tuple[int, ...]:
        """The slices with a shape, in order."""
        return tuple(sorted(self.shapes))

    @property
    def key_shapes(self) -> dict[int, Shape]:
        """The shapes drawn by a person, by slice."""
        return {index: self.shapes[index] for index in sorted(self.keys)}

    def with_shape(self, index: int, shape: Shape) -> Structure:
        """With a person's shape on a slice: a new key."""
        return replace(self, shapes={**self.shapes, index: shape}, keys=self.keys | {index})

    def with_derived(self, shapes: Mapping[int, Shape]) -> Structure:
        """With shapes that were made, which never take the place of a person's."""
        derived = {index: shape for index, shape in shapes.items() if index not in self.keys}
        return replace(self, shapes={**self.shapes, **derived})

    def without_slice(self, index: int) -> Structure:
        """Without the shape of a slice. Raises `RegionError` when it was the last."""
        left = {i: shape for i, shape in self.shapes.items() if i != index}
        return replace(self, shapes=left, keys=self.keys - {index})

    def voxels(self, volume: Volume) -> Bits:
        """(Z, Y, X) bool of the volume: the voxels whose centre lies inside; lines and points take theirs."""
        grid = plane_grid(volume, self.plane)
        count, height, width = grid.shape
        bits = np.zeros(volume.voxels.shape[:3], bool)
        for index, shape in self.shapes.items():
            if index >= count:
                raise RegionError(f"a structure has a shape on slice {index}: the volume has {count}")
            # A view, so writing to it writes the voxels.
            grid.cut(bits, index)[...] = shape.covered(0, 0, width, height)
        return bits

    def volume_mm3(self, volume: Volume) -> float:
        """Cubic millimetres (voxels without geometry): the shapes' areas times the distance of slices.

        Boxes and outlines count with their exact area, masks with their pixels; slices without a shape count nothing.
        """
        # Less than 1 with a tilted gantry, whose slices are shifted against each other.
        axes = np.abs(np.linalg.det(volume.direction))
        return float(sum(shape.area for shape in self.shapes.values()) * np.prod(volume.spacing_mm) * axes)


def box3d(plane: Plane, box: Box, first: int, last: int) -> Structure:
    """The same box on every slice from `first` to `last`, both included, in either order; its ends are keys."""
    low, high = sorted((first, last))
    return Structure(plane, dict.fromkeys(range(low, high + 1), box), frozenset((low, high)))


def cross_sections(
    volume: Volume, plane: Plane, shapes: Mapping[int, Shape], other_plane: Plane, index: int
) -> list[Ring]:
    """Where slice `index` of another plane cuts the shapes drawn on slices of `plane`.

    shapes : of one structure, by slice. Returns closed (N, 2) rings in pixels of the other plane's slice, holes as
    rings of their own, to be filled by the even-odd rule; none where it misses them. In the plane itself, the outline
    of the slice's own shape. A shape is cut along the middle of the slice's row or column of voxels.
    """
    return CuttingSlice(volume, plane, other_plane, index).rings(shapes)


class CuttingSlice:
    """A slice that shapes drawn in a plane are held against: see `cross_sections`.

    Kept for many structures, whose hundreds are cut for each refresh of three planes.
    """

    def __init__(self, volume: Volume, plane: Plane, other_plane: Plane, index: int) -> None:
        self._index = index
        self._is_own = plane is other_plane
        grid, other = plane_grid(volume, plane), plane_grid(volume, other_plane)
        self._exists = 0 <= index < other.shape[0]
        x, y, _ = grid.voxel_to_pixel(*other.pixel_to_voxel(0, 0, index))
        self._along_rows = grid.rows[0] == other.slices[0]
        self._at = y if self._along_rows else x

        def place(t: float, k: float) -> tuple[float, float]:
            pixel = (t, self._at) if self._along_rows else (self._at, t)
            return other.voxel_to_pixel(*grid.pixel_to_voxel(*pixel, k))[:2]

        # The way from (place along the cut, slice) to pixels of the other plane is straight.
        origin, along, across = (np.array(place(*step)) for step in ((0, 0), (1, 0), (0, 1)))
        self._origin, self._steps = origin, np.array((along - origin, across - origin))

    def rings(self, shapes: Mapping[int, Shape]) -> list[Ring]:
        """Where it cuts a structure. shapes : of one structure, by slice."""
        if self._is_own:
            return list(shapes[self._index].outline()) if self._index in shapes else []
        if not self._exists:
            return []
        slabs = {}
        for k, shape in shapes.items():
            intervals = _cut(shape, self._along_rows, self._at)
            if len(intervals):
                slabs[k] = intervals
        return [self._origin + ring @ self._steps for ring in _merged(slabs)] if slabs else []


def _cut(shape: Shape, along_rows: bool, at: float) -> Intervals:
    """(N, 2) from .. to, in order and apart, where a row or a column of pixels runs inside a shape."""
    box = shape.bounds
    low, high = (box.y1, box.y2) if along_rows else (box.x1, box.x2)
    if not low <= at <= high:
        return np.empty((0, 2))
    if isinstance(shape, Box):
        ends = (box.x1, box.x2) if along_rows else (box.y1, box.y2)
        return np.array([ends] if at < high else []).reshape(-1, 2)
    if isinstance(shape, (Mask, Line, Point)):
        return _cut_pixels(shape, along_rows, round(at))
    if isinstance(shape, Ellipse):
        turned = shape if along_rows else Ellipse(shape.cy, shape.cx, shape.rx, shape.ry, 90 - shape.angle_deg)
        chord = turned.chord(at)
        return np.array([chord] if chord else []).reshape(-1, 2)
    ring = shape.outline()[0]
    met = chords(ring if along_rows else ring[:, ::-1], at).reshape(-1, 2)
    return met[met[:, 0] < met[:, 1]]


def _cut_pixels(shape: Shape, along_rows: bool, at: int) -> Intervals:
    box = shape.bounds
    first, last = (box.x1, box.x2) if along_rows else (box.y1, box.y2)
    start = int(np.floor(first))
    places = np.arange(start, int(np.ceil(last)) + 1)
    if isinstance(shape, Mask):
        fixed = np.full(places.size, at)
        inside = shape.at(places, fixed) if along_rows else shape.at(fixed, places)
    elif along_rows:
        inside = shape.covered(start, at, places.size, 1)[0]
    else:
        inside = shape.covered(at, start, 1, places.size)[:, 0]
    changes = np.flatnonzero(np.diff(np.concatenate(([False], inside, [False]))))
    return changes.reshape(-1, 2).astype(np.float64) + (start - 0.5)


def _merged(slabs: dict[int, Intervals]) -> tuple[Ring, ...]:
    """Rings (place along the cut, slice) round slabs of intervals, those of neighbouring slices run together."""
    first, last = min(slabs), max(slabs)
    if first == last and len(slabs[first]) == 1:
        # One slab of one slice, as most regions are: hundreds of them are cut for each refresh of three planes.
        (start, stop), low, high = slabs[first][0], first - 0.5, first + 0.5
        return (np.array([(start, low), (stop, low), (stop, high), (start, high)]),)
    places = np.unique(np.concatenate([intervals.ravel() for intervals in slabs.values()]))
    bits = np.zeros((last - first + 1, places.size - 1), bool)
    for k, intervals in slabs.items():
        for start, stop in np.searchsorted(places, intervals):
            bits[k - first, start:stop] = True
    return trace_edges(bits, places, np.arange(first, last + 2, dtype=np.float64) - 0.5)
