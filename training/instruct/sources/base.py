"""What all sources of a build share: their settings, and how they are read."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar, Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from engine.protocol import Recognition
from training.instruct.items import SourceImage, Unit
from training.instruct.masks import Thresholds
from training.instruct.naming import Naming, modality_code
from training.records import DatasetError

Terms = Literal["open", "share-alike", "non-commercial", "unclear"]


class Diagnosis(BaseModel):
    """A choice among labels that can be asked of a source's pictures.

    options : names of labels; empty takes the source's classes. none : a picture without any of them is one of the
    choices, "No finding". several : more than one may hold.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    options: tuple[str, ...] = ()
    none: bool = False
    several: bool = False
    recognition: Recognition = Recognition.DISEASE


class SourceSettings(BaseModel):
    """What every source says of itself.

    licence, attribution : as its publisher words them, copied into the card. terms : what that allows, as the person
    who wrote the spec judges it. modality : DICOM code or a word for it, where the files do not tell.
    labels : the source's names to names of the ontology. ignore : names that are not wanted.
    exhaustive : everything of a label that is there was marked, so that its absence can be asked for.
    one_group : all of it is one patient. group_pattern : a regular expression whose first bracket finds the patient in
    a file's name. together : sources with the same word here share patients and stay on one side of a split.
    split : where all of it goes. limit : the most units to read.
    leave_out : why none of it is used; the card says so. share : of its pictures, the part that is asked about beside
    its regions: a large source need not say the same a thousand times.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]*$")
    licence: str = Field(min_length=1)
    terms: Terms
    licence_url: str = ""
    attribution: str = ""
    modality: str = ""
    body_part: str = ""
    labels: dict[str, str] = Field(default_factory=dict)
    ignore: tuple[str, ...] = ()
    exhaustive: bool = True
    one_group: bool = False
    group_pattern: str = ""
    together: str = ""
    split: Literal["", "train", "validation", "test"] = ""
    limit: int | None = Field(default=None, gt=0)
    leave_out: str = ""
    share: float = Field(default=1, gt=0, le=1)
    diagnosis: Diagnosis | None = None
    organ: str = ""
    """Of all pictures, in words of the ontology: the answer to which organ a picture shows."""


Settings = TypeVar("Settings", bound=SourceSettings)


class Source(ABC, Generic[Settings]):
    """A source of pictures. `units` runs in the main process, `read` in the workers; both stream.

    unknown : names met by `read` that no label has, with how often.
    """

    kind: ClassVar[str]

    def __init__(self, settings: Settings, naming: Naming, thresholds: Thresholds) -> None:
        self.settings = settings
        self.naming = naming
        self.thresholds = thresholds
        self.unknown: Counter[str] = Counter()
        self.modality = modality_code(settings.modality)

    @abstractmethod
    def units(self) -> Iterator[Unit]:
        """The pieces of work, in an order that does not change. Raises `DatasetError`."""

    @abstractmethod
    def read(self, unit: Unit) -> Iterator[SourceImage]:
        """The pictures of one piece. Raises `DatasetError` or `ScanError` naming file and line."""

    def key(self, name: str) -> str | None:
        """The key of one of the source's names; None, and counted as unknown unless ignored, where it has none."""
        if name in self.settings.ignore:
            return None
        key = self.naming.resolve(name, self.settings.labels)
        if key is None:
            self.unknown[name] += 1
        return key

    def scope(self, name: str = "all") -> str:
        """The name of a scope of exhaustive marking; "" where marking was not exhaustive."""
        return f"{self.settings.name}/{name}" if self.settings.exhaustive else ""

    def group_of(self, stem: str) -> str:
        """The patient that a file's name tells, the name itself without a pattern. Raises `DatasetError`."""
        pattern = self.settings.group_pattern
        if not pattern:
            return stem
        found = re.search(pattern, stem)
        if found is None or not found.groups():
            raise DatasetError(f"{stem!r} tells no patient: group_pattern {pattern!r} must match it, with a bracket")
        return found.group(1)


def require_folder(path: Path, what: str) -> Path:
    """The folder; `DatasetError` where it is none."""
    if not path.is_dir():
        raise DatasetError(f"there is no folder {path} for {what}")
    return path


def require_file(path: Path, what: str) -> Path:
    """The file; `DatasetError` where it is none."""
    if not path.is_file():
        raise DatasetError(f"there is no file {path} for {what}")
    return path


def inside(root: Path, name: str, where: str) -> Path:
    """The file `name` of the folder `root`; `DatasetError` where it leads out of it or is not there."""
    path = root / name
    if not path.resolve().is_relative_to(root.resolve()):
        raise DatasetError(f"{where} names {name!r}, which lies outside of {root}")
    return require_file(path, where)
