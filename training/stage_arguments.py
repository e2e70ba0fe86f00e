"""A stage's settings as transformers' `Trainer` takes them."""

from __future__ import annotations

import os
from pathlib import Path

import torch
from transformers import TrainingArguments

from training.checkpoint import TrainingError
from training.recipe import Stage


def stage_arguments(stage: Stage, images: int, out: Path, seed: int) -> TrainingArguments:
    """For a stage over so many images, its step checkpoints in `out`.

    Raises `TrainingError` when its step cannot be shared by the processes there are.
    """
    world = int(os.environ.get("WORLD_SIZE", "1"))
    per_batch, left = divmod(stage.images_per_step, world * stage.accumulate)
    if left:
        raise TrainingError(
            f"stage {stage.name}: images_per_step {stage.images_per_step} cannot be shared by {world} processes "
            f"with {stage.accumulate} batches each"
        )
    total = stage.steps_for(images)
    return TrainingArguments(
        output_dir=str(out),
        max_steps=total,
        per_device_train_batch_size=per_batch,
        gradient_accumulation_steps=stage.accumulate,
        learning_rate=stage.learning_rate,
        warmup_steps=round(stage.warmup * total),
        lr_scheduler_type="cosine",
        weight_decay=stage.weight_decay,
        adam_beta2=0.98 if stage.kind == "dense" or stage.attention else 0.999,
        max_grad_norm=1.0,
        bf16=faster_in_bf16() if stage.bf16 == "auto" else stage.bf16,
        use_cpu=not torch.cuda.is_available(),
        seed=seed,
        save_strategy="steps",
        save_steps=stage.save_every,
        save_total_limit=stage.keep,
        logging_steps=stage.log_every,
        logging_first_step=True,
        logging_nan_inf_filter=False,
        report_to=["tensorboard"],
        remove_unused_columns=False,
        disable_tqdm=True,
        dataloader_num_workers=stage.workers,
        ddp_find_unused_parameters=stage.kind == "dense",
    )


def faster_in_bf16() -> bool:
    """Whether this machine multiplies bfloat16 faster than float32: GPUs since Ampere, processors with AMX or
    AVX512-BF16. Without these a processor emulates it, at a third of the speed for small models."""
    if torch.cuda.is_available():
        return bool(torch.cuda.is_bf16_supported())
    return bool(torch.cpu._is_amx_tile_supported() or torch.cpu._is_avx512_bf16_supported())
