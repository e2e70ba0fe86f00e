"""Cached features: the same training as without, from another process too, and never another tower's."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from safetensors.torch import load_file  # noqa: E402

from engine.progress import NoProgress  # noqa: E402
from training.features import FeatureCache, as_kept, tower_digest  # noqa: E402
from training.model import (  # noqa: E402
    finish_tower,
    load_model,
    shuffled_features,
    stem_states,
    tower_features,
)
from training.recipe import RecipeError, read_recipe  # noqa: E402
from training.records import MASKS_FILE  # noqa: E402
from training.trainer import run_recipe  # noqa: E402


def curve(recipe: Path, dataset: Path, out: Path) -> list[float]:
    heard = []
    run_recipe(read_recipe(recipe), [dataset], out, NoProgress(), listener=heard.append)
    return [event.loss for event in heard if event.event == "step"]


def test_a_full_cache_gives_the_losses_of_an_empty_one(tiny_recipe, phantom_set, tmp_path):
    recipe = tmp_path / "cached.toml"
    recipe.write_text(tiny_recipe.read_text(encoding="utf-8") + "cache_features = true\n", encoding="utf-8")
    first = curve(recipe, phantom_set, tmp_path / "run")
    made = list((tmp_path / "run" / "features").rglob("*.npy"))
    assert made
    times = {file: file.stat().st_mtime_ns for file in made}
    for name in ("alignment", "model.safetensors"):
        path = tmp_path / "run" / name
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    assert curve(recipe, phantom_set, tmp_path / "run") == pytest.approx(first, abs=1e-6)
    assert {file: file.stat().st_mtime_ns for file in made} == times, "computed again"


def test_another_towers_features_are_another_folder(tiny_checkpoint):
    model = load_model(tiny_checkpoint)
    before = tower_digest(model.model.vision_tower)
    with torch.no_grad():
        model.model.vision_tower.embeddings.cls_token += 1
    assert tower_digest(model.model.vision_tower) != before


def test_the_folder_never_outgrows_its_limit_and_damage_is_no_answer(tmp_path):
    cache = FeatureCache(tmp_path, "t", 3000)
    for number in range(8):
        cache.put(f"{number:02}", torch.zeros(16, 32, dtype=torch.float16))
    kept = list(tmp_path.rglob("*.npy"))
    assert len(kept) == 2
    kept[0].write_bytes(b"no array")
    assert cache.get(kept[0].stem) is None
    assert cache.get("77") is None


def test_values_beyond_half_precision_are_kept_whole():
    assert as_kept(torch.tensor([1.0, 7e4])).dtype == torch.float32
    assert as_kept(torch.tensor([1.0])).dtype == torch.float16


def test_stages_of_one_run_share_what_they_cached(tiny_recipe, phantom_set, tmp_path):
    first = tiny_recipe.read_text(encoding="utf-8") + "cache_features = true\ncache_views = 2\n"
    second = first.partition("[[stages]]")[2].replace('"alignment"', '"instruction"')
    recipe = tmp_path / "two.toml"
    recipe.write_text(f"{first}\n[[stages]]{second}", encoding="utf-8")
    curve(recipe, phantom_set, tmp_path / "run")
    images = len(list((phantom_set / "images").iterdir()))
    assert len(list((tmp_path / "run" / "features").rglob("*.npy"))) <= 2 * images


def test_the_first_blocks_and_the_others_are_the_whole_tower(tiny_checkpoint):
    model = load_model(tiny_checkpoint).eval()
    pixels = torch.randn(2, 3, 56, 56)
    tower = model.model.vision_tower
    with torch.no_grad():
        states = stem_states(tower, pixels, 1)
        found = shuffled_features(model.model, finish_tower(tower, states, 1))
        assert torch.allclose(found, tower_features(model, pixels), atol=1e-6)


def test_blocks_above_the_cached_ones_are_trained_and_both_kinds_of_stage_share_the_cache(
    tiny_recipe, phantom_set, tmp_path
):
    cached = "cache_features = true\ncache_blocks = 1\ncache_views = 2\n"
    answers = tiny_recipe.read_text(encoding="utf-8") + cached
    dense = (
        '[[stages]]\nname = "dense"\nkind = "dense"\ntrain = ["connector"]\nvision_top = 1\nsteps = 6\n'
        "images_per_step = 4\nlearning_rate = 3e-3\nlog_every = 1\nbf16 = false\n" + cached
    )
    recipe = tmp_path / "both.toml"
    head, _, stages = answers.partition("[[stages]]")
    recipe.write_text(f"{head}{dense}\n[[stages]]{stages}", encoding="utf-8")
    # Without label maps for all, as sets of real scans are.
    data = tmp_path / "data"
    shutil.copytree(phantom_set, data)
    (data / MASKS_FILE).unlink()
    losses = curve(recipe, data, tmp_path / "run")
    images = len(list((data / "images").iterdir()))
    files = list((tmp_path / "run" / "features").rglob("*.npy"))
    assert 0 < len(files) <= 2 * images
    start, end = (load_file(tmp_path / "run" / name / "model.safetensors") for name in ("dense", "alignment"))
    tower = {name for name in start if "vision_tower" in name}
    assert all(torch.equal(start[name], end[name]) for name in tower), "only the dense stage trains the tower"
    shutil.rmtree(tmp_path / "run" / "dense")
    shutil.rmtree(tmp_path / "run" / "alignment")
    (tmp_path / "run" / "model.safetensors").unlink()
    assert curve(recipe, data, tmp_path / "run") == pytest.approx(losses, abs=1e-5)


def test_a_stage_cannot_train_what_it_caches(tiny_recipe, tmp_path):
    recipe = tmp_path / "wrong.toml"
    text = tiny_recipe.read_text(encoding="utf-8")
    recipe.write_text(text + "vision_top = 1\ncache_features = true\n", encoding="utf-8")
    with pytest.raises(RecipeError, match="cannot be cached"):
        read_recipe(recipe)
