"""A model of any size with random weights: what it says means nothing, how fast it says it does.

Needs gguf (the extra ``models``). The weights are written as random blocks, not made from numbers: 20 GB in minutes.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gguf
import numpy as np
from numpy.typing import NDArray

from engine.models.shapes import RMS_LAYERS, RMS_WIDTH, TextShape, VisionShape, put_text_shape, put_vision_shape
from engine.models.streaming import tensor_bytes, write_streamed
from engine.progress import Progress
from engine.runtime import ModelError, ModelFile, ModelManifest

MEDREGA = "60x7168,45x3200"
"""Layers x width of MedRegA's text model (Yi-34B) and tower (InternViT-6B)."""

_SHAPE = re.compile(r"(\d{1,3})x(\d{2,6})(?:,(\d{1,3})x(\d{2,6}))?")
_TOWER = (24, 1024)
_HEAD, _TOWER_HEAD = 128, 64
_KV_HEADS = 8
# Yi-34B's and InternViT-6B's feed-forward width over their width.
_FEED, _TOWER_FEED = 20480 / 7168, 4
_ROWS = 64_000
_IMAGE, _PATCH = 448, 14
_CONTEXT = 4096
_CONTROL = ("<|endoftext|>", "<|im_start|>", "<|im_end|>", "<img>", "</img>")
_VISIBLE = ("<ref>", "</ref>", "<box>", "</box>")
_Kind = gguf.GGMLQuantizationType
# Where a block's 16-bit scales lie, as 16-bit words, and a size that leaves all values within about 0.1.
_SCALES = {_Kind.Q4_K: ((0, 1.2e-4), (1, 9e-4)), _Kind.Q6_K: ((104, 2e-5),), _Kind.Q8_0: ((0, 4e-4),)}
_SLICE = 1 << 24


@dataclass(frozen=True, slots=True)
class SyntheticShape:
    """What is to be written."""

    text: TextShape
    vision: VisionShape

    @classmethod
    def parse(cls, said: str) -> SyntheticShape:
        """Read ``LAYERSxWIDTH`` of the text model and ``,LAYERSxWIDTH`` of the tower, InternViT-300M's when left out.

        The rest follows in the proportions of Yi and InternViT. Raises `ModelError`.
        """
        found = _SHAPE.fullmatch(MEDREGA if said == "medrega" else said)
        if found is None:
            raise ModelError(f"no shape {said!r:.40}: give LAYERSxWIDTH, such as 32x4096 or {MEDREGA}, or medrega")
        layers, width = int(found[1]), int(found[2])
        tower_layers, tower_width = (int(found[3]), int(found[4])) if found[3] else _TOWER
        if width % 256 or tower_width % _TOWER_HEAD or not layers or not tower_layers:
            raise ModelError(
                f"the shape {said} cannot be: a text model's width is a multiple of 256, a tower's of {_TOWER_HEAD}"
            )
        heads = width // _HEAD
        text = TextShape(
            width=width,
            layers=layers,
            heads=heads,
            kv_heads=next(n for n in range(min(_KV_HEADS, heads), 0, -1) if heads % n == 0),
            head_width=_HEAD,
            feed_forward=round(width * _FEED / 256) * 256,
            context_length=_CONTEXT,
            epsilon=1e-5,
            rope_theta=5e6,
            rows=_ROWS,
        )
        rms = (tower_width, tower_layers) == (RMS_WIDTH, RMS_LAYERS)
        vision = VisionShape(
            width=tower_width,
            layers=tower_layers,
            heads=tower_width // (_HEAD if rms else _TOWER_HEAD),
            feed_forward=tower_width * _TOWER_FEED,
            size=_IMAGE,
            patch=_PATCH,
            epsilon=1e-6,
            rms=rms,
            qk_norm=rms,
            bias=not rms,
            by_columns=False,
        )
        return cls(text, vision)

    def bytes(self) -> int:
        """Of both files, but for their headers."""
        both = (*_text_tensors(self.text), *_vision_tensors(self.vision, self.text.width))
        return sum(tensor_bytes(one.shape, one.kind) for one in both)


