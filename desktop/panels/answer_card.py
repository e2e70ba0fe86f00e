"""One answer about a slice: what was asked, what was said, and what a person thinks of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import QEvent, QObject, Qt, Signal
from PySide6.QtGui import QEnterEvent, QKeyEvent, QMouseEvent
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QPlainTextEdit,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from desktop.panels.answer_words import AnswerWords, breakable
from engine.protocol import Language, Task
from engine.report_lines import ReportLine
from engine.store import AnswerRow, DecisionKind

_ENTER = (Qt.Key.Key_Return, Qt.Key.Key_Enter)
_EDIT_LINES = 6


class LineLabel(QLabel):
    """One sentence of a grounded report. pointed : the mouse is over it, or no longer. chosen : it was clicked."""

    pointed = Signal(bool)
    chosen = Signal()

    def __init__(self, line: ReportLine) -> None:
        super().__init__()
        self.line = line
        self.setObjectName("reportLine")
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setWordWrap(True)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        if line.roots:
            self.setCursor(Qt.CursorShape.PointingHandCursor)
            # By keyboard too: Tab goes from sentence to sentence, Enter to the region.
            self.setFocusPolicy(Qt.FocusPolicy.TabFocus)

    def set_pointed(self, pointed: bool) -> None:
        """Mark it, as its regions are."""
        if self.property("pointed") != pointed:
            self.setProperty("pointed", pointed)
            self.style().unpolish(self)
            self.style().polish(self)

    def enterEvent(self, event: QEnterEvent) -> None:
        super().enterEvent(event)
        self.pointed.emit(True)

    def leaveEvent(self, event: QEvent) -> None:
        super().leaveEvent(event)
        self.pointed.emit(False)

    def focusInEvent(self, event: Any) -> None:
        super().focusInEvent(event)
        self.pointed.emit(True)

    def focusOutEvent(self, event: Any) -> None:
        super().focusOutEvent(event)
        self.pointed.emit(False)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() is Qt.MouseButton.LeftButton and self.line.roots:
            self.chosen.emit()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in _ENTER and self.line.roots:
            self.chosen.emit()
        else:
            super().keyPressEvent(event)


class AnswerCard(QFrame):
    """judged : what the person thinks, and their text. pointed : root ids of a sentence under the mouse, or none.

    chosen : the root id of a sentence's first region. copy_wanted : the answer's text. lines : of a grounded report.
    """

    judged = Signal(object, str)
    pointed = Signal(object)
    chosen = Signal(int)
    copy_wanted = Signal(str)

    def __init__(self, answer: AnswerRow, lines: Sequence[ReportLine], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("card")
        self.answer = answer
        self._report = tuple(lines)
        self._words = AnswerWords(self)
        self.asked, self.warning, self.body, self.verdict = (_text() for _ in range(4))
        self.asked.setObjectName("cardTitle")
        self.warning.setObjectName("problem")
        self.verdict.setObjectName("verdict")
        self._source = _text()
        self._source.setObjectName("cardHint")
        self.prompt = _text()
        self.prompt.setObjectName("cardHint")
        self.prompt.hide()
        self.lines = [LineLabel(line) for line in self._report]
        self.edit = QPlainTextEdit()
        self.edit.setFixedHeight(self.edit.fontMetrics().lineSpacing() * _EDIT_LINES + 16)
        self.edit.installEventFilter(self)
        self.edit.hide()
        self.right, self.wrong, self.correct, self.save, self.copy, self.show_prompt = (QToolButton() for _ in range(6))
        self._lay_out()
        self._retranslate()

    def _lay_out(self) -> None:
        layout = QVBoxLayout(self)
        layout.setContentsMargins(10, 8, 10, 8)
        layout.setSpacing(5)
        layout.addWidget(self.asked)
        layout.addWidget(self.warning)
        for line in self.lines:
            line.pointed.connect(lambda on, line=line: self.pointed.emit(line.line.roots if on else ()))
            line.chosen.connect(lambda line=line: self.chosen.emit(line.line.roots[0]))
            layout.addWidget(line)
        for widget in (self.body, self.edit, self.verdict, self._source, self.prompt):
            layout.addWidget(widget)
        for button, deed in (
            (self.right, lambda: self.judged.emit(DecisionKind.ACCEPTED, "")),
            (self.wrong, lambda: self.judged.emit(DecisionKind.REJECTED, "")),
            (self.correct, self._begin_correcting),
            (self.save, self._save),
            (self.copy, self._copy),
            (self.show_prompt, lambda: self.prompt.setVisible(self.show_prompt.isChecked())),
        ):
            button.setObjectName("cardButton")
            button.clicked.connect(lambda _=False, deed=deed: deed())
        for button in (self.right, self.wrong, self.show_prompt):
            button.setCheckable(True)
        self.save.hide()
        for buttons in ((self.right, self.wrong, self.correct, self.save), (self.copy, self.show_prompt)):
            row = QHBoxLayout()
            row.setSpacing(4)
            for button in buttons:
                row.addWidget(button)
            row.addStretch(1)
            layout.addLayout(row)

    @property
    def shows(self) -> tuple[AnswerRow, tuple[ReportLine, ...]]:
        """What it was made of."""
        return self.answer, self._report

    @property
    def unsaved(self) -> str:
        """A correction that is typed and not kept yet, "" for none."""
        document = self.edit.document()
        return self.edit.toPlainText() if self.edit.isVisibleTo(self) and document.isModified() else ""

    def mark(self, root_id: int | None) -> None:
        """Mark the sentences that are about a region."""
        for line in self.lines:
            line.set_pointed(root_id is not None and root_id in line.line.roots)

    def _begin_correcting(self) -> None:
        verdict = self.answer.verdict
        said = "\n".join(line.text for line in self._report) or self.answer.suggestion.text
        self.edit.setPlainText(verdict.text if verdict is not None and verdict.text else said)
        self._show_edit(True)
        self.edit.setFocus()

    def _show_edit(self, shown: bool) -> None:
        self.edit.setVisible(shown)
        self.save.setVisible(shown)
        self.correct.setVisible(not shown)

    def _save(self) -> None:
        self.edit.document().setModified(False)
        self.judged.emit(DecisionKind.EDITED, self.edit.toPlainText())

    def _copy(self) -> None:
        self.copy_wanted.emit(self._words.copied(self.answer, self._report))

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Of the correction: Ctrl+Enter keeps it, Esc gives it up."""
        if watched is not self.edit or not isinstance(event, QKeyEvent):
            return False
        keeps = event.key() in _ENTER and bool(event.modifiers() & Qt.KeyboardModifier.ControlModifier)
        if event.type() == QEvent.Type.ShortcutOverride and keeps:
            event.accept()
            return True
        if event.type() != QEvent.Type.KeyPress:
            return False
        if keeps:
            self._save()
        elif event.key() == Qt.Key.Key_Escape:
            self._show_edit(False)
            self.correct.setFocus()
        else:
            return False
        return True

    def _retranslate(self) -> None:
        answer, words = self.answer, self._words
        said, language = answer.suggestion, Language(answer.suggestion.language)
        self.asked.setText(breakable(words.asked(Task(said.task), dict(answer.asked))))
        warnings = words.warnings(answer)
        self.warning.setText("\n".join(warnings))
        self.warning.setVisible(bool(warnings))
        for label in self.lines:
            label.setText(breakable(label.line.text))
        self.body.setVisible(not self.lines)
        self.body.setText(breakable(words.body(answer)))
        self._show_verdict()
        adapter = f" + {said.adapter}" if said.adapter else ""
        tongue = "中文" if language is Language.ZH else "EN"
        self._source.setText(f"{said.model_id}{adapter} · {tongue} · {said.latency_ms / 1000:.1f} s")
        self.prompt.setText(breakable(said.prompt))
        for button, text, tip in (
            (self.right, self.tr("Right"), self.tr("The answer is right")),
            (self.wrong, self.tr("Wrong"), self.tr("The answer is wrong")),
            (self.correct, self.tr("Correct …"), self.tr("Write what should have been said")),
            (self.save, self.tr("Keep"), self.tr("Keep your text (Ctrl+Enter); Esc gives it up")),
            (self.copy, self.tr("Copy"), self.tr("Copy the answer, with its model, to the clipboard")),
            (self.show_prompt, self.tr("Prompt"), self.tr("The very words the model was asked with")),
        ):
            button.setText(text)
            button.setToolTip(tip)

    def _show_verdict(self) -> None:
        verdict = self.answer.verdict
        kind = None if verdict is None else verdict.kind
        self.right.setChecked(kind is DecisionKind.ACCEPTED)
        self.wrong.setChecked(kind is DecisionKind.REJECTED)
        said = {
            DecisionKind.ACCEPTED: self.tr("Right, says {0}"),
            DecisionKind.REJECTED: self.tr("Wrong, says {0}"),
            DecisionKind.EDITED: self.tr("Corrected by {0}:"),
        }
        self.verdict.setVisible(verdict is not None)
        if verdict is not None:
            line = said[verdict.kind].format(verdict.who)
            self.verdict.setText(f"{line}\n{verdict.text}" if verdict.text else line)

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.LanguageChange:
            self._retranslate()


def _text() -> QLabel:
    """Words of models and people: never markup, and to be copied."""
    label = QLabel()
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setWordWrap(True)
    label.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
    label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    return label
