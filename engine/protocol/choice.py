"""Answers that choose: the labels of a diagnosis, the option of a question.

Strict on purpose: "no pneumonia" holds the label "pneumonia" and means the opposite.
"""

from __future__ import annotations

import re

from engine.protocol.task import AnswerForm, Language, Question

YES_NO = {Language.EN: ("yes", "no"), Language.ZH: ("是", "否")}
"""The answers to a closed question."""

_LEAD = re.compile(
    r"(?:the\s+)?(?:answer|diagnosis|diagnoses|option|label|organ|tissue)\s*(?:is|are|[:：])\s*[:：]?\s*"
    r"|(?:答案|诊断|选项|结论)(?:为|是)?\s*[:：]?\s*",
    re.IGNORECASE,
)
_LETTER = re.compile(r"\(?([A-Za-z])(?:[.:：)、]|\s*$)\s*")
_YES_NO = re.compile(
    r"(?P<yes>yes\b|是(?!否|不)|有(?!没有))"
    r"|(?P<no>no(?=\s*(?:[,.;:!，。；：]|$)|\s+(?:there|it|evidence|signs?)\b)|否|不是|不(?=[,，。]|$)|没有|无(?![法从]))",
    re.IGNORECASE,
)
_ENDS = " \t\r\n.。;；!！\"'“”"


def read_labels(text: str, question: Question) -> tuple[tuple[str, ...], bool]:
    """The labels of the question that an answer names, each once, and whether it is malformed.

    Malformed is a piece that is no label, more labels than may hold, or a label beside the one that denies all.
    """
    by_name = _by_name(question)
    found: dict[str, None] = {}
    malformed = False
    for piece in re.split(r"[,，;；、\n]", text):
        words = piece.strip(_ENDS)
        label = by_name.get(words.casefold()) or by_name.get(_without_lead(words).casefold())
        if label is not None:
            found[label] = None
        else:
            malformed |= bool(words)
    labels = tuple(found)
    if not question.several and len(labels) > 1:
        return labels[:1], True
    if question.none_label in labels and len(labels) > 1:
        return tuple(label for label in labels if label != question.none_label), True
    return labels, malformed or not labels


def read_option(text: str, question: Question) -> str | None:
    """The option an answer chooses, by its words or its letter; None when it chooses none."""
    words = _without_lead(text.strip(_ENDS))
    if question.form is AnswerForm.YES_NO:
        said = _YES_NO.match(words)
        return None if said is None else YES_NO[question.language][0 if said.group("yes") else 1]
    if question.form is not AnswerForm.OPTION:
        return None
    by_name = _by_name(question)
    if words.casefold() in by_name:
        return by_name[words.casefold()]
    letter = _LETTER.match(words)
    if letter is None:
        return None
    number = ord(letter.group(1).upper()) - ord("A")
    rest = words[letter.end() :].strip(_ENDS)
    if number >= len(question.options):
        return None
    option = question.options[number]
    # A letter that contradicts its words chooses nothing.
    return option if not rest or by_name.get(rest.casefold()) == option else None


def _by_name(question: Question) -> dict[str, str]:
    names = {option.strip(_ENDS).casefold(): option for option in reversed(question.options)}
    names.pop("", None)
    return names


def _without_lead(words: str) -> str:
    lead = _LEAD.match(words)
    return words[lead.end() :].strip(_ENDS) if lead else words
