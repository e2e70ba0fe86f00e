"""Models that write boxes between tags, as MedRegA does, but in thousandths: InternVL and MedMO.

InternVL 2.5 and 3: ``<ref>name</ref><box>[[x1, y1, x2, y2]]</box>``, 0 to 1000 (its documentation on grounding).
MedMO (arXiv 2602.06965): ``name <box>[[x1, y1, x2, y2], [...]]</box>`` on Qwen3-VL's scale of 0 to 1000.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from engine.models.dialects.base import Dialect, literal, number_rule
from engine.models.dialects.chat import ChatTemplate
from engine.models.dialects.wording import ask_report, ask_what, ask_where
from engine.protocol import NOT_PRESENT, BoxUnit, Language, Located, Question, Task, absent_words

_COLON = {Language.EN: ": ", Language.ZH: "："}
_PHRASE = "[^<>\\[\\]\\n\\r :：,，.。;；] [^<>\\[\\]\\n\\r:：,，]{0,79}"
_LINE = "line ::= [^<>\\[\\]\\n\\r :：,，.。;；、] [^<>\\[\\]\\n\\r]*\n"
_MOST_THINGS = 32
_THOUSANDTHS = BoxUnit(1000)


class TaggedDialect(Dialect):
    """tagged : whether names stand between ``<ref>`` and ``</ref>``, or bare before their boxes."""

    def __init__(self, template: ChatTemplate, *, tagged: bool) -> None:
        super().__init__(template, _THOUSANDTHS)
        self._tagged = tagged

    def ask(self, question: Question) -> str:
        if question.task is Task.REGION_TO_TEXT:
            assert question.box is not None
            return ask_what(question, self._boxes(Located("", (question.box,)), question))
        things = ", ".join(self._name(name) for name in question.names)
        form = self._form(question)
        return (ask_where if question.task is Task.TEXT_TO_REGION else ask_report)(question, things, form)

    def _form(self, question: Question) -> str:
        box = "<box>[[x1, y1, x2, y2]]</box>"
        if question.language is Language.ZH:
            end = "：描述" if question.task is Task.GROUNDED_REPORT else ""
            return f"坐标为0到1000的整数，每个目标的格式为“{self._mark('名称')}{box}{end}”，不存在的目标写“未见”。"
        end = ": description" if question.task is Task.GROUNDED_REPORT else ""
        return (
            f'Coordinates are integers from 0 to 1000. Answer in the form "{self._mark("name")}{box}{end}"; '
            'write "not present" for what is not there.'
        )

    def boxes_grammar(self, question: Question, names: tuple[str, ...]) -> str:
        report = question.task is Task.GROUNDED_REPORT
        colon = literal(_COLON[question.language])
        told = f" {colon} line" if report else ""
        rules = [
            f'boxes ::= {literal("<box>[")} one (", " one){{0,31}} {literal("]</box>")}',
            'one ::= "[" n ", " n ", " n ", " n "]"',
            f"n ::= {number_rule(self.unit.scale)}",
            f"absent ::= {colon} {literal(NOT_PRESENT[question.language])}",
        ]
        joint = literal("\n" if report else ", ")
        if question.names:
            things = [f"{literal(self._mark(name))} (boxes{told} | absent)" for name in question.names]
            root = f" {joint} ".join(things)
        else:
            opening, closing = ("<ref>", "</ref>") if self._tagged else ("", " ")
            rules.append(f"name ::= {' | '.join(literal(name) for name in names) if names else _PHRASE}")
            rules.append(f"thing ::= {literal(opening)} name {literal(closing)} boxes{told}")
            root = f"thing ({joint} thing){{0,{_MOST_THINGS - 1}}}"
        return f"root ::= {root}\n" + "\n".join(rules) + "\n" + (_LINE if report else "")

    def absent_words(self, question: Question) -> str:
        return absent_words(question) if self._tagged else ""

    def write_located(self, located: Sequence[Located], question: Question) -> str:
        absent = _COLON[question.language] + NOT_PRESENT[question.language]
        return ", ".join(
            self._name(item.name) + absent if item.not_present else self._mark(item.name) + self._boxes(item, question)
            for item in located
        )

    def _name(self, name: str) -> str:
        return f"<ref>{name}</ref>" if self._tagged else name

    def _mark(self, name: str) -> str:
        return f"<ref>{name}</ref>" if self._tagged else f"{name} "

    def _boxes(self, item: Located, question: Question) -> str:
        return f"<box>{json.dumps(self.numbers(item, question))}</box>"
