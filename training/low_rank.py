"""peft's low-rank adapters in the text model and its output layer."""

from __future__ import annotations

from peft import LoraConfig, PeftModel, get_peft_model
from transformers import InternVLForConditionalGeneration

from training.recipe import LoraSettings

HEAD = "lm_head"
"""Among the targets: the layer that gives the words, outside the text model's own."""


def add_lora(model: InternVLForConditionalGeneration, settings: LoraSettings) -> PeftModel:
    """Put peft's adapters into the text model; everything else of it is frozen. Returns peft's wrapper of it."""
    inner = "|".join(name for name in settings.targets if name != HEAD)
    targets = [rf".*language_model.*\.({inner})"] if inner else []
    config = LoraConfig(
        r=settings.rank,
        lora_alpha=settings.alpha,
        lora_dropout=settings.dropout,
        target_modules="|".join([*targets, *([rf"(?:.*\.)?{HEAD}"] if HEAD in settings.targets else [])]),
    )
    return get_peft_model(model, config)
