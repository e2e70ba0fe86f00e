"""A model that ships as GGUF comes back whole in torch, and another's text model starts from it."""

from __future__ import annotations

from pathlib import Path

import gguf
import numpy as np
import pytest
import torch
from PIL import Image
from transformers import PreTrainedTokenizerFast

from engine.progress import NoProgress
from engine.runtime.errors import ModelError
from engine.runtime.manifest import ModelManifest
from engine.runtime.registry import find_model
from training.checkpoint import save_checkpoint
from training.export.checkpoint import Checkpoint
from training.export.text import permute_rope, unpermute_rope, write_text
from training.export.tokens import check_tokens, token_corpus
from training.export.vision import write_mmproj
from training.gguf_checkpoint import load_gguf
from training.model import CheckpointError, build_model, image_embeddings, image_tensor, load_model
from training.presets import PRESETS
from training.recipe import read_recipe
from training.text_init import start_text
from training.tokenizer import train_tokenizer
from training.trainer import run_recipe

FURTHER = """
[model]
checkpoint = "{folder}"

[[stages]]
name = "further"
kind = "instruction"
train = ["text"]
steps = 1
images_per_step = 1
learning_rate = 1.0e-9
"""


@pytest.fixture(scope="module")
def shipped() -> ModelManifest:
    return find_model("starter")


def test_rows_of_rotary_heads_come_back() -> None:
    weight = torch.randn(8 * 16, 24)
    assert torch.equal(unpermute_rope(permute_rope(weight, 8), 8), weight)
    assert not torch.equal(permute_rope(weight, 8), weight)


def test_the_shipped_model_embeds_its_golden_image(shipped: ModelManifest) -> None:
    model, _ = load_gguf(shipped.folder)
    with Image.open(shipped.path("golden_image")) as image:
        pixels = np.asarray(image.convert("RGB").resize((shipped.image_size,) * 2, Image.Resampling.BICUBIC))
    with torch.inference_mode():
        found = image_embeddings(model, image_tensor(torch.from_numpy(pixels.copy())[None]))[0].numpy()
    golden = np.load(shipped.path("golden_embedding"))
    assert np.linalg.norm(found - golden) / np.linalg.norm(golden) < shipped.golden_tolerance


def test_a_training_goes_on_from_it(shipped: ModelManifest, phantom_set: Path, tmp_path: Path) -> None:
    recipe = tmp_path / "further.toml"
    recipe.write_text(FURTHER.format(folder=shipped.folder.as_posix()), encoding="utf-8")
    run_recipe(read_recipe(recipe), [phantom_set], tmp_path / "run", NoProgress())
    before, after = load_gguf(shipped.folder)[0].state_dict(), load_model(tmp_path / "run").state_dict()
    assert before.keys() == after.keys()
    for name, tensor in before.items():
        assert torch.allclose(after[name], tensor, atol=1e-6), name


def test_the_same_tokens_and_the_same_file(shipped: ModelManifest, tmp_path: Path) -> None:
    model, tokenizer = load_gguf(shipped.folder)
    save_checkpoint(model, tokenizer, tmp_path)
    assert check_tokens(tmp_path, shipped.path("text"), token_corpus(600)).mismatches == ()

    checkpoint = Checkpoint.read(tmp_path)
    for role, write in (("text", write_text), ("mmproj", write_mmproj)):
        write(checkpoint, tmp_path / f"{role}.gguf")
        ours, theirs = (gguf.GGUFReader(path) for path in (tmp_path / f"{role}.gguf", shipped.path(role)))
        kept = {tensor.name: gguf.dequantize(tensor.data, tensor.tensor_type) for tensor in theirs.tensors}
        for tensor in ours.tensors:
            assert np.array_equal(tensor.data, kept.pop(tensor.name)), tensor.name
        assert not kept
        names = {name for name in theirs.fields if not name.startswith(("GGUF.", "general."))}
        for name in names:
            assert ours.fields[name].contents() == theirs.fields[name].contents(), name


def test_a_damaged_file_is_refused_by_name(shipped: ModelManifest, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    for file in shipped.folder.iterdir():
        content = file.read_bytes()
        if file == shipped.path("mmproj"):
            content = content.replace(b"v.blk.0.ls1.weight", b"v.blk.0.xx1.weight")
        (folder / file.name).write_bytes(content)
    with pytest.raises(ModelError, match=r"v\.blk\.0\.xx1\.weight"):
        load_gguf(folder)


def test_words_take_their_rows_with_them(shipped: ModelManifest) -> None:
    tokenizer = _another_tokenizer()
    model = build_model(PRESETS["starter-v1"], tokenizer)
    known = start_text(model, tokenizer, shipped.folder)
    theirs, their_tokenizer = load_gguf(shipped.folder)
    vocabulary = their_tokenizer.get_vocab()
    assert known >= 256 + 10
    row, other = tokenizer.get_vocab()["<box>"], vocabulary["<box>"]
    assert torch.equal(model.lm_head.weight[row], theirs.lm_head.weight[other])
    # "scintimammograph" is one token here and none there.
    token = "Ġscintimammograph"
    assert token in tokenizer.get_vocab()
    assert token not in vocabulary
    pieces = their_tokenizer(" scintimammograph", add_special_tokens=False).input_ids
    expected = theirs.get_input_embeddings().weight[pieces].mean(dim=0)
    assert torch.allclose(model.get_input_embeddings().weight[tokenizer.get_vocab()[token]], expected)
    ours, others = (one.model.language_model.layers[1].mlp.up_proj.weight for one in (model, theirs))
    assert torch.equal(ours, others)


def test_layers_of_another_size_are_refused(shipped: ModelManifest) -> None:
    tokenizer = _another_tokenizer()
    with pytest.raises(CheckpointError, match="text layers"):
        start_text(build_model(PRESETS["tiny"], tokenizer), tokenizer, shipped.folder)


def _another_tokenizer() -> PreTrainedTokenizerFast:
    return train_tokenizer(
        ["Where is the liver? <box>[[1, 2, 3, 4]]</box>", *["the posterior scintimammograph"] * 9], 600
    )
