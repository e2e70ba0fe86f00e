"""What opens over the window: choosers of files, key sheet, label sets, the model's card, about."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QObject, Qt
from PySide6.QtWidgets import QFileDialog, QMessageBox, QWidget

from desktop.model.browser import BrowserModel
from desktop.model.models import ModelsModel
from desktop.model.relabelling import RelabellingModel
from desktop.model.session import ViewerModels
from desktop.model.training import TrainingModels
from desktop.panels.change_label_dialog import ChangeLabelDialog
from desktop.panels.key_sheet import KeySheet
from desktop.panels.label_sets_dialog import LabelSetsDialog
from desktop.panels.models_dialog import ModelsDialog
from desktop.panels.score_words import ScoreWords
from desktop.panels.training_dialog import TrainingDialog
from desktop.viewer_actions import KeyGroup
from engine.store import ImageRow


class WindowDialogs(QObject):
    """Each verb opens one; none waits for its answer but the choosers of files."""

    def __init__(
        self, models: ViewerModels, worklist: BrowserModel, relabelling: RelabellingModel, window: QWidget
    ) -> None:
        super().__init__(window)
        self._models = models
        self._worklist = worklist
        self._relabelling = relabelling
        self._window = window

    def choose_files(self) -> None:
        """Put scans on the list."""
        names, _ = QFileDialog.getOpenFileNames(self._window, self.tr("Add scans"))
        if names:
            self._worklist.add_paths([Path(name) for name in names])

    def choose_folder(self) -> None:
        """Put a folder of scans on the list."""
        name = QFileDialog.getExistingDirectory(self._window, self.tr("Add a folder of scans"))
        if name:
            self._worklist.add_paths([Path(name)])

    def change_everywhere(self) -> None:
        """Another name for all regions that have the selected one's."""
        row = self._models.regions.selected_row
        if row is not None and row.label is not None:
            language = self._models.asking.language.value
            ChangeLabelDialog(row.label, self._models.labels, self._relabelling, language, self._window).open()

    def show_label_sets(self) -> None:
        """The project's labels with colours and keys."""
        LabelSetsDialog(self._models.labels, self._models.asking.language.value, self._window).open()

    def show_keys(self, groups: tuple[KeyGroup, ...]) -> None:
        """All keys and what the mouse does."""
        KeySheet(groups, self._window).open()

    def manage_models(self, manager: ModelsModel) -> None:
        """The registered models, and which of them answers what."""
        ModelsDialog(manager, self._window).open()

    def show_training(self, parts: TrainingModels, open_image: Callable[[ImageRow], object]) -> TrainingDialog:
        """Corrections, trainings and drift; one dialog, however often it is asked for. open_image : to label it."""
        for dialog in self._window.findChildren(TrainingDialog):
            if dialog.isVisible():
                dialog.raise_()
                dialog.activateWindow()
                return dialog
        made = TrainingDialog(parts, self._models, self._title_of, self._worklist.put_next, self._window)
        made.open_wanted.connect(open_image)
        made.show()
        return made

    def _title_of(self, image: ImageRow) -> str:
        row = self._worklist.row_named(image.source, image.series_uid)
        return self.tr("(no longer on the list)") if row is None else self._worklist.title_of(row)

    def show_model_card(self) -> None:
        """What the model was trained on, and its scores."""
        manifest = self._models.asking.manifest
        card = manifest.folder / "MODEL_CARD.md"
        text = card.read_text(encoding="utf-8") if card.is_file() else self.tr("This model has no card.")
        box = QMessageBox(self._window)
        box.setWindowTitle(self.tr("Model card"))
        box.setText(f"{manifest.name}\n{manifest.id} {manifest.version} · {manifest.sha256[:12]}")
        box.setInformativeText("\n".join(f"{what}: {figure}" for what, figure in ScoreWords(self).model(manifest)))
        box.setDetailedText(text)
        box.open()

    def show_about(self) -> None:
        """What this program is, and what it is not for."""
        box = QMessageBox(self._window)
        box.setWindowTitle(self.tr("About MedRegA Desktop"))
        box.setTextFormat(Qt.TextFormat.RichText)
        box.setText(
            self.tr(
                "Label and read medical scans with a model that runs on this computer.<br><br>"
                "<b>Not for diagnostic use.</b> Suggestions are a model's guesses until a person decides.<br><br>"
                "After MedRegA, Wang et al., ICLR 2025. Apache-2.0."
            )
        )
        box.open()
