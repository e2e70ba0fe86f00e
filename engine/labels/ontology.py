"""All names that the program knows: the one that ships, with a project's own labels added."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from copy import copy
from functools import cache
from importlib import resources
from pathlib import Path

from engine.labels.attributes import Laterality
from engine.labels.label import Label, LabelError, read_labels
from engine.labels.names import key
from engine.labels.search import Match, SearchIndex

_SIDES = {
    "left": Laterality.LEFT,
    "right": Laterality.RIGHT,
    "l": Laterality.LEFT,
    "r": Laterality.RIGHT,
    "bilateral": Laterality.BILATERAL,
}
_SIDES_ZH = re.compile(r"^(左侧|右侧|双侧|左|右)(.+)$")
_SIDE_OF_ZH = {"左": Laterality.LEFT, "右": Laterality.RIGHT, "双": Laterality.BILATERAL}


class Ontology:
    """Labels that share no name: one name, one label. Ordered, immutable.

    Raises `LabelError` when two labels share an id, a name, a synonym or an alias, or a parent is not among them.
    """

    def __init__(self, labels: Iterable[Label]) -> None:
        self._labels: tuple[Label, ...] = ()
        self._by_id: dict[str, Label] = {}
        self._by_name: dict[str, Label] = {}
        self._index = SearchIndex([])
        self._add(tuple(labels))

    def _add(self, labels: tuple[Label, ...]) -> None:
        self._labels += labels
        self._by_id |= {label.id: label for label in labels}
        for label in labels:
            for name in label.all_names():
                other = self._by_name.setdefault(key(name), label)
                if other is not label:
                    raise LabelError(f"labels {other.id!r} and {label.id!r} share the name {name!r}")
            if label.parent and label.parent not in self._by_id:
                raise LabelError(f"label {label.id!r} has the parent {label.parent!r}, which there is not")
        self._index = self._index.with_labels(labels)

    def __iter__(self) -> Iterator[Label]:
        return iter(self._labels)

    def __len__(self) -> int:
        return len(self._labels)

    def get(self, id_: str) -> Label | None:
        """The label with this id, or None."""
        return self._by_id.get(id_)

    def find(self, name: str) -> Label | None:
        """The label that has this id, name, synonym or alias, ignoring case, width and hyphens; or None."""
        return self._by_name.get(key(name))

    def find_with_side(self, name: str) -> tuple[Label, Laterality | None] | None:
        """The label of a name that may say a side, and that side: ``"Hippocampus_L"``, ``"左侧海马"``.

        A label that has the whole name ("left lung") comes first, then without a side of its own. Only labels that
        tell sides apart are found by the rest of a name. None where nothing is found: no label is ever guessed.
        """
        whole = self.find(name)
        if whole is not None:
            return whole, None
        words = key(name).split()
        sides = [word for word in words if word in _SIDES]
        chinese = _SIDES_ZH.match(name.strip())
        if len(sides) == 1:
            rest, side = " ".join(word for word in words if word not in _SIDES), _SIDES[sides[0]]
        elif chinese:
            rest, side = chinese[2], _SIDE_OF_ZH[chinese[1][0]]
        else:
            return None
        sided = self.find(f"{side.value} {rest}")
        if sided is not None:
            return sided, None
        label = self.find(rest)
        return (label, side) if label is not None and label.lateral else None

    def search(self, text: str, limit: int = 20, modality: str = "", recent: Sequence[str] = ()) -> list[Match]:
        """See `SearchIndex.search`."""
        return self._index.search(text, limit, modality, recent)

    def with_labels(self, labels: Iterable[Label]) -> Ontology:
        """This ontology and some labels more, such as a project's own; `LabelError` when a name is taken."""
        larger = copy(self)
        larger._by_id, larger._by_name = dict(self._by_id), dict(self._by_name)
        larger._add(tuple(labels))
        return larger

    @classmethod
    def from_folder(cls, folder: Path) -> Ontology:
        """Read every ``*.json`` of a folder, in order of their names, as one ontology.

        Raises `LabelError` naming the file, entry and field that is wrong, or when there is no file.
        """
        files = sorted(folder.glob("*.json"))
        if not files:
            raise LabelError(f"there is no label file in {folder}")
        return cls(label for file in files for label in read_labels(file))


@cache
def builtin_ontology() -> Ontology:
    """The ontology that ships (resources/ontology), read once."""
    return Ontology.from_folder(Path(str(resources.files("resources"))) / "ontology")
