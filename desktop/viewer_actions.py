"""Everything that can be done to the views: one action each, shared by menu, tool bar, keys and the key sheet."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from PySide6.QtCore import QObject, QPointF, Qt, Signal
from PySide6.QtGui import QAction, QActionGroup, QKeyEvent, QKeySequence, QPalette
from PySide6.QtWidgets import QMenu

from desktop.model.layout import Layout
from desktop.model.session import ViewerModels
from desktop.model.tools import Tool
from desktop.viewer.icons import icon
from desktop.viewer.view_grid import ViewGrid
from desktop.viewer.window_text import window_text
from engine.scans import Plane, Window, WindowPreset
from engine.scans.presets import window_presets

_ZOOM_STEP = 1.25
_WINDOW_STEP = 0.1
"""Of the window's width."""


@dataclass(frozen=True, slots=True)
class KeyGroup:
    """A heading of the key sheet and its rows: key, what it does."""

    title: str
    rows: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class _Spec:
    """key : as Qt writes it. icon_name : empty for none. checkable : it is on or off."""

    id: str
    key: str
    icon_name: str = ""
    checkable: bool = False


REGION_TOOL_IDS = (
    "select",
    "box",
    "rotated_box",
    "oval",
    "polygon",
    "freehand",
    "line",
    "point",
    "brush",
    "eraser",
)
_REGION_KEYS = ("Y", "B", "Shift+B", "Shift+E", "Shift+G", "Shift+F", "Shift+D", "Shift+X", "U", "Shift+U")
_REGION_TOOLS = tuple(_Spec(id, key, id, True) for id, key in zip(REGION_TOOL_IDS, _REGION_KEYS, strict=True))
_TOOLS = (
    _Spec("crosshair", "X", "crosshair", True),
    _Spec("window", "Q", "window", True),
    _Spec("pan", "V", "pan", True),
    _Spec("length", "D", "length", True),
    _Spec("angle", "G", "angle", True),
    _Spec("ellipse", "E", "ellipse", True),
    _Spec("rectangle", "R", "rectangle", True),
)
_LAYOUTS = (
    _Spec("single", "Alt+1", "single", True),
    _Spec("pair", "Alt+2", "pair", True),
    _Spec("planes", "Alt+3", "planes", True),
)
_VIEWS = (
    _Spec("axial", "Alt+4"),
    _Spec("coronal", "Alt+5"),
    _Spec("sagittal", "Alt+6"),
    _Spec("maximize", "M", "maximize"),
    _Spec("next_view", "F6"),
    _Spec("choose_prior", "Alt+C"),
)
_GREY = (
    _Spec("own_window", "W"),
    _Spec("auto_window", "Shift+W"),
    _Spec("invert", "I", "invert", True),
    _Spec("narrower", "Alt+Left"),
    _Spec("wider", "Alt+Right"),
    _Spec("brighter", "Alt+PgUp"),
    _Spec("darker", "Alt+PgDown"),
)
_LOOK = (
    _Spec("fit", "0", "fit"),
    _Spec("one_to_one", "Z", "one_to_one"),
    _Spec("zoom_in", "+"),
    _Spec("zoom_out", "-"),
    _Spec("smooth", "J", "smooth", True),
    _Spec("lines", "C", "lines", True),
    _Spec("link", "S", "link", True),
    _Spec("hide_regions", "H", "", True),
    _Spec("overlays", "O", "", True),
    _Spec("hide_texts", "T", "", True),
)
_BRUSH = (_Spec("brush_narrower", "{"), _Spec("brush_wider", "}"))
_CINE = (_Spec("play", "K", "play", True), _Spec("slower", "["), _Spec("faster", "]"))
_PICTURE = (_Spec("copy_picture", "Ctrl+Shift+C"), _Spec("save_picture", "Ctrl+Shift+S", "camera"))
_PRESETS = window_presets("CT")
_FILE_WINDOWS = tuple(_Spec(f"file_window_{number}", "") for number in range(1, 9))
"""What a file offers beside its first window; there are rarely more than three."""
_ALL = (
    *_REGION_TOOLS,
    *_TOOLS,
    *_LAYOUTS,
    *_VIEWS,
    *_GREY,
    *_LOOK,
    *_BRUSH,
    *_CINE,
    *_PICTURE,
    *_FILE_WINDOWS,
)

