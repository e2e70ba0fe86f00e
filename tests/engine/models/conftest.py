"""A registry of the test's own, and a checkpoint in the released layout."""

from __future__ import annotations

import pytest

from engine.runtime import registry


@pytest.fixture
def parents(tmp_path, monkeypatch):
    """Two empty places for models: the person's, and what ships."""
    folders = (tmp_path / "person", tmp_path / "shipped")
    for folder in folders:
        folder.mkdir()
    monkeypatch.setattr(registry, "model_folders", lambda: folders)
    monkeypatch.setattr("engine.models.registering.model_folders", lambda: folders)
    return folders


@pytest.fixture(scope="session")
def released(tmp_path_factory):
    """MedRegA's layout with a small LayerNorm tower, three shards, pixel shuffle v1."""
    pytest.importorskip("torch")
    pytest.importorskip("sentencepiece")
    from tests.engine.models.released import write_checkpoint

    folder = tmp_path_factory.mktemp("released") / "checkpoint"
    write_checkpoint(folder, width=128, layers=3, heads=4, feed=256, size=112, rms=False, ps_version="v1", shards=3)
    return folder
