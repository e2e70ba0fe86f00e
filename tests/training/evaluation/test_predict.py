"""A whole set asked: every task, stopped and gone on with, with bad lines in it; torch and GGUF alike."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from engine.progress import Cancelled, NoProgress  # noqa: E402
from engine.protocol import Task  # noqa: E402
from engine.runtime import AskRequest, AskResult, TextPiece  # noqa: E402
from training.evaluation.answering import GgufAnswerer, open_answerer  # noqa: E402
from training.evaluation.predict import predict  # noqa: E402
from training.evaluation.prediction import box_confidences  # noqa: E402
from training.evaluation.summary import summarize  # noqa: E402
from training.evaluation.torch_answering import TorchAnswerer  # noqa: E402
from training.records import DatasetError  # noqa: E402


@pytest.fixture(scope="module")
def gguf_answers(tiny_model, all_tasks):
    with open_answerer(str(tiny_model)) as answerer:
        assert isinstance(answerer, GgufAnswerer)
        return predict(answerer, all_tasks, NoProgress()), answerer.facts


def test_every_task_is_scored(gguf_answers, all_tasks):
    answered, facts = gguf_answers
    report = summarize(answered, facts, all_tasks, paper_compatible=True)
    tasks = {"region_to_text", "text_to_region", "grounded_report", "report", "vqa", "diagnosis"}
    assert set(report["metrics"]) == tasks
    assert set(report["paper_compatible"]) == {*tasks, "note"}
    assert report["dataset"]["records"] == 26
    assert report["metrics"]["vqa"]["en"]["closed"]["n"] == 2
    assert report["metrics"]["report"]["zh"]["character"]["unit"] == "character"
    assert set(report["by"]["language"]) == {"en", "zh"}
    assert {"bertscore", "chexbert", "radgraph"} <= set(report["not_run"])
    json.dumps(report)


def test_a_source_is_scored_against_its_own_most_frequent_label(gguf_answers, all_tasks):
    answered, facts = gguf_answers
    named = [one for one in answered.predictions if one.record.task is Task.REGION_TO_TEXT]
    sourced = [replace(one, record=replace(one.record, source="a", gpt=one.record.gpt)) for one in named]
    report = summarize(replace(answered, predictions=tuple(sourced)), facts, all_tasks)
    row = report["by"]["source"]["a"]["region_to_text"]
    assert (row["labels"], row["majority_accuracy"], row["majority_mean_label_recall"]) == (1, 1.0, 1.0)
    assert row["margin"] == pytest.approx(row["mean_label_recall"] - 1.0)
    assert report["metrics"]["region_to_text"]["source_baseline_accuracy"] == 1.0
    assert report["metrics"]["region_to_text"]["structures"]["n"] == len(sourced)


def test_names_that_a_model_was_never_taught_are_counted_apart(gguf_answers, all_tasks):
    answered, facts = gguf_answers
    named = [one for one in answered.predictions if one.record.task is Task.REGION_TO_TEXT]
    right = [replace(one, raw=one.truth.text, answer=one.truth) for one in named]
    foreign = [replace(one, truth=replace(one.truth, text="zygomatic arch")) for one in named]
    row = summarize(replace(answered, predictions=(*right, *foreign)), facts, all_tasks)["metrics"]["region_to_text"]
    assert answered.labels is not None
    assert answered.labels.find("zygomatic arch") is None
    assert (row["n"], row["accuracy"]) == (2 * len(named), 0.5)
    assert (row["known"]["n"], row["known"]["accuracy"], row["known"]["mean_label_recall"]) == (len(named), 1.0, 1.0)
    # Nothing is told apart where all of them were taught, or where the model does not say.
    for labels, some in ((answered.labels, right), (None, (*right, *foreign))):
        told = summarize(replace(answered, predictions=tuple(some), labels=labels), facts, all_tasks)
        assert "known" not in told["metrics"]["region_to_text"]


def test_torch_answers_as_llama_cpp_does(tiny_checkpoint, tiny_model, all_tasks):
    """The same weights in 32 bits: equal words, candidates and box confidences."""
    with GgufAnswerer(open_manifest(tiny_model), exact=True) as answerer:
        labels = answerer.labels
        gguf_side = predict(answerer, all_tasks, NoProgress()).predictions
    with TorchAnswerer(tiny_checkpoint) as answerer:
        assert answerer.labels is None
        answerer.labels = labels
        torch_side = predict(answerer, all_tasks, NoProgress()).predictions
    equal = [a.raw == b.raw for a, b in zip(torch_side, gguf_side, strict=True)]
    # An untrained model's next token can be a toss-up, which rounding decides.
    assert sum(equal) >= 0.9 * len(equal)
    # It may also write the end of a name and what follows as one token, which decides nothing.
    assert any(one.presence for one in torch_side if one.record.task is Task.TEXT_TO_REGION)
    for a, b, same in zip(torch_side, gguf_side, equal, strict=True):
        if same and a.choices:
            assert [c.probability for c in a.choices] == pytest.approx([c.probability for c in b.choices], abs=0.02)
        if same:
            assert a.box_scores == pytest.approx(b.box_scores, abs=0.02)
            assert a.presence == pytest.approx(b.presence, abs=0.05)


def open_manifest(folder: Path):
    from engine.runtime import ModelManifest

    return ModelManifest.read(folder)


class Counting:
    """A real model with a count of what it was asked, and a way to stop after some."""

    def __init__(self, model: Path, stop_after: int | None = None) -> None:
        self._inner = GgufAnswerer(open_manifest(model))
        self.facts, self.labels = self._inner.facts, self._inner.labels
        self.calibration, self.abstain_below = self._inner.calibration, self._inner.abstain_below
        self.asked = 0
        self._stop_after = stop_after

    def __enter__(self) -> Counting:
        return self

    def __exit__(self, *rest: object) -> None:
        self._inner.__exit__(None, None, None)

    def ask(self, request: AskRequest) -> AskResult:
        self.asked += 1
        return self._inner.ask(request)

    def report(self, done: int, total: int, what: str) -> None:
        pass

    def cancelled(self) -> bool:
        return self._stop_after is not None and self.asked >= self._stop_after


def test_a_stopped_run_goes_on_where_it_was(tiny_model, all_tasks, tmp_path, gguf_answers):
    log = tmp_path / "predictions.jsonl"
    with Counting(tiny_model, stop_after=10) as first, pytest.raises(Cancelled):
        predict(first, all_tasks, first, log=log)
    # As a kill in the middle of a write leaves it.
    with log.open("a", encoding="utf-8") as stream:
        stream.write('{"question_id": "torn')
    with Counting(tiny_model) as second:
        answered = predict(second, all_tasks, NoProgress(), log=log)
    assert (answered.resumed, second.asked) == (10, 16)
    assert [one.raw for one in answered.predictions] == [one.raw for one in gguf_answers[0].predictions]
    lines = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    assert len({line["where"] for line in lines}) == len(lines) == 26


def test_another_runs_answers_are_never_taken_or_overwritten(tiny_model, all_tasks, tmp_path):
    log = tmp_path / "predictions.jsonl"
    with Counting(tiny_model) as answerer:
        predict(answerer, all_tasks, NoProgress(), limit=2, log=log)
        before = log.read_bytes()
        with pytest.raises(DatasetError, match="another evaluation"):
            predict(answerer, all_tasks, NoProgress(), limit=3, log=log)
    assert log.read_bytes() == before


def test_a_damaged_log_is_named_by_its_line(tiny_model, all_tasks, tmp_path):
    log = tmp_path / "predictions.jsonl"
    with Counting(tiny_model) as answerer:
        predict(answerer, all_tasks, NoProgress(), limit=2, log=log)
        log.write_text("{}\n" + log.read_text(encoding="utf-8"), encoding="utf-8")
        with pytest.raises(DatasetError, match="line 1 is damaged"):
            predict(answerer, all_tasks, NoProgress(), limit=2, log=log)


@pytest.fixture
def with_bad_lines(all_tasks, tmp_path) -> Path:
    folder = tmp_path / "bad"
    shutil.copytree(all_tasks, folder)
    file = folder / "all.jsonl"
    lines = file.read_text(encoding="utf-8").splitlines()
    lines[1] = '{"id": 1}'
    lines[3] = lines[3].replace("p0.png", "lost.png")
    lines[4] = lines[4].replace("p0.png", "torn.png")
    (folder / "torn.png").write_bytes((folder / "p0.png").read_bytes()[:-200])
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


def test_a_bad_record_stops_the_run_with_its_line(tiny_model, with_bad_lines):
    with Counting(tiny_model) as answerer, pytest.raises(DatasetError, match=r"all\.jsonl:2.*--skip-bad"):
        predict(answerer, with_bad_lines, NoProgress())
    assert answerer.asked == 0


def test_bad_records_are_left_out_and_named_when_told_to(tiny_model, with_bad_lines):
    with Counting(tiny_model) as answerer:
        answered = predict(answerer, with_bad_lines, NoProgress(), skip_bad=True)
    assert sorted(bad.where for bad in answered.skipped) == ["all.jsonl:2", "all.jsonl:4", "all.jsonl:5"]
    assert len(answered.predictions) == 23
    assert any("lost.png" in bad.reason for bad in answered.skipped)
    assert any("torn.png" in bad.reason for bad in answered.skipped)


def test_a_boxs_confidence_is_the_geometric_mean_of_its_digits():
    pieces = [
        TextPiece("<box>", -5.0),
        TextPiece("[[", -5.0),
        *(
            piece
            for number in (-0.1, -0.2, -0.3, -0.4)
            for piece in (TextPiece("1", number), TextPiece(", " if number > -0.4 else "]]", -5.0))
        ),
        TextPiece("</box>", -5.0),
    ]
    assert box_confidences(pieces) == pytest.approx((0.7788007,))
