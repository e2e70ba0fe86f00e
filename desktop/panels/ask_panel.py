"""Ask and report: put a question about the slice on screen, see it answered, judge the answer."""

from __future__ import annotations

from PySide6.QtCore import QEvent, Qt, QTimer, Signal
from PySide6.QtGui import QGuiApplication, QKeyEvent
from PySide6.QtWidgets import (
    QHBoxLayout,
    QLabel,
    QPushButton,
    QScrollArea,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from desktop.model.session import ViewerModels
from desktop.panels.answer_card import AnswerCard
from desktop.panels.answer_words import AnswerWords
from desktop.panels.question_form import QuestionForm
from desktop.panels.writing_card import WritingCard
from engine.protocol import X_RAY, Language, Located, Task
from engine.report_lines import ReportLine
from engine.store import AnswerRow, DecisionKind


class AskPanel(QWidget):
    """done : the view should have the keyboard again. language_toggled : ask in the other language.

    said : a line for the person. form : the question. answers : cards, the newest first.
    """

    done = Signal()
    language_toggled = Signal()
    said = Signal(str)

    def __init__(self, models: ViewerModels, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._models = models
        self._words = AnswerWords(self)
        self.answers: list[AnswerCard] = []
        self.form = QuestionForm(self._given)
        self.ask, self.language = QPushButton(), QToolButton()
        self.warning, self._empty = QLabel(), QLabel()
        self.warning.setObjectName("problem")
        self._empty.setObjectName("hint")
        for label in (self.warning, self._empty):
            label.setTextFormat(Qt.TextFormat.PlainText)
            label.setWordWrap(True)
            label.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.writing = WritingCard(models.questions)
        self._column = QVBoxLayout()
        self._build()
        self._connect()
        self._retranslate()

    def _build(self) -> None:
        row = QHBoxLayout()
        row.addWidget(self.language)
        row.addWidget(self.ask, 1)
        content = QWidget()
        content.setLayout(self._column)
        self._column.setContentsMargins(0, 0, 4, 0)
        self._column.addWidget(self.writing)
        self._column.addWidget(self._empty)
        self._column.addStretch(1)
        area = QScrollArea()
        area.setWidget(content)
        area.setWidgetResizable(True)
        area.setFrameShape(QScrollArea.Shape.NoFrame)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._area = area
        layout = QVBoxLayout(self)
        layout.setContentsMargins(8, 8, 8, 8)
        layout.addWidget(self.form)
        layout.addWidget(self.warning)
        layout.addLayout(row)
        layout.addWidget(area, 1)

    def _connect(self) -> None:
        models, questions = self._models, self._models.questions
        self.form.submitted.connect(self._ask)
        self.form.left.connect(self._leave)
        self.form.changed.connect(self._show_warning)
        self.ask.clicked.connect(self._ask)
        self.language.clicked.connect(self.language_toggled)
        self.writing.cancelled.connect(questions.cancel)
        questions.changed.connect(self.refresh)
        questions.written.connect(self._show_state)
        questions.idle.connect(self._show_state)
        models.regions.selected.connect(self._mark)
        models.hints.under_changed.connect(self._mark)
        models.asking.model_changed.connect(self._model_changed)
        models.viewing.opened.connect(self._offer)
        models.labels.changed.connect(self._offer)
        self._area.verticalScrollBar().rangeChanged.connect(self._follow_correction)

    def focus_form(self) -> None:
        """Begin with the question."""
        if self._models.asking.refusal:
            self._models.asking.refused.emit(self._models.asking.refusal)
            return
        self.form.focus_first()

    def language_changed(self) -> None:
        """Questions are asked in another language."""
        self._retranslate()

    def refresh(self) -> None:
        """Show the answers about the slice on screen."""
        if not self.isVisible():
            return
        questions = self._models.questions
        wanted = [(answer, questions.lines(answer)) for answer in reversed(questions.answers())]
        old = self.answers
        if [card.shows for card in old] != wanted:
            self._models.hints.point(())
            self.answers = [
                next((card for card in old if card.shows == shows), None) or self._card(*shows) for shows in wanted
            ]
            for place, card in enumerate(self.answers, start=1):
                # Under the one that is being written.
                self._column.insertWidget(place, card)
            gone = [card for card in old if card not in self.answers]
            for card in gone:
                self._column.removeWidget(card)
                card.hide()
                card.deleteLater()
            self._mark()
            for card in gone:
                # Turning to another slice must not lose what was typed about this one.
                if text := card.unsaved:
                    self._judge(card.answer, DecisionKind.EDITED, text)
        self._show_state()

    def _card(self, answer: AnswerRow, lines: tuple[ReportLine, ...]) -> AnswerCard:
        card = AnswerCard(answer, lines)
        card.judged.connect(lambda kind, text: self._judge(answer, kind, text))
        card.pointed.connect(self._models.hints.point)
        card.chosen.connect(self._choose)
        card.copy_wanted.connect(self._copy)
        card.correct.clicked.connect(self._follow_correction)
        return card

    def _follow_correction(self) -> None:
        """Whatever grows or shrinks, what keeps the correction in work is seen under its field.

        Later: the list is laid out in several passes, and only its last says where anything is.
        """
        QTimer.singleShot(0, self, self._show_correction)

    def _show_correction(self) -> None:
        # Of the window, which may not be the active one.
        written = self.window().focusWidget()
        for card in self.answers:
            if card.edit is written and card.edit.isVisible():
                self._area.ensureWidgetVisible(card.save)

    def _given(self) -> tuple[Located, ...]:
        """The selected region, or all of the slice that have a name."""
        regions, language = self._models.regions, self._models.asking.language.value
        selected = regions.selected_row
        rows = regions.rows if selected is None else [selected]
        boxes: dict[str, list[object]] = {}
        for row in rows:
            if row.label is not None:
                boxes.setdefault(row.label.name(language) or row.label.en, []).append(row.box)
        return tuple(Located(name, tuple(some)) for name, some in boxes.items())  # type: ignore[arg-type]

    def _ask(self) -> None:
        question = self.form.question(self._models.asking.language)
        if self._models.questions.ask(question):
            self._area.verticalScrollBar().setValue(0)

    def _leave(self) -> None:
        """Esc: the question in work, or else back to the image."""
        if self._models.questions.busy:
            self._models.questions.cancel()
        else:
            self.done.emit()

    def _judge(self, answer: AnswerRow, kind: DecisionKind, text: str) -> None:
        self._models.questions.judge(answer, kind, text)

    def _choose(self, root_id: int) -> None:
        self._models.regions.select(root_id)
        self.done.emit()

    def _copy(self, text: str) -> None:
        QGuiApplication.clipboard().setText(text)
        self.said.emit(self.tr("The answer was copied"))

    def _mark(self) -> None:
        models = self._models
        under = models.hints.under
        for card in self.answers:
            card.mark(models.regions.selected_root if under is None else under)

    def _show_state(self) -> None:
        refusal = self._models.asking.refusal
        self.ask.setEnabled(not refusal)
        self.ask.setToolTip(refusal)
        busy = self._models.questions.busy
        self._empty.setVisible(not self.answers and not busy)
        self._empty.setText(refusal or self.tr("Answers about this slice are kept here."))

    def _show_warning(self) -> None:
        manifest = self._models.asking.manifest_for(self.form.task)
        knows = manifest.knows(self.form.task.value)
        self.warning.setText("" if knows else self._words.untrained(manifest.id))
        self.warning.setVisible(not knows)

    def _model_changed(self) -> None:
        self._show_warning()
        self._offer()

    def _offer(self) -> None:
        models = self._models
        volume, language = models.viewing.volume, models.asking.language.value
        usual = tuple(entry.label.name(language) for entry in models.labels.scheme)
        names = models.asking.labels_for(Task.TEXT_TO_REGION)
        self.form.offer(names, usual, volume is not None and volume.modality in X_RAY)

    def _retranslate(self) -> None:
        self.ask.setText(self.tr("Ask"))
        self.language.setText("中文" if self._models.asking.language is Language.ZH else "EN")
        self.language.setToolTip(self.tr("Language of the question and the answer (L in the image)"))
        self._show_warning()
        self._show_state()
        self._offer()

    def showEvent(self, event: object) -> None:
        super().showEvent(event)  # type: ignore[arg-type]
        self._models.hints.wanted = True
        self.refresh()

    def hideEvent(self, event: object) -> None:
        super().hideEvent(event)  # type: ignore[arg-type]
        self._models.hints.wanted = False
        self._models.hints.point(())
        self._models.hints.mouse_over(None)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self._leave()
        else:
            super().keyPressEvent(event)

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.LanguageChange:
            self._retranslate()
