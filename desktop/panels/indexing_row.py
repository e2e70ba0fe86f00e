"""What is being indexed, how far it is, and what came of it."""

from __future__ import annotations

from PySide6.QtCore import QEvent, Qt
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QHBoxLayout,
    QLabel,
    QPlainTextEdit,
    QProgressBar,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from desktop.error_texts import shown_error
from desktop.model.jobs import Job
from engine.browse import Indexed

_LISTED_PROBLEMS = 500


class IndexingRow(QWidget):
    """Progress while there are jobs, then their outcome until the person closes it."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._jobs: list[Job] = []
        self._found: Indexed | None = None
        self._stopped = False
        self._hidden = False
        self.running, self.outcome = QWidget(), QWidget()
        self.counts, self.result = QLabel(), QLabel()
        for label in (self.counts, self.result):
            label.setObjectName("rowText")
        self.result.setWordWrap(True)
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self.bar.setFixedHeight(6)
        self.stop, self.details, self.close_result = QPushButton(), QPushButton(), QPushButton("×")
        self.close_result.setObjectName("closeRow")
        column = QVBoxLayout()
        column.setSpacing(4)
        column.addWidget(self.counts)
        column.addWidget(self.bar)
        row = QHBoxLayout(self.running)
        row.addLayout(column, 1)
        row.addWidget(self.stop)
        below = QHBoxLayout(self.outcome)
        below.addWidget(self.result, 1)
        below.addWidget(self.details)
        below.addWidget(self.close_result)
        layout = QVBoxLayout(self)
        for each in (row, below, layout):
            each.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.running)
        layout.addWidget(self.outcome)
        self.stop.clicked.connect(self._cancel)
        self.details.clicked.connect(self.show_problems)
        self.close_result.clicked.connect(self._forget)
        self.running.hide()
        self._forget()
        self.retranslate()

    def is_busy(self) -> bool:
        """Whether something is being indexed, or waits for it."""
        return bool(self._jobs)

    def watch(self, job: Job) -> None:
        """Show how far a job is; several run one after the other."""
        self._forget()
        self._jobs.append(job)
        if len(self._jobs) == 1:
            self.bar.setRange(0, 0)
            self.counts.setText(self.tr("Looking for scans …"))
        self.setVisible(True)
        self.running.setVisible(True)
        job.progressed.connect(self._progressed)
        job.cancelled_.connect(self._say_stopped)
        job.finished.connect(lambda: self._unwatch(job))

    def show_outcome(self, found: Indexed, *, names_hidden: bool) -> None:
        """Say what came of it. names_hidden : paths, which may name patients, are not to be seen."""
        self._found, self._hidden, self._stopped = found, names_hidden, False
        self._say_outcome()
        self.outcome.show()
        self.show()

    def _say_stopped(self) -> None:
        """The person had enough: nobody should wonder whether it was all."""
        self._found, self._stopped = None, True
        self.result.setText(self.tr("Stopped. The scans found until then are on the list."))
        self.details.hide()
        self.outcome.show()
        self.show()

    def set_names_hidden(self, hidden: bool) -> None:
        """The eye: paths may name patients."""
        self._hidden = hidden
        if self._found is not None:
            self._say_outcome()

    def show_problems(self) -> None:
        """List what was left out, and why."""
        if self._found is None or self._hidden:
            return
        dialog = QDialog(self)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.setWindowTitle(self.tr("Files that were left out"))
        problems = self._found.problems
        text = QPlainTextEdit("\n".join(shown_error(problem.reason) for problem in problems[:_LISTED_PROBLEMS]))
        text.setReadOnly(True)
        # The arrows scroll; Tab goes on to the button.
        text.setTabChangesFocus(True)
        text.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        buttons.rejected.connect(dialog.reject)
        layout = QVBoxLayout(dialog)
        for widget in (QLabel(self._problems_text(len(problems))), text, buttons):
            layout.addWidget(widget)
        dialog.resize(640, 340)
        dialog.open()

    def _say_outcome(self) -> None:
        assert self._found is not None
        scans, problems = len(self._found.scans), len(self._found.problems)
        if scans:
            said = self.tr("1 scan found") if scans == 1 else self.tr("{0} scans found").format(f"{scans:,}")
        else:
            said = self.tr("No scans found")
        self.result.setText(" · ".join([said, *([self._problems_text(problems)] if problems else [])]))
        self.details.setVisible(bool(problems) and not self._hidden)

    def _problems_text(self, count: int) -> str:
        return self.tr("1 file left out") if count == 1 else self.tr("{0} files left out").format(f"{count:,}")

    def _progressed(self, done: int, total: int, what: str) -> None:
        self.bar.setRange(0, total)
        self.bar.setValue(done)
        if total:
            self.counts.setText(self.tr("{0} of {1} files").format(f"{done:,}", f"{total:,}"))

    def _unwatch(self, job: Job) -> None:
        self._jobs.remove(job)
        self.running.setVisible(bool(self._jobs))
        self.setVisible(bool(self._jobs) or self._found is not None or self._stopped)

    def _cancel(self) -> None:
        for job in self._jobs:
            job.cancel()
        self.counts.setText(self.tr("Stopping …"))

    def _forget(self) -> None:
        self._found, self._stopped = None, False
        self.outcome.hide()
        self.setVisible(bool(self._jobs))

    def retranslate(self) -> None:
        """All texts in the language of the interface."""
        self.stop.setText(self.tr("Cancel"))
        self.stop.setToolTip(self.tr("Stop looking for scans; those found so far stay on the list"))
        self.details.setText(self.tr("Details"))
        self.details.setToolTip(self.tr("Which files were left out, and why"))
        self.close_result.setToolTip(self.tr("Close"))
        self.close_result.setAccessibleName(self.close_result.toolTip())
        if self._found is not None:
            self._say_outcome()
        elif self._stopped:
            self._say_stopped()
        if self._jobs and not self.bar.maximum():
            self.counts.setText(self.tr("Looking for scans …"))

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.LanguageChange:
            self.retranslate()
