"""What a dialect is: prompts, grammars and answers of one family of models."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

from engine.models.dialects.chat import ChatTemplate
from engine.protocol import (
    Answer,
    BoxUnit,
    Language,
    Located,
    Prompt,
    Question,
    Task,
    answer_grammar,
    parse_answer,
    preamble,
    question_text,
    require_whole,
)

_LOCATING = (Task.REGION_TO_TEXT, Task.TEXT_TO_REGION, Task.GROUNDED_REPORT)


class Dialect(ABC):
    """One family's way. template : of its turns. unit : of its boxes.

    Questions without boxes are put in MedRegA's words, with the image first as these models learnt it: what is
    evaluated of one question serves the next.
    """

    def __init__(self, template: ChatTemplate, unit: BoxUnit) -> None:
        self.template = template
        self.unit = unit

    def render_prompt(self, question: Question) -> Prompt:
        """The whole turn for a question. Raises `ProtocolError` for what cannot be put to a model."""
        require_whole(question)
        words = self.ask(question) if question.task in _LOCATING else preamble(question) + question_text(question)
        return self.template.prompt("", "\n" + self._told(question) + words)

    def answer_grammar(self, question: Question, names: tuple[str, ...] = ()) -> str:
        """The grammar of the answer (GBNF); see `engine.protocol.answer_grammar`."""
        if question.task is Task.TEXT_TO_REGION or question.task is Task.GROUNDED_REPORT:
            return self.boxes_grammar(question, names)
        return answer_grammar(question, names)

    def absent_words(self, question: Question) -> str:
        """What stands behind ``<ref>name</ref>`` in place of boxes for a thing that is not there; "" in families that
        do not write so.
        """
        return ""

    def parse_answer(self, raw: str, question: Question) -> Answer:
        """Read an answer. Never raises and never invents; see `engine.protocol.parse_answer`."""
        return parse_answer(raw, question, self.unit)

    @abstractmethod
    def ask(self, question: Question) -> str:
        """The words of a question about places."""

    @abstractmethod
    def boxes_grammar(self, question: Question, names: tuple[str, ...]) -> str:
        """The grammar of an answer that names places."""

    @abstractmethod
    def write_located(self, located: Sequence[Located], question: Question) -> str:
        """Named places as this family writes them."""

    def numbers(self, item: Located, question: Question) -> list[list[int]]:
        """The boxes of one thing in the family's numbers."""
        return [list(self.unit.write(box, question.width, question.height)) for box in item.boxes]

    def _told(self, question: Question) -> str:
        """The regions of a first pass, before the question (Regional CoT)."""
        if not question.found:
            return ""
        regions = self.write_located(question.found, question)
        if question.language is Language.ZH:
            return f"图像中有以下区域：{regions}。"
        return f"The image has these regions: {regions}. "


def number_rule(most: int) -> str:
    """GBNF of the whole numbers 0..most without leading zeros."""
    digits = str(most)
    ways = ['"0"']
    # Shorter than `most`; then as long as it, smaller at one place and the same before that.
    for length in range(1, len(digits)):
        ways.append("[1-9]" + " [0-9]" * (length - 1))
    for place, digit in enumerate(digits):
        least = 1 if place == 0 else 0
        if int(digit) > least:
            head = f'"{digits[:place]}" ' if place else ""
            ways.append(head + f"[{least}-{int(digit) - 1}]" + " [0-9]" * (len(digits) - place - 1))
    return " | ".join([*ways, f'"{digits}"'])


def literal(text: str) -> str:
    """A GBNF literal."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'
