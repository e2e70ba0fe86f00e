"""What a manifest says of one label; whatever stands in it, nothing is made up."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from engine.runtime import LabelScore, ModelManifest, label_score


@pytest.fixture
def manifest(tiny_model: Path) -> ModelManifest:
    return ModelManifest.read(tiny_model)


def scored(manifest: ModelManifest, labels: Any) -> ModelManifest:
    return replace(manifest, scores={"region_to_text_accuracy": 0.5, "labels": labels})


def test_a_score_comes_back(manifest: ModelManifest) -> None:
    score = LabelScore(0.75, 8, None, 0)
    assert label_score(scored(manifest, {"liver": score.to_json()}), "liver") == score


def test_no_score_where_it_was_never_asked(manifest: ModelManifest) -> None:
    assert label_score(manifest, "liver") is None
    known = scored(manifest, {"liver": LabelScore(None, 0, None, 0).to_json()})
    assert label_score(known, "liver") is None
    assert label_score(known, "spleen") is None


@pytest.mark.parametrize("labels", [None, 3, [], {"liver": 1}, {"liver": {"named": "all", "named_of": "8"}}])
def test_damaged_figures_are_none(manifest: ModelManifest, labels: Any) -> None:
    assert label_score(scored(manifest, labels), "liver") is None
