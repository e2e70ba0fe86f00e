"""peft's low-rank adapters in the text model."""

from __future__ import annotations

from peft import LoraConfig, PeftModel, get_peft_model
from transformers import InternVLForConditionalGeneration

from training.recipe import LoraSettings


def add_lora(model: InternVLForConditionalGeneration, settings: LoraSettings) -> PeftModel:
    """Put peft's adapters into the text model; everything else of it is frozen. Returns peft's wrapper of it."""
    config = LoraConfig(
        r=settings.rank,
        lora_alpha=settings.alpha,
        lora_dropout=settings.dropout,
        target_modules=rf".*language_model.*\.({'|'.join(settings.targets)})",
    )
    return get_peft_model(model, config)
