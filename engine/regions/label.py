"""Names of structures and lesions, in both languages, with their codes."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from engine.errors import MedRegAError


class LabelError(MedRegAError):
    """A label file that cannot be read, or a name that two labels claim."""


@dataclass(frozen=True, slots=True)
class Label:
    """One name of the ontology.

    id : stable, lower-case, hyphenated; en, zh : what people and the model see;
    code : ``"SCT:10200004"`` (SNOMED CT) or ``"RID:58"`` (RadLex), empty where none is known;
    modalities : DICOM modality codes it is expected in, empty for any.
    """

    id: str
    en: str
    zh: str
    code: str = ""
    modalities: tuple[str, ...] = ()

    def name(self, language: str) -> str:
        """The name in `language` (``"en"`` or ``"zh"``)."""
        return self.zh if language == "zh" else self.en


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
        try:
            entries = json.loads(path.read_text(encoding="utf-8"))
        except OSError as error:
            raise LabelError(f"cannot read the label file {path}: {error.strerror}") from error
        except (json.JSONDecodeError, UnicodeDecodeError) as error:
            raise LabelError(f"the label file {path} is not JSON: {error}") from error
        if not isinstance(entries, list):
            raise LabelError(f"the label file {path} must hold a JSON list of labels")
        labels = []
        for number, entry in enumerate(entries):
            where = f"entry {number} of the label file {path}"
            if not isinstance(entry, dict):
                raise LabelError(f"{where} is not an object")
            for key in ("id", "en", "zh"):
                if not isinstance(entry.get(key), str) or not entry[key].strip():
                    raise LabelError(f"{where} needs a non-empty text {key!r}")
            labels.append(
                Label(
                    entry["id"],
                    entry["en"],
                    entry["zh"],
                    str(entry.get("code", "")),
                    tuple(str(m) for m in entry.get("modalities", ())),
                )
            )
        return cls(labels)
