"""Prompts exactly as MedRegA expects them.

Every wording with a released example is byte-exact (tests/engine/protocol holds them as golden files). `_ORGAN_ZH`
and the sentence about options are quoted in the paper, the project's issues or its training description. The others,
marked as ours, are not published: they follow the nearest published wording.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from engine.protocol.coordinates import normalize_box
from engine.protocol.syntax import tagged_boxes
from engine.protocol.task import AnswerForm, Grounding, Language, Located, ProtocolError, Question, Recognition, Task
from engine.protocol.wording import (
    X_RAY,
    image_phrase,
    modality_phrase,
    require_plain_label,
    require_plain_name,
    require_plain_text,
)

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


_OPENER_EN = "You are a helpful medical assistant. "
_OPENER_ZH = "你是一个医疗助手，"
_BOX_EN = (
    "The region is represented in the form of bounding box, [x1, y1, x2, y2], with integers ranging from 0 to "
    "999. These values correspond to the top left x, top left y, bottom right x, and bottom right y. "
)
_BOX_ZH = (
    "区域用边界框的形式表示，[x1, y1, x2, y2]，整数范围从0到999。"
    "这些值分别对应左上角的x，左上角的y，右下角的x和右下角的y。"
)
_FORMAT_EN = (
    "For each object, please utilize this format to represent the region with its bounding box: "
    '"<ref>object</ref><box>[[x1, y1, x2, y2]]</box>". '
)
_ORGAN_ZH = _OPENER_ZH + "你的任务是定位器官或病灶区域并生成对应的描述。" + _BOX_ZH
_LESION_ZH = (
    _OPENER_ZH
    + "你的任务是定位并描述病种。病种"
    + _BOX_ZH
    + '对于每个病种，请使用这种格式用边界框表示区域："<ref>病种</ref><box>[[x1, y1, x2, y2]]</box>：诊断"。'
)
_FIXED = {
    (Task.REGION_TO_TEXT, Language.EN): (
        _OPENER_EN
        + "Your task is object recognition. You are required to recognize the object in the given region. "
        + _BOX_EN
    ),
    (Task.TEXT_TO_REGION, Language.EN): (
        _OPENER_EN
        + "Your task is object detection. You are required to find all the regions of the given objects. "
        + _BOX_EN
        + _FORMAT_EN
    ),
    # Ours.
    (Task.REGION_TO_TEXT, Language.ZH): (_OPENER_ZH + "你的任务是目标识别。你需要识别给定区域中的目标。" + _BOX_ZH),
    # Ours.
    (Task.TEXT_TO_REGION, Language.ZH): (
        _OPENER_ZH
        + "你的任务是目标检测。你需要找到给定目标的所有区域。"
        + _BOX_ZH
        + '对于每个目标，请使用这种格式用边界框表示区域："<ref>目标</ref><box>[[x1, y1, x2, y2]]</box>"。'
    ),
    # 影响结论 is a slip of the released prompt, which the model has learnt with it.
    (Task.REPORT, Language.ZH): (
        _OPENER_ZH
        + "你的任务是生成诊断报告。请为这张医学影像撰写诊断报告，需包括影像诊断和影像结论两部分。"
        + "影像诊断描述可见信息，影响结论列举最终的诊断结果。"
    ),
}
_VQA = {
    Language.EN: _OPENER_EN + "You are required to answer the question based on the medical image. ",
    Language.ZH: _OPENER_ZH + "你需要根据医学图像回答问题。",
}
_WITH_OPTIONS = {
    Language.EN: "Please answer the question with the given options. ",
    Language.ZH: "请从给定的选项中回答问题。",  # ours
}
_BRIEFLY = {
    Language.EN: " Answer the question using a single word or phrase.",
    Language.ZH: "请用词或短语回答问题。",
}
_RECOGNITION_EN = {
    Recognition.DISEASE: ("disease diagnosis", "diagnoses"),
    Recognition.ORGAN: ("image classification", "organs"),
    Recognition.TISSUE: ("image classification", "tissues"),
}
# Ours, as all Chinese words for a diagnosis.
_RECOGNITION_ZH = {
    Recognition.DISEASE: ("疾病诊断", "诊断", "请诊断这张{image}中的疾病。"),
    Recognition.ORGAN: ("图像分类", "器官", "请识别这张{image}中的器官。"),
    Recognition.TISSUE: ("图像分类", "组织", "请识别这张{image}中的组织。"),
}


def user_text(question: Question) -> str:
    """The human turn as MedRegA's data records hold it: preamble, image marker, line feed, question.

    Raises `ProtocolError` when the question lacks what it asks about, or something in it could be read as markup.
    """
    require_whole(question)
    return preamble(question) + IMAGE_MARKER + "\n" + _found(question) + question_text(question)


def preamble(question: Question) -> str:
    """What stands before the image: the same for all questions of a kind, so that the runtime evaluates it once."""
    fixed = _FIXED.get((question.task, question.language))
    if fixed is not None:
        return fixed
    if question.task is Task.VQA:
        offered = _WITH_OPTIONS[question.language] if question.form is AnswerForm.OPTION else ""
        return _VQA[question.language] + offered
    if question.task is Task.DIAGNOSIS:
        return _diagnosis_preamble(question)
    if question.task is Task.REPORT:
        return (
            _OPENER_EN + f"Your task is report generation. You are given {_radiograph(question)}, and you are required "
            "to generate a medical report consisting of findings and impressions based on the image. "
        )
    if question.language is Language.ZH:
        return _LESION_ZH if question.grounding is Grounding.LESION else _ORGAN_ZH
    thing = "lesion" if question.grounding is Grounding.LESION else "organ"
    # Only the one for organs of a chest X-ray is published.
    return (
        _OPENER_EN + f"Your task is report phrase grounding. You are given {_radiograph(question)}, and you are "
        f"required to locate the region and generate a report for the given {thing}. " + _BOX_EN + _FORMAT_EN
    )


def _radiograph(question: Question) -> str:
    # MedRegA wrote English reports of chest X-rays only: one without a body part is taken for one.
    chest = question.modality in X_RAY and not question.body_part
    return image_phrase(question.modality, "CHEST" if chest else question.body_part, Language.EN)


def _diagnosis_preamble(question: Question) -> str:
    labels = "".join(f"{label}\n" for label in question.options)
    none = question.none_label
    if question.language is Language.ZH:
        image = image_phrase(question.modality, question.body_part, Language.ZH)
        task, things, _ = _RECOGNITION_ZH[question.recognition]
        explained = f'"{none}"表示没有发现疾病。' if none else ""
        return f"{_OPENER_ZH}你的任务是{task}。这是一张{image}。可能的{things}有：\n{labels}{explained}"
    image = image_phrase(question.modality, question.body_part, Language.EN)
    task, things = _RECOGNITION_EN[question.recognition]
    # MedRegA explains "No Finding" as "No finding".
    explained = f'"{none[:1]}{none[1:].lower()}" means no diseases are detected. ' if none else ""
    return f"{_OPENER_EN}Your task is {task}. You are given {image}. The possible {things} are:\n{labels}{explained}"


def question_text(question: Question) -> str:
    """The question's own sentence, what stands after the image; a report has none."""
    chinese = question.language is Language.ZH
    if question.task is Task.REPORT:
        return ""
    if question.task is Task.VQA:
        return _vqa_text(question)
    if question.task is Task.DIAGNOSIS:
        image = image_phrase(question.modality, question.body_part, question.language)
        if chinese:
            return _RECOGNITION_ZH[question.recognition][2].format(image=image)
        verb = "diagnose" if question.recognition is Recognition.DISEASE else "classify"
        return f"Please {verb} the {question.recognition.value} in the {image.partition(' ')[2]}."
    where = modality_phrase(question.modality, question.language)
    if question.task is Task.REGION_TO_TEXT:
        assert question.box is not None
        box = _boxes(Located("", (question.box,)), question)
        return (
            f"这张{where}中的<ref>该区域</ref>{box}是什么？"
            if chinese
            else f"What is <ref>this</ref>{box} in this {where}?"
        )
    names = ", ".join(f"<ref>{name}</ref>" for name in question.names)
    if question.task is Task.TEXT_TO_REGION:
        return f"请在这张{where}中定位{names}。" if chinese else f"Please locate {names} in this {where}."
    if names:
        # No full stop: the released examples have none.
        return (
            f"请定位并描述这张医学影像中的{names}"
            if chinese
            else f"Please locate the region and describe the condition of {names}"
        )
    lesion = question.grounding is Grounding.LESION
    if chinese:
        return f"请定位并描述{where}中的{'病变区域' if lesion else '器官'}。"
    thing = "lesion" if lesion else "organ"
    return f"Please locate the regions and describe the condition of each {thing} in this {where}."


