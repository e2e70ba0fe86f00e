"""What to ask about the slice: a question in words, a report, a grounded report, a diagnosis."""

from __future__ import annotations

import re
from collections.abc import Callable

from PySide6.QtCore import QEvent, QObject, Qt, Signal
from PySide6.QtGui import QKeyEvent, QResizeEvent
from PySide6.QtWidgets import (
    QButtonGroup,
    QCheckBox,
    QComboBox,
    QGridLayout,
    QLabel,
    QLineEdit,
    QPlainTextEdit,
    QSizePolicy,
    QStackedWidget,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from desktop.model.slice_question import COT_TASKS, SliceQuestion
from desktop.panels.choice_box import ChoiceBox
from desktop.panels.names_completer import NamesCompleter
from desktop.panels.regions_first import RegionsFirst
from engine.found import split_names
from engine.protocol import AnswerForm, Grounding, Language, Located, Recognition, Task
from engine.regions import LabelSet

KINDS = (Task.VQA, Task.REPORT, Task.GROUNDED_REPORT, Task.DIAGNOSIS)
_FORMS = (AnswerForm.PHRASE, AnswerForm.SENTENCES, AnswerForm.YES_NO, AnswerForm.OPTION)
_GROUNDINGS = (Grounding.ORGAN, Grounding.LESION, Grounding.CHEST)
_RECOGNITIONS = (Recognition.DISEASE, Recognition.ORGAN, Recognition.TISSUE)
_ENTER = (Qt.Key.Key_Return, Qt.Key.Key_Enter)
_PARTS = re.compile("[,，;；、\n]")
_TEXT_LINES = 3


class QuestionForm(QWidget):
    """changed : another kind of question. submitted : Enter, or Ctrl+Enter where a text has lines. left : Esc.

    kinds : a button for each task. regions : for the second of two passes, the regions of the slice.
    """

    changed = Signal()
    submitted = Signal()
    left = Signal()

    def __init__(self, given: Callable[[], tuple[Located, ...]], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.kinds: dict[Task, QToolButton] = {}
        self._group = QButtonGroup(self)
        self._pages = QStackedWidget()
        self.text, self.options = QPlainTextEdit(), QLineEdit()
        self.form, self.grounding, self.recognition = ChoiceBox(), ChoiceBox(), ChoiceBox()
        self.names = QLineEdit()
        self.labels, self.several, self.none_label = QPlainTextEdit(), QCheckBox(), QLineEdit()
        self.first = RegionsFirst(given)
        self._hints = {task: _hint() for task in KINDS}
        self._build()
        self.kinds[Task.VQA].setChecked(True)
        self._retranslate()
        self._follow()

    def _build(self) -> None:
        # Two to a row, so that the panel stays narrow.
        grid = QGridLayout()
        grid.setSpacing(4)
        pages = {
            Task.VQA: (self.text, self.form, self.options),
            Task.REPORT: (),
            Task.GROUNDED_REPORT: (self.names, self.grounding),
            Task.DIAGNOSIS: (self.labels, self.several, self.none_label, self.recognition),
        }
        for number, task in enumerate(KINDS):
            button = QToolButton()
            button.setObjectName("sideButton")
            button.setCheckable(True)
            button.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
            button.clicked.connect(self._follow)
            self.kinds[task] = button
            self._group.addButton(button)
            grid.addWidget(button, number // 2, number % 2)
            self._pages.addWidget(_page(*pages[task], self._hints[task]))
        for edit in (self.text, self.labels):
            edit.setTabChangesFocus(True)
            edit.setFixedHeight(edit.fontMetrics().lineSpacing() * _TEXT_LINES + 16)
        for line in (self.options, self.names, self.none_label):
            line.returnPressed.connect(self.submitted)
        for widget in (self.text, self.labels, self.options, self.names, self.none_label, self.form, self.grounding):
            widget.installEventFilter(self)
        self.form.currentIndexChanged.connect(self._follow)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(grid)
        layout.addWidget(self._pages)
        layout.addWidget(self.first)

    @property
    def task(self) -> Task:
        """What kind of question is chosen."""
        return next(task for task, button in self.kinds.items() if button.isChecked())

    def choose(self, task: Task) -> None:
        """Another kind of question."""
        self.kinds[task].setChecked(True)
        self._follow()

    def question(self, language: Language) -> SliceQuestion:
        """What the fields say."""
        task = self.task
        arm = self.first.arm
        if task is Task.VQA:
            form = _FORMS[self.form.currentIndex()]
            question = SliceQuestion(
                task,
                language,
                text=self.text.toPlainText().strip(),
                form=form,
                options=_parts(self.options.text()) if form is AnswerForm.OPTION else (),
            )
        elif task is Task.DIAGNOSIS:
            none = self.none_label.text().strip()
            labels = _parts(self.labels.toPlainText())
            question = SliceQuestion(
                task,
                language,
                options=labels if not none or none in labels else (*labels, none),
                several=self.several.isChecked(),
                none_label=none,
                recognition=_RECOGNITIONS[self.recognition.currentIndex()],
            )
        elif task is Task.GROUNDED_REPORT:
            names = tuple(split_names(self.names.text()))
            question = SliceQuestion(task, language, names=names, grounding=_GROUNDINGS[self.grounding.currentIndex()])
        else:
            return SliceQuestion(task, language)
        return self.first.added_to(question, arm) if task in COT_TASKS else question

    def focus_first(self) -> None:
        """Begin with the field that matters most."""
        fields = {Task.VQA: self.text, Task.GROUNDED_REPORT: self.names, Task.DIAGNOSIS: self.labels}
        field = fields.get(self.task, self.kinds[self.task])
        field.setFocus()
        if isinstance(field, QLineEdit | QPlainTextEdit):
            field.selectAll()

    def offer(self, finding: LabelSet, usual: tuple[str, ...], modality_is_x_ray: bool) -> None:
        """What the model finds completes names; usual : labels to choose from where none are typed yet."""
        both = [name for label in finding for name in (label.en, label.zh)]
        self.names.setCompleter(NamesCompleter(both, self.names))
        if not self.labels.toPlainText().strip():
            self.labels.setPlaceholderText(self._labels_hint() + "\n" + ", ".join(usual[:3]))
        if modality_is_x_ray and self.grounding.currentIndex() == 0:
            self.grounding.setCurrentIndex(_GROUNDINGS.index(Grounding.CHEST))

    def _follow(self) -> None:
        task = self.task
        self._pages.setCurrentIndex(KINDS.index(task))
        self.options.setVisible(_FORMS[self.form.currentIndex()] is AnswerForm.OPTION)
        # A stack is as high as its highest page; this one is as high as the page that is shown.
        for number in range(self._pages.count()):
            shown = number == self._pages.currentIndex()
            vertical = QSizePolicy.Policy.Preferred if shown else QSizePolicy.Policy.Ignored
            page = self._pages.widget(number)
            assert page is not None
            page.setSizePolicy(QSizePolicy.Policy.Preferred, vertical)
        self._fit()
        self.first.setVisible(task in COT_TASKS)
        self.changed.emit()

    def _fit(self) -> None:
        """Leave no more room for the page than its words take in lines of this width."""
        page = self._pages.currentWidget()
        layout = None if page is None else page.layout()
        if page is not None and layout is not None:
            wraps = layout.hasHeightForWidth()
            height = layout.totalHeightForWidth(self.width()) if wraps else page.sizeHint().height()
            self._pages.setMaximumHeight(height)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Enter asks, Shift+Enter is a new line; in the list of labels it is the other way round, with Ctrl."""
        if not isinstance(event, QKeyEvent):
            return False
        key, with_ctrl = event.key(), bool(event.modifiers() & Qt.KeyboardModifier.ControlModifier)
        asks = key in _ENTER and (with_ctrl or (watched is self.text and not event.modifiers()))
        if event.type() == QEvent.Type.ShortcutOverride and asks:
            # Ctrl+Enter hands a task in elsewhere.
            event.accept()
            return True
        if event.type() != QEvent.Type.KeyPress:
            return False
        if asks:
            self.submitted.emit()
        elif key == Qt.Key.Key_Escape:
            self.left.emit()
        else:
            return False
        return True

    def _labels_hint(self) -> str:
        return self.tr("Possible labels, one a line or with commas")

    def _retranslate(self) -> None:
        for task, text in (
            (Task.VQA, self.tr("Question")),
            (Task.REPORT, self.tr("Report")),
            (Task.GROUNDED_REPORT, self.tr("Grounded report")),
            (Task.DIAGNOSIS, self.tr("Diagnosis")),
        ):
            self.kinds[task].setText(text)
        self.text.setPlaceholderText(self.tr("Ask anything about this slice. Enter asks."))
        self.options.setPlaceholderText(self.tr("Options, with commas between them"))
        self.names.setPlaceholderText(self.tr("What to describe; everything when empty"))
        self.labels.setPlaceholderText(self._labels_hint())
        self.none_label.setPlaceholderText(self.tr("The label for none of them, if any"))
        self.several.setText(self.tr("Several may hold"))
        _fill(
            self.form,
            (
                self.tr("Answer: a word or phrase"),
                self.tr("Answer: sentences"),
                self.tr("Answer: yes or no"),
                self.tr("Answer: one of these options"),
            ),
        )
        _fill(self.grounding, (self.tr("Organs"), self.tr("Lesions"), self.tr("Chest X-ray")))
        _fill(
            self.recognition, (self.tr("These are diseases"), self.tr("These are organs"), self.tr("These are tissues"))
        )
        self._hints[Task.REPORT].setText(self.tr("Findings and impression of this slice."))
        self._hints[Task.GROUNDED_REPORT].setText(
            self.tr("Each sentence points at its regions, which become suggestions.")
        )
        for task in (Task.VQA, Task.DIAGNOSIS):
            self._hints[task].hide()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.LanguageChange:
            self._retranslate()


def _page(*widgets: QWidget) -> QWidget:
    page = QWidget()
    column = QVBoxLayout(page)
    column.setContentsMargins(0, 0, 0, 0)
    column.setSpacing(4)
    for widget in widgets:
        column.addWidget(widget)
    column.addStretch(1)
    return page


def _hint() -> QLabel:
    label = QLabel()
    label.setObjectName("hint")
    label.setWordWrap(True)
    return label


def _fill(combo: QComboBox, texts: tuple[str, ...]) -> None:
    chosen = max(0, combo.currentIndex())
    combo.blockSignals(True)
    combo.clear()
    combo.addItems(list(texts))
    combo.setCurrentIndex(chosen)
    combo.blockSignals(False)


def _parts(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(part.strip() for part in _PARTS.split(text) if part.strip()))
