"""Ends a stage when images it is not trained on are answered no better, and gives back the best weights it had."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import nn
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from engine.files import whole_file
from training.answers import AnswerModel, answer_weight
from training.drawing import QuestionCollator, QuestionDataset
from training.events import Listener, TrainingEvent
from training.samples import ImageSample
from training.stage_trainer import StageTrainer

LOSSES_FILE = "validation.json"
BEST_FILE = "best.safetensors"
_IMAGES_AT_ONCE = 8


@dataclass(frozen=True, slots=True)
class HeldOut:
    """Images that a stage is not trained on. patience : it ends after so many checkpoints without a lower loss."""

    samples: tuple[ImageSample, ...]
    patience: int


class EarlyStop(TrainerCallback):  # type: ignore[misc]
    """Measures the held-out loss at each checkpoint, and before the first step.

    The losses and the best trained weights lie in the stage's folder, so a run that is stopped and goes on decides as
    one that was not. For one process. Set `trainer` before it trains.
    """

    def __init__(
        self,
        stage: str,
        questions: QuestionDataset,
        collate: QuestionCollator,
        folder: Path,
        patience: int,
        listener: Listener,
    ) -> None:
        self._stage = stage
        self._questions = questions
        self._collate = collate
        self._folder = folder
        self._patience = patience
        self._listener = listener
        self.trainer: StageTrainer | None = None

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> TrainerControl:
        """Measure where the run starts, or what a kill left unmeasured."""
        return self._look(args, state, control)

    def on_save(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> TrainerControl:
        """Measure the checkpoint."""
        return self._look(args, state, control)

    def restore(self) -> int:
        """Put the best weights back into the model; returns their step."""
        losses = read_losses(self._folder)
        best = min(losses, key=lambda step: (losses[step], step))
        kept = load_file(self._folder / BEST_FILE)
        with torch.no_grad():
            for name, parameter in _trained(self._module()).items():
                parameter.copy_(kept[name])
        return best

    def _look(self, args: TrainingArguments, state: TrainerState, control: TrainerControl) -> TrainerControl:
        step, losses = state.global_step, read_losses(self._folder)
        # A checkpoint of an interrupt is at a step of its own, which an undisturbed run does not measure.
        due = step % args.save_steps == 0 or step == state.max_steps
        if due and step not in losses:
            loss = self._measure()
            if loss < min(losses.values(), default=float("inf")):
                weights = {name: one.detach().cpu().contiguous() for name, one in _trained(self._module()).items()}
                with whole_file(self._folder / BEST_FILE) as target:
                    save_file(weights, target)
            losses[step] = loss
            with whole_file(self._folder / LOSSES_FILE) as target:
                target.write_text(json.dumps({str(one): losses[one] for one in sorted(losses)}), encoding="utf-8")
            self._listener(TrainingEvent("validation", self._stage, step, state.max_steps, loss=round(loss, 5)))
        if losses and ends(losses, self._patience):
            control.should_training_stop = True
        return control

    def _measure(self) -> float:
        """Mean loss an answer token, of the same questions each time, nothing augmented; and what was forgotten."""
        trainer, module = self.trainer, self._module()
        assert trainer is not None
        total, weight = 0.0, 0.0
        module.eval()
        try:
            for start in range(0, len(self._questions), _IMAGES_AT_ONCE):
                visits = range(start, min(start + _IMAGES_AT_ONCE, len(self._questions)))
                batch = trainer._prepare_inputs(self._collate([self._questions[visit] for visit in visits]))
                with torch.no_grad(), trainer.compute_loss_context_manager():
                    total += float(module(batch).answers)
                weight += float(answer_weight(batch["packed"]))
            with torch.no_grad(), trainer.compute_loss_context_manager():
                forgotten = float(module.forgotten())
        finally:
            module.train()
        return total / weight + forgotten

    def _module(self) -> AnswerModel:
        assert self.trainer is not None
        module: AnswerModel = self.trainer.model
        return module


def _trained(module: nn.Module) -> dict[str, nn.Parameter]:
    return {name: one for name, one in module.named_parameters() if one.requires_grad}


def ends(losses: dict[int, float], patience: int) -> bool:
    """Whether the last `patience` checkpoints all came after the best. losses : by step."""
    steps = sorted(losses)
    best = min(steps, key=lambda step: (losses[step], step))
    return len(steps) - 1 - steps.index(best) >= patience


def read_losses(folder: Path) -> dict[int, float]:
    """The held-out losses of a stage by step; none before the first."""
    try:
        said = json.loads((folder / LOSSES_FILE).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    return {int(step): float(loss) for step, loss in said.items()}


def split_by_patient(
    samples: Sequence[ImageSample], share: float, seed: int
) -> tuple[list[ImageSample], list[ImageSample]]:
    """Some samples to train on, and whole patients to hold out: about `share` of the images, at least one patient.

    None are held out where there are fewer than three patients: too little would be left to learn from.
    """
    patients: dict[str, list[ImageSample]] = {}
    for sample in samples:
        patients.setdefault(sample.records[0].group, []).append(sample)
    if len(patients) < 3:
        return list(samples), []
    names = sorted(patients)
    held: list[ImageSample] = []
    for number in np.random.default_rng(seed).permutation(len(names)):
        if held and len(held) + len(patients[names[number]]) > share * len(samples):
            continue
        held += patients.pop(names[number])
        if len(held) >= share * len(samples) or len(patients) < 3:
            break
    return [sample for one in patients.values() for sample in one], held
