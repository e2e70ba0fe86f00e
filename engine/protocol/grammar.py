"""GBNF grammars (llama.cpp's notation) that make every answer parse."""

from __future__ import annotations

from engine.protocol.task import Language, ProtocolError, Question, Task

NOT_PRESENT = {Language.EN: "not present", Language.ZH: "未见"}
"""Our addition to MedRegA's syntax: the answer, in place of a box, for a name that is not in the image."""

# `<ref>` and the others are single tokens: llama.cpp matches grammars on a token's text, so they stay whole.
_BOXES = (
    'boxes ::= "<box>[" one (", " one){0,31} "]</box>"\n'
    'one ::= "[" n ", " n ", " n ", " n "]"\n'
    'n ::= "0" | [1-9] [0-9]? [0-9]?\n'
)


def _literal(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def answer_grammar(question: Question, names: tuple[str, ...] = ()) -> str:
    """The grammar of the answer to a question.

    names : the allowed names of a region-to-text answer, any short phrase when empty.
    Text-to-region answers each asked name in order, with its boxes or the words that it is not there.
    """
    if question.task is Task.REGION_TO_TEXT:
        if names:
            return "root ::= " + " | ".join(_literal(name) for name in names) + "\n"
        return "root ::= [^<>\\[\\]\\n\\r ] [^<>\\[\\]\\n\\r]{0,79}\n"
    if question.task is Task.TEXT_TO_REGION:
        absent = _literal(": " + NOT_PRESENT[Language.EN])
        if question.language is Language.ZH:
            absent = _literal("：" + NOT_PRESENT[Language.ZH])
        objects = ' ", " '.join(f"{_literal(f'<ref>{name}</ref>')} (boxes | absent)" for name in question.names)
        return f"root ::= {objects}\nabsent ::= {absent}\n{_BOXES}"
    raise ProtocolError(f"the task {question.task.value!r} has no grammar yet")
