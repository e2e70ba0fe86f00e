"""Recipes: what is trained, in which stages, read from TOML and checked before anything starts."""

from __future__ import annotations

import math
import tomllib
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from engine.errors import MedRegAError
from engine.protocol import Task
from training.augment import SMALLEST, STRETCH
from training.presets import PRESETS

Part = Literal["vision", "connector", "text"]


class RecipeError(MedRegAError):
    """A recipe that cannot be read: the message names the file and the setting."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class VisionSettings(_Strict):
    """Whose weights the tower starts from (relative to the recipe): a folder, DINOv2-style or InternViT, safetensors
    only; or an ONNX file of DINOv2's shape, bare or in a wheel, which is read as data.

    sha256 : of the ONNX file, which must be the very one.
    layers : keep the first so many of its blocks. image_size : pixels a side, the preset's if not given.
    """

    checkpoint: Path
    sha256: str | None = Field(default=None, pattern=r"^[0-9a-f]{64}$")
    layers: int | None = Field(default=None, gt=0)
    image_size: int | None = Field(default=None, gt=0)

    @property
    def packed(self) -> bool:
        """Whether the weights must be read out of an ONNX file first."""
        return self.checkpoint.suffix in (".onnx", ".whl")

    @model_validator(mode="after")
    def _pinned(self) -> Self:
        if self.packed and self.sha256 is None:
            raise ValueError("name the sha256 of the ONNX file")
        return self


class ModelSettings(_Strict):
    """Either a preset, from scratch, or a checkpoint folder to go on from (relative to the recipe).

    checkpoint : of the trainer, of InternVL, or a model folder of this project, whose GGUF files are dequantized.

    image_size, merge : the checkpoint is made to take pictures of so many pixels a side, and so many patches a side are
    merged to a token (see `training.growth`); as it is unless named.

    text : a preset's text model starts from that of a model folder of this project, GGUF (relative to the recipe).
    seed : of the weights and of what is drawn. view_seed : of the augmented forms of images alone, `seed` unless named:
    a run with another run's tower and view seed takes its cached features.
    """

    preset: str | None = None
    checkpoint: Path | None = None
    vision: VisionSettings | None = None
    image_size: int | None = Field(default=None, gt=0)
    merge: int | None = Field(default=None, gt=0)
    text: Path | None = None
    seed: int = 0
    view_seed: int | None = None


class LoraSettings(_Strict):
    """Low-rank adapters of the text model; the defaults are those of MedRegA's training code."""

    rank: int = Field(default=16, gt=0)
    alpha: int = Field(default=32, gt=0)
    dropout: float = Field(default=0.05, ge=0, lt=1)
    targets: tuple[str, ...] = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")


