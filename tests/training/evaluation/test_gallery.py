"""Which answers a person gets to see."""

from __future__ import annotations

from collections import Counter

import pytest

pytest.importorskip("torch")

from engine.protocol import Language, Located, Question, Task, user_text, write_located
from engine.regions import Box
from engine.runtime import Choice
from training.evaluation.gallery import worst_predictions
from training.evaluation.prediction import Prediction, predicted
from training.records import Record


def named(number: int, said: str, meant: str, probability: float) -> Prediction:
    question = Question(Task.REGION_TO_TEXT, Language.EN, 64, 64, box=Box(1, 1, 9, 9))
    record = Record(f"n{number}", "a.png", 64, 64, user_text(question), meant, question.task, question.language)
    return predicted(record, f"a:{number}", said, [Choice(said, probability)], [])


def located(number: int, meant: str, found: bool) -> Prediction:
    question = Question(Task.TEXT_TO_REGION, Language.EN, 64, 64, names=(meant,))
    box = Box(10, 10, 30, 30)
    truth = write_located((Located(meant, (box,)),), 64, 64, Language.EN)
    record = Record(f"b{number}", "a.png", 64, 64, user_text(question), truth, question.task, question.language)
    said = truth if found else write_located((Located(meant, not_present=True),), 64, 64, Language.EN)
    return predicted(record, f"b:{number}", said, [], [])


def test_the_confidently_wrong_come_first_and_the_right_never():
    shown = worst_predictions([named(1, "liver", "liver", 0.9), named(2, "a", "b", 0.3), named(3, "a", "c", 0.8)])
    assert [one.where for one in shown] == ["a:3", "a:2"]


def test_no_task_and_no_label_takes_all_places():
    wrong = [named(i, "x", f"label {i // 4}", 0.9) for i in range(20)] + [located(i, f"o{i}", False) for i in range(9)]
    shown = worst_predictions([*wrong, located(99, "found", True)], count=8)
    assert Counter(one.record.task for one in shown) == {Task.REGION_TO_TEXT: 4, Task.TEXT_TO_REGION: 4}
    assert max(Counter(one.record.gpt for one in shown).values()) <= 2
