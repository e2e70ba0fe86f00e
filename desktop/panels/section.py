"""A part of a panel under a heading that folds it away, so that what matters more has the room."""

from __future__ import annotations

from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QIcon, QPalette
from PySide6.QtWidgets import QSizePolicy, QToolButton, QVBoxLayout, QWidget

from desktop.model.folding import FoldingModel
from desktop.panels.chevron import chevron_picture


class Section(QWidget):
    """body : what is folded. name : under which a person's choice is remembered."""

    def __init__(self, body: QWidget, name: str, folding: FoldingModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._body = body
        self._name = name
        self._folding = folding
        self.header = QToolButton()
        self.header.setObjectName("sectionTitle")
        self.header.setCheckable(True)
        chosen = folding.choice(name)
        self.header.setChecked(chosen is None or chosen)
        self.header.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.header.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.header.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.header.clicked.connect(self._turn)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addWidget(self.header)
        layout.addWidget(body)
        self._follow()

    @property
    def is_open(self) -> bool:
        """Whether its body can be seen."""
        return self.header.isChecked()

    def set_title(self, title: str) -> None:
        """The heading."""
        self.header.setText(title)
        self.header.setToolTip(self.tr("Fold or unfold"))

    def set_open(self, on: bool) -> None:
        """Fold or unfold it, for this time only."""
        self.header.setChecked(on)
        self._follow()

    def suggest(self, on: bool) -> None:
        """Fold or unfold it unless a person has ever chosen."""
        if self._folding.choice(self._name) is None:
            self.set_open(on)

    def _turn(self, on: bool) -> None:
        self._follow()
        self._folding.choose(self._name, on)

    def _follow(self) -> None:
        self._body.setVisible(self.is_open)
        color = self.palette().color(QPalette.ColorRole.WindowText)
        self.header.setIcon(QIcon(chevron_picture(color, quarter_turns=0 if self.is_open else 3)))

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange:
            self._follow()
