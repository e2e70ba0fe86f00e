"""Images with their records, gathered once and drawn one visit at a time."""

from __future__ import annotations

import hashlib
from collections import Counter, OrderedDict, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict, TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError
from torch.utils.data import Dataset, Sampler

from engine.protocol import Task
from training.augment import SMALLEST, STRETCH, WHOLE, Crop, change_greys
from training.label_maps import LabelMapFile, label_values, read_label_maps
from training.marked_regions import MarkedBoxes, read_regions
from training.records import MASKS_FILE, DatasetError, Record, read_records

_PICTURES_BYTES = 256 * 2**20
_MEGABATCH = 16
"""Batches' worth of images that are sorted by length among themselves."""

_TRIES = 64

Skipped = Callable[[DatasetError], None]
Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class ImageSample:
    """One image with all its records. mask : its label map, None where the dataset has none; marked : its boxes."""

    path: Path
    records: tuple[Record, ...]
    mask: LabelMapFile | None
    marked: MarkedBoxes | None = None

    @property
    def length(self) -> int:
        """Characters of a question with its answer, on average: what a row's length follows."""
        return sum(len(record.human) + len(record.gpt) for record in self.records) // len(self.records)


def gather_samples(datasets: Sequence[Path], skipped: Skipped | None = None) -> list[ImageSample]:
    """The images of some datasets with their records, in the order of their paths.

    Raises `DatasetError` naming the line of a record that cannot be used, or a dataset without records; with
    `skipped` that is called instead of failing for a single record.
    """
    by_image: dict[Path, list[Record]] = defaultdict(list)
    masks: dict[Path, LabelMapFile] = {}
    marked: dict[Path, MarkedBoxes] = {}
    for dataset in datasets:
        for folder, record in read_records(dataset, skipped):
            by_image[folder / record.image].append(record)
        folder = dataset if dataset.is_dir() else dataset.parent
        masks |= read_label_maps(folder)
        marked |= read_regions(folder)
    for path in [path for path in by_image if not path.is_file()]:
        error = DatasetError(f"{by_image[path][0].where}: the image {path} does not exist")
        if skipped is None:
            raise error
        skipped(error)
        del by_image[path]
    if not by_image:
        raise DatasetError(f"no records in {', '.join(map(str, datasets))}")
    return [ImageSample(path, tuple(by_image[path]), masks.get(path), marked.get(path)) for path in sorted(by_image)]


def read_rgb(path: Path) -> NDArray[np.uint8]:
    """(H, W, 3) uint8. Raises `DatasetError` naming the file."""
    try:
        with Image.open(path) as image:
            return np.asarray(image.convert("RGB"))
    except (OSError, UnidentifiedImageError, SyntaxError, ValueError) as error:
        raise DatasetError(f"cannot read the image {path}: {error}") from error


def draw_view(
    path: Path,
    view: int,
    seed: int,
    *,
    augment: bool,
    smallest: float = SMALLEST,
    stretch: float = STRETCH,
) -> tuple[Crop, np.random.Generator]:
    """The crop of an image's augmented form of that number, and the generator that its greys are then drawn with.

    smallest, stretch : see `Crop.random`.

    The same for every data set that draws from the image: what is cached of it fits them all.
    """
    name = int.from_bytes(hashlib.sha256(path.name.encode()).digest()[:8], "big")
    rng = np.random.default_rng([seed, name, view])
    return (Crop.drawn(rng, smallest, stretch) if augment else WHOLE), rng


class PictureCache:
    """The last pictures read, at most 256 MB of them."""

    def __init__(self) -> None:
        self._kept: OrderedDict[Path, NDArray[np.uint8]] = OrderedDict()
        self._bytes = 0

    def read(self, sample: ImageSample) -> NDArray[np.uint8]:
        """(H, W, 3) uint8. Raises `DatasetError` with the line of the image's first record."""
        picture = self._kept.get(sample.path)
        if picture is not None:
            self._kept.move_to_end(sample.path)
            return picture
        try:
            picture = read_rgb(sample.path)
        except DatasetError as error:
            raise DatasetError(f"{sample.records[0].where}: {error}") from error
        self._kept[sample.path] = picture
        self._bytes += picture.nbytes
        while self._bytes > _PICTURES_BYTES and len(self._kept) > 1:
            self._bytes -= self._kept.popitem(last=False)[1].nbytes
        return picture


class Skipper:
    """What becomes of an image or record that cannot be used: `skipped` hears of it once; None makes it an error."""

    def __init__(self, skipped: Skipped | None) -> None:
        self._skipped = skipped
        self._told: set[str] = set()

    def pass_over(self, error: DatasetError) -> None:
        """Tell of it, or raise it."""
        if self._skipped is None:
            raise error
        if str(error) not in self._told:
            self._told.add(str(error))
            self._skipped(error)

    def first(self, draw: Callable[[int], Item | None], visit: int, samples: Sequence[ImageSample]) -> Item:
        """What a visit draws or, where its image cannot be used or gives nothing, the next one that gives something."""
        tries = min(_TRIES, len(samples))
        for number in range(visit, visit + tries):
            try:
                item = draw(number)
            except DatasetError as error:
                self.pass_over(error)
                continue
            if item is not None:
                return item
        raise DatasetError(
            f"{tries} images in a row from {samples[visit % len(samples)].path} on gave nothing that can be learnt: "
            "check the dataset, or raise max_length"
        )


