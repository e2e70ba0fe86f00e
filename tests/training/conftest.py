"""A small set and recipe that several tests of the trainer use."""

from __future__ import annotations

from pathlib import Path

import pytest

TINY = """
[model]
preset = "tiny"
seed = 1

[[stages]]
name = "alignment"
kind = "instruction"
train = ["connector", "text"]
steps = 8
images_per_step = 4
learning_rate = 3e-3
log_every = 1
save_every = 2
pack = 700
bf16 = false
"""

LORA = """
[[stages]]
name = "lora"
kind = "instruction"
lora = { rank = 4, alpha = 8 }
steps = 3
images_per_step = 4
learning_rate = 3e-3
log_every = 1
bf16 = false
"""


@pytest.fixture(scope="session")
def phantom_set(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Training patients of a tiny phantom set."""
    pytest.importorskip("torch")
    from engine.progress import NoProgress
    from training.phantom_set import PhantomSetSpec, build_phantom_set

    out = tmp_path_factory.mktemp("phantoms") / "set"
    build_phantom_set(out, PhantomSetSpec(4, 1, 1, slices=2, size=96), NoProgress())
    return out / "train"


@pytest.fixture(scope="session")
def tiny_recipe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One instruction stage of eight steps."""
    path = tmp_path_factory.mktemp("recipes") / "tiny.toml"
    path.write_text(TINY, encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def lora_recipe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The stage and a LoRA stage after it."""
    path = tmp_path_factory.mktemp("recipes") / "lora.toml"
    path.write_text(TINY + LORA, encoding="utf-8")
    return path
