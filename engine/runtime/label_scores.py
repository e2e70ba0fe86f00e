"""How well a model did on one label when it was last scored: what a person may expect of this very name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from engine.runtime.manifest import ModelManifest

LABELS = "labels"
"""Of `ModelManifest.scores`: by label id, what `LabelScore.to_json` makes."""


@dataclass(frozen=True, slots=True)
class LabelScore:
    """Held-out figures of a label, both languages together.

    named : share of its regions that got its name, of `named_of` questions. overlap : mean IoU of the boxes found for
    its name, of `found_of` questions. None where there was no question.
    """

    named: float | None
    named_of: int
    overlap: float | None
    found_of: int

    def to_json(self) -> dict[str, float | int | None]:
        """As the manifest holds it."""
        return {
            "named": None if self.named is None else round(self.named, 4),
            "named_of": self.named_of,
            "overlap": None if self.overlap is None else round(self.overlap, 4),
            "found_of": self.found_of,
        }


def label_score(manifest: ModelManifest, label_id: str) -> LabelScore | None:
    """None where the model was not scored by label, or never on this one; also where the figures are damaged."""
    labels = manifest.scores.get(LABELS)
    row = labels.get(label_id) if isinstance(labels, dict) else None
    if not isinstance(row, dict):
        return None
    score = LabelScore(
        _share(row.get("named")), _count(row.get("named_of")), _share(row.get("overlap")), _count(row.get("found_of"))
    )
    return score if score.named_of or score.found_of else None


def _share(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and 0 <= value <= 1 else None


def _count(value: Any) -> int:
    return value if isinstance(value, int) and value > 0 else 0
