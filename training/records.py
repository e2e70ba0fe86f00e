"""MedRegInstruct records: the jsonl that goes into training and evaluation.

Format: Wang et al., ICLR 2025, released `data_file.jsonl`: ``{"id", "image", "width", "height",
"conversations": [{"from": "human", "value"}, {"from": "gpt", "value"}]}``; ours add ``task``, ``language``,
``modality`` and ``group``, which readers of the original ignore.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from engine.errors import MedRegAError
from engine.protocol import IMAGE_MARKER, Language, Task

MASKS_FILE = "masks.json"
"""Beside a jsonl, names the label map of each image, for the dense stage: see `training.label_maps`."""

REGIONS_FILE = "regions.ndjson"
"""Beside a jsonl, every marked region of each image, for the dense stage: see `training.marked_regions`."""


class DatasetError(MedRegAError):
    """A dataset that cannot be used: the message names the file, the line and what is wrong."""


@dataclass(frozen=True, slots=True)
class Record:
    """One question with its answer.

    image : path relative to the jsonl's folder. width, height : of that image in pixels.
    human : the turn with one image marker in it. gpt : the answer. modality : DICOM code, "" if unknown.
    group : the patient, so that splits and intervals go by patient; the image where it is not known.
    source : where the builder had the image from, "" if unknown, to score each source for itself.
    where : file and line it was read from, for messages; no part of what the record says.
    """

    id: str
    image: str
    width: int
    height: int
    human: str
    gpt: str
    task: Task
    language: Language
    modality: str = ""
    group: str = ""
    source: str = field(default="", compare=False)
    where: str = field(default="", compare=False)

    @property
    def preamble(self) -> str:
        """What stands before the image; questions that share it share the image's tokens too."""
        return self.human.partition(IMAGE_MARKER)[0]

    def to_json(self) -> dict[str, Any]:
        """The record as one line of a MedRegInstruct jsonl holds it."""
        return {
            "id": self.id,
            "image": self.image,
            "width": self.width,
            "height": self.height,
            "conversations": [
                {"from": "human", "value": self.human},
                {"from": "gpt", "value": self.gpt},
            ],
            "task": self.task.value,
            "language": self.language.value,
            "modality": self.modality,
            "group": self.group,
        }


_TAGS = (
    ("object recognition", Task.REGION_TO_TEXT),
    ("目标识别", Task.REGION_TO_TEXT),
    ("object detection", Task.TEXT_TO_REGION),
    ("目标检测", Task.TEXT_TO_REGION),
    ("report phrase grounding", Task.GROUNDED_REPORT),
    ("定位并描述", Task.GROUNDED_REPORT),
    ("report generation", Task.REPORT),
    ("定位器官或病灶区域", Task.GROUNDED_REPORT),
    ("生成诊断报告", Task.REPORT),
    ("disease diagnosis", Task.DIAGNOSIS),
    ("image classification", Task.DIAGNOSIS),
    ("疾病诊断", Task.DIAGNOSIS),
    ("图像分类", Task.DIAGNOSIS),
)


def task_of(human: str) -> Task:
    """The task that a human turn's tag names; visual question answering has none."""
    for tag, task in _TAGS:
        if tag in human:
            return task
    return Task.VQA


def language_of(text: str) -> Language:
    """Chinese if any character is a CJK ideograph."""
    return Language.ZH if any("\u4e00" <= character <= "\u9fff" for character in text) else Language.EN


def dataset_files(dataset: Path) -> tuple[Path, ...]:
    """The jsonl files of a dataset, a folder or one jsonl. Raises `DatasetError` if there are none."""
    if dataset.is_file():
        return (dataset,)
    files = tuple(sorted(dataset.glob("*.jsonl"))) if dataset.is_dir() else ()
    if not files:
        raise DatasetError(f"{dataset} is neither a jsonl file nor a folder that holds one")
    return files


def read_records(dataset: Path, skipped: Callable[[DatasetError], None] | None = None) -> Iterator[tuple[Path, Record]]:
    """Each record with the folder its image path is relative to.

    Raises `DatasetError` naming file and line of the first record that is not one; with `skipped` that is called
    instead, and reading goes on.
    """
    for file in dataset_files(dataset):
        # Bytes: one line that is not UTF-8 must not hide the others.
        with file.open("rb") as lines:
            for number, line in enumerate(lines, start=1):
                if not line.strip():
                    continue
                try:
                    record = parse_record(line, f"{file} line {number}")
                except DatasetError as error:
                    if skipped is None:
                        raise
                    skipped(error)
                else:
                    yield file.parent, record


def parse_record(line: str | bytes, where: str) -> Record:
    """Read one line of a MedRegInstruct jsonl; `where` names it in the `DatasetError`."""
    try:
        data = json.loads(line)
        first, second = data["conversations"][:2]
        human, gpt = first["value"], second["value"]
        if first["from"] != "human" or second["from"] != "gpt":
            raise DatasetError(f"{where}: a conversation must go from human to gpt")
        task = Task(data["task"]) if "task" in data else task_of(human)
        language = Language(data["language"]) if "language" in data else language_of(human)
        record = Record(
            str(data["id"]),
            data["image"],
            int(data.get("width", 0)),
            int(data.get("height", 0)),
            human,
            gpt,
            task,
            language,
            str(data.get("modality", "")),
            str(data.get("group", "") or data["image"]),
            str(data.get("source", "")),
            where,
        )
    except (KeyError, TypeError, ValueError) as error:
        raise DatasetError(f"{where} is not a MedRegInstruct record: {error!r}") from error
    if human.count(IMAGE_MARKER) != 1:
        raise DatasetError(f"{where}: the human turn must hold {IMAGE_MARKER} exactly once")
    return record


def write_records(file: Path, records: Iterable[Record]) -> int:
    """Write a jsonl, whole or not at all; returns the number of records."""
    temporary = file.with_name(f".{file.name}.part")
    count = 0
    with temporary.open("w", encoding="utf-8") as out:
        for record in records:
            out.write(json.dumps(record.to_json(), ensure_ascii=False) + "\n")
            count += 1
    temporary.replace(file)
    return count


def dataset_sha256(dataset: Path) -> str:
    """SHA-256 over the dataset's jsonl files, in the order of their names."""
    digest = hashlib.sha256()
    for file in dataset_files(dataset):
        digest.update(file.name.encode())
        with file.open("rb") as stream:
            while chunk := stream.read(1 << 20):
                digest.update(chunk)
    return digest.hexdigest()
