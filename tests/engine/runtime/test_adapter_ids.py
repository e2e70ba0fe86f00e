"""Which names an adapter may have: its folder lies beside files of this program."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from engine.runtime import AdapterManifest, ModelError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    said = {"format": 1, "id": "a", "name": "A", "base": "b" * 64}
    (tmp_path / "adapter.json").write_text(
        json.dumps(said | {"file": {"name": "adapter.gguf", "sha256": "c" * 64, "bytes": 1}})
    )
    return tmp_path


def named(folder: Path, id_: str) -> AdapterManifest:
    path = folder / "adapter.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"id": id_}))
    return AdapterManifest.read(folder)


@pytest.mark.parametrize(
    "id_", ["history.json", "trial.json", "x.json", ".json", "site.", "a..", "", "A", "a/b", "a" * 65]
)
def test_a_name_that_could_take_a_files_place_is_refused(folder, id_):
    with pytest.raises(ModelError, match="its id or its file's name cannot be"):
        named(folder, id_)


@pytest.mark.parametrize("id_", ["a", "site-1.2", "site_", "feedback-0123456789abcdef", "json", "x.jsonl", "a" * 64])
def test_a_plain_name_is_taken(folder, id_):
    assert named(folder, id_).id == id_
