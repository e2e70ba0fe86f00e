"""Words about training, in the language of the interface, asked anew each time."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QDateTime, QObject, Qt

from desktop.model.gate_report import GateCheck, GateReport
from desktop.model.labels import LabelsModel
from desktop.model.training_advice import TrainingAdvice
from desktop.model.training_folder import RunRow, Step
from desktop.model.training_run import Live
from engine.feedback.drift import Alarm
from engine.feedback.judges import LEAST_PATIENTS
from engine.protocol import Language, Task


class TrainingWords(QObject):
    """Makes the texts; knows no widget."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._advice = TrainingAdvice(self)

    def step(self, step: Step) -> str:
        """What is being done."""
        return {
            Step.FREEZE: self.tr("Freezing the corrections"),
            Step.TRAIN: self.tr("Training"),
            Step.GATE: self.tr("Comparing before and after"),
            Step.DECIDE: self.tr("Done"),
        }[step]

    def state(self, row: RunRow, live: Live | None, in_use: str) -> str:
        """Where a run stands, in a few words."""
        if live is not None and live.folder == row.folder:
            return self.tr("running")
        if row.adapter and row.adapter == in_use:
            return self.tr("in use")
        if row.report is not None:
            return self.tr("passed, not in use") if row.report.passed else self.tr("did not pass")
        if row.unjudged:
            return self.tr("not trained: too few are held out")
        return {
            Step.FREEZE: self.tr("stopped before freezing"),
            Step.TRAIN: self.tr("stopped while training"),
            Step.GATE: self.tr("trained, not compared yet"),
        }.get(row.next_step, "")

    def when(self, created: str) -> str:
        """A time (ISO 8601, UTC) on the clock of this place."""
        time = QDateTime.fromString(created, Qt.DateFormat.ISODate)
        return time.toLocalTime().toString("yyyy-MM-dd HH:mm") if time.isValid() else created

    def duration(self, seconds: float) -> str:
        """How long it still takes."""
        if seconds < 90:
            return self.tr("about {0} s left").format(max(1, round(seconds)))
        return self.tr("about {0} min left").format(round(seconds / 60))

    def task(self, value: str) -> str:
        """A task by its value; itself where there is no word for it."""
        return {
            Task.REGION_TO_TEXT.value: self.tr("Naming regions"),
            Task.TEXT_TO_REGION.value: self.tr("Finding by name"),
            Task.GROUNDED_REPORT.value: self.tr("Grounded reports"),
            Task.REPORT.value: self.tr("Reports"),
            Task.VQA.value: self.tr("Free questions"),
            Task.DIAGNOSIS.value: self.tr("Diagnoses"),
        }.get(value, value)

    def frozen(self, row: RunRow) -> str:
        """What went in."""
        frozen = row.plan.frozen
        if frozen is None:
            return self.tr("Nothing is frozen yet.")
        train, held = frozen.counts["train"], frozen.counts["heldout"]
        text = self.tr("{0} regions of {1} patients to learn from, {2} regions of {3} patients to judge by.")
        said = text.format(train["regions"], train["patients"], held["regions"], held["patients"])
        left_out = sum(frozen.left_out.values())
        if left_out:
            said += " " + self.tr(
                "{0} regions are left out: no name, no area, or held out but accepted many at once."
            ).format(left_out)
        if joined := self._advice.joined(frozen):
            said += " " + joined
        if held["patients"] and held["patients"] < LEAST_PATIENTS:
            said += " " + self._too_few(held["patients"])
        if not held["regions"]:
            said += " " + self.tr("Nothing is held out: no comparison can say whether it is better.")
        return said

    def verdict(self, report: GateReport) -> str:
        """What the gate says, in sentences."""
        overall = report.heldout.rows[0]
        points = self.tr("On corrections it never saw it scores {0}, before {1}").format(
            percent(overall.after), percent(overall.before)
        )
        if overall.interval is not None:
            low, high = (signed_points(one) for one in overall.interval)
            points += self.tr(" (difference {0} points, 95 % between {1} and {2})").format(
                signed_points(overall.difference), low, high
            )
        points += self.tr(".")
        if report.passed:
            said = [self.tr("Passed."), points, self.tr("No task of the base test set falls by more than one point.")]
        else:
            failures = [self.failure(one, report.heldout.patients) for one in report.checks if not one.passed]
            said = [self.tr("Not passed."), points, *failures]
        # A number and its sign stay on one line.
        return " ".join(said).replace(" %", "\u00a0%")

    def alarm(self, one: Alarm, name_of: Callable[[str, str], str]) -> str:
        """That a label is accepted less often, and what to do. name_of : its name, by its key and English name."""
        text = self.tr(
            "{0} is accepted less often than before: {1} of {2} now, {3} of {4} before. Look at these suggestions, "
            "correct them, and train."
        )
        return text.format(name_of(one.label, one.name), *one.now, *one.before)

    def _too_few(self, patients: int) -> str:
        text = self.tr("Held-out patients: {0}. At least {1} are needed to say whether it is better.")
        return text.format(patients, LEAST_PATIENTS)

    def failure(self, check: GateCheck, patients: int) -> str:
        """Why the gate does not pass. patients : held out."""
        if check.task:
            value = "–" if check.value is None else signed_points(check.value)
            text = self.tr("{0} on the base test set changes by {1} points: one point less is the most.")
            return text.format(self.task(check.task), value)
        if check.value is None:
            return self._too_few(patients)
        return self.tr("That may be chance: the interval is not above zero.")


def label_name(labels: LabelsModel, language: Language, key: str, english: str) -> str:
    """A label's name for people, by its key and its English name."""
    label = labels.ontology.find(key) if labels.ready else None
    return english or key if label is None else label.name(language)


def percent(share: float) -> str:
    """A share, 0..1."""
    return f"{share:.1%}".replace("%", " %")


def signed_points(difference: float) -> str:
    """A difference of shares, in percentage points with its sign."""
    points = round(100 * difference, 1)
    return f"{points:+.1f}" if points else "0.0"
