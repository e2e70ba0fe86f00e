"""`medrega bench train`: this trainer against transformers' `Trainer` as it comes, on the same questions."""

from __future__ import annotations

import math
import multiprocessing
import statistics
import tempfile
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import click
import numpy as np
import torch
from torch.utils.data import Dataset
from transformers import (
    InternVLForConditionalGeneration,
    PreTrainedTokenizerFast,
    PrinterCallback,
    Trainer,
    TrainingArguments,
)

from engine.bench import BenchReport, row
from engine.bench.frame import RUNS
from engine.cli.bench import print_report
from engine.cli.options import json_option
from engine.cli.progress import TerminalProgress
from engine.progress import NoProgress, Progress
from training.answers import AnswerModel, choose_trained
from training.checkpoint import save_checkpoint
from training.drawing import Drawing, QuestionCollator, QuestionDataset
from training.features import FeatureCache, tower_digest
from training.model import build_model, image_tensor, load_model
from training.packing import IGNORED
from training.phantom_set import PhantomSetSpec, build_phantom_set
from training.presets import PRESETS
from training.recipe import Stage
from training.samples import VisitSampler, gather_samples, read_rgb
from training.stage_trainer import AnswerTrainer
from training.tokenizer import PromptEncoder, load_tokenizer, train_tokenizer

_PEER = "transformers Trainer"
_QUESTIONS = 12
"""Of an image at a visit."""
_PACK = 512
"""Ids of a row: about the longest group. Attention grows with the square: longer rows cost more than padding."""
_GOAL = 2.0

Side = Callable[[Path, int, int], "tuple[float, int]"]


def bench_train(
    progress: Progress | None = None, *, preset: str = "starter", steps: int = 3, images: int = 2, runs: int = RUNS
) -> BenchReport:
    """Stage 2 of the paper (tower frozen, connector and text model trained) on generated phantoms, float32.

    Both sides train the same model on the same images with `images` x 12 questions a step and AdamW. The peer has a
    sequence for each question, padded to the longest of its batch, and looks at every picture each time; ours shares
    rows and reads the features that its first pass has kept. Samples are questions with their answers. Each run is a
    process of its own: its peak memory is its own too. The first step, which allocates, is not timed.
    """
    progress = progress or NoProgress()
    ours: list[tuple[float, float]] = []
    peer: list[tuple[float, float]] = []
    with tempfile.TemporaryDirectory(prefix="medrega-bench-") as temporary:
        root = Path(temporary)
        _prepare(root, preset, images)
        # Fills the feature cache, as an earlier epoch would have.
        _in_child(_ours, root, steps, images)
        for number in range(max(runs, RUNS)):
            progress.report(number, max(runs, RUNS), "measuring training")
            ours.append(_in_child(_ours, root, steps, images))
            peer.append(_in_child(_peer, root, steps, images))
    speeds = [statistics.median(one[0] for one in side) for side in (ours, peer)]
    peaks = [statistics.median(one[1] for one in side) / 2**20 for side in (ours, peer)]
    return BenchReport(
        "train",
        (
            row(
                f"{preset}, stage 2",
                "samples/s",
                speeds[0],
                peer_name=_PEER,
                peer=speeds[1],
                goal=_GOAL,
                larger_is_better=True,
            ),
            row(f"{preset}, stage 2, peak memory", "MiB", peaks[0], peer_name=_PEER, peer=peaks[1]),
        ),
    )


def _prepare(root: Path, preset: str, images: int) -> None:
    build_phantom_set(root / "set", PhantomSetSpec(max(4, images), 1, 1, slices=2), NoProgress())
    samples = gather_samples([root / "set" / "train"])
    texts = (text for sample in samples for record in sample.records for text in (record.human, record.gpt))
    tokenizer = train_tokenizer(texts, PRESETS[preset].vocab_size)
    torch.manual_seed(0)
    save_checkpoint(build_model(PRESETS[preset], tokenizer), tokenizer, root / "model")


