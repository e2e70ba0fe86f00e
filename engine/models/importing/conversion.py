"""The tensors of a released checkpoint under llama.cpp's names, made one at a time while they are written.

Names: llama.cpp's gguf-py constants, and tools/mtmd/clip.cpp for the tower.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import gguf
import numpy as np
from numpy.typing import NDArray

from engine.models.importing.checkpoint import ReleasedCheckpoint
from engine.models.importing.safetensors_file import StoredTensor
from engine.models.importing.tokenizer import Vocabulary
from engine.models.shapes import put_text_shape, put_vision_shape
from engine.models.streaming import write_streamed
from engine.progress import Progress

Precision = Literal["stored", "f16", "f32"]
"""How matrices are written: as they are stored, or in 16 or 32 bits. Vectors and positions are always in 32."""

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
_KINDS = {
    "F32": gguf.GGMLQuantizationType.F32,
    "F16": gguf.GGMLQuantizationType.F16,
    "BF16": gguf.GGMLQuantizationType.BF16,
}
_MODEL = "language_model.model."
_TOWER = "vision_model."


@dataclass(frozen=True, slots=True)
class PlannedTensor:
    """One tensor to be. change : from the stored array (any type, values untouched) to the one that is written."""

    name: str
    source: StoredTensor
    shape: tuple[int, ...]
    precision: Precision
    change: Callable[[NDArray[Any]], NDArray[Any]] = np.asarray

    @property
    def dtype(self) -> str:
        """``F32``, ``F16`` or ``BF16``, as it is written."""
        return {"stored": self.source.dtype, "f16": "F16", "f32": "F32"}[self.precision]

    @property
    def kind(self) -> gguf.GGMLQuantizationType:
        """`dtype` as GGUF numbers it."""
        return _KINDS[self.dtype]

    def make(self) -> NDArray[Any]:
        """The array to write: contiguous, bfloat16 as uint16."""
        if self.precision == "stored":
            made = self.change(self.source.raw())
        else:
            wanted = np.float16 if self.precision == "f16" else np.float32
            made = self.change(self.source.float32()).astype(wanted)
        return np.ascontiguousarray(made.reshape(self.shape))


def text_tensors(checkpoint: ReleasedCheckpoint, precision: Precision) -> Iterator[PlannedTensor]:
    """Those of the text model."""
    shape = checkpoint.text
    width, feed = shape.width, shape.feed_forward
    query, kv = shape.heads * shape.head_width, shape.kv_heads * shape.head_width
    sizes = {
        "attn_q": (query, width), "attn_k": (kv, width), "attn_v": (kv, width), "attn_output": (width, query),
        "ffn_gate": (feed, width), "ffn_up": (feed, width), "ffn_down": (width, feed),
        "attn_norm": (width,), "ffn_norm": (width,),
    }  # fmt: skip

    def planned(ours: str, theirs: str, size: tuple[int, ...], heads: int = 0) -> PlannedTensor:
        source = checkpoint.tensor(theirs, *size)
        change = (lambda array: permute_rope(array, heads)) if heads else np.asarray
        return PlannedTensor(ours, source, size, precision if len(size) > 1 else "f32", change)

    table = (shape.rows, width)
    yield planned("token_embd.weight", _MODEL + "embed_tokens.weight", table)
    yield planned("output_norm.weight", _MODEL + "norm.weight", (width,))
    yield planned("output.weight", "language_model.lm_head.weight", table)
    for layer in range(shape.layers):
        for theirs, ours in _TEXT_NAMES.items():
            heads = {"attn_q": shape.heads, "attn_k": shape.kv_heads}.get(ours, 0)
            yield planned(f"blk.{layer}.{ours}.weight", f"{_MODEL}layers.{layer}.{theirs}.weight", sizes[ours], heads)


def permute_rope(weight: NDArray[Any], heads: int) -> NDArray[Any]:
    """Rows from transformers' half-split rotary order to llama.cpp's interleaved one (arch ``llama``)."""
    half = weight.shape[0] // heads // 2
    return weight.reshape(heads, 2, half, *weight.shape[1:]).swapaxes(1, 2).reshape(weight.shape)


def vision_tensors(checkpoint: ReleasedCheckpoint, precision: Precision) -> Iterator[PlannedTensor]:
    """Those of the tower and the projector."""
    shape = checkpoint.vision
    width, feed, out = shape.width, shape.feed_forward, checkpoint.text.width
    patches = (shape.size // shape.patch) ** 2

    def planned(
        ours: str,
        theirs: str,
        stored: tuple[int, ...],
        change: Callable[[NDArray[Any]], NDArray[Any]] = np.asarray,
        written: tuple[int, ...] = (),
    ) -> PlannedTensor:
        size = written or stored
        return PlannedTensor(
            ours, checkpoint.tensor(theirs, *stored), size, precision if len(size) == 2 else "f32", change
        )

    embeddings = _TOWER + "embeddings."
    yield planned("v.class_embd", embeddings + "class_embedding", (1, 1, width), written=(width,))
    # llama.cpp appends the class token after the patches but adds the rows in stored order (ggml-org/llama.cpp
    # issue 25814): the class token's row comes last.
    positions = checkpoint.tensor(embeddings + "position_embedding", 1, patches + 1, width)
    rolled: Callable[[NDArray[Any]], NDArray[Any]] = lambda array: np.roll(array[0], -1, axis=0)  # noqa: E731
    yield PlannedTensor("v.position_embd.weight", positions, (patches + 1, width), "f32", rolled)
    yield planned("v.patch_embd.weight", embeddings + "patch_embedding.weight", (width, 3, shape.patch, shape.patch))
    yield planned("v.patch_embd.bias", embeddings + "patch_embedding.bias", (width,))
    for layer in range(shape.layers):
        theirs, ours = f"{_TOWER}encoder.layers.{layer}.", f"v.blk.{layer}."
        # Split, because the norms of queries and keys run over their full width.
        for number, part in enumerate(("attn_q", "attn_k", "attn_v")):
            rows = slice(number * width, (number + 1) * width)

            def cut(array: NDArray[Any], rows: slice = rows) -> NDArray[Any]:
                return array[rows]

            yield planned(f"{ours}{part}.weight", theirs + "attn.qkv.weight", (3 * width, width), cut, (width, width))
            if shape.bias:
                yield planned(f"{ours}{part}.bias", theirs + "attn.qkv.bias", (3 * width,), cut, (width,))
            if shape.qk_norm and part != "attn_v":
                yield planned(f"{ours}{part}_norm.weight", f"{theirs}attn.{part[-1]}_norm.weight", (width,))
        for name, source, size in (
            ("attn_out", "attn.proj", (width, width)),
            ("ffn_up", "mlp.fc1", (feed, width)),
            ("ffn_down", "mlp.fc2", (width, feed)),
        ):
            yield planned(f"{ours}{name}.weight", f"{theirs}{source}.weight", size)
            yield planned(f"{ours}{name}.bias", f"{theirs}{source}.bias", size[:1])
        for number in (1, 2):
            yield planned(f"{ours}ln{number}.weight", f"{theirs}norm{number}.weight", (width,))
            if not shape.rms:
                yield planned(f"{ours}ln{number}.bias", f"{theirs}norm{number}.bias", (width,))
            yield planned(f"{ours}ls{number}.weight", f"{theirs}ls{number}", (width,))
    projector: dict[int, tuple[int, ...]] = {0: (4 * width,), 1: (out, 4 * width), 3: (out, out)}
    for number, extents in projector.items():
        yield planned(f"mm.model.mlp.{number}.weight", f"mlp1.{number}.weight", extents)
        yield planned(f"mm.model.mlp.{number}.bias", f"mlp1.{number}.bias", extents[:1])


def write_text(
    checkpoint: ReleasedCheckpoint, vocabulary: Vocabulary, path: Path, precision: Precision, progress: Progress
) -> None:
    """The text model's GGUF. Raises `ModelError` for a tensor that is missing or of another shape, `Cancelled`."""
    out = gguf.GGUFWriter(path, "llama")
    put_text_shape(out, checkpoint.text)
    vocabulary.put(out)
    _write(out, list(text_tensors(checkpoint, precision)), progress, path.name)


def write_mmproj(checkpoint: ReleasedCheckpoint, path: Path, precision: Precision, progress: Progress) -> None:
    """The tower's and the projector's GGUF. Raises as `write_text` does."""
    out = gguf.GGUFWriter(path, "clip")
    put_vision_shape(out, checkpoint.vision, checkpoint.text.width)
    _write(out, list(vision_tensors(checkpoint, precision)), progress, path.name)


def _write(out: gguf.GGUFWriter, plan: list[PlannedTensor], progress: Progress, what: str) -> None:
    kinds = {one.dtype for one in plan if len(one.shape) == 2}
    out.add_file_type(gguf.LlamaFileType.ALL_F32 if kinds == {"F32"} else gguf.LlamaFileType.MOSTLY_F16)
    write_streamed(out, plan, progress, what)


def planned_by_name(checkpoint: ReleasedCheckpoint) -> Mapping[str, PlannedTensor]:
    """Every tensor of both files, in 32 bits, to compare files with."""
    both = (*text_tensors(checkpoint, "f32"), *vision_tensors(checkpoint, "f32"))
    return {one.name: one for one in both}
