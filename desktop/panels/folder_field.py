"""A folder, typed or chosen."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QLabel, QLineEdit, QPushButton, QWidget


class FolderField(QWidget):
    """A folder of data, typed or chosen; empty for what is used without one. name : its label."""

    def __init__(self) -> None:
        super().__init__()
        self.name = QLabel()
        self.edit = QLineEdit()
        self.edit.setClearButtonEnabled(True)
        self.name.setBuddy(self.edit)
        self._choose = QPushButton()
        self._choose.setAutoDefault(False)
        self._choose.clicked.connect(lambda _=False: self._ask())
        self._title = ""
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.edit, 1)
        layout.addWidget(self._choose)

    @property
    def folder(self) -> Path | None:
        """None while it is empty."""
        text = self.edit.text().strip()
        return Path(text) if text else None

    def set_texts(self, name: str, without: str, choose: str, title: str) -> None:
        """In the language of the interface. without : what is used while it is empty."""
        self._title = title
        self.name.setText(name)
        self.name.setToolTip(title)
        self.edit.setPlaceholderText(without)
        self._choose.setText(choose)
        self._choose.setAccessibleName(title)

    def _ask(self) -> None:
        chosen = QFileDialog.getExistingDirectory(self, self._title, self.edit.text())
        if chosen:
            self.edit.setText(chosen)
