"""The Llama text model and its tokenizer as GGUF.

Tensor names: llama.cpp's gguf-py constants, as of the llama.cpp inside llama-cpp-python 0.3.36.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gguf
import torch

from engine.models.shapes import TextShape, put_text_shape
from training.export.checkpoint import Checkpoint
from training.export.writer import FileType, GgufFile
from training.tokenizer import CONTROL_TOKENS, END_OF_TURN

_CHAT_TEMPLATE = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)

TEXT_NAMES = {
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
"""transformers' names of a layer's parts, and GGUF's."""


def write_text(checkpoint: Checkpoint, path: Path, ftype: FileType = "f32") -> None:
    """The Llama text model with its tokenizer, f32 or f16."""
    text = checkpoint.config["text_config"]
    heads, kv_heads = text["num_attention_heads"], text["num_key_value_heads"]
    shape = TextShape(
        width=text["hidden_size"],
        layers=text["num_hidden_layers"],
        heads=heads,
        kv_heads=kv_heads,
        head_width=text.get("head_dim") or text["hidden_size"] // heads,
        feed_forward=text["intermediate_size"],
        context_length=text["max_position_embeddings"],
        epsilon=text["rms_norm_eps"],
        rope_theta=float((text.get("rope_parameters") or text)["rope_theta"]),
        rows=text["vocab_size"],
    )
    writer = GgufFile(path, "llama", ftype)
    put_text_shape(writer.gguf, shape)
    _add_tokenizer(writer.gguf, checkpoint.tokenizer, text["vocab_size"])
    tensors, prefix = checkpoint.tensors, "model.language_model."
    writer.put("token_embd.weight", tensors[prefix + "embed_tokens.weight"])
    writer.put("output_norm.weight", tensors[prefix + "norm.weight"])
    writer.put("output.weight", tensors["lm_head.weight"])
    for layer in range(text["num_hidden_layers"]):
        for theirs, ours in TEXT_NAMES.items():
            tensor = tensors[f"{prefix}layers.{layer}.{theirs}.weight"]
            if ours in ("attn_q", "attn_k"):
                tensor = permute_rope(tensor, heads if ours == "attn_q" else kv_heads)
            writer.put(f"blk.{layer}.{ours}.weight", tensor)
    writer.close()


def permute_rope(weight: torch.Tensor, heads: int) -> torch.Tensor:
    """Rows from transformers' half-split rotary order to llama.cpp's interleaved one (arch ``llama`` only)."""
    half = weight.shape[0] // heads // 2
    return weight.reshape(heads, 2, half, *weight.shape[1:]).swapaxes(1, 2).reshape(weight.shape)


def unpermute_rope(weight: torch.Tensor, heads: int) -> torch.Tensor:
    """The inverse of `permute_rope`."""
    half = weight.shape[0] // heads // 2
    return weight.reshape(heads, half, 2, *weight.shape[1:]).swapaxes(1, 2).reshape(weight.shape)


def write_vocabulary(tokenizer: dict[str, Any], path: Path) -> None:
    """The tokenizer alone, for llama.cpp's ``vocab_only``: no weights, a text model of no size."""
    size = 1 + max([*tokenizer["model"]["vocab"].values(), *(token["id"] for token in tokenizer["added_tokens"])])
    writer = GgufFile(path, "llama", "f32")
    out = writer.gguf
    for add in (out.add_embedding_length, out.add_block_count, out.add_head_count, out.add_feed_forward_length):
        add(1)
    out.add_context_length(1)
    out.add_layer_norm_rms_eps(1e-6)
    out.add_vocab_size(size)
    _add_tokenizer(out, tokenizer, size)
    writer.close()


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
