"""GBNF grammars (llama.cpp's notation) that make every answer parse."""

from __future__ import annotations

from engine.protocol.choice import YES_NO
from engine.protocol.report import HEADINGS
from engine.protocol.syntax import COLON, NOT_PRESENT
from engine.protocol.task import AnswerForm, Question, SectionKind, Task

# `<ref>` and the others are single tokens: llama.cpp matches grammars on a token's text, so they stay whole.
_BOXES = (
    'boxes ::= "<box>[" one (", " one){0,31} "]</box>"\n'
    'one ::= "[" n ", " n ", " n ", " n "]"\n'
    'n ::= "0" | [1-9] [0-9]? [0-9]?\n'
)
_PHRASE = "[^<>\\[\\]\\n\\r ] [^<>\\[\\]\\n\\r]{0,79}"
# Unbounded: llama.cpp unrolls {0,2000}. An endless description is cut by the request's own limit.
# A description of nothing but punctuation would be none.
_LINE = "line ::= [^<>\\[\\]\\n\\r :：,，.。;；、] [^<>\\[\\]\\n\\r]*\n"
_MOST_SENTENCES = 32


def answer_choices(question: Question) -> tuple[str, ...]:
    """The whole answers among which the model's probabilities decide; empty where it has to write.

    Those of a region-to-text question are its label set's names and not known here.
    """
    if question.task is Task.VQA and question.form is AnswerForm.YES_NO:
        return YES_NO[question.language]
    if question.task is Task.VQA and question.form is AnswerForm.OPTION:
        return question.options
    if question.task is Task.DIAGNOSIS and not question.several:
        return question.options
    return ()


def answer_grammar(question: Question, names: tuple[str, ...] = ()) -> str:
    """The grammar of the answer to a question.

    names : the allowed names of a region-to-text answer or of the regions in a grounded report that asks for none in
    particular, any short phrase when empty. Text-to-region answers each asked name in order, with its boxes or the
    words that it is not there; a grounded report describes each asked name in order, alone or together with those
    after it.
    """
    task = question.task
    if task is Task.REGION_TO_TEXT:
        return f"root ::= {_one_of(names) if names else _PHRASE}\n"
    if task is Task.TEXT_TO_REGION:
        objects = ' ", " '.join(f"{_literal(f'<ref>{name}</ref>')} (boxes | absent)" for name in question.names)
        return f"root ::= {objects}\n{_absent(question)}{_BOXES}"
    if task is Task.GROUNDED_REPORT:
        return _named_report(question) if question.names else _free_report(question, names)
    if task is Task.REPORT:
        # Further headings are words as others: whether a report has an impression is the model's affair.
        heading = _literal(HEADINGS[question.language][SectionKind.FINDINGS])
        return f'root ::= {heading} line ("\\n" line)*\n{_LINE}'
    if task is Task.DIAGNOSIS:
        return _labels(question)
    choices = answer_choices(question)
    if choices:
        return f"root ::= {_one_of(choices)}\n"
    if question.form is AnswerForm.SENTENCES:
        return f'root ::= line ("\\n" line)*\n{_LINE}'
    return f"root ::= {_PHRASE}\n"


def _labels(question: Question) -> str:
    none = question.none_label
    if not question.several:
        return f"root ::= {_one_of(question.options)}\n"
    holding = tuple(label for label in question.options if label != none)
    denied = f"{_literal(none)} | " if none else ""
    # In any order, as the model learnt it. A repeated one counts once; no answer is longer than the list.
    more = f' ("," label){{0,{len(holding) - 1}}}' if len(holding) > 1 else ""
    return f"root ::= {denied}label{more}\nlabel ::= {_one_of(holding)}\n"


def _named_report(question: Question) -> str:
    colon = _literal(COLON[question.language])
    rules = ["root ::= from0"]
    last = len(question.names) - 1
    for i, name in enumerate(question.names):
        ref = _literal(f"<ref>{name}</ref>")
        if i == last:
            rules.append(f"from{i} ::= {ref} (boxes {colon} line | absent)")
            rules.append(f"with{i} ::= {ref} boxes {colon} line")
            continue
        # Described together with the next one, on a line of its own, or absent.
        told = f'boxes (", " with{i + 1} | {colon} line "\\n" from{i + 1})'
        rules.append(f'from{i} ::= {ref} ({told} | absent "\\n" from{i + 1})')
        rules.append(f"with{i} ::= {ref} {told}")
    return "\n".join(rules) + "\n" + _absent(question) + _LINE + _BOXES


def _free_report(question: Question, names: tuple[str, ...]) -> str:
    colon = _literal(COLON[question.language])
    return (
        f'root ::= sentence ("\\n" sentence){{0,{_MOST_SENTENCES - 1}}}\n'
        f'sentence ::= thing (", " thing){{0,7}} {colon} line\n'
        f'thing ::= "<ref>" name "</ref>" boxes\n'
        f"name ::= {_one_of(names) if names else _PHRASE}\n" + _LINE + _BOXES
    )


def _absent(question: Question) -> str:
    return f"absent ::= {_literal(COLON[question.language] + NOT_PRESENT[question.language])}\n"


def _one_of(texts: tuple[str, ...]) -> str:
    return " | ".join(_literal(text) for text in texts)


def _literal(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
