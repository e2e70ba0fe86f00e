"""What a model remembers of its own training, and of its test: what goes into its output layer, with no picture kept.

A fine-tuning that adapts the output layer alone is held to the one (see `training.latent_replay`) and judged by the
other. The file is a model's own, listed with its hash in the manifest; `medrega feedback latents` writes it.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import gguf
import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from transformers import InternVLForConditionalGeneration, PreTrainedTokenizerFast

from engine.files import whole_file
from engine.progress import Cancelled, Progress
from engine.protocol import Task, prompt_from_user_text
from engine.runtime import AdapterManifest, ModelFile, ModelManifest, to_model_image
from training.answers import answer_states
from training.augment import change_greys, crop_record, loosen_boxes
from training.feedback.sets import require_apart
from training.gguf_checkpoint import OUTPUT, load_gguf, output_layer
from training.model import CheckpointError, image_tensor, tower_features
from training.packing import Branch, PackedQuestions, pack
from training.records import Record, dataset_sha256
from training.samples import ImageSample, draw_view, gather_samples, read_rgb
from training.tokenizer import PromptEncoder

ROLE = "latents"
"""Of the file, in a model's manifest."""
_FILE = "latents.safetensors"
_FORMAT = "1"
_LONGEST = 32
"""Ids of an answer that are kept: of a list of boxes, or of a report, the beginning."""
_AT_ONCE = 6
"""Questions of a group of one image."""
_REPLAYED = {
    Task.REGION_TO_TEXT: 2000,
    Task.TEXT_TO_REGION: 150,
    Task.GROUNDED_REPORT: 60,
    Task.REPORT: 60,
    Task.VQA: 500,
    Task.DIAGNOSIS: 300,
}
"""Answers to remember of each task, some fourteen thousand ids. Of four thousand much else was forgotten."""
_SEEN_ANEW = {Task.REGION_TO_TEXT: 9000, Task.VQA: 1200, Task.DIAGNOSIS: 1200}
"""Answers to remember of the same pictures cut, in other greys, and with other boxes than they were learnt with.

The pictures as they are the model knows too well: it is sure of them, so that much may change before it says anything
else, but not of a new patient's. Nobody has to know what is true of such a view: the base is held to what it says.
"""
_VIEW_SEED = 5
_CUT, _STRETCHED = 0.45, 0.15
"""See `Crop.random`."""
_LOOSE = (0.1, 0.8)
"""How far corners of a box are moved at most, of its size: as people draw, and so far that it is hardly the thing."""
_TESTED = {
    Task.REGION_TO_TEXT: 1500,
    Task.TEXT_TO_REGION: 120,
    Task.GROUNDED_REPORT: 60,
    Task.REPORT: 60,
    Task.VQA: 900,
    Task.DIAGNOSIS: 450,
}
"""Answers to be judged by. Of 150 answers two are more than the point that a gate allows."""
_WHOLE = {Task.REGION_TO_TEXT, Task.VQA, Task.DIAGNOSIS}
"""Tasks whose answers are right or wrong; of the others the share of right ids counts."""


@dataclass(frozen=True, slots=True, eq=False)
class AnswerLatents:
    """One true answer. hidden : (ids, text width) float16, from which its ids are predicted. patient : a number, no
    name. ids : what is true.
    """

    task: Task
    patient: int
    hidden: torch.Tensor
    ids: torch.Tensor


@dataclass(frozen=True, slots=True, eq=False)
class Latents:
    """replay : (N, text width) float16 in random order, of what was trained on. test : of what was not.

    source : of both, for reports.
    """

    replay: torch.Tensor
    test: tuple[AnswerLatents, ...]
    source: str

    def write(self, path: Path) -> None:
        """Write it whole or not at all."""
        facts = {
            "format": _FORMAT,
            "source": self.source,
            "test": json.dumps([[one.task.value, one.patient, len(one.ids)] for one in self.test]),
        }
        tensors = {
            "replay": self.replay.half().contiguous(),
            "test": torch.cat([one.hidden for one in self.test]).half().contiguous(),
            "ids": torch.cat([one.ids for one in self.test]).to(torch.int32).contiguous(),
        }
        with whole_file(path) as target:
            save_file(tensors, target, facts)

    @classmethod
    def read(cls, path: Path) -> Latents:
        """Raises `CheckpointError` for a file that is not one of these."""
        try:
            with safe_open(path, "pt") as file:
                facts = file.metadata() or {}
                replay, test, ids = (file.get_tensor(name) for name in ("replay", "test", "ids"))
            if facts["format"] != _FORMAT:
                raise ValueError(f"format {facts['format']!r}, this version reads {_FORMAT}")
            answers = json.loads(facts["test"])
            sizes = [int(size) for _, _, size in answers]
            if sum(sizes) != len(test) or len(test) != len(ids) or replay.shape[1:] != test.shape[1:]:
                raise ValueError("its tensors do not fit together")
            told = zip(answers, test.split(sizes), ids.long().split(sizes), strict=True)
            kept = [AnswerLatents(Task(task), int(patient), *tensors) for (task, patient, _), *tensors in told]
            return cls(replay, tuple(kept), facts["source"])
        except (OSError, SafetensorError, ValueError, KeyError, TypeError) as error:
            raise CheckpointError(f"cannot read what the model remembers, {path}: {error}") from error


