"""What can be done to the selected region in space and to its pixels: actions for the region's menu and keys."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from PySide6.QtCore import QObject
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QMenu, QWidget

from desktop.model.mask_work import Combination, MaskVerb
from desktop.model.session import ViewerModels
from desktop.panels.numbers_dialog import Number, NumbersDialog
from desktop.region_actions import RegionActions
from desktop.viewer_actions import KeyGroup
from engine.store import RegionState


@dataclass(frozen=True, slots=True)
class _Spec:
    id: str
    key: str = ""


_IN_SPACE = (
    _Spec("interpolate", "Ctrl+I"),
    _Spec("box_over", "Ctrl+Shift+B"),
    _Spec("follow", "Ctrl+Shift+F"),
    _Spec("accept_all", "Alt+Return"),
    _Spec("delete_all", "Ctrl+Shift+Del"),
)
_FIT = (_Spec("snap", "Ctrl+Shift+N"), _Spec("mask_inside", "Ctrl+Shift+M"), _Spec("make_mask", "Ctrl+M"))
_MASK = (
    _Spec("fill"),
    _Spec("largest"),
    _Spec("drop_islands"),
    _Spec("smooth"),
    _Spec("grow", "Ctrl+="),
    _Spec("shrink", "Ctrl+-"),
    _Spec("grow_by"),
    _Spec("threshold", "Ctrl+Alt+T"),
)
_COMBINE = (_Spec("union"), _Spec("subtract"), _Spec("intersect"))
_MOST_PIXELS = 100.0


class StructureActions(QObject):
    """Puts itself at the end of the region's menu."""

    def __init__(self, models: ViewerModels, regions: RegionActions, parent: QWidget) -> None:
        super().__init__(parent)
        self._models = models
        self._window = parent
        self.by_id: dict[str, QAction] = {}
        self._deeds = self._make_deeds()
        self._mask_menu = QMenu(parent)
        for spec in (*_IN_SPACE, *_FIT, *_MASK, *_COMBINE):
            action = QAction(self)
            if spec.key:
                action.setShortcut(QKeySequence(spec.key))
            action.triggered.connect(lambda _=False, id=spec.id: self._deeds[id]())
            self.by_id[spec.id] = action
        for group in (_IN_SPACE, _FIT):
            regions.add(None)
            for spec in group:
                regions.add(self.by_id[spec.id])
        regions.add(self._mask_menu.menuAction())
        for spec in _MASK:
            self._mask_menu.addAction(self.by_id[spec.id])
        self._mask_menu.addSeparator()
        for spec in _COMBINE:
            self._mask_menu.addAction(self.by_id[spec.id])
        models.regions.changed.connect(self._follow)
        models.regions.selected.connect(self._follow)
        self.retranslate()
        self._follow()

    def _make_deeds(self) -> dict[str, Callable[[], object]]:
        structures, work = self._models.structures, self._models.mask_work
        return {
            "interpolate": structures.interpolate,
            "box_over": self._ask_slices,
            "follow": structures.follow,
            "accept_all": structures.accept_all,
            "delete_all": structures.delete_all,
            "snap": work.snap,
            "mask_inside": work.mask_inside,
            "make_mask": lambda: work.do(MaskVerb.MAKE),
            "fill": lambda: work.do(MaskVerb.FILL),
            "largest": lambda: work.do(MaskVerb.LARGEST),
            "drop_islands": self._ask_least,
            "smooth": lambda: work.do(MaskVerb.SMOOTH),
            "grow": lambda: work.do(MaskVerb.GROW),
            "shrink": lambda: work.do(MaskVerb.SHRINK),
            "grow_by": self._ask_distance,
            "threshold": self._ask_range,
            "union": lambda: work.combine_with_next(Combination.UNION),
            "subtract": lambda: work.combine_with_next(Combination.SUBTRACT),
            "intersect": lambda: work.combine_with_next(Combination.INTERSECT),
        }

    def _ask(self, id: str, numbers: tuple[Number, ...], take: Callable[..., object]) -> None:
        NumbersDialog(self._texts()[id].rstrip(" …"), numbers, take, self._window).open()

    def _ask_slices(self) -> None:
        viewing = self._models.viewing
        count, here = viewing.slice_count, viewing.index + 1
        fields = (
            Number(self.tr("From slice"), max(1, here - 5), 1, count),
            Number(self.tr("To slice"), min(count, here + 5), 1, count),
        )
        # People count slices from one.
        take = self._models.structures.box_over
        self._ask("box_over", fields, lambda first, last: take(round(first) - 1, round(last) - 1))

    def _ask_least(self) -> None:
        field = Number(self.tr("Smaller than"), 20, 2, 100_000, unit=self.tr(" px²"))
        work = self._models.mask_work
        self._ask("drop_islands", (field,), lambda amount: work.do(MaskVerb.DROP_ISLANDS, amount))

    def _ask_distance(self) -> None:
        field = Number(self.tr("Pixels (less than 0: shrink)"), 3, -_MOST_PIXELS, _MOST_PIXELS, 1)
        work = self._models.mask_work
        self._ask("grow_by", (field,), lambda amount: work.do(MaskVerb.GROW, amount))

    def _ask_range(self) -> None:
        low, high = self._models.tools.value_range or self._window_range()
        unit = "" if self._models.viewing.volume is None else self._models.viewing.volume.units
        suffix = f" {unit}" if unit else ""
        fields = (
            Number(self.tr("From"), low, -1e6, 1e6, 1, suffix),
            Number(self.tr("To"), high, -1e6, 1e6, 1, suffix),
        )
        self._ask("threshold", fields, self._models.mask_work.threshold)

    def _window_range(self) -> tuple[float, float]:
        window = self._models.viewing.window
        return (0.0, 0.0) if window is None else (window.center - window.width / 2, window.center + window.width / 2)

    def _follow(self) -> None:
        row = self._models.regions.selected_row
        free = row is not None and not row.locked
        many = row is not None and row.structure_id is not None
        solid = self._models.viewing.slice_count > 1
        box = row is not None and row.shape is None
        enabled = dict.fromkeys(self.by_id, free)
        enabled |= {
            "interpolate": row is not None and solid,
            "box_over": row is not None and solid,
            "follow": row is not None and solid,
            "accept_all": many or (row is not None and row.state is RegionState.SUGGESTED),
            "delete_all": many,
            "snap": free and box,
            "mask_inside": free and box,
        }
        for id, on in enabled.items():
            self.by_id[id].setEnabled(on)
        self._mask_menu.setEnabled(free)

    def _texts(self) -> dict[str, str]:
        return {
            "interpolate": self.tr("Interpolate between the drawn slices"),
            "box_over": self.tr("The same on slices …"),
            "follow": self.tr("Follow through the slices"),
            "accept_all": self.tr("Accept the whole structure"),
            "delete_all": self.tr("Delete the whole structure"),
            "snap": self.tr("Fit the box to the structure"),
            "mask_inside": self.tr("Mask of the structure in the box"),
            "make_mask": self.tr("Make a mask"),
            "fill": self.tr("Fill holes"),
            "largest": self.tr("Keep the largest part"),
            "drop_islands": self.tr("Remove small parts …"),
            "smooth": self.tr("Smooth the outline"),
            "grow": self.tr("Grow by a pixel"),
            "shrink": self.tr("Shrink by a pixel"),
            "grow_by": self.tr("Grow or shrink …"),
            "threshold": self.tr("Keep only values …"),
            "union": self.tr("Unite with the next I click"),
            "subtract": self.tr("Cut away the next I click"),
            "intersect": self.tr("Keep what it shares with the next I click"),
        }

    def retranslate(self) -> None:
        """Take over another language."""
        for id, text in self._texts().items():
            self.by_id[id].setText(text)
        self._mask_menu.setTitle(self.tr("Mask"))

    def key_groups(self) -> tuple[KeyGroup, ...]:
        """Its keys, as the key sheet shows them."""
        texts = self._texts()
        rows = tuple((spec.key, texts[spec.id]) for spec in (*_IN_SPACE, *_FIT, *_MASK) if spec.key)
        suggestions = (
            (self.tr("Tab"), self.tr("the next suggestion of this slice")),
            (self.tr(". or Ctrl+Tab"), self.tr("the least certain suggestion of the whole scan")),
        )
        return (KeyGroup(self.tr("Slices and masks"), rows), KeyGroup(self.tr("Suggestions"), suggestions))
