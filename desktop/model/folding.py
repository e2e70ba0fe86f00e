"""Which parts of the panels a person has folded away, remembered from one start to the next."""

from __future__ import annotations

from engine.store import AnnotationStore

_SETTING = "section_{}"
_OPEN, _FOLDED = "open", "folded"


class FoldingModel:
    """Sections by their names, which the database keeps."""

    def __init__(self, store: AnnotationStore) -> None:
        self._store = store

    def choice(self, name: str) -> bool | None:
        """Whether a person left a section unfolded; None for one that nobody has touched."""
        return {_OPEN: True, _FOLDED: False}.get(self._store.setting(_SETTING.format(name)))

    def choose(self, name: str, on: bool) -> None:
        """Remember it."""
        self._store.set_setting(_SETTING.format(name), _OPEN if on else _FOLDED)
