"""A built data set read back, record by record: what the card, the contact sheet and the check have in common."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from engine.protocol import IMAGE_MARKER, MEDREGA_UNIT, Language, Located, Question, Task, parse_answer
from engine.protocol.syntax import BOX_LIST, REF
from engine.regions import Box, RegionError
from training.records import DatasetError, Record, parse_record

_SCALE = MEDREGA_UNIT.scale
# Wrong ones too: what has a sign is a box that must be told of.
_FOUR = re.compile(r"\[(-?\d+), ?(-?\d+), ?(-?\d+), ?(-?\d+)\]")


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a data set. split : the folder or file it is in. where : names file and line."""

    split: str
    folder: Path
    where: str
    text: str

    def record(self) -> Record:
        """Raises `DatasetError` naming the line."""
        return parse_record(self.text, self.where)

    def more(self) -> tuple[str, str, tuple[str, ...]]:
        """(source, subtask, label keys) as the builder writes them, empty where another program wrote the line."""
        data = json.loads(self.text)
        return str(data.get("source", "")), str(data.get("subtask", "")), tuple(map(str, data.get("labels", ())))


def split_files(paths: Sequence[Path]) -> list[tuple[str, Path]]:
    """(split, jsonl) of data sets: folders of splits, folders of one split, or files. Raises `DatasetError`."""
    found: list[tuple[str, Path]] = []
    for path in paths:
        if path.is_file():
            found.append((path.stem, path))
            continue
        own = sorted(path.glob("*.jsonl")) if path.is_dir() else []
        inner = sorted(path.glob("*/*.jsonl")) if path.is_dir() else []
        if inner:
            # The builder's own lists stand beside the splits.
            found += [(file.parent.name, file) for file in inner]
        elif own:
            found += [(path.name, file) for file in own]
        else:
            raise DatasetError(f"{path} is neither a jsonl file nor a folder that holds one")
    return found


def read_lines(paths: Sequence[Path]) -> Iterator[Line]:
    """Every line of some data sets."""
    for split, file in split_files(paths):
        with file.open(encoding="utf-8") as stream:
            for number, text in enumerate(stream, start=1):
                if text.strip():
                    yield Line(split, file.parent, f"{file} line {number}", text)


def asked(record: Record) -> str:
    """What stands behind the image in the human turn."""
    return record.human.partition(IMAGE_MARKER)[2]


def question_of(record: Record) -> Question:
    """As much of the question as reading its answer takes."""
    names = tuple(REF.findall(asked(record))) if record.task in (Task.TEXT_TO_REGION, Task.GROUNDED_REPORT) else ()
    # Where a record of another program does not tell the size, any will do to see whether a box is one.
    width, height = record.width or _SCALE, record.height or _SCALE
    return Question(record.task, record.language, width, height, record.modality, names=names)


def located_of(record: Record) -> tuple[Located, ...]:
    """The regions that a record names, of its answer or, where the box is asked about, of its question."""
    if record.task is Task.REGION_TO_TEXT:
        question = Question(Task.TEXT_TO_REGION, Language.EN, record.width, record.height, names=(record.gpt,))
        boxes = [box for item in parse_answer(asked(record), question).located for box in item.boxes]
        return (Located(record.gpt, tuple(boxes)),) if boxes else ()
    if record.task in (Task.TEXT_TO_REGION, Task.GROUNDED_REPORT):
        return parse_answer(record.gpt, question_of(record)).located
    return ()


def wrong_boxes(text: str) -> Iterator[str]:
    """Box lists in a text that hold something else than boxes of integers 0..999 with an area."""
    for content in BOX_LIST.findall(text):
        fours = _FOUR.findall(content)
        if not fours or _FOUR.sub("", content).strip("[], "):
            yield content
            continue
        for four in fours:
            values = [int(value) for value in four]
            try:
                Box(*values)
            except RegionError:
                yield content
                break
            if not all(0 <= value <= _SCALE for value in values):
                yield content
                break
