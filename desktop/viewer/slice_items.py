"""Regions and measurements of a view's slice as items of its scene."""

from __future__ import annotations

import itertools
import math

from PySide6.QtCore import QObject, QPointF, QRectF
from PySide6.QtWidgets import QGraphicsScene

from desktop.model.crossings import Crossing
from desktop.model.measures import Measure, MeasureKind
from desktop.model.plane_state import PlaneState
from desktop.model.session import ViewerModels
from desktop.viewer.cross_section_item import CrossSectionItem
from desktop.viewer.handles_item import Handles
from desktop.viewer.measure_item import MeasureItem
from desktop.viewer.readout import unit_text
from desktop.viewer.region_crowd import CROWD, RegionCrowd
from desktop.viewer.region_item import RegionItem, region_color
from desktop.viewer.shape_path import is_thin
from engine.regions import Box, Handle, Shape
from engine.scans.measuring import angle_degrees, length, roi_statistics
from engine.store import DECIDED_STATES, RegionRow, shape_of


class SliceItems(QObject):
    """Keeps a scene's items in step with the models."""

    def __init__(self, scene: QGraphicsScene, models: ViewerModels, state: PlaneState, parent: QObject) -> None:
        super().__init__(parent)
        self._scene = scene
        self._models = models
        self._state = state
        self._rows: list[RegionRow] = []
        self._regions: list[RegionItem] = []
        self._crowd: RegionCrowd | None = None
        self._measures: list[MeasureItem] = []
        self._shapes: dict[int, Shape] = {}
        self._handles = Handles(scene)
        self._crossings = CrossSectionItem()
        scene.addItem(self._crossings)

    def show_crossings(self) -> None:
        """Draw anew what the slice cuts of the regions of other planes."""
        models = self._models
        hidden = models.tools.regions_hidden
        self._crossings.show_crossings([] if hidden else models.crossings.of(self._state), models.colors)

    def crossing_at(self, point: QPointF) -> Crossing | None:
        """A structure of another plane that is cut at a place."""
        return self._crossings.at(point)

    def show_regions(self) -> None:
        """Draw the slice's regions anew."""
        for item in self._regions:
            self._scene.removeItem(item)
        self._regions = []
        if self._crowd is not None:
            self._scene.removeItem(self._crowd)
            self._crowd = None
        self._handles.show(())
        self._shapes = {}
        regions = self._models.regions
        self._rows = [row for row in regions.rows_of(self._state) if row.root_id not in regions.hidden]
        if self._models.tools.regions_hidden:
            self._rows = []
            return
        chosen = self._models.regions.selected_root if self._state is self._models.viewing.active else None
        rows = self._rows
        if len(rows) > CROWD:
            crowd = RegionCrowd([row for row in rows if row.root_id != chosen], self._models.colors)
            self._scene.addItem(crowd)
            self._crowd = crowd
            rows = [row for row in rows if row.root_id == chosen]
        height, width = self._state.shape
        # Pixel centres lie at integers.
        within = QRectF(-0.5, -0.5, width, height)
        for row in rows:
            selected = row.root_id == chosen
            shape = self.shape(row)
            color = region_color(row, self._models.colors.of(row.label))
            spread = regions.spread(row)
            item = RegionItem(row, shape, self._tag(row), color, selected=selected, spread=spread, within=within)
            self._scene.addItem(item)
            self._regions.append(item)
            if selected and not row.locked:
                self._handles.show(shape.handles())
        self.show_hints()

    def show_hints(self) -> None:
        """Fill the regions that a sentence points at."""
        pointed = self._models.hints.pointed
        for item in self._regions:
            item.set_hinted(item.root_id in pointed)

    def shape(self, row: RegionRow) -> Shape:
        """A shown region's shape, read once."""
        if row.root_id not in self._shapes:
            self._shapes[row.root_id] = shape_of(row)
        return self._shapes[row.root_id]

    def drag(self, root_id: int, shape: Shape) -> None:
        """Show a region elsewhere while it is being dragged."""
        for item in self._regions:
            if item.root_id == root_id:
                item.show_shape(shape)
                self._handles.show(shape.handles())

    def grip_at(self, point: QPointF, reach_x: float, reach_y: float) -> Handle | None:
        """The grip of the selected region near a place. reach_x, reach_y : in scene units."""
        return self._handles.at(point, reach_x, reach_y)

    def show_measures(self) -> None:
        """Draw the slice's measurements anew."""
        for item in self._measures:
            self._scene.removeItem(item)
        self._measures = []
        if self._models.tools.regions_hidden:
            return
        chosen = self._models.measures.selected_number
        for measure in self._models.measures.of(self._state):
            text = self.measure_text(measure)
            selected = measure.number == chosen
            item = MeasureItem(
                measure.kind,
                measure.points,
                text,
                selected=selected,
                number=measure.number,
                middle=self._state.shape[1] / 2,
            )
            self._scene.addItem(item)
            self._measures.append(item)

    def region_rect(self, root_id: int) -> QRectF | None:
        """A shown region's box in scene coordinates."""
        return next((item.rect() for item in self._regions if item.root_id == root_id), None)

    def smallest_at(self, point: QPointF, reach: float) -> int | None:
        """The smallest region round a point: a small one under a large one can be reached.

        reach : how near a line or a point must be, in scene units.
        """
        near = [row for row in self._rows if _holds(row, point, reach)]
        hit = [row for row in near if self.is_at(row, point, reach)]
        return min(hit, key=lambda row: row.box.area).root_id if hit else None

    def is_at(self, row: RegionRow, point: QPointF, reach: float) -> bool:
        """Whether a place lies in a region, or near enough to a line or a point."""
        shape = self.shape(row)
        return shape.contains(point.x(), point.y()) or (
            is_thin(shape) and shape.distance(point.x(), point.y()) <= reach
        )

    def is_on_outline(self, row: RegionRow, point: QPointF, reach: float) -> bool:
        """Whether a place lies on a region's outline."""
        return _holds(row, point, reach) and self.shape(row).distance(point.x(), point.y()) <= reach

    def measure_at(self, point: QPointF, reach: float) -> int | None:
        """The measurement whose line passes a point. reach : how near, in scene units."""
        for item in reversed(self._measures):
            for polygon in item.path().toSubpathPolygons():
                points = [polygon.at(number) for number in range(polygon.size())]
                ends = itertools.pairwise(points)
                if any(_near(start, end, point, reach) for start, end in ends):
                    return item.number
        return None

    def handle_at(self, point: QPointF, reach: float) -> tuple[Measure, int] | None:
        """A point of the chosen measurement near a place: which one. reach : in scene units."""
        chosen = self._models.measures.selected_number
        for measure in self._models.measures.of(self._state):
            if measure.number == chosen and not self._models.tools.regions_hidden:
                for which, (x, y) in enumerate(measure.points):
                    if math.hypot(point.x() - x, point.y() - y) <= reach:
                        return measure, which
        return None

    def _tag(self, row: RegionRow) -> str:
        language = self._models.asking.language
        if row.state in DECIDED_STATES and row.label is not None:
            return row.label.name(language.value) or row.label.en
        said = self._models.regions.said(row)
        label = row.label
        if label is None:
            if said is None:
                return ""
            if said.answer.abstained:
                return self.tr("not sure")
            label = said.label
        # Beside a name stands only how sure the model is of that name.
        sure = "" if said is None or said.contrary or said.probability is None else f" {said.probability:.0%}"
        return f"{label.name(language.value) or label.en}{sure}?"

    def measure_text(self, measure: Measure) -> str:
        """The numbers to write beside a measurement."""
        state = self._state
        volume = state.volume
        if volume is None:
            return ""
        known = volume.has_spacing
        if measure.kind is MeasureKind.LENGTH:
            value = length(volume, state.plane, *measure.points)
            if known and volume.slide is not None and value < 1:
                return self.tr("{0} µm").format(f"{value * 1000:.1f}")
            return self.tr("{0} mm").format(f"{value:.1f}") if known else self.tr("{0} px").format(f"{value:.1f}")
        if measure.kind is MeasureKind.ANGLE:
            return f"{angle_degrees(volume, state.plane, *measure.points):.1f}°"
        (x1, y1), (x2, y2) = measure.points
        box = Box(min(x1, x2), min(y1, y2), max(x1, x2), max(y1, y2))
        if not state.has_slice:
            return ""
        found = roi_statistics(volume, state.plane, state.index, box, ellipse=measure.kind is MeasureKind.ELLIPSE)
        if found is None:
            return self.tr("no grey values")
        area, size = self.tr("{0} mm²") if known else self.tr("{0} px²"), found.area
        if known and volume.slide is not None and size < 1:
            area, size = self.tr("{0} µm²"), size * 1e6
        unit = unit_text(volume)
        return "\n".join(
            (
                self.tr("mean {0} ± {1}{2}").format(_short(found.mean), _short(found.sd), unit),
                self.tr("min {0}  max {1}").format(_stored(found.minimum), _stored(found.maximum)),
                self.tr("area {0}").format(area.format(_short(size))),
            )
        )


def _stored(value: float) -> str:
    """A value that some pixel has: most scans hold whole numbers."""
    return f"{value:.0f}" if value == round(value) and abs(value) < 10_000 else _short(value)


def _short(value: float) -> str:
    if abs(value) < 10:
        # Doses and ratios are fractions.
        return f"{value:.3g}"
    return f"{value:.1f}" if abs(value) < 10_000 else f"{value:.4g}"


def _holds(row: RegionRow, point: QPointF, reach: float) -> bool:
    box = row.box
    return box.x1 - reach <= point.x() <= box.x2 + reach and box.y1 - reach <= point.y() <= box.y2 + reach


def _near(start: QPointF, end: QPointF, point: QPointF, reach: float) -> bool:
    along = end - start
    squared = QPointF.dotProduct(along, along)
    at = 0.0 if squared == 0 else max(0.0, min(1.0, QPointF.dotProduct(point - start, along) / squared))
    off = point - (start + along * at)
    return math.hypot(off.x(), off.y()) <= reach
