"""Judged answers about whole slices as questions and answers to learn from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from engine.asked import question_keywords
from engine.exchange.learnt import Learnt, provenance_of
from engine.protocol import (
    NOT_PRESENT,
    Language,
    Located,
    ProtocolError,
    Question,
    Sentence,
    Task,
    parse_answer,
    require_whole,
    write_sentences,
)
from engine.protocol.syntax import COLON
from engine.regions import Box, LabelSet
from engine.report_lines import ReportLine, report_lines
from engine.runtime import ModelManifest, list_models
from engine.scans import Volume
from engine.slice_question import word_question
from engine.store import DECIDED_STATES, HIDDEN_STATES, AnnotationStore, AnswerRow, DecisionKind, ImageRow, RegionRow


class AnswerRecords:
    """Reads the store, and the names of the models that are registered."""

    def __init__(self, store: AnnotationStore) -> None:
        self._store = store
        self._models = {(model.id, model.sha256): model for model in list_models()}
        self._labels: dict[str, LabelSet] = {}

    def record(self, answer: AnswerRow, image: ImageRow, volume: Volume) -> Learnt | None:
        """What was asked, and what is right: the model's answer where a person agreed, else theirs.

        None for what cannot be learnt from: the question was not kept, the text is no answer to it, or a region of a
        grounded report waits for its own decision.
        """
        question = self._question(answer, image, volume)
        if question is None or answer.verdict is None:
            return None
        if question.task is Task.GROUNDED_REPORT:
            right = self._report(answer, image, question.language)
        else:
            right = _as_asked(answer.verdict.text or answer.suggestion.text, question)
        provenance = provenance_of(answer.verdict.kind.value, answer.suggestion)
        return Learnt(question, right, (provenance,)) if right else None

    def _question(self, answer: AnswerRow, image: ImageRow, volume: Volume) -> Question | None:
        said = answer.suggestion
        task, language = Task(said.task), Language(said.language)
        what = question_keywords(task, answer.asked)
        if what is None:
            return None
        labels = self._labels_of(self._model(answer))
        question = word_question(volume, (image.height, image.width), labels, task=task, language=language, **what)
        try:
            require_whole(question)
        except ProtocolError:
            return None
        return question

    def _model(self, answer: AnswerRow) -> ModelManifest | None:
        return self._models.get((answer.suggestion.model_id, answer.suggestion.model_sha256))

    def _labels_of(self, model: ModelManifest | None) -> LabelSet:
        if model is None:
            return LabelSet(())
        if model.id not in self._labels:
            self._labels[model.id] = model.labels()
        return self._labels[model.id]

    def _report(self, answer: AnswerRow, image: ImageRow, language: Language) -> str:
        """The report with its regions as people left them, "" while one of them waits."""
        model = self._model(answer)
        lines = report_lines(
            answer,
            image.width,
            image.height,
            manifest=model,
            labels=self._labels_of(model),
            rows=self._store.regions.of_image(image.id),
        )
        rows: dict[int, RegionRow] = {}
        for root in (root for line in lines for places in line.places for root in places):
            row = None if root is None else self._store.regions.current(root)
            if row is None or row.state not in (*DECIDED_STATES, *HIDDEN_STATES):
                return ""
            rows[row.root_id] = row
        assert answer.verdict is not None
        if answer.verdict.kind is DecisionKind.EDITED:
            said = _matched(answer.verdict.text, lines)
        else:
            said = [(line.sentence.text, line) for line in lines]
        sentences = tuple(_sentences(said, rows, language))
        return write_sentences(sentences, image.width, image.height, language)


def _as_asked(text: str, question: Question) -> str:
    """An answer as MedRegInstruct writes it; "" for what does not answer the question as it was put."""
    said = parse_answer(text, question)
    return "" if said.malformed else ",".join(said.labels) or said.option or said.text


def _matched(text: str, lines: Sequence[ReportLine]) -> list[tuple[str, ReportLine | None]]:
    """A person's lines, each with the model's sentence about the same names, None where there is none.

    A line is what `sentence_line` made of a sentence, behind whose names they wrote something else.
    """
    left = list(lines)
    said: list[tuple[str, ReportLine | None]] = []
    for typed in filter(None, map(str.strip, text.splitlines())):
        found = next((line for line in left if _after_names(typed, line) is not None), None)
        if found is None:
            said.append((typed, None))
        else:
            left.remove(found)
            said.append((_after_names(typed, found) or "", found))
    return said


def _after_names(typed: str, line: ReportLine) -> str | None:
    """What a line says behind the names and the colon of a sentence; None where it does not begin with them."""
    names = ", ".join(dict.fromkeys(item.name for item in line.sentence.located))
    rest = typed[len(names) :].lstrip()
    if not names or not typed.casefold().startswith(names.casefold()) or rest[:1] not in (":", "："):
        return None
    return rest[1:].strip()


def _sentences(
    said: Sequence[tuple[str, ReportLine | None]], rows: dict[int, RegionRow], language: Language
) -> Iterator[Sentence]:
    for text, line in said:
        located = line.sentence.located if line is not None else ()
        if line is None or not located:
            yield Sentence(text)
        elif text == NOT_PRESENT[language] or all(item.not_present for item in located):
            gone = text in ("", NOT_PRESENT[language])
            names = tuple(Located(item.name, not_present=True) for item in located)
            together = ", ".join(item.name for item in names)
            yield Sentence("", names) if gone else Sentence(f"{together}{COLON[language]}{text}")
        else:
            there = tuple(_as_left(line, rows, language))
            # All that it was about has been turned down.
            if there:
                yield Sentence(text, there)


def _as_left(line: ReportLine, rows: dict[int, RegionRow], language: Language) -> Iterator[Located]:
    """The things of a sentence under the names and in the places that people left them."""
    for item, places in zip(line.sentence.located, line.places, strict=True):
        boxes: dict[str, list[Box]] = {}
        for row in (rows[root] for root in places if root is not None):
            if row.state in DECIDED_STATES:
                name = row.label.name(language) if row.label is not None else ""
                boxes.setdefault(name or item.name, []).append(row.box)
        for name, some in boxes.items():
            yield Located(name, tuple(some))
