"""The label sets of a database: people's own ones, and which set each modality uses."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from engine.labels import LabelError, LabelScheme, Ontology

_FORMAT = "medrega-label-sets"
_WHERE = "the label sets of this database"


@dataclass(frozen=True, slots=True)
class LabelSets:
    """own : in the order in which they were made. chosen : modality to the id of its set.

    binding : modality to the id of the set among whose names alone the model chooses, where that is the one in use.
    unread : what could not be read as a set, such as one of a newer version; it is written back as it was.
    """

    own: tuple[LabelScheme, ...] = ()
    chosen: Mapping[str, str] = field(default_factory=dict)
    unread: tuple[Any, ...] = ()
    binding: Mapping[str, str] = field(default_factory=dict)

    def with_scheme(self, scheme: LabelScheme) -> LabelSets:
        """These with a set more, or with another content for the one of that id."""
        if any(one.id == scheme.id for one in self.own):
            return replace(self, own=tuple(scheme if one.id == scheme.id else one for one in self.own))
        return replace(self, own=(*self.own, scheme))

    def without_scheme(self, scheme_id: str) -> LabelSets:
        """These without a set; modalities that used it go back to their default."""
        chosen = {modality: id for modality, id in self.chosen.items() if id != scheme_id}
        return replace(self, own=tuple(one for one in self.own if one.id != scheme_id), chosen=chosen)

    def with_choice(self, modality: str, scheme_id: str) -> LabelSets:
        """These with another set for a modality."""
        return replace(self, chosen={**self.chosen, modality: scheme_id})

    def with_binding(self, modality: str, scheme_id: str) -> LabelSets:
        """These with a set that is binding for the model on scans of a modality, none for ""."""
        others = {other: id for other, id in self.binding.items() if other != modality}
        return replace(self, binding={**others, modality: scheme_id} if scheme_id else others)

    def to_text(self) -> str:
        """As the store keeps it; `read_label_sets` gives the same back."""
        schemes = [*(scheme.to_json() for scheme in self.own), *self.unread]
        return json.dumps(
            {
                "format": _FORMAT,
                "version": 1,
                "schemes": schemes,
                "chosen": dict(self.chosen),
                "binding": dict(self.binding),
            },
            ensure_ascii=False,
            sort_keys=True,
        )


def read_label_sets(text: str, known: Ontology) -> tuple[LabelSets, list[str]]:
    """What `LabelSets.to_text` wrote, and what of it could not be read, in words.

    Raises `LabelError` when nothing of it can be told: it must not be written over then.
    """
    if not text:
        return LabelSets(), []
    try:
        said = json.loads(text)
    except json.JSONDecodeError as error:
        raise LabelError(f"{_WHERE} are not JSON: {error}") from error
    if not isinstance(said, dict) or said.get("format") != _FORMAT or said.get("version") != 1:
        raise LabelError(f"{_WHERE} were written by another version: update MedRegA Desktop to change them")
    schemes, chosen, binding = said.get("schemes"), said.get("chosen"), said.get("binding", {})
    if not isinstance(schemes, list) or not isinstance(chosen, dict) or not isinstance(binding, dict):
        raise LabelError(f"{_WHERE} need a list of 'schemes' and an object 'chosen'")
    own: list[LabelScheme] = []
    unread: list[Any] = []
    problems: list[str] = []
    for number, value in enumerate(schemes):
        try:
            own.append(LabelScheme.from_json(value, known, f"label set {number} of this database"))
        except LabelError as error:
            unread.append(value)
            problems.append(str(error))
    return LabelSets(tuple(own), _texts(chosen), tuple(unread), _texts(binding)), problems


def _texts(said: Mapping[Any, Any]) -> dict[str, str]:
    return {str(key): str(value) for key, value in said.items()}
