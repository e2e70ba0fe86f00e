"""An answer that is being written, above those that are."""

from __future__ import annotations

from PySide6.QtCore import QEvent, Qt, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QSizePolicy, QVBoxLayout, QWidget

from desktop.model.slice_asking import SliceAskingModel
from desktop.panels.answer_words import AnswerWords, breakable
from engine.regional_cot import Arm


class WritingCard(QFrame):
    """Shown while a question is in work. cancelled : the person gives it up."""

    cancelled = Signal()

    def __init__(self, questions: SliceAskingModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("card")
        self._questions = questions
        self._words = AnswerWords(self)
        self.asked, self.text, self._state = QLabel(), QLabel(), QLabel()
        self.asked.setObjectName("cardTitle")
        self._state.setObjectName("cardHint")
        for label in (self.asked, self.text, self._state):
            label.setTextFormat(Qt.TextFormat.PlainText)
            label.setWordWrap(True)
            label.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.cancel = QPushButton()
        self.cancel.clicked.connect(self.cancelled)
        row = QHBoxLayout()
        row.addWidget(self._state, 1)
        row.addWidget(self.cancel)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(10, 8, 10, 8)
        for widget in (self.asked, self.text):
            layout.addWidget(widget)
        layout.addLayout(row)
        questions.written.connect(self.refresh)
        questions.idle.connect(self.refresh)
        self._retranslate()

    def refresh(self) -> None:
        """Show what is written so far."""
        run = self._questions.run
        self.setVisible(run is not None)
        if run is None:
            return
        text = self._questions.text
        self.asked.setText(self._words.asked(run.question.task, run.question.asked()))
        self.text.setText(breakable(text))
        self.text.setVisible(bool(text))
        if run.waits:
            state = self.tr("Waits for your newer question …")
        elif text:
            state = self.tr("Writing …")
        elif run.question.arm in (Arm.OWN, Arm.RANDOM) and not run.question.given:
            state = self.tr("Looking for regions first …")
        else:
            state = self.tr("Asking the model …")
        place = self.tr("slice {0}").format(run.index + 1)
        self._state.setText(f"{state} · {place}")

    def _retranslate(self) -> None:
        self.cancel.setText(self.tr("Cancel"))
        self.cancel.setToolTip(self.tr("Give up this question (Esc)"))
        self.refresh()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.LanguageChange:
            self._retranslate()