@dataclass(frozen=True, slots=True)
class _RandomTensor:
    name: str
    shape: tuple[int, ...]
    kind: gguf.GGMLQuantizationType
    mean: float = 0.0

    def make(self) -> NDArray[Any]:
        rng = np.random.default_rng(len(self.name))
        if self.kind in (_Kind.F32, _Kind.F16):
            values = rng.standard_normal(self.shape, np.float32) * 0.02 + self.mean
            return values.astype(np.float32 if self.kind is _Kind.F32 else np.float16)
        size = gguf.GGML_QUANT_SIZES[self.kind][1] // 2
        words = np.frombuffer(rng.bytes(tensor_bytes(self.shape, self.kind)), np.uint16).reshape(-1, size).copy()
        for place, scale in _SCALES[self.kind]:
            words[:, place] = np.float16(scale).view(np.uint16)
        return words


def write_synthetic(shape: SyntheticShape, folder: Path, progress: Progress) -> ModelManifest:
    """Write ``text.gguf`` in Q4_K_M and ``mmproj.gguf`` in Q8_0. The manifest is for measuring, not for registering.

    Raises `ModelError` when the disk is too full, `Cancelled`.
    """
    needed, room = shape.bytes(), shutil.disk_usage(folder).free
    if room < needed + _SLICE:
        raise ModelError(
            f"too little room in {folder}: {needed >> 20} MB are needed, {room >> 20} MB are free; set TMPDIR to "
            "another disk"
        )
    out = gguf.GGUFWriter(folder / "text.gguf", "llama")
    put_text_shape(out, shape.text)
    _put_vocabulary(out, shape.text.rows)
    out.add_file_type(gguf.LlamaFileType.MOSTLY_Q4_K_M)
    write_streamed(out, list(_text_tensors(shape.text)), progress, "text.gguf")
    out = gguf.GGUFWriter(folder / "mmproj.gguf", "clip")
    put_vision_shape(out, shape.vision, shape.text.width)
    out.add_file_type(gguf.LlamaFileType.MOSTLY_Q8_0)
    write_streamed(out, list(_vision_tensors(shape.vision, shape.text.width)), progress, "mmproj.gguf")
    files = {role: ModelFile(f"{role}.gguf", "", 0) for role in ("text", "mmproj")}
    tokens = shape.vision.image_tokens
    return ModelManifest("synthetic", "", "", "medrega", folder, files, _IMAGE, tokens, _CONTEXT, 1.0, 0.0)


def _text_tensors(shape: TextShape) -> Iterator[_RandomTensor]:
    """Those of a Llama, quantized as llama.cpp's Q4_K_M does: the output, and of some layers two matrices, in Q6_K."""
    width, feed, kv = shape.width, shape.feed_forward, shape.kv_heads * shape.head_width
    query, rows = shape.heads * shape.head_width, shape.rows
    yield _RandomTensor("token_embd.weight", (rows, width), _Kind.Q4_K)
    yield _RandomTensor("output_norm.weight", (width,), _Kind.F32, 1.0)
    yield _RandomTensor("output.weight", (rows, width), _Kind.Q6_K)
    for layer in range(shape.layers):
        block, eighth = f"blk.{layer}.", shape.layers // 8
        more = layer < eighth or layer >= 7 * shape.layers // 8 or (layer - eighth) % 3 == 2
        better = _Kind.Q6_K if more else _Kind.Q4_K
        for name, size, kind in (
            ("attn_q", (query, width), _Kind.Q4_K),
            ("attn_k", (kv, width), _Kind.Q4_K),
            ("attn_v", (kv, width), better),
            ("attn_output", (width, query), _Kind.Q4_K),
            ("ffn_gate", (feed, width), _Kind.Q4_K),
            ("ffn_up", (feed, width), _Kind.Q4_K),
            ("ffn_down", (width, feed), better),
        ):
            yield _RandomTensor(f"{block}{name}.weight", size, kind)
        for name in ("attn_norm", "ffn_norm"):
            yield _RandomTensor(f"{block}{name}.weight", (width,), _Kind.F32, 1.0)


