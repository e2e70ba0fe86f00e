"""transformers' `generate` on the weights of a model folder's own GGUF files: the peer of ``medrega bench engine``.

Started as ``python -m training.bench_peer MODEL_DIR THREADS``; a JSON line in, a JSON line out. The weights are those
that llama.cpp runs, quantization undone, in the places where `training.export` found them: the rotary rows back in
transformers' order, the class token's position back in front.
"""

from __future__ import annotations

import base64
import json
import sys
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import torch
from transformers import InternVLConfig, InternVLForConditionalGeneration

from engine.protocol.prompt import SYSTEM
from engine.runtime.manifest import ModelManifest
from training.model import image_tensor, pixel_shuffle

_TEXT_NAMES = {
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
    "attn_norm": "input_layernorm",
    "ffn_norm": "post_attention_layernorm",
}
_VISION_NAMES = {
    "attn_q": "attention.q_proj",
    "attn_k": "attention.k_proj",
    "attn_v": "attention.v_proj",
    "attn_out": "attention.projection_layer",
    "ffn_up": "mlp.fc1",
    "ffn_down": "mlp.fc2",
    "ln1": "layernorm_before",
    "ln2": "layernorm_after",
}
_PROJECTOR_NAMES = {"0": "layer_norm", "1": "linear_1", "3": "linear_2"}


class GgufModel:
    """A model folder's text and tower as one transformers model, in float32, with llama.cpp's own tokenizer."""

    def __init__(self, folder: Path, threads: int) -> None:
        import llama_cpp

        torch.set_num_threads(threads)
        self._manifest = ModelManifest.read(folder)
        text = gguf.GGUFReader(self._manifest.path("text"))
        tower = gguf.GGUFReader(self._manifest.path("mmproj"))
        self._vocabulary = llama_cpp.Llama(str(self._manifest.path("text")), vocab_only=True, verbose=False)
        self._end = self._vocabulary.token_eos()
        self._context = self._tokens("<IMG_CONTEXT>", special=True)[0]
        self.model = InternVLForConditionalGeneration(_config(text, tower, self._manifest, self._context))
        heads, kv_heads = _field(text, "llama.attention.head_count"), _field(text, "llama.attention.head_count_kv")
        weights = {**_text_weights(text, heads, kv_heads), **_tower_weights(tower)}
        self.model.load_state_dict(weights, strict=True)
        # transformers' own refuses some numbers of merged patches; it does no less and no more.
        self.model.model.pixel_shuffle = pixel_shuffle
        self.model.eval()

    def _tokens(self, text: str, *, special: bool) -> list[int]:
        tokens: list[int] = self._vocabulary.tokenize(text.encode(), add_bos=False, special=special)
        return tokens

    def ask(self, pixels: np.ndarray[Any, np.dtype[np.uint8]], before: str, after: str, most: int) -> str:
        """The greedy answer to a question about (S, S, 3) uint8 pixels."""
        start = self._tokens(f"<|im_start|>system\n{SYSTEM}<|im_end|><|im_start|>user\n", special=True)
        image = [
            *self._tokens("<img>", special=True),
            *[self._context] * self._manifest.image_tokens,
            *self._tokens("</img>", special=True),
        ]
        end = self._tokens("<|im_end|><|im_start|>assistant\n", special=True)
        ids = [*start, *self._tokens(before, special=False), *image, *self._tokens(after, special=False), *end]
        tokens = torch.tensor([ids])
        with torch.inference_mode():
            made = self.model.generate(
                input_ids=tokens,
                attention_mask=torch.ones_like(tokens),
                pixel_values=image_tensor(torch.from_numpy(pixels.copy())[None]),
                max_new_tokens=most,
                do_sample=False,
                eos_token_id=self._end,
                pad_token_id=self._end,
            )
        written = [int(token) for token in made[0][len(ids) :] if token != self._end]
        text: str = self._vocabulary.detokenize(written).decode(errors="replace")
        return text


def _field(reader: gguf.GGUFReader, key: str) -> Any:
    return reader.fields[key].contents()


