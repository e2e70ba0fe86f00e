"""Models that write boxes as JSON: Qwen-VL and Gemma.

Qwen2.5-VL: ``[{"bbox_2d": [x1, y1, x2, y2], "label": "name"}]`` in pixels of the image that the model sees; Qwen3-VL
the same in thousandths (their cookbooks on grounding). Gemma 3, MedGemma: ``[{"box_2d": [y0, x0, y1, x1], "label":
"name"}]`` in thousandths, y first.
"""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Sequence
from typing import Any

from engine.models.dialects.base import Dialect, literal, number_rule
from engine.models.dialects.chat import ChatTemplate
from engine.models.dialects.wording import ask_report, ask_what, ask_where
from engine.protocol import Answer, BoxUnit, Language, Located, Question, Sentence, Task
from engine.regions import Box, RegionError

# Flat objects only: no repeat can match in two ways, so no answer can make the search slow.
_OBJECT = re.compile(r"\{[^{}]*\}")
_EMPTY = re.compile(r"\s*(?:```(?:json)?)?\s*\[\s*\]\s*(?:```)?\s*")
_KEYS = ("bbox_2d", "box_2d", "bbox", "box")
_TEXT = '[^"\\\\\\n\\r<>\\[\\]]'
_MOST_OBJECTS = 64
_MOST_CHARACTERS = 1 << 20


class JsonDialect(Dialect):
    """key : of the box in each object. unit : of its numbers."""

    def __init__(self, template: ChatTemplate, unit: BoxUnit, key: str) -> None:
        super().__init__(template, unit)
        self._key = key

    def ask(self, question: Question) -> str:
        if question.task is Task.REGION_TO_TEXT:
            assert question.box is not None
            numbers = self.numbers(Located("", (question.box,)), question)[0]
            return ask_what(question, json.dumps({self._key: numbers}))
        things = ", ".join(_text(name) for name in question.names)
        form = self._form(question)
        return (ask_where if question.task is Task.TEXT_TO_REGION else ask_report)(question, things, form)

    def _form(self, question: Question) -> str:
        corners = "y1, x1, y2, x2" if self.unit.y_first else "x1, y1, x2, y2"
        chinese = question.language is Language.ZH
        words = ("名称", "描述") if chinese else ("name", "description")
        told = f', "description": "{words[1]}"' if question.task is Task.GROUNDED_REPORT else ""
        form = f'[{{"{self._key}": [{corners}], "label": "{words[0]}"{told}}}]'
        if chinese:
            return f"坐标为0到{self.unit.scale}的整数。请用JSON回答：{form}。省略不存在的目标。"
        coordinates = f"Coordinates are integers from 0 to {self.unit.scale}."
        return f"{coordinates} Answer in JSON: {form}. Leave out what is not there."

    def boxes_grammar(self, question: Question, names: tuple[str, ...]) -> str:
        allowed = question.names or names
        report = question.task is Task.GROUNDED_REPORT
        told = literal(', "description": ') + " text " if report else ""
        name = " | ".join(literal(_text(name)) for name in allowed) if allowed else "text"
        opening, label, closing = f'{{"{self._key}": ', literal(', "label": '), literal("}")
        # A fence, as these models like to write one, or none.
        return (
            'root ::= "```json\\n" list "\\n```" | list\n'
            f'list ::= "[]" | "[" ws object ("," ws object){{0,{_MOST_OBJECTS - 1}}} ws "]"\n'
            f"object ::= {literal(opening)} box {label} name {told}{closing}\n"
            f'box ::= "[" n ", " n ", " n ", " n "]"\n'
            f"n ::= {number_rule(self.unit.scale)}\n"
            f"name ::= {name}\n"
            f'text ::= "\\"" {_TEXT}{{1,400}} "\\""\n'
            'ws ::= "" | " " | "\\n" | "\\n\\t" | "\\n  "\n'
        )

    def write_located(self, located: Sequence[Located], question: Question) -> str:
        objects = [
            {self._key: numbers, "label": item.name} for item in located for numbers in self.numbers(item, question)
        ]
        return json.dumps(objects, ensure_ascii=False)

    def write_sentences(self, sentences: Sequence[Sentence], question: Question) -> str:
        """A grounded report as this family writes it."""
        objects = [
            {self._key: numbers, "label": item.name, "description": sentence.text}
            for sentence in sentences
            for item in sentence.located
            for numbers in self.numbers(item, question)
        ]
        return json.dumps(objects, ensure_ascii=False)

    def parse_answer(self, raw: str, question: Question) -> Answer:
        if question.task not in (Task.TEXT_TO_REGION, Task.GROUNDED_REPORT):
            return super().parse_answer(raw, question)
        found, malformed = self._objects(raw[:_MOST_CHARACTERS], question)
        if question.task is Task.TEXT_TO_REGION:
            return _located(raw, found, malformed, question)
        return _report(raw, found, malformed, question)

    def _objects(self, raw: str, question: Question) -> tuple[list[tuple[str, Box, str]], bool]:
        """Name, box and description of each object that has them, and whether there is anything else."""
        found: list[tuple[str, Box, str]] = []
        matches = list(_OBJECT.finditer(raw))
        # What is left of an object that was cut off, or a nested one.
        malformed = raw.count("{") != len(matches) or (not matches and not _EMPTY.fullmatch(raw))
        for match in matches[:_MOST_OBJECTS]:
            try:
                said = json.loads(match.group())
            except (ValueError, RecursionError):
                malformed = True
                continue
            name = _name(said, question)
            boxes, whole = self._boxes(said, question)
            malformed |= not whole or (bool(boxes) and not name)
            description = said.get("description")
            told = " ".join(description.split()) if isinstance(description, str) else ""
            found += [(name, box, told) for box in boxes if name]
        return found, malformed or len(matches) > _MOST_OBJECTS

    def _boxes(self, said: dict[str, Any], question: Question) -> tuple[list[Box], bool]:
        value = next((said[key] for key in (self._key, *_KEYS) if key in said), None)
        # One box, or a list of them.
        several = value if isinstance(value, list) and value and isinstance(value[0], list) else [value]
        boxes, whole = [], True
        for one in several:
            if not isinstance(one, list) or len(one) != 4 or not all(type(number) is int for number in one):
                whole = False
                continue
            try:
                boxes.append(self.unit.read((one[0], one[1], one[2], one[3]), question.width, question.height))
            except RegionError:
                whole = False
        return boxes, whole


