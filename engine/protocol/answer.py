"""Answers in MedRegA's syntax: written for training, parsed whatever a model makes of it."""

from __future__ import annotations

import re

from engine.protocol.coordinates import NormalizedBox, denormalize_box, normalize_box
from engine.protocol.grammar import NOT_PRESENT
from engine.protocol.task import Answer, Language, Located, Question, Task
from engine.regions import RegionError

_TAG = re.compile(r"</?(?:ref|box|quad|img)>|<IMG_CONTEXT>|<\|im_(?:start|end)\|>")
_NUMBER = r"\s*\d{1,4}\s*"
_ONE = rf"\[{_NUMBER},{_NUMBER},{_NUMBER},{_NUMBER}\]"
# Tagged or bare, double or single brackets; a name is a run of text without brackets before them.
_BOXES = re.compile(rf"\[\s*{_ONE}(?:\s*,\s*{_ONE})*\s*\]|{_ONE}")
_BOX = re.compile(_ONE)
_ANY_BRACKET = re.compile(r"\[[^\[\]]*\]?|\]")
_SEPARATORS = " \t\r\n,，;；:：。."


def write_located(located: tuple[Located, ...], width: int, height: int, language: Language) -> str:
    """The canonical text-to-region answer: ``<ref>name</ref><box>[[x1, y1, x2, y2]]</box>, ...``."""
    colon = "：" if language is Language.ZH else ": "
    pieces = []
    for item in located:
        if item.not_present:
            pieces.append(f"<ref>{item.name}</ref>{colon}{NOT_PRESENT[language]}")
            continue
        boxes = (normalize_box(box, width, height) for box in item.boxes)
        inner = ", ".join("[" + ", ".join(str(v) for v in box) + "]" for box in boxes)
        pieces.append(f"<ref>{item.name}</ref><box>[{inner}]</box>")
    return ", ".join(pieces)


def parse_answer(raw: str, question: Question) -> Answer:
    """Read an answer: tagged, bare (``name[[...]]``), single-bracketed or wrapped in a sentence.

    Never raises and never invents a box: what is not four integers 0..999 with an area is left out and
    marks the answer as malformed.
    """
    if question.task is Task.REGION_TO_TEXT:
        text = _plain(raw)
        return Answer(raw, text, (Located(text),) if text else (), malformed=not text)
    return _parse_located(raw, question)


def _plain(raw: str) -> str:
    return " ".join(_ANY_BRACKET.sub(" ", _TAG.sub("", raw)).split()).strip(_SEPARATORS)


def _parse_located(raw: str, question: Question) -> Answer:
    untagged = _TAG.sub("", raw)
    located: list[Located] = []
    malformed = False
    position = 0
    for match in _BOXES.finditer(untagged):
        before = untagged[position : match.start()]
        malformed |= "[" in before or "]" in before
        absent, name = _split_absent(before, question.language)
        located += absent
        boxes = []
        for one in _BOX.findall(match.group()):
            x1, y1, x2, y2 = (int(v) for v in re.findall(r"\d+", one))
            normalized: NormalizedBox = (x1, y1, x2, y2)
            try:
                boxes.append(denormalize_box(normalized, question.width, question.height))
            except RegionError:
                malformed = True
        if not name and len(question.names) == 1:
            name = question.names[0]
        if boxes and name:
            located.append(Located(name, tuple(boxes)))
        elif boxes:
            malformed = True
        position = match.end()
    rest = untagged[position:]
    malformed |= "[" in rest or "]" in rest
    located += _split_absent(rest, question.language)[0]
    absent_words = NOT_PRESENT[question.language]
    names = [f"{item.name}: {absent_words}" if item.not_present else item.name for item in located]
    return Answer(raw, ", ".join(names), tuple(located), malformed or not located)


def _split_absent(text: str, language: Language) -> tuple[list[Located], str]:
    """The names said to be absent in `text`, and the name left at its end."""
    words = "|".join(re.escape(NOT_PRESENT[one]) for one in Language)
    pieces = re.split(rf"\s*[:：]?\s*(?:{words})", text)
    absent = [Located(name, not_present=True) for name in map(_clean_name, pieces[:-1]) if name]
    return absent, _clean_name(pieces[-1])


def _clean_name(text: str) -> str:
    return " ".join(_ANY_BRACKET.sub(" ", text).split()).strip(_SEPARATORS)
