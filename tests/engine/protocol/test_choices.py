"""Labels and options: taken when they are said, never guessed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.protocol import AnswerForm, Language, Question, Task, parse_answer

EN, ZH = Language.EN, Language.ZH
FINDINGS = ("Edema", "Pneumonia", "Pleural Effusion", "No Finding")
ONE = Question(Task.DIAGNOSIS, EN, 9, 9, options=FINDINGS)
MANY = Question(Task.DIAGNOSIS, EN, 9, 9, options=FINDINGS, several=True, none_label="No Finding")
MANY_ZH = Question(Task.DIAGNOSIS, ZH, 9, 9, options=("肺水肿", "胸腔积液", "未见异常"), several=True)
OPTIONS = Question(Task.VQA, EN, 9, 9, text="?", form=AnswerForm.OPTION, options=("heart", "left lung", "T2"))
CLOSED = Question(Task.VQA, EN, 9, 9, text="?", form=AnswerForm.YES_NO)
CLOSED_ZH = Question(Task.VQA, ZH, 9, 9, text="?", form=AnswerForm.YES_NO)


@pytest.mark.parametrize(
    ("question", "raw", "labels"),
    [
        (ONE, "Edema", ["Edema"]),
        (ONE, " edema.<|im_end|>", ["Edema"]),
        (ONE, "The diagnosis is pleural effusion.", ["Pleural Effusion"]),
        (MANY, "Edema,Pneumonia", ["Edema", "Pneumonia"]),
        (MANY, "pneumonia, edema, Pneumonia", ["Pneumonia", "Edema"]),
        (MANY, "No finding", ["No Finding"]),
        (MANY_ZH, "肺水肿，胸腔积液。", ["肺水肿", "胸腔积液"]),
        (MANY_ZH, "诊断为：胸腔积液、肺水肿", ["胸腔积液", "肺水肿"]),
    ],
)
def test_labels_are_read_as_the_question_writes_them(question, raw, labels):
    answer = parse_answer(raw, question)
    assert list(answer.labels) == labels
    assert not answer.malformed


@pytest.mark.parametrize(
    ("question", "raw", "labels"),
    [
        (ONE, "", []),
        (ONE, "not sure", []),
        (ONE, "no pneumonia", []),
        (ONE, "Edema,Pneumonia", ["Edema"]),
        (MANY, "Edema, Rash", ["Edema"]),
        (MANY, "Edema,No Finding", ["Edema"]),
        (MANY, "There is no edema", []),
    ],
)
def test_what_is_no_label_is_left_out_and_said_to_be_wrong(question, raw, labels):
    answer = parse_answer(raw, question)
    assert list(answer.labels) == labels
    assert answer.malformed


@pytest.mark.parametrize(
    ("raw", "option"),
    [
        ("heart", "heart"),
        ("Left lung.", "left lung"),
        ("B", "left lung"),
        ("(a)", "heart"),
        ("B: left lung", "left lung"),
        ("The answer is C.", "T2"),
        ("答案：B", "left lung"),
        ("B: heart", None),
        ("D", None),
        ("lung", None),
        ("A lot of things", None),
        ("", None),
    ],
)
def test_an_option_is_chosen_by_its_words_or_its_letter(raw, option):
    answer = parse_answer(raw, OPTIONS)
    assert answer.option == option
    assert answer.malformed == (option is None)


@pytest.mark.parametrize(
    ("question", "raw", "option"),
    [
        (CLOSED, "Yes.", "yes"),
        (CLOSED, "no", "no"),
        (CLOSED, "Yes, there is one", "yes"),
        (CLOSED, "No evidence of it", "no"),
        (CLOSED, "not sure", None),
        (CLOSED, "no idea", None),
        (CLOSED, "nodule", None),
        (CLOSED_ZH, "是的", "是"),
        (CLOSED_ZH, "没有", "否"),
        (CLOSED_ZH, "否。", "否"),
        (CLOSED_ZH, "不确定", None),
        (CLOSED_ZH, "无法判断", None),
        (CLOSED_ZH, "是否", None),
    ],
)
def test_yes_and_no_are_told_from_doubt(question, raw, option):
    assert parse_answer(raw, question).option == option


@pytest.mark.parametrize(("raw", "text"), [("heart", "heart"), (" T2 [FLAIR] \n", "T2 [FLAIR]"), ("胸腔", "胸腔")])
def test_an_open_question_is_answered_with_the_words(raw, text):
    answer = parse_answer(raw, Question(Task.VQA, EN, 9, 9, text="?"))
    assert (answer.text, answer.option, answer.malformed) == (text, None, False)


@given(st.permutations(FINDINGS[:3]), st.integers(1, 3), st.sampled_from([",", ", ", "，", "\n"]))
def test_labels_come_back_in_the_order_they_were_said(labels, count, separator):
    answer = parse_answer(separator.join(labels[:count]), MANY)
    assert list(answer.labels) == labels[:count]
    assert not answer.malformed
