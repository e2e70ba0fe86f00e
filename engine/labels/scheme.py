"""A project's label set: which labels it uses, in which order, with which colours and keys."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

from engine.files import whole_file
from engine.labels.colours import default_colours
from engine.labels.label import Label, LabelError, label_from_json, label_to_json, read_json
from engine.labels.ontology import Ontology, builtin_ontology

SHORTCUT_KEYS = "1234567890"
"""Keys that a label may have: the digits. Letters choose tools and type names."""
_DEFAULT_KEYS = SHORTCUT_KEYS.replace("0", "")
"""Not 0: it fits the picture to the window unless a project says otherwise."""

_FORMAT = "medrega-label-scheme"
_VERSION = 1
_ID = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_COLOUR = re.compile(r"#[0-9A-Fa-f]{6}")


@dataclass(frozen=True, slots=True)
class SchemeEntry:
    """A label as a project uses it. colour : ``"#RRGGBB"``; key : one of `SHORTCUT_KEYS`, empty for none."""

    label: Label
    colour: str
    key: str = ""


@dataclass(frozen=True, slots=True)
class LabelScheme:
    """An ordered label set with names of its own in both languages.

    modalities : DICOM modality codes that it is meant for, empty for any.
    Raises `LabelError` when a label, colour or key stands twice, or a colour or key cannot be one.
    """

    id: str
    en: str
    zh: str
    entries: tuple[SchemeEntry, ...]
    modalities: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        where = f"the label set {self.id!r}"
        if not _ID.fullmatch(self.id):
            raise LabelError(f"{where} needs an 'id' of lower-case letters, digits and hyphens")
        if not self.en.strip() or not self.zh.strip():
            raise LabelError(f"{where} needs a name in English and in Chinese")
        for entry in self.entries:
            if not _COLOUR.fullmatch(entry.colour):
                raise LabelError(f"{where}: the colour of {entry.label.id!r} is {entry.colour!r}, not like #1A2B3C")
            if entry.key and (len(entry.key) != 1 or entry.key not in SHORTCUT_KEYS):
                raise LabelError(
                    f"{where}: the key of {entry.label.id!r} is {entry.key!r}, not one of {', '.join(SHORTCUT_KEYS)}"
                )
        for field, values in (
            ("label", [e.label.id for e in self.entries]),
            ("colour", [e.colour.upper() for e in self.entries]),
            ("key", [e.key for e in self.entries if e.key]),
        ):
            twice = next((v for place, v in enumerate(values) if v in values[:place]), None)
            if twice is not None:
                raise LabelError(f"{where} has the {field} {twice!r} twice")

    def __iter__(self) -> Iterator[SchemeEntry]:
        return iter(self.entries)

    def __len__(self) -> int:
        return len(self.entries)

    def name(self, language: str) -> str:
        """The name in `language` (``"en"`` or ``"zh"``)."""
        return self.zh if language == "zh" else self.en

    def entry(self, label_id: str) -> SchemeEntry | None:
        """How this set uses a label, or None when it does not."""
        return next((e for e in self.entries if e.label.id == label_id), None)

    def by_key(self, shortcut: str) -> SchemeEntry | None:
        """The entry of a key, in either case, or None."""
        return next((e for e in self.entries if e.key and e.key == shortcut.upper()), None)

    def own_labels(self) -> tuple[Label, ...]:
        """The labels that people added themselves, in order: what `Ontology.with_labels` needs."""
        return tuple(e.label for e in self.entries if e.label.own)

    def with_label(self, label: Label) -> LabelScheme:
        """This set with a label more at its end, with the first free colour and key; itself when it has the label."""
        if self.entry(label.id) is not None:
            return self
        colour = default_colours(1, (e.colour for e in self.entries))[0]
        used = {e.key for e in self.entries}
        shortcut = next((k for k in _DEFAULT_KEYS if k not in used), "")
        return LabelScheme(
            self.id, self.en, self.zh, (*self.entries, SchemeEntry(label, colour, shortcut)), self.modalities
        )

    @classmethod
    def of(cls, id_: str, en: str, zh: str, labels: Iterable[Label], modalities: tuple[str, ...] = ()) -> LabelScheme:
        """A set of labels with the default colours and keys, in order; labels after the last key have none."""
        labels = tuple(labels)
        colours = default_colours(len(labels))
        entries = (
            SchemeEntry(label, colour, _DEFAULT_KEYS[place : place + 1])
            for place, (label, colour) in enumerate(zip(labels, colours, strict=True))
        )
        return cls(id_, en, zh, tuple(entries), modalities)

    def to_json(self) -> dict[str, Any]:
        """As an object for a file: labels of the ontology by id, own labels whole."""
        return {
            "format": _FORMAT,
            "version": _VERSION,
            "id": self.id,
            "en": self.en,
            "zh": self.zh,
            "modalities": list(self.modalities),
            "labels": [
                {
                    **({"label": label_to_json(e.label)} if e.label.own else {"id": e.label.id}),
                    "colour": e.colour,
                    "key": e.key,
                }
                for e in self.entries
            ],
        }

    @classmethod
    def from_json(cls, value: object, known: Ontology, where: str) -> LabelScheme:
        """Read what `to_json` gives. where : said in errors, such as ``"the label set file a.json"``.

        An entry without ``colour`` gets the next free one, one without ``key`` none. Raises `LabelError` naming the
        entry and field that is wrong, such as an id that `known` has not, or an own label whose name is taken.
        """
        if not isinstance(value, dict) or value.get("format") != _FORMAT:
            raise LabelError(f'{where} is not a label set: it needs "format": "{_FORMAT}"')
        if value.get("version") != _VERSION:
            raise LabelError(f"{where} has the 'version' {value.get('version')!r}: this program reads {_VERSION}")
        for field in ("id", "en", "zh"):
            if not isinstance(value.get(field), str) or not value[field].strip():
                raise LabelError(f"{where} needs a non-empty text {field!r}")
        modalities, items = value.get("modalities", []), value.get("labels")
        if not isinstance(modalities, list) or not all(isinstance(m, str) for m in modalities):
            raise LabelError(f"{where} needs a list of texts for 'modalities'")
        if not isinstance(items, list):
            raise LabelError(f"{where} needs a list for 'labels'")
        labels = [_label(item, known, f"entry {number} of {where}") for number, item in enumerate(items)]
        try:
            new = {x.id: x for x in labels if x.own and known.get(x.id) is None}
            if new:
                # No name of an own label may be another label's, in the ontology or among themselves.
                known.with_labels(new.values())
            given = [_optional_text(item, "colour", f"entry {n} of {where}") for n, item in enumerate(items)]
            free = iter(default_colours(len(items), (c for c in given if c)))
            entries = tuple(
                SchemeEntry(label, colour or next(free), _optional_text(item, "key", f"entry {n} of {where}"))
                for n, (label, colour, item) in enumerate(zip(labels, given, items, strict=True))
            )
            return cls(value["id"], value["en"], value["zh"], entries, tuple(modalities))
        except LabelError as error:
            raise error if where in str(error) else LabelError(f"{where}: {error}") from error

    @classmethod
    def from_file(cls, path: Path, known: Ontology) -> LabelScheme:
        """Read a label set file; `LabelError` names the file, the entry and the field that is wrong."""
        return cls.from_json(read_json(path), known, f"the label set file {path}")

    def save(self, path: Path) -> None:
        """Write the label set file, whole or not at all; `LabelError` when it cannot be written."""
        try:
            with whole_file(path) as temporary:
                text = json.dumps(self.to_json(), indent=2, ensure_ascii=False)
                temporary.write_text(text + "\n", encoding="utf-8")
        except OSError as error:
            raise LabelError(f"cannot write the label set file {path}: {error.strerror}") from error


def _optional_text(item: dict[str, Any], field: str, where: str) -> str:
    value = item.get(field, "")
    if not isinstance(value, str):
        raise LabelError(f"{where} needs a text for {field!r}")
    return value


def _label(item: object, known: Ontology, where: str) -> Label:
    if not isinstance(item, dict):
        raise LabelError(f"{where} is not an object")
    if "label" in item:
        label = label_from_json(item["label"], f"'label' in {where}")
        if not label.own:
            raise LabelError(f"{where}: 'label' is for own labels, whose 'id' begins with 'own-'; use 'id' for others")
        same = known.get(label.id)
        if same is not None and (same.en, same.zh) != (label.en, label.zh):
            raise LabelError(f"{where}: the label {label.id!r} is known under another name, {same.en!r} ({same.zh})")
        return label
    id_ = item.get("id")
    if not isinstance(id_, str) or not id_:
        raise LabelError(f"{where} needs a non-empty text 'id', or an own 'label'")
    found = known.get(id_)
    if found is None:
        raise LabelError(f"{where}: there is no label with the 'id' {id_!r}")
    return found


@cache
def builtin_schemes() -> tuple[LabelScheme, ...]:
    """The label sets that ship (resources/schemes), in order of their file names, read once."""
    folder = Path(str(resources.files("resources"))) / "schemes"
    return tuple(LabelScheme.from_file(path, builtin_ontology()) for path in sorted(folder.glob("*.json")))
