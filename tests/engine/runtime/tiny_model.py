"""A very small random model that llama.cpp runs like a real one: numpy and gguf only, no torch.

InternVL layout as `training.export` writes it: a Llama text model with a byte-level tokenizer, a vision tower with
the class token's position row last, a projector. Different seeds give different models.
"""

from __future__ import annotations

import json
from pathlib import Path

import gguf
import numpy as np
from PIL import Image

from engine.runtime.llama import LlamaModel
from engine.runtime.manifest import ModelFile, ModelManifest
from engine.runtime.offload import IN_32_BITS

IMAGE_SIZE, PATCH = 56, 14
IMAGE_TOKENS = (IMAGE_SIZE // PATCH // 2) ** 2
WIDTH, LAYERS, HEADS, KV_HEADS, FEED_FORWARD = 64, 2, 4, 2, 128
CONTEXT = 2048
CONTROL = ("<|endoftext|>", "<|im_start|>", "<|im_end|>", "<img>", "</img>", "<IMG_CONTEXT>")
VISIBLE = ("<ref>", "</ref>", "<box>", "</box>")
MERGES = ("l i", "v e", "li ve", "live r", "t h", "th e", "Ġ k", "e y", "Ġk i", "å ·", "å· ¦")
LABELS = (
    {"id": "liver", "en": "liver", "zh": "肝", "code": "SCT:10200004"},
    {"id": "left-kidney", "en": "left kidney", "zh": "左肾", "code": "SCT:18639004"},
    {"id": "right-kidney", "en": "right kidney", "zh": "右肾", "code": "SCT:9846003"},
    {"id": "spleen", "en": "spleen", "zh": "脾", "code": "SCT:78961009"},
)


def write_tiny_model(folder: Path, seed: int = 0, *, context_length: int = CONTEXT) -> ModelManifest:
    """Write a whole model folder: two GGUF files, labels, self-test files (made by llama.cpp itself), manifest."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    write_text(folder / "text.gguf", rng, context_length)
    write_mmproj(folder / "mmproj.gguf", rng)
    (folder / "labels.json").write_text(json.dumps(LABELS, ensure_ascii=False), encoding="utf-8")
    golden = rng.integers(0, 256, (IMAGE_SIZE, IMAGE_SIZE, 3), dtype=np.uint8)
    Image.fromarray(golden).save(folder / "golden.png")
    np.save(folder / "golden.npy", np.zeros((IMAGE_TOKENS, WIDTH), np.float32))
    model = LlamaModel(_manifest(folder, context_length), threads=1, offload=IN_32_BITS)
    try:
        np.save(folder / "golden.npy", model.embed_image(golden))
    finally:
        model.close()
    manifest = _manifest(folder, context_length)
    manifest.write()
    return manifest


def _manifest(folder: Path, context_length: int) -> ModelManifest:
    names = {
        "text": "text.gguf",
        "mmproj": "mmproj.gguf",
        "labels": "labels.json",
        "golden_image": "golden.png",
        "golden_embedding": "golden.npy",
    }
    return ModelManifest(
        id=folder.name,
        name="Tiny, random",
        version="0",
        dialect="medrega",
        folder=folder,
        files={role: ModelFile.of(folder / name) for role, name in names.items()},
        image_size=IMAGE_SIZE,
        image_tokens=IMAGE_TOKENS,
        context_length=context_length,
        golden_tolerance=0.01,
        abstain_below=0.0,
    )


def vocabulary() -> list[str]:
    """The tokens in order: control, visible tags, the 256 bytes, merged pairs."""
    return [*CONTROL, *VISIBLE, *_byte_letters(), *(merge.replace(" ", "") for merge in MERGES)]


def _byte_letters() -> list[str]:
    """GPT-2's printable letter of each byte."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    letters, spare = [], 0
    for byte in range(256):
        if byte in printable:
            letters.append(chr(byte))
        else:
            letters.append(chr(256 + spare))
            spare += 1
    return letters


def write_text(path: Path, rng: np.random.Generator, context_length: int = CONTEXT) -> None:
    """The text model, 32-bit."""
    tokens = vocabulary()
    out = gguf.GGUFWriter(path, "llama")
    out.add_file_type(gguf.LlamaFileType.ALL_F32)
    out.add_context_length(context_length)
    out.add_embedding_length(WIDTH)
    out.add_block_count(LAYERS)
    out.add_feed_forward_length(FEED_FORWARD)
    out.add_head_count(HEADS)
    out.add_head_count_kv(KV_HEADS)
    out.add_layer_norm_rms_eps(1e-6)
    out.add_rope_freq_base(10000.0)
    out.add_rope_dimension_count(WIDTH // HEADS)
    out.add_vocab_size(len(tokens))
    kinds = [gguf.TokenType.CONTROL] * len(CONTROL) + [gguf.TokenType.USER_DEFINED] * len(VISIBLE)
    kinds += [gguf.TokenType.NORMAL] * (len(tokens) - len(kinds))
    out.add_tokenizer_model("gpt2")
    out.add_tokenizer_pre("qwen2")
    out.add_token_list(tokens)
    out.add_token_types(kinds)
    out.add_token_merges(list(MERGES))
    out.add_eos_token_id(tokens.index("<|im_end|>"))
    out.add_pad_token_id(0)
    out.add_add_bos_token(False)

    def put(name: str, *shape: int, scale: float = 0.15, center: float = 0.0) -> None:
        out.add_tensor(name, (rng.standard_normal(shape) * scale + center).astype(np.float32))

    put("token_embd.weight", len(tokens), WIDTH, scale=1.0)
    put("output_norm.weight", WIDTH, center=1.0)
    put("output.weight", len(tokens), WIDTH, scale=0.04)
    kv_width = WIDTH // HEADS * KV_HEADS
    for layer in range(LAYERS):
        block = f"blk.{layer}."
        put(block + "attn_norm.weight", WIDTH, center=1.0)
        put(block + "ffn_norm.weight", WIDTH, center=1.0)
        put(block + "attn_q.weight", WIDTH, WIDTH)
        put(block + "attn_k.weight", kv_width, WIDTH)
        put(block + "attn_v.weight", kv_width, WIDTH)
        put(block + "attn_output.weight", WIDTH, WIDTH)
        put(block + "ffn_gate.weight", FEED_FORWARD, WIDTH)
        put(block + "ffn_up.weight", FEED_FORWARD, WIDTH)
        put(block + "ffn_down.weight", WIDTH, FEED_FORWARD)
    _finish(out)


def write_mmproj(path: Path, rng: np.random.Generator) -> None:
    """The vision tower and the projector, 32-bit."""
    out = gguf.GGUFWriter(path, "clip")
    out.add_type("mmproj")
    out.add_file_type(gguf.LlamaFileType.ALL_F32)
    out.add_bool("clip.has_vision_encoder", True)
    out.add_string("clip.projector_type", "internvl")
    out.add_uint32("clip.vision.image_size", IMAGE_SIZE)
    out.add_uint32("clip.vision.patch_size", PATCH)
    out.add_uint32("clip.vision.embedding_length", WIDTH)
    out.add_uint32("clip.vision.feed_forward_length", FEED_FORWARD)
    out.add_uint32("clip.vision.block_count", LAYERS)
    out.add_uint32("clip.vision.attention.head_count", HEADS)
    out.add_float32("clip.vision.attention.layer_norm_epsilon", 1e-6)
    out.add_uint32("clip.vision.projection_dim", WIDTH)
    out.add_uint32("clip.vision.projector.scale_factor", 2)
    out.add_array("clip.vision.image_mean", [0.485, 0.456, 0.406])
    out.add_array("clip.vision.image_std", [0.229, 0.224, 0.225])
    out.add_bool("clip.use_gelu", True)

    def put(name: str, *shape: int, scale: float = 0.15, center: float = 0.0) -> None:
        out.add_tensor(name, (rng.standard_normal(shape) * scale + center).astype(np.float32))

    put("v.class_embd", WIDTH)
    # The class token's row is the last one, as `training.export.write_mmproj` explains.
    put("v.position_embd.weight", (IMAGE_SIZE // PATCH) ** 2 + 1, WIDTH, scale=0.3)
    put("v.patch_embd.weight", WIDTH, 3, PATCH, PATCH, scale=0.05)
    put("v.patch_embd.bias", WIDTH, scale=0.05)
    for layer in range(LAYERS):
        block = f"v.blk.{layer}."
        for name in ("attn_q", "attn_k", "attn_v", "attn_out"):
            put(f"{block}{name}.weight", WIDTH, WIDTH)
            put(f"{block}{name}.bias", WIDTH, scale=0.05)
        put(block + "ffn_up.weight", FEED_FORWARD, WIDTH)
        put(block + "ffn_up.bias", FEED_FORWARD, scale=0.05)
        put(block + "ffn_down.weight", WIDTH, FEED_FORWARD)
        put(block + "ffn_down.bias", WIDTH, scale=0.05)
        for name in ("ln1", "ln2"):
            put(f"{block}{name}.weight", WIDTH, center=1.0)
            put(f"{block}{name}.bias", WIDTH, scale=0.05)
        put(block + "ls1.weight", WIDTH, center=0.7)
        put(block + "ls2.weight", WIDTH, center=0.7)
    for number, (rows, columns) in ((1, (WIDTH, 4 * WIDTH)), (3, (WIDTH, WIDTH))):
        put(f"mm.model.mlp.{number}.weight", rows, columns)
        put(f"mm.model.mlp.{number}.bias", rows, scale=0.05)
    put("mm.model.mlp.0.weight", 4 * WIDTH, center=1.0)
    put("mm.model.mlp.0.bias", 4 * WIDTH, scale=0.05)
    _finish(out)


def _finish(out: gguf.GGUFWriter) -> None:
    out.write_header_to_file()
    out.write_kv_data_to_file()
    out.write_tensors_to_file()
    out.close()
