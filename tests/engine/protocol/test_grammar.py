"""Grammars. That llama.cpp takes them and that what they let through parses: tests/engine/runtime/test_llama.py."""

from __future__ import annotations

import pytest

from engine.protocol import Language, ProtocolError, Question, Task, answer_grammar


def test_names_are_offered_in_order_and_quoted():
    question = Question(Task.REGION_TO_TEXT, Language.EN, 10, 10)
    assert answer_grammar(question, ("liver", 'a "b" \\')) == 'root ::= "liver" | "a \\"b\\" \\\\"\n'


@pytest.mark.parametrize(("language", "words"), [(Language.EN, ": not present"), (Language.ZH, "：未见")])
def test_absence_is_allowed_in_the_questions_language(language, words):
    question = Question(Task.TEXT_TO_REGION, language, 10, 10, names=("liver", "脾"))
    grammar = answer_grammar(question)
    assert f'absent ::= "{words}"' in grammar
    assert (
        grammar.splitlines()[0] == 'root ::= "<ref>liver</ref>" (boxes | absent) ", " "<ref>脾</ref>" (boxes | absent)'
    )


def test_a_task_without_a_grammar_says_so():
    with pytest.raises(ProtocolError, match="no grammar yet"):
        answer_grammar(Question(Task.VQA, Language.EN, 10, 10))
