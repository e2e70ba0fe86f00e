"""Runs a recipe with transformers' `Trainer`: dense stage, alignment, instruction."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import nn
from torch.nn import functional
from transformers import (
    InternVLForConditionalGeneration,
    PreTrainedTokenizerFast,
    Trainer,
    TrainerCallback,
    TrainerControl,
    TrainerState,
    TrainingArguments,
    set_seed,
)

from engine.progress import Cancelled, Progress
from training.attention import AttentionGuide
from training.dense import DenseModel, collate_masks
from training.model import PRESETS, build_model, image_embeddings, image_tensor, load_model
from training.packing import IGNORED
from training.recipe import Recipe, Stage
from training.samples import (
    ImageSample,
    MaskDataset,
    QuestionBatch,
    QuestionCollator,
    QuestionDataset,
    gather_samples,
)
from training.tokenizer import PromptEncoder, load_tokenizer, train_tokenizer

logger = logging.getLogger(__name__)

_PARTS = {"vision": "model.vision_tower", "connector": "model.multi_modal_projector"}


def run_recipe(
    recipe: Recipe, datasets: Sequence[Path], out: Path, progress: Progress, *, steps: int | None = None
) -> Path:
    """Train as the recipe says and write the checkpoint to `out`; returns `out`.

    datasets : folders or jsonl files in MedRegInstruct form. steps : caps every stage, for a trial run.
    After each stage its checkpoint is in ``out/<stage name>``; a run that is started again goes on after the
    last finished stage. Raises `DatasetError`, `CheckpointError`, `Cancelled`.
    """
    samples = gather_samples(datasets)
    out.mkdir(parents=True, exist_ok=True)
    set_seed(recipe.model.seed)
    model, tokenizer = _start(recipe, samples)
    for number, stage in enumerate(recipe.stages):
        folder = out / stage.name
        if (folder / "model.safetensors").is_file():
            logger.info("stage %s is finished already", stage.name)
            model = load_model(folder)
            continue
        set_seed(recipe.model.seed + number)
        if steps is not None:
            stage = stage.model_copy(update={"steps": min(steps, stage.steps)})
        _run_stage(stage, model, tokenizer, samples, folder, recipe.model.seed + number, progress)
        save_checkpoint(model, tokenizer, folder)
    save_checkpoint(model, tokenizer, out)
    return out


def save_checkpoint(model: InternVLForConditionalGeneration, tokenizer: PreTrainedTokenizerFast, folder: Path) -> None:
    """Write config, safetensors and tokenizer; model.safetensors comes last, so that it marks a whole one."""
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer.save_pretrained(folder)
    model.save_pretrained(folder)


def _start(
    recipe: Recipe, samples: Sequence[ImageSample]
) -> tuple[InternVLForConditionalGeneration, PreTrainedTokenizerFast]:
    settings = recipe.model
    if settings.checkpoint is not None:
        return load_model(settings.checkpoint), load_tokenizer(settings.checkpoint)
    assert settings.preset is not None
    preset = PRESETS[settings.preset]
    texts = (text for sample in samples for record in sample.records for text in (record.human, record.gpt))
    tokenizer = train_tokenizer(texts, preset.vocab_size)
    return build_model(preset, tokenizer), tokenizer


def _run_stage(
    stage: Stage,
    model: InternVLForConditionalGeneration,
    tokenizer: PreTrainedTokenizerFast,
    samples: Sequence[ImageSample],
    folder: Path,
    seed: int,
    progress: Progress,
) -> None:
    _train_only(model, stage.train)
    vision = model.config.vision_config
    size = vision.image_size[0]
    arguments = TrainingArguments(
        output_dir=str(folder / "steps"),
        max_steps=stage.steps,
        per_device_train_batch_size=stage.images_per_step,
        learning_rate=stage.learning_rate,
        warmup_steps=round(stage.warmup * stage.steps),
        lr_scheduler_type="cosine",
        weight_decay=stage.weight_decay,
        adam_beta2=0.98,
        max_grad_norm=1.0,
        bf16=stage.bf16,
        use_cpu=not torch.cuda.is_available(),
        seed=seed,
        save_strategy="no",
        logging_steps=20,
        report_to=[],
        remove_unused_columns=False,
        disable_tqdm=True,
        dataloader_num_workers=0,
    )
    callback = _ProgressCallback(stage.name, progress)
    if stage.kind == "dense":
        masks = MaskDataset(samples, size, seed)
        classes = _label_values(samples)
        module = DenseModel(model.model, classes, edges=stage.boxes, names="connector" in stage.train)
        trainer = Trainer(module, arguments, collate_masks, masks, callbacks=[callback])
    else:
        encoder = PromptEncoder(tokenizer, model.config.image_seq_length)
        questions = QuestionDataset(
            samples,
            encoder,
            size,
            augment=stage.augment,
            groups_per_image=stage.groups_per_image,
            branches_per_group=stage.questions_per_group,
            seed=seed,
        )
        trainer = PackedTrainer(
            stage.attention, model, arguments, QuestionCollator(encoder), questions, callbacks=[callback]
        )
    trainer.train()
    if callback.was_cancelled:
        raise Cancelled


def _label_values(samples: Sequence[ImageSample]) -> int:
    """One more than the largest value of the label maps, read from a few hundred of them."""
    largest = 0
    for sample in samples[:: max(1, len(samples) // 400)]:
        if sample.mask is not None:
            with Image.open(sample.mask) as mask:
                largest = max(largest, int(np.asarray(mask).max()))
    return largest + 1


def _train_only(model: InternVLForConditionalGeneration, parts: Sequence[str]) -> None:
    for name, parameter in model.named_parameters():
        part = next((part for part, prefix in _PARTS.items() if name.startswith(prefix)), "text")
        parameter.requires_grad_(part in parts)


class PackedTrainer(Trainer):  # type: ignore[misc]
    """A `Trainer` for batches of packed questions (see `training.packing`).

    attention : weight of the guided heads' loss, see `training.attention`.
    """

    def __init__(self, attention: float, model: InternVLForConditionalGeneration, *rest: Any, **options: Any) -> None:
        super().__init__(model, *rest, **options)
        self._weight = attention
        self._guide = AttentionGuide(model.model.language_model)
        self._image_id: int = model.config.image_token_id
        self._parts: list[tuple[float, float]] = []

    def compute_loss(
        self, model: nn.Module, inputs: QuestionBatch, return_outputs: bool = False, **_: Any
    ) -> torch.Tensor:
        """Mean cross-entropy of the answers' tokens, and what the guided heads look at where that is wanted."""
        if not self._weight:
            return packed_loss(model, inputs)
        with self._guide.watching():
            loss = packed_loss(model, inputs)
        looks = self._guide.loss(inputs["packed"], self._image_id)
        self._parts.append((float(loss.detach()), float(looks.detach())))
        return loss + self._weight * looks

    def log(self, logs: dict[str, float], *rest: Any, **options: Any) -> None:
        """The usual figures, with the two parts of the loss where there are two."""
        if self._parts:
            answers, attention = np.mean(self._parts, axis=0)
            logs |= {"answer_loss": float(answers), "attention_loss": float(attention)}
            self._parts.clear()
        super().log(logs, *rest, **options)


