"""How a kind of image is called in a prompt, and which words may stand in one."""

from __future__ import annotations

import re

from engine.protocol.task import Grounding, Language, ProtocolError

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
# MedRegA calls images differently where it says what it is given.
_GIVEN_EN = {
    "CT": "a CT image",
    "MR": "an MRI image",
    "US": "an ultrasound image",
    "MG": "a mammography image",
    "OPT": "an OCT image",
    "OP": "a fundus image",
    "ES": "an endoscopy image",
    "SM": "a pathology image",
    "DMS": "a dermoscopic image",
}
_GIVEN_X_RAY_EN = {"CHEST": "a chest x-ray image", "SPINE": "a spine x-ray image"}
_GIVEN_X_RAY_ZH = {"CHEST": "胸部X光图像", "SPINE": "脊柱X光图像"}
# Body parts of DICOM PS3.16 annex L that MedRegA has another word for.
_SPINE = {"CSPINE", "TSPINE", "LSPINE", "SSPINE", "CTSPINE", "TLSPINE", "LSSPINE", "WSPINE"}

X_RAY = frozenset({"CR", "DX", "XA", "RF"})
"""DICOM modality codes of projection X-ray, mammography apart."""


def default_grounding(modality: str) -> Grounding:
    """What a grounded report is about where nobody says: the chest's organs on X-rays, else one organ's."""
    return Grounding.CHEST if modality in X_RAY else Grounding.ORGAN


_FORBIDDEN_IN_NAMES = re.compile(r"[\[\]<>|\x00-\x1f\x7f\u2028\u2029]")
_SEPARATES_LABELS = re.compile("[,，;；、]")
_FORBIDDEN_IN_TEXT = re.compile(
    r"<\|[^|<>]*\|>|</?(?:ref|box|quad|img|image)>|<IMG_CONTEXT>|[\x00-\x09\x0b-\x1f\x7f\u2028\u2029]", re.IGNORECASE
)


def modality_phrase(modality: str, language: Language) -> str:
    """How a DICOM modality code (PS3.3 C.7.3.1.1.1) is worded in a question about regions."""
    if language is Language.ZH:
        return _MODALITY_ZH.get(modality, "医学图像")
    return _MODALITY_EN.get(modality, "medical image")


def image_phrase(modality: str, body_part: str, language: Language) -> str:
    """What a diagnosis or a report says it is given: English with its article, ``"a chest x-ray image"``."""
    part = body_part.strip().upper()
    part = "SPINE" if part in _SPINE else part
    if modality in X_RAY:
        if language is Language.ZH:
            return _GIVEN_X_RAY_ZH.get(part, "X光图像")
        return _GIVEN_X_RAY_EN.get(part, "an X-ray image")
    if language is Language.ZH:
        return "乳腺X光图像" if modality == "MG" else modality_phrase(modality, language)
    return _GIVEN_EN.get(modality, "a medical image")


def require_plain_name(name: str) -> None:
    """Raise `ProtocolError` unless `name` can stand in a prompt: no markup, no control characters, not empty."""
    if not name.strip():
        raise ProtocolError("a name to look for is empty")
    found = _FORBIDDEN_IN_NAMES.search(name)
    if found:
        raise ProtocolError(f"the name {name!r} holds the character {found.group()!r}, which a name may not hold")


def require_plain_label(label: str) -> None:
    """Raise `ProtocolError` unless `label` can be one of several in an answer: a plain name without separators."""
    require_plain_name(label)
    found = _SEPARATES_LABELS.search(label)
    if found:
        raise ProtocolError(f"the label {label!r} holds {found.group()!r}, which separates the labels of an answer")


def require_plain_text(text: str) -> None:
    """Raise `ProtocolError` unless `text` can be a question: words, also ``a < b``, but no tags of the model's."""
    if not text.strip():
        raise ProtocolError("the question is empty")
    found = _FORBIDDEN_IN_TEXT.search(text)
    if found:
        raise ProtocolError(f"the question holds {found.group()!r}, which means something else to the model")
