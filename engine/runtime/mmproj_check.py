"""Whether a vision tower has the tensors that its numbers promise.

clip.cpp reads tensors that are not there through null pointers, and asserts on shapes that do not fit (found by
fuzzing: tests/engine/runtime/test_gguf_fuzz.py). InternVL's towers are held against their whole layout; of other
families each block must be like the first.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.runtime.gguf_header import BadFileError, GgufTensor

_BLOCK = "v.blk."
_F32 = 0
_NUMBERS = (
    *("image_size", "patch_size", "embedding_length", "feed_forward_length", "block_count"),
    *("projection_dim", "projector.scale_factor"),
)


def check_mmproj(values: Mapping[str, Any], tensors: Mapping[str, GgufTensor]) -> None:
    """Raise `BadFileError` naming the first tensor that is missing, is too many, or has another shape."""
    projector = values.get("clip.vision.projector_type") or values.get("clip.projector_type")
    if projector == "internvl":
        _check_internvl(values, tensors)
    elif values.get("clip.has_vision_encoder") is True:
        _check_blocks(tensors)


def _check_internvl(values: Mapping[str, Any], tensors: Mapping[str, GgufTensor]) -> None:
    for name in _NUMBERS:
        if not isinstance(values.get(f"clip.vision.{name}"), int):
            raise BadFileError(f"it lacks the number clip.vision.{name}")
    size, patch, width, feed, blocks, out, scale = (values[f"clip.vision.{name}"] for name in _NUMBERS)
    if size % (patch * scale):
        raise BadFileError(f"patches of {patch} pixels in a picture of {size}")
    merged = width * scale * scale
    wanted: dict[str, tuple[int, ...]] = {
        "v.class_embd": (width,),
        "v.position_embd.weight": (width, (size // patch) ** 2 + 1),
        "v.patch_embd.weight": (patch, patch, 3, width),
        "v.patch_embd.bias": (width,),
        "mm.model.mlp.0.weight": (merged,),
        "mm.model.mlp.0.bias": (merged,),
        "mm.model.mlp.1.weight": (merged, out),
        "mm.model.mlp.1.bias": (out,),
        "mm.model.mlp.3.weight": (out, out),
        "mm.model.mlp.3.bias": (out,),
    }
    block: dict[str, tuple[int, ...]] = {
        f"{name}.weight": (width, width) for name in ("attn_q", "attn_k", "attn_v", "attn_out")
    }
    block |= {"ffn_up.weight": (width, feed), "ffn_down.weight": (feed, width)}
    block |= {"attn_out.bias": (width,), "ffn_up.bias": (feed,), "ffn_down.bias": (width,)}
    block |= {f"{name}.weight": (width,) for name in ("ln1", "ln2")}
    # What some towers have and others do not: in all blocks or in none, as the first says.
    for name in ("attn_q.bias", "attn_k.bias", "attn_v.bias", "attn_q_norm.weight", "attn_k_norm.weight"):
        if f"{_BLOCK}0.{name}" in tensors:
            block[name] = (width,)
    for name in ("ln1.bias", "ln2.bias", "ls1.weight", "ls2.weight"):
        if f"{_BLOCK}0.{name}" in tensors:
            block[name] = (width,)
    wanted |= {f"{_BLOCK}{n}.{name}": shape for n in range(blocks) for name, shape in block.items()}
    _require_same(tensors, wanted)


def _check_blocks(tensors: Mapping[str, GgufTensor]) -> None:
    if not any(name.startswith("v.patch_embd") for name in tensors):
        raise BadFileError("it lacks the tensor v.patch_embd.weight")
    blocks: dict[str, dict[str, tuple[int, ...]]] = {}
    for name, tensor in tensors.items():
        if name.startswith(_BLOCK):
            number, _, rest = name[len(_BLOCK) :].partition(".")
            blocks.setdefault(number, {})[rest] = tensor.shape
    first = blocks.get("0", {})
    for number in blocks:
        found = {f"{_BLOCK}{number}.{rest}": tensors[f"{_BLOCK}{number}.{rest}"] for rest in blocks[number]}
        _require_same(found, {f"{_BLOCK}{number}.{rest}": shape for rest, shape in first.items()})


def _require_same(tensors: Mapping[str, GgufTensor], wanted: Mapping[str, tuple[int, ...]]) -> None:
    for name in wanted.keys() - tensors.keys():
        raise BadFileError(f"it lacks the tensor {name}")
    for name, tensor in tensors.items():
        if name not in wanted:
            raise BadFileError(f"it has the tensor {name!r}, which such a tower does not have")
        if tensor.shape != wanted[name]:
            raise BadFileError(f"the tensor {name!r} has the impossible shape {list(tensor.shape)}")
        if len(tensor.shape) == 1 and tensor.kind != _F32:
            raise BadFileError(f"the tensor {name!r} is not stored in 32 bits")
