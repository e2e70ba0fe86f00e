"""The slice view. Scene coordinates are image pixels, pixel centres at integers. For its gestures see `gestures`."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QEvent, QPoint, QPointF, QRect, QRectF, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QFocusEvent,
    QImage,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPixmap,
    QResizeEvent,
    QShowEvent,
    QTransform,
    QWheelEvent,
)
from PySide6.QtWidgets import QFrame, QGraphicsPixmapItem, QGraphicsScene, QGraphicsView, QWidget

from desktop.model.plane_state import PlaneState
from desktop.model.session import ViewerModels
from desktop.viewer.gestures import Gestures
from desktop.viewer.lines import paint_lines
from desktop.viewer.note_text import NoteTexts
from desktop.viewer.overlay import OverlayText, orientation_letters, paint_overlay
from desktop.viewer.overlay_planes import OverlayPlanesItem
from desktop.viewer.readout import cursor_text
from desktop.viewer.slice_items import SliceItems
from desktop.viewer.window_text import window_text
from engine.scans.notes import INFORMING

_MARGIN = 8
_HOVER_REACH = 6.0


class SliceView(QGraphicsView):
    """Shows a plane state's slice with what lies on it; sends gestures to the models.

    key_pressed : a key that is not the view's own. moved : the view was scrolled, zoomed or resized.
    menu_wanted : the menu of the selected region, or of none, at a place on the screen.
    """

    key_pressed = Signal(QKeyEvent)
    moved = Signal()
    menu_wanted = Signal(QPoint)

    def __init__(self, models: ViewerModels, state: PlaneState, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.state = state
        self._models = models
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
        self._picture = QGraphicsPixmapItem()
        # A pixel's centre, not its corner, lies at its integer coordinates.
        self._picture.setOffset(-0.5, -0.5)
        self.scene().addItem(self._picture)
        self._planes = OverlayPlanesItem()
        self.scene().addItem(self._planes)
        self._note_texts = NoteTexts(self)
        self.items_on_slice = SliceItems(self.scene(), models, state, self)
        self._gestures = Gestures(self, models, state)
        self._cursor: QPointF | None = None
        self._stale = True
        self._connect()
        self._look_changed()
        self._tool_changed()

    def _connect(self) -> None:
        models, state = self._models, self.state
        state.attached.connect(self._attached)
        state.slice_changed.connect(self._other_slice)
        state.picture_changed.connect(self._show_picture)
        state.zoom_changed.connect(self._apply_zoom)
        state.arrived.connect(self._show_picture)
        state.arrived.connect(self.items_on_slice.show_measures)
        state.progressed.connect(self.viewport().update)
        models.regions.changed.connect(self.show_regions)
        models.regions.selected.connect(self.show_regions)
        models.measures.changed.connect(self.items_on_slice.show_measures)
        models.measures.selected.connect(self.items_on_slice.show_measures)
        models.crossings.changed.connect(self._show_crossings)
        models.hints.changed.connect(self.items_on_slice.show_hints)
        models.tools.look_changed.connect(self._look_changed)
        models.tools.changed.connect(self._tool_changed)
        models.overlays.changed.connect(self._show_planes)
        models.viewing.titles_changed.connect(self.viewport().update)
        for signal in (models.crosshair.moved, models.crosshair.changed, models.layout.changed):
            signal.connect(self.viewport().update)

    @property
    def image_rect(self) -> QRectF:
        """The image in scene coordinates: from -0.5 to width - 0.5."""
        return self._picture.sceneBoundingRect()

    @property
    def is_active(self) -> bool:
        """Whether keys and tools go here."""
        return self._models.viewing.active is self.state

    def to_pixel(self, at: QPointF) -> QPointF:
        """From the viewport to pixels of the slice, exactly: Qt's own mapping takes whole screen pixels."""
        inverse, _ = self.viewportTransform().inverted()
        return inverse.map(at)

    def pixels_for(self, screen: float) -> float:
        """How many image pixels a length on screen covers, along the finer side."""
        return screen / max(self.transform().m11(), self.transform().m22())

    def pixels_each_way(self, screen: float) -> tuple[float, float]:
        """How many image pixels a length on screen covers, across and down."""
        return screen / self.transform().m11(), screen / self.transform().m22()

    def fit(self) -> None:
        """The whole slice, in its true proportions."""
        rect = self.image_rect
        if rect.isEmpty():
            return
        row_mm, column_mm = self.state.spacing
        area = self.viewport().rect().adjusted(_MARGIN, _MARGIN, -_MARGIN, -_MARGIN)
        zoom = min(area.width() / (rect.width() * column_mm), area.height() / (rect.height() * row_mm))
        self.state.set_zoom(zoom, (rect.center().x(), rect.center().y()), fitted=True)
        self._apply_zoom()

    def one_to_one(self) -> None:
        """One image pixel is one pixel of the screen, along the finer side."""
        zoom = 1 / (min(self.state.spacing) * self.devicePixelRatioF())
        self.state.set_zoom(zoom, self.state.center, fitted=False)

    def zoom_by(self, factor: float, at: QPointF) -> None:
        """Zoom round a point of the viewport, which stays where it is."""
        state = self.state
        pixel = self.to_pixel(at)
        row_mm, column_mm = state.spacing
        zoom = state.zoom * factor
        offset = at - QPointF(self.viewport().rect().center())
        center = (pixel.x() - offset.x() / (zoom * column_mm), pixel.y() - offset.y() / (zoom * row_mm))
        state.set_zoom(zoom, center, fitted=False)

    def pan_by(self, offset: QPointF) -> None:
        """Move the picture by some screen pixels."""
        state = self.state
        row_mm, column_mm = state.spacing
        x = state.center[0] - offset.x() / (state.zoom * column_mm)
        y = state.center[1] - offset.y() / (state.zoom * row_mm)
        state.set_zoom(state.zoom, (x, y), fitted=False)

    def region_rect(self, root_id: int) -> QRectF | None:
        """A region's box in viewport coordinates."""
        rect = self.items_on_slice.region_rect(root_id)
        return None if rect is None else QRectF(self.mapFromScene(rect).boundingRect())

    def point_at_cursor(self, pixel: QPointF | None) -> None:
        """Say what lies under the mouse; nothing when it is elsewhere."""
        self._cursor = pixel
        hints = self._models.hints
        if hints.wanted and self.is_active:
            reach = self.pixels_for(_HOVER_REACH)
            hints.mouse_over(None if pixel is None else self.items_on_slice.smallest_at(pixel, reach))
        self.viewport().update()

    def show_regions(self) -> None:
        """Draw the regions of the slice anew."""
        if self.isVisible():
            self.items_on_slice.show_regions()
        else:
            self._stale = True

    def _show_crossings(self) -> None:
        if self.isVisible():
            self.items_on_slice.show_crossings()
        else:
            self._stale = True

    def _apply_zoom(self) -> None:
        state = self.state
        row_mm, column_mm = state.spacing
        self.setTransform(QTransform.fromScale(state.zoom * column_mm, state.zoom * row_mm))
        # The scene is much larger than the image, so that any point can be brought to any place.
        self.centerOn(QPointF(*state.center))
        self.viewport().update()
        self.moved.emit()

    def _attached(self) -> None:
        self._gestures.leave_slice()
        self._cursor = None
        self._stale = True
        self._refresh()

    def _other_slice(self) -> None:
        self._gestures.leave_slice()
        self._stale = True
        self._refresh()

    def _refresh(self) -> None:
        """Bring everything up to date, once the view is on screen."""
        if self._stale and self.isVisible():
            self._stale = False
            self._show_picture()
            self._show_planes()
            self.items_on_slice.show_crossings()
            self.items_on_slice.show_regions()
            self.items_on_slice.show_measures()

    def _show_picture(self) -> None:
        if not self.isVisible():
            self._stale = True
            return
        pixels = self.state.picture()
        if pixels is None and self.state.scan is not None:
            # Not read yet: black, in its place.
            pixels = np.zeros(self.state.shape, np.uint8)
        if pixels is None:
            self._picture.setPixmap(QPixmap())
            self.viewport().update()
            return
        height, width = pixels.shape[:2]
        before = self._picture.boundingRect().size()
        grey = pixels.ndim == 2
        kind = QImage.Format.Format_Grayscale8 if grey else QImage.Format.Format_RGB888
        image = QImage(pixels.data, width, height, width if grey else 3 * width, kind)
        # fromImage copies: the array may go.
        self._picture.setPixmap(QPixmap.fromImage(image))
        if before != self._picture.boundingRect().size():
            self.setSceneRect(self.image_rect.adjusted(-4 * width, -4 * height, 4 * width, 4 * height))
        if self.state.fitted and before != self._picture.boundingRect().size():
            self.fit()
        self.viewport().update()

    def _show_planes(self) -> None:
        if self.isVisible():
            self._planes.show_planes(self._models.overlays.of(self.state))

    def _look_changed(self) -> None:
        smooth = self._models.tools.smooth
        mode = Qt.TransformationMode.SmoothTransformation if smooth else Qt.TransformationMode.FastTransformation
        self._picture.setTransformationMode(mode)
        self._planes.setTransformationMode(mode)
        self._stale = True
        self._refresh()

    def _tool_changed(self) -> None:
        self._gestures.cancel()
        self._gestures.leave()
        self.setCursor(self._gestures.cursor())

    def drawForeground(self, painter: QPainter, rect: QRectF | QRect) -> None:
        painter.save()
        # Logical pixels of the viewport, on screens of any density.
        painter.resetTransform()
        if self.state.scan is None:
            self._say(painter, self._empty_text())
        else:
            if not self.state.has_slice:
                self._say(painter, self._unread_text())
            to_screen = self.viewportTransform().map
            paint_lines(painter, self._models, self.state, lambda x, y: to_screen(QPointF(x, y)))
            if not self._models.tools.texts_hidden:
                paint_overlay(painter, self.viewport().rect(), self._overlay())
        painter.restore()

    def _say(self, painter: QPainter, text: str) -> None:
        painter.setPen(QColor("#8b949e"))
        flags = int(Qt.AlignmentFlag.AlignCenter) | int(Qt.TextFlag.TextWordWrap)
        painter.drawText(self.viewport().rect().adjusted(24, 0, -24, 0), flags, text)

    def _unread_text(self) -> str:
        scan = self.state.scan
        assert scan is not None
        count = len(scan.volume.voxels)
        if self.state.plane is scan.volume.plane:
            return self.tr("Not read yet: {0} of {1} slices are here").format(scan.loaded_count, count)
        return self.tr("Shown when all slices are read: {0} of {1} are here").format(scan.loaded_count, count)

    def _empty_text(self) -> str:
        if self._models.viewing.current is None:
            return self.tr("Choose a scan on the left")
        return self.tr("Choose a scan to compare with in the title above")

    def _overlay(self) -> OverlayText:
        state, scan = self.state, self.state.scan
        assert scan is not None
        volume, window = scan.volume, scan.window
        shown = []
        if window is not None:
            shown.append(window_text(window))
        if scan.inverted:
            shown.append(self.tr("inverted"))
        if state is self._models.viewing.prior:
            # In the title there is no room for it.
            shown.append(self._link_text())
        place = self.tr("Slice {0} / {1}").format(state.index + 1, state.slice_count)
        slice_text = place if state.slice_count > 1 else ""
        sides = {"R": self.tr("right"), "L": self.tr("left"), "B": self.tr("both sides")}
        # The side that was examined (DICOM PS3.3 C.7.3.1): there may be no R or L at the picture's edges.
        examined = (volume.modality, volume.body_part, sides.get(volume.laterality, ""))
        kind = " ".join(part for part in examined if part)
        return OverlayText(
            top_left="  ".join(part for part in (kind, slice_text) if part),
            top_right="\n".join(shown),
            bottom_left="\n".join((*cursor_text(state, self._cursor), self.tr("Not for diagnostic use"))),
            letters=orientation_letters(volume, state.plane),
            mm_per_screen_pixel=1 / state.zoom if volume.has_spacing else 0.0,
            notes=self._notes(),
        )

    def _link_text(self) -> str:
        crosshair = self._models.crosshair
        if not crosshair.linked:
            return self.tr("not linked")
        return self.tr("linked by position") if crosshair.by_place else self.tr("linked by distance")

    def _notes(self) -> tuple[str, ...]:
        """Once for each scan: in the view that has the keys."""
        state, viewing = self.state, self._models.viewing
        if state.scan is None or (state is not viewing.prior and state is not viewing.own):
            return ()
        hidden = viewing.hides_names()
        return tuple(
            ("" if note.kind in INFORMING else "⚠ ") + self._note_texts.text(note, hides_names=hidden)
            for note in state.scan.volume.notes
        )

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if self.state.fitted:
            self.fit()
        else:
            self._apply_zoom()
        self.moved.emit()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._refresh()

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        self._models.viewing.activate(self.state)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        # Its release goes to another widget.
        self._gestures.space = False

    def leaveEvent(self, event: QEvent) -> None:
        super().leaveEvent(event)
        self._gestures.leave()
        self.point_at_cursor(None)

    def wheelEvent(self, event: QWheelEvent) -> None:
        self._gestures.wheel(event)
        event.accept()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self._gestures.press(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        self._gestures.move(event)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        self._gestures.release(event)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        self._gestures.double_click(event)

    def focusNextPrevChild(self, next: bool) -> bool:
        # Tab goes to the next region, not to the next widget.
        return False

    def keyPressEvent(self, event: QKeyEvent) -> None:
        drawing = self._gestures.drawing
        if event.key() == Qt.Key.Key_Escape and drawing:
            self._gestures.cancel()
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and drawing:
            self._gestures.shapes.finish()
        elif event.key() == Qt.Key.Key_Backspace and drawing:
            self._gestures.shapes.step_back()
        elif event.key() == Qt.Key.Key_Space and not event.isAutoRepeat():
            self._gestures.space = True
        else:
            self.key_pressed.emit(event)

    def keyReleaseEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Space and not event.isAutoRepeat():
            self._gestures.space = False

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.LanguageChange:
            self._stale = True
            self._refresh()
