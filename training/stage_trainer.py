"""transformers' `Trainer` with what this trainer asks more of it: order, exact resume, whole checkpoints, NaN."""

from __future__ import annotations

import json
import logging
import os
import shutil
import signal
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np
import torch
from accelerate import DistributedType, FullyShardedDataParallelPlugin
from accelerate.utils import broadcast_object_list
from safetensors.torch import save_file
from torch import nn
from torch.utils.data import Dataset
from transformers import Trainer, TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from engine.progress import Progress
from training.answers import answer_weight
from training.checkpoint import WRITE_ERRORS, TrainingError, last_complete, mark_complete
from training.drawing import QuestionBatch
from training.events import Listener, TrainingEvent
from training.samples import VisitSampler

logger = logging.getLogger(__name__)


class StageTrainer(Trainer):  # type: ignore[misc]
    """A `Trainer` whose order of samples is given by a `VisitSampler` and whose checkpoints are whole."""

    def __init__(self, sampler: VisitSampler, *rest: Any, **options: Any) -> None:
        self._sampler = sampler
        super().__init__(*rest, **options)
        self.last_loss = float("nan")
        self.vision_learning_rate: float | None = None

    def create_optimizer(self, model: nn.Module | None = None) -> torch.optim.Optimizer:
        """Also give the tower's parameters a learning rate of their own, where they have one."""
        optimizer: torch.optim.Optimizer = super().create_optimizer(model)
        if self.vision_learning_rate is None:
            return optimizer
        chosen = {id(value) for name, value in self.model.named_parameters() if "vision_tower" in name}
        for group in list(optimizer.param_groups):
            own = [one for one in group["params"] if id(one) in chosen]
            if own:
                group["params"] = [one for one in group["params"] if id(one) not in chosen]
                optimizer.add_param_group({**group, "params": own, "lr": self.vision_learning_rate})
        return optimizer

    def create_accelerator_and_postprocess(self) -> None:
        """Also turn FSDP on between processors: accelerate offers it to accelerators alone, torch to both."""
        super().create_accelerator_and_postprocess()
        state = self.accelerator.state
        wanted = os.environ.get("ACCELERATE_USE_FSDP", "false") == "true"
        if wanted and state.distributed_type == DistributedType.MULTI_CPU:
            state.distributed_type = DistributedType.FSDP
            state.fsdp_plugin = FullyShardedDataParallelPlugin()
            self.is_fsdp_enabled = True

    def _get_train_sampler(self, train_dataset: Dataset[Any] | None = None) -> VisitSampler:
        return self._sampler

    def _save_checkpoint(self, model: nn.Module, trial: Any) -> None:
        """Save as `Trainer` does, then list the files; a failed save leaves the checkpoints before it."""
        folder = Path(self.args.output_dir) / f"checkpoint-{self.state.global_step}"
        try:
            # A folder that a killed run left half written.
            if self.args.should_save and folder.exists():
                shutil.rmtree(folder)
            self.accelerator.wait_for_everyone()
            super()._save_checkpoint(model, trial)
            self.accelerator.wait_for_everyone()
            if self.args.should_save:
                # A pickle that nothing reads.
                (folder / "training_args.bin").unlink(missing_ok=True)
                mark_complete(folder, self.state.global_step, world=self.args.world_size)
        except WRITE_ERRORS as error:
            shutil.rmtree(folder, ignore_errors=True)
            last = last_complete(folder.parent)
            kept = f"the last good one is {last}" if last else "there is none before it"
            raise TrainingError(
                f"cannot write the checkpoint {folder}: {error}; {kept}. Free some space and start the same command "
                "again: it goes on from there"
            ) from error

    def compute_loss(
        self, model: nn.Module, inputs: Any, return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> torch.Tensor:
        """The module's own loss; stops when it is not finite."""
        # Which lines a batch is from is for messages, not for the model.
        loss: torch.Tensor = model(**{name: value for name, value in inputs.items() if name != "where"})["loss"]
        self._check(loss, inputs)
        return loss

    def _check(self, loss: torch.Tensor, inputs: Any) -> None:
        self.last_loss = float(loss.detach())
        if np.isfinite(self.last_loss):
            return
        step = self.state.global_step + 1
        stem = Path(self.args.output_dir).parent / f"bad-batch-step{step}-process{self.args.process_index}"
        tensors, where = _tensors_of(inputs)
        save_file(tensors, stem.with_suffix(".safetensors"))
        stem.with_suffix(".json").write_text(json.dumps({"step": step, "where": where}, indent=2), encoding="utf-8")
        raise TrainingError(
            f"the loss of step {step} is {self.last_loss}: its batch is in {stem}.safetensors and the lines of its "
            f"records in {stem}.json. Look at them, or lower the learning rate; started again, the run goes on from "
            "its last checkpoint"
        )


class AnswerTrainer(StageTrainer):
    """Trains an `AnswerModel`: every answer token of a step weighs the same, however the step is split.

    attention : weight of the guided heads' loss.
    """

    def __init__(self, attention: float, *rest: Any, **options: Any) -> None:
        super().__init__(*rest, **options)
        self._attention = attention
        self._parts: list[tuple[float, float]] = []
        # The loss is divided by the whole step's tokens here, not by the number of batches in `Trainer`.
        self.model_accepts_loss_kwargs = True

    def _get_num_items_in_batch(self, batch_samples: list[QuestionBatch], device: torch.device) -> torch.Tensor:
        total = torch.stack([answer_weight(batch["packed"]) for batch in batch_samples]).sum().to(device)
        if self.args.world_size > 1:
            total = self.accelerator.gather(total).sum()
        return total

    def compute_loss(
        self, model: nn.Module, inputs: Any, return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> torch.Tensor:
        """Sum of cross-entropies over the step's tokens, with what else is wanted of it."""
        found = model(inputs)
        # Processes' gradients are averaged, hence the factor.
        loss: torch.Tensor = found.answers / num_items_in_batch * self.args.world_size
        if self._attention:
            self._parts.append((float(loss.detach()), float(found.looks.detach())))
        loss = loss + (self._attention * found.looks + found.forgotten) / self.args.gradient_accumulation_steps
        self._check(loss, inputs)
        return loss

    def log(self, logs: dict[str, float], *rest: Any, **options: Any) -> None:
        """The usual figures, with the two parts of the loss where there are two."""
        if self._parts:
            answers, attention = np.mean(self._parts, axis=0)
            logs |= {"answer_loss": float(answers), "attention_loss": float(attention)}
            self._parts.clear()
        super().log(logs, *rest, **options)


def _tensors_of(inputs: Any) -> tuple[dict[str, torch.Tensor], list[str]]:
    """A batch's tensors by name, as safetensors can hold them, and the lines of its records."""
    tensors = {name: value for name, value in inputs.items() if torch.is_tensor(value)}
    packed = inputs.get("packed")
    if packed is not None:
        for name in ("image_index", "documents", "input_ids", "labels", "weights", "position_ids"):
            tensors[f"packed.{name}"] = getattr(packed, name)
    return {name: value.detach().cpu().contiguous() for name, value in tensors.items()}, inputs.get("where", [])


class Interrupts:
    """Whether somebody wants the training to stop: an interrupt, a termination, or the `Progress`.

    The first one lets the step end and a checkpoint be written; the second one stops at once, as ever.
    """

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._asked = False

    @contextmanager
    def watching(self) -> Iterator[Interrupts]:
        """Takes SIGINT and SIGTERM over inside; only the main thread can."""
        if threading.current_thread() is not threading.main_thread():
            yield self
            return
        before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

        def ask(number: int, frame: FrameType | None) -> None:
            self._asked = True
            signal.signal(number, before[signal.Signals(number)] or signal.SIG_DFL)

        for number in before:
            signal.signal(number, ask)
        try:
            yield self
        finally:
            for number, handler in before.items():
                signal.signal(number, handler or signal.SIG_DFL)

    def asked(self) -> bool:
        """Whether to stop, on this process."""
        return self._asked or self._progress.cancelled()


class StageCallback(TrainerCallback):  # type: ignore[misc]
    """Tells a stage's progress, and ends it with a checkpoint when it is interrupted, on all processes together."""

    def __init__(
        self, name: str, images_per_step: int, progress: Progress, listener: Listener, interrupts: Interrupts
    ) -> None:
        self._name = name
        self._images = images_per_step
        self._progress = progress
        self._listener = listener
        self._interrupts = interrupts
        self._began = self._loss_at = 0.0
        self._first = 0
        self._losses: list[float] = []
        self.trainer: StageTrainer | None = None
        self.was_cancelled = False

    def on_train_begin(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        """Start the clock."""
        self._began, self._first = time.monotonic(), state.global_step
        if state.is_world_process_zero:
            self._listener(TrainingEvent("start", self._name, state.global_step, state.max_steps))

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: dict[str, float] | None = None,
        **_: Any,
    ) -> None:
        """Pass the newest loss on."""
        if not logs or "loss" not in logs or not state.is_world_process_zero:
            return
        self._losses = [float(logs["loss"])]
        done = state.global_step - self._first
        seconds = (time.monotonic() - self._began) / max(1, done)
        logger.info("%s step %d, loss %.3f", self._name, state.global_step, self._losses[0])
        self._listener(
            TrainingEvent(
                "step",
                self._name,
                state.global_step,
                state.max_steps,
                loss=self._losses[0],
                learning_rate=float(logs.get("learning_rate", 0.0)),
                images_per_s=round(self._images / seconds, 2) if seconds else None,
                eta_s=round(seconds * (state.max_steps - state.global_step), 1),
            )
        )

    def on_save(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        """Tell of the checkpoint."""
        if state.is_world_process_zero:
            folder = Path(args.output_dir) / f"checkpoint-{state.global_step}"
            self._listener(
                TrainingEvent("checkpoint", self._name, state.global_step, state.max_steps, text=str(folder))
            )

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> TrainerControl:
        """Report; when interrupted, save and stop."""
        if state.is_world_process_zero:
            loss = f", loss {self._losses[0]:.3f}" if self._losses else ""
            self._progress.report(state.global_step, state.max_steps, f"training {self._name}{loss}")
        if self._agreed(args) and state.global_step < state.max_steps:
            self.was_cancelled = True
            control.should_save = True
            control.should_training_stop = True
        return control

    def _agreed(self, args: TrainingArguments) -> bool:
        """Whether any process was asked to stop: they must all stop at the same step."""
        asked = self._interrupts.asked()
        if args.world_size == 1:
            return asked
        flag = torch.tensor([float(asked)], device=args.device)
        torch.distributed.all_reduce(flag)
        return bool(flag.item())


def same_for_all(value: Sequence[Any]) -> list[Any]:
    """What the first process holds, on every process."""
    result: list[Any] = broadcast_object_list(list(value))
    return result
