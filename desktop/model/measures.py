"""Measurements: kept with their slice while the window is open, undone and redone like everything else."""

from __future__ import annotations

import itertools
from collections import defaultdict
from dataclasses import dataclass, replace
from enum import StrEnum

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QUndoCommand, QUndoStack

from desktop.model.plane_state import PlaneState
from desktop.model.reader import ReaderModel
from desktop.model.viewing import ViewingModel


class MeasureKind(StrEnum):
    """What is measured, and by how many points: two, three, or two opposite corners."""

    LENGTH = "length"
    ANGLE = "angle"
    ELLIPSE = "ellipse"
    RECTANGLE = "rectangle"


@dataclass(frozen=True, slots=True)
class Measure:
    """One measurement. points : pixels of its slice, x right, y down, centres at integers."""

    number: int
    kind: MeasureKind
    points: tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class _Slice:
    """A slice as one reader has measured it."""

    who: str
    source: str
    series_uid: str
    plane: str
    index: int


class MeasuresModel(QObject):
    """Each reader has their own: one who reads blind must not see what another has measured.

    changed : measurements were added or taken away. selected : another is chosen, or none.
    """

    changed = Signal()
    selected = Signal()

    def __init__(
        self, viewing: ViewingModel, reader: ReaderModel, undo_stack: QUndoStack, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._viewing = viewing
        self._reader = reader
        self._undo_stack = undo_stack
        self._kept: dict[_Slice, dict[int, Measure]] = defaultdict(dict)
        self._numbers = itertools.count(1)
        self.selected_number: int | None = None
        viewing.slice_changed.connect(lambda: self.select(None))
        reader.changed.connect(self._other_reader)

    def _other_reader(self) -> None:
        self.select(None)
        self.changed.emit()

    def _place(self, state: PlaneState) -> _Slice | None:
        volume = state.volume
        if volume is None:
            return None
        return _Slice(self._reader.name, str(volume.source), volume.series_uid, state.plane.value, state.index)

    def of(self, state: PlaneState) -> list[Measure]:
        """The measurements on the slice that a view shows."""
        place = self._place(state)
        return [] if place is None else list(self._kept.get(place, {}).values())

    def add(self, kind: MeasureKind, points: tuple[tuple[float, float], ...]) -> None:
        """Keep a measurement of the active view's slice."""
        place = self._place(self._viewing.active)
        if place is not None:
            measure = Measure(next(self._numbers), kind, points)
            self._undo_stack.push(_Change(self, place, measure, adds=True))

    def move_point(self, number: int, which: int, to: tuple[float, float]) -> None:
        """Put one point of a measurement of the active view's slice elsewhere."""
        place = self._place(self._viewing.active)
        before = None if place is None else self._kept.get(place, {}).get(number)
        if place is not None and before is not None:
            points = (*before.points[:which], to, *before.points[which + 1 :])
            self._undo_stack.push(_Move(self, place, before, replace(before, points=points)))

    def delete_selected(self) -> None:
        """Take the chosen measurement away."""
        place = self._place(self._viewing.active)
        if place is not None and self.selected_number in self._kept.get(place, {}):
            measure = self._kept[place][self.selected_number]
            self._undo_stack.push(_Change(self, place, measure, adds=False))

    def select(self, number: int | None) -> None:
        """Choose one or none."""
        if number != self.selected_number:
            self.selected_number = number
            self.selected.emit()

    def put(self, place: _Slice, measure: Measure) -> None:
        """For the undo stack alone."""
        self._kept[place][measure.number] = measure
        self.changed.emit()

    def take(self, place: _Slice, measure: Measure) -> None:
        """For the undo stack alone."""
        self._kept[place].pop(measure.number, None)
        if self.selected_number == measure.number:
            self.select(None)
        self.changed.emit()


class _Change(QUndoCommand):
    """A measurement that comes or goes."""

    def __init__(self, measures: MeasuresModel, place: _Slice, measure: Measure, *, adds: bool) -> None:
        super().__init__()
        self._measures = measures
        self._place = place
        self._measure = measure
        self._adds = adds

    def redo(self) -> None:
        """Do it."""
        (self._measures.put if self._adds else self._measures.take)(self._place, self._measure)

    def undo(self) -> None:
        """Undo it."""
        (self._measures.take if self._adds else self._measures.put)(self._place, self._measure)


class _Move(QUndoCommand):
    """A measurement that becomes another."""

    def __init__(self, measures: MeasuresModel, place: _Slice, before: Measure, after: Measure) -> None:
        super().__init__()
        self._measures = measures
        self._place = place
        self._before = before
        self._after = after

    def redo(self) -> None:
        """Do it."""
        self._measures.put(self._place, self._after)

    def undo(self) -> None:
        """Undo it."""
        self._measures.put(self._place, self._before)
