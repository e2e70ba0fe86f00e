"""The line under everything: what is being done, which model and language, and what this is not for."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QEvent, Qt, Signal
from PySide6.QtWidgets import QLabel, QProgressBar, QPushButton, QStatusBar, QToolButton, QWidget

from desktop.error_texts import shown_error
from desktop.model.jobs import Job
from desktop.panels.reader_menu import ReaderMenu
from engine.protocol import Language
from engine.runtime import ModelManifest

_MESSAGE_MS = 12_000


class StatusLine(QStatusBar):
    """Shows the newest job that runs and cancels it. language_toggled : the language button was pressed.

    notice : why the database cannot be written to, "" when it can. readers : the menu of who is at work.
    """

    language_toggled = Signal()

    def __init__(
        self, manifest: ModelManifest, notice: str, readers: ReaderMenu, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._manifest = manifest
        self._notice = notice
        self._adapter = ""
        self._others: list[str] = []
        self._unusable = False
        self._jobs: list[Job] = []
        self.setSizeGripEnabled(False)
        self._progress = QProgressBar()
        self._progress.setFixedWidth(160)
        self._progress.setTextVisible(False)
        self._progress.hide()
        self._cancel = QPushButton()
        self._cancel.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._cancel.clicked.connect(self.cancel)
        self._cancel.hide()
        self._read_only = QLabel()
        self._read_only.setObjectName("readOnly")
        self._read_only.setVisible(bool(notice))
        self._model = QLabel()
        self._model.setObjectName("modelLabel")
        self._language = QToolButton()
        self._language.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._language.clicked.connect(self.language_toggled)
        self.reader = QToolButton()
        self.reader.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.reader.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.reader.setMenu(readers)
        self._readers = readers
        readers.chosen.connect(self._show_reader)
        self._disclaimer = QLabel()
        self._disclaimer.setObjectName("disclaimer")
        permanent = (self._progress, self._cancel, self._read_only, self.reader, self._model, self._language)
        for widget in (*permanent, self._disclaimer):
            self.addPermanentWidget(widget)
        self._retranslate()

    def say(self, message: str) -> None:
        """One line for the person; it fades."""
        self.showMessage(message, _MESSAGE_MS)

    def watch(self, job: Job) -> None:
        """Show a job's progress until it ends; the newest one when there are several."""
        self._jobs.append(job)
        self._progress.setRange(0, 0)
        self._progress.show()
        self._cancel.show()
        job.progressed.connect(lambda done, total, _: self._progressed(job, done, total))
        job.finished.connect(lambda: self._unwatch(job))

    def cancel(self) -> None:
        """Cancel the job whose progress is shown."""
        if self._jobs:
            self._jobs[-1].cancel()
            self.say(self.tr("Cancelled"))

    def set_language(self, language: Language) -> None:
        """The language of questions and names."""
        self._language.setText("中文" if language is Language.ZH else "EN")

    def set_model(self, manifest: ModelManifest, adapter: str, others: Sequence[str] = ()) -> None:
        """Which model answers now. adapter : its LoRA adapter's name, "" for none. others : ids, for single tasks."""
        self._manifest, self._adapter, self._unusable = manifest, adapter, False
        self._others = list(others)
        self._show_model()

    def set_model_unusable(self) -> None:
        """The model cannot be loaded."""
        self._unusable = True
        self._show_model()

    def _progressed(self, job: Job, done: int, total: int) -> None:
        if self._jobs and job is self._jobs[-1]:
            self._progress.setRange(0, total)
            self._progress.setValue(done)

    def _unwatch(self, job: Job) -> None:
        if job in self._jobs:
            self._jobs.remove(job)
        self._progress.setVisible(bool(self._jobs))
        self._cancel.setVisible(bool(self._jobs))

    def _show_model(self) -> None:
        manifest = self._manifest
        if self._unusable:
            # Not with its hash: the files may be others than those it names.
            self._model.setText(self.tr("Model {0}: cannot be used").format(manifest.id))
        else:
            text = self.tr("Model {0} {1} · {2}")
            adapter = f" + {self._adapter}" if self._adapter else ""
            self._model.setText(text.format(manifest.id, manifest.version + adapter, manifest.sha256[:8]))
        single = self.tr("For single tasks: {0}").format(", ".join(self._others)) if self._others else ""
        self._model.setToolTip("\n".join(filter(None, (manifest.name, single))))

    def _show_reader(self) -> None:
        self.reader.setText(self.tr("Reader: {0}").format(self._readers.name).replace("&", "&&"))
        self.reader.setToolTip(self.tr("Who is at work: regions are kept under this name"))

    def _retranslate(self) -> None:
        self._cancel.setText(self.tr("Cancel"))
        self._read_only.setText(self.tr("Read only: a newer version wrote this database"))
        self._read_only.setToolTip(shown_error(self._notice))
        self._disclaimer.setText(self.tr("Not for diagnostic use"))
        self._language.setToolTip(self.tr("Language of names and of questions to the model (L)"))
        self._show_model()
        self._show_reader()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.LanguageChange:
            self._retranslate()
