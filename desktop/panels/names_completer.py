"""Completing the last of several names that are parted by commas."""

from __future__ import annotations

import re
from collections.abc import Sequence

from PySide6.QtCore import QModelIndex, QObject, QPersistentModelIndex, Qt
from PySide6.QtWidgets import QCompleter

_LAST = re.compile("^(.*[,，、;；]\\s*)?(.*)$", re.DOTALL)
_NOTHING = "\0"
"""In no name."""


class NamesCompleter(QCompleter):
    """Matches anywhere in a name, in either language; a name that is written out is not offered again."""

    def __init__(self, names: Sequence[str], parent: QObject) -> None:
        super().__init__(list(names), parent)
        self._before = ""
        self._names = [name.casefold() for name in names]
        self.setFilterMode(Qt.MatchFlag.MatchContains)
        self.setCaseSensitivity(Qt.CaseSensitivity.CaseInsensitive)

    def splitPath(self, path: str) -> list[str]:
        match = _LAST.match(path)
        assert match is not None
        self._before = match.group(1) or ""
        last = match.group(2)
        written = [last.casefold()] == [name for name in self._names if last.casefold() in name]
        return [_NOTHING if written else last]

    def pathFromIndex(self, index: QModelIndex | QPersistentModelIndex) -> str:
        return self._before + str(super().pathFromIndex(index))
