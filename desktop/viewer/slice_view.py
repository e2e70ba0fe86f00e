"""The slice view. Scene coordinates are image pixels, pixel centres at integers.

Left-drag: the box tool. Right-drag: window. Wheel: slices. Ctrl+wheel: zoom. Middle-drag or Space+drag: pan.
Double click: fit. A click selects the smallest region under it.
"""

from __future__ import annotations

from PySide6.QtCore import QEvent, QPoint, QPointF, QRect, QRectF, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QImage,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPixmap,
    QResizeEvent,
    QTransform,
    QWheelEvent,
)
from PySide6.QtWidgets import QFrame, QGraphicsPixmapItem, QGraphicsScene, QGraphicsView, QWidget

from desktop.model.asking import AskingModel
from desktop.model.regions import RegionsModel
from desktop.model.viewing import ViewingModel
from desktop.viewer.box_tool import BoxTool
from desktop.viewer.overlay import OverlayText, orientation_letters, paint_overlay
from desktop.viewer.region_item import RegionItem
from desktop.viewer.window_tool import WindowTool
from engine.protocol import Language
from engine.store import DECIDED_STATES, RegionRow

_ZOOM_STEP = 1.18
_ZOOM_RANGE = (0.05, 60.0)


class SliceView(QGraphicsView):
    """Shows the viewing model's slice and the regions model's regions; sends gestures to them.

    key_pressed : a key that is not the view's own. moved : the view was scrolled, zoomed or resized.
    """

    key_pressed = Signal(QKeyEvent)
    moved = Signal()

    def __init__(
        self,
        viewing: ViewingModel,
        regions: RegionsModel,
        asking: AskingModel,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._viewing = viewing
        self._regions = regions
        self._asking = asking
        self.setScene(QGraphicsScene(self))
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setBackgroundBrush(QColor("#05070a"))
        self.setViewportUpdateMode(QGraphicsView.ViewportUpdateMode.FullViewportUpdate)
        self.setTransformationAnchor(QGraphicsView.ViewportAnchor.NoAnchor)
        self.setResizeAnchor(QGraphicsView.ViewportAnchor.NoAnchor)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)
        self.setCursor(Qt.CursorShape.CrossCursor)
        self._picture = QGraphicsPixmapItem()
        self._picture.setTransformationMode(Qt.TransformationMode.SmoothTransformation)
        # A pixel's centre, not its corner, lies at its integer coordinates.
        self._picture.setOffset(-0.5, -0.5)
        self.scene().addItem(self._picture)
        self._items: list[RegionItem] = []
        self._hidden = False
        self._fitted = True
        self._zoom = 1.0
        self._box = BoxTool(self.scene())
        self._window = WindowTool()
        self._pan: QPoint | None = None
        self._space = False
        viewing.opened.connect(self._opened)
        viewing.slice_changed.connect(self._show_slice)
        viewing.window_changed.connect(self._show_slice)
        regions.changed.connect(self.show_regions)
        regions.selected.connect(self.show_regions)

    @property
    def image_rect(self) -> QRectF:
        """The image in scene coordinates: from -0.5 to width - 0.5."""
        return self._picture.sceneBoundingRect()

    def fit(self) -> None:
        """The whole slice, in its true proportions."""
        self._fitted = True
        rect = self.image_rect
        if rect.isEmpty():
            return
        row_mm, column_mm = self._viewing.spacing
        area = self.viewport().rect().adjusted(8, 8, -8, -8)
        self._zoom = min(area.width() / (rect.width() * column_mm), area.height() / (rect.height() * row_mm))
        self._apply_zoom()
        self._center(rect.center())

    def zoom_by(self, factor: float, at: QPointF) -> None:
        """Zoom round a point of the viewport, which stays where it is."""
        self._fitted = False
        before = self.mapToScene(at.toPoint())
        low, high = _ZOOM_RANGE
        self._zoom = max(low, min(high, self._zoom * factor))
        self._apply_zoom()
        offset = self.mapFromScene(before) - at.toPoint()
        self._scroll(offset)

    def set_hidden(self, hidden: bool) -> None:
        """Hide or show all regions."""
        self._hidden = hidden
        self.show_regions()

    @property
    def regions_hidden(self) -> bool:
        """Whether regions are hidden."""
        return self._hidden

    def region_rect(self, root_id: int) -> QRectF | None:
        """A region's box in viewport coordinates."""
        for item in self._items:
            if item.root_id == root_id:
                return QRectF(self.mapFromScene(item.rect()).boundingRect())
        return None

    def _apply_zoom(self) -> None:
        row_mm, column_mm = self._viewing.spacing
        self.setTransform(QTransform.fromScale(self._zoom * column_mm, self._zoom * row_mm))
        self.moved.emit()

    def _center(self, point: QPointF) -> None:
        # The scene is much larger than the image, so that any point can be brought to any place.
        self.centerOn(point)
        self.moved.emit()

    def _scroll(self, offset: QPoint) -> None:
        horizontal, vertical = self.horizontalScrollBar(), self.verticalScrollBar()
        horizontal.setValue(horizontal.value() + offset.x())
        vertical.setValue(vertical.value() + offset.y())
        self.moved.emit()

    def _opened(self) -> None:
        self._box.cancel()
        self._show_slice()
        self.fit()

    def _show_slice(self) -> None:
        rgb = self._viewing.rgb()
        if rgb is None:
            return
        height, width = rgb.shape[:2]
        image = QImage(rgb.data, width, height, 3 * width, QImage.Format.Format_RGB888)
        # fromImage copies: the array may go.
        self._picture.setPixmap(QPixmap.fromImage(image))
        rect = self.image_rect
        self.setSceneRect(rect.adjusted(-4 * width, -4 * height, 4 * width, 4 * height))
        self.viewport().update()

    def show_regions(self) -> None:
        """Draw the regions model's rows anew."""
        for item in self._items:
            self.scene().removeItem(item)
        self._items = []
        if self._hidden:
            return
        for row in self._regions.rows:
            selected = row.root_id == self._regions.selected_root
            item = RegionItem(row, self._tag(row), selected=selected)
            self.scene().addItem(item)
            self._items.append(item)

    def _tag(self, row: RegionRow) -> str:
        language = self._asking.language.value
        if row.state in DECIDED_STATES and row.label is not None:
            return row.label.name(language) or row.label.en
        suggestion = self._regions.suggestion(row.root_id)
        if row.label is not None:
            name = row.label.name(language) or row.label.en
            sure = "" if suggestion is None or suggestion.probability is None else f" {suggestion.probability:.0%}"
            return f"{name}{sure}?"
        if suggestion is None or not suggestion.candidates:
            return ""
        en, zh, _, probability = suggestion.candidates[0]
        if suggestion.abstained:
            return self.tr("not sure")
        name = zh if self._asking.language is Language.ZH and zh else en
        return f"{name} {probability:.0%}?"

    def drawForeground(self, painter: QPainter, rect: QRectF | QRect) -> None:
        viewing = self._viewing
        painter.save()
        painter.resetTransform()
        if viewing.volume is None:
            painter.setPen(QColor("#8b949e"))
            painter.drawText(
                self.viewport().rect(),
                int(Qt.AlignmentFlag.AlignCenter),
                self.tr("Choose a scan on the left"),
            )
        else:
            paint_overlay(painter, self.viewport().rect(), self._overlay())
        painter.restore()

    def _overlay(self) -> OverlayText:
        viewing = self._viewing
        volume = viewing.volume
        assert volume is not None
        window = ""
        if viewing.window is not None:
            window = self.tr("W {0}  C {1}").format(f"{viewing.window.width:g}", f"{viewing.window.center:g}")
        slice_text = self.tr("Slice {0} / {1}").format(viewing.index + 1, viewing.slice_count)
        return OverlayText(
            top_left=f"{volume.modality}  {slice_text}",
            top_right=window,
            bottom_left=self.tr("Not for diagnostic use"),
            letters=orientation_letters(volume, viewing.plane),
            mm_per_screen_pixel=1 / self._zoom if volume.has_geometry else 0.0,
        )

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if self._fitted:
            self.fit()
        self.moved.emit()

    def wheelEvent(self, event: QWheelEvent) -> None:
        notches = event.angleDelta().y() / 120
        if event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            self.zoom_by(_ZOOM_STEP**notches, event.position())
        elif notches and not self._box.active:
            # Towards the person is one slice on.
            self._viewing.step(-1 if notches > 0 else 1)
        event.accept()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if self._viewing.volume is None:
            return
        button, point = event.button(), self.mapToScene(event.position().toPoint())
        left = button is Qt.MouseButton.LeftButton
        if button is Qt.MouseButton.MiddleButton or (left and self._space):
            self._pan = event.position().toPoint()
            self.viewport().setCursor(Qt.CursorShape.ClosedHandCursor)
        elif button is Qt.MouseButton.RightButton and self._viewing.window is not None:
            self._window.press(event.position(), self._viewing.window)
        elif left:
            self._box.press(point)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._pan is not None:
            here = event.position().toPoint()
            self._fitted = False
            self._scroll(self._pan - here)
            self._pan = here
        elif self._window.active:
            window = self._window.move(event.position())
            if window is not None:
                self._viewing.set_window(window)
        elif self._box.active:
            self._box.move(self.mapToScene(event.position().toPoint()), self.image_rect)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        point = self.mapToScene(event.position().toPoint())
        if self._pan is not None:
            self._pan = None
            self.viewport().unsetCursor()
        elif self._window.active:
            self._window.release()
        elif self._box.active:
            box = self._box.release(point, self.image_rect)
            if box is None:
                self._regions.select(self._smallest_at(point))
            else:
                self._regions.draw(box)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        self._box.cancel()
        self.fit()

    def _smallest_at(self, point: QPointF) -> int | None:
        """The smallest region round a point: a small one under a large one can be reached."""
        hit = [row for row in self._regions.rows if _holds(row, point)]
        return min(hit, key=lambda row: row.box.area).root_id if hit else None

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape and self._box.active:
            self._box.cancel()
        elif event.key() == Qt.Key.Key_Space and not event.isAutoRepeat():
            self._space = True
        else:
            self.key_pressed.emit(event)

    def keyReleaseEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Space and not event.isAutoRepeat():
            self._space = False

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.LanguageChange:
            self.show_regions()
            self.viewport().update()


def _holds(row: RegionRow, point: QPointF) -> bool:
    box = row.box
    return box.x1 <= point.x() <= box.x2 and box.y1 <= point.y() <= box.y2
