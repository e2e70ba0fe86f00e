"""A checkpoint in the released layout with random weights, and torch's own evaluation of it.

The reference is written from the published description and shares no code with the importer.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import sentencepiece
import torch
from safetensors.torch import save_file
from torch.nn import functional

ADDED = ("<img>", "</img>", "<IMG_CONTEXT>", "<quad>", "</quad>", "<ref>", "</ref>", "<box>", "</box>")
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
TEXT = {
    "architectures": ["LlamaForCausalLM"],
    "hidden_size": 256,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "intermediate_size": 512,
    "max_position_embeddings": 1024,
    "rms_norm_eps": 1e-5,
    "rope_theta": 5_000_000.0,
}


def write_tokenizer(folder: Path) -> int:
    """A small SentencePiece BPE of Yi's kind (byte fallback, no dummy prefix), with MedRegA's tokens; its rows."""
    words = (
        "the liver is in this CT scan and the left kidney right lung 肝脏 左肾 请定位 Please locate Answer questions"
    )
    corpus = folder / "corpus.txt"
    corpus.write_text("\n".join(f"{words} {n} {words[n % 40 :]}" for n in range(400)), encoding="utf-8")
    sentencepiece.SentencePieceTrainer.train(
        input=str(corpus),
        model_prefix=str(folder / "tokenizer"),
        model_type="bpe",
        vocab_size=400,
        byte_fallback=True,
        add_dummy_prefix=False,
        remove_extra_whitespaces=False,
        normalization_rule_name="identity",
        split_digits=True,
        bos_piece="<|startoftext|>",
        eos_piece="<|endoftext|>",
        user_defined_symbols=["<|im_start|>", "<|im_end|>"],
        minloglevel=2,
    )
    corpus.unlink()
    (folder / "tokenizer.vocab").unlink()
    (folder / "added_tokens.json").write_text(json.dumps({text: 400 + i for i, text in enumerate(ADDED)}))
    return 400 + len(ADDED)


def write_checkpoint(
    folder: Path, *, width: int, layers: int, heads: int, feed: int, size: int, rms: bool, ps_version: str, shards: int
) -> None:
    """A whole folder, bfloat16. The tower has one layer more than is used, as InternViT-6B had three."""
    folder.mkdir(parents=True)
    rows = write_tokenizer(folder)
    vision = {
        "hidden_size": width,
        "num_hidden_layers": layers + 1,
        "num_attention_heads": heads,
        "intermediate_size": feed,
        "image_size": size,
        "patch_size": 14,
        "layer_norm_eps": 1e-6,
        "norm_type": "rms_norm" if rms else "layer_norm",
        "qk_normalization": rms,
        "qkv_bias": not rms,
    }
    config = {
        "architectures": ["InternVLChatModel"],
        "downsample_ratio": 0.5,
        "ps_version": ps_version,
        "select_layer": -2,
        "template": "Hermes-2",
        "force_image_size": size,
        "dynamic_image_size": False,
        "vision_config": vision,
        "llm_config": TEXT | {"vocab_size": rows},
    }
    (folder / "config.json").write_text(json.dumps(config))
    generator = torch.Generator().manual_seed(7)
    weight_map: dict[str, str] = {}
    groups: list[dict[str, tuple[tuple[int, ...], float, float]]] = [
        _outer(width, size, rows),
        *(_block(f"vision_model.encoder.layers.{layer}.", width, feed, rms) for layer in range(layers)),
        *(_text_block(layer) for layer in range(TEXT["num_hidden_layers"])),
    ]
    each = -(-len(groups) // shards)
    for number in range(shards):
        tensors = {}
        for group in groups[number * each : (number + 1) * each]:
            for name, (shape, scale, center) in group.items():
                made = torch.randn(shape, generator=generator) * scale + center
                tensors[name] = made.to(torch.bfloat16)
        file = f"model-{number + 1:05}-of-{shards:05}.safetensors"
        save_file(tensors, folder / file)
        weight_map |= dict.fromkeys(tensors, file)
        del tensors
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": weight_map}))


def _outer(width: int, size: int, rows: int):
    positions = (size // 14) ** 2 + 1
    text = TEXT["hidden_size"]
    return {
        "vision_model.embeddings.class_embedding": ((1, 1, width), 0.3, 0.0),
        "vision_model.embeddings.patch_embedding.weight": ((width, 3, 14, 14), 0.04, 0.0),
        "vision_model.embeddings.patch_embedding.bias": ((width,), 0.05, 0.0),
        "vision_model.embeddings.position_embedding": ((1, positions, width), 0.3, 0.0),
        "mlp1.0.weight": ((4 * width,), 0.1, 1.0),
        "mlp1.0.bias": ((4 * width,), 0.05, 0.0),
        "mlp1.1.weight": ((text, 4 * width), (4 * width) ** -0.5, 0.0),
        "mlp1.1.bias": ((text,), 0.05, 0.0),
        "mlp1.3.weight": ((text, text), text**-0.5, 0.0),
        "mlp1.3.bias": ((text,), 0.05, 0.0),
        "language_model.model.embed_tokens.weight": ((rows, text), 1.0, 0.0),
        "language_model.model.norm.weight": ((text,), 0.1, 1.0),
        "language_model.lm_head.weight": ((rows, text), 0.06, 0.0),
    }


def _block(start: str, width: int, feed: int, rms: bool):
    made = {
        "attn.qkv.weight": ((3 * width, width), width**-0.5, 0.0),
        "attn.proj.weight": ((width, width), width**-0.5, 0.0),
        "attn.proj.bias": ((width,), 0.05, 0.0),
        "mlp.fc1.weight": ((feed, width), width**-0.5, 0.0),
        "mlp.fc1.bias": ((feed,), 0.05, 0.0),
        "mlp.fc2.weight": ((width, feed), feed**-0.5, 0.0),
        "mlp.fc2.bias": ((width,), 0.05, 0.0),
        "ls1": ((width,), 0.1, 0.5),
        "ls2": ((width,), 0.1, 0.5),
        "norm1.weight": ((width,), 0.1, 1.0),
        "norm2.weight": ((width,), 0.1, 1.0),
    }
    if rms:
        made |= {"attn.q_norm.weight": ((width,), 0.1, 1.0), "attn.k_norm.weight": ((width,), 0.1, 1.0)}
    else:
        made |= {
            "attn.qkv.bias": ((3 * width,), 0.05, 0.0),
            "norm1.bias": ((width,), 0.05, 0.0),
            "norm2.bias": ((width,), 0.05, 0.0),
        }
    return {start + name: value for name, value in made.items()}


def _text_block(layer: int):
    width, feed = TEXT["hidden_size"], TEXT["intermediate_size"]
    kv = width // TEXT["num_attention_heads"] * TEXT["num_key_value_heads"]
    start = f"language_model.model.layers.{layer}."
    sizes = {
        "self_attn.q_proj": (width, width),
        "self_attn.k_proj": (kv, width),
        "self_attn.v_proj": (kv, width),
        "self_attn.o_proj": (width, width),
        "mlp.gate_proj": (feed, width),
        "mlp.up_proj": (feed, width),
        "mlp.down_proj": (width, feed),
    }
    made = {f"{start}{name}.weight": (size, size[1] ** -0.5, 0.0) for name, size in sizes.items()}
    norms = {f"{start}{name}.weight": ((width,), 0.1, 1.0) for name in ("input_layernorm", "post_attention_layernorm")}
    return made | norms


class Reference:
    """The checkpoint in torch, a layer at a time."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.config = json.loads((folder / "config.json").read_text())
        self.map = json.loads((folder / "model.safetensors.index.json").read_text())["weight_map"]

    def get(self, name: str) -> torch.Tensor:
        from safetensors import safe_open

        with safe_open(self.folder / self.map[name], "pt") as file:
            return file.get_tensor(name).float()

    def norm(self, x: torch.Tensor, name: str) -> torch.Tensor:
        vision = self.config["vision_config"]
        weight = self.get(name + ".weight")
        if vision["norm_type"] == "rms_norm":
            return functional.rms_norm(x, weight.shape, weight, vision["layer_norm_eps"])
        return functional.layer_norm(x, weight.shape, weight, self.get(name + ".bias"), vision["layer_norm_eps"])

    def linear(self, x: torch.Tensor, name: str) -> torch.Tensor:
        bias = self.get(name + ".bias") if name + ".bias" in self.map else None
        return functional.linear(x, self.get(name + ".weight"), bias)

    @torch.no_grad()
    def image(self, pixels: np.ndarray) -> torch.Tensor:
        """(S, S, 3) uint8 to (tokens, text width)."""
        vision = self.config["vision_config"]
        heads = vision["num_attention_heads"]
        x = (torch.from_numpy(pixels).float() / 255 - torch.tensor(MEAN)) / torch.tensor(STD)
        start = "vision_model.embeddings."
        kernel, bias = self.get(start + "patch_embedding.weight"), self.get(start + "patch_embedding.bias")
        x = functional.conv2d(x.permute(2, 0, 1)[None], kernel, bias, stride=14).flatten(2).transpose(1, 2)
        x = torch.cat([self.get(start + "class_embedding"), x], 1) + self.get(start + "position_embedding")
        for layer in range(vision["num_hidden_layers"] + 1 + self.config["select_layer"]):
            start = f"vision_model.encoder.layers.{layer}."
            q, k, v = self.linear(self.norm(x, start + "norm1"), start + "attn.qkv").chunk(3, -1)
            if vision["qk_normalization"]:
                q, k = self.norm(q, start + "attn.q_norm"), self.norm(k, start + "attn.k_norm")
            q, k, v = (t.unflatten(-1, (heads, -1)).transpose(1, 2) for t in (q, k, v))
            mixed = functional.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2)
            x = x + self.get(start + "ls1") * self.linear(mixed, start + "attn.proj")
            inner = functional.gelu(self.linear(self.norm(x, start + "norm2"), start + "mlp.fc1"))
            x = x + self.get(start + "ls2") * self.linear(inner, start + "mlp.fc2")
        x = self.shuffle(x[:, 1:])
        x = functional.layer_norm(x, x.shape[-1:], self.get("mlp1.0.weight"), self.get("mlp1.0.bias"), 1e-5)
        return self.linear(functional.gelu(self.linear(x, "mlp1.1")), "mlp1.3")[0]

    def shuffle(self, x: torch.Tensor) -> torch.Tensor:
        """The published pixel shuffle by one half, step by step; v1 does not swap the axes back."""
        n, count, channels = x.shape
        side = int(count**0.5)
        x = x.reshape(n, side, side, channels)
        x = x.view(n, side, side // 2, channels * 2).permute(0, 2, 1, 3).contiguous()
        x = x.view(n, side // 2, side // 2, channels * 4)
        if self.config["ps_version"] != "v1":
            x = x.permute(0, 2, 1, 3).contiguous()
        return x.reshape(n, -1, channels * 4)

    @torch.no_grad()
    def logits(self, before: list[int], image: torch.Tensor, after: list[int]) -> np.ndarray:
        """(rows,) after tokens, an image's embedding, and tokens: transformers' own Llama."""
        from transformers import LlamaConfig, LlamaForCausalLM

        said = {key: value for key, value in self.config["llm_config"].items() if key != "architectures"}
        model = LlamaForCausalLM(LlamaConfig(**said, tie_word_embeddings=False)).eval()
        prefix = "language_model."
        state = {name[len(prefix) :]: self.get(name) for name in self.map if name.startswith(prefix)}
        model.load_state_dict(state)
        table = model.get_input_embeddings()
        parts = [table(torch.tensor(before)), image, table(torch.tensor(after))]
        return model(inputs_embeds=torch.cat(parts)[None]).logits[0, -1].numpy()
