"""Answers a whole dataset, and goes on where it was stopped."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

import numpy as np

from engine.files import whole_file
from engine.labels import LabelSet
from engine.labels.prior import ELSEWHERE
from engine.progress import Cancelled, Progress
from engine.protocol import Task
from engine.runtime import Calibration, Choice, EngineError
from training.evaluation.answering import Answerer
from training.evaluation.prediction import Prediction, box_confidences, predicted, to_line
from training.evaluation.questions import diagnosis_labels, question_of, request_for
from training.evaluation.reading import BadRecord, PlacedRecord, read_placed
from training.labels import labels_of
from training.records import DatasetError, dataset_sha256


@dataclass(frozen=True, slots=True)
class Answered:
    """A dataset with its answers, and the lines that were left out because they are bad.

    calibration : the answering model's, by which it decided what is not there. abstain_below : see `ModelManifest`.
    labels : the names that the model knows, None where it does not say.
    """

    predictions: tuple[Prediction, ...]
    skipped: tuple[BadRecord, ...]
    resumed: int
    """How many answers an earlier, stopped run had given."""
    calibration: Calibration
    abstain_below: float
    labels: LabelSet | None


def predict(
    answerer: Answerer,
    dataset: Path,
    progress: Progress,
    *,
    limit: int | None = None,
    log: Path | None = None,
    skip_bad: bool = False,
) -> Answered:
    """Ask every record of a dataset.

    limit : at most so many, spread evenly. log : each answer is appended there as it comes; a run that is started
    again with the same model, dataset and bound for what is not there goes on after the last one.
    skip_bad : leave out lines that are no record or name no image, and say which; else the first one raises.
    Raises `DatasetError` naming file and line, `EngineError`, `Cancelled`.
    """
    placed, skipped = _read(dataset, skip_bad)
    if not placed:
        raise DatasetError(f"{dataset} holds no record that can be asked")
    # Before the limit: what a set's labels are must not depend on how much of it is asked.
    several = _several(placed)
    names = answerer.labels or labels_of([dataset])
    if limit is not None and len(placed) > limit:
        placed = [placed[i] for i in np.linspace(0, len(placed) - 1, limit).astype(int)]
    # Together by image and preamble, so that the runtime's caches serve.
    placed.sort(key=lambda one: (one.record.image, one.record.preamble))
    run = {
        "model": answerer.facts.sha256,
        "runs_on": answerer.facts.runs_on,
        "dataset": dataset_sha256(dataset),
        "limit": limit,
        "absent_below": answerer.calibration.absent_below(),
        "elsewhere": ELSEWHERE,
    }
    answered = []
    resumed = 0
    with PredictionLog.open(log, run) as sink:
        for done, one in enumerate(placed, start=1):
            if progress.cancelled():
                raise Cancelled
            record = one.record
            many = diagnosis_labels(record) in several
            earlier = sink.get(one.where)
            if earlier is not None:
                resumed += 1
                answered.append(predicted(record, one.where, *earlier, several=many))
                continue
            question = question_of(record, several=many)
            try:
                below = answerer.calibration.absent_below()
                result = answerer.ask(request_for(one, question, names, below))
            except EngineError as error:
                raise EngineError(f"{one.where} ({record.id}): {error}") from error
            except DatasetError as error:
                # Its header could be read, its pixels cannot.
                if not skip_bad:
                    raise DatasetError(f"{one.where}: {error}") from error
                skipped.append(BadRecord(one.where, str(error)))
                continue
            scores = box_confidences(result.pieces)
            parts = (result.raw, result.choices, scores, result.presence)
            prediction = predicted(record, one.where, *parts, several=many)
            sink.add(prediction)
            answered.append(prediction)
            progress.report(done, len(placed), "questions")
    labels, below = answerer.labels, answerer.abstain_below
    return Answered(tuple(answered), tuple(skipped), resumed, answerer.calibration, below, labels)


def answers_file(folder: Path, name: str, answerer: Answerer, dataset: Path, limit: int | None) -> Path:
    """Where a model's answers to some questions are kept, so that what is stopped goes on from them.

    One that was calibrated anew with another bound for what is not there answers otherwise, and into another file. The
    rest of a calibration is for reading the answers: the probabilities that are kept are the model's own.
    """
    sha256, below = answerer.facts.sha256, answerer.calibration.absent_below()
    run = hashlib.sha256(f"{sha256} {below} {ELSEWHERE} {dataset_sha256(dataset)} {limit}".encode()).hexdigest()
    return folder / f"{name}-{run[:12]}.jsonl"


def _read(dataset: Path, skip_bad: bool) -> tuple[list[PlacedRecord], list[BadRecord]]:
    placed: list[PlacedRecord] = []
    bad: list[BadRecord] = []
    for one in read_placed(dataset):
        if isinstance(one, PlacedRecord):
            placed.append(one)
        elif skip_bad:
            bad.append(one)
        else:
            raise DatasetError(f"{one.where}: {one.reason}; --skip-bad leaves such lines out")
    return placed, bad


def _several(placed: Sequence[PlacedRecord]) -> set[tuple[str, ...]]:
    """The label lists of which some truth names more than one: their questions may be answered with several."""
    most: dict[tuple[str, ...], int] = defaultdict(int)
    for one in placed:
        if one.record.task is Task.DIAGNOSIS:
            labels = diagnosis_labels(one.record)
            most[labels] = max(most[labels], len(one.record.gpt.replace("，", ",").split(",")))
    return {labels for labels, count in most.items() if count > 1}


Earlier = tuple[str, tuple[Choice, ...], tuple[float, ...], tuple[float, ...]]


class PredictionLog:
    """An append-only predictions file with the run it belongs to beside it (``FILE.run.json``)."""

    def __init__(self, stream: TextIO | None, earlier: dict[str, Earlier]) -> None:
        self._stream = stream
        self._earlier = earlier

    @classmethod
    @contextlib.contextmanager
    def open(cls, path: Path | None, run: dict[str, Any]) -> Iterator[PredictionLog]:
        """Start a log, or go on with the same run's; without a path nothing is kept.

        Raises `DatasetError` when the file belongs to another run: it is never overwritten.
        """
        if path is None:
            yield cls(None, {})
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        beside = path.with_name(f"{path.name}.run.json")
        earlier: dict[str, Earlier] = {}
        if path.exists():
            if not _same_run(beside, run):
                raise DatasetError(f"{path} holds the answers of another evaluation: remove it or name another file")
            earlier = _read_log(path)
        else:
            with whole_file(beside) as target:
                target.write_text(json.dumps(run, indent=2) + "\n", encoding="utf-8")
        with path.open("a", encoding="utf-8") as stream:
            yield cls(stream, earlier)
            stream.flush()
            os.fsync(stream.fileno())

    def get(self, where: str) -> Earlier | None:
        """The answer an earlier run gave to the record there."""
        return self._earlier.get(where)

    def add(self, prediction: Prediction) -> None:
        """Append an answer; it is in the file before the next question is asked."""
        if self._stream is not None:
            try:
                self._stream.write(json.dumps(to_line(prediction), ensure_ascii=False) + "\n")
                self._stream.flush()
            except OSError as error:
                raise DatasetError(
                    f"cannot write the answers to {self._stream.name}: {error.strerror}; the same command goes on "
                    "from those that are there"
                ) from error


def _same_run(beside: Path, run: dict[str, Any]) -> bool:
    try:
        return bool(json.loads(beside.read_text(encoding="utf-8")) == run)
    except (OSError, ValueError):
        return False


def _read_log(path: Path) -> dict[str, Earlier]:
    """The answers of a log by place. A last line that a kill cut short is removed from the file."""
    content = path.read_bytes()
    whole, newline, torn = content.rpartition(b"\n")
    if torn:
        os.truncate(path, len(whole) + len(newline))
    earlier: dict[str, Earlier] = {}
    for number, line in enumerate(whole.split(b"\n"), start=1):
        if not line:
            continue
        try:
            data = json.loads(line)
            choices = tuple(Choice(str(text), float(probability)) for text, probability in data["candidates"])
            scores = tuple(float(score) for score in data["box_scores"])
            presence = tuple(float(odds) for odds in data["presence"])
            earlier[data["where"]] = (str(data["answer"]), choices, scores, presence)
        except (ValueError, KeyError, TypeError) as error:
            raise DatasetError(
                f"{path} line {number} is damaged ({error!r}): remove the file and start anew"
            ) from error
    return earlier
