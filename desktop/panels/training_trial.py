"""Two adapters on the next regions: which, how it stands, and which of them is used then."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QSignalBlocker, Qt
from PySide6.QtWidgets import (
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QProgressBar,
    QPushButton,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from desktop.error_texts import shown_error
from desktop.model.trial import TrialModel
from desktop.panels.choice_box import ChoiceBox
from desktop.panels.figure_table import Cell, figure_table, fill_table
from desktop.panels.filter_fields import NumberField
from desktop.panels.training_words import TrainingWords, percent
from engine.running_trial import RunningTrial
from engine.shadow import ShadowSummary

_REGIONS, _FEWEST, _MOST = 20, 2, 1000
_UNLIKELY = 0.05
"""The usual level of a test."""
_ROWS = 2
_WIDEST = 720


class TrainingTrial(QWidget):
    """first, second, regions, begin : to start one. table, verdict, named : how it stands.

    use : a button for either adapter. reason : why it is used. end : for neither.
    """

    def __init__(self, model: TrialModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._model = model
        self._words = TrainingWords(self)
        self.first, self.second = ChoiceBox(), ChoiceBox()
        self.regions = NumberField()
        self.regions.setRange(_FEWEST, _MOST)
        self.regions.setValue(_REGIONS)
        self.begin, self.end = QPushButton(), QPushButton()
        self.use = (QPushButton(), QPushButton())
        self.hint, self.empty, self.verdict, self.problem = QLabel(), QLabel(), QLabel(), QLabel()
        self.title, self.named = QLabel(), QLabel()
        self.named.setObjectName("rowText")
        for label, name in ((self.hint, "hint"), (self.empty, "emptyList"), (self.problem, "problem")):
            label.setObjectName(name)
        self.title.setObjectName("cardTitle")
        for label in (self.hint, self.empty, self.verdict, self.problem, self.title):
            label.setWordWrap(True)
            label.setTextFormat(Qt.TextFormat.PlainText)
        self.empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.progress = QProgressBar()
        self.progress.setTextVisible(False)
        self.table = figure_table()
        self.reason = QLineEdit()
        self._names = (QLabel(), QLabel(), QLabel(), QLabel())
        self._setting_up, self._running = QWidget(), QWidget()
        self._setting_up.setMaximumWidth(_WIDEST)
        for widget in (self.hint, self._setting_up, self._running):
            widget.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)
        self._lay_out()
        for button, deed in (
            (self.begin, self._begin),
            (self.end, model.end),
            (self.use[0], lambda: self._use(0)),
            (self.use[1], lambda: self._use(1)),
        ):
            button.setAutoDefault(False)
            button.clicked.connect(lambda _=False, deed=deed: deed())
        for box in (self.first, self.second):
            box.activated.connect(lambda _: self._allow())
        self.reason.textChanged.connect(lambda _: self._allow())
        model.changed.connect(self._show)
        self._retranslate()

    def _lay_out(self) -> None:
        grid = QGridLayout(self._setting_up)
        grid.setContentsMargins(0, 0, 0, 0)
        for row, (label, field) in enumerate(zip(self._names, (self.first, self.second, self.regions), strict=False)):
            label.setBuddy(field)
            grid.addWidget(label, row, 0)
            grid.addWidget(field, row, 1)
        grid.addWidget(self.begin, 3, 1, Qt.AlignmentFlag.AlignRight)
        grid.setColumnStretch(1, 1)
        column = QVBoxLayout(self._running)
        column.setContentsMargins(0, 0, 0, 0)
        for widget in (self.title, self.progress, self.table, self.verdict):
            column.addWidget(widget)
        why = QHBoxLayout()
        self._names[3].setBuddy(self.reason)
        why.addWidget(self._names[3])
        why.addWidget(self.reason, 1)
        column.addLayout(why)
        below = QHBoxLayout()
        below.addStretch(1)
        below.addWidget(self.named)
        for button in (*self.use, self.end):
            below.addWidget(button)
        column.addLayout(below)
        layout = QVBoxLayout(self)
        layout.addWidget(self.hint)
        layout.addWidget(self.empty, 1)
        layout.addWidget(self.problem)
        layout.addWidget(self._setting_up)
        layout.addWidget(self._running)
        # Takes what is left where nothing else wants it.
        layout.addStretch(0)

    def _show(self) -> None:
        model = self._model
        running, summary = model.running, model.summary
        nothing = running is None and not model.problem and len(model.choices) < 2
        self.empty.setVisible(nothing)
        self.hint.setVisible(not nothing)
        self._setting_up.setVisible(running is None and not model.problem and not nothing)
        self._running.setVisible(running is not None or bool(model.problem))
        shown = (
            self.title,
            self.progress,
            self.table,
            self.verdict,
            self.named,
            self.reason,
            self._names[3],
            *self.use,
        )
        for widget in shown:
            widget.setVisible(running is not None)
        self.problem.setVisible(bool(model.problem))
        self.problem.setText(shown_error(model.problem))
        self._fill_choices()
        if running is not None and summary is not None:
            self._show_running(running, summary)
        self._allow()

    def _fill_choices(self) -> None:
        choices = self._model.choices
        # What people want to know first: is the newest better than what is in use?
        newest = next((one.id for one in choices if one.id and one.id != self._model.in_use), "")
        for box, default in ((self.first, self._model.in_use), (self.second, newest)):
            with QSignalBlocker(box):
                chosen = box.currentData() if box.count() else default
                box.clear()
                for one in choices:
                    box.addItem(self._name(one.id), one.id)
                place = box.findData(chosen)
                box.setCurrentIndex(place if place >= 0 else max(0, box.findData(default)))

    def _name(self, id: str) -> str:
        """An adapter for people: when it was trained, and its id."""
        choice = self._model.choice(id)
        text = id or self.tr("the model alone")
        if choice is not None and choice.trained:
            text = self.tr("trained {0} · {1}").format(self._words.when(choice.trained), id)
        return self.tr("{0} (in use)").format(text) if id == self._model.in_use else text

    def _ids(self) -> tuple[str, str]:
        """Of the two that are compared now."""
        running = self._model.running
        assert running is not None, "there is none to name otherwise"
        first, second = running.trial.first, running.trial.second
        return first.id if first else "", second.id if second else ""

    def _show_running(self, running: RunningTrial, summary: ShadowSummary) -> None:
        names = [self._name(id) for id in self._ids()]
        begun = self.tr("Compared since {0}, begun by {1}: {2} of {3} regions are named")
        self.title.setText(
            begun.format(self._words.when(running.started), running.who, summary.regions, running.regions)
        )
        self.named.setText(self.tr("{0} of {1} regions").format(summary.regions, running.regions))
        self.named.setToolTip(self.tr("Few regions say little: the more are named, the surer it is who is better"))
        self.progress.setRange(0, running.regions)
        self.progress.setValue(summary.regions)
        heads: list[Cell] = [
            self.tr("Adapter"),
            (self.tr("Right names"), self.tr("Its best name became the person's")),
            self.tr("Share"),
            (self.tr("Alone right"), self.tr("Right where the other was not")),
            (self.tr("Seen"), self.tr("Its answer was the one on screen; which one is, is left to chance")),
        ]
        shown = (summary.first_shown, summary.regions - summary.first_shown)
        places = (self.tr("First: {0}"), self.tr("Second: {0}"))
        rows: list[list[Cell]] = [
            [
                place.format(name),
                str(right),
                percent(right / summary.regions) if summary.regions else "–",
                str(right - summary.both),
                str(seen),
            ]
            for place, name, right, seen in zip(places, names, (summary.first, summary.second), shown, strict=True)
        ]
        fill_table(self.table, heads, rows)
        height = self.table.horizontalHeader().sizeHint().height() + _ROWS * self.table.rowHeight(0) + 6
        self.table.setFixedHeight(height)
        self.verdict.setText(self._verdict(summary))
        use = (self.tr("Use the first"), self.tr("Use the second"))
        keep = (self.tr("Keep the first"), self.tr("Keep the second"))
        for place, (button, id) in enumerate(zip(self.use, self._ids(), strict=True)):
            button.setText((keep if id == self._model.in_use else use)[place])
            button.setToolTip(names[place])
        if not self.reason.isModified():
            why = self.tr("Compared on {0} regions: {1} right names of the first, {2} of the second")
            told = why.format(summary.regions, summary.first, summary.second)
            self.reason.setText(told if summary.regions else "")

    def _verdict(self, summary: ShadowSummary) -> str:
        if not summary.regions:
            return self.tr("Draw regions and name them as ever; each one that you name counts.")
        both = self.tr("Both right: {0}. Neither right: {1}.").format(summary.both, summary.neither)
        if summary.first == summary.second:
            return " ".join((both, self.tr("Neither is better so far.")))
        better = self.tr("The first") if summary.first > summary.second else self.tr("The second")
        probability = f"{summary.chance:.2f}" if summary.chance >= 0.01 else "< 0.01"
        if summary.chance <= _UNLIKELY:
            text = self.tr("{0} is better: that it is chance has a probability of {1}.")
            return " ".join((both, text.format(better, probability)))
        text = self.tr("{0} is ahead, which may be chance (probability {1}): compare on more regions to be sure.")
        return " ".join((both, text.format(better, probability)))

    def _allow(self) -> None:
        model = self._model
        self.begin.setEnabled(self.first.currentData() != self.second.currentData())
        if model.running is None:
            return
        named = model.summary is not None and model.summary.regions > 0
        for button, id in zip(self.use, self._ids(), strict=True):
            reason = bool(self.reason.text().strip()) or not model.needs_reason(id)
            button.setEnabled(named and reason and not model.deciding)
        self.end.setEnabled(not model.deciding)

    def _begin(self) -> None:
        first, second = (self._model.choice(box.currentData()) for box in (self.first, self.second))
        if first is not None and second is not None:
            self.reason.clear()
            self.reason.setModified(False)
            self._model.begin(first, second, self.regions.value())

    def _use(self, place: int) -> None:
        self._model.use(self._ids()[place], self.reason.text().strip())

    def _retranslate(self) -> None:
        self.hint.setText(
            self.tr(
                "Both adapters name each region that you draw, one answer is shown, and you are not told whose: what "
                "you call the region in the end decides who was right. Naming takes twice as long meanwhile."
            )
        )
        self.empty.setText(
            self.tr(
                "There is nothing to compare yet. Once an adapter is trained (under Corrections), it can be compared "
                "here with the model alone, or with the adapter in use, on the regions that you draw next."
            )
        )
        texts = (self.tr("First"), self.tr("Second"), self.tr("Regions"), self.tr("Reason"))
        for label, text in zip(self._names, texts, strict=True):
            label.setText(text)
        self.reason.setPlaceholderText(self.tr("Why it is used; kept for ever"))
        self.begin.setText(self.tr("Compare"))
        self.end.setText(self.tr("End, change nothing"))
        self._show()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.LanguageChange:
            self._retranslate()
