"""Checkpoint to llama.cpp: text and projector GGUF, quantized, with manifest, labels and self-test files.

Tensor names and keys: llama.cpp's gguf-py constants, and tools/mtmd/clip.cpp for the vision tower. Written for
the llama.cpp inside llama-cpp-python 0.3.36.
"""

from __future__ import annotations

import ctypes
import json
import logging
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import gguf
import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from safetensors import safe_open

from engine.files import whole_file
from engine.regions import LabelSet
from engine.runtime.manifest import ModelFile, ModelManifest
from training.model import (
    IMAGE_MEAN,
    IMAGE_STD,
    CheckpointError,
    image_embeddings,
    image_tensor,
    load_model,
)
from training.tokenizer import CONTROL_TOKENS, END_OF_TURN

logger = logging.getLogger(__name__)

FileType = Literal["f32", "f16", "q8_0"]

# llama.h, enum llama_ftype.
_LLAMA_FTYPE_Q8_0 = 7

_CHAT_TEMPLATE = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)

_TEXT_NAMES = {
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
    "input_layernorm": "attn_norm",
    "post_attention_layernorm": "ffn_norm",
}
_VISION_NAMES = {
    "attention.q_proj": "attn_q",
    "attention.k_proj": "attn_k",
    "attention.v_proj": "attn_v",
    "attention.projection_layer": "attn_out",
    "mlp.fc1": "ffn_up",
    "mlp.fc2": "ffn_down",
    "layernorm_before": "ln1",
    "layernorm_after": "ln2",
}
_PROJECTOR_NAMES = {"layer_norm": 0, "linear_1": 1, "linear_2": 3}


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A checkpoint on disk: its configuration, its tokenizer's json, and its tensors by hub name."""

    config: dict[str, Any]
    tokenizer: dict[str, Any]
    tensors: dict[str, torch.Tensor]

    @classmethod
    def read(cls, folder: Path) -> Checkpoint:
        """Read a folder written by the trainer. Raises `CheckpointError` naming what is missing."""
        try:
            config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
            tokenizer = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))
            with safe_open(folder / "model.safetensors", "pt") as file:
                tensors = {_hub_name(name): file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        except (OSError, ValueError) as error:
            raise CheckpointError(f"{folder} is not a checkpoint of the trainer: {error}") from error
        return cls(config, tokenizer, tensors)


def _hub_name(name: str) -> str:
    """transformers 5 writes ``language_model.model.x``; in memory it is ``model.language_model.x``."""
    for start, other in (
        ("language_model.model.", "model.language_model."),
        ("language_model.lm_head.", "lm_head."),
        ("vision_tower.", "model.vision_tower."),
        ("multi_modal_projector.", "model.multi_modal_projector."),
    ):
        if name.startswith(start):
            return other + name[len(start) :]
    return name


class _Writer:
    """A GGUF writer that keeps norms, biases and positions in 32 bits and the matrices in `ftype`."""

    def __init__(self, path: Path, arch: str, ftype: FileType) -> None:
        self.gguf = gguf.GGUFWriter(path, arch)
        self._half = ftype == "f16"
        kind = gguf.LlamaFileType.MOSTLY_F16 if self._half else gguf.LlamaFileType.ALL_F32
        self.gguf.add_file_type(kind)

    def put(self, name: str, tensor: torch.Tensor) -> None:
        array = tensor.detach().float().contiguous().numpy()
        matrix = array.ndim > 1 and "embd.weight" not in name.replace("token_embd", "").replace("patch_embd", "")
        self.gguf.add_tensor(name, array.astype(np.float16) if self._half and matrix else array)

    def close(self) -> None:
        self.gguf.write_header_to_file()
        self.gguf.write_kv_data_to_file()
        self.gguf.write_tensors_to_file()
        self.gguf.close()


def write_text(checkpoint: Checkpoint, path: Path, ftype: FileType = "f32") -> None:
    """The Llama text model with its tokenizer, f32 or f16."""
    text = checkpoint.config["text_config"]
    heads, kv_heads = text["num_attention_heads"], text["num_key_value_heads"]
    writer = _Writer(path, "llama", ftype)
    out = writer.gguf
    out.add_context_length(text["max_position_embeddings"])
    out.add_embedding_length(text["hidden_size"])
    out.add_block_count(text["num_hidden_layers"])
    out.add_feed_forward_length(text["intermediate_size"])
    out.add_head_count(heads)
    out.add_head_count_kv(kv_heads)
    out.add_layer_norm_rms_eps(text["rms_norm_eps"])
    out.add_rope_freq_base(float((text.get("rope_parameters") or text)["rope_theta"]))
    head_dim = text.get("head_dim") or text["hidden_size"] // heads
    out.add_rope_dimension_count(head_dim)
    if head_dim * heads != text["hidden_size"]:
        out.add_key_length(head_dim)
        out.add_value_length(head_dim)
    out.add_vocab_size(text["vocab_size"])
    _add_tokenizer(out, checkpoint.tokenizer, text["vocab_size"])
    tensors, prefix = checkpoint.tensors, "model.language_model."
    writer.put("token_embd.weight", tensors[prefix + "embed_tokens.weight"])
    writer.put("output_norm.weight", tensors[prefix + "norm.weight"])
    writer.put("output.weight", tensors["lm_head.weight"])
    for layer in range(text["num_hidden_layers"]):
        for theirs, ours in _TEXT_NAMES.items():
            tensor = tensors[f"{prefix}layers.{layer}.{theirs}.weight"]
            if ours in ("attn_q", "attn_k"):
                tensor = permute_rope(tensor, heads if ours == "attn_q" else kv_heads)
            writer.put(f"blk.{layer}.{ours}.weight", tensor)
    writer.close()


def permute_rope(weight: torch.Tensor, heads: int) -> torch.Tensor:
    """Rows from transformers' half-split rotary order to llama.cpp's interleaved one (arch ``llama`` only)."""
    half = weight.shape[0] // heads // 2
    return weight.reshape(heads, 2, half, *weight.shape[1:]).swapaxes(1, 2).reshape(weight.shape)


def _add_tokenizer(out: gguf.GGUFWriter, tokenizer: dict[str, Any], size: int) -> None:
    vocabulary = dict(tokenizer["model"]["vocab"])
    added = {token["content"]: token["id"] for token in tokenizer["added_tokens"]}
    vocabulary |= added
    tokens = [f"[PAD{number}]" for number in range(size)]
    types = [gguf.TokenType.UNUSED] * size
    for token, number in vocabulary.items():
        tokens[number], types[number] = token, gguf.TokenType.NORMAL
    for token, number in added.items():
        # MedRegA's tags are part of an answer's text and must be seen; turn tokens must never be.
        control = token in CONTROL_TOKENS
        types[number] = gguf.TokenType.CONTROL if control else gguf.TokenType.USER_DEFINED
    merges = [" ".join(pair) if isinstance(pair, list) else pair for pair in tokenizer["model"]["merges"]]
    out.add_tokenizer_model("gpt2")
    out.add_tokenizer_pre("qwen2")
    out.add_token_list(tokens)
    out.add_token_types(types)
    out.add_token_merges(merges)
    out.add_eos_token_id(vocabulary[END_OF_TURN])
    out.add_pad_token_id(vocabulary[CONTROL_TOKENS[0]])
    out.add_add_bos_token(False)
    out.add_chat_template(_CHAT_TEMPLATE)


def write_mmproj(checkpoint: Checkpoint, path: Path, ftype: FileType = "f32", *, rolled: bool = True) -> None:
    """The vision tower and the projector, f32 or f16.

    rolled : llama.cpp appends the class token after the patches but adds position rows in stored order, so the
    class token's row must come last (ggml-org/llama.cpp issue 25814). Unrolled is for testing that defect.
    """
    config = checkpoint.config
    vision, tensors = config["vision_config"], checkpoint.tensors
    writer = _Writer(path, "clip", ftype)
    out = writer.gguf
    out.add_type("mmproj")
    out.add_bool("clip.has_vision_encoder", True)
    out.add_string("clip.projector_type", "internvl")
    out.add_uint32("clip.vision.image_size", vision["image_size"][0])
    out.add_uint32("clip.vision.patch_size", vision["patch_size"][0])
    out.add_uint32("clip.vision.embedding_length", vision["hidden_size"])
    out.add_uint32("clip.vision.feed_forward_length", vision["intermediate_size"])
    out.add_uint32("clip.vision.block_count", vision["num_hidden_layers"])
    out.add_uint32("clip.vision.attention.head_count", vision["num_attention_heads"])
    out.add_float32("clip.vision.attention.layer_norm_epsilon", vision["layer_norm_eps"])
    out.add_uint32("clip.vision.projection_dim", config["text_config"]["hidden_size"])
    out.add_uint32("clip.vision.projector.scale_factor", round(1 / config["downsample_ratio"]))
    out.add_array("clip.vision.image_mean", list(IMAGE_MEAN))
    out.add_array("clip.vision.image_std", list(IMAGE_STD))
    out.add_bool("clip.use_gelu", True)
    prefix = "model.vision_tower."
    writer.put("v.class_embd", tensors[prefix + "embeddings.cls_token"].reshape(-1))
    positions = tensors[prefix + "embeddings.position_embeddings"][0]
    if rolled:
        positions = torch.cat([positions[1:], positions[:1]])
    writer.put("v.position_embd.weight", positions)
    for kind in ("weight", "bias"):
        writer.put(f"v.patch_embd.{kind}", tensors[f"{prefix}embeddings.patch_embeddings.projection.{kind}"])
    for layer in range(vision["num_hidden_layers"]):
        block = f"{prefix}encoder.layer.{layer}."
        for theirs, ours in _VISION_NAMES.items():
            for kind in ("weight", "bias"):
                writer.put(f"v.blk.{layer}.{ours}.{kind}", tensors[f"{block}{theirs}.{kind}"])
        for number in (1, 2):
            writer.put(f"v.blk.{layer}.ls{number}.weight", tensors[f"{block}lambda_{number}"])
    for theirs, position in _PROJECTOR_NAMES.items():
        for kind in ("weight", "bias"):
            source = f"model.multi_modal_projector.{theirs}.{kind}"
            writer.put(f"mm.model.mlp.{position}.{kind}", tensors[source])
    writer.close()


def quantize_q8_0(source: Path, target: Path) -> None:
    """Quantize a GGUF file with llama.cpp's own quantizer. Raises `CheckpointError` when it refuses."""
    import llama_cpp

    silent = llama_cpp.llama_log_callback(lambda *_: None)
    llama_cpp.llama_log_set(silent, ctypes.c_void_p(0))
    params = llama_cpp.llama_model_quantize_default_params()
    params.ftype = _LLAMA_FTYPE_Q8_0
    if llama_cpp.llama_model_quantize(str(source).encode(), str(target).encode(), ctypes.byref(params)):
        raise CheckpointError(f"llama.cpp cannot quantize {source}")


def golden_image(size: int) -> NDArray[np.uint8]:
    """(size, size, 3) uint8: gradients, a checkerboard and grain, so that every patch and channel differs."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[0:size, 0:size]
    planes = np.stack([x * 255 // size, y * 255 // size, ((x // 16 + y // 16) % 2) * 200], axis=-1)
    mixed: NDArray[np.uint8] = (planes // 2 + rng.integers(0, 128, planes.shape)).astype(np.uint8)
    return mixed


def export_model(
    folder: Path,
    out: Path,
    labels: LabelSet,
    *,
    model_id: str,
    name: str,
    version: str,
    ftype: FileType = "q8_0",
    golden_tolerance: float = 0.02,
    abstain_below: float = 0.4,
    tasks: Sequence[str] = (),
) -> ModelManifest:
    """Export a checkpoint folder into a model folder that the engine can open.

    tasks : those it was trained on, for the manifest. Raises `CheckpointError` for a folder that is no checkpoint.
    """
    checkpoint = Checkpoint.read(folder)
    out.mkdir(parents=True, exist_ok=True)
    names = {"text": f"text-{ftype}.gguf", "mmproj": f"mmproj-{ftype}.gguf"}
    for role, write in (("text", write_text), ("mmproj", write_mmproj)):
        with whole_file(out / names[role]) as target:
            if ftype == "q8_0":
                with tempfile.TemporaryDirectory() as scratch:
                    full = Path(scratch) / "f32.gguf"
                    write(checkpoint, full, "f32")
                    quantize_q8_0(full, target)
            else:
                write(checkpoint, target, ftype)
    config = checkpoint.config
    size = config["vision_config"]["image_size"][0]
    image = golden_image(size)
    Image.fromarray(image).save(out / "golden.png")
    with torch.no_grad():
        model = load_model(folder).eval()
        embedding = image_embeddings(model, image_tensor(torch.from_numpy(image)[None]))[0]
    np.save(out / "golden.npy", embedding.numpy().astype(np.float32))
    entries = [{"id": one.id, "en": one.en, "zh": one.zh, "code": one.code} for one in labels]
    (out / "labels.json").write_text(json.dumps(entries, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    files = {**names, "labels": "labels.json", "golden_image": "golden.png", "golden_embedding": "golden.npy"}
    manifest = ModelManifest(
        id=model_id,
        name=name,
        version=version,
        dialect="medrega",
        folder=out,
        files={role: ModelFile.of(out / file) for role, file in files.items()},
        image_size=size,
        image_tokens=config["image_seq_length"],
        context_length=config["text_config"]["max_position_embeddings"],
        golden_tolerance=golden_tolerance,
        abstain_below=abstain_below,
        tasks=tuple(str(task) for task in tasks),
    )
    manifest.write()
    return manifest
