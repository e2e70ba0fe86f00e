"""Draws questions of an image, augmented, and makes packed batches of them."""

from __future__ import annotations

import logging
import math
from collections import defaultdict
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from torch.utils.data import Dataset

from engine.protocol import Task, prompt_from_user_text
from engine.regions import LabelSet
from training.attention import answer_looks
from training.augment import SMALLEST, STRETCH, WHOLE, Crop, change_greys, crop_record, loosen_boxes
from training.coordinates import Alternatives, coordinate_targets
from training.features import FeatureCache, ImageBatch, ImageItem, collate_images
from training.mirror import NO_MIRROR, mirror_record, mirrors_of, view_form
from training.name_choices import NameChoices
from training.packing import Branch, PackedBatch, PackedQuestions, pack
from training.records import DatasetError, Record
from training.samples import ImageSample, PictureCache, Skipped, Skipper, draw_view
from training.tokenizer import PromptEncoder

logger = logging.getLogger(__name__)

_PLACE_WEIGHTS = (2.0, 1.0, 0.3)
"""Of what stands first in a number, second and third."""


@dataclass(frozen=True, slots=True)
class Drawing:
    """How questions are drawn.

    groups_per_image : how many task-and-language groups at a visit. branches_per_group : questions of each.
    max_length : ids a group may have; questions beyond wait for another visit.
    views : so many augmented forms of an image, 0 for a new one at each visit; view_seed : of those forms, the same in
    all stages of a run, so that they share cached features.
    digits : weigh digits by their place (see `digit_weights`). reduction : the power of `reduced_weights`.
    coordinate_spread : see `coordinate_targets`, 0 where a number is what it is.
    tasks : how readily groups of a task are drawn, 1 unless named.
    smallest_crop, stretch : see `Crop.random`. strong_greys : see `change_greys`.
    mirror : whether pictures in which nothing has a side are also mirrored (see `training.mirror`).
    names : those among which the name of a region is chosen (see `training.name_choices`), None for any text.
    """

    image_size: int
    augment: bool
    groups_per_image: int
    branches_per_group: int
    seed: int
    max_length: int = 2048
    views: int = 0
    digits: bool = True
    reduction: float = 0.0
    coordinate_spread: float = 0.0
    tasks: Mapping[Task, float] = field(default_factory=dict)
    view_seed: int = 0
    smallest_crop: float = SMALLEST
    stretch: float = STRETCH
    strong_greys: bool = False
    mirror: bool = False
    names: LabelSet | None = None


class QuestionItem(ImageItem):
    """One drawn image with its packed groups, their image number not yet set."""

    groups: list[PackedQuestions]


