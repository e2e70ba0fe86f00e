"""What MedRegA can be asked and what it answers."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from engine.errors import MedRegAError
from engine.regions import Box


class ProtocolError(MedRegAError):
    """A question that cannot be put to the model, such as a name with control characters in it."""


class Task(StrEnum):
    """MedRegA's tasks (Wang et al., ICLR 2025, section 3)."""

    REGION_TO_TEXT = "region_to_text"
    TEXT_TO_REGION = "text_to_region"
    GROUNDED_REPORT = "grounded_report"
    REPORT = "report"
    VQA = "vqa"
    DIAGNOSIS = "diagnosis"


class Language(StrEnum):
    """The two languages of prompts and answers."""

    EN = "en"
    ZH = "zh"


@dataclass(frozen=True, slots=True)
class Question:
    """One question about one slice.

    width, height : of the slice in pixels; boxes are in its pixel coordinates.
    modality : DICOM modality code (``"CT"``, ``"MR"`` ...), worded by the prompt.
    box : the region asked about (region-to-text). names : what to look for (text-to-region).
    """

    task: Task
    language: Language
    width: int
    height: int
    modality: str = "CT"
    box: Box | None = None
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Located:
    """One thing an answer names: its boxes in slice pixels, none when it only names it.

    not_present : the answer says in words that it is not in the image.
    """

    name: str
    boxes: tuple[Box, ...] = ()
    not_present: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """A parsed answer. raw : the model's text, untouched. text : the same without tags and boxes.

    malformed : something in it looked like a box but was not one; such boxes are left out, never guessed.
    """

    raw: str
    text: str
    located: tuple[Located, ...]
    malformed: bool = False
