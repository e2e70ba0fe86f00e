"""Prompts exactly as MedRegA expects them.

The wordings that have a released example are byte-exact (tests/engine/protocol holds them as golden files);
the Chinese region-to-text and text-to-region preambles are not published and follow the published Chinese
lesion-grounding preamble.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from engine.protocol.coordinates import normalize_box
from engine.protocol.task import Language, ProtocolError, Question, Task

IMAGE_MARKER = "<image>"
"""Stands for the image in a prompt's text, as in MedRegA's data records."""

SYSTEM = "Answer the questions."
"""System text of the Hermes-2 template MedRegA was trained with."""


class PartKind(StrEnum):
    """How the runtime must tokenise a part of a prompt."""

    TEMPLATE = "template"
    """Ours: turn tokens such as ``<|im_start|>`` become control tokens."""
    TEXT = "text"
    """May hold words from people or files: never becomes a control token."""
    IMAGE = "image"


@dataclass(frozen=True, slots=True)
class PromptPart:
    """One piece of a prompt, tokenised on its own so that no text can become a control token."""

    kind: PartKind
    text: str


@dataclass(frozen=True, slots=True)
class Prompt:
    """A whole turn, ready to be answered: template, preamble, image, question, template."""

    parts: tuple[PromptPart, ...]

    @property
    def text(self) -> str:
        """The prompt as one string, the image marker included."""
        return "".join(part.text for part in self.parts)


_BOX_EN = (
    "The region is represented in the form of bounding box, [x1, y1, x2, y2], with integers ranging from 0 to "
    "999. These values correspond to the top left x, top left y, bottom right x, and bottom right y. "
)
_BOX_ZH = (
    "区域用边界框的形式表示，[x1, y1, x2, y2]，整数范围从0到999。"
    "这些值分别对应左上角的x，左上角的y，右下角的x和右下角的y。"
)
_PREAMBLES = {
    (Task.REGION_TO_TEXT, Language.EN): (
        "You are a helpful medical assistant. Your task is object recognition. "
        "You are required to recognize the object in the given region. " + _BOX_EN
    ),
    (Task.TEXT_TO_REGION, Language.EN): (
        "You are a helpful medical assistant. Your task is object detection. "
        "You are required to find all the regions of the given objects. " + _BOX_EN + "For each object, please utilize "
        'this format to represent the region with its bounding box: "<ref>object</ref><box>[[x1, y1, x2, y2]]</box>". '
    ),
    (Task.REGION_TO_TEXT, Language.ZH): (
        "你是一个医疗助手，你的任务是目标识别。你需要识别给定区域中的目标。" + _BOX_ZH
    ),
    (Task.TEXT_TO_REGION, Language.ZH): (
        "你是一个医疗助手，你的任务是目标检测。你需要找到给定目标的所有区域。"
        + _BOX_ZH
        + '对于每个目标，请使用这种格式用边界框表示区域："<ref>目标</ref><box>[[x1, y1, x2, y2]]</box>"。'
    ),
}

_MODALITY_EN = {
    "CT": "CT scan",
    "MR": "MRI scan",
    "US": "ultrasound image",
    "CR": "X-ray image",
    "DX": "X-ray image",
    "MG": "X-ray image",
    "XA": "X-ray image",
    "RF": "X-ray image",
    "OPT": "OCT image",
    "OP": "fundus image",
    "ES": "endoscopy image",
    "SM": "histopathology image",
    "DMS": "dermoscopy image",
}
_MODALITY_ZH = {
    "CT": "CT图像",
    "MR": "MRI图像",
    "US": "超声图像",
    "CR": "X光图像",
    "DX": "X光图像",
    "MG": "X光图像",
    "XA": "X光图像",
    "RF": "X光图像",
    "OPT": "OCT图像",
    "OP": "眼底图像",
    "ES": "内镜图像",
    "SM": "病理图像",
    "DMS": "皮肤镜图像",
}

_FORBIDDEN_IN_NAMES = re.compile(r"[\[\]<>|\x00-\x1f\x7f\u2028\u2029]")


def modality_phrase(modality: str, language: Language) -> str:
    """How a DICOM modality code (PS3.3 C.7.3.1.1.1) is worded in a question."""
    if language is Language.ZH:
        return _MODALITY_ZH.get(modality, "医学图像")
    return _MODALITY_EN.get(modality, "medical image")


def question_text(question: Question) -> str:
    """The question's own sentence, what stands after the image.

    Raises `ProtocolError` when the question lacks its box or its names, or a name could be read as markup.
    """
    where = modality_phrase(question.modality, question.language)
    if question.task is Task.REGION_TO_TEXT:
        if question.box is None:
            raise ProtocolError("a region-to-text question needs a box")
        x1, y1, x2, y2 = normalize_box(question.box, question.width, question.height)
        box = f"<box>[[{x1}, {y1}, {x2}, {y2}]]</box>"
        if question.language is Language.ZH:
            return f"这张{where}中的<ref>该区域</ref>{box}是什么？"
        return f"What is <ref>this</ref>{box} in this {where}?"
    if question.task is Task.TEXT_TO_REGION:
        if not question.names:
            raise ProtocolError("a text-to-region question needs at least one name")
        for name in question.names:
            require_plain_name(name)
        names = ", ".join(f"<ref>{name}</ref>" for name in question.names)
        if question.language is Language.ZH:
            return f"请在这张{where}中定位{names}。"
        return f"Please locate {names} in this {where}."
    raise ProtocolError(f"the task {question.task.value!r} has no prompt yet")


def require_plain_name(name: str) -> None:
    """Raise `ProtocolError` unless `name` can stand in a prompt: no markup, no control characters, not empty."""
    if not name.strip():
        raise ProtocolError("a name to look for is empty")
    found = _FORBIDDEN_IN_NAMES.search(name)
    if found:
        raise ProtocolError(f"the name {name!r} holds the character {found.group()!r}, which a name may not hold")


def user_text(question: Question) -> str:
    """The human turn as MedRegA's data records hold it: preamble, image marker, line feed, question."""
    return preamble(question.task, question.language) + IMAGE_MARKER + "\n" + question_text(question)


def preamble(task: Task, language: Language) -> str:
    """What stands before the image, the same for every question of a task in a language."""
    try:
        return _PREAMBLES[(task, language)]
    except KeyError:
        raise ProtocolError(f"the task {task.value!r} has no prompt yet") from None


def prompt_from_user_text(text: str) -> Prompt:
    """The turn for a human text that holds one image marker, in the Hermes-2 template.

    Raises `ProtocolError` unless the image marker stands in it exactly once.
    """
    before, marker, after = text.partition(IMAGE_MARKER)
    if not marker or IMAGE_MARKER in after:
        raise ProtocolError(f"a prompt needs exactly one {IMAGE_MARKER}")
    parts = [
        PromptPart(PartKind.TEMPLATE, f"<|im_start|>system\n{SYSTEM}<|im_end|><|im_start|>user\n"),
        PromptPart(PartKind.TEXT, before),
        PromptPart(PartKind.IMAGE, IMAGE_MARKER),
        PromptPart(PartKind.TEXT, after),
        PromptPart(PartKind.TEMPLATE, "<|im_end|><|im_start|>assistant\n"),
    ]
    return Prompt(tuple(part for part in parts if part.text))


def render_prompt(question: Question) -> Prompt:
    """The whole turn for a question. Raises `ProtocolError` as `question_text` does."""
    return prompt_from_user_text(user_text(question))