class QuestionDataset(Dataset[QuestionItem]):
    """Images with some of their questions. An item is a function of its visit number alone (see `VisitSampler`).

    skipped : see `Skipper`; another image is taken in place of one that cannot be used.
    """

    def __init__(
        self,
        samples: Sequence[ImageSample],
        encoder: PromptEncoder,
        drawing: Drawing,
        *,
        cache: FeatureCache | None = None,
        skipped: Skipped | None = None,
    ) -> None:
        self._samples = samples
        self._encoder = encoder
        self._drawing = drawing
        self._cache = cache
        self._skipper = Skipper(skipped)
        self._names = None if drawing.names is None else NameChoices(drawing.names, encoder)
        self._pictures = PictureCache()
        self._mirrors = [mirrors_of(sample) if drawing.mirror else (NO_MIRROR,) for sample in samples]

    def __len__(self) -> int:
        return len(self._samples)

    def __getitem__(self, visit: int) -> QuestionItem:
        return self._skipper.first(self._draw, visit, self._samples)

    def _draw(self, visit: int) -> QuestionItem | None:
        drawing = self._drawing
        number = visit % len(self._samples)
        sample = self._samples[number]
        rng = np.random.default_rng([drawing.seed, visit])
        view = int(rng.integers(drawing.views)) if drawing.views else visit // len(self._samples)
        if drawing.views:
            crop, looks = draw_view(
                sample.path,
                view,
                drawing.view_seed,
                augment=drawing.augment,
                smallest=drawing.smallest_crop,
                stretch=drawing.stretch,
            )
        else:
            looks = rng
            crop = Crop.drawn(rng, drawing.smallest_crop, drawing.stretch) if drawing.augment else WHOLE
        mirrors = self._mirrors[number]
        # By the view's number, so that views read from the cache are what they were.
        mirror = mirrors[view % len(mirrors)] if drawing.augment else NO_MIRROR
        key, features, cut = "", None, None
        if self._cache is not None:
            seed = drawing.view_seed if drawing.augment else -1
            form = view_form(crop, mirror, strong_greys=drawing.strong_greys)
            key = self._cache.key(sample.path, drawing.image_size, seed, view, form)
            features = self._cache.get(key)
        if features is None:
            cut = mirror.apply(crop.apply(self._pictures.read(sample), drawing.image_size))
            if drawing.augment:
                cut = change_greys(cut, looks, strong=drawing.strong_greys)
        groups: dict[str, list[Record]] = defaultdict(list)
        for record in sample.records:
            moved = crop_record(record, crop)
            if moved is not None:
                moved = mirror_record(moved, mirror)
            if moved is not None:
                groups[record.preamble].append(moved)
        packed = [self._pack(groups[name], rng) for name in self._chosen(groups, rng)]
        if not any(group.branches for group in packed):
            return None
        return {
            "image": cut,
            "features": features,
            "key": key,
            "where": sample.records[0].where,
            "groups": [group for group in packed if group.branches],
        }

    def _chosen(self, groups: Mapping[str, list[Record]], rng: np.random.Generator) -> list[str]:
        """The groups of this visit: without putting back, by their tasks' weights (Efraimidis and Spirakis, 2006)."""
        names = list(groups)
        weights = np.array([self._drawing.tasks.get(groups[name][0].task, 1.0) for name in names])
        if (weights == 1).all():
            rng.shuffle(names)
            return names[: self._drawing.groups_per_image]
        with np.errstate(divide="ignore"):
            ranks = rng.exponential(size=len(names)) / weights
        order = [int(one) for one in np.argsort(ranks) if np.isfinite(ranks[one])]
        return [names[one] for one in order[: self._drawing.groups_per_image]]

    def _pack(self, records: list[Record], rng: np.random.Generator) -> PackedQuestions:
        drawing = self._drawing
        prefix: list[int] = []
        branches: list[Branch] = []
        length = 0
        for number in rng.permutation(len(records)):
            if len(branches) == drawing.branches_per_group:
                break
            try:
                prefix, branch = self._branch(records[number], rng)
            except DatasetError as error:
                self._skipper.pass_over(error)
                continue
            size = len(branch.question) + len(branch.answer)
            if len(prefix) + length + size <= drawing.max_length:
                length += size
                branches.append(branch)
        return PackedQuestions(0, tuple(prefix), tuple(branches))

    def _branch(self, record: Record, rng: np.random.Generator) -> tuple[list[int], Branch]:
        """Ids before the question, and the question with its answer. Raises `DatasetError` naming the line."""
        drawing = self._drawing
        human = record.human
        if drawing.augment and record.task is Task.REGION_TO_TEXT:
            human = loosen_boxes(human, rng)
        try:
            prefix, question = self._encoder.split_at_image(prompt_from_user_text(human))
            answer = tuple(self._encoder.answer_ids(record.gpt))
        except ValueError as error:
            raise DatasetError(f"{record.where}: {error}") from error
        size = len(prefix) + len(question) + len(answer)
        if size > drawing.max_length:
            raise DatasetError(
                f"{record.where}: question and answer take {size} tokens, max_length is {drawing.max_length}"
            )
        weights = digit_weights(answer, self._encoder.digit_ids) if drawing.digits else (1.0,) * len(answer)
        weights = reduced_weights(weights, drawing.reduction)
        targets: tuple[Alternatives, ...] = ()
        if drawing.coordinate_spread:
            encoder = self._encoder
            targets = coordinate_targets(answer, encoder.box_ids, encoder.digit_ids, drawing.coordinate_spread)
        choices = () if self._names is None else self._names.of(record, answer)
        return prefix, Branch(tuple(question), answer, weights, self._looks(record, answer), targets, choices)

    def _looks(self, record: Record, answer: tuple[int, ...]) -> tuple[tuple[int, ...], ...]:
        encoder = self._encoder
        return answer_looks(record, answer, encoder.box_ids, encoder.digit_ids, math.isqrt(encoder.image_tokens))


def digit_weights(answer: Sequence[int], digits: Container[int]) -> tuple[float, ...]:
    """What each id of an answer weighs in the loss: of a number by how far in it is, anything else 1.

    A hundred is a tenth of the image, a one is less than anybody can draw: unweighted, most of a box's loss is the
    noise of its last digits. What ends a number weighs as much as the digit that could stand in its place: were it by
    what the digit is worth, an end would outweigh the ten digits it competes with, and 60 be written for 600.
    """
    weights = []
    before = 0
    for token in answer:
        digit = token in digits
        in_number = digit or before
        weights.append(_PLACE_WEIGHTS[before] if in_number and before < len(_PLACE_WEIGHTS) else 1.0)
        before = before + 1 if digit else 0
    return tuple(weights)


def reduced_weights(weights: Sequence[float], power: float) -> tuple[float, ...]:
    """What each id of an answer weighs, divided by a power of what they weigh together.

    0 : every id alike, so that a list of forty boxes outweighs a hundred names. 1 : every answer alike. 0.5 : between
    them, "square averaging" (Z. Chen et al., InternVL 2.5, arXiv:2412.05271, section 3.3.3).
    """
    total = sum(weights) ** power
    return tuple(weight / total for weight in weights)


class QuestionBatch(ImageBatch):
    """What the trainer's step gets."""

    packed: PackedBatch


class QuestionCollator:
    """Puts drawn images together. pack_length : ids of a shared row, 0 for a row each group."""

    def __init__(self, encoder: PromptEncoder, pack_length: int = 0) -> None:
        self._encoder = encoder
        self._pack_length = pack_length

    def __call__(self, items: Sequence[QuestionItem]) -> QuestionBatch:
        groups = [
            PackedQuestions(number, group.prefix, group.branches)
            for number, item in enumerate(items)
            for group in item["groups"]
        ]
        batch: QuestionBatch = {
            **collate_images(items),
            "packed": pack(groups, self._encoder.pad_id, self._encoder.image_tokens, self._pack_length),
        }
        return batch
