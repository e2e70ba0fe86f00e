"""One place in the patient that all views show: the crosshair, and scrolling two scans together."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QObject, Signal

from desktop.model.open_scan import OpenScan
from desktop.model.plane_state import PlaneState
from desktop.model.viewing import ViewingModel
from engine.scans.positions import Line, Point, intersection_line, pixel_to_patient, slice_normal


def share_frame(one: OpenScan | None, other: OpenScan | None) -> bool:
    """Whether two scans' patient coordinates mean the same places."""
    if one is None or other is None or not (one.volume.has_geometry and other.volume.has_geometry):
        return False
    same = one is other or (one.item.path, one.item.series_uid) == (other.item.path, other.item.series_uid)
    return same or (bool(one.frame_uid) and one.frame_uid == other.frame_uid)


class CrosshairModel(QObject):
    """moved : the crosshair is elsewhere. changed : it, the reference lines or the link were switched.

    point : LPS mm, None without a scan in patient space. shown : views draw it. linked : the two scans beside each
    other are scrolled together, by place where they share a frame of reference, else by the distance from where
    they stood when the link was made.
    """

    moved = Signal()
    changed = Signal()

    def __init__(self, viewing: ViewingModel, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._viewing = viewing
        self.point: Point | None = None
        self.shown = True
        self.linked = True
        self._following = False
        self._offset_mm = 0.0
        viewing.opened.connect(self._opened)
        viewing.prior_changed.connect(self._relink)
        for state in viewing.all_states:
            state.slice_changed.connect(lambda state=state: self._scrolled(state))

    def set_shown(self, shown: bool) -> None:
        """Draw crosshair and reference lines, or not."""
        if shown != self.shown:
            self.shown = shown
            self.changed.emit()

    def set_linked(self, linked: bool) -> None:
        """Scroll the two scans together from where they are now, or each alone."""
        if linked != self.linked:
            self.linked = linked
            self._relink()
            self.changed.emit()

    @property
    def by_place(self) -> bool:
        """Whether the scans beside each other share a frame of reference."""
        return share_frame(self._viewing.current, self._viewing.prior.scan)

    def place(self, state: PlaneState, x: float, y: float) -> None:
        """Put the crosshair on a pixel of a view's slice; every view turns to it."""
        height, width = state.shape
        point = state.point_at(max(0.0, min(width - 1.0, x)), max(0.0, min(height - 1.0, y)))
        if point is not None:
            self._go(point, state)

    def pixel(self, state: PlaneState) -> tuple[float, float] | None:
        """Where a view shows the crosshair, in its pixels; None where the place means nothing to it."""
        if self.point is None or not self._means(state):
            return None
        pixel = state.pixel_of(self.point)
        return None if pixel is None else (pixel[0], pixel[1])

    def line(self, state: PlaneState, other: PlaneState) -> Line | None:
        """Where another view's slice cuts this view's, in this view's pixels."""
        if state.volume is None or other.volume is None or not share_frame(state.scan, other.scan):
            return None
        return intersection_line(state.volume, state.plane, state.index, other.volume, other.plane, other.index)

    def _means(self, state: PlaneState) -> bool:
        return share_frame(self._viewing.current, state.scan)

    def _opened(self) -> None:
        state = self._viewing.active
        height, width = state.shape
        self.point = None
        if state.scan is not None and state.scan.is_solid:
            self.point = state.point_at((width - 1) / 2, (height - 1) / 2)
        self._relink()
        self.moved.emit()

    def _relink(self) -> None:
        """Remember how far apart the two scans stand."""
        viewing, prior = self._viewing, self._viewing.prior
        if prior.scan is None or not self.linked:
            return
        if self.by_place:
            own = self._own_state()
            point = own.point_at((own.shape[1] - 1) / 2, (own.shape[0] - 1) / 2)
            if point is not None:
                self._quietly(prior, point)
        elif viewing.current is not None:
            self._offset_mm = _depth_mm(prior) - _depth_mm(self._own_state())

    def _own_state(self) -> PlaneState:
        """The open scan's view that the scan beside it goes with."""
        active = self._viewing.active
        return active if active is not self._viewing.prior else self._viewing.states[active.plane]

    def _scrolled(self, state: PlaneState) -> None:
        """A view was turned by wheel or key: the crosshair goes along, and so does the other scan."""
        if self._following:
            return
        if self.linked and self._viewing.prior.scan is not None and not self.by_place:
            self._follow_by_distance(state)
        before = self.pixel(state)
        if before is not None and state is not self._viewing.prior:
            point = state.point_at(*before)
            if point is not None:
                self._go(point, state)
        elif state is self._viewing.prior and self.linked and self.by_place:
            height, width = state.shape
            at = before or ((width - 1) / 2, (height - 1) / 2)
            point = state.point_at(*at)
            if point is not None:
                self._go(point, state)

    def _go(self, point: Point, source: PlaneState) -> None:
        self.point = point
        for state in self._viewing.all_states:
            own = state is not self._viewing.prior or (self.linked and self.by_place) or source is state
            if state is not source and own and self._means(state):
                self._quietly(state, point)
        self.moved.emit()

    def _follow_by_distance(self, state: PlaneState) -> None:
        viewing = self._viewing
        own = self._own_state()
        if state not in (own, viewing.prior):
            return
        other, sign = (viewing.prior, 1) if state is own else (own, -1)
        if other.scan is None:
            return
        step = _step_mm(other)
        self._following = True
        try:
            other.go_to(round((_depth_mm(state) + sign * self._offset_mm) / step))
        finally:
            self._following = False

    def _quietly(self, state: PlaneState, point: Point) -> None:
        """Turn a view without being turned by it."""
        self._following = True
        try:
            state.go_to_point(point)
        finally:
            self._following = False


def _step_mm(state: PlaneState) -> float:
    """Distance of a view's slices along their normal; 1 without geometry."""
    volume = state.volume
    if volume is None or not volume.has_geometry:
        return 1.0
    here, there = (np.array(pixel_to_patient(volume, state.plane, 0, 0, index)) for index in (0, 1))
    return float(slice_normal(volume, state.plane) @ (there - here))


def _depth_mm(state: PlaneState) -> float:
    """How far the shown slice lies from the first."""
    return state.index * _step_mm(state)
