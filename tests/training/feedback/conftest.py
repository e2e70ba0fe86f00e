"""A snapshot-shaped folder of generated phantoms, and a run on it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def snapshot(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Corrections of eight patients to learn from, of six to judge by."""
    pytest.importorskip("torch")
    from engine.feedback.hashes import seal
    from engine.progress import NoProgress
    from training.phantom_set import PhantomSetSpec, build_phantom_set

    made = tmp_path_factory.mktemp("phantoms") / "set"
    build_phantom_set(made, PhantomSetSpec(8, 0, 6, slices=2, size=64, seed=5), NoProgress())
    folder = tmp_path_factory.mktemp("snapshots") / "site-b"
    shutil.copytree(made / "train", folder / "train")
    shutil.copytree(made / "test", folder / "heldout")
    (folder / "snapshot.json").write_text("{}", encoding="utf-8")
    seal(folder)
    return folder


@pytest.fixture(scope="session")
def replay(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the tiny base is said to have learnt from."""
    from engine.progress import NoProgress
    from training.phantom_set import PhantomSetSpec, build_phantom_set

    made = tmp_path_factory.mktemp("replay") / "set"
    build_phantom_set(made, PhantomSetSpec(6, 0, 6, slices=2, size=64, seed=6), NoProgress())
    return made


@pytest.fixture(scope="session")
def base(tiny_model: Path):
    """The untrained tiny model as the engine opens it."""
    from engine.runtime import ModelManifest

    return ModelManifest.read(tiny_model)


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory, snapshot, base, tiny_checkpoint, replay):
    """A finished run of a few dozen steps."""
    from engine.progress import NoProgress
    from training.feedback.finetune import FineTuning, fine_tune

    out = tmp_path_factory.mktemp("runs") / "run"
    settings = FineTuning(rank=8, max_steps=80, patience=8)
    return fine_tune(snapshot, base, out, settings, NoProgress(), replay=replay / "train", checkpoint=tiny_checkpoint)
