"""Structures in space: regions on several slices of one plane that belong together."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from PySide6.QtCore import QObject, Signal

from desktop.model.commands import Change
from desktop.model.jobs import Job, JobRunner
from desktop.model.open_scan import OpenScan
from desktop.model.plane_state import PlaneState
from desktop.model.regions import RegionsModel
from desktop.model.viewing import ViewingModel
from engine.errors import MedRegAError
from engine.found import is_known
from engine.labels import same_name
from engine.progress import Cancelled
from engine.regions import Box, Shape
from engine.regions.interpolation import interpolated
from engine.regions.propagation import Direction, propagate
from engine.regions.structure import Structure
from engine.scans import Plane, Volume, Window, render_slice
from engine.store import (
    AnnotationStore,
    Derivation,
    NewRegion,
    Origin,
    PlacedRegion,
    RegionRow,
    RegionState,
    shape_of,
    shape_text,
    study_uid_of,
)
from engine.suggest import ImageRef, make_image_ref

_LINEAR = "linear"
_FOLLOWED = "followed"


@dataclass(frozen=True, slots=True)
class _Made:
    """A shape for a slice, and the slice as it is shown."""

    index: int
    shape: Shape
    image: ImageRef


@dataclass(frozen=True, slots=True)
class _Task:
    """What slices are being made from. keys : current rows, by slice; they must still be so when it is done."""

    scan: OpenScan
    plane: Plane
    window: Window | None
    row: RegionRow
    keys: dict[int, RegionRow]

    @property
    def volume(self) -> Volume:
        return self.scan.volume


def is_fixed(row: RegionRow) -> bool:
    """Whether a slice of a structure is a person's: drawn, accepted or locked. The others may be made anew."""
    return row.is_key or row.locked or row.state is RegionState.ACCEPTED


