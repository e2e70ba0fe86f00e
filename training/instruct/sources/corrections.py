"""What people decided in this program, as it exports it: a MedRegInstruct jsonl with its pictures.

Only text-to-region records are read: each name on a picture has one with all its boxes. The file names no patient, so
all of an export counts as one.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar, Literal

from engine.protocol import Language, Question, Task, parse_answer
from training.instruct.items import Marked, SourceImage, Unit
from training.instruct.pictures import read_picture
from training.instruct.sources.base import Source, SourceSettings, inside, require_file
from training.records import DatasetError, Record, read_records


class CorrectionsSettings(SourceSettings):
    """path : the exported jsonl. People mark what they look for: nothing is taken to be absent."""

    kind: Literal["corrections"]
    path: Path
    exhaustive: bool = False


class Corrections(Source[CorrectionsSettings]):
    """See the module."""

    kind: ClassVar[str] = "corrections"

    def units(self) -> Iterator[Unit]:
        """A picture a unit: an export keeps the records of one together."""
        path = require_file(self.settings.path, self.settings.name)
        records = (record for _, record in read_records(path))
        for image, its in itertools.groupby(records, key=lambda record: record.image):
            found = [record for record in its if record.task is Task.TEXT_TO_REGION]
            if found:
                yield Unit(image, found)

    def read(self, unit: Unit) -> Iterator[SourceImage]:
        """A picture with the regions that people decided on."""
        records: list[Record] = unit.data
        where = f"{self.settings.path} {unit.key}"
        path = inside(self.settings.path.parent, unit.key, where)
        pixels = read_picture(path)
        height, width = pixels.shape[:2]
        regions: dict[str, tuple[Marked, ...]] = {}
        # English first: it has each name that the other language has, unless a person gave it in Chinese alone.
        for record in sorted(records, key=lambda one: one.language is not Language.EN):
            question = Question(Task.TEXT_TO_REGION, record.language, width, height, record.modality)
            answer = parse_answer(record.gpt, question)
            if answer.malformed:
                raise DatasetError(f"{where}: the answer of record {record.id} does not parse: {record.gpt!r}")
            for located in answer.located:
                key = self.key(located.name)
                if key is not None and located.boxes:
                    regions.setdefault(key, tuple(Marked(key, box) for box in located.boxes))
        groups = {record.group for record in records} - {unit.key}
        yield SourceImage(
            pixels,
            groups.pop() if len(groups) == 1 else self.settings.name,
            self.modality or records[0].modality,
            self.settings.body_part,
            regions=tuple(itertools.chain.from_iterable(regions.values())),
        )
