"""The choice between dark and light."""

from __future__ import annotations

from PySide6.QtCore import QEvent
from PySide6.QtGui import QAction, QActionGroup
from PySide6.QtWidgets import QApplication, QMenu, QWidget

from desktop.theme import DEFAULT_THEME, THEMES, apply_theme
from engine.store import AnnotationStore

THEME_SETTING = "theme"


class ThemeMenu(QMenu):
    """Applies a theme at once and remembers it."""

    def __init__(self, store: AnnotationStore, parent: QWidget) -> None:
        super().__init__(parent)
        self._store = store
        group = QActionGroup(self)
        self._actions: dict[str, QAction] = {}
        current = store.setting(THEME_SETTING, DEFAULT_THEME)
        for theme in THEMES:
            action = QAction(self, checkable=True, checked=theme == current)
            action.triggered.connect(lambda _=False, theme=theme: self.choose(theme))
            group.addAction(action)
            self.addAction(action)
            self._actions[theme] = action
        self._retranslate()

    def choose(self, theme: str) -> None:
        """Show everything in this theme, from now on."""
        self._store.set_setting(THEME_SETTING, theme)
        self._actions[theme].setChecked(True)
        app = QApplication.instance()
        if isinstance(app, QApplication):
            apply_theme(app, theme)

    def _retranslate(self) -> None:
        self.setTitle(self.tr("Colours"))
        self._actions["dark"].setText(self.tr("Dark"))
        self._actions["light"].setText(self.tr("Light"))

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.LanguageChange:
            self._retranslate()