def _vqa_text(question: Question) -> str:
    options = ""
    if question.form is AnswerForm.OPTION:
        # Ours: the released examples hold no question with options.
        options = "".join(f"\n{chr(ord('A') + i)}: {option}" for i, option in enumerate(question.options)) + "\n"
    briefly = "" if question.form is AnswerForm.SENTENCES else _BRIEFLY[question.language]
    return question.text + options + (briefly.lstrip() if options else briefly)


def _found(question: Question) -> str:
    """The regions of a first pass, before the question. Ours: MedRegA's Regional CoT prompt is not published."""
    if not question.found:
        return ""
    regions = ", ".join(f"<ref>{item.name}</ref>{_boxes(item, question)}" for item in question.found)
    if question.language is Language.ZH:
        return f"图像中有以下区域：{regions}。"
    return f"The image has these regions: {regions}. "


def _boxes(item: Located, question: Question) -> str:
    return tagged_boxes(normalize_box(box, question.width, question.height) for box in item.boxes)


def require_whole(question: Question) -> None:
    """Raise `ProtocolError` unless the question has what its task needs, in words that can stand in a prompt."""
    task = question.task
    if task is Task.REGION_TO_TEXT and question.box is None:
        raise ProtocolError("a region-to-text question needs a box")
    if task is Task.TEXT_TO_REGION and not question.names:
        raise ProtocolError("a text-to-region question needs at least one name")
    for name in question.names:
        require_plain_name(name)
    for item in question.found:
        require_plain_name(item.name)
        if not item.boxes:
            raise ProtocolError(f"the region {item.name!r} to be written into the question has no box")
    if task is Task.VQA:
        require_plain_text(question.text)
        if question.form is AnswerForm.OPTION:
            _require_options(question, "a question with options")
            if len(question.options) > 26:
                raise ProtocolError(f"{len(question.options)} options are more than the letters A to Z can name")
    if task is Task.DIAGNOSIS:
        _require_options(question, "a diagnosis")
        for label in question.options:
            require_plain_label(label)
        if question.none_label and question.none_label not in question.options:
            raise ProtocolError(f"{question.none_label!r}, which means that no other label holds, is not in the list")


def _require_options(question: Question, what: str) -> None:
    if len(question.options) < 2:
        raise ProtocolError(f"{what} needs at least two labels to choose from")
    for option in question.options:
        require_plain_name(option)
    if len({option.casefold() for option in question.options}) < len(question.options):
        raise ProtocolError(f"{what} names one label twice")


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
    """The whole turn for a question. Raises `ProtocolError` as `user_text` does."""
    return prompt_from_user_text(user_text(question))
