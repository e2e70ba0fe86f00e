"""What a model's measured scores say, in the interface's language."""

from __future__ import annotations

from PySide6.QtCore import QObject

from engine.protocol import Task
from engine.runtime import LabelScore, ModelManifest, label_score

_FEW = 9
"""Of names learnt from so many patients or fewer the number is told."""


class ScoreWords(QObject):
    """Makes the texts; knows no widget."""

    def model(self, manifest: ModelManifest) -> list[tuple[str, str]]:
        """(what, figure) of a model's headline scores; empty where none was measured."""
        names = {
            "region_to_text_accuracy": self.tr("Names regions right"),
            "text_to_region_mean_iou": self.tr("Overlap of boxes (mean IoU)"),
            "text_to_region_so_sr_iou": self.tr("One object, one region (IoU)"),
            "calibration_error": self.tr("Calibration error"),
        }
        numbers = {key: value for key, value in manifest.scores.items() if isinstance(value, int | float)}
        return [(names.get(key, key.replace("_", " ")), f"{value:.3f}") for key, value in numbers.items()]

    def of_label(self, manifest: ModelManifest, task: Task, label_id: str, patients: int | None = None) -> str:
        """How a model did on one label: in naming its regions, or for text-to-region in finding them.

        patients : those that it learnt the label from, None where that is not known. Told where they are few.
        """
        score = label_score(manifest, label_id)
        said = self._found(score) if task is Task.TEXT_TO_REGION else self._named(score)
        if patients is None or patients > _FEW:
            return said
        return self.tr("{0}. Patients with such scans in its training: {1}").format(said, patients)

    def _named(self, score: LabelScore | None) -> str:
        """How often a region of this label got its name."""
        if score is None or score.named is None:
            return self.tr("Never tested on this name")
        return self.tr("In its test: named right {0} of {1}").format(
            round(score.named * score.named_of), score.named_of
        )

    def _found(self, score: LabelScore | None) -> str:
        """How well boxes found for this label fitted."""
        if score is None or score.overlap is None:
            return self.tr("Never tested on this name")
        return self.tr("In its test: boxes overlap {0} on average, of {1}").format(
            f"{score.overlap:.2f}", score.found_of
        )
