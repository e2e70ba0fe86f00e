"""The dialog of trainings, and what is said of them over the views while it is closed."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QObject, QTimer

from desktop.error_texts import shown_error
from desktop.model.drift import DriftModel
from desktop.model.jobs import JobRunner
from desktop.model.session import ViewerModels
from desktop.model.training import TrainingModels
from desktop.panels.notice_bar import NoticeBar
from desktop.panels.training_dialog import DRIFT, RUNS, TRIAL, TrainingDialog
from desktop.panels.training_words import TrainingWords, label_name
from desktop.window_dialogs import WindowDialogs
from engine.feedback.drift import Drift
from engine.store import AnnotationStore, ImageRow

_TOLD_SETTING = "drift_told"
_FIRST_LOOK_MS = 10_000
"""After the start: not while scans are read and the model is loaded."""
_NEXT_LOOK_MS = 60 * 60_000


class TrainingDesk(QObject):
    """parts : its models. open_image : to label it. An alarm is told once for a label and a week."""

    def __init__(
        self,
        store: AnnotationStore,
        jobs: JobRunner,
        models: ViewerModels,
        parts: TrainingModels,
        dialogs: WindowDialogs,
        notices: NoticeBar,
        open_image: Callable[[ImageRow], object],
        parent: QObject,
    ) -> None:
        super().__init__(parent)
        self._store = store
        self._models = models
        self._parts = parts
        self._notices = notices
        self._dialogs = dialogs
        self._open_image = open_image
        self._words = TrainingWords(self)
        self._trial_told = False
        # One of its own: the dialog's may be counting for what is chosen there.
        self._drift = DriftModel(store, jobs, self)
        self._drift.counted.connect(self._tell_alarms)
        self._look = QTimer(self, singleShot=True, interval=_FIRST_LOOK_MS)
        self._look.timeout.connect(self.look)
        self._look.start()
        parts.runs.finished.connect(self._finished)
        parts.runs.failed.connect(self._failed)
        parts.runs.troubled.connect(self._tell_trouble)
        parts.runs.changed.connect(self._forget_trouble)
        self._trouble_told = ""
        parts.trial.changed.connect(self._tell_trial)

    def show(self) -> TrainingDialog:
        """Open the dialog, or bring it to the front."""
        return self._dialogs.show_training(self._parts, self._open_image)

    def look(self) -> None:
        """Measure how the model fares, now and once an hour from now on."""
        self._drift.count()
        self._look.start(_NEXT_LOOK_MS)

    def close(self) -> None:
        """Stop what runs, and look no more."""
        self._look.stop()
        self._drift.cancel()
        self._parts.runs.close()
        self._parts.bundles.close()

    @property
    def _is_open(self) -> bool:
        window = self.parent()
        assert window is not None, "it belongs to a window"
        return any(dialog.isVisible() for dialog in window.findChildren(TrainingDialog))

    def _open(self, page: int) -> None:
        self.show().pages.show_panel(page)

    def _tell(self, text: str, page: int) -> None:
        self._notices.show_notice(text, [(self.tr("Look"), lambda: self._open(page))])

    def _tell_alarms(self, drift: Drift) -> None:
        told = set(json.loads(self._store.setting(_TOLD_SETTING, "[]")))
        newest = drift.everything.windows[-1].first.isoformat() if drift.everything.windows else ""
        fresh = {f"{newest} {one.label}": one for one in drift.alarms if f"{newest} {one.label}" not in told}
        if not fresh:
            return
        # What was told of earlier weeks cannot ring again.
        kept = [key for key in told if key.startswith(newest)]
        self._store.set_setting(_TOLD_SETTING, json.dumps(sorted([*kept, *fresh])))
        self._tell("\n".join(self._words.alarm(one, self._name_of) for one in fresh.values()), DRIFT)

    def _name_of(self, key: str, english: str) -> str:
        return label_name(self._models.labels, self._models.asking.language, key, english)

    def _finished(self, folder: Path) -> None:
        if not self._is_open:
            self._tell(self.tr("A training is finished: see whether it made the model better."), RUNS)

    def _failed(self, message: str) -> None:
        if not self._is_open:
            self._tell(self.tr("The training stopped. {0}").format(shown_error(message)), RUNS)

    def _tell_trouble(self, message: str) -> None:
        text = self.tr("The adapter in use cannot be loaded, and the model does not answer: {0}")
        self._trouble_told = text.format(shown_error(message))
        self._tell(self._trouble_told, RUNS)

    def _forget_trouble(self) -> None:
        if self._trouble_told and not self._parts.runs.trouble:
            self._notices.withdraw(self._trouble_told)
            self._trouble_told = ""

    def _tell_trial(self) -> None:
        over = self._parts.trial.is_over
        text = self.tr("Enough regions are named to compare the two adapters: choose one.")
        if over and not self._trial_told and not self._is_open:
            self._tell(text, TRIAL)
        elif not over:
            self._notices.withdraw(text)
        self._trial_told = over