def _vision_tensors(shape: VisionShape, out: int) -> Iterator[_RandomTensor]:
    """Those of an InternViT and of its projector."""
    width, feed = shape.width, shape.feed_forward
    yield _RandomTensor("v.class_embd", (width,), _Kind.F32)
    yield _RandomTensor("v.position_embd.weight", ((shape.size // shape.patch) ** 2 + 1, width), _Kind.F32)
    yield _RandomTensor("v.patch_embd.weight", (width, 3, shape.patch, shape.patch), _Kind.F32)
    yield _RandomTensor("v.patch_embd.bias", (width,), _Kind.F32)
    for layer in range(shape.layers):
        block = f"v.blk.{layer}."
        for name, rows, columns in (
            *((f"attn_{part}", width, width) for part in ("q", "k", "v", "out")),
            ("ffn_up", feed, width),
            ("ffn_down", width, feed),
        ):
            yield _RandomTensor(f"{block}{name}.weight", (rows, columns), _Kind.Q8_0)
            if shape.bias or name in ("attn_out", "ffn_up", "ffn_down"):
                yield _RandomTensor(f"{block}{name}.bias", (rows,), _Kind.F32)
        for name in ("attn_q_norm", "attn_k_norm") if shape.qk_norm else ():
            yield _RandomTensor(f"{block}{name}.weight", (width,), _Kind.F32, 1.0)
        for name in ("ln1", "ln2", "ls1", "ls2"):
            yield _RandomTensor(f"{block}{name}.weight", (width,), _Kind.F32, 0.5)
        for name in ("ln1", "ln2") if not shape.rms else ():
            yield _RandomTensor(f"{block}{name}.bias", (width,), _Kind.F32)
    for number, size in ((0, (4 * width,)), (1, (out, 4 * width)), (3, (out, out))):
        kind = _Kind.Q8_0 if len(size) > 1 else _Kind.F32
        yield _RandomTensor(f"mm.model.mlp.{number}.weight", size, kind, 0.0 if len(size) > 1 else 1.0)
        yield _RandomTensor(f"mm.model.mlp.{number}.bias", size[:1], _Kind.F32)


def _put_vocabulary(out: gguf.GGUFWriter, rows: int) -> None:
    """Control and visible tokens, one token a byte, and unused ones for the rest of the table."""
    letters = _byte_letters()
    tokens = [*_CONTROL, *_VISIBLE, *letters]
    types = [gguf.TokenType.CONTROL] * len(_CONTROL) + [gguf.TokenType.USER_DEFINED] * len(_VISIBLE)
    types += [gguf.TokenType.NORMAL] * len(letters)
    spare = rows - len(tokens)
    out.add_tokenizer_model("gpt2")
    out.add_tokenizer_pre("qwen2")
    out.add_token_list([*tokens, *(f"[PAD{number}]" for number in range(spare))])
    out.add_token_types([*types, *[gguf.TokenType.UNUSED] * spare])
    # llama.cpp wants one, and this one is never used: what it joins to is no token.
    out.add_token_merges([f"{letters[0]} {letters[1]}"])
    out.add_eos_token_id(tokens.index("<|im_end|>"))
    out.add_pad_token_id(0)
    out.add_add_bos_token(False)


def _byte_letters() -> list[str]:
    """GPT-2's printable letter of each byte (Radford et al., 2019; encoder.py, bytes_to_unicode)."""
    printable = {*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)}
    spare = iter(range(256, 512))
    return [chr(byte if byte in printable else next(spare)) for byte in range(256)]
