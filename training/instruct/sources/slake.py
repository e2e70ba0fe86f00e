"""SLAKE: ``imgs/xmlabN/`` with a picture, boxes of organs and lesions, and questions in English and Chinese.

``detection.json`` is a list of ``{"Liver": [x, y, width, height]}``, ``question.json`` a list of questions with
``q_lang``, ``question``, ``answer``, ``location`` and ``modality``. Liu et al., ISBI 2021 (arXiv 2102.09542).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar, Literal

from engine.protocol import Language
from training.instruct.items import Asked, SourceImage, Unit
from training.instruct.naming import modality_code
from training.instruct.pictures import read_picture
from training.instruct.sources.base import Source, SourceSettings, require_file, require_folder
from training.instruct.sources.boxes_jsonl import edge_boxes
from training.records import DatasetError

_SPLITS = {"train": "train.json", "validation": "validate.json", "test": "test.json"}


class SlakeSettings(SourceSettings):
    """path : the folder that holds ``imgs`` and the three lists. keep_splits : pictures stay in the published split."""

    kind: Literal["slake"]
    path: Path
    keep_splits: bool = True


class Slake(Source[SlakeSettings]):
    """See the module."""

    kind: ClassVar[str] = "slake"

    def units(self) -> Iterator[Unit]:
        """A picture a unit, in the order of their numbers."""
        folder = require_folder(self.settings.path / "imgs", self.settings.name)
        splits: dict[str, str] = {}
        if self.settings.keep_splits:
            for split, name in _SPLITS.items():
                for one in _read_list(require_file(self.settings.path / name, self.settings.name)):
                    splits[str(one.get("img_name", "")).partition("/")[0]] = split
        for path in sorted(folder.iterdir(), key=lambda p: (int(re.sub(r"\D", "", p.name) or 0), p.name)):
            if path.is_dir():
                yield Unit(path.name, splits.get(path.name, ""))

    def read(self, unit: Unit) -> Iterator[SourceImage]:
        """A picture with boxes and questions."""
        folder = self.settings.path / "imgs" / unit.key
        pixels = read_picture(require_file(folder / "source.jpg", self.settings.name))
        height, width = pixels.shape[:2]
        questions = _read_list(folder / "question.json") if (folder / "question.json").is_file() else []
        listed = []
        path = folder / "detection.json"
        try:
            for one in _read_list(path) if path.is_file() else []:
                for name, (x, y, w, h) in one.items():
                    listed.append((str(name), [float(x), float(y), float(x) + float(w), float(y) + float(h)]))
        except (TypeError, ValueError) as error:
            raise DatasetError(f"{path} is not a list of names and boxes: {error}") from error
        regions, uncertain = edge_boxes(self, listed, width, height, str(path))
        modality = str(questions[0].get("modality", "")) if questions else ""
        location = str(questions[0].get("location", "")) if questions else ""
        yield SourceImage(
            pixels,
            unit.key,
            self.modality or modality_code(modality),
            self.settings.body_part or ("CHEST" if location.casefold() in ("lung", "chest") else ""),
            # The organs that were marked follow from the part of the body.
            scope=self.scope(f"{modality}/{location}") if location else "",
            regions=regions,
            uncertain=uncertain,
            questions=tuple(_asked(one, folder / "question.json") for one in questions),
            split=unit.data,
        )


def _asked(one: dict[str, Any], path: Path) -> Asked:
    try:
        question, answer = (" ".join(str(one[field]).split()) for field in ("question", "answer"))
        return Asked(Language(one["q_lang"]), question, answer)
    except (KeyError, ValueError) as error:
        raise DatasetError(f"{path} holds a question without its language, text or answer: {error!r}") from error


def _read_list(path: Path) -> list[dict[str, Any]]:
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DatasetError(f"cannot read {path}: {error}") from error
    if not isinstance(data, list) or not all(isinstance(one, dict) for one in data):
        raise DatasetError(f"{path} must hold a list of objects")
    return data
