"""The plan against the machine: counted operations, real parameters, real configurations."""

from __future__ import annotations

from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from click.testing import CliRunner  # noqa: E402
from torch.utils.flop_counter import FlopCounterMode  # noqa: E402

from training.answers import answer_loss_sum, choose_trained  # noqa: E402
from training.cli_train import train  # noqa: E402
from training.model import load_model, tower_features  # noqa: E402
from training.packing import Branch, PackedQuestions, pack  # noqa: E402
from training.plan import Hardware, plan_recipe, stage_flops  # noqa: E402
from training.recipe import Stage, read_recipe  # noqa: E402
from training.samples import VisitSampler  # noqa: E402

RECIPES = Path(__file__).parents[2] / "training" / "recipes"


def test_planned_operations_are_those_that_torch_counts(tiny_checkpoint):
    model = load_model(tiny_checkpoint)
    stage = Stage(
        name="s",
        kind="instruction",
        train=("vision", "connector", "text"),
        steps=1,
        images_per_step=1,
        groups_per_image=1,
        questions_per_group=1,
        learning_rate=1e-3,
    )
    choose_trained(model, stage)
    prefix = (3, *[model.config.image_token_id] * model.config.image_seq_length, 4)
    question = PackedQuestions(0, prefix, (Branch(tuple(range(20, 100)), tuple(range(30, 60))),))
    batch = pack([question], 0, model.config.image_seq_length)
    with FlopCounterMode(display=False) as counter:
        features = tower_features(model, torch.randn(1, 3, 56, 56))
        answer_loss_sum(model, batch, features).backward()
    planned = stage_flops(stage, model, question.length, 17)
    assert planned == pytest.approx(counter.get_total_flops(), rel=0.15)


def test_the_papers_recipe_fits_on_its_hardware_and_not_on_less():
    plan = plan_recipe(RECIPES / "medrega-40b.toml", Hardware(16, 80, 400), 2_200_000)
    assert [stage.fits for stage in plan.stages] == [True, True]
    assert plan.stages[1].steps == 34375
    small = plan_recipe(RECIPES / "medrega-40b.toml", Hardware(8, 40, 150), 2_200_000)
    assert not small.stages[1].fits


def test_the_plan_is_a_command():
    result = CliRunner().invoke(train, [str(RECIPES / "medrega-40b.toml"), "--plan"])
    assert result.exit_code == 0, result.output
    assert "| weights, float32, sharded | 10.0 GB | 10.0 GB |" in result.stdout


@pytest.mark.parametrize("recipe", ["starter", "two-stage", "medrega-40b"])
def test_shipped_recipes_are_valid(recipe):
    assert read_recipe(RECIPES / f"{recipe}.toml").stages


def test_adapters_are_not_put_on_a_text_model_from_scratch():
    """What is frozen beside them would stay as it was drawn at random."""
    for path in RECIPES.glob("*.toml"):
        if "[model]" not in path.read_text(encoding="utf-8"):
            continue
        recipe = read_recipe(path)
        trained: set[str] = set()
        for stage in recipe.stages:
            assert stage.lora is None or recipe.model.checkpoint or "text" in trained, path.name
            trained.update(stage.train)


def test_every_epoch_visits_each_image_once_and_lengths_stand_together():
    lengths = [10 * (number % 5) for number in range(40)]
    visits = list(VisitSampler(lengths, 100, 3, batch=4, by_length=True))
    assert sorted(visits[:40]) == list(range(40))
    assert sorted(visits[40:80]) == list(range(40, 80))
    spread = [max(part) - min(part) for part in ([lengths[v % 40] for v in visits[i : i + 4]] for i in range(0, 40, 4))]
    assert sum(spread) <= 40
    assert visits == list(VisitSampler(lengths, 100, 3, batch=4, by_length=True))
