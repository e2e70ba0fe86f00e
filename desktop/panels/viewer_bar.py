"""The tool bar over the views."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QSize, Qt
from PySide6.QtWidgets import QComboBox, QLabel, QToolBar, QToolButton, QWidget

from desktop.model.session import ViewerModels
from desktop.viewer.window_text import window_text
from desktop.viewer_actions import ViewerActions

_GROUPS = (
    ("single", "pair", "planes", "maximize"),
    ("crosshair", "window", "pan", "length", "angle", "ellipse", "rectangle"),
    ("invert", "fit", "one_to_one", "smooth", "lines", "link"),
)


class ViewerBar(QToolBar):
    """Shows the viewer's actions; the windows to choose from; the speed of the cine."""

    def __init__(self, models: ViewerModels, actions: ViewerActions, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("viewerBar")
        self._models = models
        self._actions = actions
        self.setMovable(False)
        self.setFloatable(False)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.PreventContextMenu)
        self.setIconSize(QSize(20, 20))
        for group in _GROUPS:
            for id in group:
                self.addAction(actions.by_id[id])
            self.addSeparator()
        self._window = QComboBox()
        self._window.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._window.setMinimumWidth(128)
        self._window.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        self._window.activated.connect(self._choose_window)
        self._window_action = self.addWidget(self._window)
        self.addSeparator()
        self.addAction(actions.by_id["play"])
        self._speed = QLabel()
        self._speed.setObjectName("cineSpeed")
        self.addWidget(self._speed)
        self.addSeparator()
        self.addAction(actions.by_id["save_picture"])
        for button in self.findChildren(QToolButton):
            button.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        for signal in (
            models.viewing.opened,
            models.viewing.active_changed,
            models.viewing.window_changed,
            models.cine.changed,
        ):
            signal.connect(self._follow)
        self._retranslate()

    def _choose_window(self, number: int) -> None:
        self._actions.by_id[self._actions.window_choices()[number]].trigger()

    def _follow(self) -> None:
        scan = self._models.viewing.active.scan
        self._window.setEnabled(scan is not None and scan.window is not None)
        # The menu's words are too long for the bar.
        short = {"own_window": self.tr("Own window"), "auto_window": self.tr("Fitted to slice")}
        names = [
            short.get(id) or self._actions.by_id[id].text().split("   ")[0] for id in self._actions.window_choices()
        ]
        if [self._window.itemText(number) for number in range(self._window.count())] != names:
            self._window.clear()
            self._window.addItems(names)
        self._window.setCurrentIndex(self._current(scan))
        if self._window.currentIndex() < 0 and scan is not None:
            colored = self.tr("In colour")
            self._window.setPlaceholderText(colored if scan.window is None else window_text(scan.window))
        self._speed.setText(self.tr("{0}/s").format(self._models.cine.frames_per_second))

    def _current(self, scan) -> int:  # type: ignore[no-untyped-def]
        """Which of the named windows is on; -1 for one that was set by hand."""
        if scan is None or scan.window is None:
            return -1
        windows = [self._actions.window_of(id) for id in self._actions.window_choices()]
        return windows.index(scan.window) if scan.window in windows else -1

    def _retranslate(self) -> None:
        self.setWindowTitle(self.tr("View"))
        self._window.setToolTip(self.tr("Window (Ctrl+1 … 7, W, Shift+W, right-drag)"))
        self._speed.setToolTip(self.tr("Slices a second ([ slower, ] faster)"))
        self._follow()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.LanguageChange:
            self._retranslate()
        elif event.type() == QEvent.Type.PaletteChange:
            self._actions.retheme(self.palette())
