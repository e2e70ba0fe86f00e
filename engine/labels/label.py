"""Names of structures and lesions, in both languages, with their codes."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from engine.errors import MedRegAError


class LabelError(MedRegAError):
    """A label file that cannot be read, or a name that two labels claim."""


class Kind(StrEnum):
    """What sort of thing a label names. UNKNOWN : a label of a model or a project that does not say."""

    UNKNOWN = ""
    ANATOMY = "anatomy"
    FINDING = "finding"
    DEVICE = "device"
    CELL = "cell"


OWN_PREFIX = "own-"
"""How the id of a label begins that people added themselves."""


@dataclass(frozen=True, slots=True)
class Label:
    """One name of the ontology.

    id : stable, lower-case, hyphenated; en, zh : what people and the model see;
    code : ``"SCT:10200004"`` (SNOMED CT) or ``"RID:58"`` (RadLex), empty where none is known;
    modalities : DICOM modality codes it is expected in, empty for any;
    synonyms_en, synonyms_zh : other names that people use, shown in a search;
    aliases : names in data sets' files, found when reading those but not shown;
    category : the ontology's group, such as ``"chest"``; parent : id of the wider label, empty for none;
    lateral : whether left and right are told apart; code_meaning, code_source : the code's meaning, and who says so;
    patients : of a model's label, how many patients it was learnt from, by family of modalities (`modality_family`);
    empty where that is not known.
    """

    id: str
    en: str
    zh: str
    code: str = ""
    modalities: tuple[str, ...] = ()
    synonyms_en: tuple[str, ...] = ()
    synonyms_zh: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    kind: Kind = Kind.UNKNOWN
    category: str = ""
    parent: str = ""
    lateral: bool = False
    code_meaning: str = ""
    code_source: str = ""
    patients: tuple[tuple[str, int], ...] = ()

    def name(self, language: str) -> str:
        """The name in `language` (``"en"`` or ``"zh"``)."""
        return self.zh if language == "zh" else self.en

    @property
    def own(self) -> bool:
        """Whether people added it themselves."""
        return self.id.startswith(OWN_PREFIX)

    def all_names(self) -> tuple[str, ...]:
        """Id, names, synonyms and aliases, in that order."""
        return (self.id, self.en, self.zh, *self.synonyms_en, *self.synonyms_zh, *self.aliases)


def same_name(first: Label | None, second: Label | None) -> bool:
    """Whether two labels are one: by id, or by their names where one has no id."""
    if first is None or second is None:
        return False
    if first.id and second.id:
        return first.id == second.id
    if first.en or second.en:
        return first.en.casefold() == second.en.casefold()
    return first.zh == second.zh


class LabelSet:
    """An ordered set of labels, looked up by id or by name in either language, ignoring case."""

    def __init__(self, labels: Iterable[Label]) -> None:
        self._labels = tuple(labels)
        self._by_name: dict[str, Label] = {}
        for label in self._labels:
            for name in {label.id, label.en.casefold(), label.zh.casefold()}:
                other = self._by_name.setdefault(name, label)
                if other is not label:
                    raise LabelError(f"labels {other.id!r} and {label.id!r} share the name {name!r}")

    def __iter__(self) -> Iterator[Label]:
        return iter(self._labels)

    def __len__(self) -> int:
        return len(self._labels)

    def find(self, name: str) -> Label | None:
        """The label with this id or this name in either language, or None."""
        return self._by_name.get(name.strip().casefold())

    def subset(self, ids: Iterable[str]) -> LabelSet:
        """The labels with these ids, in this set's order; ids it does not hold are an error."""
        wanted = set(ids)
        missing = wanted - {label.id for label in self._labels}
        if missing:
            raise LabelError(f"no such labels: {', '.join(sorted(missing))}")
        return LabelSet(label for label in self._labels if label.id in wanted)

    @classmethod
    def from_file(cls, path: Path) -> LabelSet:
        """Read a JSON list of objects with the fields of `Label`.

        Raises `LabelError` naming the file and the entry when something is missing or of the wrong type.
        """
        return cls(read_labels(path))


def read_labels(path: Path) -> list[Label]:
    """The labels of a JSON list, in order; `LabelError` names the file, the entry and the field that is wrong."""
    entries = read_json(path)
    if not isinstance(entries, list):
        raise LabelError(f"the label file {path} must hold a JSON list of labels")
    return [label_from_json(entry, f"entry {number} of the label file {path}") for number, entry in enumerate(entries)]


def read_json(path: Path) -> Any:
    """What a label file holds; `LabelError` when it cannot be read or is not JSON."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise LabelError(f"cannot read the label file {path}: {error.strerror}") from error
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise LabelError(f"the label file {path} is not JSON: {error}") from error


def label_from_json(entry: object, where: str) -> Label:
    """A label from its JSON object. where : said in errors, such as ``"entry 3 of the label file a.json"``.

    Fields that it does not know are left alone: a newer version may have written them.
    """
    if not isinstance(entry, dict):
        raise LabelError(f"{where} is not an object")
    for key in ("id", "en", "zh"):
        if not isinstance(entry.get(key), str) or not entry[key].strip():
            raise LabelError(f"{where} needs a non-empty text {key!r}")
    kind = _text(entry, "kind", where)
    if kind not in set(Kind):
        raise LabelError(f"{where} has the 'kind' {kind!r}: use {', '.join(repr(k.value) for k in Kind if k)}")
    lateral = entry.get("lateral", False)
    if not isinstance(lateral, bool):
        raise LabelError(f"{where} needs true or false for 'lateral'")
    return Label(
        entry["id"],
        entry["en"],
        entry["zh"],
        _text(entry, "code", where),
        _texts(entry, "modalities", where),
        _texts(entry, "synonyms_en", where),
        _texts(entry, "synonyms_zh", where),
        _texts(entry, "aliases", where),
        Kind(kind),
        _text(entry, "category", where),
        _text(entry, "parent", where),
        lateral,
        _text(entry, "code_meaning", where),
        _text(entry, "code_source", where),
        _counts(entry, "patients", where),
    )


def label_to_json(label: Label) -> dict[str, Any]:
    """The JSON object of a label, without its empty fields; `label_from_json` gives the same label back."""
    entry: dict[str, Any] = {}
    for key in Label.__slots__:
        value = getattr(label, key)
        if value or key in ("id", "en", "zh"):
            entry[key] = list(value) if isinstance(value, tuple) else value
    if label.patients:
        entry |= {"patients": dict(label.patients)}
    return entry


def _text(entry: dict[str, Any], key: str, where: str) -> str:
    value = entry.get(key, "")
    if not isinstance(value, str):
        raise LabelError(f"{where} needs a text for {key!r}")
    return value


def _texts(entry: dict[str, Any], key: str, where: str) -> tuple[str, ...]:
    value = entry.get(key, [])
    if not isinstance(value, list) or not all(isinstance(v, str) and v.strip() for v in value):
        raise LabelError(f"{where} needs a list of non-empty texts for {key!r}")
    return tuple(value)


def _counts(entry: dict[str, Any], key: str, where: str) -> tuple[tuple[str, int], ...]:
    value = entry.get(key, {})
    whole = isinstance(value, dict) and all(isinstance(n, int) and not isinstance(n, bool) for n in value.values())
    if not whole or not all(name and n >= 0 for name, n in value.items()):
        raise LabelError(f"{where} needs an object of counts for {key!r}")
    return tuple(sorted(value.items()))
