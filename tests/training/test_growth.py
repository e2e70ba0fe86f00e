"""A trained model made to take larger pictures: it starts from what it knew, in torch and in llama.cpp alike."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from transformers import InternVLForConditionalGeneration

from engine.phantom import PHANTOM_LABELS
from engine.progress import NoProgress
from engine.runtime.manifest import ModelManifest
from engine.runtime.options import EngineOptions
from engine.runtime.worker import load_model as load_into_engine
from training.checkpoint import save_checkpoint
from training.export.model import export_model
from training.gguf_checkpoint import load_gguf
from training.growth import enlarge
from training.model import CheckpointError, load_model, merged_patches, pixel_shuffle, project, shuffled_features
from training.recipe import RecipeError, read_recipe
from training.tokenizer import load_tokenizer
from training.trainer import run_recipe


@pytest.fixture(scope="module")
def small(tiny_checkpoint: Path) -> InternVLForConditionalGeneration:
    """56 pixels, 2 x 2 image tokens of 2 x 2 patches, with a connector that has learnt something."""
    torch.manual_seed(4)
    model = load_model(tiny_checkpoint).eval()
    with torch.no_grad():
        for parameter in model.model.multi_modal_projector.parameters():
            parameter.normal_(0, 0.3)
    return model


@pytest.mark.parametrize("merge", [2, 4])
def test_it_shuffles_as_transformers_does(small: InternVLForConditionalGeneration, merge: int) -> None:
    grid = torch.randn(2, 8, 8, 3 * merge)
    assert torch.equal(pixel_shuffle(grid, 1 / merge), small.model.pixel_shuffle(grid, scale_factor=1 / merge))


@pytest.mark.parametrize("merge", [4, 6])
def test_finer_patches_of_the_same_content_make_the_same_tokens(
    small: InternVLForConditionalGeneration, merge: int
) -> None:
    grown = enlarge(small, 28 * merge, merge)
    coarse = torch.randn(3, 4, 4, small.config.vision_config.hidden_size)
    times = merge // 2
    fine = coarse.repeat_interleave(times, 1).repeat_interleave(times, 2)
    with torch.no_grad():
        before, after = (
            project(model, shuffled_features(model.model, grid.flatten(1, 2)))
            for model, grid in ((small, coarse), (grown, fine))
        )
    assert after.shape == before.shape == (3, 4, small.config.text_config.hidden_size)
    torch.testing.assert_close(after, before, rtol=1e-4, atol=1e-4)


def test_three_of_two_read_their_shares(small: InternVLForConditionalGeneration) -> None:
    """The middle one of three patches belongs to both of two halves."""
    grown = enlarge(small, 84, 3)
    assert merged_patches(grown.config) == 3
    old, new = (one.model.multi_modal_projector for one in (small, grown))
    weight = (old.linear_1.weight * old.layer_norm.weight).reshape(-1, 2, 2, small.config.vision_config.hidden_size)
    middle = new.linear_1.weight.reshape(len(weight), 3, 3, -1)[:, 1, 1]
    torch.testing.assert_close(middle, weight.sum(dim=(1, 2)) / 9)


def test_it_is_as_it_was_where_nothing_is_asked(small: InternVLForConditionalGeneration) -> None:
    assert enlarge(small, None, None) is small
    assert enlarge(small, 56, 2) is small


def test_a_size_that_does_not_divide_is_refused(small: InternVLForConditionalGeneration) -> None:
    with pytest.raises(CheckpointError, match="100 is not a multiple of 3 patches of 14"):
        enlarge(small, 100, 3)


def test_llama_cpp_sees_three_patches_a_side_as_torch_does(
    small: InternVLForConditionalGeneration, tiny_checkpoint: Path, tmp_path: Path
) -> None:
    save_checkpoint(enlarge(small, 84, 3), load_tokenizer(tiny_checkpoint), tmp_path / "run")
    out = tmp_path / "model"
    export_model(tmp_path / "run", out, PHANTOM_LABELS, model_id="larger", name="Larger", version="0", ftype="f32")
    manifest = ModelManifest.read(out)
    assert (manifest.image_size, manifest.image_tokens) == (84, 4)
    model, error = load_into_engine(manifest, EngineOptions(threads=1))
    model.close()
    assert error < 3e-3
    again, _ = load_gguf(out)
    assert merged_patches(again.config) == 3


RECIPE = """
[model]
checkpoint = "{folder}"
image_size = 84
merge = 3

[[stages]]
name = "further"
kind = "instruction"
train = ["connector"]
steps = 1
images_per_step = 1
learning_rate = 1.0e-3
"""


def test_a_recipe_asks_for_it(tiny_checkpoint: Path, phantom_set: Path, tmp_path: Path) -> None:
    path = tmp_path / "larger.toml"
    path.write_text(RECIPE.format(folder=tiny_checkpoint.as_posix()), encoding="utf-8")
    run_recipe(read_recipe(path), [phantom_set], tmp_path / "run", NoProgress())
    config = load_model(tmp_path / "run").config
    assert (config.vision_config.image_size[0], merged_patches(config), config.image_seq_length) == (84, 3, 4)


def test_a_preset_has_sizes_of_its_own(tmp_path: Path) -> None:
    path = tmp_path / "larger.toml"
    text = RECIPE.replace('checkpoint = "{folder}"', 'preset = "tiny"')
    path.write_text(text, encoding="utf-8")
    with pytest.raises(RecipeError, match="checkpoint to go on from"):
        read_recipe(path)
