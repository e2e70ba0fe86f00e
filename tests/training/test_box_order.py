"""Lists of boxes in the order that a stage wants them in."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from engine.protocol import Language, Question, Task, user_text
from training.box_order import BoxOrder, in_order
from training.drawing import Drawing, QuestionDataset
from training.records import Record
from training.samples import ImageSample
from training.tokenizer import PromptEncoder, train_tokenizer

FROM_TOP = "<ref>platelet</ref><box>[[600, 10, 700, 90], [20, 300, 90, 400], [20, 200, 60, 450]]</box>"
FROM_LEFT = "<ref>platelet</ref><box>[[20, 200, 60, 450], [20, 300, 90, 400], [600, 10, 700, 90]]</box>"


def asked(answer: str) -> Record:
    question = Question(Task.TEXT_TO_REGION, Language.EN, 200, 100, names=("platelet",))
    return Record("1", "a.png", 200, 100, user_text(question), answer, Task.TEXT_TO_REGION, Language.EN, modality="SM")


def test_lists_go_from_the_left_and_everything_else_stays() -> None:
    absent = ", <ref>nucleus</ref>: not present, <ref>one</ref><box>[[5, 6, 7, 8]]</box>"
    record = asked(FROM_TOP + absent)
    assert in_order(record, "from_left").gpt == FROM_LEFT + absent
    assert in_order(record, "from_top") is record
    assert in_order(asked("<ref>platelet</ref>: not present"), "from_left").gpt == "<ref>platelet</ref>: not present"


@pytest.mark.parametrize(("order", "answer"), [("from_top", FROM_TOP), ("from_left", FROM_LEFT)])
def test_a_drawn_answer_is_in_the_order_that_was_asked_for(tmp_path: Path, order: BoxOrder, answer: str) -> None:
    Image.fromarray(np.zeros((100, 200, 3), np.uint8)).save(tmp_path / "a.png")
    record = asked(FROM_TOP)
    encoder = PromptEncoder(train_tokenizer([record.human, record.gpt], 600), 4)
    drawing = Drawing(56, augment=False, groups_per_image=1, branches_per_group=1, seed=1, box_order=order)
    (group,) = QuestionDataset([ImageSample(tmp_path / "a.png", (record,), None)], encoder, drawing)[0]["groups"]
    assert group.branches[0].answer == tuple(encoder.answer_ids(answer))
