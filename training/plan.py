"""`medrega train --plan`: what a recipe will need in memory and time, computed from the model's own shapes.

Nothing is allocated: the model is made on torch's meta device. Memory follows the sharded data-parallel layout of FSDP
and ZeRO-3 (Rajbhandari et al., "ZeRO", SC 2020): float32 weights, gradients and Adam moments divided by the number of
GPUs, one block's weights gathered in bfloat16 at a time and the next one prefetched. Activations follow Korthikanti et
al., "Reducing Activation Recomputation in Large Transformer Models", 2022, with fused attention. Operations: 2 a weight
and token forward, twice that backward, once more forward where activations are recomputed (Kaplan et al., 2020).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from transformers import InternVLForConditionalGeneration

from training.answers import choose_trained
from training.model import load_model, meta_model
from training.presets import PRESETS
from training.recipe import Recipe, RecipeError, Stage, read_recipe

_GB = 1e9
_PER_LAYER_FULL = 34
"""Bytes of activations a token, layer and unit of width, nothing recomputed, attention fused (Korthikanti, eq. 2)."""
_RESERVE = 0.06
"""Of a GPU's memory: CUDA context, NCCL buffers, fragments of the allocator."""
_TEXT_TOKENS = 350
"""Ids of a group besides its image, where no row length says it: preamble, questions, answers."""


@dataclass(frozen=True, slots=True)
class Hardware:
    """gpus of gpu_gb (10^9 bytes) each; tflops : what one sustains in bfloat16 (about 40 % of its peak)."""

    gpus: int
    gpu_gb: float
    tflops: float


@dataclass(frozen=True, slots=True)
class StagePlan:
    """One stage. *_gb : a GPU, in 10^9 bytes. checkpoint_gb : on disk, one step's. hours : the whole stage."""

    stage: str
    parameters: int
    trained: int
    images_per_gpu: int
    tokens_per_image: int
    weights_gb: float
    gradients_gb: float
    optimizer_gb: float
    gathered_gb: float
    activations_gb: float
    logits_gb: float
    total_gb: float
    fits: bool
    checkpoint_gb: float
    pflop_per_step: float
    seconds_per_step: float
    steps: int | None
    hours: float | None


@dataclass(frozen=True, slots=True)
class Plan:
    """A recipe's stages on some hardware."""

    recipe: str
    hardware: Hardware
    stages: tuple[StagePlan, ...]

    def to_json(self) -> dict[str, Any]:
        """Plain data, one document."""
        return asdict(self)

    def lines(self) -> list[str]:
        """A Markdown table."""
        device = self.hardware
        heads = ("", *(stage.stage for stage in self.stages))
        lines = [
            f"{self.recipe} on {device.gpus} x {device.gpu_gb:g} GB at {device.tflops:g} TFLOP/s sustained each",
            "",
            "| " + " | ".join(heads) + " |",
            "|---" * len(heads) + "|",
        ]
        rows: list[tuple[str, list[str]]] = [
            ("parameters", [f"{s.parameters / 1e9:.2f} G" for s in self.stages]),
            ("trained", [f"{s.trained / 1e9:.3f} G" for s in self.stages]),
            ("images a GPU and batch", [str(s.images_per_gpu) for s in self.stages]),
            ("weights, float32, sharded", [f"{s.weights_gb:.1f} GB" for s in self.stages]),
            ("gradients, sharded", [f"{s.gradients_gb:.1f} GB" for s in self.stages]),
            ("Adam moments, sharded", [f"{s.optimizer_gb:.1f} GB" for s in self.stages]),
            ("two blocks gathered, bfloat16", [f"{s.gathered_gb:.1f} GB" for s in self.stages]),
            ("activations", [f"{s.activations_gb:.1f} GB" for s in self.stages]),
            ("logits of the answers", [f"{s.logits_gb:.1f} GB" for s in self.stages]),
            ("in all, with 6 % reserve", [f"{s.total_gb:.1f} GB" for s in self.stages]),
            ("fits", ["yes" if s.fits else "NO" for s in self.stages]),
            ("checkpoint on disk", [f"{s.checkpoint_gb:.0f} GB" for s in self.stages]),
            ("PFLOP a step", [f"{s.pflop_per_step:.1f}" for s in self.stages]),
            ("seconds a step", [f"{s.seconds_per_step:.1f}" for s in self.stages]),
            ("steps", ["?" if s.steps is None else f"{s.steps:,}" for s in self.stages]),
            ("hours", ["?" if s.hours is None else f"{s.hours:.0f}" for s in self.stages]),
        ]
        return [*lines, *("| " + " | ".join((name, *values)) + " |" for name, values in rows)]


def plan_recipe(path: Path, hardware: Hardware, images: int | None = None) -> Plan:
    """Plan a recipe. images : of the data set, where a stage asks for epochs; without it times are left open.

    Raises `RecipeError` for a recipe that cannot be read or shared by so many GPUs.
    """
    recipe = read_recipe(path)
    model = _model_of(recipe)
    stages = tuple(_plan_stage(stage, model, hardware, images) for stage in recipe.stages)
    return Plan(path.name, hardware, stages)


def _model_of(recipe: Recipe) -> InternVLForConditionalGeneration:
    if recipe.model.preset is not None:
        return meta_model(PRESETS[recipe.model.preset])
    assert recipe.model.checkpoint is not None
    return load_model(recipe.model.checkpoint)


