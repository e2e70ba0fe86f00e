"""What there is to learn from, which of it is wanted, and the button that freezes and trains."""

from __future__ import annotations

import datetime
from collections.abc import Callable

from PySide6.QtCore import QDate, QEvent, QLocale, QSignalBlocker, Qt, QTimer, Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from desktop.error_texts import shown_error
from desktop.model.corrections import CorrectionCounts, CorrectionsModel, utc_bounds
from desktop.model.training_folder import Nameless, RunOptions
from desktop.panels.choice_box import ChoiceBox
from desktop.panels.figure_table import Cell, figure_table, fill_table
from desktop.panels.filter_fields import ChoiceField, DayField, NumberField
from desktop.panels.folder_field import FolderField
from desktop.panels.training_words import TrainingWords
from engine.feedback.corrections import CorrectionFilter
from engine.regions import Label

_LATER_MS = 400
_ANYTHING = ""
_FEWEST_PATIENTS = 2


class TrainingCorrections(QWidget):
    """start_wanted : `RunOptions`; the button was pressed. language : "en" or "zh", of labels.

    annotator, label, modality, approved, since, until : the filter. heldout, steps, replay, base_test, nameless : how
    it is trained. summary, table : what passes. start : the button.
    """

    start_wanted = Signal(object)

    def __init__(self, model: CorrectionsModel, language: Callable[[], str], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._model = model
        self._language = language
        self._words = TrainingWords(self)
        self._counts: CorrectionCounts | None = None
        self._busy = False
        self.summary, self.problem, self._hint = QLabel(), QLabel(), QLabel()
        for label, name in ((self.summary, "panelTitle"), (self.problem, "problem"), (self._hint, "hint")):
            label.setObjectName(name)
            label.setWordWrap(True)
            label.setTextFormat(Qt.TextFormat.PlainText)
        self.annotator, self.label, self.modality = ChoiceField(), ChoiceField(), ChoiceField()
        self.approved = QCheckBox()
        self.since, self.until = QCheckBox(), QCheckBox()
        today = QDate.currentDate()
        self._first, self._last = DayField(today.addDays(-30)), DayField(today)
        self.table, self.empty = figure_table(), QLabel()
        self.empty.setObjectName("emptyList")
        self.empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.empty.setWordWrap(True)
        self.heldout, self.steps = NumberField(), NumberField()
        self.heldout.setRange(5, 50)
        self.heldout.setValue(20)
        self.heldout.setSuffix(" %")
        self.steps.setRange(0, 100_000)
        self._heldout_name, self._steps_name = QLabel(), QLabel()
        self.replay, self.base_test = FolderField(), FolderField()
        self.nameless, self._nameless_name = ChoiceBox(), QLabel()
        self._nameless_name.setBuddy(self.nameless)
        for one in Nameless:
            self.nameless.addItem("", one.value)
        self._chosen_nameless: Nameless | None = None
        self.start = QPushButton()
        self.start.setAutoDefault(False)
        self._later = QTimer(self, singleShot=True, interval=_LATER_MS)
        self._later.timeout.connect(self.count)
        self._lay_out()
        for field in (self.annotator, self.label, self.modality):
            field.activated.connect(lambda _: self.count())
        for box in (self.approved, self.since, self.until):
            box.clicked.connect(lambda _: self._follow())
        for day in (self._first, self._last):
            day.dateChanged.connect(lambda _: self.count_later())
        self.nameless.activated.connect(self._choose_nameless)
        self.start.clicked.connect(lambda _=False: self.start_wanted.emit(self.options))
        model.counted.connect(self._show)
        model.failed.connect(self._fail)
        self._retranslate()
        self.empty.hide()
        self._follow()

    def _lay_out(self) -> None:
        layout = QVBoxLayout(self)
        layout.addWidget(self.summary)
        first, second = QHBoxLayout(), QHBoxLayout()
        for field in (self.annotator, self.label, self.modality):
            first.addWidget(field, 1)
        first.addWidget(self.approved)
        for widget in (self.since, self._first, self.until, self._last):
            second.addWidget(widget, 1 if isinstance(widget, DayField) else 0)
        second.addStretch(3)
        layout.addLayout(first)
        layout.addLayout(second)
        layout.addWidget(self.table, 1)
        layout.addWidget(self.empty, 1)
        grid = QGridLayout()
        grid.addWidget(self._heldout_name, 0, 0)
        grid.addWidget(self.heldout, 0, 1)
        grid.addWidget(self._steps_name, 0, 2)
        grid.addWidget(self.steps, 0, 3)
        grid.addWidget(self.replay.name, 1, 0)
        grid.addWidget(self.replay, 1, 1)
        grid.addWidget(self.base_test.name, 1, 2)
        grid.addWidget(self.base_test, 1, 3)
        grid.addWidget(self._nameless_name, 2, 0)
        grid.addWidget(self.nameless, 2, 1)
        for column, share in enumerate((0, 1, 0, 1)):
            grid.setColumnStretch(column, share)
        layout.addLayout(grid)
        layout.addWidget(self.problem)
        below = QHBoxLayout()
        below.addWidget(self._hint, 1)
        below.addWidget(self.start)
        layout.addLayout(below)

    @property
    def wanted(self) -> CorrectionFilter:
        """The filter."""
        chosen = [field.currentData() or _ANYTHING for field in (self.annotator, self.label, self.modality)]
        annotators, labels, modalities = ((one,) if one else () for one in chosen)
        first, last = (
            _day(field.date()) if box.isChecked() else None
            for box, field in ((self.since, self._first), (self.until, self._last))
        )
        since, until = utc_bounds(first, last)
        return CorrectionFilter(annotators, self.approved.isChecked(), labels, since, until, modalities)

    @property
    def options(self) -> RunOptions:
        """The filter, and how it is trained."""
        return RunOptions(
            self.wanted,
            self.heldout.value() / 100,
            self.steps.value() or None,
            self.replay.folder,
            self.base_test.folder,
            self._nameless,
        )

    @property
    def _nameless(self) -> Nameless:
        return Nameless(self.nameless.currentData())

    def count(self) -> None:
        """Count anew."""
        self._later.stop()
        self._model.count(self.wanted)

    def count_later(self) -> None:
        """Count once the changes pause."""
        self._later.start()

    def set_busy(self, busy: bool) -> None:
        """Whether a training is running: only one does."""
        self._busy = busy
        self._say()

    def _follow(self) -> None:
        self._first.setEnabled(self.since.isChecked())
        self._last.setEnabled(self.until.isChecked())
        self.count()

    def _choose_nameless(self, place: int) -> None:
        self._chosen_nameless = Nameless(self.nameless.itemData(place))
        self._say()

    def _offer_nameless(self, counts: CorrectionCounts) -> None:
        """Let the person say what stands for a patient where scans name none, with what comes of it."""
        patients = counts.patients
        self.nameless.setVisible(patients.files > 0)
        self._nameless_name.setVisible(patients.files > 0)
        wanted = self._chosen_nameless or patients.likely
        texts = {
            Nameless.FOLDER: self.tr("each folder is a patient ({0})").format(patients.folders),
            Nameless.FILE: self.tr("each scan is a patient ({0})").format(patients.files),
        }
        for one, text in texts.items():
            self.nameless.setItemText(self.nameless.findData(one.value), text)
        self.nameless.setCurrentIndex(self.nameless.findData(wanted.value))

    def _fail(self, message: str) -> None:
        self.problem.setText(shown_error(message))
        self.problem.setVisible(bool(message))

    def _show(self, counts: CorrectionCounts) -> None:
        self._counts = counts
        self._fail("")
        names = [(self._name(label), label.id or label.en or label.zh) for label in counts.names]
        for field, choices in (
            (self.annotator, [(name, name) for name in counts.annotators]),
            (self.label, names),
            (self.modality, [(name, name) for name in counts.modalities]),
        ):
            _fill(field, self.tr("All"), choices)
        self._offer_nameless(counts)
        heads: list[Cell] = [
            self.tr("Label"),
            self.tr("Accepted"),
            (self.tr("Corrected"), self.tr("Given another name or place, or drawn by a person")),
            (self.tr("New"), self.tr("Decided since the last snapshot")),
        ]
        rows: list[list[Cell]] = [
            [
                self.tr("(without a name)") if one.label is None else self._name(one.label),
                *(str(number) for number in (one.accepted, one.corrected, one.fresh)),
            ]
            for one in counts.labels
        ]
        fill_table(self.table, heads, rows)
        self._say()

    def _say(self) -> None:
        counts = self._counts
        total = 0 if counts is None else counts.total.accepted + counts.total.corrected
        self.start.setEnabled(total > 0 and not self._busy)
        if counts is None:
            self.summary.setText(self.tr("Counting …"))
            return
        patients = counts.patients.of(self._nameless)
        if self._busy:
            self._hint.setText(self.tr("A training is running: see Trainings."))
        elif not total:
            self._hint.clear()
        elif patients < _FEWEST_PATIENTS <= counts.patients.of(Nameless.FILE):
            self._hint.setText(
                self.tr(
                    "The scans name no patient and lie in one folder, which counts as one patient: nothing can be held "
                    "out to judge by. Where each scan is of another patient, choose that above."
                )
            )
        elif patients < _FEWEST_PATIENTS:
            self._hint.setText(
                self.tr(
                    "All of it is of one patient: decide about regions of others too, since some patients are held out "
                    "to judge by."
                )
            )
        elif counts.patients.files > 1 and self._nameless is Nameless.FILE:
            self._hint.setText(
                self.tr(
                    "{0} scans name no patient, and each counts as one. Where a patient has several files, choose the "
                    "folder above: else it would be judged by patients whom it learnt from."
                ).format(counts.patients.files)
            )
        else:
            self._hint.setText(
                self.tr(
                    "What is frozen never changes. Some patients are held out to judge by, and what comes of it is "
                    "used only when you say so."
                )
            )
        self.table.setVisible(total > 0)
        self.empty.setVisible(total == 0)
        if not total:
            filtered = self.wanted != CorrectionFilter()
            self.summary.setText(
                self.tr("Nothing passes this filter.") if filtered else self.tr("Nothing is decided yet.")
            )
            self.empty.setText(self.tr("Ask for less above.") if filtered else self._what_to_do())
            return
        text = self.tr("{0} accepted and {1} corrected regions in {2} scans of {3} patients").format(
            counts.total.accepted, counts.total.corrected, counts.scans, patients
        )
        if counts.since:
            new = self.tr("{0} of them since the last snapshot of {1}")
            text += " · " + new.format(counts.total.fresh, self._words.when(counts.since))
        else:
            text += " · " + self.tr("no snapshot was taken yet")
        self.summary.setText(text)

    def _what_to_do(self) -> str:
        return self.tr(
            "Draw a box on a scan, and the model suggests a name: Enter accepts it, typing gives another one, Delete "
            "rejects it. Whatever you accept or correct is counted here, and the model can learn from it. Do so with "
            "scans of several patients: some are held out to see whether it became better."
        )

    def _name(self, label: Label) -> str:
        chinese = self._language() == "zh"
        return (label.zh or label.en) if chinese else (label.en or label.zh)

    def _retranslate(self) -> None:
        self.annotator.set_name(self.tr("Annotator"))
        self.label.set_name(self.tr("Label"))
        self.modality.set_name(self.tr("Modality"))
        self.approved.setText(self.tr("Only approved by a reviewer"))
        self.since.setText(self.tr("Decided from"))
        self.until.setText(self.tr("to"))
        whole = self.tr(
            "Days of this place, both included. Decisions are kept by the day in UTC: some hours of a neighbouring day "
            "may come along, and none of these days is left out."
        )
        for widget in (self.since, self.until, self._first, self._last):
            widget.setToolTip(whole)
        locale = QLocale(self.tr("en", "The calendar's language, as a locale's name"))
        for day, name in ((self._first, self.since), (self._last, self.until)):
            day.set_language(locale)
            day.setAccessibleName(name.text())
        self._heldout_name.setText(self.tr("Patients held out"))
        self._heldout_name.setBuddy(self.heldout)
        self._steps_name.setText(self.tr("Steps at most"))
        self._steps_name.setBuddy(self.steps)
        self.steps.setSpecialValueText(self.tr("as many as it takes"))
        self.replay.set_texts(
            self.tr("Mixed in against forgetting"),
            self.tr("the model's own, else phantoms"),
            self.tr("Choose …"),
            self.tr("The data the model learnt from"),
        )
        self.base_test.set_texts(
            self.tr("Tested for forgetting"),
            self.tr("the model's own, else phantoms"),
            self.tr("Choose …"),
            self.tr("The model's own test set"),
        )
        self._nameless_name.setText(self.tr("Scans without a patient"))
        why = self.tr(
            "Files such as NIfTI and PNG do not say whose they are. A patient is never on both sides: what is held out "
            "must be of others than what is learnt from.\n\n"
            "Each folder is a patient: right where every patient has a folder. Files of many patients in one folder "
            "count as one patient, and nothing can be held out.\n\n"
            "Each scan is a patient: right where every file is of another patient. Where a patient has several files, "
            "some may be learnt from and others judged by: the result then looks better than it is."
        )
        self._nameless_name.setToolTip(why)
        self.nameless.setToolTip(why)
        self.start.setText(self.tr("Freeze and train"))
        if self._counts is not None:
            self._show(self._counts)
        self._say()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.LanguageChange:
            self._retranslate()


def _day(date: QDate) -> datetime.date:
    return datetime.date(date.year(), date.month(), date.day())


def _fill(field: ChoiceField, everything: str, choices: list[tuple[str, str]]) -> None:
    """Offer these; what was chosen stays chosen."""
    blocker = QSignalBlocker(field)
    chosen = field.currentData()
    field.clear()
    field.addItem(everything, _ANYTHING)
    for text, value in choices:
        field.addItem(text, value)
    field.setCurrentIndex(max(0, field.findData(chosen)) if chosen else 0)
    blocker.unblock()
    field.show_active()