def _config(text: gguf.GGUFReader, tower: gguf.GGUFReader, manifest: ModelManifest, context: int) -> InternVLConfig:
    width, heads = _field(text, "llama.embedding_length"), _field(text, "llama.attention.head_count")
    vision = "clip.vision."
    return InternVLConfig(
        vision_config={
            "hidden_size": _field(tower, vision + "embedding_length"),
            "intermediate_size": _field(tower, vision + "feed_forward_length"),
            "num_hidden_layers": _field(tower, vision + "block_count"),
            "num_attention_heads": _field(tower, vision + "attention.head_count"),
            "image_size": [manifest.image_size] * 2,
            "patch_size": [_field(tower, vision + "patch_size")] * 2,
            "layer_norm_eps": _field(tower, vision + "attention.layer_norm_epsilon"),
            "attention_bias": True,
            "use_qk_norm": False,
            "norm_type": "layer_norm",
            "hidden_act": "gelu_pytorch_tanh",
            "use_mean_pooling": True,
        },
        text_config={
            "model_type": "llama",
            "hidden_size": width,
            "intermediate_size": _field(text, "llama.feed_forward_length"),
            "num_hidden_layers": _field(text, "llama.block_count"),
            "num_attention_heads": heads,
            "num_key_value_heads": _field(text, "llama.attention.head_count_kv"),
            "head_dim": _field(text, "llama.rope.dimension_count"),
            "rope_theta": _field(text, "llama.rope.freq_base"),
            "vocab_size": _field(text, "llama.vocab_size"),
            "max_position_embeddings": _field(text, "llama.context_length"),
            "rms_norm_eps": _field(text, "llama.attention.layer_norm_rms_epsilon"),
            "tie_word_embeddings": False,
            "bos_token_id": None,
            "eos_token_id": None,
            "pad_token_id": None,
        },
        image_token_id=context,
        image_seq_length=manifest.image_tokens,
        projector_hidden_act="gelu_pytorch_tanh",
        downsample_ratio=1 / _field(tower, vision + "projector.scale_factor"),
        tie_word_embeddings=False,
    )


def _tensors(reader: gguf.GGUFReader) -> dict[str, torch.Tensor]:
    return {
        one.name: torch.from_numpy(np.array(gguf.quants.dequantize(one.data, one.tensor_type), np.float32))
        for one in reader.tensors
    }


def _text_weights(reader: gguf.GGUFReader, heads: int, kv_heads: int) -> dict[str, torch.Tensor]:
    prefix = "model.language_model."
    weights: dict[str, torch.Tensor] = {}
    for name, tensor in _tensors(reader).items():
        if not name.startswith("blk."):
            there = {
                "token_embd.weight": prefix + "embed_tokens.weight",
                "output_norm.weight": prefix + "norm.weight",
                "output.weight": "lm_head.weight",
            }[name]
            weights[there] = tensor
            continue
        _, layer, part, kind = name.split(".")
        if part in ("attn_q", "attn_k"):
            tensor = _unpermute_rope(tensor, heads if part == "attn_q" else kv_heads)
        weights[f"{prefix}layers.{layer}.{_TEXT_NAMES[part]}.{kind}"] = tensor
    return weights


def _unpermute_rope(weight: torch.Tensor, heads: int) -> torch.Tensor:
    """The inverse of `training.export.permute_rope`."""
    half = weight.shape[0] // heads // 2
    return weight.reshape(heads, half, 2, *weight.shape[1:]).swapaxes(1, 2).reshape(weight.shape)


def _tower_weights(reader: gguf.GGUFReader) -> dict[str, torch.Tensor]:
    prefix = "model.vision_tower."
    weights: dict[str, torch.Tensor] = {}
    for name, tensor in _tensors(reader).items():
        parts = name.split(".")
        if name == "v.class_embd":
            weights[prefix + "embeddings.cls_token"] = tensor.reshape(1, 1, -1)
        elif name == "v.position_embd.weight":
            weights[prefix + "embeddings.position_embeddings"] = torch.cat([tensor[-1:], tensor[:-1]])[None]
        elif parts[1] == "patch_embd":
            weights[f"{prefix}embeddings.patch_embeddings.projection.{parts[2]}"] = tensor
        elif parts[0] == "mm":
            weights[f"model.multi_modal_projector.{_PROJECTOR_NAMES[parts[3]]}.{parts[4]}"] = tensor
        elif parts[3].startswith("ls"):
            weights[f"{prefix}encoder.layer.{parts[2]}.lambda_{parts[3][2:]}"] = tensor
        else:
            weights[f"{prefix}encoder.layer.{parts[2]}.{_VISION_NAMES[parts[3]]}.{parts[4]}"] = tensor
    return weights


def main() -> None:
    """Answer the lines of standard input."""
    folder, threads = Path(sys.argv[1]), int(sys.argv[2])
    out = sys.stdout
    # What libraries say must not come between the answers.
    sys.stdout = sys.stderr
    model = GgufModel(folder, threads)
    size = ModelManifest.read(folder).image_size
    out.write("ready\n")
    out.flush()
    for line in sys.stdin:
        message = json.loads(line)
        pixels = np.frombuffer(base64.b64decode(message["pixels"]), np.uint8).reshape(size, size, 3)
        text = model.ask(pixels, message["before"], message["after"], message["most"])
        out.write(json.dumps({"text": text}) + "\n")
        out.flush()


if __name__ == "__main__":
    main()
