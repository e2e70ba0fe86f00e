"""A shape that is being drawn, kept as it grows: after a crash it is offered back where it was begun."""

from __future__ import annotations

import json
import logging
import math
from dataclasses import dataclass

from PySide6.QtCore import QObject, QTimer, Signal

from desktop.model.reader import ReaderModel
from desktop.model.tools import REGION_TOOLS, Tool
from desktop.model.viewing import ViewingModel
from engine.scans import Plane
from engine.store import AnnotationStore, StoreError, source_key
from engine.suggest import ImageRef

_log = logging.getLogger(__name__)
_KEEP_AFTER_MS = 150
_MOST_POINTS = 100_000

Points = tuple[tuple[float, float], ...]
_Place = tuple[str, str, Plane, int]


@dataclass(frozen=True, slots=True)
class Draft:
    """A half-drawn shape: with which tool, and its points in pixels of the slice."""

    tool: Tool
    points: Points


class DraftsModel(QObject):
    """offered : the slice on screen has a half-drawn shape from before. taken : it goes on, in the active view."""

    offered = Signal()
    taken = Signal(object)

    def __init__(
        self, store: AnnotationStore, viewing: ViewingModel, reader: ReaderModel, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._store = store
        self._viewing = viewing
        self._reader = reader
        self._who = reader.name
        self._growing: tuple[ImageRef, Draft] | None = None
        self._timer = QTimer(self, singleShot=True, interval=_KEEP_AFTER_MS)
        self._timer.timeout.connect(self._write)
        self.offer: Draft | None = None
        # By place, so that turning slices asks neither the disk nor the renderer.
        self._kept: dict[_Place, Draft] = {}
        viewing.opened.connect(self._read)
        viewing.slice_changed.connect(self._look)
        reader.changed.connect(self._other_reader)

    def grow(self, tool: Tool, points: Points) -> None:
        """The shape in work has these points now. The first of them forgets what was offered."""
        if self._growing is None:
            image = self._viewing.image_ref()
            if image is None:
                return
            self.offer = None
            self._growing = (image, Draft(tool, points))
        else:
            self._growing = (self._growing[0], Draft(tool, points))
        if not self._timer.isActive():
            self._timer.start()

    def end(self) -> None:
        """The shape is finished and kept as a region, or was given up."""
        self._timer.stop()
        if self._growing is not None:
            image, _ = self._growing
            self._growing = None
            self._drop(image)

    def _read(self) -> None:
        """What is left from before, perhaps by a crash."""
        self._kept = {}
        for row in self._store.drafts.of_person(self._who):
            draft = _draft(row.kind, row.shape)
            if draft is not None:
                self._kept[(row.source, row.series_uid, row.plane, row.slice)] = draft
        self._look()

    def _other_reader(self) -> None:
        # What was being drawn stays with who was drawing it.
        self._look()
        self._who = self._reader.name
        self._read()

    def take(self) -> None:
        """Go on with what was offered."""
        if self.offer is not None:
            draft, self.offer = self.offer, None
            self.taken.emit(draft)

    def discard(self) -> None:
        """Forget what was offered."""
        image = self._viewing.image_ref()
        if self.offer is not None and image is not None:
            self.offer = None
            self._drop(image)

    def _write(self) -> None:
        if self._growing is None:
            return
        image, draft = self._growing
        text = json.dumps({"points": [[round(x, 3), round(y, 3)] for x, y in draft.points]})
        try:
            self._store.drafts.keep(image, draft.tool.value, text, self._who)
            self._kept[_place(image)] = draft
        except StoreError:
            # What is being drawn must not be stopped by it: the shape itself will say so when it cannot be kept.
            _log.warning("a half-drawn shape could not be kept")

    def _drop(self, image: ImageRef) -> None:
        if self._kept.pop(_place(image), None) is None:
            return
        try:
            self._store.drafts.drop(image, self._who)
        except StoreError:
            _log.warning("a half-drawn shape could not be forgotten")

    def _look(self) -> None:
        """Another slice: what was being drawn there is offered when the person comes back."""
        self._timer.stop()
        if self._growing is not None:
            self._write()
            self._growing = None
        volume, viewing = self._viewing.volume, self._viewing
        self.offer = None
        if volume is not None and self._kept:
            place = (source_key(volume.source), volume.series_uid, viewing.plane, viewing.index)
            self.offer = self._kept.get(place)
        if self.offer is not None:
            self.offered.emit()


def _place(image: ImageRef) -> _Place:
    return (source_key(image.path), image.series_uid, image.plane, image.slice)


def _draft(kind: str, text: str) -> Draft | None:
    """What was kept, None when it makes no sense: a later version may draw what this one does not know."""
    if kind not in [tool.value for tool in REGION_TOOLS]:
        return None
    try:
        points = tuple((float(x), float(y)) for x, y in json.loads(text)["points"][:_MOST_POINTS])
    except (ValueError, TypeError, KeyError):
        return None
    if not points or not all(math.isfinite(value) for point in points for value in point):
        return None
    return Draft(Tool(kind), points)
