"""The models of the training dialog, in one value."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QObject

from desktop.model.asking import AskingModel
from desktop.model.corrections import CorrectionsModel
from desktop.model.drift import DriftModel
from desktop.model.jobs import JobRunner
from desktop.model.reader import ReaderModel
from desktop.model.training_run import TrainingModel
from engine.store import AnnotationStore


@dataclass(frozen=True, slots=True)
class TrainingModels:
    """One of each, for one window: a training goes on when the dialog is closed."""

    runs: TrainingModel
    corrections: CorrectionsModel
    drift: DriftModel

    @classmethod
    def make(
        cls, store: AnnotationStore, asking: AskingModel, reader: ReaderModel, jobs: JobRunner, window: QObject
    ) -> TrainingModels:
        """All of a window's, which they belong to."""
        return cls(
            TrainingModel(store, asking, reader, jobs, window),
            CorrectionsModel(store, jobs, window),
            DriftModel(store, jobs, window),
        )