class VisitSampler(Sampler[int]):
    """Which image is visited when, for a whole stage: the same for every process and after every resume.

    Yields visit numbers, each once; ``visit % images`` is the image. A visit's number also seeds what is drawn in it,
    so nothing depends on what was drawn before.
    weights : how often each image is visited beside the others; None for all alike, once an epoch.
    """

    def __init__(
        self,
        lengths: Sequence[int],
        visits: int,
        seed: int,
        *,
        batch: int,
        by_length: bool,
        weights: NDArray[np.float64] | None = None,
    ) -> None:
        self._lengths = np.asarray(lengths)
        self._weights = weights
        self._visits = visits
        self._seed = seed
        self._batch = batch
        self._by_length = by_length

    def __len__(self) -> int:
        return self._visits

    def __iter__(self) -> Iterator[int]:
        done = 0
        images = len(self._lengths)
        for epoch in range(-(-self._visits // images)):
            order = self._order(np.random.default_rng([self._seed, epoch]))[: self._visits - done]
            done += len(order)
            seen: Counter[int] = Counter()
            for index in map(int, order):
                # Other visits of the image in this epoch have numbers of their own.
                yield index + (epoch * self._most + seen[index]) * images
                seen[index] += 1

    @property
    def _most(self) -> int:
        """Visits that an image can have in an epoch."""
        if self._weights is None:
            return 1
        return int(np.ceil(self._weights.max() / self._weights.mean())) + 1

    def _order(self, rng: np.random.Generator) -> NDArray[np.int64]:
        order = rng.permutation(len(self._lengths))
        if self._weights is not None:
            # Systematic: an image's visits differ from its share by less than one.
            ends = np.cumsum(self._weights[order]) / self._weights.sum()
            places = (np.arange(len(order)) + rng.random()) / len(order)
            order = rng.permutation(order[np.minimum(np.searchsorted(ends, places), len(order) - 1)])
        if not self._by_length:
            return order
        size = self._batch * _MEGABATCH
        pieces = []
        for start in range(0, len(order), size):
            mega = order[start : start + size]
            mega = mega[np.argsort(-self._lengths[mega], kind="stable")]
            batches = [mega[i : i + self._batch] for i in range(0, len(mega), self._batch)]
            whole = [batch for batch in batches if len(batch) == self._batch]
            rest = [batch for batch in batches if len(batch) < self._batch]
            pieces += [whole[i] for i in rng.permutation(len(whole))] + rest
        return np.concatenate(pieces)


def visit_weights(samples: Sequence[ImageSample], balance: float) -> NDArray[np.float64] | None:
    """How often each image is visited: its labels' mean rarity to the power of `balance`; None for all alike.

    A label's rarity is one over the number of images that have it; images without any are one label's.
    """
    if not balance:
        return None
    held = [_labels_of(sample) or {""} for sample in samples]
    images = Counter(name for names in held for name in names)
    return np.array([np.mean([(1 / images[name]) ** balance for name in names]) for names in held])


def _labels_of(sample: ImageSample) -> set[str]:
    if sample.marked is not None and sample.marked.boxes:
        return {name for name, _ in sample.marked.boxes}
    return {record.gpt for record in sample.records if record.task is Task.REGION_TO_TEXT}


class MaskItem(TypedDict):
    """(S, S, 3) uint8 and its (S, S) int32 label map. where : the line of its first record."""

    image: NDArray[np.uint8]
    mask: NDArray[np.int32]
    where: str


class MaskDataset(Dataset[MaskItem]):
    """Images with label maps, cropped alike, for the vision tower's dense stage.

    values : of the labels in all of its maps, from 1. skipped : see `Skipper`.
    """

    def __init__(
        self, samples: Sequence[ImageSample], image_size: int, seed: int, skipped: Skipped | None = None
    ) -> None:
        self._samples = [sample for sample in samples if sample.mask is not None]
        if not self._samples:
            raise DatasetError(f"the dense stage needs label maps ({MASKS_FILE}), the dataset has none")
        self.values = label_values([sample.mask for sample in self._samples if sample.mask is not None])
        self._size = image_size
        self._seed = seed
        self._skipper = Skipper(skipped)
        self._pictures = PictureCache()

    def __len__(self) -> int:
        return len(self._samples)

    def __getitem__(self, visit: int) -> MaskItem:
        return self._skipper.first(self._draw, visit, self._samples)

    def _draw(self, visit: int) -> MaskItem:
        sample = self._samples[visit % len(self._samples)]
        rng = np.random.default_rng([self._seed, visit])
        picture = self._pictures.read(sample)
        assert sample.mask is not None
        mask = sample.mask.read(self.values)
        crop = Crop.drawn(rng)
        return {
            "image": change_greys(crop.apply(picture, self._size), rng),
            "mask": crop.apply_labels(mask, self._size),
            "where": sample.records[0].where,
        }
