"""A set with every task, made of phantom pictures."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from engine.protocol import (
    AnswerForm,
    Grounding,
    Language,
    Located,
    Question,
    Sentence,
    Task,
    user_text,
    write_located,
    write_sentences,
)
from engine.regions import Box
from training.records import Record, write_records

SIZE = 64


def _records(image: str, group: str) -> list[Record]:
    box = Box(10, 10, 30, 40)
    made: list[Record] = []

    def add(question: Question, answer: str) -> None:
        id_ = f"{Path(image).stem}-{len(made)}"
        made.append(
            Record(id_, image, SIZE, SIZE, user_text(question), answer, question.task, question.language, "CT", group)
        )

    for language, liver, spleen in ((Language.EN, "liver", "spleen"), (Language.ZH, "肝脏", "脾脏")):
        add(Question(Task.REGION_TO_TEXT, language, SIZE, SIZE, box=box), liver)
        located = (Located(liver, (box,)), Located(spleen, not_present=True))
        add(
            Question(Task.TEXT_TO_REGION, language, SIZE, SIZE, names=(liver, spleen)),
            write_located(located, SIZE, SIZE, language),
        )
        sentence = Sentence("normal" if language is Language.EN else "正常", (Located(liver, (box,)),))
        add(
            Question(Task.GROUNDED_REPORT, language, SIZE, SIZE, names=(liver,), grounding=Grounding.ORGAN),
            write_sentences((sentence,), SIZE, SIZE, language),
        )
        add(
            Question(Task.REPORT, language, SIZE, SIZE, modality="DX"),
            "Findings: clear lungs." if language is Language.EN else "影像诊断：双肺清晰。",
        )
        add(
            Question(Task.VQA, language, SIZE, SIZE, text="Is it normal?" if language is Language.EN else "正常吗？"),
            "yes" if language is Language.EN else "是",
        )
        labels = ("no finding", "tumor", "cyst") if language is Language.EN else ("未见异常", "肿瘤", "囊肿")
        add(Question(Task.DIAGNOSIS, language, SIZE, SIZE, options=labels), labels[1])
    add(
        Question(
            Task.VQA,
            Language.EN,
            SIZE,
            SIZE,
            text="Which organ?",
            form=AnswerForm.OPTION,
            options=("liver", "heart"),
        ),
        "liver",
    )
    return made


@pytest.fixture(scope="session")
def all_tasks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two patients, one picture each, thirteen records a picture."""
    folder = tmp_path_factory.mktemp("tasks")
    rng = np.random.default_rng(0)
    records: list[Record] = []
    for number in range(2):
        image = f"p{number}.png"
        Image.fromarray(rng.integers(0, 255, (SIZE, SIZE), np.uint8)).save(folder / image)
        records += _records(image, f"p{number}")
    write_records(folder / "all.jsonl", records)
    return folder
