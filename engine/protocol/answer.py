"""Answers in MedRegA's syntax: written for training, parsed whatever a model makes of it."""

from __future__ import annotations

import re

from engine.protocol.coordinates import NormalizedBox, denormalize_box, normalize_box
from engine.protocol.grammar import NOT_PRESENT
from engine.protocol.task import Answer, Language, Located, Question, Task
from engine.regions import RegionError

_MARKUP = re.compile(r"</?(?:box|quad|img)>|<IMG_CONTEXT>|<\|im_(?:start|end)\|>")
_TAG = re.compile(rf"</?ref>|{_MARKUP.pattern}")
_REF = re.compile(r"<ref>([^<]*)</ref>")
_NUMBER = r"\s*[0-9]{1,4}\s*"
_ONE = rf"\[{_NUMBER},{_NUMBER},{_NUMBER},{_NUMBER}\]"
# Double or single brackets. Every repeat has only one way to match: no answer can make the search slow.
_BOXES = re.compile(rf"\[\s*{_ONE}(?:\s*,\s*{_ONE})*\s*\]|{_ONE}")
_BOX = re.compile(_ONE)
_ANY_BRACKET = re.compile(r"\[[^\[\]]*\]?|\]")
_ABSENT = re.compile("|".join(re.escape(words) for words in NOT_PRESENT.values()))
_SEPARATORS = " \t\r\n,，;；:：。."
_COLON = {Language.EN: ": ", Language.ZH: "："}


def write_located(located: tuple[Located, ...], width: int, height: int, language: Language) -> str:
    """The canonical text-to-region answer: ``<ref>name</ref><box>[[x1, y1, x2, y2]]</box>, ...``."""
    pieces = []
    for item in located:
        if item.not_present:
            pieces.append(f"<ref>{item.name}</ref>{_COLON[language]}{NOT_PRESENT[language]}")
            continue
        boxes = (normalize_box(box, width, height) for box in item.boxes)
        inner = ", ".join("[" + ", ".join(str(v) for v in box) + "]" for box in boxes)
        pieces.append(f"<ref>{item.name}</ref><box>[{inner}]</box>")
    return ", ".join(pieces)


def parse_answer(raw: str, question: Question) -> Answer:
    """Read an answer: tagged, bare (``name[[...]]``), single-bracketed or wrapped in a sentence.

    Never raises and never invents a box: what is not four integers 0..999 with an area is left out and
    marks the answer as malformed, as does a box that cannot be told whose it is.
    """
    if question.task is Task.REGION_TO_TEXT:
        text = _plain(raw)
        return Answer(raw, text, (Located(text),) if text else (), malformed=not text)
    return _parse_located(raw, question)


def _plain(raw: str) -> str:
    return " ".join(_ANY_BRACKET.sub(" ", _TAG.sub("", raw)).split()).strip(_SEPARATORS)


def _parse_located(raw: str, question: Question) -> Answer:
    text = _MARKUP.sub("", raw)
    located: list[Located] = []
    malformed = False
    position = 0
    for match in _BOXES.finditer(text):
        between = text[position : match.start()]
        position = match.end()
        malformed |= "[" in between or "]" in between
        absent, name = _split_absent(between, question.names)
        located += absent
        boxes = []
        for one in _BOX.findall(match.group()):
            x1, y1, x2, y2 = (int(value) for value in re.findall("[0-9]+", one))
            normalized: NormalizedBox = (x1, y1, x2, y2)
            try:
                boxes.append(denormalize_box(normalized, question.width, question.height))
            except RegionError:
                malformed = True
        if not boxes:
            continue
        if name:
            located.append(Located(name, tuple(boxes)))
        elif located and located[-1].boxes:
            # ``name[1, 2, 3, 4], [5, 6, 7, 8]``: the second box is the same thing's.
            located[-1] = Located(located[-1].name, (*located[-1].boxes, *boxes))
        elif len(question.names) == 1:
            located.append(Located(question.names[0], tuple(boxes)))
        else:
            malformed = True
    rest = text[position:]
    malformed |= "[" in rest or "]" in rest
    located += _split_absent(rest, question.names)[0]
    absent_words = _COLON[question.language] + NOT_PRESENT[question.language]
    said = ", ".join(item.name + absent_words * item.not_present for item in located)
    return Answer(raw, said or _plain(raw), tuple(located), malformed or not located)


def _split_absent(text: str, asked: tuple[str, ...]) -> tuple[list[Located], str]:
    """The names that `text` says are absent, and the name left at its end, empty if there is none."""
    absent: list[Located] = []
    name = ""
    for piece in re.split("(?=<ref>)", text):
        tagged = _REF.match(piece)
        if tagged:
            name = tagged.group(1).strip()
            piece = piece[tagged.end() :]
        *gone, last = _ABSENT.split(_TAG.sub("", piece))
        for words in gone:
            missing = name or _bare_name(words, asked) or (asked[0] if len(asked) == 1 else "")
            if missing:
                absent.append(Located(missing, not_present=True))
            name = ""
        if not name:
            name = _bare_name(last, asked)
    return absent, name


def _bare_name(text: str, asked: tuple[str, ...]) -> str:
    """The one asked name in a run of words (``The liver is at``); the words themselves if none or several are."""
    words = " ".join(_ANY_BRACKET.sub(" ", text).split()).strip(_SEPARATORS)
    held = sorted((name for name in asked if name.casefold() in words.casefold()), key=len)
    if held and all(name in held[-1] for name in held):
        return held[-1]
    return words
