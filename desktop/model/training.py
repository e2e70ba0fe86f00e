"""The models of the training dialog, in one value."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QObject

from desktop.model.bundles import BundlesModel
from desktop.model.corrections import CorrectionsModel
from desktop.model.drift import DriftModel
from desktop.model.jobs import JobRunner
from desktop.model.next_images import NextImagesModel
from desktop.model.reader import ReaderModel
from desktop.model.session import ViewerModels
from desktop.model.training_run import TrainingModel
from desktop.model.trial import TrialModel
from engine.store import AnnotationStore


@dataclass(frozen=True, slots=True)
class TrainingModels:
    """One of each, for one window: a training goes on when the dialog is closed."""

    runs: TrainingModel
    corrections: CorrectionsModel
    drift: DriftModel
    trial: TrialModel
    next_images: NextImagesModel
    bundles: BundlesModel

    @classmethod
    def make(
        cls, store: AnnotationStore, models: ViewerModels, reader: ReaderModel, jobs: JobRunner, window: QObject
    ) -> TrainingModels:
        """All of a window's, which they belong to."""
        asking, regions = models.asking, models.regions
        runs = TrainingModel(store, asking, reader, jobs, window)
        trial = TrialModel(store, asking, regions, runs, reader, jobs, window)
        bundles = BundlesModel(store, asking, reader, jobs, window)
        # An adapter that was imported can be compared.
        bundles.packed.connect(trial.refresh)
        return cls(
            runs,
            CorrectionsModel(store, jobs, window),
            DriftModel(store, jobs, window),
            trial,
            NextImagesModel(store, jobs, window),
            bundles,
        )
