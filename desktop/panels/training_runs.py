"""Trainings: which there are, the one in work, what its gate found, and which adapter answers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QEvent, QSize, Qt
from PySide6.QtWidgets import (
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QProgressBar,
    QPushButton,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from desktop.error_texts import shown_error
from desktop.model.gate_report import GateReport
from desktop.model.training_folder import RunRow, Step
from desktop.model.training_run import TrainingModel
from desktop.panels.gate_view import GateConfusion, GateExamples, GateScores
from desktop.panels.line_chart import ChartLine, LineChart
from desktop.panels.switched_side import SwitchedSide
from desktop.panels.training_words import TrainingWords
from engine.runtime import Switch

_FOLDER_ROLE = Qt.ItemDataRole.UserRole
_LEFT_WIDTH = 300
LOSS, SCORES, EXAMPLES, NAMES = range(4)


class TrainingRuns(QWidget):
    """list : the trainings. pause, resume, discard : buttons for the marked one. judge : to compare it with what is in
    use now. reason, use : to promote its adapter.

    back, alone : to what was in use before, to the model without an adapter. chosen : that a person chose what answers.
    trouble : why what is in use cannot answer. history : all switches. chart, scores, examples, names : what is known
    of the marked one. name_of : a label's name for people, by its key and its English name.
    """

    def __init__(self, model: TrainingModel, name_of: Callable[[str, str], str], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._model = model
        self._words = TrainingWords(self)
        self._asked_to_discard: Path | None = None
        self._shown: RunRow | None = None
        self.list, self.history = QListWidget(), QListWidget()
        self.list.currentItemChanged.connect(lambda *_: self._mark())
        self.history.setWordWrap(True)
        self.history.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self._title, self._facts, self.verdict, self.empty = QLabel(), QLabel(), QLabel(), QLabel()
        self.empty.setObjectName("emptyList")
        self.empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.empty.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self._runs_title, self.in_use, self.doing, self.trouble = QLabel(), QLabel(), QLabel(), QLabel()
        self.trouble.setObjectName("problem")
        self._title.setObjectName("cardTitle")
        for label in (self._runs_title, self.in_use):
            label.setObjectName("panelTitle")
        self.chosen = QLabel()
        for label in (self._facts, self.doing, self.chosen):
            label.setObjectName("rowText")
        for label in (self._title, self._facts, self.verdict, self.in_use, self.chosen, self.trouble, self.empty):
            label.setWordWrap(True)
            label.setTextFormat(Qt.TextFormat.PlainText)
        self.progress = QProgressBar()
        self.progress.setTextVisible(False)
        self.pause, self.resume, self.discard = QPushButton(), QPushButton(), QPushButton()
        self.use, self.back, self.alone, self.judge = (QPushButton() for _ in range(4))
        self.reason = QLineEdit()
        self.chart = LineChart()
        self.scores, self.examples, self.names = GateScores(name_of), GateExamples(), GateConfusion(name_of)
        self.parts = TrainingParts([self.chart, self.scores, self.examples, self.names])
        for button, deed in (
            (self.pause, model.pause),
            (self.resume, self._resume),
            (self.judge, self._judge_again),
            (self.discard, self._discard),
            (self.use, self._use),
            (self.back, model.roll_back),
            (self.alone, lambda: model.roll_back(to_base=True)),
        ):
            button.setAutoDefault(False)
            button.clicked.connect(lambda _=False, deed=deed: deed())
        self.reason.textChanged.connect(lambda _: self._allow())
        self._lay_out()
        model.changed.connect(self._fill)
        model.progressed.connect(self._follow)
        model.finished.connect(self._show_scores)
        self._retranslate()

    def _lay_out(self) -> None:
        left, right = QVBoxLayout(), QVBoxLayout()
        left.addWidget(self._runs_title)
        left.addWidget(self.list, 3)
        left.addWidget(self.in_use)
        left.addWidget(self.chosen)
        left.addWidget(self.trouble)
        left.addWidget(self.history, 2)
        left.addWidget(self.back)
        left.addWidget(self.alone)
        row = QHBoxLayout()
        row.addWidget(self._title, 1)
        for button in (self.pause, self.resume, self.judge, self.discard):
            row.addWidget(button)
        right.addLayout(row)
        right.addWidget(self._facts)
        row = QHBoxLayout()
        row.addWidget(self.progress, 1)
        row.addWidget(self.doing)
        right.addLayout(row)
        right.addWidget(self.verdict)
        right.addWidget(self.parts, 1)
        right.addWidget(self.empty, 1)
        below = QHBoxLayout()
        below.addWidget(self.reason, 1)
        below.addWidget(self.use, 0, Qt.AlignmentFlag.AlignRight)
        right.addLayout(below)
        side = QWidget()
        side.setFixedWidth(_LEFT_WIDTH)
        left.setContentsMargins(0, 0, 0, 0)
        side.setLayout(left)
        layout = QHBoxLayout(self)
        layout.addWidget(side)
        layout.addLayout(right, 1)

    @property
    def row(self) -> RunRow | None:
        """The training that is marked."""
        item = self.list.currentItem()
        folder = None if item is None else item.data(_FOLDER_ROLE)
        return next((row for row in self._model.rows if str(row.folder) == folder), None)

    def _fill(self) -> None:
        model = self._model
        item = self.list.currentItem()
        marked = None if item is None else item.data(_FOLDER_ROLE)
        known = {self.list.item(number).data(_FOLDER_ROLE) for number in range(self.list.count())}
        if model.live is not None and str(model.live.folder) not in known:
            # One that has just begun is what the person wants to see.
            marked = str(model.live.folder)
        self.list.blockSignals(True)
        self.list.clear()
        for row in model.rows:
            state = self._words.state(row, model.live, model.in_use)
            added = QListWidgetItem(f"{self._words.when(row.plan.created)}\n{state}")
            added.setData(_FOLDER_ROLE, str(row.folder))
            added.setSizeHint(QSize(0, 2 * (self.fontMetrics().height() + 8)))
            self.list.addItem(added)
            if str(row.folder) == marked:
                self.list.setCurrentItem(added)
        if self.list.currentItem() is None and model.rows:
            self.list.setCurrentRow(0)
        self.list.blockSignals(False)
        self._fill_history()
        self._show()

    def _fill_history(self) -> None:
        model = self._model
        alone = self.tr("the model alone")
        answers = self.tr("{0} answers with: {1}")
        self.in_use.setText(answers.format(model.manifest.id, model.answering or alone))
        chosen = self.tr(
            "Chosen under “Manage models”, for this window and until the next switch. In use elsewhere: {0}"
        )
        self.chosen.setText(chosen.format(model.in_use or alone))
        self.chosen.setVisible(model.answering != model.in_use)
        self.trouble.setVisible(bool(model.trouble))
        cannot = self.tr("It cannot be loaded: {0}. Go back to what was used before, or to the model alone, below.")
        self.trouble.setText(cannot.format(shown_error(model.trouble)))
        self.history.clear()
        for one in reversed(model.history):
            self.history.addItem(self._switch_text(one))
        if not model.history:
            self.history.addItem(self.tr("No adapter was ever used."))

    def _switch_text(self, one: Switch) -> str:
        back = self.tr("back to {0}") if one.action == "rollback" else self.tr("use of {0}")
        text = back.format(one.adapter or self.tr("the model alone"))
        lines = [self.tr("{0}, {1}").format(self._words.when(one.created), one.who), text]
        if one.facts.get("overridden"):
            lines.append(self.tr("although the comparison did not pass"))
        if one.reason:
            lines.append(self.tr("Reason: {0}").format(one.reason))
        return "\n".join(lines)

    def _mark(self) -> None:
        self._asked_to_discard = None
        self.reason.clear()
        self._show()

    def _show(self) -> None:
        row = self._shown = self.row
        for widget in (self.parts, self.discard, self._title, self._facts):
            widget.setVisible(row is not None)
        self.empty.setVisible(row is None)
        if row is None:
            self.verdict.hide()
        else:
            self._title.setText(self._words.when(row.plan.created) + (f" · {row.adapter}" if row.adapter else ""))
            self._facts.setText(self._words.frozen(row))
            self.verdict.setVisible(row.report is not None)
            self.verdict.setText("" if row.report is None else self._verdict(row, row.report))
            for part in (self.scores, self.examples, self.names):
                part.show_report(row.report)
        for number in (SCORES, EXAMPLES, NAMES):
            self.parts.buttons[number].setEnabled(row is not None and row.report is not None)
        if row is not None and row.report is None:
            self.parts.show_panel(LOSS)
        self._follow()

    def _verdict(self, row: RunRow, report: GateReport) -> str:
        said = self._words.verdict(report)
        if not row.is_outdated(self._model.in_use):
            return said
        alone = self.tr("the model alone")
        text = self.tr("That was in comparison with {0}, and {1} is in use now: judge again before you decide.")
        return said + " " + text.format(report.compared_with or alone, self._model.in_use or alone)

    def _follow(self) -> None:
        """What changes while it runs."""
        row, live = self.row, self._model.live
        mine = row is not None and live is not None and live.folder == row.folder
        self.progress.setVisible(mine)
        self.doing.setVisible(mine)
        self.pause.setVisible(mine)
        if mine and live is not None:
            self.progress.setRange(0, live.total)
            self.progress.setValue(live.done)
            parts = [self._words.step(live.step)]
            if live.total:
                parts.append(f"{live.done} / {live.total}")
            if live.eta_s is not None:
                parts.append(self._words.duration(live.eta_s))
            self.doing.setText(self.tr("Stopping after this step …") if live.stopping else " · ".join(parts))
            self.pause.setEnabled(not live.stopping)
        self.resume.setVisible(row is not None and not mine and row.next_step is not Step.DECIDE)
        self.resume.setEnabled(live is None)
        self.judge.setVisible(row is not None and not mine and row.is_outdated(self._model.in_use))
        self.judge.setEnabled(live is None)
        unjudged = row is not None and row.unjudged
        self.resume.setText(self.tr("Train all the same") if unjudged else self.tr("Go on"))
        self.discard.setText(self.tr("Really discard?") if self._asked_to_discard else self.tr("Discard"))
        self.discard.setEnabled(row is not None and (not row.adapter or row.adapter != self._model.in_use))
        self._draw(row)
        self._allow()

    def _draw(self, row: RunRow | None) -> None:
        points = () if row is None else self._model.curve_of(row)
        trained = tuple((float(p.step), p.loss) for p in sorted(points, key=lambda p: p.step) if not p.held_out)
        held = tuple((float(p.step), p.loss) for p in sorted(points, key=lambda p: p.step) if p.held_out)
        self.chart.set_lines(
            [
                ChartLine(self.tr("loss on what it learns from"), trained),
                ChartLine(self.tr("loss on what it does not"), held, second=True),
            ],
            empty=self.tr("The loss is drawn here once the training has begun."),
        )

    def _allow(self) -> None:
        """Whether the adapter may be used, and what is needed for it."""
        row, model = self._shown, self._model
        ready = row is not None and bool(row.adapter) and row.adapter != model.in_use and model.live is None
        passed = row is not None and row.has_passed(model.in_use)
        self.reason.setVisible(ready and not passed)
        self.reason.setPlaceholderText(
            self.tr("Why it is used although it was not compared with what is in use; kept for ever")
            if row is not None and row.is_outdated(model.in_use)
            else self.tr("Why it is used although the comparison did not pass; kept for ever")
        )
        self.use.setVisible(row is not None and bool(row.adapter))
        self.use.setEnabled(ready and not model.switching and (passed or bool(self.reason.text().strip())))
        for button in (self.back, self.alone):
            button.setEnabled(bool(model.in_use) and not model.switching)

    def _show_scores(self) -> None:
        self.parts.show_panel(SCORES)

    def _resume(self) -> None:
        row = self.row
        if row is not None:
            self._model.resume(row.folder, unjudged=row.unjudged)

    def _judge_again(self) -> None:
        if self.row is not None:
            self._model.judge_again(self.row.folder)

    def _discard(self) -> None:
        row = self.row
        if row is None:
            return
        if self._asked_to_discard != row.folder:
            # Minutes of work: it wants to be told twice.
            self._asked_to_discard = row.folder
            self._follow()
            return
        self._asked_to_discard = None
        self._model.discard(row.folder)

    def _use(self) -> None:
        row = self.row
        if row is not None:
            passed = row.has_passed(self._model.in_use)
            self._model.promote(row.folder, "" if passed else self.reason.text().strip())

    def _retranslate(self) -> None:
        self._runs_title.setText(self.tr("Trainings"))
        self.list.setAccessibleName(self.tr("Trainings"))
        self.history.setAccessibleName(self.tr("Which adapter answered, and since when"))
        self.pause.setText(self.tr("Pause"))
        self.judge.setText(self.tr("Judge again"))
        self.judge.setToolTip(self.tr("Compare it with what is in use now"))
        self.use.setText(self.tr("Use it"))
        self.back.setText(self.tr("Go back to what was used before"))
        self.alone.setText(self.tr("Answer with the model alone"))
        self.chart.setAccessibleName(self.tr("Loss"))
        self.empty.setText(
            self.tr(
                "No training yet. Accept or correct suggestions on several patients, then press “Freeze and train” "
                "under Corrections. Here you see it learn, what it changed, and decide whether it is used."
            )
        )
        self._fill()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.LanguageChange:
            self._retranslate()


class TrainingParts(SwitchedSide):
    """The parts of what is known of a training, each reached with Tab."""

    def __init__(self, panels: list[QWidget]) -> None:
        super().__init__(panels, focus=Qt.FocusPolicy.TabFocus)
        self._retranslate()

    def _retranslate(self) -> None:
        texts = (self.tr("Loss"), self.tr("Scores"), self.tr("Examples"), self.tr("Confused names"))
        for button, text in zip(self.buttons, texts, strict=True):
            button.setText(text)
