"""What a dataset can teach: the label set of the model that learns it, and its tasks."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from engine.phantom import PHANTOM_LABELS
from engine.protocol import Language, Task
from engine.regions import Label, LabelSet
from training.records import read_records

_NOT_WORD = re.compile(r"[^0-9a-z]+")


def labels_of(datasets: Sequence[Path], known: LabelSet = PHANTOM_LABELS) -> LabelSet:
    """Every region-to-text answer of some datasets; names that `known` has keep their id, code and translation.

    A name in one language only stands for both.
    """
    found: dict[str, Label] = {}
    for dataset in datasets:
        for _, record in read_records(dataset):
            if record.task is Task.REGION_TO_TEXT:
                label = known.find(record.gpt) or _new_label(record.gpt, record.language)
                found.setdefault(label.id, label)
    return LabelSet(found.values())


def tasks_of(datasets: Sequence[Path]) -> tuple[Task, ...]:
    """The tasks that some datasets hold a record of, in `Task`'s order."""
    held = {record.task for dataset in datasets for _, record in read_records(dataset)}
    return tuple(task for task in Task if task in held)


def _new_label(name: str, language: Language) -> Label:
    slug = _NOT_WORD.sub("-", name.casefold()).strip("-") if language is Language.EN else name
    return Label(slug or name, name, name)
