"""A question in MedRegA's exact prompt, its own sentence in one of many wordings; and the record that it becomes."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any

from engine.protocol import IMAGE_MARKER, Language, Located, Question, Task, modality_phrase, user_text, write_located
from training.instruct.templates import question_templates
from training.records import Record

_THIS = {Language.EN: "this", Language.ZH: "该区域"}


@dataclass(frozen=True, slots=True)
class InstructRecord:
    """A record with what the builder knows of it. keys : of the labels it is about; subtask : "" where it has none."""

    record: Record
    source: str
    subtask: str = ""
    keys: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """A line of the data set: readers of MedRegInstruct ignore what they do not know."""
        more = {"source": self.source, "subtask": self.subtask, "labels": list(self.keys)}
        return {**self.record.to_json(), **{key: value for key, value in more.items() if value}}


def worded(question: Question, canonical: float, rng: random.Random) -> str:
    """The human turn of a region question.

    canonical : how often it is asked in the program's own words, as it will be when it is used.
    """
    text = user_text(question)
    direction = {Task.REGION_TO_TEXT: "region_to_text", Task.TEXT_TO_REGION: "text_to_region"}[question.task]
    if rng.random() < canonical:
        return text
    head = text.partition(IMAGE_MARKER)[0]
    slots = {"image": modality_phrase(question.modality, question.language)}
    if question.box is not None:
        this = Located(_THIS[question.language], (question.box,))
        slots["region"] = write_located((this,), question.width, question.height, question.language)
        slots["box"] = slots["region"].partition("</ref>")[2]
    else:
        slots["names"] = ", ".join(f"<ref>{name}</ref>" for name in question.names)
    template = rng.choice(question_templates(direction, question.language))
    return head + IMAGE_MARKER + "\n" + template.format(**slots)


def region_subtask(located: tuple[Located, ...]) -> str:
    """The paper's four kinds of text-to-region questions; "absent" where nothing asked for is there."""
    present = [item for item in located if item.boxes]
    if not present:
        return "absent"
    objects = "so" if len(located) == 1 else "mo"
    regions = "sr" if all(len(item.boxes) == 1 for item in present) else "mr"
    return f"{objects}_{regions}"