def _text(name: str) -> str:
    return json.dumps(name, ensure_ascii=False)


def _name(said: dict[str, Any], question: Question) -> str:
    """The label, as it was asked for where it was; "" where there is none."""
    label = said.get("label")
    words = " ".join(label.split()) if isinstance(label, str) else ""
    asked = {name.casefold(): name for name in question.names}
    if not words and len(question.names) == 1:
        return question.names[0]
    return asked.get(words.casefold(), words)


def _located(raw: str, found: Sequence[tuple[str, Box, str]], malformed: bool, question: Question) -> Answer:
    located: list[Located] = []
    # In the answer's own order: that is how boxes find their tokens' probabilities.
    for name, same in itertools.groupby(found, key=lambda one: one[0]):
        located.append(Located(name, tuple(box for _, box, _ in same)))
    if not malformed:
        # It was told to leave out what is not there.
        named = {item.name for item in located}
        located += [Located(name, not_present=True) for name in question.names if name not in named]
    text = ", ".join(item.name for item in located if item.boxes)
    return Answer(raw, text or " ".join(raw.split())[:400], tuple(located), malformed or not located)


def _report(raw: str, found: Sequence[tuple[str, Box, str]], malformed: bool, question: Question) -> Answer:
    sentences: list[Sentence] = []
    for name, box, told in found:
        last = sentences[-1] if sentences else None
        if last is not None and last.text == told and last.located[-1].name == name:
            # Another box of the same thing.
            boxes = (*last.located[-1].boxes, box)
            sentences[-1] = Sentence(told, (*last.located[:-1], Located(name, boxes)))
        else:
            sentences.append(Sentence(told, (Located(name, (box,)),)))
    named = {name for name, _, _ in found}
    if not malformed:
        gone = [Located(name, not_present=True) for name in question.names if name not in named]
        sentences += [Sentence("", (item,)) for item in gone]
    located = tuple(item for sentence in sentences for item in sentence.located)
    silent = any(not sentence.text and sentence.located[0].boxes for sentence in sentences)
    text = "\n".join(sentence.text for sentence in sentences if sentence.text)
    return Answer(raw, text, located, malformed or silent or not located, sentences=tuple(sentences))
