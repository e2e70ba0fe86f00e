"""What a frozen vision tower says of an image, kept on disk: computed once, at any later visit only read.

One NumPy file an image and view, written whole or not at all, so that processes and data workers share a folder and
a killed run keeps what it had. Nothing stays in memory.
"""

from __future__ import annotations

import hashlib
import logging
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NotRequired, TypedDict

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

logger = logging.getLogger(__name__)

_LARGEST_HALF = 60000.0


class ImageItem(TypedDict):
    """A drawn image. image : (S, S, 3) uint8, or None where `features`, (places, C), are known. key : of the cache.

    where : the line of its first record.
    """

    image: NDArray[np.uint8] | None
    features: NDArray[np.generic] | None
    key: str
    where: str


class ImageBatch(TypedDict):
    """images : (B, S, S, 3) uint8 of those without features. rows, known_rows : where each stands among all images.

    known : (K, places, C) features from the cache. keys : of `images` in the cache. where : lines of records, for
    messages.
    """

    images: torch.Tensor
    rows: NotRequired[torch.Tensor]
    known: NotRequired[torch.Tensor]
    known_rows: NotRequired[torch.Tensor]
    keys: NotRequired[list[str]]
    where: NotRequired[list[str]]


def collate_images(items: Sequence[ImageItem]) -> ImageBatch:
    """Put drawn images together, those whose features are known apart."""
    pictures = {number: item["image"] for number, item in enumerate(items) if item["image"] is not None}
    known = {number: item["features"] for number, item in enumerate(items) if item["features"] is not None}
    new = list(pictures)
    images = np.stack(list(pictures.values())) if new else np.zeros((0, 1, 1, 3), np.uint8)
    batch: ImageBatch = {
        "images": torch.from_numpy(images),
        "rows": torch.tensor(new, dtype=torch.int64),
        "keys": [items[number]["key"] for number in new],
        "where": [item["where"] for item in items],
    }
    if known:
        batch["known"] = torch.from_numpy(np.stack(list(known.values()))).float()
        batch["known_rows"] = torch.tensor(list(known), dtype=torch.int64)
    return batch


def batch_features(
    batch: ImageBatch, make: Callable[[torch.Tensor], torch.Tensor], cache: FeatureCache | None, *, caching: bool
) -> torch.Tensor:
    """(B, places, C) features of a batch: those known as they are, the others made of (N, S, S, 3) uint8 and kept.

    caching : also without a cache, features are rounded as if they had been kept.
    """
    images = batch["images"]
    made = make(images) if len(images) else None
    if made is not None and caching:
        kept = [as_kept(one) for one in made]
        if cache is not None:
            for key, one in zip(batch.get("keys", []), kept, strict=True):
                cache.put(key, one)
        made = torch.stack([one.float() for one in kept])
    known = batch.get("known")
    if known is None:
        assert made is not None
        return made
    features = known.new_zeros((len(images) + len(known), *known.shape[1:]))
    features[batch["known_rows"]] = known
    if made is not None:
        features[batch["rows"]] = made.to(features.dtype)
    return features


class FeatureCache:
    """Features by key, in the folder of their tower.

    tower : digest of the weights (see `tower_digest`): another tower's features are never read.
    limit_bytes : once the folder holds so much nothing more is written; what is there is still read.
    """

    def __init__(self, folder: Path, tower: str, limit_bytes: float) -> None:
        self._folder = folder / tower
        self._folder.mkdir(parents=True, exist_ok=True)
        self._limit = limit_bytes
        self._bytes = sum(file.stat().st_size for file in self._folder.rglob("*.npy"))
        self._full = False

    @staticmethod
    def key(image: Path, size: int, seed: int, view: int, form: str = "") -> str:
        """Names one view of an image file as it is now. form : how it was cut, so that no other cut is taken for it."""
        facts = image.stat()
        text = f"{image.resolve()}|{facts.st_size}|{facts.st_mtime_ns}|{size}|{seed}|{view}|{form}"
        return hashlib.sha256(text.encode()).hexdigest()

    def get(self, key: str) -> NDArray[np.generic] | None:
        """(image tokens, C), or None; a damaged file counts as none."""
        try:
            features: NDArray[np.generic] = np.load(self._path(key), allow_pickle=False)
        except FileNotFoundError:
            return None
        except (OSError, ValueError, EOFError) as error:
            logger.warning("cached features %s are damaged and made anew: %s", self._path(key).name, error)
            return None
        return features

    def put(self, key: str, features: torch.Tensor) -> None:
        """Keep (image tokens, C), unless the limit is reached or the disk is full: training goes on without."""
        size = features.numel() * features.element_size()
        if self._full or self._bytes + size > self._limit:
            if not self._full:
                logger.warning("the feature cache is full (%.1f GB): more is not kept", self._bytes / 1e9)
            self._full = True
            return
        path = self._path(key)
        path.parent.mkdir(exist_ok=True)
        temporary = path.with_name(f".{path.name}.{os.getpid()}")
        try:
            with temporary.open("wb") as out:
                np.save(out, features.cpu().numpy(), allow_pickle=False)
            temporary.replace(path)
        except OSError as error:
            temporary.unlink(missing_ok=True)
            self._full = True
            logger.warning("cannot keep features in %s: %s; more is not kept", self._folder, error.strerror)
            return
        self._bytes += size

    def _path(self, key: str) -> Path:
        return self._folder / key[:2] / f"{key}.npy"


def as_kept(features: torch.Tensor) -> torch.Tensor:
    """The precision that features are kept in: half, unless a value does not fit.

    Also applied to features just made: a run that reads them back must see the very same numbers.
    """
    return features if features.abs().amax() > _LARGEST_HALF else features.half()


def tower_digest(tower: nn.Module) -> str:
    """SHA-256 of a tower's weights and their names, 16 digits of it."""
    digest = hashlib.sha256()
    for name, tensor in sorted(tower.state_dict().items()):
        digest.update(name.encode())
        digest.update(tensor.detach().cpu().contiguous().view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()[:16]
