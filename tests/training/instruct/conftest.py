"""Small sources of every kind, made on the spot, and how they are read."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from pydantic import TypeAdapter

from training.instruct.items import SourceImage
from training.instruct.masks import Thresholds
from training.instruct.naming import Naming
from training.instruct.sources import AnySettings, Source, open_source

_COMMON = {"name": "one", "licence": "CC0", "terms": "open", "modality": "CT"}


@pytest.fixture(scope="session")
def naming() -> Naming:
    """The built-in labels."""
    return Naming()


@pytest.fixture
def source_of(naming: Naming) -> Callable[..., Source[Any]]:
    """Opens a source from its settings, those that all have filled in."""

    def open_one(**settings: Any) -> Source[Any]:
        return open_source(TypeAdapter(AnySettings).validate_python({**_COMMON, **settings}), naming, Thresholds())

    return open_one


@pytest.fixture
def read_all(source_of: Callable[..., Source[Any]]) -> Callable[..., list[SourceImage]]:
    """Every picture of a source."""

    def read(**settings: Any) -> list[SourceImage]:
        source = source_of(**settings)
        return [image for unit in source.units() for image in source.read(unit)]

    return read


def _noise(seed: int, width: int = 64, height: int = 48, colour: bool = False) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """A picture that looks like no other one: low frequencies at random, as perceptual hashes see them."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (12, 12, 3) if colour else (12, 12), np.uint8)
    return np.asarray(Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC))


@pytest.fixture
def noise() -> Callable[..., np.ndarray[Any, np.dtype[np.uint8]]]:
    """Pixels of a picture of its own for each seed."""
    return _noise


@pytest.fixture
def picture() -> Callable[..., Path]:
    """Writes a picture of its own for each seed."""

    def write(path: Path, seed: int = 0, **size: Any) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(_noise(seed, **size)).save(path)
        return path

    return write