def _plan_stage(
    stage: Stage, model: InternVLForConditionalGeneration, hardware: Hardware, images: int | None
) -> StagePlan:
    choose_trained(model, stage)
    shared = hardware.gpus * stage.accumulate
    if stage.images_per_step % shared:
        raise RecipeError(f"stage {stage.name}: {stage.images_per_step} images a step cannot be shared by {shared}")
    batch = stage.images_per_step // shared
    sizes = {name: parameter.numel() for name, parameter in model.named_parameters()}
    parameters = sum(sizes.values())
    adapters = _lora_parameters(stage, model)
    trained = sum(p.numel() for p in model.parameters() if p.requires_grad) + adapters
    text, vision = model.config.text_config, model.config.vision_config
    patches = (vision.image_size[0] // vision.patch_size[0]) ** 2 + 1
    row = stage.pack or model.config.image_seq_length + _TEXT_TOKENS
    tokens = row if not stage.pack else min(stage.pack, (model.config.image_seq_length + _TEXT_TOKENS))
    tokens *= stage.groups_per_image
    tower_trained = "vision" in stage.train or stage.vision_top > 0
    text_bytes = _activation_bytes(
        text.num_hidden_layers, text.hidden_size, batch * tokens, stage.gradient_checkpointing
    )
    vision_bytes = (
        _activation_bytes(vision.num_hidden_layers, vision.hidden_size, batch * patches, stage.gradient_checkpointing)
        if tower_trained
        # One block's worth lives while it is computed.
        else _PER_LAYER_FULL * vision.hidden_size * batch * patches
    )
    answers = batch * stage.groups_per_image * stage.questions_per_group * 30
    block = max(
        sum(size for name, size in sizes.items() if ".language_model.layers.0." in name),
        sum(size for name, size in sizes.items() if ".encoder.layer.0." in name),
    )
    ends = sum(size for name, size in sizes.items() if "embed_tokens" in name or name.startswith("lm_head"))
    parts = {
        "weights_gb": 4 * (parameters + adapters) / hardware.gpus,
        "gradients_gb": 4 * trained / hardware.gpus,
        "optimizer_gb": 8 * trained / hardware.gpus,
        "gathered_gb": 2 * (2 * block + ends) if hardware.gpus > 1 else 2.0 * block,
        "activations_gb": text_bytes + vision_bytes,
        # Float32 logits, their softmax and its gradient.
        "logits_gb": 3 * 4 * answers * text.vocab_size,
    }
    total = sum(parts.values()) + _RESERVE * hardware.gpu_gb * _GB
    flops = stage_flops(stage, model, tokens, patches) * stage.images_per_step
    seconds = flops / (hardware.gpus * hardware.tflops * 1e12)
    steps = stage.steps or (stage.steps_for(images) if images else None)
    return StagePlan(
        stage.name,
        parameters,
        trained,
        batch,
        tokens,
        **{name: round(value / _GB, 2) for name, value in parts.items()},
        total_gb=round(total / _GB, 2),
        fits=total <= hardware.gpu_gb * _GB,
        checkpoint_gb=round((4 * (parameters + adapters) + 8 * trained) / _GB, 2),
        pflop_per_step=flops / 1e15,
        seconds_per_step=seconds,
        steps=steps,
        hours=None if steps is None else round(steps * seconds / 3600, 1),
    )


def stage_flops(stage: Stage, model: InternVLForConditionalGeneration, tokens: int, patches: int) -> float:
    """Floating-point operations of one image with its questions, forward and backward.

    tokens : ids its rows take. patches : of the image, the class token included. Gradients of weights are counted
    for what is trained, of activations from the first trained part on.
    """
    text, vision = model.config.text_config, model.config.vision_config
    tower = _weights(model, "model.vision_tower.encoder")
    connector = _weights(model, "model.multi_modal_projector")
    blocks = _weights(model, "model.language_model.layers")
    head = model.lm_head.weight.numel()
    answers = stage.groups_per_image * stage.questions_per_group * 30
    forward = {
        "vision": 2 * tower * patches + 4 * vision.num_hidden_layers * vision.hidden_size * patches**2,
        "connector": 2.0 * connector * model.config.image_seq_length,
        # Causal: half of the products.
        "text": 2 * blocks * tokens
        + 2 * text.num_hidden_layers * text.hidden_size * tokens**2 / stage.groups_per_image,
        "head": 2.0 * head * answers,
    }
    trained = set(stage.train) | ({"text"} if stage.lora else set()) | ({"vision"} if stage.vision_top else set())
    total = 0.0
    reached = False
    for part in ("vision", "connector", "text", "head"):
        owner = "text" if part == "head" else part
        here = owner in trained
        whole = here and not (owner == "text" and stage.lora)
        # Once for its input's gradient if anything before or in it is trained, once for its weights' own.
        reached = reached or here
        times = 1 + (1 if reached else 0) + (1 if whole else 0)
        if reached and stage.gradient_checkpointing and part in ("vision", "text"):
            times += 1
        total += forward[part] * times
    return total


def _weights(model: InternVLForConditionalGeneration, prefix: str) -> int:
    return sum(p.numel() for name, p in model.named_parameters() if name.startswith(prefix) and p.ndim > 1)


def _activation_bytes(layers: int, width: int, tokens: int, recomputed: bool) -> float:
    """Kept for the backward pass. Recomputed: a block's input each (bfloat16), and one whole block at a time."""
    if recomputed:
        return float(tokens * width * (2 * layers + _PER_LAYER_FULL))
    return float(_PER_LAYER_FULL * layers * width * tokens)


def _lora_parameters(stage: Stage, model: InternVLForConditionalGeneration) -> int:
    if stage.lora is None:
        return 0
    count = 0
    for name, module in model.model.language_model.named_modules():
        if name.rpartition(".")[2] in stage.lora.targets:
            rows, columns = module.weight.shape
            count += stage.lora.rank * (rows + columns)
    return count
