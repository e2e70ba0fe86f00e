"""What a dataset can teach: the label set of the model that learns it, and its tasks."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from engine.labels import modality_family
from engine.phantom import PHANTOM_LABELS
from engine.protocol import Language, Task
from engine.regions import Label, LabelSet
from training.instruct.naming import Naming
from training.phantom_set import is_phantom_set
from training.records import read_records

_NOT_WORD = re.compile(r"[^0-9a-z]+")


def labels_of(datasets: Sequence[Path], known: LabelSet = PHANTOM_LABELS) -> LabelSet:
    """Every region-to-text answer of some datasets; names that `known` has keep their id, code and translation.

    Names of the ontology, their side included, are one label in both languages. Any other name stands for both. Each
    label says in which modalities it was met, or that it may be anywhere if a record of it does not say; and in how
    many patients of each. Generated phantoms are no patients.
    """
    found: dict[str, Label] = {}
    met: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    naming = Naming()
    for dataset in datasets:
        generated = is_phantom_set(dataset)
        for _, record in read_records(dataset):
            if record.task is Task.REGION_TO_TEXT:
                label = known.find(record.gpt) or _named(naming, record.gpt) or _new_label(record.gpt, record.language)
                found.setdefault(label.id, label)
                patients = met[label.id][modality_family(record.modality)]
                patients |= set() if generated else {record.group}
    return LabelSet(_met(label, met[id_]) for id_, label in found.items())


def tasks_of(datasets: Sequence[Path]) -> tuple[Task, ...]:
    """The tasks that some datasets hold a record of, in `Task`'s order."""
    held = {record.task for dataset in datasets for _, record in read_records(dataset)}
    return tuple(task for task in Task if task in held)


def _met(label: Label, where: Mapping[str, set[str]]) -> Label:
    """A label with what it was met in. where : by family of modalities, the patients that showed it."""
    anywhere = "" in where
    counts = tuple((family, len(patients)) for family, patients in sorted(where.items()))
    return replace(label, modalities=() if anywhere else tuple(sorted(where)), patients=() if anywhere else counts)


def _named(naming: Naming, name: str) -> Label | None:
    """The ontology's label of a name, None where it has none. A side becomes part of the id and of both names."""
    key = naming.resolve(name, {})
    if key is None:
        return None
    label = naming.label(key)
    return Label(key.replace("|", "-"), naming.name(key, "en"), naming.name(key, "zh"), label.code, label.modalities)


def _new_label(name: str, language: Language) -> Label:
    slug = _NOT_WORD.sub("-", name.casefold()).strip("-") if language is Language.EN else name
    return Label(slug or name, name, name)
