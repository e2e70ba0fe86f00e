"""Towers that start from other people's weights, and original InternVL-Chat checkpoints."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from safetensors.torch import load_file, save_file  # noqa: E402
from transformers import Dinov2Config, Dinov2Model  # noqa: E402

from training.model import CheckpointError, fresh_model, load_model, meta_model, tower_features  # noqa: E402
from training.presets import PRESETS, model_config  # noqa: E402
from training.tokenizer import load_tokenizer  # noqa: E402
from training.vision_init import resize_positions, start_vision, vision_sizes, with_vision  # noqa: E402

TOKENS = {"vocab_size": 640, "eos_token_id": 2, "pad_token_id": 0, "image_token_id": 5}


@pytest.fixture(scope="module")
def dino(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(1)
    config = Dinov2Config(
        hidden_size=64, num_hidden_layers=3, num_attention_heads=2, image_size=84, patch_size=14, mlp_ratio=4
    )
    model = Dinov2Model(config)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_(0, 0.1)
    folder = tmp_path_factory.mktemp("dino") / "vit"
    model.save_pretrained(folder)
    return folder


def started(folder: Path, layers: int | None, size: int):
    torch.manual_seed(2)
    model = fresh_model(with_vision(model_config(PRESETS["tiny"], TOKENS), vision_sizes(folder, layers, size))).eval()
    return model, start_vision(model, folder)


def test_a_dinov2_tower_computes_what_it_did_before(dino):
    model, record = started(dino, 2, 84)
    theirs = Dinov2Model.from_pretrained(dino).eval()
    pixels = torch.randn(1, 3, 84, 84)
    with torch.no_grad():
        expected = theirs(pixels, output_hidden_states=True).hidden_states[2]
        found = model.model.vision_tower(pixel_values=pixels).last_hidden_state
    # Ours has the tanh form of GELU, as llama.cpp has.
    assert float((expected - found).abs().max()) < 5e-3
    assert record.kind == "DINOv2"
    assert not record.fresh
    assert any("encoder.layer.2." in name for name in record.left_out), "the block that was cut off"


def test_positions_are_interpolated_to_the_size_of_the_recipe(dino, tmp_path):
    model, record = started(dino, None, 56)
    assert record.interpolated == ("embeddings.position_embeddings",)
    assert model.config.image_seq_length == 4
    record.write(tmp_path)
    assert json.loads((tmp_path / "vision_init.json").read_text(encoding="utf-8"))["source"] == "vit"


def test_resized_positions_keep_a_plane_a_plane():
    y, x = torch.meshgrid(torch.arange(8.0), torch.arange(8.0), indexing="ij")
    table = torch.stack([x, y], dim=-1).reshape(1, 64, 2)
    resized = resize_positions(torch.cat([torch.full((1, 1, 2), 9.0), table], dim=1), 16)
    assert resized[0, 0].tolist() == [9, 9]
    grid = resized[0, 1:].reshape(4, 4, 2)
    assert grid[1:3, 1, 1].tolist() == pytest.approx([2.5, 4.5], abs=0.1)
    assert grid[1, 1:3, 0].tolist() == pytest.approx([2.5, 4.5], abs=0.1)


def test_pickled_weights_are_refused(dino, tmp_path):
    (tmp_path / "config.json").write_text((dino / "config.json").read_text(encoding="utf-8"), encoding="utf-8")
    torch.save({}, tmp_path / "pytorch_model.bin")
    with pytest.raises(CheckpointError, match="safetensors"):
        started(tmp_path, 2, 84)


def as_chat(checkpoint: Path, folder: Path, ps_version: str) -> Path:
    """The tiny checkpoint written as InternVLChatModel does."""
    model = load_model(checkpoint)
    config = model.config
    blocks: dict[str, torch.Tensor] = {}
    names = {
        "attention.projection_layer": "attn.proj",
        "layernorm_before": "norm1",
        "layernorm_after": "norm2",
        "lambda_1": "ls1",
        "lambda_2": "ls2",
    }
    state = model.state_dict()
    for name, tensor in state.items():
        if name.startswith("model.vision_tower.encoder"):
            short = name.replace("model.vision_tower.encoder.layer.", "vision_model.encoder.layers.")
            if ".attention.q_proj." in name:
                parts = [state[name.replace(".q_proj.", f".{part}_proj.")] for part in "qkv"]
                blocks[short.replace("attention.q_proj", "attn.qkv")] = torch.cat(parts)
            elif ".k_proj." not in name and ".v_proj." not in name:
                for our, theirs in names.items():
                    short = short.replace(our, theirs)
                blocks[short] = tensor
        elif name.startswith("model.vision_tower.embeddings"):
            for our, theirs in (
                ("cls_token", "class_embedding"),
                ("position_embeddings", "position_embedding"),
                ("patch_embeddings.projection", "patch_embedding"),
            ):
                name = name.replace(our, theirs)
            blocks[name.replace("model.vision_tower.", "vision_model.")] = tensor
        elif name.startswith("model.multi_modal_projector"):
            for our, theirs in (("layer_norm", "0"), ("linear_1", "1"), ("linear_2", "3")):
                name = name.replace(our, theirs)
            blocks[name.replace("model.multi_modal_projector", "mlp1")] = tensor
        elif name.startswith("model.language_model"):
            blocks[name.replace("model.language_model", "language_model.model")] = tensor
        else:
            blocks[f"language_model.{name}"] = tensor
    folder.mkdir()
    load_tokenizer(checkpoint).save_pretrained(folder)
    save_file({name: tensor.clone() for name, tensor in blocks.items()}, folder / "model.safetensors")
    vision = config.vision_config
    original = {
        "model_type": "internvl_chat",
        "ps_version": ps_version,
        "downsample_ratio": 0.5,
        "select_layer": -1,
        "force_image_size": 56,
        "vision_config": {
            "hidden_size": vision.hidden_size,
            "intermediate_size": vision.intermediate_size,
            "num_hidden_layers": vision.num_hidden_layers,
            "num_attention_heads": vision.num_attention_heads,
            "image_size": 56,
            "patch_size": 14,
            "qkv_bias": True,
            "norm_type": "layer_norm",
            "hidden_act": "gelu_pytorch_tanh",
        },
        "llm_config": config.text_config.to_dict(),
    }
    (folder / "config.json").write_text(json.dumps(original), encoding="utf-8")
    return folder


def test_an_original_chat_checkpoint_has_the_same_weights(tiny_checkpoint, tmp_path):
    ours = load_model(tiny_checkpoint).state_dict()
    chat = load_model(as_chat(tiny_checkpoint, tmp_path / "chat", "v2"))
    assert all(torch.equal(ours[name], tensor) for name, tensor in chat.state_dict().items())
    assert chat.config.image_token_id == load_model(tiny_checkpoint).config.image_token_id


def test_the_first_shuffle_leaves_tokens_by_column(tiny_checkpoint, tmp_path):
    model = load_model(as_chat(tiny_checkpoint, tmp_path / "chat", "v1")).eval()
    pixels = torch.randn(1, 3, 56, 56)
    with torch.no_grad():
        by_column = tower_features(model, pixels)[0]
        model.config.ps_version = "v2"
        by_row = tower_features(model, pixels)[0]
    side = int(len(by_row) ** 0.5)
    assert torch.equal(by_column.view(side, side, -1), by_row.view(side, side, -1).transpose(0, 1))


def test_a_chat_checkpoint_that_lacks_tensors_is_named(tiny_checkpoint, tmp_path):
    folder = as_chat(tiny_checkpoint, tmp_path / "chat", "v2")
    tensors = load_file(folder / "model.safetensors")
    del tensors["mlp1.1.weight"]
    save_file(tensors, folder / "model.safetensors")
    with pytest.raises(CheckpointError, match="linear_1"):
        load_model(folder)


def test_the_papers_model_has_its_sizes():
    """40.07 B in all, 5.54 B in the tower, 143 M in the connector."""
    model = meta_model(PRESETS["medrega-40b"])
    sizes = {
        name: sum(p.numel() for p in module.parameters())
        for name, module in (
            ("all", model),
            ("vision", model.model.vision_tower),
            ("connector", model.model.multi_modal_projector),
        )
    }
    assert sizes["all"] / 1e9 == pytest.approx(40.07, abs=0.01)
    assert sizes["vision"] / 1e9 == pytest.approx(5.54, abs=0.01)
    assert sizes["connector"] / 1e6 == pytest.approx(143, abs=1)
    assert next(model.parameters()).device.type == "meta"


def test_the_starter_is_of_the_size_it_is_meant_to_be():
    assert 12e6 <= sum(p.numel() for p in meta_model(PRESETS["starter"]).parameters()) <= 40e6
