"""Who is at work: the name that gestures are signed with, and whose reading is on screen."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal

from engine.store import AnnotationStore, StoreError

_SETTING = "reader"


class ReaderModel(QObject):
    """Owns the name. changed : another person is at work. failed : a message.

    account : the operating system's user. Their choice is remembered for them alone, since several can share a
    database; without one they work under that name itself.
    """

    changed = Signal()
    failed = Signal(str)

    def __init__(self, store: AnnotationStore, account: str, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._store = store
        self._account = account
        self.name = store.setting(self._key) or account

    @property
    def _key(self) -> str:
        return f"{_SETTING} {self._account}"

    @property
    def names(self) -> list[str]:
        """Whom one can be: the annotators in the order of adding, and whoever is at work."""
        known = [row.name for row in self._store.tasks.annotators()]
        return list(dict.fromkeys([*known, self._account, self.name]))

    def choose(self, name: str) -> None:
        """Somebody else is at work from now on."""
        if name != self.name:
            self._store.set_setting(self._key, name)
            self.name = name
            self.changed.emit()

    def add(self, name: str) -> None:
        """A new annotator, who is at work from now on. A name that is there already is chosen."""
        try:
            row = self._store.tasks.add_annotator(name.strip(), self.name)
        except StoreError as error:
            self.failed.emit(str(error))
        else:
            self.choose(row.name)
