"""One series into stacks: parallel slices of one size at equal steps, whatever else shares the series UID.

Nothing is refused here. Copies are dropped, images of another size or orientation become stacks of their own,
images at the same place are told apart by what the file says about them, short gaps are kept as empty slices,
and every such thing is said in a note.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engine.scans.dicom_geometry import SAME_ORIENTATION, SAME_PLACE_MM, Stack, common_step, normal_of, stack_of
from engine.scans.dicom_header import SPLITS, DicomHeader
from engine.scans.notes import NoteKind, ScanNote, note

_MOST_MISSING = 0.1
_LONGEST_GAP = 3


@dataclass(frozen=True, slots=True)
class SliceFile:
    """One slice: a frame of a file, counted from 0."""

    header: DicomHeader
    frame: int = 0


@dataclass(frozen=True, slots=True)
class StackPlan:
    """Slices in the order in which they lie.

    slices : None where one is missing. stack : None when they have no common geometry. number : from 1, which of
    the series' stacks this is.
    """

    slices: tuple[SliceFile | None, ...]
    stack: Stack | None
    notes: tuple[ScanNote, ...] = ()
    number: int = 1

    @property
    def files(self) -> tuple[Path, ...]:
        """Its files, each once, in the order of the slices."""
        return tuple(dict.fromkeys(one.header.path for one in self.slices if one is not None))

    @property
    def header(self) -> DicomHeader:
        """The header of the first slice that is there."""
        return next(one.header for one in self.slices if one is not None)


@dataclass(frozen=True, slots=True)
class Placed:
    """A slice as sorting sees it. splits : name to value of what tells it from others at the same place."""

    slice: SliceFile
    position: tuple[float, ...] | None
    orientation: tuple[float, ...] | None
    order: tuple[int, str]
    splits: tuple[tuple[str, object], ...]


def plan_files(headers: Sequence[DicomHeader]) -> list[StackPlan]:
    """The stacks of a series of single-frame files, the biggest first."""
    headers, copies = _without_copies(headers)
    placed = [_placed(header) for header in headers]
    return plan_slices(placed, [note(NoteKind.DUPLICATES, count=copies)] if copies else [])


def _placed(header: DicomHeader) -> Placed:
    splits = tuple(zip(SPLITS, header.splits, strict=True))
    order = (header.instance_number, header.path.name)
    return Placed(SliceFile(header), header.position, header.orientation, order, splits)


def plan_slices(placed: Sequence[Placed], notes: Sequence[ScanNote] = ()) -> list[StackPlan]:
    """Stacks from slices of files or frames; `notes` go to each of them."""
    plans: list[StackPlan] = []
    kinds = _grouped(placed, _same_kind)
    for kind in kinds:
        plans += _plans_of_kind(kind, [*notes, *_told_apart(len(kinds), "size or orientation")])
    plans.sort(key=lambda plan: -sum(one is not None for one in plan.slices))
    numbered = []
    for number, plan in enumerate(plans, start=1):
        said = tuple(
            note(one.kind, **{**dict(one.values), "number": number, "count": len(plans)})
            if one.kind in (NoteKind.SEVERAL_STACKS, NoteKind.TIME_POINTS)
            else one
            for one in plan.notes
        )
        numbered.append(replace(plan, number=number, notes=tuple(dict.fromkeys(said))))
    return numbered


def _told_apart(count: int, by: str, kind: NoteKind = NoteKind.SEVERAL_STACKS) -> list[ScanNote]:
    # Number and count are filled in when all stacks are known.
    return [note(kind, by=by, count=count, number=0)] if count > 1 else []


def _without_copies(headers: Sequence[DicomHeader]) -> tuple[list[DicomHeader], int]:
    kept: dict[object, DicomHeader] = {}
    for header in headers:
        # Some programs give all slices one UID: place and number must agree too.
        key = (header.sop_instance_uid, header.position, header.instance_number, header.rows, header.columns)
        kept.setdefault(key if header.sop_instance_uid else header.path, header)
    return list(kept.values()), len(headers) - len(kept)


def _grouped(placed: Sequence[Placed], same: Callable[[Placed, Placed], bool]) -> list[list[Placed]]:
    groups: list[list[Placed]] = []
    for one in placed:
        group = next((group for group in groups if same(group[0], one)), None)
        if group is None:
            groups.append([one])
        else:
            group.append(one)
    return groups


def _same_kind(one: Placed, other: Placed) -> bool:
    first, second = one.slice.header, other.slice.header
    if (first.rows, first.columns, first.samples) != (second.rows, second.columns, second.samples):
        return False
    # A scout may lie parallel to the slices that it plans.
    if first.is_localizer is not second.is_localizer:
        return False
    if _has_place(one) is not _has_place(other):
        return False
    if one.orientation is None or other.orientation is None or not _has_place(one):
        return True
    return float(np.abs(np.subtract(one.orientation, other.orientation)).max()) <= SAME_ORIENTATION


def _has_place(one: Placed) -> bool:
    return one.position is not None and one.orientation is not None


def _plans_of_kind(kind: list[Placed], notes: list[ScanNote]) -> list[StackPlan]:
    kind = sorted(kind, key=lambda one: one.order)
    if kind[0].slice.header.is_localizer:
        notes = [*notes, note(NoteKind.LOCALIZER)]
    if not _has_place(kind[0]):
        said = notes if len(kind) == 1 else [*notes, note(NoteKind.NO_POSITIONS)]
        return [StackPlan(tuple(one.slice for one in kind), None, tuple(said))]
    plans = []
    groups, how = _once_a_place(kind)
    for group in groups:
        lines = _lines(group)
        for line in lines:
            plans += _even_stacks(line, [*notes, *how, *_told_apart(len(lines), "position")])
    return plans


def _once_a_place(kind: list[Placed]) -> tuple[list[list[Placed]], list[ScanNote]]:
    """Groups in which no two slices share a place, and how they were told apart."""
    places = _places(kind)
    if len(set(places)) == len(kind):
        return [kind], []
    place_of = {id(one): place for one, place in zip(kind, places, strict=True)}
    for number, (name, _) in enumerate(kind[0].splits):
        groups: dict[object, list[Placed]] = defaultdict(list)
        for one in kind:
            groups[one.splits[number][1]].append(one)
        if len(groups) > 1 and all(
            len({place_of[id(one)] for one in group}) == len(group) for group in groups.values()
        ):
            time = name in ("temporal position", "trigger time", "acquisition time")
            return list(groups.values()), _told_apart(
                len(groups), name, NoteKind.TIME_POINTS if time else NoteKind.SEVERAL_STACKS
            )
    # Nothing in the files tells them apart: the first at each place, the second at each place ...
    turn: dict[int, int] = defaultdict(int)
    rounds: dict[int, list[Placed]] = defaultdict(list)
    for one, place in zip(kind, places, strict=True):
        rounds[turn[place]].append(one)
        turn[place] += 1
    return list(rounds.values()), _told_apart(len(rounds), "order of their numbers")


def _places(kind: list[Placed]) -> list[int]:
    """A number for each slice, the same for those that lie at the same place."""
    positions = np.array([one.position for one in kind])
    along = positions @ normal_of(np.array(kind[0].orientation))
    order = np.argsort(along, kind="stable")
    found = [0] * len(kind)
    seen: list[int] = []
    place = -1
    for index in order:
        near = [i for i in seen if along[index] - along[i] < SAME_PLACE_MM]
        same = next((i for i in near if np.linalg.norm(positions[index] - positions[i]) < SAME_PLACE_MM), None)
        if same is None:
            place += 1
            found[index] = place
            seen = [*near, int(index)]
        else:
            found[index] = found[same]
            seen = near
    return found


def _lines(group: list[Placed]) -> list[list[Placed]]:
    """Sorted along the normal; slices beside the line on which most lie are lines of their own."""
    positions = np.array([one.position for one in group])
    normal = normal_of(np.array(group[0].orientation))
    along = positions @ normal
    order = np.argsort(along, kind="stable")
    ordered, positions, along = [group[i] for i in order], positions[order], along[order]
    if len(group) < 3:
        return [ordered] if len(group) == 1 or along[1] - along[0] > SAME_PLACE_MM else [[one] for one in ordered]
    sideways = positions - np.outer(along, normal)
    steps, drifts = np.diff(along), np.diff(sideways, axis=0)
    apart = steps > SAME_PLACE_MM
    slope = np.median(drifts[apart] / steps[apart, None], axis=0) if apart.any() else np.zeros(3)
    beside = sideways - np.outer(along, slope)
    tolerance = 0.05 * float(np.median(steps[apart])) + 0.02 if apart.any() else 0.02
    lines: list[tuple[NDArray[np.float64], list[Placed]]] = []
    for one, place in zip(ordered, beside, strict=True):
        # A line drifts through the rounding of its positions: its last slice says where it is.
        number = next((i for i, (at, _) in enumerate(lines) if np.linalg.norm(place - at) <= tolerance), None)
        if number is None:
            lines.append((place, [one]))
        else:
            lines[number] = (place, [*lines[number][1], one])
    return [line for _, line in lines]


def _even_stacks(line: list[Placed], notes: list[ScanNote]) -> list[StackPlan]:
    """Slices along one line as stacks of equal steps; a few missing ones are left empty."""
    positions = np.array([one.position for one in line])
    orientation = np.array(line[0].orientation)
    if len(line) == 1:
        return [StackPlan((line[0].slice,), None, tuple(notes))]
    step = common_step(positions)
    if step is not None:
        return [_plan([one.slice for one in line], positions[0], orientation, step, notes)]
    steps = np.linalg.norm(np.diff(positions, axis=0), axis=1)
    filled = _with_gaps(line, positions, orientation, steps, notes)
    if filled is not None:
        return [filled]
    runs = _runs(line, positions)
    if len(runs) <= max(2, len(line) // 5):
        plans: list[StackPlan] = []
        for run in runs:
            plans += _even_stacks(run, [*notes, *_told_apart(len(runs), "distance of the slices")])
        return plans
    uneven = note(NoteKind.UNEVEN_SPACING, least=f"{steps.min():.4g}", most=f"{steps.max():.4g}")
    return [StackPlan(tuple(one.slice for one in line), None, (*notes, uneven))]


def _plan(
    slices: Sequence[SliceFile | None],
    position: NDArray[np.float64],
    orientation: NDArray[np.float64],
    step: NDArray[np.float64],
    notes: list[ScanNote],
) -> StackPlan:
    stack = stack_of(position, orientation, step, len(slices))
    tilt = float(np.degrees(np.arccos(min(1.0, abs(float(stack.direction[:, 2] @ normal_of(orientation)))))))
    said = [*notes, note(NoteKind.TILTED_GANTRY, degrees=f"{tilt:.1f}")] if tilt >= 0.05 else notes
    return StackPlan(tuple(slices), stack, tuple(said))


def _with_gaps(
    line: list[Placed],
    positions: NDArray[np.float64],
    orientation: NDArray[np.float64],
    steps: NDArray[np.float64],
    notes: list[ScanNote],
) -> StackPlan | None:
    """The stack with empty slices where few are missing; None when it is not that."""
    if len(line) < 3:
        return None
    counts = np.rint(steps / np.median(steps)).astype(int)
    if counts.min() < 1 or counts.max() > _LONGEST_GAP + 1:
        return None
    missing = int((counts - 1).sum())
    if not 0 < missing <= max(1, _MOST_MISSING * len(line)):
        return None
    numbers = np.concatenate([[0], np.cumsum(counts)])
    step = (positions[-1] - positions[0]) / numbers[-1]
    off = np.linalg.norm(positions - (positions[0] + np.outer(numbers, step)), axis=1).max()
    if off > 0.05 * float(np.linalg.norm(step)) + 0.01:
        return None
    slices: list[SliceFile | None] = [None] * (int(numbers[-1]) + 1)
    for number, one in zip(numbers, line, strict=True):
        slices[int(number)] = one.slice
    before = line[int(np.argmax(counts))].slice.header.path.name
    said = [*notes, note(NoteKind.MISSING_SLICES, count=missing, file=before)]
    return _plan(slices, positions[0], orientation, step, said)


def _runs(line: list[Placed], positions: NDArray[np.float64]) -> list[list[Placed]]:
    """Cut where the distance from slice to slice changes."""
    runs = [[line[0]]]
    first: NDArray[np.float64] | None = None
    for number in range(1, len(line)):
        step = positions[number] - positions[number - 1]
        if first is None:
            first = step
        elif np.linalg.norm(step - first) > 0.05 * float(np.linalg.norm(first)) + 0.01:
            runs.append([])
            first = None
        runs[-1].append(line[number])
    return runs