class StructuresModel(QObject):
    """started : a job to show. said : what came of it. failed : a message."""

    started = Signal(object)
    said = Signal(str)
    failed = Signal(str)

    def __init__(
        self,
        store: AnnotationStore,
        viewing: ViewingModel,
        regions: RegionsModel,
        jobs: JobRunner,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._store = store
        self._viewing = viewing
        self._regions = regions
        self._jobs = jobs
        self._job: Job | None = None
        # Rows never change: an area is worked out once.
        self._areas: dict[int, float] = {}
        self._sizes: dict[int, tuple[float, int]] = {}
        regions.edited.connect(self._sizes.clear)
        viewing.opened.connect(self._forget)

    def _forget(self) -> None:
        self._areas.clear()
        self._sizes.clear()
        if self._job is not None:
            self._job.cancel()

    @property
    def busy(self) -> bool:
        """Whether slices are being made."""
        return self._job is not None

    def members(self, row: RegionRow) -> list[PlacedRegion]:
        """The slices of a region's structure that the person sees; the region alone when it is in none."""
        return [
            one
            for one in self._in_plane()
            if one.row.root_id == row.root_id or (row.structure_id and one.row.structure_id == row.structure_id)
        ]

    def size(self, row: RegionRow) -> tuple[float, int] | None:
        """Cubic millimetres (voxels without geometry) and slices of a region's structure, None when it is in none."""
        volume, number = self._viewing.volume, row.structure_id
        if number is None or volume is None:
            return None
        if number not in self._sizes:
            rows = self._store.regions.of_structure(number)
            area = sum(self._area(one) for one in rows)
            # The volume of one square pixel on one slice.
            self._sizes[number] = (area * _voxel(volume, self._viewing.plane), len(rows))
        return self._sizes[number]

    def size_text(self, row: RegionRow) -> str:
        """The size of a region's structure in words, "" when it is in none."""
        size, volume = self.size(row), self._viewing.volume
        if size is None or volume is None:
            return ""
        amount, count = size
        if not volume.has_geometry:
            return self.tr("{0} voxels on {1} slices").format(f"{amount:.0f}", count)
        if amount < 1000:
            return self.tr("{0} mm³ on {1} slices").format(f"{amount:.0f}", count)
        return self.tr("{0} ml on {1} slices").format(f"{amount / 1000:.1f}", count)

    def _area(self, row: RegionRow) -> float:
        if row.id not in self._areas:
            self._areas[row.id] = shape_of(row).area
        return self._areas[row.id]

    def interpolate(self) -> None:
        """Fill the slices between those on which the selected structure was drawn.

        Regions of the same name on other slices of the plane join it, on each slice the one nearest to the selected.
        """
        task = self._task()
        if task is None:
            return
        if len(task.keys) < 2:
            self.failed.emit(self.tr("Draw it on another slice too, with the same name: those between are filled"))
            return
        shapes = {index: shape_of(row) for index, row in task.keys.items()}
        roots = tuple(task.keys[index].root_id for index in sorted(task.keys))
        made_of = Derivation(roots, _LINEAR)

        def work(job: Job) -> list[_Made]:
            return _on_slices(job, task, interpolated(shapes))

        self._start(work, lambda made: self._keep(task, made, Origin.INTERPOLATED, made_of))

    def box_over(self, first: int, last: int) -> None:
        """The selected shape on every slice from one to another; the first and the last are its ends."""
        task = self._task(alone=True)
        if task is None:
            return
        low, high = sorted((first, last))
        (own,) = task.keys
        shape = shape_of(task.row)
        wanted = {index: shape for index in range(low, high + 1) if index != own}
        made_of = Derivation((task.row.root_id,), _LINEAR)

        def work(job: Job) -> list[_Made]:
            return _on_slices(job, task, wanted)

        self._start(work, lambda made: self._keep(task, made, Origin.INTERPOLATED, made_of, ends=(low, high)))

    def follow(self) -> None:
        """Follow the selected structure through the slices, both ways, until it ends: suggestions on each."""
        task = self._task(alone=True)
        if task is None:
            return
        if task.row.label is None:
            self.failed.emit(self.tr("Name the region first: what is found is given its name"))
            return
        (own,) = task.keys
        shape, made_of = shape_of(task.row), Derivation((task.row.root_id,), _FOLLOWED)

        def work(job: Job) -> list[_Made]:
            found: dict[int, Shape] = {}
            for direction in Direction:
                found |= propagate(task.volume, task.plane, own, shape, direction, job)
            return _on_slices(job, task, found)

        self._start(work, lambda made: self._keep(task, self._fresh(task, made), Origin.PROPAGATED, made_of))

    def accept_all(self) -> None:
        """Accept every slice of the selected structure that waits for a decision."""
        row = self._regions.selected_row
        if row is not None:
            roots = [one.row.root_id for one in self.members(row) if one.row.state is RegionState.SUGGESTED]
            who = self._regions.who
            self._regions.change(roots, lambda: self._store.edits.accept_as_they_are(roots, who))

    def delete_all(self) -> None:
        """Take the selected structure away from every slice."""
        row = self._regions.selected_row
        if row is not None:
            roots = [one.row.root_id for one in self.members(row)]
            self._regions.change(roots, lambda: self._store.edits.delete(roots, self._regions.who))

    def _in_plane(self) -> list[PlacedRegion]:
        volume, plane = self._viewing.volume, self._viewing.plane
        if volume is None:
            return []
        visible = self._store.readings.visible_in_series(volume.source, volume.series_uid, self._regions.who)
        return [one for one in visible if one.plane is plane]

    def _task(self, *, alone: bool = False) -> _Task | None:
        """What is selected. alone : without the other slices of its structure."""
        row, state = self._regions.selected_row, self._viewing.active
        if row is None or state.scan is None:
            return None
        if self._job is not None:
            self.failed.emit(self.tr("Slices are being made already: wait, or cancel it first"))
            return None
        keys = {state.index: row} if alone else self._keys(row, state)
        return _Task(state.scan, state.plane, state.scan.window, row, keys)

    def _keys(self, row: RegionRow, state: PlaneState) -> dict[int, RegionRow]:
        there = self._in_plane()
        keys: dict[int, RegionRow] = {}
        if row.structure_id is None:
            keys[state.index] = row
        else:
            own = [one for one in there if one.row.structure_id == row.structure_id and is_fixed(one.row)]
            keys |= {one.slice: one.row for one in own}
        alike: dict[int, list[RegionRow]] = {}
        for one in there:
            free = one.row.structure_id is None and one.row.state is not RegionState.SUGGESTED
            if free and one.slice not in keys and same_name(one.row.label, row.label):
                alike.setdefault(one.slice, []).append(one.row)
        for index, rows in alike.items():
            keys[index] = min(rows, key=lambda other: _apart(other, row))
        return keys

    def _fresh(self, task: _Task, made: Sequence[_Made]) -> list[_Made]:
        """Without slices where something of the name lies in that place already, or was deleted there."""
        label = task.row.label
        assert label is not None
        taken = {one.slice for one in self.members(task.row)}
        return [
            one
            for one in made
            if one.index not in taken and not is_known(label, one.shape.bounds, self._regions.known(one.image))
        ]

    def _start(self, work: Callable[[Job], list[_Made]], keep: Callable[[list[_Made]], None]) -> None:
        job = self._jobs.start(work)
        self._job = job
        job.done.connect(keep)
        job.failed.connect(self.failed)
        job.finished.connect(self._ended)
        self.started.emit(job)

    def _ended(self) -> None:
        self._job = None

    def _keep(
        self, task: _Task, made: Sequence[_Made], origin: Origin, made_of: Derivation, ends: Sequence[int] = ()
    ) -> None:
        """One gesture: the new slices, the keys that join, and away with what was made before in their place."""
        keys = task.keys.values()
        still = all(self._store.regions.current(row.root_id).id == row.id for row in keys)
        if task.scan is not self._viewing.current or not still:
            self.failed.emit(self.tr("The structure was changed meanwhile: nothing was made of how it had been"))
            return
        kept = {one.slice for one in self.members(task.row) if is_fixed(one.row)}
        wanted = [one for one in made if one.index not in kept]
        if not wanted:
            self.said.emit(self.tr("There is no slice to add to this structure"))
            return
        new = [self._new(task, one, origin, made_of, is_end=one.index in ends) for one in wanted]
        places = {one.index for one in wanted}
        replaced = [one.row for one in self.members(task.row) if one.slice in places and not is_fixed(one.row)]
        count = self._regions.apply(lambda: self._write(new, [row.root_id for row in keys], replaced))
        if count:
            text = self.tr("{0} slices, to be accepted") if origin is Origin.PROPAGATED else self.tr("{0} slices made")
            self.said.emit(text.format(len(new)))

    def _new(self, task: _Task, one: _Made, origin: Origin, made_of: Derivation, *, is_end: bool) -> NewRegion:
        row = task.row
        study, text = study_uid_of(task.volume), shape_text(one.shape)
        new = NewRegion(one.image, study, one.shape.bounds, text, row.label, row.attributes, origin=origin)
        new = replace(new, reading_id=self._regions.fixed_reading)
        if is_end:
            # A person said where it ends.
            return replace(new, origin=Origin.COPIED)
        return replace(new, is_key=False, derivation=made_of)

    def _write(self, new: Sequence[NewRegion], join: Sequence[int], replaced: Sequence[RegionRow]) -> list[Change]:
        store, who = self._store, self._regions.who
        before = {root: store.regions.current(root) for root in join}
        rows, joined = store.drawing.draw_many(new, who, structure=True, join=join)
        try:
            gone = store.edits.delete([row.root_id for row in replaced], who) if replaced else []
        except MedRegAError:
            # Half of a gesture is none.
            store.edits.revert_many([(row.root_id, None) for row in rows], who)
            store.edits.revert_many([(row.root_id, before[row.root_id].id) for row in joined], who)
            raise
        return [
            *(Change(None, row) for row in rows),
            *(Change(before[row.root_id], row) for row in joined),
            *(Change(old, row) for old, row in zip(replaced, gone, strict=True)),
        ]


def _on_slices(job: Job, task: _Task, shapes: Mapping[int, Shape]) -> list[_Made]:
    """Each shape with its slice, rendered as it is shown; for a working thread, which has no renderer of its own."""
    made = []
    for number, index in enumerate(sorted(shapes), start=1):
        if job.cancelled():
            raise Cancelled
        rgb = render_slice(task.volume, task.plane, index, task.window)
        height, width = rgb.shape[:2]
        image = make_image_ref(task.volume, task.plane, index, task.window, rgb)
        made.append(_Made(index, shapes[index].clipped(width, height), image))
        job.report(number, len(shapes), "slices")
    return made


def _voxel(volume: Volume, plane: Plane) -> float:
    """What one square pixel on one slice fills."""
    return Structure(plane, {0: Box(0, 0, 1, 1)}).volume_mm3(volume)


def _apart(first: RegionRow, second: RegionRow) -> float:
    a, b = first.box, second.box
    return abs(a.x1 + a.x2 - b.x1 - b.x2) + abs(a.y1 + a.y2 - b.y1 - b.y2)
