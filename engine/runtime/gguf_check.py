"""Looks at a GGUF file's own claims before llama.cpp does.

llama.cpp's reader has had memory-safety bugs with hostile files, and asserts (which end the process) where a number
is merely absurd. So the header must be sound (`engine.runtime.gguf_header`), its numbers must be possible, and they
must agree with the tensors that are there.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from engine.runtime.gguf_header import BadFileError, GgufHeader, GgufTensor, bad_file, read_gguf_header
from engine.runtime.mmproj_check import check_mmproj

_ARCHITECTURE = "general.architecture"
_TOKENS = "tokenizer.ggml.tokens"
# The largest that any known model comes near to. llama.cpp asserts on 512 layers (LLAMA_MAX_LAYERS).
_MOST = {
    "block_count": 512,
    "embedding_length": 1 << 18,
    "feed_forward_length": 1 << 20,
    "context_length": 1 << 28,
    "vocab_size": 1 << 22,
    "attention.head_count": 1024,
    "attention.head_count_kv": 1024,
    "attention.key_length": 1 << 14,
    "attention.value_length": 1 << 14,
    "rope.dimension_count": 1 << 14,
}
_MOST_VISION = _MOST | {
    "image_size": 1 << 13,
    "patch_size": 1 << 10,
    "projection_dim": 1 << 18,
    "projector.scale_factor": 16,
}
_MAY_BE_ZERO = {"attention.head_count_kv", "feed_forward_length"}
_TOKEN_TABLES = ("tokenizer.ggml.scores", "tokenizer.ggml.token_type")


def check_gguf(path: Path) -> GgufHeader:
    """The header of a file that llama.cpp may be given.

    Raises `ModelError` naming the file and the defect unless its header is sound and its tensors fit.
    """
    header = read_gguf_header(path)
    try:
        _check_values(header)
    except BadFileError as error:
        raise bad_file(path, error) from None
    return header


def _check_values(header: GgufHeader) -> None:
    values, architecture = header.values, header.architecture
    if not architecture or not architecture.isascii() or not architecture.isprintable() or len(architecture) > 64:
        raise BadFileError(f"{_ARCHITECTURE} is {str(values.get(_ARCHITECTURE))[:60]!r}")
    if architecture == "clip":
        for part in ("clip.vision", "clip.audio"):
            _require_possible(values, part, _MOST_VISION)
        _require_vision_fits(values, header.tensors)
    else:
        _require_possible(values, architecture, _MOST)
        _require_tokens_fit(values, header.tensors)
        _require_width_fits(values, architecture, header.tensors)
    _require_layers_there(header)
    if architecture == "clip":
        check_mmproj(values, header.tensors)


def _require_possible(values: Mapping[str, Any], prefix: str, most: Mapping[str, int]) -> None:
    for name, limit in most.items():
        value = values.get(f"{prefix}.{name}")
        if value is None:
            continue
        least = 0 if name in _MAY_BE_ZERO else 1
        # Models with layers of several kinds give a list, a number a layer.
        numbers = value if isinstance(value, tuple) else (value,)
        if not numbers or len(numbers) > _MOST["block_count"] or not all(_is_count(n, least, limit) for n in numbers):
            raise BadFileError(f"{prefix}.{name} is {str(value)[:60]}")
    heads, width = values.get(f"{prefix}.attention.head_count"), values.get(f"{prefix}.embedding_length")
    given = values.get(f"{prefix}.attention.key_length")
    if isinstance(heads, int) and isinstance(width, int) and given is None and width % heads:
        raise BadFileError(f"{width} values do not divide into {heads} heads")


def _is_count(value: object, least: int, most: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= most


def _require_tokens_fit(values: Mapping[str, Any], tensors: Mapping[str, GgufTensor]) -> None:
    tokens = values.get(_TOKENS)
    if tokens is None:
        return
    if not isinstance(tokens, tuple) or not tokens or not all(isinstance(token, str) for token in tokens):
        raise BadFileError(f"{_TOKENS} is no list of texts")
    count = len(tokens)
    # llama.cpp asserts that no token has two numbers; those without a text it names itself.
    if len({*filter(None, tokens)}) != sum(map(bool, tokens)):
        raise BadFileError(f"a token stands twice in {_TOKENS}")
    for name in _TOKEN_TABLES:
        table = values.get(name)
        if table is not None and (not isinstance(table, tuple) or len(table) != count):
            raise BadFileError(f"{name} does not have a value for each of the {count} tokens")
    for name, value in values.items():
        # 32 bits of ones stand for "none".
        known = name.startswith("tokenizer.ggml.") and name.endswith("_token_id")
        if known and not _is_count(value, 0, count - 1) and value != 0xFFFFFFFF:
            raise BadFileError(f"{name} is {str(value)[:60]}, there are {count} tokens")
    for name in ("token_embd.weight", "output.weight"):
        tensor = tensors.get(name)
        if tensor is not None and (len(tensor.shape) != 2 or tensor.shape[1] != count):
            raise BadFileError(f"the tensor {name!r} does not have a row for each of the {count} tokens")


def _require_width_fits(values: Mapping[str, Any], prefix: str, tensors: Mapping[str, GgufTensor]) -> None:
    width = values.get(f"{prefix}.embedding_length")
    table = tensors.get("token_embd.weight")
    if isinstance(width, int) and table is not None and table.shape[0] != width:
        raise BadFileError(
            f"the tensor 'token_embd.weight' is {table.shape[0]} wide, {prefix}.embedding_length {width}"
        )


def _require_vision_fits(values: Mapping[str, Any], tensors: Mapping[str, GgufTensor]) -> None:
    size, patch = values.get("clip.vision.image_size"), values.get("clip.vision.patch_size")
    if isinstance(size, int) and isinstance(patch, int) and patch > size:
        raise BadFileError(f"patches of {patch} pixels in a picture of {size}")
    width = values.get("clip.vision.embedding_length")
    positions = tensors.get("v.position_embd.weight")
    if isinstance(width, int) and positions is not None and positions.shape[0] != width:
        raise BadFileError(
            f"the tensor 'v.position_embd.weight' is {positions.shape[0]} wide, clip.vision.embedding_length {width}"
        )
    for name in ("clip.vision.image_mean", "clip.vision.image_std"):
        value = values.get(name)
        # llama.cpp copies three numbers whatever their count.
        if value is not None and (not isinstance(value, tuple) or len(value) != 3):
            raise BadFileError(f"{name} is not three numbers")


def _require_layers_there(header: GgufHeader) -> None:
    """Raise when more layers are claimed than have tensors: llama.cpp makes room for what is claimed."""
    vision = header.architecture == "clip"
    claimed = header.values.get("clip.vision.block_count" if vision else f"{header.architecture}.block_count")
    start = "v.blk." if vision else "blk."
    numbers = {name[len(start) :].partition(".")[0] for name in header.tensors if name.startswith(start)}
    there = {int(number) for number in numbers if number.isascii() and number.isdigit()}
    if isinstance(claimed, int) and there and there != set(range(claimed)):
        raise BadFileError(f"it claims {claimed} layers and has tensors of {len(there)}")
