"""Labels that people add themselves."""

from __future__ import annotations

import hashlib
import re

from engine.labels.label import OWN_PREFIX, Kind, Label, LabelError
from engine.labels.names import key
from engine.labels.ontology import Ontology

_NOT_SLUG = re.compile(r"[^0-9a-z]+")
_FORBIDDEN = re.compile(r"[\[\]<>|\x00-\x1f\x7f\u2028\u2029\ud800-\udfff]")
"""Marks of MedRegA's answer syntax and control characters: a name with one could not be asked for."""
LONGEST_NAME = 80


class NameTakenError(LabelError):
    """A new label's name belongs to a label already. label : whose, so that it can be offered instead."""

    def __init__(self, name: str, label: Label) -> None:
        super().__init__(
            f"{name!r} is already a name of the label {label.en!r} ({label.zh}): use that one or choose another name"
        )
        self.name = name
        self.label = label


def own_label(en: str, zh: str, known: Ontology, *, kind: Kind = Kind.FINDING, lateral: bool = False) -> Label:
    """A new label of a project. A name in one language only stands for both.

    Its id depends on its names alone: the same label added in two places is the same label.
    Raises `NameTakenError` when a label of `known` has one of the names, as name, synonym, alias or id; `LabelError`
    when there is no name, or one is too long or holds a character that a question to a model may not hold.
    """
    en, zh = en.strip(), zh.strip()
    if not en and not zh:
        raise LabelError("a new label needs a name in English or in Chinese")
    en, zh = en or zh, zh or en
    for name in (en, zh):
        forbidden = _FORBIDDEN.search(name)
        if forbidden:
            raise LabelError(f"the name {name!r} holds the character {forbidden.group()!r}, which a name may not hold")
        if len(name) > LONGEST_NAME:
            raise LabelError(f"the name {name[:20]!r}... has {len(name)} characters: use at most {LONGEST_NAME}")
        taken = known.find(name)
        if taken is not None:
            raise NameTakenError(name, taken)
    slug = _NOT_SLUG.sub("-", key(en)).strip("-")[:40].strip("-")
    mark = hashlib.sha256(f"{key(en)}\n{key(zh)}".encode()).hexdigest()[:8]
    return Label("".join((OWN_PREFIX, slug, "-" if slug else "", mark)), en, zh, kind=kind, lateral=lateral)