class Stage(_Strict):
    """One stage. dense : the tower from label maps; instruction : answers from questions.

    train : parts trained whole. vision_top : so many of the tower's last blocks besides. lora : adapters on the text
    model instead of "text"; they are merged at the end and kept in ``adapter/`` too.
    steps or epochs : how long; an epoch visits each image once. images_per_step : over all processes and
    accumulated batches together, so that a recipe means the same on one processor and on many.
    accumulate : batches a step is split into. attention : weight of the loss that guides heads to what a box encloses
    (see `training.attention`). boxes : a dense stage also learns the edges of what a patch shows.
    vision_learning_rate : of the tower where it differs, as a tower that comes pretrained wants it smaller.
    smallest_crop : how little of a side an augmented form may show. stretch : by what fraction each side may differ.
    strong_greys : also brightness and contrast of pictures without colour are drawn further from what they were.
    An instruction stage heeds them: strong ones make up for patients that are not there.
    mirror : an instruction stage also shows mirrored forms of pictures in which nothing has a side.
    balance : how much oftener an image is visited whose labels are in few images, 0 for all alike, 1 for every label
    alike. tasks : how much oftener groups of a task are drawn at a visit than those of the others, which have 1.
    coordinate_spread : how far, in sides of its box, an edge may be off without being wrong (`training.coordinates`).
    loss_reduction : what an answer counts in the loss: its ids ("token"), their root ("square"), as any ("sample").
    warmup : the fraction of the steps in which the learning rate rises; it then falls as a cosine.
    pack : ids of a row that several images' questions share, 0 for a row each. On a processor no more than the longest
    group, since attention grows with the square of a row. max_length : no row is longer.
    group_by_length : images with much text together. cache_features : keep what a frozen tower says of an image on
    disk, at most cache_gb of it, or with cache_blocks what its first so many blocks say, so that those above can be
    trained and all stages share the cache; each image then has cache_views augmented forms instead of endlessly many.
    bf16 : "auto" where the hardware multiplies it faster. save_every, log_every : in steps. keep : checkpoints.
    """

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")
    kind: Literal["dense", "instruction"]
    train: tuple[Part, ...] = ()
    vision_top: int = Field(default=0, ge=0)
    lora: LoraSettings | None = None
    steps: int | None = Field(default=None, gt=0)
    epochs: float | None = Field(default=None, gt=0)
    images_per_step: int = Field(gt=0)
    accumulate: int = Field(default=1, gt=0)
    learning_rate: float = Field(gt=0)
    vision_learning_rate: float | None = Field(default=None, gt=0)
    warmup: float = Field(default=0.03, ge=0, lt=1)
    weight_decay: float = Field(default=0.05, ge=0)
    groups_per_image: int = Field(default=2, gt=0)
    questions_per_group: int = Field(default=6, gt=0)
    augment: bool = True
    smallest_crop: float = Field(default=SMALLEST, gt=0.2, lt=1)
    stretch: float = Field(default=STRETCH, ge=0, le=0.3)
    strong_greys: bool = False
    mirror: bool = False
    balance: float = Field(default=0.0, ge=0, le=1)
    tasks: dict[Task, Annotated[float, Field(ge=0)]] = {}
    loss_reduction: Literal["token", "square", "sample"] = "token"
    coordinate_spread: float = Field(default=0.0, ge=0, le=0.2)
    boxes: bool = False
    attention: float = Field(default=0.0, ge=0)
    pack: int = Field(default=0, ge=0)
    max_length: int = Field(default=2048, gt=0)
    group_by_length: bool = False
    gradient_checkpointing: bool = False
    cache_features: bool = False
    cache_blocks: int = Field(default=0, ge=0)
    cache_views: int = Field(default=4, gt=0)
    cache_gb: float = Field(default=20.0, gt=0)
    bf16: bool | Literal["auto"] = "auto"
    workers: int = Field(default=0, ge=0)
    save_every: int = Field(default=200, gt=0)
    log_every: int = Field(default=20, gt=0)
    keep: int = Field(default=2, ge=2)

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if (self.steps is None) == (self.epochs is None):
            raise ValueError("name either steps or epochs")
        if not (self.train or self.vision_top or self.lora):
            raise ValueError("nothing is trained: name train, vision_top or lora")
        if self.lora is not None and "text" in self.train:
            raise ValueError('lora stands instead of "text" in train')
        if self.cache_features and ("vision" in self.train or (self.vision_top and not self.cache_blocks)):
            raise ValueError("features of a tower that is trained cannot be cached, save its first cache_blocks")
        if self.kind == "dense" and (self.lora or (self.cache_features and not self.cache_blocks)):
            raise ValueError("a dense stage has no lora, and caches no features but those of the first cache_blocks")
        if self.images_per_step % self.accumulate:
            raise ValueError("images_per_step must be a multiple of accumulate")
        return self

    @property
    def reduction(self) -> float:
        """The power that `training.drawing.reduced_weights` takes."""
        return {"token": 0.0, "square": 0.5, "sample": 1.0}[self.loss_reduction]

    def steps_for(self, images: int) -> int:
        """How many steps it takes on so many images."""
        if self.steps is not None:
            return self.steps
        assert self.epochs is not None
        return max(1, math.ceil(self.epochs * images / self.images_per_step))


class Recipe(_Strict):
    """A whole training run. licence : of the weights that come of it, an SPDX name where there is one."""

    model: ModelSettings
    stages: tuple[Stage, ...] = Field(min_length=1)
    licence: str = Field(default="", max_length=80)


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
    if model.vision is not None and model.preset is None:
        raise RecipeError(f"the recipe {path}: model.vision starts the tower of a preset, not of a checkpoint")
    if model.text is not None and model.preset is None:
        raise RecipeError(f"the recipe {path}: model.text starts the text model of a preset, not of a checkpoint")
    if (model.image_size or model.merge) and model.checkpoint is None:
        raise RecipeError(f"the recipe {path}: model.image_size and model.merge are of a checkpoint to go on from")
    return recipe.model_copy(update={"model": _absolute(model, path.parent)})


def _absolute(model: ModelSettings, folder: Path) -> ModelSettings:
    """Folders of a recipe are relative to it, wherever it is run."""
    changed: dict[str, object] = {}
    for name in ("checkpoint", "text"):
        given: Path | None = getattr(model, name)
        if given is not None:
            changed[name] = folder / given.expanduser()
    if model.vision is not None:
        changed["vision"] = model.vision.model_copy(
            update={"checkpoint": folder / model.vision.checkpoint.expanduser()}
        )
    return model.model_copy(update=changed)
