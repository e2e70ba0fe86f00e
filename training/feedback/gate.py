"""Before and after a fine-tuning: better on corrections nobody trained on, and nothing forgotten?"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from engine.feedback.judges import LEAST_PATIENTS
from engine.progress import Part, Progress
from engine.protocol import Task
from engine.runtime import AdapterManifest, ModelManifest, adapter_in_use, known_labels
from training.checkpoint import TrainingError
from training.evaluation.answering import GgufAnswerer
from training.evaluation.paired import Difference, Pair, difference, difference_of, pair_up
from training.evaluation.predict import answers_file, predict
from training.evaluation.prediction import Prediction
from training.feedback.finetune import REPLAYED_FILE, default_threads, read_record, read_run
from training.feedback.gate_report import REPORT_FILE, part_report, scores_report, write_report
from training.feedback.latents import ROLE, head_update, latents_of, remembered_still
from training.feedback.run_lock import working_on
from training.feedback.sets import (
    SnapshotFolder,
    base_test_set,
    heldout_samples,
    require_apart,
)
from training.feedback.verdict import heldout_patients, judge
from training.records import DatasetError, dataset_sha256
from training.samples import ImageSample, gather_samples

GATE = "gate"
_FORMAT = 1


def run_gate(
    folder: Path,
    base: ModelManifest,
    snapshot_folder: Path,
    progress: Progress,
    *,
    base_test: Path | None = None,
    limit: int = 2000,
    patients: int = 40,
) -> dict[str, Any]:
    """Ask two sets of questions with and without a run's adapter; writes and returns ``gate/report.json``.

    ``gate/report.md`` is the same for people, with pictures. Corrections are asked through the engine, as the window
    does, and so is a base test set; what the base remembers of its test is scored by vectors, id by id.

    Corrections are compared with what is in use now, the base test set with the plain base: what is forgotten must not
    add up from one adapter to the next. base_test : a set of the base's own; when None what the base remembers of its
    test (see `training.feedback.latents`), or phantoms of so many `patients` for a base that brought nothing along.
    Of fewer than `LEAST_PATIENTS` held-out patients nothing can be told, and it does not pass. limit : questions of
    the base test set, spread evenly. A gate that is stopped goes on from the answers it has.
    Raises `TrainingError` for another run, base or snapshot than those belonging together, `FeedbackError`,
    `DatasetError`, `EngineError`, `BusyError`, `Cancelled`.
    """
    read_run(folder)
    with working_on(folder, progress):
        return _run_gate(folder, base, snapshot_folder, progress, base_test, limit, patients)


def _run_gate(
    folder: Path,
    base: ModelManifest,
    snapshot_folder: Path,
    progress: Progress,
    base_test: Path | None,
    limit: int,
    patients: int,
) -> dict[str, Any]:
    run, record = read_run(folder), read_record(folder)
    run.adapter.require_base(base)
    run.adapter.verify()
    snapshot = SnapshotFolder.read(snapshot_folder)
    if snapshot.sha256 != record["snapshot"]["sha256"]:
        name = record["snapshot"]["name"]
        raise TrainingError(f"{folder} was trained on the snapshot {name}, not on {snapshot_folder}")
    held = heldout_samples(snapshot)
    if not held:
        raise DatasetError(f"the snapshot {snapshot_folder} holds nothing out: there is nothing to judge by")
    out = folder / GATE
    names = known_labels(base, run.adapter)
    remembered = _remembered(base, run.adapter) if base_test is None else None
    tested, questions = None, 0
    if remembered is None:
        tested = base_test_set(base, base_test, out / "base-test", patients, progress)
        test = gather_samples([tested.folder])
        _require_unseen(snapshot, tested.source, test, folder)
        questions = min(limit, _questions(test))
    in_use = adapter_in_use(base)
    answers = _Answers(base, out / "answers", progress, 2 * (_questions(held) + questions))
    ours = answers.of(snapshot.heldout, run.adapter, None)
    corrections = pair_up(answers.of(snapshot.heldout, in_use, None), ours)
    if tested is not None:
        kept = pair_up(answers.of(tested.folder, None, limit), answers.of(tested.folder, run.adapter, limit))
        base_part = {
            "source": tested.source,
            "sha256": dataset_sha256(tested.folder),
            "limit": limit,
            **part_report(kept, names),
        }
        base_found = by_task(kept)
    else:
        assert remembered is not None
        base_part, base_found = remembered
    checks = judge(difference_of(corrections), base_found)
    report = {
        "format": _FORMAT,
        "passed": all(one.passed for one in checks),
        "checks": [asdict(one) for one in checks],
        "least_patients": LEAST_PATIENTS,
        "base": record["base"],
        "snapshot": record["snapshot"],
        "adapter": {"id": run.adapter.id, "sha256": run.adapter.file.sha256},
        "compared_with": None if in_use is None else {"id": in_use.id, "sha256": in_use.file.sha256},
        "heldout": {
            "source": f"the held-out part of {snapshot.folder.name}",
            "sha256": dataset_sha256(snapshot.heldout),
            **part_report(corrections, names),
        },
        "base_test": base_part,
    }
    return write_report(report, corrections, snapshot.heldout, out)


def read_report(folder: Path) -> dict[str, Any]:
    """A run's gate report. Raises `TrainingError` when there is none, or it is of another adapter."""
    return report_of(folder / GATE / REPORT_FILE, read_run(folder).adapter, folder)


