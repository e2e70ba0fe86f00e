"""Answers in MedRegA's syntax: written for training, parsed whatever a model makes of it."""

from __future__ import annotations

from engine.protocol.choice import read_labels, read_option
from engine.protocol.coordinates import MEDREGA_UNIT, BoxUnit
from engine.protocol.grounded import read_sentences
from engine.protocol.report import read_sections
from engine.protocol.syntax import (
    BOXES,
    COLON,
    MARKUP,
    NOT_PRESENT,
    has_bracket,
    plain,
    prose,
    read_boxes,
    split_absent,
    tagged_boxes,
)
from engine.protocol.task import Answer, AnswerForm, Language, Located, Question, Sentence, Task


def write_located(
    located: tuple[Located, ...], width: int, height: int, language: Language, unit: BoxUnit = MEDREGA_UNIT
) -> str:
    """The canonical text-to-region answer: ``<ref>name</ref><box>[[x1, y1, x2, y2]]</box>, ...``."""
    pieces = []
    for item in located:
        if item.not_present:
            pieces.append(f"<ref>{item.name}</ref>{COLON[language]}{NOT_PRESENT[language]}")
            continue
        boxes = tagged_boxes(unit.write(box, width, height) for box in item.boxes)
        pieces.append(f"<ref>{item.name}</ref>{boxes}")
    return ", ".join(pieces)


def write_sentences(
    sentences: tuple[Sentence, ...], width: int, height: int, language: Language, unit: BoxUnit = MEDREGA_UNIT
) -> str:
    """The canonical grounded report: a line a sentence, ``<ref>name</ref><box>[[...]]</box>, ...: description``.

    A sentence about something that is not there has its absence for description.
    """
    lines = []
    for sentence in sentences:
        line = write_located(sentence.located, width, height, language, unit)
        if not sentence.located:
            line = sentence.text
        elif not sentence.located[-1].not_present:
            line += COLON[language] + sentence.text
        lines.append(line)
    return "\n".join(lines)


def parse_answer(raw: str, question: Question, unit: BoxUnit = MEDREGA_UNIT) -> Answer:
    """Read an answer: tagged, bare (``name[[...]]``), single-bracketed or wrapped in a sentence.

    unit : of the answer's boxes. Never raises and never invents a box, a label or an option: what is not four integers
    0..999 (or of the unit) with an area is left out and marks the answer as malformed, as does a box that cannot be
    told whose it is and a label that is none of the question's.
    """
    task = question.task
    if task is Task.REGION_TO_TEXT:
        text = plain(raw)
        return Answer(raw, text, (Located(text),) if text else (), malformed=not text)
    if task is Task.TEXT_TO_REGION:
        return _parse_located(raw, question, unit)
    if task is Task.GROUNDED_REPORT:
        sentences, malformed = read_sentences(raw, question, unit)
        located = tuple(item for sentence in sentences for item in sentence.located)
        return Answer(raw, prose(raw), located, malformed, sentences=sentences)
    text = prose(raw)
    if task is Task.REPORT:
        return Answer(raw, text, malformed=not text, sections=read_sections(text))
    if task is Task.DIAGNOSIS:
        labels, malformed = read_labels(text, question)
        return Answer(raw, text, malformed=malformed, labels=labels)
    option = read_option(text, question)
    expected = question.form in (AnswerForm.OPTION, AnswerForm.YES_NO)
    return Answer(raw, text, malformed=not text or (expected and option is None), option=option)


def _parse_located(raw: str, question: Question, unit: BoxUnit) -> Answer:
    text = MARKUP.sub("", raw)
    located: list[Located] = []
    malformed = False
    position = 0
    for match in BOXES.finditer(text):
        between = text[position : match.start()]
        position = match.end()
        malformed |= has_bracket(between)
        absent, name = split_absent(between, question.names)
        located += absent
        boxes, whole = read_boxes(match.group(), question, unit)
        malformed |= not whole
        if not boxes:
            continue
        if name:
            located.append(Located(name, boxes))
        elif located and located[-1].boxes:
            # ``name[1, 2, 3, 4], [5, 6, 7, 8]``: the second box is the same thing's.
            located[-1] = Located(located[-1].name, (*located[-1].boxes, *boxes))
        elif len(question.names) == 1:
            located.append(Located(question.names[0], boxes))
        else:
            malformed = True
    rest = text[position:]
    malformed |= has_bracket(rest)
    located += split_absent(rest, question.names)[0]
    absent_words = COLON[question.language] + NOT_PRESENT[question.language]
    said = ", ".join(item.name + absent_words * item.not_present for item in located)
    return Answer(raw, said or plain(raw), tuple(located), malformed or not located)
