"""Records gathered by image, read once, and made into packed batches."""

from __future__ import annotations

import json
import math
from collections import defaultdict
from collections.abc import Container, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError
from torch.utils.data import Dataset

from engine.protocol import IMAGE_MARKER, Task, prompt_from_user_text
from training.attention import answer_looks
from training.augment import Crop, change_greys, crop_record, loosen_boxes
from training.packing import Branch, PackedBatch, PackedQuestions, pack
from training.records import MASKS_FILE, DatasetError, Record, read_records
from training.tokenizer import PromptEncoder

_PLACE_WEIGHTS = (0.2, 1.0, 2.0)
"""Of ones, tens and hundreds."""


@dataclass(frozen=True, slots=True)
class ImageSample:
    """One image with all its records. mask : its label map, None where the dataset has none."""

    path: Path
    records: tuple[Record, ...]
    mask: Path | None


def gather_samples(datasets: Sequence[Path]) -> list[ImageSample]:
    """The images of some datasets with their records, in the order of their paths.

    Raises `DatasetError` naming a missing image or a dataset without records.
    """
    by_image: dict[Path, list[Record]] = defaultdict(list)
    masks: dict[Path, Path] = {}
    for dataset in datasets:
        for folder, record in read_records(dataset):
            by_image[folder / record.image].append(record)
        folder = dataset if dataset.is_dir() else dataset.parent
        if (folder / MASKS_FILE).is_file():
            names = json.loads((folder / MASKS_FILE).read_text(encoding="utf-8"))
            masks |= {folder / image: folder / mask for image, mask in names.items()}
    if not by_image:
        raise DatasetError(f"no records in {', '.join(map(str, datasets))}")
    for path in by_image:
        if not path.is_file():
            raise DatasetError(f"the image {path} is named by a record but does not exist")
    return [ImageSample(path, tuple(by_image[path]), masks.get(path)) for path in sorted(by_image)]


def read_rgb(path: Path) -> NDArray[np.uint8]:
    """(H, W, 3) uint8. Raises `DatasetError` naming the file."""
    try:
        with Image.open(path) as image:
            return np.asarray(image.convert("RGB"))
    except (OSError, UnidentifiedImageError) as error:
        raise DatasetError(f"cannot read the image {path}: {error}") from error


class QuestionItem(TypedDict):
    """One drawn image: (S, S, 3) uint8 and its packed groups, their image number not yet set."""

    image: NDArray[np.uint8]
    groups: list[PackedQuestions]


class QuestionDataset(Dataset[QuestionItem]):
    """Draws an image with some of its questions, augmented anew at each visit.

    groups_per_image : how many task-and-language groups are drawn at a visit.
    branches_per_group : how many questions of each.
    """

    def __init__(
        self,
        samples: Sequence[ImageSample],
        encoder: PromptEncoder,
        image_size: int,
        *,
        augment: bool,
        groups_per_image: int,
        branches_per_group: int,
        seed: int,
    ) -> None:
        self._samples = samples
        self._encoder = encoder
        self._size = image_size
        self._augment = augment
        self._groups = groups_per_image
        self._branches = branches_per_group
        self._rng = np.random.default_rng(seed)
        self._images: dict[Path, NDArray[np.uint8]] = {}

    def __len__(self) -> int:
        return len(self._samples)

    def __getitem__(self, index: int) -> QuestionItem:
        sample = self._samples[index]
        image = self._images.get(sample.path)
        if image is None:
            image = self._images[sample.path] = read_rgb(sample.path)
        rng = self._rng
        crop = Crop.random(rng) if self._augment and rng.random() < 0.8 else Crop(0, 0, 1, 1)
        cut = crop.apply(image, self._size)
        if self._augment:
            cut = change_greys(cut, rng)
        groups: dict[str, list[Record]] = defaultdict(list)
        for record in sample.records:
            moved = crop_record(record, crop)
            if moved is not None:
                groups[record.human.partition(IMAGE_MARKER)[0]].append(moved)
        names = list(groups)
        rng.shuffle(names)
        return {"image": cut, "groups": [self._pack(groups[name]) for name in names[: self._groups]]}

    def _pack(self, records: list[Record]) -> PackedQuestions:
        picked = self._rng.permutation(len(records))[: self._branches]
        prefix: list[int] = []
        branches = []
        for number in picked:
            record = records[number]
            human = record.human
            if self._augment and record.task is Task.REGION_TO_TEXT:
                human = loosen_boxes(human, self._rng)
            prefix, question = self._encoder.split_at_image(prompt_from_user_text(human))
            answer = tuple(self._encoder.answer_ids(record.gpt))
            weights = digit_weights(answer, self._encoder.digit_ids)
            branches.append(Branch(tuple(question), answer, weights, self._looks(record, answer)))
        return PackedQuestions(0, tuple(prefix), tuple(branches))

    def _looks(self, record: Record, answer: tuple[int, ...]) -> tuple[tuple[int, ...], ...]:
        open_id, close_id = self._encoder.box_ids
        return answer_looks(record, answer, open_id, close_id, math.isqrt(self._encoder.image_tokens))


