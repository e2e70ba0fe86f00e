"""An adapter's GGUF form beside the torch model it came from, on a few questions."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from engine.progress import Progress
from engine.runtime import AdapterManifest, ModelManifest, known_labels
from training.checkpoint import TrainingError
from training.evaluation.answering import GgufAnswerer
from training.evaluation.predict import predict
from training.evaluation.prediction import Prediction
from training.evaluation.torch_answering import TorchAnswerer
from training.export.compare import TaskComparison, compare

_LARGEST_GAP = 0.1
"""Of a mean probability. An adapter that is misread is off by several tenths, 8-bit sums by hundredths."""


@dataclass(frozen=True, slots=True)
class AdapterCheck:
    """rows : per task. gap : between the probabilities that both give a name, of the name where it is largest, mean
    over the questions; None without such questions.
    """

    rows: tuple[TaskComparison, ...]
    gap: float | None

    def to_json(self) -> dict[str, Any]:
        """For a run's result."""
        rows = {row.task.value: {k: v for k, v in asdict(row).items() if k != "task"} for row in self.rows}
        return {"tasks": rows, "probability_gap": None if self.gap is None else round(self.gap, 5)}

    def require_close(self) -> None:
        """Raise `TrainingError` when llama.cpp answers otherwise than torch."""
        if self.gap is not None and not self.gap <= _LARGEST_GAP:
            raise TrainingError(
                f"the exported adapter is not the trained one: its probabilities are {self.gap:.3f} away from torch's"
            )


def check_adapter(
    checkpoint: Path, base: ModelManifest, adapter: AdapterManifest, dataset: Path, questions: int, progress: Progress
) -> AdapterCheck:
    """Ask both the same questions of a set. checkpoint : of torch, the adapter merged into it."""
    with TorchAnswerer(checkpoint) as torch_side:
        torch_side.labels = known_labels(base, adapter)
        ours = predict(torch_side, dataset, progress, limit=questions).predictions
    with GgufAnswerer(
        base, calibrated=False, exact=True, adapter=adapter, threads=torch.get_num_threads()
    ) as gguf_side:
        theirs = predict(gguf_side, dataset, progress, limit=questions).predictions
    other = {one.where: one for one in theirs}
    gaps = [_gap(one, other[one.where]) for one in ours if one.choices]
    return AdapterCheck(compare(ours, theirs), float(np.mean(gaps)) if gaps else None)


def _gap(ours: Prediction, theirs: Prediction) -> float:
    other = {choice.text: choice.probability for choice in theirs.choices}
    return max(abs(choice.probability - other[choice.text]) for choice in ours.choices)
