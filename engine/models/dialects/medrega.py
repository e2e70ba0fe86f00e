"""MedRegA's own way, which `engine.protocol` speaks byte for byte."""

from __future__ import annotations

from collections.abc import Sequence

from engine.models.dialects.base import Dialect
from engine.models.dialects.chat import ChatTemplate
from engine.protocol import (
    MEDREGA_UNIT,
    SYSTEM,
    Located,
    Prompt,
    Question,
    absent_words,
    answer_grammar,
    question_text,
    render_prompt,
    write_located,
)

# Hermes-2's, with no line feed behind a turn. A lone question's is `engine.protocol`'s, to the byte the same.
_HERMES = ChatTemplate(
    user="<|im_start|>user\n",
    assistant="<|im_start|>assistant\n",
    end="<|im_end|>",
    tokens=("<|im_start|>", "<|im_end|>", "<ref>", "</ref>", "<box>", "</box>"),
    system_mark="<|im_start|>system\n",
    system=SYSTEM,
)


class MedRegaDialect(Dialect):
    """Tagged names and boxes of 0 to 999, Hermes-2 turns, the image behind the task's description."""

    def __init__(self) -> None:
        super().__init__(_HERMES, MEDREGA_UNIT)

    def render_prompt(self, question: Question) -> Prompt:
        return render_prompt(question)

    def ask(self, question: Question) -> str:
        return question_text(question)

    def boxes_grammar(self, question: Question, names: tuple[str, ...]) -> str:
        return answer_grammar(question, names)

    def absent_words(self, question: Question) -> str:
        return absent_words(question)

    def write_located(self, located: Sequence[Located], question: Question) -> str:
        return write_located(tuple(located), question.width, question.height, question.language, self.unit)