def packed_loss(model: InternVLForConditionalGeneration, batch: QuestionBatch) -> torch.Tensor:
    """Weighted mean cross-entropy of the answers' tokens of a batch, a scalar.

    Logits are made for answer positions only: they are a tenth of a sequence.
    """
    packed = batch["packed"]
    features = image_embeddings(model, image_tensor(batch["images"]))
    ids = packed.input_ids
    embeddings = model.get_input_embeddings()(ids)
    places = ids == model.config.image_token_id
    chosen = features[packed.image_index].reshape(-1, features.shape[-1]).to(embeddings.dtype)
    embeddings = embeddings.masked_scatter(places[..., None], chosen)
    hidden = model.model.language_model(
        inputs_embeds=embeddings,
        attention_mask=packed.attention,
        position_ids=packed.position_ids,
        use_cache=False,
    ).last_hidden_state
    targets = packed.labels[:, 1:]
    answered = targets != IGNORED
    logits = model.lm_head(hidden[:, :-1][answered])
    each = functional.cross_entropy(logits.float(), targets[answered], reduction="none")
    weights = packed.weights[:, 1:][answered]
    return (each * weights).sum() / weights.sum()


class _ProgressCallback(TrainerCallback):  # type: ignore[misc]
    """Tells a `Progress` each step, and stops the training when it was cancelled."""

    def __init__(self, name: str, progress: Progress) -> None:
        self._name = name
        self._progress = progress
        self._loss = ""
        self.was_cancelled = False

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: dict[str, float] | None = None,
        **_: Any,
    ) -> None:
        """Keep the newest loss."""
        if logs and "loss" in logs:
            self._loss = f", loss {float(logs['loss']):.3f}"
            logger.info("%s step %d%s", self._name, state.global_step, self._loss)

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> TrainerControl:
        """Report, and ask for a stop when cancelled."""
        self._progress.report(state.global_step, state.max_steps, f"training {self._name}{self._loss}")
        if self._progress.cancelled():
            self.was_cancelled = True
            control.should_training_stop = True
        return control