def digit_weights(answer: Sequence[int], digits: Container[int]) -> tuple[float, ...]:
    """What each id of an answer weighs in the loss: a digit by what its place is worth, anything else 1.

    A hundred is a tenth of the image, a one is less than anybody can draw: unweighted, most of a box's loss is
    the noise of its last digits.
    """
    weights = [1.0] * len(answer)
    place = 0
    for number in range(len(answer) - 1, -1, -1):
        place = place + 1 if answer[number] in digits else 0
        if place:
            weights[number] = _PLACE_WEIGHTS[min(place, len(_PLACE_WEIGHTS)) - 1]
    return tuple(weights)


class QuestionBatch(TypedDict):
    """What the trainer's step gets. images : (B, S, S, 3) uint8."""

    images: torch.Tensor
    packed: PackedBatch


class QuestionCollator:
    """Puts drawn images together; images that kept no question are left out."""

    def __init__(self, encoder: PromptEncoder) -> None:
        self._encoder = encoder

    def __call__(self, items: Sequence[QuestionItem]) -> QuestionBatch:
        kept = [item for item in items if item["groups"]]
        groups = [
            PackedQuestions(number, group.prefix, group.branches)
            for number, item in enumerate(kept)
            for group in item["groups"]
        ]
        images = torch.from_numpy(np.stack([item["image"] for item in kept]))
        return {"images": images, "packed": pack(groups, self._encoder.pad_id, self._encoder.image_tokens)}


class MaskItem(TypedDict):
    """(S, S, 3) uint8 and its (S, S) uint8 label map."""

    image: NDArray[np.uint8]
    mask: NDArray[np.uint8]


class MaskDataset(Dataset[MaskItem]):
    """Images with label maps, cropped alike, for the vision tower's dense stage."""

    def __init__(self, samples: Sequence[ImageSample], image_size: int, seed: int) -> None:
        self._samples = [sample for sample in samples if sample.mask is not None]
        if not self._samples:
            raise DatasetError(f"the dense stage needs label maps ({MASKS_FILE}), the dataset has none")
        self._size = image_size
        self._rng = np.random.default_rng(seed)
        self._cache: dict[Path, tuple[NDArray[np.uint8], NDArray[np.uint8]]] = {}

    def __len__(self) -> int:
        return len(self._samples)

    def __getitem__(self, index: int) -> MaskItem:
        sample = self._samples[index]
        pair = self._cache.get(sample.path)
        if pair is None:
            assert sample.mask is not None
            with Image.open(sample.mask) as mask:
                pair = self._cache[sample.path] = (read_rgb(sample.path), np.asarray(mask))
        crop = Crop.random(self._rng) if self._rng.random() < 0.8 else Crop(0, 0, 1, 1)
        return {
            "image": change_greys(crop.apply(pair[0], self._size), self._rng),
            "mask": crop.apply_labels(pair[1], self._size),
        }
