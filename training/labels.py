"""The names a dataset can teach, as the label set of the model that learns them."""

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


def _new_label(name: str, language: Language) -> Label:
    slug = _NOT_WORD.sub("-", name.casefold()).strip("-") if language is Language.EN else name
    return Label(slug or name, name, name)
