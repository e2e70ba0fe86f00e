"""Runs a recipe with transformers' `Trainer`: dense stage, alignment, instruction."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from accelerate import PartialState
from peft import PeftModel
from torch import nn
from torch.distributed.checkpoint.state_dict import StateDictOptions, get_model_state_dict
from transformers import (
    InternVLConfig,
    InternVLForConditionalGeneration,
    PreTrainedTokenizerFast,
    PrinterCallback,
    TrainingArguments,
    set_seed,
)

from engine.progress import Cancelled, Progress
from engine.regions import LabelSet
from engine.runtime.manifest import MANIFEST_FILE
from training.answers import AnswerModel, choose_trained, packed_loss
from training.checkpoint import TrainingError, last_complete, remove_incomplete, save_checkpoint
from training.dense import DenseModel, collate_masks
from training.drawing import Drawing, QuestionCollator, QuestionDataset
from training.early_stopping import EarlyStop, HeldOut
from training.events import Listener, TrainingEvent, nobody
from training.features import FeatureCache, tower_digest
from training.gguf_checkpoint import load_gguf
from training.growth import enlarge
from training.latent_replay import Remembered
from training.launch import is_sharded
from training.low_rank import add_lora
from training.marked import MarkedDataset, MarkedModel, collate_marked, label_values
from training.model import fresh_model, load_model, merged_patches, token_facts
from training.onnx_tower import unpack_tower
from training.presets import PRESETS, ModelPreset, model_config
from training.recipe import Recipe, Stage, VisionSettings
from training.records import DatasetError
from training.samples import ImageSample, MaskDataset, Skipped, VisitSampler, gather_samples, visit_weights
from training.stage_arguments import stage_arguments
from training.stage_trainer import AnswerTrainer, Interrupts, StageCallback, StageTrainer
from training.text_init import start_text
from training.tokenizer import PromptEncoder, load_tokenizer, train_tokenizer
from training.vision_init import RECORD_FILE, start_vision, vision_sizes, with_vision

__all__ = ["packed_loss", "run_recipe", "save_checkpoint", "train_samples"]

logger = logging.getLogger(__name__)

_RUN_FILE = "run.json"
_ALL_GROUPS = 1000


def run_recipe(
    recipe: Recipe,
    datasets: Sequence[Path],
    out: Path,
    progress: Progress,
    *,
    steps: int | None = None,
    skip_bad: bool = False,
    listener: Listener = nobody,
) -> Path:
    """Train as the recipe says and write the checkpoint to `out`; returns `out`.

    datasets : folders or jsonl files in MedRegInstruct form. steps : caps every stage, for a trial run.
    skip_bad : report a record or image that cannot be used and go on, instead of failing.
    After each stage its checkpoint is in ``out/<stage name>``; a run that is started again goes on from its last
    whole checkpoint, with the same losses as if it had never stopped. In a distributed run every process calls this.
    Raises `DatasetError`, `CheckpointError`, `TrainingError`, `Cancelled`.
    """
    state = PartialState(cpu=not torch.cuda.is_available())

    def skipped(error: DatasetError) -> None:
        logger.warning("skipped: %s", error)
        if state.is_main_process:
            listener(TrainingEvent("skipped", text=str(error)))

    leave_out = skipped if skip_bad else None
    samples = gather_samples(datasets, leave_out)
    return train_samples(recipe, samples, out, progress, steps=steps, skipped=leave_out, listener=listener)


def train_samples(
    recipe: Recipe,
    samples: Sequence[ImageSample],
    out: Path,
    progress: Progress,
    *,
    steps: int | None = None,
    skipped: Skipped | None = None,
    held_out: HeldOut | None = None,
    remembered: Remembered | None = None,
    names: LabelSet | None = None,
    listener: Listener = nobody,
) -> Path:
    """As `run_recipe`, on images that were gathered already. held_out : ends instruction stages early.

    remembered : what instruction stages that adapt nothing but the output layer must not forget. names : those among
    which the name of a region is chosen (see `training.name_choices`), None for any text.
    """
    state = PartialState(cpu=not torch.cuda.is_available())
    out.mkdir(parents=True, exist_ok=True)
    set_seed(recipe.model.seed)
    with Interrupts(progress).watching() as interrupts:
        model, tokenizer = _start(recipe, samples, out)
        for number, stage in enumerate(recipe.stages):
            folder = out / stage.name
            if (folder / "model.safetensors").is_file():
                logger.info("stage %s is finished already", stage.name)
                model = load_model(folder)
                continue
            if steps is not None:
                stage = stage.model_copy(update={"steps": min(steps, stage.steps_for(len(samples))), "epochs": None})
            run = _StageRun(stage, model, tokenizer, samples, folder, recipe.model.seed + number)
            run.skipped, run.held_out, run.remembered, run.names = skipped, held_out, remembered, names
            run.view_seed = recipe.model.seed if recipe.model.view_seed is None else recipe.model.view_seed
            run.train(progress, listener, interrupts)
            model = run.finish(state.is_main_process)
            state.wait_for_everyone()
            if state.is_main_process:
                listener(TrainingEvent("stage", stage.name, text=str(folder)))
        if state.is_main_process:
            save_checkpoint(model, tokenizer, out)
        state.wait_for_everyone()
    return out


def _start(
    recipe: Recipe, samples: Sequence[ImageSample], out: Path
) -> tuple[InternVLForConditionalGeneration, PreTrainedTokenizerFast]:
    settings = recipe.model
    if settings.checkpoint is not None:
        if (settings.checkpoint / MANIFEST_FILE).is_file():
            model, tokenizer = load_gguf(settings.checkpoint)
        else:
            model, tokenizer = load_model(settings.checkpoint), load_tokenizer(settings.checkpoint)
        return enlarge(model, settings.image_size, settings.merge), tokenizer
    assert settings.preset is not None
    preset = PRESETS[settings.preset]
    texts = (text for sample in samples for record in sample.records for text in (record.human, record.gpt))
    tokenizer = train_tokenizer(texts, preset.vocab_size)
    config = model_config(preset, token_facts(tokenizer))
    model = fresh_model(config) if settings.vision is None else _with_tower(config, settings.vision, preset, out)
    if settings.text is not None:
        start_text(model, tokenizer, settings.text)
    return model, tokenizer


def _with_tower(
    config: InternVLConfig, vision: VisionSettings, preset: ModelPreset, out: Path
) -> InternVLForConditionalGeneration:
    """A preset's model whose tower starts from somebody's weights; which tensors were taken is written to `out`."""
    checkpoint = vision.checkpoint
    if vision.packed:
        assert vision.sha256 is not None
        checkpoint = out / "tower"
        if PartialState().is_main_process and not (checkpoint / "model.safetensors").is_file():
            unpack_tower(vision.checkpoint, vision.sha256, checkpoint)
        PartialState().wait_for_everyone()
    sizes = vision_sizes(checkpoint, vision.layers, vision.image_size or preset.image_size)
    model = fresh_model(with_vision(config, sizes))
    record = start_vision(model, checkpoint)
    if PartialState().is_main_process:
        record.write(out)
        logger.info("which tensors were taken is in %s", out / RECORD_FILE)
    return model


class _StageRun:
    """One stage, from its model to its checkpoint."""

    def __init__(
        self,
        stage: Stage,
        model: InternVLForConditionalGeneration,
        tokenizer: PreTrainedTokenizerFast,
        samples: Sequence[ImageSample],
        folder: Path,
        seed: int,
    ) -> None:
        self.stage = stage
        self.model = model
        self.tokenizer = tokenizer
        self.samples = samples
        self.folder = folder
        self.seed = seed
        self.skipped: Skipped | None = None
        self.held_out: HeldOut | None = None
        self.remembered: Remembered | None = None
        self.names: LabelSet | None = None
        self.view_seed = seed
        self._trainer: StageTrainer | None = None
        self._adapted: PeftModel | None = None
        self._early: EarlyStop | None = None

    def train(self, progress: Progress, listener: Listener, interrupts: Interrupts) -> None:
        """Run it, from its last whole checkpoint if it has one. Raises `Cancelled` with a checkpoint written."""
        stage = self.stage
        steps = self.folder / "steps"
        arguments = stage_arguments(stage, len(self.samples), steps, self.seed)
        resumed = last_complete(steps)
        if PartialState().is_main_process:
            remove_incomplete(steps)
            self._check_same_run(arguments)
        PartialState().wait_for_everyone()
        # Also what a stage draws at random before its first step is the same in every run.
        set_seed(self.seed)
        choose_trained(self.model, stage)
        callback = StageCallback(stage.name, stage.images_per_step, progress, listener, interrupts)
        if stage.kind == "dense":
            trainer = self._dense(arguments, callback)
        else:
            trainer = self._instruction(arguments, callback, listener)
        trainer.vision_learning_rate = stage.vision_learning_rate
        self._trainer = trainer
        # It prints every log to standard output, where only results belong.
        trainer.remove_callback(PrinterCallback)
        trainer.train(resume_from_checkpoint=str(resumed) if resumed else None)
        if callback.was_cancelled:
            if PartialState().is_main_process:
                listener(TrainingEvent("stopped", stage.name, trainer.state.global_step, trainer.state.max_steps))
            raise Cancelled

    def _check_same_run(self, arguments: TrainingArguments) -> None:
        """A folder holds one run: resuming with other settings or data would be neither run."""
        facts = {
            "stage": json.loads(self.stage.model_dump_json(exclude={"workers", "log_every", "save_every", "keep"})),
            "images": len(self.samples),
            "records": sum(len(sample.records) for sample in self.samples),
            "bf16": bool(arguments.bf16),
            "seed": self.seed,
        }
        file = self.folder / _RUN_FILE
        self.folder.mkdir(parents=True, exist_ok=True)
        if file.is_file() and last_complete(self.folder / "steps") is not None:
            before = json.loads(file.read_text(encoding="utf-8"))
            changed = sorted(key for key in facts if before.get(key) != facts[key])
            if changed:
                raise TrainingError(
                    f"{self.folder} holds a run with other {', '.join(changed)}: name another --out, or delete it"
                )
        file.write_text(json.dumps(facts, indent=2), encoding="utf-8")

    def _sampler(self, samples: Sequence[ImageSample], arguments: TrainingArguments) -> VisitSampler:
        return VisitSampler(
            [sample.length for sample in samples],
            arguments.max_steps * self.stage.images_per_step,
            self.seed,
            batch=self.stage.images_per_step,
            by_length=self.stage.group_by_length,
            weights=visit_weights(samples, self.stage.balance),
        )

    def _dense(self, arguments: TrainingArguments, callback: StageCallback) -> StageTrainer:
        stage = self.stage
        marked = [sample for sample in self.samples if sample.marked is not None and sample.marked.complete]
        masked = [sample for sample in self.samples if sample.mask is not None]
        if len(marked) > len(masked):
            return self._marked(marked, arguments, callback)
        masks = MaskDataset(masked, self.model.config.vision_config.image_size[0], self.seed, self.skipped)
        module = DenseModel(
            self.model.model, len(masks.values) + 1, edges=stage.boxes, names="connector" in stage.train
        )
        sampler = self._sampler(masked, arguments)
        return StageTrainer(sampler, module, arguments, collate_masks, masks, callbacks=[callback])

    def _marked(
        self, samples: Sequence[ImageSample], arguments: TrainingArguments, callback: StageCallback
    ) -> StageTrainer:
        stage, vision = self.stage, self.model.config.vision_config
        values = label_values(samples)
        cache = self._cache()
        drawn = MarkedDataset(
            samples,
            values,
            vision.image_size[0],
            vision.patch_size[0],
            self.seed,
            merge=merged_patches(self.model.config),
            cache=cache,
            # Also without the cache: a sharded run draws and rounds what the others do.
            views=stage.cache_views if stage.cache_features else 0,
            view_seed=self.view_seed,
            skipped=self.skipped,
        )
        stem = stage.cache_blocks if stage.cache_features else 0
        module = MarkedModel(self.model.model, len(values) + 1, stem=stem, cache=cache)
        sampler = self._sampler(samples, arguments)
        return StageTrainer(sampler, module, arguments, collate_marked, drawn, callbacks=[callback])

    def _instruction(self, arguments: TrainingArguments, callback: StageCallback, listener: Listener) -> StageTrainer:
        stage = self.stage
        if stage.lora is not None:
            trained = {name for name, parameter in self.model.named_parameters() if parameter.requires_grad}
            self._adapted = add_lora(self.model, stage.lora)
            # peft freezes whatever it wraps.
            for name, parameter in self.model.named_parameters():
                if name in trained:
                    parameter.requires_grad_(True)
        if stage.gradient_checkpointing:
            self.model.activation_checkpointing_enable({"use_reentrant": False})
        cache = self._cache()
        encoder = PromptEncoder(self.tokenizer, self.model.config.image_seq_length)
        drawing = Drawing(
            self.model.config.vision_config.image_size[0],
            augment=stage.augment,
            smallest_crop=stage.smallest_crop,
            stretch=stage.stretch,
            strong_greys=stage.strong_greys,
            mirror=stage.mirror,
            groups_per_image=stage.groups_per_image,
            branches_per_group=stage.questions_per_group,
            seed=self.seed,
            max_length=stage.max_length,
            reduction=stage.reduction,
            coordinate_spread=stage.coordinate_spread,
            tasks=stage.tasks,
            view_seed=self.view_seed,
            views=(stage.cache_views if stage.augment else 1) if stage.cache_features else 0,
            names=self.names,
        )
        questions = QuestionDataset(self.samples, encoder, drawing, cache=cache, skipped=self.skipped)
        module = AnswerModel(
            self.model,
            attention=stage.attention > 0,
            cache=cache,
            caching=stage.cache_features,
            stem=stage.cache_blocks if stage.cache_features else 0,
            remembered=self.remembered,
        )
        if not is_sharded():
            module.keep_trainable_only()
        sampler = self._sampler(self.samples, arguments)
        collator = QuestionCollator(encoder, stage.pack)
        trainer = AnswerTrainer(stage.attention, sampler, module, arguments, collator, questions, callbacks=[callback])
        if self.held_out is not None:
            if arguments.world_size > 1:
                raise TrainingError(f"stage {stage.name}: early stopping is for a training in one process")
            still = replace(drawing, augment=False, groups_per_image=_ALL_GROUPS, views=min(drawing.views, 1))
            held = QuestionDataset(self.held_out.samples, encoder, still, cache=cache)
            patience = self.held_out.patience
            self._early = EarlyStop(stage.name, held, collator, self.folder, patience, listener)
            self._early.trainer = trainer
            trainer.add_callback(self._early)
        return trainer

    def _cache(self) -> FeatureCache | None:
        """Where the tower's features are kept; None where the stage keeps none, or the tower is sharded."""
        if not self.stage.cache_features:
            return None
        if is_sharded():
            # Processes that find different images in the cache would wait for each other's shards of the tower.
            logger.warning("stage %s: features are not cached where the tower is sharded", self.stage.name)
            return None
        tower = self.model.model.vision_tower
        blocks = self.stage.cache_blocks
        if blocks + self.stage.vision_top > len(tower.encoder.layer):
            raise TrainingError(
                f"stage {self.stage.name}: the tower has {len(tower.encoder.layer)} blocks, too few to cache {blocks} "
                f"and train {self.stage.vision_top}"
            )
        kept = nn.ModuleList([tower.embeddings, *tower.encoder.layer[:blocks]]) if blocks else tower
        tower = tower_digest(kept)
        return FeatureCache(self.folder.parent / "features", tower, self.stage.cache_gb * 1e9)

    def finish(self, main: bool) -> InternVLForConditionalGeneration:
        """Write the stage's checkpoint, adapters merged, and give the model to go on with."""
        trainer = self._trainer
        assert trainer is not None
        if self._early is not None:
            logger.info("stage %s: the weights of step %d are kept", self.stage.name, self._early.restore())
        model = self.model
        sharded = trainer.is_fsdp_enabled or trainer.is_deepspeed_enabled
        if sharded:
            state = _whole_state(trainer)
            model = self._gathered(state) if main else model
        if main:
            if self._adapted is not None:
                # Else peft adds the output layer's own weights where that layer has an adapter.
                self._adapted.save_pretrained(self.folder / "adapter", save_embedding_layers=False)
                model = self._adapted.merge_and_unload()
            model.to("cpu", torch.float32)
            save_checkpoint(model, self.tokenizer, self.folder)
        del trainer
        self._trainer = None
        if PartialState().num_processes == 1:
            return model
        PartialState().wait_for_everyone()
        return load_model(self.folder)

    def _gathered(self, state: dict[str, torch.Tensor]) -> InternVLForConditionalGeneration:
        """An unsharded model with the weights that all processes held together."""
        model = InternVLForConditionalGeneration(self.model.config)
        if self.stage.lora is not None:
            self._adapted = add_lora(model, self.stage.lora)
        holder: nn.Module = AnswerModel(model) if self.stage.kind == "instruction" else nn.ModuleDict({"model": model})
        if self.stage.kind == "dense":
            inner = {name.removeprefix("model."): value for name, value in state.items() if name.startswith("model.")}
            model.model.load_state_dict(inner)
            # What a dense stage never touches.
            model.lm_head.load_state_dict(self.model.lm_head.state_dict())
            return model
        holder.load_state_dict({name: value.float() for name, value in state.items()})
        return model


def _whole_state(trainer: StageTrainer) -> dict[str, torch.Tensor]:
    """The weights of a sharded model, gathered in the first process's main memory. All processes must call it."""
    if trainer.is_deepspeed_enabled:
        gathered: dict[str, torch.Tensor] = trainer.accelerator.get_state_dict(trainer.model_wrapped)
        return gathered
    options = StateDictOptions(full_state_dict=True, cpu_offload=True)
    whole: dict[str, Any] = get_model_state_dict(trainer.model_wrapped, options=options)
    return whole
