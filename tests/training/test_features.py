"""Cached features: the same training as without, from another process too, and never another tower's."""

from __future__ import annotations

from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from engine.progress import NoProgress  # noqa: E402
from training.features import FeatureCache, as_kept, tower_digest  # noqa: E402
from training.model import load_model  # noqa: E402
from training.recipe import read_recipe  # noqa: E402
from training.trainer import run_recipe  # noqa: E402


def curve(recipe: Path, dataset: Path, out: Path) -> list[float]:
    heard = []
    run_recipe(read_recipe(recipe), [dataset], out, NoProgress(), listener=heard.append)
    return [event.loss for event in heard if event.event == "step"]


def test_a_full_cache_gives_the_losses_of_an_empty_one(tiny_recipe, phantom_set, tmp_path):
    import shutil

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