def _in_child(side: Side, root: Path, steps: int, images: int) -> tuple[float, float]:
    """Samples a second, and the process's peak memory in bytes."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    child = context.Process(target=_measure, args=(side, root, steps, images, theirs))
    child.start()
    theirs.close()
    try:
        speed, peak = ours.recv()
    finally:
        child.join()
    return float(speed), float(peak)


def _measure(side: Side, root: Path, steps: int, images: int, answer: Connection) -> None:
    seconds, samples = side(root, steps, images)
    status = Path("/proc/self/status")
    if status.exists():
        peak = int(status.read_text(encoding="ascii").split("VmHWM:")[1].split()[0]) * 1024
    else:
        import resource

        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    answer.send((samples / seconds, peak))


def _stage(images: int) -> Stage:
    return Stage(
        name="bench",
        kind="instruction",
        train=("connector", "text"),
        steps=1,
        images_per_step=images,
        learning_rate=1e-4,
    )


def _model(root: Path, images: int) -> tuple[InternVLForConditionalGeneration, PreTrainedTokenizerFast]:
    model = load_model(root / "model")
    choose_trained(model, _stage(images))
    return model, load_tokenizer(root / "model")


def _arguments(root: Path, steps: int, batch: int) -> TrainingArguments:
    return TrainingArguments(
        output_dir=str(root / "out"),
        max_steps=steps + 1,
        per_device_train_batch_size=batch,
        learning_rate=1e-4,
        use_cpu=not torch.cuda.is_available(),
        save_strategy="no",
        report_to=[],
        remove_unused_columns=False,
        disable_tqdm=True,
        logging_steps=10**6,
    )


def _ours(root: Path, steps: int, images: int) -> tuple[float, int]:
    model, tokenizer = _model(root, images)
    encoder = PromptEncoder(tokenizer, model.config.image_seq_length)
    cache = FeatureCache(root / "features", tower_digest(model.model.vision_tower), 1e9)
    samples = gather_samples([root / "set" / "train"])
    drawing = _drawing(model)
    dataset = QuestionDataset(samples, encoder, drawing, cache=cache)
    module = AnswerModel(model, cache=cache, caching=True)
    sampler = VisitSampler([one.length for one in samples], (steps + 1) * images, 0, batch=images, by_length=False)
    trainer = AnswerTrainer(
        0.0, sampler, module, _arguments(root, steps, images), QuestionCollator(encoder, _PACK), dataset
    )
    counted = _timed(trainer)
    asked = _questions(samples, encoder, drawing, sampler, images)
    return counted, asked


def _drawing(model: InternVLForConditionalGeneration) -> Drawing:
    size = model.config.vision_config.image_size[0]
    return Drawing(size, augment=False, groups_per_image=2, branches_per_group=_QUESTIONS // 2, seed=0, views=1)


def _questions(samples: Any, encoder: PromptEncoder, drawing: Drawing, sampler: VisitSampler, images: int) -> int:
    """How many questions the timed steps hold: both sides draw the same."""
    drawn = QuestionDataset(samples, encoder, drawing)
    visits = list(sampler)[images:]
    return sum(len(group.branches) for visit in visits for group in drawn[visit]["groups"])


def _timed(trainer: Trainer) -> float:
    """Seconds of all steps but the first."""
    began: list[float] = []
    step = trainer.training_step

    def watched(*rest: Any, **options: Any) -> torch.Tensor:
        result: torch.Tensor = step(*rest, **options)
        began.append(time.perf_counter())
        return result

    trainer.training_step = watched
    trainer.remove_callback(PrinterCallback)
    trainer.train()
    end = time.perf_counter()
    return end - began[0]


class _PlainQuestions(Dataset[dict[str, Any]]):
    """The same questions as one sequence each: what a plain `Trainer` is given."""

    def __init__(self, root: Path, model: InternVLForConditionalGeneration, encoder: PromptEncoder, rest: int) -> None:
        self._samples = gather_samples([root / "set" / "train"])
        self._encoder = encoder
        drawing = _drawing(model)
        self._size = drawing.image_size
        drawn = QuestionDataset(self._samples, encoder, drawing)
        sampler = VisitSampler([one.length for one in self._samples], rest, 0, batch=1, by_length=False)
        self.items = [
            (visit % len(self._samples), group.prefix + branch.question, branch.answer)
            for visit in sampler
            for group in drawn[visit]["groups"]
            for branch in group.branches
        ]

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, number: int) -> dict[str, Any]:
        from training.augment import Crop

        image, question, answer = self.items[number]
        cut = Crop(0, 0, 1, 1).apply(read_rgb(self._samples[image].path), self._size)
        return {"image": cut, "ids": [*question, *answer], "labels": [IGNORED] * len(question) + list(answer)}


def _peer(root: Path, steps: int, images: int) -> tuple[float, int]:
    model, tokenizer = _model(root, images)
    encoder = PromptEncoder(tokenizer, model.config.image_seq_length)
    dataset = _PlainQuestions(root, model, encoder, (steps + 1) * images)
    batch = math.ceil(len(dataset) / (steps + 1))

    def collate(items: list[dict[str, Any]]) -> dict[str, torch.Tensor]:
        width = max(len(item["ids"]) for item in items)
        ids = torch.full((len(items), width), encoder.pad_id)
        labels = torch.full((len(items), width), IGNORED)
        mask = torch.zeros((len(items), width), dtype=torch.int64)
        for number, item in enumerate(items):
            size = len(item["ids"])
            ids[number, :size], labels[number, :size] = torch.tensor(item["ids"]), torch.tensor(item["labels"])
            mask[number, :size] = 1
        pixels = image_tensor(torch.from_numpy(np.stack([item["image"] for item in items])))
        return {"input_ids": ids, "labels": labels, "attention_mask": mask, "pixel_values": pixels}

    trainer = Trainer(model, _arguments(root, steps, batch), collate, dataset)
    # The first step's questions are not timed on either side.
    return _timed(trainer), len(dataset) - batch


@click.command("train")
@click.option("--preset", default="starter", show_default=True, type=click.Choice(["tiny", "starter", "starter-v1"]))
@click.option("--steps", default=3, show_default=True, type=click.IntRange(2), help="Timed steps a run.")
@json_option
def train_command(preset: str, steps: int, as_json: bool) -> None:
    """Train the starter beside transformers' plain Trainer: samples a second and peak memory.

    Takes some minutes. Example: medrega bench train --json
    """
    print_report(bench_train(TerminalProgress(), preset=preset, steps=steps), as_json)
