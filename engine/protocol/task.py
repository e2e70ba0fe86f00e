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
    """One or several labels of a list: diseases, or as `Recognition` says organs or tissues."""


class Language(StrEnum):
    """The two languages of prompts and answers."""

    EN = "en"
    ZH = "zh"


class Grounding(StrEnum):
    """What a grounded report describes; each has a prompt of its own."""

    CHEST = "chest"
    """The structures of a chest X-ray."""
    LESION = "lesion"
    ORGAN = "organ"


class AnswerForm(StrEnum):
    """What a VQA question wants to hear."""

    PHRASE = "phrase"
    """A word or a phrase, MedRegA's open questions."""
    YES_NO = "yes_no"
    """Its closed questions: asked in the same words, answered with yes or no."""
    OPTION = "option"
    """One of the question's options."""
    SENTENCES = "sentences"
    """As many words as it takes; not a form MedRegA was trained on."""


class Recognition(StrEnum):
    """What the labels of a diagnosis are; organs and tissues are MedRegA's image classification."""

    DISEASE = "disease"
    ORGAN = "organ"
    TISSUE = "tissue"


@dataclass(frozen=True, slots=True)
class Located:
    """One thing an answer names: its boxes in slice pixels, none when it only names it.

    not_present : the answer says in words that it is not in the image.
    """

    name: str
    boxes: tuple[Box, ...] = ()
    not_present: bool = False


@dataclass(frozen=True, slots=True)
class Question:
    """One question about one slice.

    width, height : of the slice in pixels; boxes are in its pixel coordinates.
    modality : DICOM modality code (``"CT"``, ``"MR"`` ...), worded by the prompt. body_part : DICOM body part
        examined (``"CHEST"``), which makes an X-ray a chest X-ray.
    box : the region asked about (region-to-text).
    names : what to look for (text-to-region) or to describe (grounded report; everything when empty).
    text, form : a VQA question as a person wrote it, and what it wants to hear.
    options : the allowed answers of a VQA question with options, the possible labels of a diagnosis.
    several : more than one label of a diagnosis may hold. none_label : the one of `options` that means none of the
        others, such as ``"No finding"``.
    found : regions written into the prompt before the question, the second pass of Regional CoT.
    """

    task: Task
    language: Language
    width: int
    height: int
    modality: str = "CT"
    box: Box | None = None
    names: tuple[str, ...] = ()
    body_part: str = ""
    text: str = ""
    form: AnswerForm = AnswerForm.PHRASE
    options: tuple[str, ...] = ()
    several: bool = False
    none_label: str = ""
    recognition: Recognition = Recognition.DISEASE
    grounding: Grounding = Grounding.ORGAN
    found: tuple[Located, ...] = ()


@dataclass(frozen=True, slots=True)
class Sentence:
    """One description of a grounded report with the things it is about, none where it names none."""

    text: str
    located: tuple[Located, ...] = ()


class SectionKind(StrEnum):
    """The two parts of MedRegA's reports."""

    FINDINGS = "findings"
    """What is seen: ``Findings:``, ``影像诊断：``."""
    IMPRESSION = "impression"
    """What it means: ``Impression:``, ``影像结论：``."""


@dataclass(frozen=True, slots=True)
class Section:
    """One part of a report, without its heading."""

    kind: SectionKind
    text: str


@dataclass(frozen=True, slots=True)
class Answer:
    """A parsed answer. raw : the model's text, untouched. text : the same without tags and boxes.

    located : everything it names a place for, also of a grounded report. sentences : of a grounded report.
    sections : of a report. labels : of a diagnosis, as its question writes them, each once.
    option : of a VQA question with options or of a yes-no question, None when the answer is none of them.
    malformed : something in it looked like a box, a label or an option but was not one; such parts are left out,
    never guessed.
    """

    raw: str
    text: str
    located: tuple[Located, ...] = ()
    malformed: bool = False
    sentences: tuple[Sentence, ...] = ()
    sections: tuple[Section, ...] = ()
    labels: tuple[str, ...] = ()
    option: str | None = None
