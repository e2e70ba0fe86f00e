"""Into a whole slide and out again: an area in full resolution from its overview, and back."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QMenu

from desktop.model.browser import BrowserModel
from desktop.model.session import ViewerModels
from desktop.viewer.view_grid import ViewGrid
from desktop.viewer_actions import KeyGroup
from engine.scans import SlideArea, Volume


class SlideActions(QObject):
    """wanted : a row of the worklist is to be opened. said : a line for the person.

    open_area, back : the actions, for menus that want them too.
    """

    wanted = Signal(object)
    said = Signal(str)

    def __init__(self, models: ViewerModels, worklist: BrowserModel, grid: ViewGrid, parent: QObject) -> None:
        super().__init__(parent)
        self._models = models
        self._worklist = worklist
        self._grid = grid
        self.open_area = QAction(self)
        self.open_area.setShortcut(QKeySequence("Alt+Down"))
        self.open_area.triggered.connect(lambda _=False: self._open_area())
        self.back = QAction(self)
        self.back.setShortcut(QKeySequence("Alt+Up"))
        self.back.triggered.connect(lambda _=False: self._back())
        for signal in (models.viewing.opened, models.viewing.active_changed, models.viewing.prior_changed):
            signal.connect(self._follow)
        self.retranslate()
        self._follow()

    def fill_menu(self, menu: QMenu) -> None:
        """Put both at the end of a menu."""
        menu.addSeparator()
        menu.addAction(self.open_area)
        menu.addAction(self.back)

    def _follow(self) -> None:
        volume = self._models.viewing.volume
        view = None if volume is None else volume.slide
        self.open_area.setEnabled(view is not None and not view.is_full)
        self.back.setEnabled(view is not None and not view.is_overview)

    def _open_area(self) -> None:
        scan = self._models.viewing.active.scan
        if scan is None or scan.volume.slide is None:
            return
        area = self._area(scan.volume)
        if area is None:
            self.said.emit(self.tr("There is nothing of the slide: choose another area"))
            return
        if area.level >= scan.volume.slide.area.level and scan.volume.slide.reduction == 1:
            self.said.emit(self.tr("This area is too large to be seen any finer: choose a smaller one"))
            return
        row = self._worklist.add_area(scan.item, scan.volume, area)
        if row is not None:
            if area.level > 0:
                self.said.emit(self.tr("Not in full resolution, because the area is large"))
            self.wanted.emit(row)

    def _area(self, volume: Volume) -> SlideArea | None:
        """Under the selected region; else what the view shows."""
        assert volume.slide is not None
        regions = self._models.regions
        root = regions.selected_root
        region = None if root is None else regions.region(root)
        if region is not None:
            return volume.slide.area_of(region.box.as_tuple())
        view = self._grid.active_view
        seen = view.mapToScene(view.viewport().rect()).boundingRect().intersected(view.image_rect)
        return volume.slide.area_of((seen.left(), seen.top(), seen.right(), seen.bottom()))

    def _back(self) -> None:
        scan = self._models.viewing.active.scan
        row = None if scan is None else self._worklist.slide_of(scan.item)
        if row is not None:
            self.wanted.emit(row)

    def retranslate(self) -> None:
        """Take over another language."""
        self.open_area.setText(self.tr("Open this area of the slide in full resolution"))
        self.back.setText(self.tr("Back to the whole slide"))

    def key_groups(self) -> tuple[KeyGroup, ...]:
        """Its keys, as the key sheet shows them."""
        rows = tuple((one.shortcut().toString(), one.text()) for one in (self.open_area, self.back))
        return (KeyGroup(self.tr("Whole slides"), rows),)
