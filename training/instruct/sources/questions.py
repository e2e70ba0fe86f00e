"""Questions and answers about pictures, a question a line of jsonl, such as VQA-RAD's."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar, Literal

from pydantic import Field

from engine.protocol import Language
from training.instruct.items import Asked, SourceImage, Unit
from training.instruct.naming import modality_code
from training.instruct.pictures import read_picture
from training.instruct.sources.base import Source, SourceSettings, inside, require_file
from training.records import DatasetError


class QuestionsSettings(SourceSettings):
    """path : the jsonl. root : the folder of its pictures. image, question, answer, ... : the fields' names.

    body_part_field : a field with the part of the body, worded as DICOM does by `body_parts`.
    modalities : the modality of pictures of a body part, where it follows from that.
    """

    kind: Literal["questions"]
    path: Path
    root: Path
    image_field: str = "image"
    question_field: str = "question"
    answer_field: str = "answer"
    language_field: str = ""
    language: Language = Language.EN
    body_part_field: str = ""
    body_parts: dict[str, str] = Field(default_factory=dict)
    modalities: dict[str, str] = Field(default_factory=dict)
    modality_field: str = ""


class Questions(Source[QuestionsSettings]):
    """See the module."""

    kind: ClassVar[str] = "questions"

    def units(self) -> Iterator[Unit]:
        """A picture a unit with the lines that ask about it, in the order of names.

        Only numbers of lines are kept meanwhile.
        """
        path = require_file(self.settings.path, self.settings.name)
        by_image: dict[str, list[int]] = defaultdict(list)
        with path.open("rb") as lines:
            offset = 0
            for number, line in enumerate(lines, start=1):
                if line.strip():
                    by_image[str(self._parse(line, number).get(self.settings.image_field, ""))].append(offset)
                offset += len(line)
        for image in sorted(by_image):
            yield Unit(image, by_image[image])

    def read(self, unit: Unit) -> Iterator[SourceImage]:
        """A picture with its questions."""
        settings = self.settings
        rows = []
        with settings.path.open("rb") as stream:
            for offset in unit.data:
                stream.seek(offset)
                rows.append(self._parse(stream.readline(), offset))
        path = inside(settings.root, unit.key, str(settings.path))
        asked = []
        for row in rows:
            try:
                language = Language(row[settings.language_field]) if settings.language_field else settings.language
                # Tabs and line feeds of a table are no part of a question.
                text, answer = (
                    " ".join(str(row[field]).split()) for field in (settings.question_field, settings.answer_field)
                )
            except (KeyError, ValueError) as error:
                raise DatasetError(f"{settings.path}: a question about {unit.key} is not whole: {error!r}") from error
            if text and answer:
                asked.append(Asked(language, text, answer))
        part = str(rows[0].get(settings.body_part_field, ""))
        modality = str(rows[0].get(settings.modality_field, "")) or settings.modalities.get(part, "")
        yield SourceImage(
            read_picture(path),
            self.group_of(path.stem),
            self.modality or modality_code(modality),
            settings.body_parts.get(part, settings.body_part),
            questions=tuple(asked),
        )

    def _parse(self, line: bytes, number: int) -> dict[str, Any]:
        try:
            data = json.loads(line)
            if not isinstance(data, dict):
                raise DatasetError(f"{self.settings.path} line {number} is not an object")
            return data
        except ValueError as error:
            raise DatasetError(f"{self.settings.path} line {number} is not JSON: {error}") from error
