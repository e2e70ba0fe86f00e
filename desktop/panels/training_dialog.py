"""Training from corrections: what there is to learn from, what to label next, the trainings, how the model fares."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QEvent, Qt, Signal
from PySide6.QtWidgets import QDialog, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from desktop.error_texts import shown_error
from desktop.model.session import ViewerModels
from desktop.model.training import TrainingModels
from desktop.model.training_folder import RunOptions
from desktop.panels.switched_side import SwitchedSide
from desktop.panels.training_bundles import TrainingBundles
from desktop.panels.training_corrections import TrainingCorrections
from desktop.panels.training_drift import TrainingDrift
from desktop.panels.training_next import TrainingNext
from desktop.panels.training_runs import TrainingRuns
from desktop.panels.training_trial import TrainingTrial
from desktop.panels.training_words import label_name
from engine.feedback.drift import Drift
from engine.feedback.waiting import LabelOrder
from engine.store import ImageRow

CORRECTIONS, NEXT, RUNS, TRIAL, DRIFT, BUNDLES = range(6)
_LARGEST = (1180, 800)


class TrainingDialog(QDialog):
    """Stays open beside the work. open_wanted : an `ImageRow` to label.

    pages : corrections, next, runs, trial, drift, bundles. problem : what could not be done, and why. title_of : an
    image's scan for people. put_next : see `TrainingNext`.
    """

    open_wanted = Signal(object)

    def __init__(
        self,
        parts: TrainingModels,
        models: ViewerModels,
        title_of: Callable[[ImageRow], str],
        put_next: Callable[[LabelOrder], int],
        parent: QWidget,
    ) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._parts = parts
        self._models = models
        self.corrections = TrainingCorrections(parts.corrections, lambda: models.asking.language.value)
        self.runs = TrainingRuns(parts.runs, self._name_of)
        self.drift = TrainingDrift(parts.drift, self._name_of)
        self.next = TrainingNext(parts.next_images, title_of, put_next)
        self.next.open_wanted.connect(self.open_wanted)
        self.trial = TrainingTrial(parts.trial)
        self.bundles = TrainingBundles(parts.bundles)
        self.pages = TrainingPages([self.corrections, self.next, self.runs, self.trial, self.drift, self.bundles])
        self.problem = QLabel()
        self.problem.setObjectName("problem")
        self.problem.setWordWrap(True)
        self.problem.setContentsMargins(12, 0, 12, 0)
        self.problem.setTextFormat(Qt.TextFormat.PlainText)
        self.problem.hide()
        self._disclaimer = QLabel()
        self._disclaimer.setObjectName("disclaimer")
        self._close = QPushButton()
        self._close.setAutoDefault(False)
        self._close.clicked.connect(self.accept)
        below = QHBoxLayout()
        below.addWidget(self._disclaimer)
        below.addStretch(1)
        below.addWidget(self._close)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(4, 4, 8, 8)
        layout.addWidget(self.pages, 1)
        layout.addWidget(self.problem)
        layout.addLayout(below)
        training = parts.runs
        training.failed.connect(self._fail)
        training.progressed.connect(self._follow)
        # No lambdas: the models outlive the dialog, and would call into what is deleted.
        training.switched.connect(self._clear)
        training.finished.connect(self.corrections.count_later)
        parts.trial.failed.connect(self._fail)
        parts.trial.decided.connect(self._clear)
        parts.drift.counted.connect(self._mark_alarms)
        self.corrections.start_wanted.connect(self._start)
        models.regions.changed.connect(self.corrections.count_later)
        self._follow()
        self._retranslate()
        room = parent.window().size()
        self.resize(min(_LARGEST[0], room.width() - 40), min(_LARGEST[1], room.height() - 40))
        training.refresh()
        self.drift.count()
        parts.trial.refresh()
        if training.live is not None:
            self.pages.show_panel(RUNS)
        elif parts.trial.running is not None:
            self.pages.show_panel(TRIAL)

    def _start(self, options: RunOptions) -> None:
        self._fail("")
        self._parts.runs.start(options)
        self.pages.show_panel(RUNS)

    def _follow(self) -> None:
        live = self._parts.runs.live
        self.corrections.set_busy(live is not None)
        if live is not None and not live.stopping:
            self._fail("")

    def _fail(self, message: str) -> None:
        self.problem.setText(shown_error(message))
        self.problem.setVisible(bool(message))

    def _clear(self) -> None:
        self._fail("")

    def _mark_alarms(self, drift: Drift) -> None:
        self.pages.set_alarms(len(drift.alarms))

    def _name_of(self, key: str, english: str) -> str:
        return label_name(self._models.labels, self._models.asking.language, key, english)

    def _retranslate(self) -> None:
        self.setWindowTitle(self.tr("Training"))
        self._close.setText(self.tr("Close"))
        self._disclaimer.setText(self.tr("Not for diagnostic use"))

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.LanguageChange:
            self._retranslate()


class TrainingPages(SwitchedSide):
    """The pages of the dialog, each reached with Tab."""

    def __init__(self, panels: list[QWidget]) -> None:
        super().__init__(panels, focus=Qt.FocusPolicy.TabFocus)
        self._alarms = 0
        self._retranslate()

    def set_alarms(self, count: int) -> None:
        """How many labels' acceptance fell: said on the page's button, whichever page is shown."""
        self._alarms = count
        self._retranslate()

    def _retranslate(self) -> None:
        fares = self.tr("How the model fares")
        texts = (
            self.tr("Corrections"),
            self.tr("What to label next"),
            self.tr("Trainings"),
            self.tr("Compare two"),
            self.tr("{0} ⚠ {1}").format(fares, self._alarms) if self._alarms else fares,
            self.tr("Export and import"),
        )
        for button, text in zip(self.buttons, texts, strict=True):
            button.setText(text)
