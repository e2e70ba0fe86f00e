"""What a gate found: scores before and after, pictures of what changed, names that were confused."""

from __future__ import annotations

import re
from collections.abc import Callable

from PySide6.QtCore import QEvent, QObject, QSize, Qt
from PySide6.QtGui import QPixmap, QResizeEvent
from PySide6.QtWidgets import (
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QPushButton,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from desktop.model.gate_report import Confusion, GateExample, GatePart, GateReport, GateRow
from desktop.panels.figure_table import Cell, figure_table, fill_table
from desktop.panels.training_words import TrainingWords, percent, signed_points

_BOX = re.compile(r"<box>.*?</box>")
_TAG = re.compile(r"</?ref>")
_SEVERAL = "(several)"
_LABEL_COLUMN = 1
"""Of the scores."""


class GateScores(QWidget):
    """Every row of both sets: all, by task, by label. name_of : a label's name for people.

    note : what was compared with what, and what the figures are.
    """

    def __init__(self, name_of: Callable[[str, str], str], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._name_of = name_of
        self._words = TrainingWords(self)
        self.table, self.note = figure_table(), QLabel()
        self.note.setObjectName("rowText")
        self.note.setWordWrap(True)
        self.note.setTextFormat(Qt.TextFormat.PlainText)
        self.table.viewport().installEventFilter(self)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 6, 0, 0)
        layout.addWidget(self.note)
        layout.addWidget(self.table)

    def show_report(self, report: GateReport | None) -> None:
        """None for a run whose gate has not been run."""
        self.note.setText("" if report is None else self._note(report))
        remembered = report is not None and report.base_test.remembered
        names = self.tr("Right names, mean overlap (IoU) of boxes")
        figures = f"{names}\n{self._tokens()}" if remembered else names
        interval = self.tr("The difference's 95 % confidence interval, by patients; none of one patient")
        heads: list[Cell] = [
            self.tr("Task"),
            self.tr("Label"),
            self.tr("Set"),
            (self.tr("n"), self.tr("Questions")),
            (self.tr("Before"), figures),
            (self.tr("After"), figures),
            self.tr("Points"),
            (self.tr("95 %"), interval),
        ]
        rows: list[list[Cell]] = []
        if report is not None:
            tested = (self.tr("base test, tokens"), self._tokens()) if remembered else self.tr("base test")
            sets: tuple[tuple[Cell, GatePart], ...] = (
                (self.tr("held out"), report.heldout),
                (tested, report.base_test),
            )
            # What matters first: all and each task of both, then the labels.
            for by_label in (False, True):
                for name, part in sets:
                    rows += [self._row(name, row) for row in part.rows if bool(row.label) is by_label]
        fill_table(self.table, heads, rows, words=3)
        self.table.horizontalHeader().setSectionResizeMode(0, QHeaderView.ResizeMode.ResizeToContents)
        self._fit()

    def _fit(self) -> None:
        """Give the labels what room is left; where none is, as much as they need, and the table scrolls."""
        table, header = self.table, self.table.horizontalHeader()
        # Not the header's own length: it is counted anew only later.
        columns = range(table.columnCount())
        wanted = sum(max(table.sizeHintForColumn(one), header.sectionSizeHint(one)) + 1 for one in columns)
        fits = wanted <= table.viewport().width()
        mode = QHeaderView.ResizeMode.Stretch if fits else QHeaderView.ResizeMode.ResizeToContents
        header.setSectionResizeMode(_LABEL_COLUMN, mode)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        # The table's own: it may be given another width than this has, and later.
        if event.type() == QEvent.Type.Resize and self.table.columnCount():
            self._fit()
        return super().eventFilter(watched, event)

    def _note(self, report: GateReport) -> str:
        with_ = report.compared_with or self.tr("the model alone")
        text = self.tr("Before: on what is held out, {0}; on the base test, the model alone.")
        said = [text.format(with_)]
        said += [self._tokens()] if report.base_test.remembered else []
        return " ".join(said)

    def _tokens(self) -> str:
        return self.tr(
            "Base test: the share of right tokens when the answer so far is right (teacher-forced), by what the model "
            "remembers of its own test; not right names or overlap of boxes."
        )

    def _row(self, name: Cell, row: GateRow) -> list[Cell]:
        bounds = "–" if row.interval is None else " … ".join(signed_points(one) for one in row.interval)
        return [
            self._words.task(row.task) if row.task else self.tr("All"),
            self._label(row.label),
            name,
            str(row.n),
            percent(row.before),
            percent(row.after),
            signed_points(row.difference),
            bounds,
        ]

    def _label(self, label: str) -> str:
        if label == _SEVERAL:
            return self.tr("(several)")
        return self._name_of(label, label) if label else self.tr("(all)")


class GateExamples(QWidget):
    """One question at a time: what was true, what was said before and after."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._words = TrainingWords(self)
        self._examples: tuple[GateExample, ...] = ()
        self._place = 0
        self.pictures = (_Picture(), _Picture())
        self.captions = (QLabel(), QLabel())
        self.asked, self._number = QLabel(), QLabel()
        self._number.setObjectName("rowText")
        for label in (self.asked, *self.captions):
            label.setWordWrap(True)
            # Models and people have written it.
            label.setTextFormat(Qt.TextFormat.PlainText)
        self.previous, self.following = QPushButton("‹"), QPushButton("›")
        row = QHBoxLayout()
        row.addWidget(self.asked, 1)
        row.addWidget(self._number)
        for button, step in ((self.previous, -1), (self.following, 1)):
            button.setAutoDefault(False)
            button.clicked.connect(lambda _=False, step=step: self._go(step))
            row.addWidget(button)
        sides = QHBoxLayout()
        for picture, caption in zip(self.pictures, self.captions, strict=True):
            column = QVBoxLayout()
            column.addWidget(caption)
            column.addWidget(picture, 1)
            sides.addLayout(column, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(row)
        layout.addLayout(sides, 1)
        self._retranslate()

    def show_report(self, report: GateReport | None) -> None:
        """None for a run whose gate has not been run."""
        self._examples = () if report is None else report.examples
        self._place = 0
        self._show()

    def _go(self, step: int) -> None:
        self._place = (self._place + step) % max(1, len(self._examples))
        self._show()

    def _show(self) -> None:
        count = len(self._examples)
        for button in (self.previous, self.following):
            button.setEnabled(count > 1)
        self._number.setText(f"{self._place + 1} / {count}" if count else "")
        if not count:
            self.asked.setText(self.tr("No held-out answer changed."))
            for picture, caption in zip(self.pictures, self.captions, strict=True):
                picture.set_picture(QPixmap())
                caption.clear()
            return
        one = self._examples[self._place]
        text = self.tr("{0}: {1} True: {2}. Green is true, orange was said, blue was asked about.")
        self.asked.setText(text.format(self._words.task(one.task), plain_words(one.asked), plain_words(one.truth)))
        sides = (self.tr("Before ({0}): {1}"), self.tr("After ({0}): {1}"))
        for side in (0, 1):
            self.captions[side].setText(sides[side].format(percent(one.scores[side]), plain_words(one.answers[side])))
            self.pictures[side].set_picture(QPixmap(str(one.pictures[side])))
            self.pictures[side].setAccessibleName(self.captions[side].text())

    def _retranslate(self) -> None:
        for button, text in ((self.previous, self.tr("Previous example")), (self.following, self.tr("Next example"))):
            button.setToolTip(text)
            button.setAccessibleName(text)

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.LanguageChange:
            self._retranslate()


class GateConfusion(QWidget):
    """Which true name was called what, before and after: what happened, the true names that are asked most first.

    A matrix of many names would be mostly empty, and wider than any screen. name_of : a label's name for people.
    """

    def __init__(self, name_of: Callable[[str, str], str], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._name_of = name_of
        self.table = figure_table()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.table)

    def show_report(self, report: GateReport | None) -> None:
        """None for a run whose gate has not been run."""
        heads: list[Cell] = [
            self.tr("True name"),
            self.tr("What it was called"),
            self.tr("Before"),
            self.tr("After"),
            (self.tr("Change"), self.tr("How much oftener it was called so")),
        ]
        found = None if report is None else report.heldout.confusion
        fill_table(self.table, heads, [] if found is None else self._rows(found), words=2)
        header = self.table.horizontalHeader()
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(1, QHeaderView.ResizeMode.Stretch)

    def _rows(self, found: Confusion) -> list[list[Cell]]:
        names = [*(self._name_of(name, name) for name in found.labels[:-1]), self.tr("(other)")]
        rows: list[list[Cell]] = []
        for true, name in enumerate(names):
            counts = {said: (found.before[true][said], found.after[true][said]) for said in range(len(names))}
            # The right name first, then what it was taken for most often. Two other names are not one name.
            right = true if true < len(names) - 1 else -1
            for said in sorted(counts, key=lambda said: (said != right, -sum(counts[said]))):
                before, after = counts[said]
                if before or after:
                    called = self.tr("{0} ✓").format(names[said]) if said == right else names[said]
                    change = f"{after - before:+d}" if after != before else ""
                    rows.append([name, called, str(before), str(after), change])
        return rows


def plain_words(text: str) -> str:
    """A question or an answer without the model's marks: the boxes are drawn in the picture."""
    return " ".join(_TAG.sub("", _BOX.sub("", text)).split())


class _Picture(QLabel):
    """A picture as large as there is room, in its own proportions."""

    def __init__(self) -> None:
        super().__init__()
        self._whole = QPixmap()
        self.setAlignment(Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignTop)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Ignored)

    def set_picture(self, picture: QPixmap) -> None:
        self._whole = picture
        self._fit()

    def sizeHint(self) -> QSize:
        return QSize(260, 260)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        if self._whole.isNull():
            self.clear()
            return
        how = Qt.TransformationMode.SmoothTransformation
        self.setPixmap(self._whole.scaled(self.size(), Qt.AspectRatioMode.KeepAspectRatio, how))
