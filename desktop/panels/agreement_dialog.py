"""How far each reader is, and how well readers agree."""

from __future__ import annotations

import csv
import io

from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import (
    QDialog,
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QPushButton,
    QTableWidget,
    QVBoxLayout,
    QWidget,
)

from desktop.model.agreement import AgreementModel, Standing
from desktop.model.jobs import Job
from desktop.model.tasks import ORDER
from desktop.panels.figure_table import Cell, figure_table, fill_table
from desktop.panels.task_words import TaskWords
from engine.review import GroupAgreement, Kappa, PairAgreement
from engine.store import AnnotatorProgress, TaskState


class AgreementDialog(QDialog):
    """Counts when it is opened; stays open beside the work."""

    def __init__(self, model: AgreementModel, parent: QWidget) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(self.tr("Progress and agreement"))
        self._model = model
        self._words = TaskWords(self)
        self.summary = QLabel()
        self.summary.setWordWrap(True)
        self.people, self.pairs, self.groups = figure_table(), figure_table(), figure_table()
        self._pairs_title, self._groups_title = QLabel(), QLabel()
        self.progress = QProgressBar()
        self.progress.setTextVisible(False)
        self._cancel = QPushButton(self.tr("Cancel"))
        self._again = QPushButton(self.tr("Count again"))
        self.copy = QPushButton(self.tr("Copy as CSV"))
        close = QPushButton(self.tr("Close"))
        for button in (self._cancel, self._again, self.copy, close):
            button.setAutoDefault(False)
        row = QHBoxLayout()
        for widget, stretch in ((self.progress, 1), (self._cancel, 0), (self._again, 0), (self.copy, 0), (close, 0)):
            row.addWidget(widget, stretch)
        layout = QVBoxLayout(self)
        layout.addWidget(self.summary)
        layout.addWidget(self.people, 2)
        for title, table in ((self._pairs_title, self.pairs), (self._groups_title, self.groups)):
            title.setObjectName("panelTitle")
            title.setWordWrap(True)
            layout.addWidget(title)
            layout.addWidget(table, 1)
            table.hide()
        layout.addLayout(row)
        self._cancel.clicked.connect(model.cancel)
        self._again.clicked.connect(model.count)
        self.copy.clicked.connect(self._copy)
        close.clicked.connect(self.accept)
        model.started.connect(self._started)
        model.counted.connect(self._show)
        model.failed.connect(self._failed)
        model.stopped.connect(lambda: self._failed(self.tr("Cancelled")))
        self.finished.connect(lambda _: model.cancel())
        room = parent.window().size()
        self.resize(min(980, room.width() - 40), min(620, room.height() - 40))
        model.count()

    def _started(self, job: Job) -> None:
        self._busy(True)
        self.progress.setRange(0, 0)
        self.summary.setText(self.tr("Counting …"))
        job.progressed.connect(self._progressed)

    def _progressed(self, done: int, total: int, what: str) -> None:
        self.progress.setRange(0, total)
        self.progress.setValue(done)

    def _busy(self, busy: bool) -> None:
        for widget in (self.progress, self._cancel):
            widget.setVisible(busy)
        self._again.setVisible(not busy)
        self.copy.setEnabled(not busy)

    def _failed(self, message: str) -> None:
        self._busy(False)
        self.summary.setText(message)

    def _show(self, standing: Standing) -> None:
        self._busy(False)
        project = standing.project
        text = self.tr("{0} tasks, {1} submitted, {2} reviewed · {3} regions, {4} decided")
        shares = [self.tr("none") if one is None else f"{one:.0%}" for one in (project.submitted, project.reviewed)]
        self.summary.setText(text.format(project.total, *shares, project.regions, project.decided))
        fill_table(self.people, self._people_heads(), [self._person(one) for one in standing.annotators])
        fill_table(self.pairs, self._pair_heads(), [self._pair(one) for one in standing.pairs])
        fill_table(self.groups, self._group_heads(), [self._group(one) for one in standing.groups])
        self._pairs_title.setText(
            self.tr("Agreement of two readers")
            if standing.pairs
            else self.tr("Agreement of two readers: no scan has two submitted readings yet")
        )
        self._groups_title.setText(
            self.tr("Agreement of three or more readers")
            if standing.groups
            else self.tr("Agreement of three or more readers: no scan has three submitted readings yet")
        )
        self.pairs.setVisible(bool(standing.pairs))
        self.groups.setVisible(bool(standing.groups))

    def _people_heads(self) -> list[Cell]:
        rule = self.tr(
            "Time between gestures on regions, and from starting to submitting; a gap of more than five minutes is a "
            "pause and does not count. Looking that ends in no gesture is not in it. Time per region: that time over "
            "the regions that are there in the end."
        )
        states = [self.tr("Returned") if state is TaskState.RETURNED else self._words.group(state) for state in ORDER]
        more = [self.tr("Regions"), self.tr("Decided")]
        return [self.tr("Reader"), *states, *more, (self.tr("Time"), rule), (self.tr("Time per region"), rule)]

    def _person(self, one: AnnotatorProgress) -> list[Cell]:
        work = one.work
        each = work.seconds_per_region
        none: Cell = ("–", self.tr("There are no regions to divide the time by"))
        counts = [str(one.tasks[state]) for state in ORDER]
        time = none if each is None else _time(each)
        return [one.annotator, *counts, str(work.regions), str(work.decided), _time(work.seconds), time]

    def _pair_heads(self) -> list[Cell]:
        kappa = self.tr(
            "Agreement on names beyond chance, over the regions that both have and have named: -1 to 1, with its 95 % "
            "confidence interval. Readings count as they were when they were first submitted."
        )
        f1 = self.tr("Regions of both that overlap by half or more (IoU 0.5), matched one to one, over all regions")
        return [
            self.tr("Readers"),
            self.tr("Scans"),
            (self.tr("Regions"), self.tr("Of the first and of the second reader")),
            (self.tr("Matched"), f1),
            (self.tr("F1 at IoU 0.5"), f1),
            (self.tr("Mean IoU"), self.tr("Mean overlap of the matched regions")),
            (self.tr("Cohen's kappa (95 % CI)"), kappa),
            (self.tr("n"), self.tr("Matched regions that both have named")),
        ]

    def _pair(self, one: PairAgreement) -> list[Cell]:
        found = one.regions
        return [
            f"{one.first} – {one.second}",
            str(one.scans),
            f"{found.first} / {found.second}",
            str(found.matched),
            ("–", self.tr("Neither has a region")) if found.f1 is None else f"{found.f1:.2f}",
            ("–", self.tr("No regions match")) if found.mean_iou is None else f"{found.mean_iou:.2f}",
            self._kappa(one.kappa),
            str(one.kappa.subjects),
        ]

    def _group_heads(self) -> list[Cell]:
        rule = self.tr("Over the regions that all readers have and have named")
        return [self.tr("Readers"), self.tr("Scans"), (self.tr("Fleiss' kappa"), rule), (self.tr("n"), rule)]

    def _group(self, one: GroupAgreement) -> list[Cell]:
        return [", ".join(one.names), str(one.scans), self._kappa(one.kappa), str(one.kappa.subjects)]

    def _kappa(self, kappa: Kappa) -> Cell:
        if kappa.value is None:
            why = {
                "nothing was rated by both": self.tr("undefined: no region was named by both"),
                "both put everything in one category": self.tr("undefined: both gave all the same name"),
                "nothing was rated": self.tr("undefined: no region was named by all"),
                "only one category was ever chosen": self.tr("undefined: all gave the same name"),
            }
            return why.get(kappa.undefined, kappa.undefined)
        if kappa.low is None or kappa.high is None:
            return f"{kappa.value:.2f}"
        return f"{kappa.value:.2f} ({kappa.low:.2f} … {kappa.high:.2f})"

    def _copy(self) -> None:
        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\n")
        for table in (self.people, self.pairs, self.groups):
            if table.rowCount():
                writer.writerows([*_rows(table), []])
        QGuiApplication.clipboard().setText(out.getvalue())


def _rows(table: QTableWidget) -> list[list[str]]:
    columns = range(table.columnCount())
    heads = [table.horizontalHeaderItem(column) for column in columns]
    rows = [[table.item(row, column) for column in columns] for row in range(table.rowCount())]
    return [["" if one is None else _plain(one.text()) for one in row] for row in (heads, *rows)]


def _plain(text: str) -> str:
    """A spreadsheet must not take a name that begins like a formula for one."""
    return f"'{text}" if text[:1] in ("=", "+", "@") else text


def _time(seconds: float) -> str:
    """Hours, minutes and seconds, as far as there are any."""
    whole = round(seconds)
    if whole < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
