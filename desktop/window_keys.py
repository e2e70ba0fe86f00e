"""What a key in a view means, read from top to bottom: suggestion card, regions, slices, then the view's actions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from PySide6.QtCore import QObject, Qt
from PySide6.QtGui import QKeyEvent

from desktop.model.session import ViewerModels
from desktop.panels.suggestion_card import SuggestionCard
from desktop.region_actions import RegionActions
from desktop.viewer_actions import ViewerActions

_CTRL = Qt.KeyboardModifier.ControlModifier
_ENTER = (Qt.Key.Key_Return, Qt.Key.Key_Enter)
_COMMANDS = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.AltModifier
_DELETE = (Qt.Key.Key_Delete, Qt.Key.Key_Backspace)


@dataclass(frozen=True, slots=True)
class WindowDeeds:
    """What keys do outside of the views."""

    open_neighbour: Callable[[int], None]
    toggle_language: Callable[[], None]
    find: Callable[[], None]
    walk_regions: Callable[[], None]
    show_keys: Callable[[], None]


class WindowKeys(QObject):
    """Turns keys into intents."""

    def __init__(
        self,
        models: ViewerModels,
        card: SuggestionCard,
        actions: ViewerActions,
        regions: RegionActions,
        deeds: WindowDeeds,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._models = models
        self._card = card
        self._actions = actions
        self._regions = regions
        self._deeds = deeds

    def press(self, event: QKeyEvent) -> None:
        """Do what it means."""
        if event.text() == "." or (event.key() == Qt.Key.Key_Tab and event.modifiers() & _CTRL):
            self._models.uncertain.go_to_next()
            return
        card = self._card.isVisible()
        if self._regions.nudge(event, always=not card):
            return
        if card and self._models.regions.selected_root is not None:
            self._card_key(event, self._models.regions.selected_root)
        else:
            self._view_key(event)

    def _card_key(self, event: QKeyEvent, root: int) -> None:
        key, text = event.key(), event.text()
        plain = not event.modifiers() & _COMMANDS
        if key in _ENTER:
            self._card.accept()
        elif key in (Qt.Key.Key_Up, Qt.Key.Key_Down):
            self._card.choose(1 if key == Qt.Key.Key_Down else -1)
        elif plain and text.isdecimal() and self._digit(text):
            return
        elif plain and text.isprintable() and text.strip() and text != "?":
            self._card.begin_typing(text)
        else:
            self._view_key(event)

    def _digit(self, text: str) -> bool:
        """With the card open: one of its names, by its number, or a label's key where it lists none.

        Nothing while the model is asked: the answer may come under the finger and give the key another meaning.
        """
        if self._models.asking.asking:
            return True
        return self._card.take(int(text)) or (self._card.is_empty and self._models.labels.press(text))

    def _view_key(self, event: QKeyEvent) -> None:
        key, text = event.key(), event.text()
        models = self._models
        measures, regions, viewing = models.measures, models.regions, models.viewing
        root = regions.selected_root
        if key in _DELETE and measures.selected_number is not None:
            measures.delete_selected()
        elif key in _DELETE and root is not None:
            models.asking.cancel()
            regions.reject(root)
        elif key in (*_ENTER, Qt.Key.Key_F2) and root is not None:
            self._card.begin_typing("")
        elif key == Qt.Key.Key_Escape:
            self._give_up()
        elif text.isdecimal() and not event.modifiers() & _COMMANDS and models.labels.press(text):
            return
        elif key == Qt.Key.Key_F5 and root is not None:
            models.asking.ask_region(root)
        elif key == Qt.Key.Key_F7:
            self._deeds.walk_regions()
        elif key in (Qt.Key.Key_Home, Qt.Key.Key_End):
            viewing.go_to(0 if key == Qt.Key.Key_Home else viewing.slice_count - 1)
        elif key in (Qt.Key.Key_Up, Qt.Key.Key_PageUp):
            viewing.step(-1)
        elif key in (Qt.Key.Key_Down, Qt.Key.Key_PageDown):
            viewing.step(1)
        elif key == Qt.Key.Key_Tab:
            regions.select_next_undecided()
        elif key in (Qt.Key.Key_N, Qt.Key.Key_P) and not event.modifiers():
            self._deeds.open_neighbour(1 if key == Qt.Key.Key_N else -1)
        elif key == Qt.Key.Key_L and not event.modifiers():
            self._deeds.toggle_language()
        elif key == Qt.Key.Key_F and not event.modifiers():
            self._deeds.find()
        elif text == "?":
            self._deeds.show_keys()
        else:
            self._actions.key(event)

    def _give_up(self) -> None:
        """Esc: the questions and the selection; when there are none, the label in hand."""
        measures, regions = self._models.measures, self._models.regions
        asking = self._models.asking.asking or self._models.questions.busy
        held = regions.selected_root is not None or measures.selected_number is not None or asking
        self._models.asking.cancel()
        self._models.questions.cancel()
        regions.select(None)
        measures.select(None)
        if not held:
            self._models.labels.take(None)