def latents_of(manifest: ModelManifest) -> Latents | None:
    """What came with a model; None where nothing did. Raises `CheckpointError`."""
    return Latents.read(manifest.path(ROLE)) if ROLE in manifest.files else None


def write_latents(
    manifest: ModelManifest, trained: Sequence[Path], tested: Sequence[Path], progress: Progress, seed: int = 0
) -> Latents:
    """Let a model bring its latents along: write them into its folder, and their hash into its manifest.

    trained : the sets that it learnt from. tested : its test sets, of other patients and pictures. Raises
    `DatasetError`, `CheckpointError`, `ModelError`, `Cancelled`.
    """
    learnt, asked = gather_samples(trained), gather_samples(tested)
    require_apart(learnt, asked, "the test set")
    model, tokenizer = load_gguf(manifest.folder)
    replay = _replayed(model, tokenizer, learnt, seed, progress)
    test = answer_latents(model, tokenizer, asked, _TESTED, seed, progress)
    found = Latents(
        shuffled(replay, seed),
        tuple(test),
        f"{len(test)} answers of {len({one.patient for one in test})} patients of "
        f"{', '.join(dataset_sha256(one)[:12] for one in tested)}, as the model remembers them",
    )
    path = manifest.folder / _FILE
    found.write(path)
    manifest.files[ROLE] = ModelFile.of(path)
    manifest.write()
    return found


def replay_vectors(
    manifest: ModelManifest, samples: Sequence[ImageSample], seed: int, progress: Progress
) -> torch.Tensor:
    """(N, text width) float16: as `Latents.replay`, of a set that is at hand. Raises as `write_latents`."""
    model, tokenizer = load_gguf(manifest.folder)
    return shuffled(_replayed(model, tokenizer, samples, seed, progress), seed)


def _replayed(
    model: InternVLForConditionalGeneration,
    tokenizer: PreTrainedTokenizerFast,
    samples: Sequence[ImageSample],
    seed: int,
    progress: Progress,
) -> list[AnswerLatents]:
    """Answers about the pictures as they are, and about another view of each."""
    known = answer_latents(model, tokenizer, samples, _REPLAYED, seed, progress)
    return known + answer_latents(model, tokenizer, samples, _SEEN_ANEW, seed, progress, seen_anew)


def shuffled(answers: Sequence[AnswerLatents], seed: int) -> torch.Tensor:
    """(N, text width): the vectors of all answers in random order."""
    joined = torch.cat([one.hidden for one in answers])
    return joined[torch.from_numpy(np.random.default_rng(seed).permutation(len(joined)))]


Look = Callable[[ImageSample, int], tuple[NDArray[np.uint8], Sequence[Record]]]
"""Of an image and the model's side the (side, side, 3) picture, and the questions about it."""


def as_it_is(sample: ImageSample, side: int) -> tuple[NDArray[np.uint8], Sequence[Record]]:
    """An image as the window shows it to a model."""
    return to_model_image(read_rgb(sample.path), side), sample.records


def seen_anew(sample: ImageSample, side: int) -> tuple[NDArray[np.uint8], Sequence[Record]]:
    """A cut of it in other greys, and what may still be asked of that; regions also with boxes that are far off."""
    crop, rng = draw_view(sample.path, 0, _VIEW_SEED, augment=True, smallest=_CUT, stretch=_STRETCHED)
    records: list[Record] = []
    for record in sample.records:
        moved = crop_record(record, crop) if record.task in _SEEN_ANEW else None
        if moved is not None:
            boxed = moved.task is Task.REGION_TO_TEXT
            asked = [replace(moved, human=loosen_boxes(moved.human, rng, far)) for far in _LOOSE] if boxed else [moved]
            records += asked
    return change_greys(crop.apply(read_rgb(sample.path), side), rng, strong=True), records


