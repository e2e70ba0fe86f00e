"""A view with its title above and its slice slider beside it."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QColor, QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QMenu,
    QSizePolicy,
    QSlider,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from desktop.model.layout import Pane
from desktop.model.plane_state import PlaneState
from desktop.model.session import ViewerModels
from desktop.viewer.icons import icon
from desktop.viewer.lines import PANE_COLORS
from desktop.viewer.slice_view import SliceView
from engine.scans import Plane


class _Dot(QWidget):
    """The colour in which other views draw this one's line."""

    def __init__(self, color: QColor) -> None:
        super().__init__()
        self._color = color
        self.setFixedSize(12, 12)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(self._color)
        painter.drawEllipse(QRectF(QPointF(2, 2), QPointF(10, 10)))


class PaneTitle(QFrame):
    """maximize_wanted : a double click, or the button."""

    maximize_wanted = Signal()

    def __init__(self, pane: Pane) -> None:
        super().__init__()
        self.setObjectName("paneTitle")
        self.setFixedHeight(26)
        self.label = QLabel()
        self.label.setObjectName("paneName")
        # A long name is cut short; it must not make one view wider than the other.
        self.label.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self._maximize = QToolButton()
        self._maximize.setObjectName("paneButton")
        self._maximize.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._maximize.clicked.connect(self.maximize_wanted)
        self.row = QHBoxLayout(self)
        self.row.setContentsMargins(6, 0, 2, 0)
        self.row.setSpacing(6)
        self.row.addWidget(_Dot(PANE_COLORS[pane]))
        self.row.addWidget(self.label, 1)
        self.row.addWidget(self._maximize)
        self.retheme()

    def retheme(self) -> None:
        """Draw the icon in the theme's colour."""
        self._maximize.setIcon(icon("maximize", self.palette()))

    def set_maximize_tip(self, text: str) -> None:
        """What the button says."""
        self._maximize.setToolTip(text)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        self.maximize_wanted.emit()


class ViewPane(QFrame):
    """One plane view. compare_menu : filled by its owner when it is about to be shown."""

    compare_menu_wanted = Signal(QMenu)

    def __init__(self, pane: Pane, models: ViewerModels, state: PlaneState) -> None:
        super().__init__()
        self.setObjectName("pane")
        self._pane = pane
        self._models = models
        self._state = state
        self.view = SliceView(models, state)
        self._title = PaneTitle(pane)
        self._title.maximize_wanted.connect(lambda: models.layout.toggle_maximized(pane))
        self._compare: QToolButton | None = None
        if pane is Pane.PRIOR:
            self._compare = self._make_compare()
        self._slider = QSlider(Qt.Orientation.Vertical)
        # The first slice is at the top, as the wheel turns.
        self._slider.setInvertedAppearance(True)
        self._slider.setInvertedControls(True)
        self._slider.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._slider.valueChanged.connect(self._slid)
        body = QHBoxLayout()
        body.setSpacing(0)
        body.addWidget(self.view, 1)
        body.addWidget(self._slider)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(1, 1, 1, 1)
        layout.setSpacing(0)
        layout.addWidget(self._title)
        layout.addLayout(body, 1)
        state.attached.connect(self._follow)
        state.slice_changed.connect(self._follow)
        models.viewing.active_changed.connect(self._mark)
        models.viewing.prior_changed.connect(self._retranslate)
        models.viewing.titles_changed.connect(self._name)
        models.crosshair.changed.connect(self._retranslate)
        self._retranslate()
        self._follow()
        self._mark()

    def _make_compare(self) -> QToolButton:
        button = QToolButton()
        button.setObjectName("paneButton")
        button.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        menu = QMenu(button)
        menu.aboutToShow.connect(lambda: self.compare_menu_wanted.emit(menu))
        button.setMenu(menu)
        self._title.row.insertWidget(2, button)
        return button

    def open_compare(self) -> None:
        """Show the menu of scans to compare with, its first entry chosen."""
        if self._compare is not None:
            menu = self._compare.menu()
            menu.popup(self._compare.mapToGlobal(self._compare.rect().bottomLeft()))
            if menu.actions():
                menu.setActiveAction(menu.actions()[0])

    def _slid(self, value: int) -> None:
        self._models.viewing.activate(self._state)
        self._state.go_to(value)

    def _follow(self) -> None:
        count = self._state.slice_count
        self._slider.blockSignals(True)
        self._slider.setRange(0, max(0, count - 1))
        self._slider.setPageStep(max(1, count // 10))
        self._slider.setValue(self._state.index)
        self._slider.blockSignals(False)
        # Hidden it would change the view's size from scan to scan.
        self._slider.setEnabled(count > 1)
        self._name()

    def _mark(self) -> None:
        active = self._models.viewing.active is self._state
        if self.property("active") != active:
            self.setProperty("active", active)
            self.style().unpolish(self)
            self.style().polish(self)

    def _name(self) -> None:
        names = {
            Plane.AXIAL: self.tr("Axial"),
            Plane.CORONAL: self.tr("Coronal"),
            Plane.SAGITTAL: self.tr("Sagittal"),
        }
        volume = self._state.volume
        plane = names[self._state.plane] if volume is None or volume.has_geometry else self.tr("Image")
        if self._pane is not Pane.PRIOR:
            self._title.label.setText("" if volume is None else plane)
            return
        scan = self._state.scan
        if scan is None:
            # The button beside it says what to do.
            self._title.label.setText("")
            return
        crosshair = self._models.crosshair
        linked = self.tr("linked by position") if crosshair.by_place else self.tr("linked by distance")
        if not crosshair.linked:
            linked = self.tr("not linked")
        title = self._models.viewing.title_of(scan.item)
        self._title.label.setText(f"{plane} · {title} · {linked}")

    def _retranslate(self) -> None:
        self._title.set_maximize_tip(self.tr("Fill the window with this view, or go back (M, or double-click here)"))
        if self._compare is not None:
            self._compare.setText(self.tr("Compare with …"))
        self._name()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.LanguageChange:
            self._retranslate()
        elif event.type() == QEvent.Type.PaletteChange:
            self._title.retheme()
