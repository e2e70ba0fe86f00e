"""The shape that is being drawn on a view: one tool at a time, its draft kept, the result given to the regions."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF
from PySide6.QtWidgets import QGraphicsScene

from desktop.model.drafts import Draft
from desktop.model.plane_state import PlaneState
from desktop.model.session import ViewerModels
from desktop.model.tools import Tool
from desktop.viewer.tools import BrushTool, DragTool, DrawingTool, FreehandTool, PointTool, PolygonTool
from engine.regions import Shape


class Drawing:
    """Feeds the mouse to the chosen region tool of one view."""

    def __init__(self, scene: QGraphicsScene, models: ViewerModels, state: PlaneState) -> None:
        self._models = models
        self._state = state
        self._tools: dict[Tool, DrawingTool] = {
            **{tool: DragTool(scene, tool) for tool in (Tool.BOX, Tool.ROTATED_BOX, Tool.OVAL, Tool.LINE)},
            Tool.POLYGON: PolygonTool(scene),
            Tool.FREEHAND: FreehandTool(scene),
            Tool.POINT: PointTool(scene),
            Tool.BRUSH: BrushTool(scene, erases=False),
            Tool.ERASER: BrushTool(scene, erases=True),
        }
        models.drafts.taken.connect(self._take)

    @property
    def active(self) -> bool:
        """Whether a shape is being drawn."""
        return any(tool.active for tool in self._tools.values())

    @property
    def _tool(self) -> DrawingTool | None:
        """The one in work, else the chosen one."""
        working = next((tool for tool in self._tools.values() if tool.active), None)
        return working or self._tools.get(self._models.tools.tool)

    def press(self, point: QPointF, bounds: QRectF, reach: float) -> None:
        """The button goes down."""
        tool = self._tool
        if tool is not None:
            self._set_brush(tool)
            self._keep(tool.press(point, bounds, reach), tool)

    def move(self, point: QPointF, bounds: QRectF) -> None:
        """The mouse moves."""
        tool = self._tool
        if tool is not None:
            self._set_brush(tool)
            tool.move(point, bounds)
            self._grow(tool)

    def release(self, point: QPointF, bounds: QRectF) -> bool:
        """The button goes up. False when that was a click with no meaning to the tool."""
        tool = self._tool
        if tool is None:
            return False
        if isinstance(tool, BrushTool):
            return self._paint(tool)
        shape = tool.release(point, bounds)
        self._keep(shape, tool)
        return shape is not None or tool.active

    def finish(self) -> bool:
        """Enter, or a double click: what there is now is meant."""
        tool = self._tool
        if tool is None or not tool.active:
            return False
        if isinstance(tool, BrushTool):
            return self._paint(tool)
        self._keep(tool.finish(), tool)
        return True

    def step_back(self) -> bool:
        """Backspace: without the last point."""
        tool = self._tool
        if tool is None or not tool.step_back():
            return False
        self._grow(tool)
        return True

    def cancel(self) -> None:
        """Give it up."""
        if self.active:
            for tool in self._tools.values():
                tool.cancel()
            self._models.drafts.end()

    def leave_slice(self) -> None:
        """Another slice is shown: what was being drawn stays offered on its own slice."""
        for tool in self._tools.values():
            tool.cancel()

    def hover(self, point: QPointF | None) -> None:
        """Show the brush under the mouse."""
        for tool in self._tools.values():
            if isinstance(tool, BrushTool):
                self._set_brush(tool)
                chosen = self._tools.get(self._models.tools.tool) is tool
                tool.hover(point if chosen else None)

    def _paint(self, tool: BrushTool) -> bool:
        points = tool.take_stroke()
        self._models.drafts.end()
        if points:
            self._models.mask_work.paint(points, self._models.tools, erase=tool.erases)
        return bool(points)

    def _keep(self, shape: Shape | None, tool: DrawingTool) -> None:
        if shape is not None:
            # The region is on disk before its draft is forgotten.
            self._models.regions.draw(shape)
            self._models.drafts.end()
        elif tool.active:
            self._grow(tool)
        else:
            self._models.drafts.end()

    def _grow(self, tool: DrawingTool) -> None:
        kind = next(one for one, other in self._tools.items() if other is tool)
        if tool.active:
            self._models.drafts.grow(kind, tool.points)

    def _take(self, draft: Draft) -> None:
        if self._models.viewing.active is self._state:
            self.leave_slice()
            self._models.tools.choose(draft.tool)
            tool = self._tools[draft.tool]
            self._set_brush(tool)
            tool.resume(draft.points)
            self._grow(tool)

    def _set_brush(self, tool: DrawingTool) -> None:
        if isinstance(tool, BrushTool):
            row_mm, column_mm = self._state.spacing
            finer, radius = min(row_mm, column_mm), self._models.tools.brush_radius
            tool.radius = (radius * finer / column_mm, radius * finer / row_mm)