@torch.no_grad()
def answer_latents(
    model: InternVLForConditionalGeneration,
    tokenizer: PreTrainedTokenizerFast,
    samples: Sequence[ImageSample],
    wanted: Mapping[Task, int],
    seed: int,
    progress: Progress,
    look: Look = as_it_is,
) -> list[AnswerLatents]:
    """Up to so many answers of each task, of images in random order.

    look : how the images are shown, and what is asked of them. Raises `DatasetError`, `Cancelled`.
    """
    model.eval()
    rng = np.random.default_rng(seed)
    encoder = PromptEncoder(tokenizer, model.config.image_seq_length)
    side = int(model.config.vision_config.image_size[0])
    total = sum(min(wanted.get(task, 0), count) for task, count in _tasks(samples).items())
    patients = {name: number for number, name in enumerate(sorted({one.records[0].group for one in samples}))}
    counted: Counter[Task] = Counter()
    found: list[AnswerLatents] = []
    for place in rng.permutation(len(samples)):
        if progress.cancelled():
            raise Cancelled
        progress.report(len(found), total, "remembering")
        sample = samples[int(place)]
        if not any(counted[record.task] < wanted.get(record.task, 0) for record in sample.records):
            continue
        picture, asked = look(sample, side)
        features = None
        for records in _groups(asked, rng):
            task = records[0].task
            records = records[: max(0, wanted.get(task, 0) - counted[task])]
            if records:
                counted[task] += len(records)
                features = _features(model, picture) if features is None else features
                found += _latents(model, encoder, features, records, patients[sample.records[0].group])
        if len(found) >= total:
            break
    return found


def _tasks(samples: Sequence[ImageSample]) -> Counter[Task]:
    """How many answers there are that `answer_latents` may take."""
    counted: Counter[Task] = Counter()
    for sample in samples:
        for records in _preambles(sample.records).values():
            counted[records[0].task] += min(_AT_ONCE, len(records))
    return counted


def _preambles(asked: Iterable[Record]) -> dict[str, list[Record]]:
    groups: dict[str, list[Record]] = defaultdict(list)
    for record in asked:
        groups[record.preamble].append(record)
    return groups


def _groups(asked: Iterable[Record], rng: np.random.Generator) -> list[list[Record]]:
    """Some questions of each preamble."""
    groups = _preambles(asked).values()
    return [[records[int(i)] for i in rng.permutation(len(records))[:_AT_ONCE]] for records in groups]


def _features(model: InternVLForConditionalGeneration, picture: NDArray[np.uint8]) -> torch.Tensor:
    return tower_features(model, image_tensor(torch.from_numpy(picture[None].copy())))


def _latents(
    model: InternVLForConditionalGeneration,
    encoder: PromptEncoder,
    features: torch.Tensor,
    records: Sequence[Record],
    patient: int,
) -> list[AnswerLatents]:
    """Of questions with one preamble about one image."""
    prefix: list[int] = []
    branches = []
    for record in records:
        prefix, question = encoder.split_at_image(prompt_from_user_text(record.human))
        branches.append(Branch(tuple(question), tuple(encoder.answer_ids(record.gpt)[:_LONGEST])))
    packed = pack([PackedQuestions(0, tuple(prefix), tuple(branches))], encoder.pad_id, encoder.image_tokens)
    hidden = answer_states(model, packed, features)
    sizes = [len(branch.answer) for branch in branches]
    return [
        AnswerLatents(record.task, patient, states.half(), torch.tensor(branch.answer))
        for record, branch, states in zip(records, branches, torch.split(hidden, sizes), strict=True)
    ]


def head_update(adapter: AdapterManifest) -> torch.Tensor | None:
    """(vocabulary, text width): what an adapter adds to the output layer; None where it adapts other layers too."""
    reader = gguf.GGUFReader(adapter.path)
    tensors = {tensor.name: torch.from_numpy(np.array(tensor.data, np.float32)) for tensor in reader.tensors}
    if tensors.keys() != {f"{OUTPUT}.lora_a", f"{OUTPUT}.lora_b"}:
        return None
    down, up = tensors[f"{OUTPUT}.lora_a"], tensors[f"{OUTPUT}.lora_b"]
    alpha = reader.get_field("adapter.lora.alpha")
    assert alpha is not None
    # The scale is llama.cpp's: alpha over the rank.
    return float(alpha.contents()) / len(down) * (up @ down)


@torch.no_grad()
def remembered_still(
    latents: Latents, base: ModelManifest, update: torch.Tensor
) -> dict[Task, list[tuple[float, float, str]]]:
    """The scores of each true answer, predicted id by id, before and after, and the patient; by task.

    Right is an answer whose every id is the likeliest, of lists and reports the share of such ids.
    """
    head = output_layer(base.folder)
    scores: dict[Task, list[tuple[float, float, str]]] = defaultdict(list)
    for one in latents.test:
        hidden = one.hidden.float()
        logits = hidden @ head.T
        before, after = ((found.argmax(dim=-1) == one.ids).float() for found in (logits, logits + hidden @ update.T))
        told = [float(right.min() if one.task in _WHOLE else right.mean()) for right in (before, after)]
        scores[one.task].append((told[0], told[1], str(one.patient)))
    return dict(sorted(scores.items()))
