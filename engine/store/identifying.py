"""Texts of the database that tell who a patient is, each with what it is: it cannot be told from the text."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum


class IdentifyingKind(StrEnum):
    """What a text is.

    PERSON : a name or a number. They are one kind, for names stand in the number's field, and numbers in the name's.
    PLACE : of a file or a folder.
    """

    PERSON = "person"
    PLACE = "place"


@dataclass(frozen=True, slots=True)
class IdentifyingText:
    """A text as the database has it. Patient data: left out of ``repr``."""

    kind: IdentifyingKind
    text: str = field(repr=False)
