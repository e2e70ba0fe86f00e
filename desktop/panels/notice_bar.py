"""What went wrong, over the views, until the person has seen it: a status line that fades is not enough."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import QEvent, Qt
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QToolButton, QWidget

from desktop.error_texts import shown_error


class NoticeBar(QFrame):
    """One notice, as long as it needs to be; a newer one takes its place."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("noticeBar")
        self._said = ""
        self._text = QLabel()
        self._text.setWordWrap(True)
        # What files say of themselves is shown, never obeyed.
        self._text.setTextFormat(Qt.TextFormat.PlainText)
        self._text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._close = QToolButton()
        self._close.setText("×")
        self._close.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._close.clicked.connect(self.hide)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(12, 6, 6, 6)
        layout.addWidget(self._text, 1)
        self._buttons = QHBoxLayout()
        layout.addLayout(self._buttons)
        layout.addWidget(self._close, 0, Qt.AlignmentFlag.AlignTop)
        self._retranslate()
        self.hide()

    @property
    def text(self) -> str:
        """What it says, "" when it says nothing."""
        return "" if self.isHidden() else self._text.text()

    def show_notice(self, text: str, deeds: Sequence[tuple[str, Callable[[], object]]] = ()) -> None:
        """Say it until it is closed or something newer comes. deeds : buttons, by their words, that also close it.

        A message of the engine is said in the interface's language.
        """
        self._said = text
        self._text.setText(shown_error(text))
        while (item := self._buttons.takeAt(0)) is not None:
            button = item.widget()
            assert button is not None
            button.deleteLater()
        for words, deed in deeds:
            button = QPushButton(words)
            button.setFocusPolicy(Qt.FocusPolicy.NoFocus)
            button.clicked.connect(self.hide)
            button.clicked.connect(lambda _=False, deed=deed: deed())
            self._buttons.addWidget(button)
        self.show()

    def _retranslate(self) -> None:
        self._close.setToolTip(self.tr("Close this notice"))
        self._text.setText(shown_error(self._said))

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.LanguageChange:
            self._retranslate()
