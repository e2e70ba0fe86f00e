"""What a data set is built from, and how: read from TOML and checked before anything starts."""

from __future__ import annotations

import hashlib
import json
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from engine.labels import LabelError
from engine.protocol import Language
from training.instruct.masks import Thresholds
from training.instruct.naming import Naming
from training.instruct.sources import AnySettings
from training.instruct.sources.base import Terms
from training.records import DatasetError

SPLITS = ("train", "validation", "test")
_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
_BUILDER = 2
"""Raised when the same spec gives another data set."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Splits(_Strict):
    """Shares of the patients of each source. Sources with fewer than three patients go to train whole."""

    validation: float = Field(default=0.08, ge=0, lt=1)
    test: float = Field(default=0.12, ge=0, lt=1)

    @model_validator(mode="after")
    def _leave_something(self) -> Splits:
        if self.validation + self.test >= 1:
            raise ValueError("validation and test leave nothing for train")
        return self


class Balance(_Strict):
    """How often labels are asked for. Counts are of regions in a split.

    most : a label with more regions is asked for less often, so that about so many questions remain.
    least : a label with fewer, in train, is asked for again in other words, up to `repeat` times.
    per_image : the most regions of a label that are asked for in one picture; per_picture : of all its labels, the
    rarest first.
    """

    most: int = Field(default=600, gt=0)
    least: int = Field(default=60, ge=0)
    repeat: int = Field(default=4, ge=1)
    per_image: int = Field(default=2, gt=0)
    per_picture: int = Field(default=12, gt=0)


class Tasks(_Strict):
    """How many questions of each task a picture gets in each language, as far as there is something to ask.

    max_boxes : a label with more regions in a picture is not asked for: nobody wants a list of them.
    canonical : the share of region questions in the program's own words, the others in one of the templates.
    negatives : of the text-to-region questions with one name, the share that asks for what is not there.
    foreign : of those names, the share that could not be in such a picture at all.
    """

    single: int = Field(default=2, ge=0)
    several: int = Field(default=2, ge=0)
    max_boxes: int = Field(default=12, gt=0)
    max_names: int = Field(default=4, ge=2)
    canonical: float = Field(default=0.3, ge=0, le=1)
    negatives: float = Field(default=0.25, ge=0, le=1)
    foreign: float = Field(default=0.25, ge=0, le=1)
    grounded: int = Field(default=1, ge=0)
    report: int = Field(default=1, ge=0)
    vqa: int = Field(default=2, ge=0)
    diagnosis: int = Field(default=1, ge=0)


class Duplicates(_Strict):
    """Pictures whose 256-bit perceptual hashes differ in at most `distance` bits count as the same picture."""

    distance: int = Field(default=12, ge=0, le=15)


class OwnLabel(_Strict):
    """A label that the ontology lacks, named by a person in both languages."""

    en: str
    zh: str


class Spec(_Strict):
    """A whole build. allow : sources on other terms are left out, and the card says so.

    max_side : of the pictures, in pixels. skip_broken : a picture that cannot be read is reported and left out.
    """

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]*$")
    version: str = "1"
    seed: int = 1
    languages: tuple[Language, ...] = Field(default=(Language.EN, Language.ZH), min_length=1)
    max_side: int = Field(default=512, ge=32)
    allow: tuple[Terms, ...] = ("open", "share-alike")
    skip_broken: bool = False
    splits: Splits = Splits()
    regions: Thresholds = Thresholds()
    balance: Balance = Balance()
    tasks: Tasks = Tasks()
    duplicates: Duplicates = Duplicates()
    own_labels: tuple[OwnLabel, ...] = ()
    reviewed: Path | None = None
    """Sentences of reports whose organs a person has checked: the build's ``organ_split.jsonl``, corrected."""
    sources: tuple[AnySettings, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _names_differ(self) -> Spec:
        names = [source.name for source in self.sources]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"two sources are called {twice[0]!r}")
        return self

    def used(self) -> tuple[AnySettings, ...]:
        """The sources whose terms are allowed and that nobody left out."""
        return tuple(source for source in self.sources if source.terms in self.allow and not source.leave_out)

    def naming(self) -> Naming:
        """The labels that the build may use."""
        return Naming([(label.en, label.zh) for label in self.own_labels])

    def fingerprint(self) -> str:
        """SHA-256 of everything that decides what is built."""
        text = json.dumps([_BUILDER, self.model_dump(mode="json")], sort_keys=True, ensure_ascii=False)
        return hashlib.sha256(text.encode()).hexdigest()


def read_spec(path: Path, variables: Mapping[str, str] | None = None) -> Spec:
    """Read and check a spec. variables : what ``${name}`` stands for. Paths are relative to the spec's folder.

    Raises `DatasetError` naming the file and every wrong setting.
    """
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise DatasetError(f"cannot read the spec {path}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise DatasetError(f"the spec {path} is not TOML: {error}") from error
    data = _filled(data, variables or {}, path)
    try:
        spec = Spec.model_validate(data)
        # A wrong own label must not wait for the first picture.
        spec.naming()
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise DatasetError(f"the spec {path} has wrong settings: {wrong}") from error
    except LabelError as error:
        raise DatasetError(f"the spec {path}: {error}") from error
    return cast(Spec, _placed(spec, path.parent.resolve()))


def _filled(value: Any, variables: Mapping[str, str], path: Path) -> Any:
    """The value with every variable in its place."""
    if isinstance(value, dict):
        return {key: _filled(one, variables, path) for key, one in value.items()}
    if isinstance(value, list):
        return [_filled(one, variables, path) for one in value]
    if not isinstance(value, str):
        return value

    def given(found: re.Match[str]) -> str:
        name = found.group(1)
        if name not in variables:
            raise DatasetError(f"the spec {path} needs a value for ${{{name}}}: give --set {name}=VALUE")
        return variables[name]

    return _VARIABLE.sub(given, value)


def _placed(value: Any, folder: Path) -> Any:
    """The settings with every path absolute."""
    if isinstance(value, Path):
        return folder / value
    if isinstance(value, BaseModel):
        moved = {name: _placed(getattr(value, name), folder) for name in type(value).model_fields}
        return value.model_copy(update=moved)
    return tuple(_placed(one, folder) for one in value) if isinstance(value, tuple) else value
