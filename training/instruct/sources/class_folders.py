"""Classification: a folder a class, with its pictures."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar, Literal

from training.instruct.items import SourceImage, Unit
from training.instruct.pictures import SUFFIXES, read_picture
from training.instruct.sources.base import Source, SourceSettings, require_folder


class ClassFoldersSettings(SourceSettings):
    """path : the folder of the classes' folders. none_folder : the one of pictures without any finding."""

    kind: Literal["class_folders"]
    path: Path
    none_folder: str = ""


class ClassFolders(Source[ClassFoldersSettings]):
    """See the module."""

    kind: ClassVar[str] = "class_folders"

    def units(self) -> Iterator[Unit]:
        """A picture a unit, in the order of names."""
        folder = require_folder(self.settings.path, self.settings.name)
        for kind in sorted(p for p in folder.iterdir() if p.is_dir()):
            for path in sorted(p for p in kind.rglob("*") if p.suffix.lower() in SUFFIXES):
                yield Unit(path.relative_to(folder).as_posix())

    def read(self, unit: Unit) -> Iterator[SourceImage]:
        """A picture with its class; none where the class has no label, which is counted as unknown."""
        path = self.settings.path / unit.key
        folder = Path(unit.key).parts[0]
        classes: tuple[str, ...] | None = ()
        if folder != self.settings.none_folder:
            key = self.key(folder)
            classes = None if key is None else (key,)
        yield SourceImage(
            read_picture(path), self.group_of(path.stem), self.modality, self.settings.body_part, classes=classes
        )
