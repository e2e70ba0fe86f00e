"""Everything that can be done to the selected region: one action each, for menu, keys and the region's own menu."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from PySide6.QtCore import QObject, QPoint, Qt
from PySide6.QtGui import QAction, QKeyEvent, QKeySequence
from PySide6.QtWidgets import QMenu, QWidget

from desktop.model.session import ViewerModels
from desktop.viewer_actions import KeyGroup
from engine.store import RegionRow

_NUDGES = {
    Qt.Key.Key_Left: (-1, 0),
    Qt.Key.Key_Right: (1, 0),
    Qt.Key.Key_Up: (0, -1),
    Qt.Key.Key_Down: (0, 1),
}
_FAR = 10
_CTRL, _SHIFT = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier


@dataclass(frozen=True, slots=True)
class _Spec:
    id: str
    key: str
    checkable: bool = False


_SPECS = (
    _Spec("rename", "F2"),
    _Spec("change_everywhere", "Ctrl+R"),
    _Spec("duplicate", "Ctrl+D"),
    _Spec("copy_next", "Ctrl+PgDown"),
    _Spec("copy_previous", "Ctrl+PgUp"),
    _Spec("lock", "Ctrl+L", True),
    _Spec("hide", "Ctrl+H", True),
    _Spec("show_all", "Ctrl+Shift+H"),
    _Spec("delete", "Del"),
)


class RegionActions(QObject):
    """rename : opens the card to type a name. change_everywhere : asks for another name for all that have this one."""

    def __init__(
        self,
        models: ViewerModels,
        rename: Callable[[], None],
        change_everywhere: Callable[[], None],
        parent: QWidget,
    ) -> None:
        super().__init__(parent)
        self._change_everywhere = change_everywhere
        self._models = models
        self._rename = rename
        self._window = parent
        self.by_id: dict[str, QAction] = {}
        self._extra: list[QAction | None] = []
        for spec in _SPECS:
            action = QAction(self)
            action.setShortcut(QKeySequence(spec.key))
            action.setCheckable(spec.checkable)
            if not spec.key.startswith("Ctrl"):
                # Shown in menus only: the window decides what such a key means.
                action.setShortcutContext(Qt.ShortcutContext.WidgetShortcut)
            action.triggered.connect(lambda _=False, id=spec.id: self._do(id))
            self.by_id[spec.id] = action
        models.regions.changed.connect(self._follow)
        models.regions.selected.connect(self._follow)
        self.retranslate()
        self._follow()

    def add(self, action: QAction | None) -> None:
        """An action of another subject, or a line, at the end of the menus."""
        self._extra.append(action)

    def fill_menu(self, menu: QMenu) -> None:
        """Put everything into a menu."""
        for number, spec in enumerate(_SPECS):
            if number in (5, 8):
                menu.addSeparator()
            menu.addAction(self.by_id[spec.id])
        for action in self._extra:
            if action is None:
                menu.addSeparator()
            else:
                menu.addAction(action)

    def open_menu(self, at: QPoint) -> None:
        """The selected region's menu, at a place on the screen."""
        menu = QMenu(self._window)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.fill_menu(menu)
        menu.popup(at)

    def nudge(self, event: QKeyEvent, *, always: bool) -> bool:
        """Arrows move the selected region by a pixel, with Shift by ten. always : not only with Ctrl."""
        step = _NUDGES.get(Qt.Key(event.key()))
        row = self._models.regions.selected_row
        # With Alt arrows go into a slide's area and back.
        alt = bool(event.modifiers() & Qt.KeyboardModifier.AltModifier)
        if step is None or alt or row is None or row.locked or not (always or event.modifiers() & _CTRL):
            return False
        far = _FAR if event.modifiers() & _SHIFT else 1
        self._models.regions.nudge(row.root_id, step[0] * far, step[1] * far)
        return True

    def _do(self, id: str) -> None:
        regions, viewing = self._models.regions, self._models.viewing
        row = regions.selected_row
        if id == "show_all":
            regions.show_all()
            return
        if row is None:
            return
        root = row.root_id
        deeds: dict[str, Callable[[], object]] = {
            "rename": self._rename,
            "change_everywhere": self._change_everywhere,
            "duplicate": lambda: regions.duplicate(root),
            "copy_next": lambda: regions.copy_to(root, viewing.index + 1),
            "copy_previous": lambda: regions.copy_to(root, viewing.index - 1),
            "lock": lambda: regions.toggle_locked(root),
            "hide": lambda: regions.toggle_hidden(root),
            "delete": lambda: self._delete(row),
        }
        deeds[id]()
        # A click has turned a check mark over, whatever came of it.
        self._follow()

    def _delete(self, row: RegionRow) -> None:
        self._models.asking.cancel()
        self._models.regions.reject(row.root_id)

    def _follow(self) -> None:
        regions, viewing = self._models.regions, self._models.viewing
        row = regions.selected_row
        free = row is not None and not row.locked
        enabled = {
            "rename": free,
            "change_everywhere": row is not None and row.label is not None,
            "duplicate": row is not None,
            "copy_next": row is not None and viewing.index + 1 < viewing.slice_count,
            "copy_previous": row is not None and viewing.index > 0,
            "lock": row is not None,
            "hide": row is not None,
            "show_all": bool(regions.hidden),
            "delete": free,
        }
        for id, on in enabled.items():
            self.by_id[id].setEnabled(on)
        self.by_id["lock"].setChecked(row is not None and row.locked)
        self.by_id["hide"].setChecked(row is not None and row.root_id in regions.hidden)

    def _texts(self) -> dict[str, str]:
        return {
            "rename": self.tr("Name …"),
            "change_everywhere": self.tr("Change this label everywhere …"),
            "duplicate": self.tr("Duplicate"),
            "copy_next": self.tr("Copy to the next slice"),
            "copy_previous": self.tr("Copy to the slice before"),
            "lock": self.tr("Locked"),
            "hide": self.tr("Hidden"),
            "show_all": self.tr("Show all hidden regions"),
            "delete": self.tr("Delete"),
        }

    def retranslate(self) -> None:
        """Take over another language."""
        for id, text in self._texts().items():
            self.by_id[id].setText(text)

    def key_groups(self) -> tuple[KeyGroup, ...]:
        """Its keys, as the key sheet shows them."""
        texts = self._texts()
        rows = [(spec.key, texts[spec.id]) for spec in _SPECS if spec.key.startswith("Ctrl")]
        edits = (
            (self.tr("Drag a grip"), self.tr("resize; Shift keeps the proportions")),
            (self.tr("Drag the outline"), self.tr("move (Alt: from anywhere inside)")),
            (self.tr("Arrows"), self.tr("move by a pixel, with Shift by ten")),
            (self.tr("Double click"), self.tr("on an edge: a new corner; in a polygon: finish")),
            (self.tr("Alt+click"), self.tr("on a corner: remove it")),
            (self.tr("Right click"), self.tr("the region's menu")),
        )
        return (KeyGroup(self.tr("Edit regions"), (*edits, *rows)),)