def report_of(path: Path, adapter: AdapterManifest, whose: Path) -> dict[str, Any]:
    """A gate's report that is about this adapter. whose : for the message. Raises `TrainingError` for another file."""
    try:
        report: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        format_, judged = report["format"], report["adapter"]["sha256"]
        # Another machine may have written it: what is decided by must be there.
        against = report["compared_with"]
        whole = against is None or (isinstance(against["id"], str) and isinstance(against["sha256"], str))
        whole = whole and heldout_patients(report) >= 0 and isinstance(report["passed"], bool)
        whole = whole and all(isinstance(report[part]["overall"], dict) for part in ("heldout", "base_test"))
        whole = whole and all({"what", "value", "bound", "passed"} <= set(one) for one in report["checks"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise TrainingError(f"{whose} has not been through medrega feedback gate ({error!r})") from error
    if format_ != _FORMAT or not whole or judged != adapter.file.sha256:
        raise TrainingError(f"{path} is about another adapter: run medrega feedback gate again")
    return report


def by_task(pairs: Sequence[Pair]) -> dict[Task, Difference]:
    """The difference in each task that there are questions of."""
    members: dict[Task, list[Pair]] = {}
    for pair in pairs:
        members.setdefault(pair[0].record.task, []).append(pair)
    return {task: difference_of(some) for task, some in members.items()}


def kept_answers(
    base: ModelManifest,
    adapter: AdapterManifest | None,
    dataset: Path,
    limit: int | None,
    folder: Path,
    progress: Progress,
) -> tuple[Prediction, ...]:
    """Ask a set's questions through the engine, as the window does; what `folder` holds of it is asked no second time.

    With as many threads as a training has: the window is used meanwhile. limit : questions, spread evenly.
    Raises `DatasetError`, `EngineError`, `Cancelled`.
    """
    with GgufAnswerer(base, adapter=adapter, threads=default_threads()) as answerer:
        name = adapter.id if adapter else "base"
        log = answers_file(folder, name, answerer, dataset, limit)
        return predict(answerer, dataset, progress, limit=limit, log=log).predictions


class _Answers:
    """All answers of a gate, kept, under one progress. questions : how many there are to be."""

    def __init__(self, base: ModelManifest, folder: Path, progress: Progress, questions: int) -> None:
        self._base = base
        self._folder = folder
        self._progress = progress
        self._questions = questions
        self._answered = 0

    def of(self, dataset: Path, adapter: AdapterManifest | None, limit: int | None) -> tuple[Prediction, ...]:
        part = Part(self._progress, self._answered, self._questions)
        found = kept_answers(self._base, adapter, dataset, limit, self._folder, part)
        self._answered += len(found)
        return found


def _remembered(base: ModelManifest, adapter: AdapterManifest) -> tuple[dict[str, Any], dict[Task, Difference]] | None:
    """The base part of the report and its figures by what the base remembers; None where that cannot judge."""
    latents, update = latents_of(base), head_update(adapter)
    if latents is None or update is None:
        return None
    scored = remembered_still(latents, base, update)
    part = {"source": latents.source, "sha256": base.files[ROLE].sha256, "limit": None, **scores_report(scored)}
    return part, {task: difference(rows) for task, rows in scored.items()}


def _questions(samples: Sequence[ImageSample]) -> int:
    return sum(len(sample.records) for sample in samples)


def _require_unseen(snapshot: SnapshotFolder, source: str, test: Sequence[ImageSample], folder: Path) -> None:
    require_apart(gather_samples([snapshot.train]), test, source)
    replayed = set(json.loads((folder / REPLAYED_FILE).read_text(encoding="utf-8")))
    shared = replayed & {record.group for sample in test for record in sample.records}
    if shared:
        raise DatasetError(f"{len(shared)} patients of {source} were replayed in training")