_LAYOUT_OF = {"single": Layout.SINGLE, "pair": Layout.PAIR, "planes": Layout.PLANES}
_PLANE_OF = {"axial": Plane.AXIAL, "coronal": Plane.CORONAL, "sagittal": Plane.SAGITTAL}


class ViewerActions(QObject):
    """copy_wanted, save_wanted : the active view as a picture."""

    copy_wanted = Signal()
    save_wanted = Signal()

    def __init__(self, models: ViewerModels, grid: ViewGrid, parent: QObject) -> None:
        super().__init__(parent)
        self._models = models
        self._grid = grid
        self.by_id: dict[str, QAction] = {}
        self._icons: dict[str, str] = {}
        for spec in _ALL:
            self._make(spec)
        for number, preset in enumerate(_PRESETS, start=1):
            self._make(_Spec(f"preset_{preset.id}", f"Ctrl+{number}"))
        tools = QActionGroup(self)
        for spec in (*_REGION_TOOLS, *_TOOLS):
            tools.addAction(self.by_id[spec.id])
        self._menus: list[tuple[QMenu, Callable[[], str]]] = []
        self._connect()
        self.retranslate()
        self._follow()

    def _make(self, spec: _Spec) -> None:
        action = QAction(self)
        action.setCheckable(spec.checkable)
        action.setShortcut(QKeySequence(spec.key))
        if not spec.key.startswith(("Ctrl+", "Alt+")):
            # Shown in menus only: letters also type a region's name, so the window decides who gets them.
            action.setShortcutContext(Qt.ShortcutContext.WidgetShortcut)
        action.triggered.connect(lambda _=False: self._do(spec.id))
        self.by_id[spec.id] = action
        if spec.icon_name:
            self._icons[spec.id] = spec.icon_name

    def _connect(self) -> None:
        models = self._models
        for signal in (
            models.viewing.opened,
            models.viewing.active_changed,
            models.viewing.prior_changed,
            models.viewing.window_changed,
            models.layout.changed,
            models.tools.changed,
            models.tools.look_changed,
            models.crosshair.changed,
            models.cine.changed,
            models.overlays.changed,
        ):
            signal.connect(self._follow)

    def _do(self, id: str) -> None:
        models = self._models
        viewing, tools, view = models.viewing, models.tools, self._grid.active_view
        middle = QPointF(view.viewport().rect().center())
        deeds: dict[str, Callable[[], object]] = {
            "maximize": models.layout.toggle_maximized,
            "next_view": self._grid.focus_next,
            "choose_prior": self._choose_prior,
            "narrower": lambda: viewing.move_window(-_WINDOW_STEP, 0),
            "wider": lambda: viewing.move_window(_WINDOW_STEP, 0),
            "brighter": lambda: viewing.move_window(0, _WINDOW_STEP),
            "darker": lambda: viewing.move_window(0, -_WINDOW_STEP),
            "own_window": viewing.reset_window,
            "auto_window": viewing.fit_window,
            "invert": viewing.toggle_inverted,
            "fit": view.fit,
            "one_to_one": view.one_to_one,
            "zoom_in": lambda: view.zoom_by(_ZOOM_STEP, middle),
            "zoom_out": lambda: view.zoom_by(1 / _ZOOM_STEP, middle),
            "smooth": lambda: tools.set_smooth(not tools.smooth),
            "lines": lambda: models.crosshair.set_shown(not models.crosshair.shown),
            "link": lambda: models.crosshair.set_linked(not models.crosshair.linked),
            "hide_regions": lambda: tools.set_regions_hidden(not tools.regions_hidden),
            "overlays": lambda: models.overlays.set_shown(not models.overlays.shown),
            "hide_texts": lambda: tools.set_texts_hidden(not tools.texts_hidden),
            "play": models.cine.toggle,
            "slower": lambda: models.cine.faster(-1),
            "faster": lambda: models.cine.faster(1),
            "brush_narrower": lambda: tools.widen_brush(-1),
            "brush_wider": lambda: tools.widen_brush(1),
            "copy_picture": self.copy_wanted.emit,
            "save_picture": self.save_wanted.emit,
        }
        if id in deeds:
            deeds[id]()
        elif id in _LAYOUT_OF:
            models.layout.choose(_LAYOUT_OF[id])
        elif id in _PLANE_OF:
            viewing.activate_plane(_PLANE_OF[id])
        elif id.startswith(("file_window_", "preset_")):
            window = self.window_of(id)
            assert window is not None
            viewing.set_window(window)
        else:
            tools.choose(Tool(id))
        # A click has turned a check mark over, whatever came of it.
        self._follow()

    def _choose_prior(self) -> None:
        """Beside the open scan there must be room for the other one, and its list."""
        if self._models.layout.layout is not Layout.PAIR or self._models.layout.maximized is not None:
            self._models.layout.choose(Layout.PAIR)
        self._grid.choose_prior()

    def _follow(self) -> None:
        """Show what is on, and what the open scan allows."""
        models = self._models
        scan = models.viewing.active.scan
        grey = scan is not None and not scan.volume.is_color
        checked = {
            **{tool.value: tool is models.tools.tool for tool in Tool},
            **{id: layout is models.layout.layout for id, layout in _LAYOUT_OF.items()},
            "invert": scan is not None and scan.inverted,
            "smooth": models.tools.smooth,
            "lines": models.crosshair.shown,
            "link": models.crosshair.linked,
            "hide_regions": models.tools.regions_hidden,
            "overlays": models.overlays.shown,
            "hide_texts": models.tools.texts_hidden,
            "play": models.cine.playing,
        }
        for id, on in checked.items():
            self.by_id[id].setChecked(on)
        for id, layout in _LAYOUT_OF.items():
            self.by_id[id].setEnabled(models.layout.can(layout))
        own = models.viewing.current
        for id, plane in _PLANE_OF.items():
            self.by_id[id].setEnabled(own is not None and plane in own.planes)
        self.by_id["choose_prior"].setEnabled(own is not None)
        for id in ("own_window", "auto_window", "window", "narrower", "wider", "brighter", "darker"):
            self.by_id[id].setEnabled(grey)
        is_ct = scan is not None and scan.volume.modality == "CT"
        for preset in _PRESETS:
            self.by_id[f"preset_{preset.id}"].setEnabled(is_ct)
        offered = self._file_windows()
        for number, spec in enumerate(_FILE_WINDOWS):
            action, there = self.by_id[spec.id], number < len(offered)
            action.setVisible(there)
            action.setEnabled(there)
            if there:
                numbers = window_text(offered[number].window)
                action.setText(f"{offered[number].name}   {numbers}" if offered[number].name else numbers)
        self.by_id["overlays"].setEnabled(models.overlays.exist_in(scan))
        self.by_id["link"].setEnabled(models.viewing.prior.scan is not None)
        self._play_icon()

    def _file_windows(self) -> tuple[WindowPreset, ...]:
        """The windows that the active scan's file offers, without the first: that is its own."""
        volume = self._models.viewing.volume
        return () if volume is None else volume.presets[1 : len(_FILE_WINDOWS) + 1]

    def window_choices(self) -> tuple[str, ...]:
        """The ids of the windows to choose from for the active scan: its own, the fitted one, the file's, ours."""
        volume = self._models.viewing.volume
        of_file = [spec.id for spec, _ in zip(_FILE_WINDOWS, self._file_windows(), strict=False)]
        ours = [] if volume is None else [f"preset_{preset.id}" for preset in window_presets(volume.modality)]
        return ("own_window", "auto_window", *of_file, *ours)

    def window_of(self, id: str) -> Window | None:
        """The window that a choice stands for; None for one that there is not, such as a fitted one before fitting."""
        scan = self._models.viewing.active.scan
        if id == "own_window":
            return None if scan is None else scan.volume.window
        if id == "auto_window":
            return None if scan is None else scan.fitted_window
        if id.startswith("file_window_"):
            return self._file_windows()[int(id.removeprefix("file_window_")) - 1].window
        return next((preset.window for preset in _PRESETS if f"preset_{preset.id}" == id), None)

    def _play_icon(self) -> None:
        name = "pause" if self._models.cine.playing else "play"
        if self._icons["play"] != name:
            self._icons["play"] = name
            self.retheme(self._grid.palette())

    def key(self, event: QKeyEvent) -> bool:
        """Do what a key in a view means; False when it means nothing here."""
        modifiers = event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier
        text = event.text()
        for action in self.by_id.values():
            wanted = action.shortcut().toString()
            if not wanted:
                continue
            plain = wanted == text.upper() and not modifiers & ~Qt.KeyboardModifier.ShiftModifier
            if len(wanted) == 1 and plain and not (wanted.isalpha() and modifiers):
                hit = True
            else:
                hit = QKeySequence(event.keyCombination()).toString() == wanted
            if hit:
                if action.isEnabled():
                    action.trigger()
                return True
        return False

    def retheme(self, palette: QPalette) -> None:
        """Draw the icons in the theme's colour."""
        for id, name in self._icons.items():
            self.by_id[id].setIcon(icon(name, palette))

    def fill_menu(self, menu: QMenu) -> None:
        """Put everything into the window's View menu."""
        for title, specs in (
            (lambda: self.tr("Layout"), (*_LAYOUTS, None, *_VIEWS)),
            (lambda: self.tr("Draw regions"), (*_REGION_TOOLS, None, *_BRUSH)),
            (lambda: self.tr("Left mouse button"), _TOOLS),
        ):
            self._submenu(menu, title, specs)
        presets = [_Spec(f"preset_{preset.id}", "") for preset in _PRESETS]
        self._submenu(menu, lambda: self.tr("Window"), (*_GREY, None, *_FILE_WINDOWS, None, *presets))
        self._submenu(menu, lambda: self.tr("Cine"), _CINE)
        menu.addSeparator()
        for spec in (*_LOOK, None, *_PICTURE):
            self._add(menu, spec)
        self.retranslate()

    def _submenu(self, menu: QMenu, title: Callable[[], str], specs: tuple[_Spec | None, ...]) -> None:
        under = menu.addMenu("")
        self._menus.append((under, title))
        for spec in specs:
            self._add(under, spec)

    def _add(self, menu: QMenu, spec: _Spec | None) -> None:
        if spec is None:
            menu.addSeparator()
        else:
            menu.addAction(self.by_id[spec.id])

    def _texts(self) -> dict[str, str]:
        return {
            "select": self.tr("Select and move regions"),
            "box": self.tr("Draw a box and ask"),
            "rotated_box": self.tr("Draw a turned box"),
            "oval": self.tr("Draw an ellipse"),
            "polygon": self.tr("Draw a polygon"),
            "freehand": self.tr("Draw freehand"),
            "line": self.tr("Draw a line"),
            "point": self.tr("Set a point"),
            "brush": self.tr("Paint with a brush"),
            "eraser": self.tr("Erase"),
            "brush_narrower": self.tr("Narrower brush"),
            "brush_wider": self.tr("Wider brush"),
            "crosshair": self.tr("Crosshair: turn all views to a place"),
            "window": self.tr("Window and level"),
            "pan": self.tr("Move the picture"),
            "length": self.tr("Measure a length"),
            "angle": self.tr("Measure an angle: click an end, the corner and the other end"),
            "ellipse": self.tr("Values in an ellipse"),
            "rectangle": self.tr("Values in a rectangle"),
            "single": self.tr("One view"),
            "pair": self.tr("Two scans side by side"),
            "planes": self.tr("Three planes and 3-D"),
            "axial": self.tr("Axial"),
            "coronal": self.tr("Coronal"),
            "sagittal": self.tr("Sagittal"),
            "maximize": self.tr("Fill the window with this view, or go back"),
            "next_view": self.tr("Next view"),
            "choose_prior": self.tr("Choose the scan to compare with …"),
            "narrower": self.tr("Narrower window"),
            "wider": self.tr("Wider window"),
            "brighter": self.tr("Brighter"),
            "darker": self.tr("Darker"),
            "own_window": self.tr("The scan's own window"),
            "auto_window": self.tr("Window fitted to this slice"),
            "invert": self.tr("Invert"),
            "fit": self.tr("Fit"),
            "one_to_one": self.tr("Actual pixels (1:1)"),
            "zoom_in": self.tr("Zoom in"),
            "zoom_out": self.tr("Zoom out"),
            "smooth": self.tr("Smooth pixels"),
            "lines": self.tr("Crosshair and reference lines"),
            "link": self.tr("Scroll both scans together"),
            "hide_regions": self.tr("Hide regions and measurements"),
            "overlays": self.tr("Overlays of the file"),
            "hide_texts": self.tr("Hide texts"),
            "play": self.tr("Play through the slices"),
            "slower": self.tr("Slower"),
            "faster": self.tr("Faster"),
            "copy_picture": self.tr("Copy the view as a picture"),
            "save_picture": self.tr("Save the view as a picture …"),
            "preset_soft_tissue": self.tr("Soft tissue"),
            "preset_lung": self.tr("Lung"),
            "preset_bone": self.tr("Bone"),
            "preset_brain": self.tr("Brain"),
            "preset_liver": self.tr("Liver"),
            "preset_mediastinum": self.tr("Mediastinum"),
            "preset_angiography": self.tr("Angiography"),
        }

    def retranslate(self) -> None:
        """Take over another language."""
        windows = {f"preset_{preset.id}": preset.window for preset in _PRESETS}
        for id, text in self._texts().items():
            action = self.by_id[id]
            window = windows.get(id)
            numbers = "" if window is None else f"   {window_text(window)}"
            action.setText(text + numbers)
            action.setToolTip(f"{text} ({action.shortcut().toString()})")
        for menu, title in self._menus:
            menu.setTitle(title())

    def key_groups(self) -> tuple[KeyGroup, ...]:
        """All keys of the views, as the key sheet shows them."""
        texts = self._texts()

        def rows(*specs: _Spec) -> tuple[tuple[str, str], ...]:
            return tuple((self.by_id[spec.id].shortcut().toString(), texts[spec.id]) for spec in specs)

        presets = tuple((f"Ctrl+{number}", texts[f"preset_{p.id}"]) for number, p in enumerate(_PRESETS, start=1))
        return (
            KeyGroup(self.tr("Draw regions"), rows(*_REGION_TOOLS, *_BRUSH)),
            KeyGroup(self.tr("Left mouse button"), rows(*_TOOLS)),
            KeyGroup(self.tr("Layout"), rows(*_LAYOUTS, *_VIEWS)),
            KeyGroup(self.tr("Window"), (*rows(*_GREY), *presets)),
            KeyGroup(self.tr("View"), rows(*_LOOK)),
            KeyGroup(self.tr("Cine"), rows(*_CINE)),
            KeyGroup(self.tr("Picture"), rows(*_PICTURE)),
        )
