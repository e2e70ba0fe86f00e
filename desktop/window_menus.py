"""The menu bar: everything that can be done to the window, under words."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from PySide6.QtCore import QEvent, QObject
from PySide6.QtGui import QAction, QActionGroup, QKeySequence, QUndoStack
from PySide6.QtWidgets import QMainWindow, QMenu

from desktop.panels.theme_menu import ThemeMenu
from desktop.region_actions import RegionActions
from desktop.translation import LANGUAGES
from desktop.viewer_actions import ViewerActions
from engine.store import AnnotationStore


@dataclass(frozen=True, slots=True)
class MenuDeeds:
    """What the menus do."""

    add_files: Callable[[], object]
    add_folder: Callable[[], object]
    add_demo: Callable[[], object]
    quit: Callable[[], object]
    find_scans: Callable[[], object]
    show_keys: Callable[[], object]
    show_model_card: Callable[[], object]
    show_about: Callable[[], object]
    set_language: Callable[[str], object]
    show_label_sets: Callable[[], object]
    manage_models: Callable[[], object]
    ask: Callable[[], object]
    show_training: Callable[[], object]


class WindowMenus(QObject):
    """Fills the menu bar of a window. themes : the submenu of themes. label_sets : opens them."""

    def __init__(
        self,
        window: QMainWindow,
        deeds: MenuDeeds,
        undo_stack: QUndoStack,
        viewer_actions: ViewerActions,
        region_actions: RegionActions,
        store: AnnotationStore,
        language: str,
    ) -> None:
        super().__init__(window)
        self._window = window
        self._viewer_actions = viewer_actions
        self._region_actions = region_actions
        bar, key = window.menuBar(), QKeySequence.StandardKey
        self._file = bar.addMenu("")
        self._add_files = self._action(self._file, key.Open, deeds.add_files)
        self._add_folder = self._action(self._file, "Ctrl+Shift+O", deeds.add_folder)
        self._add_demo = self._action(self._file, "", deeds.add_demo)
        self._file.addSeparator()
        self._quit = self._action(self._file, key.Quit, deeds.quit)
        self._edit = bar.addMenu("")
        self._undo = self._action(self._edit, key.Undo, undo_stack.undo)
        self._redo = self._action(self._edit, "Ctrl+Shift+Z", undo_stack.redo)
        self._find_scans = self._action(self._edit, key.Find, deeds.find_scans)
        for action, can, signal in (
            (self._undo, undo_stack.canUndo, undo_stack.canUndoChanged),
            (self._redo, undo_stack.canRedo, undo_stack.canRedoChanged),
        ):
            action.setEnabled(can())
            signal.connect(action.setEnabled)
        self._region = bar.addMenu("")
        region_actions.fill_menu(self._region)
        self._view = bar.addMenu("")
        viewer_actions.fill_menu(self._view)
        self._settings = bar.addMenu("")
        self._languages = self._settings.addMenu("")
        group = QActionGroup(self)
        for code, name in LANGUAGES.items():
            action = QAction(name, self, checkable=True, checked=code == language)
            action.triggered.connect(lambda _=False, code=code: deeds.set_language(code))
            group.addAction(action)
            self._languages.addAction(action)
        self.themes = ThemeMenu(store, self._settings)
        self._settings.addMenu(self.themes)
        self.label_sets = self._action(self._settings, "", deeds.show_label_sets)
        self._model = bar.addMenu("")
        self.ask = self._action(self._model, "Ctrl+E", deeds.ask)
        self._model.addSeparator()
        self.manage_models = self._action(self._model, "", deeds.manage_models)
        self._card = self._action(self._model, "", deeds.show_model_card)
        self.training = self._action(self._model, "Ctrl+Shift+L", deeds.show_training)
        self._help = bar.addMenu("")
        self._keys = self._action(self._help, "F1", deeds.show_keys)
        self._about = self._action(self._help, "", deeds.show_about)
        window.installEventFilter(self)
        self._retranslate()

    @property
    def view(self) -> QMenu:
        """The menu of what is done to the views."""
        return self._view

    def add(self, tasks: QMenu, reader: QMenu) -> None:
        """The menu of tasks, before the settings; who is at work, among them."""
        self._window.menuBar().insertMenu(self._settings.menuAction(), tasks)
        self._settings.addMenu(reader)

    def add_to_model(self, *menus: QMenu) -> None:
        """Menus of how the model runs, among what is done to it."""
        for menu in menus:
            self._model.addMenu(menu)

    def _action(self, menu: QMenu, shortcut: str | QKeySequence.StandardKey, deed: Callable[[], object]) -> QAction:
        action = QAction(self._window)
        if shortcut:
            action.setShortcut(QKeySequence(shortcut))
        action.triggered.connect(lambda _=False: deed())
        menu.addAction(action)
        return action

    def _retranslate(self) -> None:
        for action, text in (
            (self._add_files, self.tr("Add files …")),
            (self._add_folder, self.tr("Add a folder …")),
            (self._add_demo, self.tr("Add the demo worklist")),
            (self._quit, self.tr("Quit")),
            (self._undo, self.tr("Undo")),
            (self._redo, self.tr("Redo")),
            (self._find_scans, self.tr("Find scans")),
            (self.label_sets, self.tr("Label sets …")),
            (self._keys, self.tr("Keys")),
            (self.ask, self.tr("Ask about this slice …")),
            (self.manage_models, self.tr("Manage models …")),
            (self._card, self.tr("Model card")),
            (self.training, self.tr("Training …")),
            (self._about, self.tr("About MedRegA Desktop")),
        ):
            action.setText(text)
        for menu, text in (
            (self._file, self.tr("&File")),
            (self._edit, self.tr("&Edit")),
            (self._region, self.tr("&Region")),
            (self._view, self.tr("&View")),
            (self._settings, self.tr("&Settings")),
            (self._languages, self.tr("Language")),
            (self._model, self.tr("&Model")),
            (self._help, self.tr("&Help")),
        ):
            menu.setTitle(text)
        self._viewer_actions.retranslate()
        self._region_actions.retranslate()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if watched is self._window and event.type() == QEvent.Type.LanguageChange:
            self._retranslate()
        return False
