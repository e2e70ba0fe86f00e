"""The engine's question behind a record's prompt: what was asked for, what may be answered."""

from __future__ import annotations

import re

from engine.labels import LabelSet
from engine.labels.prior import leanings
from engine.protocol import (
    IMAGE_MARKER,
    Answer,
    AnswerForm,
    Question,
    Task,
    absent_words,
    answer_choices,
    answer_grammar,
    parse_answer,
    prompt_from_user_text,
)
from engine.protocol.syntax import REF
from engine.runtime import Absence, AskRequest
from training.evaluation.reading import PlacedRecord
from training.records import Record
from training.samples import read_rgb

_LABELS = re.compile(r"(?:The possible \w+ are:|可能的\w+有：)\n(.*)", re.DOTALL)
_OPTION = re.compile(r"\n([A-Z]): ([^\n]+)")
_BRIEF = ("Answer the question using a single word or phrase.", "请用词或短语回答问题")
_LESION = ("given lesion", "each lesion", "定位并描述病种")


def question_of(record: Record, *, several: bool = False) -> Question:
    """Read a record's prompt as the engine would have asked it.

    several : more labels than one may hold; a prompt does not say so, its set does.
    """
    after = record.human.partition(IMAGE_MARKER)[2]
    names: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    form = AnswerForm.SENTENCES
    if record.task in (Task.TEXT_TO_REGION, Task.GROUNDED_REPORT):
        names = tuple(dict.fromkeys(REF.findall(after)))
    elif record.task is Task.DIAGNOSIS:
        options = diagnosis_labels(record)
    elif record.task is Task.VQA:
        options = tuple(text.strip() for _, text in _OPTION.findall(after))
        if len(options) > 1:
            form = AnswerForm.OPTION
        elif any(words in record.human for words in _BRIEF):
            form = AnswerForm.PHRASE
    return Question(
        record.task,
        record.language,
        record.width,
        record.height,
        record.modality,
        names=names,
        form=form,
        options=options,
        several=several,
    )


def diagnosis_labels(record: Record) -> tuple[str, ...]:
    """The labels a diagnosis prompt lists, a line each; none where it lists none."""
    listed = _LABELS.search(record.human.replace(IMAGE_MARKER, "\n\n"))
    if listed is None:
        return ()
    labels = []
    for line in listed.group(1).split("\n"):
        label = line.strip()
        if not label or label.startswith('"'):
            break
        labels.append(label)
    return tuple(dict.fromkeys(labels))


def is_lesion_report(record: Record) -> bool:
    """Whether a grounded report is about lesions, which the paper scores apart."""
    return record.task is Task.GROUNDED_REPORT and any(words in record.human for words in _LESION)


def request_for(
    placed: PlacedRecord, question: Question, names: LabelSet, absent_below: float | None = None
) -> AskRequest:
    """What the model is asked: the record's own words, and the answers its task allows.

    names : for region-to-text, weighed by the kind of picture as the window weighs them. absent_below : the model's
    bound for what is not there (`engine.runtime.Absence`). Choices are scored without a temperature: a calibration
    comes after, see `training.evaluation.confidences`. Raises `DatasetError` for an image that cannot be read.
    """
    record = placed.record
    image = read_rgb(placed.folder / record.image)
    known_names = tuple(label.name(record.language) for label in names)
    naming = record.task is Task.REGION_TO_TEXT
    choices = known_names if naming else answer_choices(question)
    leaning = leanings(names, record.modality) if naming else ()
    listless = record.task is Task.DIAGNOSIS and len(question.options) < 2
    grammar = None if listless else answer_grammar(question, known_names)
    if listless:
        choices = ()
    words = absent_words(question)
    absence = Absence(words, absent_below if record.task is Task.TEXT_TO_REGION else None) if words else None
    prompt = prompt_from_user_text(record.human)
    return AskRequest(0, image, prompt, grammar, choices, absence=absence, leanings=leaning)


def parse(raw: str, question: Question) -> Answer:
    """An answer or a truth, as the engine reads it."""
    return parse_answer(raw, question)
