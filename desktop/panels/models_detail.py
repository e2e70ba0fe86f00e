"""What is known of one model: size, licence, where it comes from, measured scores, its card."""

from __future__ import annotations

from PySide6.QtCore import Qt, QUrl
from PySide6.QtWidgets import QFormLayout, QLabel, QTextBrowser, QVBoxLayout, QWidget

from desktop.panels.score_words import ScoreWords
from engine.runtime import ModelManifest

_HASH_LETTERS = 16


def size_text(bytes_: int) -> str:
    """Bytes for people, in powers of ten as disks are sold."""
    return f"{bytes_ / 1e9:.1f} GB" if bytes_ >= 1e9 else f"{bytes_ / 1e6:.1f} MB"


class _CardView(QTextBrowser):
    """Markdown of people: it opens no link and loads no picture from anywhere."""

    def __init__(self) -> None:
        super().__init__()
        self.setOpenLinks(False)

    def loadResource(self, type: int, name: QUrl | str) -> object:
        return None


class ModelDetail(QWidget):
    """Rows of facts above the card. card : the view of it."""

    def __init__(self) -> None:
        super().__init__()
        self._name = _plain("", selectable=True)
        self._name.setObjectName("cardTitle")
        self._words = ScoreWords(self)
        self._facts = QFormLayout()
        self._facts.setLabelAlignment(Qt.AlignmentFlag.AlignLeft)
        self.card = _CardView()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._name)
        layout.addLayout(self._facts)
        layout.addWidget(self.card, 1)

    def show_model(self, manifest: ModelManifest, card: str) -> None:
        """Show a model. card : Markdown, "" for none."""
        self._name.setText(f"{manifest.name} · {manifest.version}")
        while self._facts.rowCount():
            self._facts.removeRow(0)
        unknown = self.tr("not stated")
        facts = [
            (self.tr("Size"), size_text(manifest.bytes)),
            (self.tr("Licence"), manifest.licence or unknown),
            (self.tr("Writes boxes as"), manifest.dialect),
            (self.tr("Hash"), manifest.sha256[:_HASH_LETTERS]),
            (self.tr("Folder"), str(manifest.folder)),
        ]
        facts += self._words.model(manifest) or [(self.tr("Scores"), self.tr("none measured"))]
        for label, value in facts:
            self._facts.addRow(_plain(label), _plain(value, selectable=True))
        self.card.setMarkdown(card or self.tr("This model has no card."))


def _plain(text: str, *, selectable: bool = False) -> QLabel:
    label = QLabel(text)
    # From files of anybody: never markup.
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setWordWrap(selectable)
    if selectable:
        label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    return label
