"""Recipes: what is trained, in which stages, read from TOML and checked before anything starts."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from engine.errors import MedRegAError
from training.model import PRESETS

Part = Literal["vision", "connector", "text"]


class RecipeError(MedRegAError):
    """A recipe that cannot be read: the message names the file and the setting."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ModelSettings(_Strict):
    """Either a preset, from scratch, or a checkpoint folder to go on from (relative to the recipe)."""

    preset: str | None = None
    checkpoint: Path | None = None
    seed: int = 0


class Stage(_Strict):
    """One stage. dense : the tower from label maps; instruction : answers from questions.

    attention : weight of the loss that guides heads to what a box encloses (see `training.attention`).
    boxes : a dense stage also learns the edges of what a patch shows.
    warmup : the fraction of `steps` in which the learning rate rises; it then falls as a cosine.
    """

    name: str
    kind: Literal["dense", "instruction"]
    train: tuple[Part, ...] = Field(min_length=1)
    steps: int = Field(gt=0)
    images_per_step: int = Field(gt=0)
    learning_rate: float = Field(gt=0)
    warmup: float = Field(default=0.03, ge=0, lt=1)
    weight_decay: float = Field(default=0.05, ge=0)
    groups_per_image: int = Field(default=2, gt=0)
    questions_per_group: int = Field(default=6, gt=0)
    augment: bool = True
    boxes: bool = False
    attention: float = Field(default=0.0, ge=0)
    bf16: bool = True


class Recipe(_Strict):
    """A whole training run."""

    model: ModelSettings
    stages: tuple[Stage, ...] = Field(min_length=1)


def read_recipe(path: Path) -> Recipe:
    """Read and check a recipe. Raises `RecipeError` naming the file and every wrong setting."""
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise RecipeError(f"cannot read the recipe {path}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise RecipeError(f"the recipe {path} is not TOML: {error}") from error
    try:
        recipe = Recipe.model_validate(data)
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise RecipeError(f"the recipe {path} has wrong settings: {wrong}") from error
    model = recipe.model
    if (model.preset is None) == (model.checkpoint is None):
        raise RecipeError(f"the recipe {path} must name either model.preset or model.checkpoint")
    if model.preset is not None and model.preset not in PRESETS:
        raise RecipeError(f"the recipe {path}: no preset {model.preset!r}, there are {', '.join(PRESETS)}")
    return recipe
