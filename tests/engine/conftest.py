"""A model for tests of the engine, made on the spot: no download, no torch."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from engine.runtime import KvType, ModelManifest, Session


@pytest.fixture(scope="session")
def make_model(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., ModelManifest]:
    """`write_tiny_model` of tests/engine/runtime/tiny_model.py, into a folder of its own: give a seed."""
    pytest.importorskip("gguf")
    path = Path(__file__).parent / "runtime" / "tiny_model.py"
    spec = importlib.util.spec_from_file_location("tiny_model", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)

    def make(seed: int = 0, **options: int) -> ModelManifest:
        return module.write_tiny_model(tmp_path_factory.mktemp("models") / f"tiny-{seed}", seed, **options)

    return make


@pytest.fixture(scope="session")
def random_model(make_model: Callable[..., ModelManifest]) -> ModelManifest:
    """A random model that llama.cpp runs. Nobody may change its files."""
    return make_model(0)


@pytest.fixture(scope="module")
def session(random_model: ModelManifest) -> Iterator[Session]:
    """A running model process."""
    with Session(random_model, threads=1, kv_type=KvType.F32) as running:
        yield running


@pytest.fixture(scope="session")
def picture() -> NDArray[np.uint8]:
    """A slice of 120 x 100 pixels, not the model's own size."""
    return np.random.default_rng(1).integers(0, 256, (100, 120, 3), dtype=np.uint8)
