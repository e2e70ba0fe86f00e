"""From a run that passed its gate to the adapter in use."""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

from engine.feedback.errors import FeedbackError
from engine.progress import NoProgress
from engine.runtime import AdapterManifest, ModelManifest, promote_adapter
from training.checkpoint import TrainingError
from training.feedback.finetune import FineTuned, read_record, read_run
from training.feedback.gate import GATE, read_report
from training.feedback.gate_report import REPORT_FILE
from training.feedback.run_lock import working_on

KEPT_REPORT = "gate.json"
"""The gate's report in the adapter's folder. Its pictures are of patients and stay with the run."""


def promote_run(
    folder: Path, base: ModelManifest, who: str, *, override: bool = False, reason: str = ""
) -> AdapterManifest:
    """Let `base` answer with a run's adapter from its next question on.

    override : also without a passing gate, with a reason that is kept for ever. Raises `FeedbackError` when it is
    refused, `TrainingError` for a run that is not finished, `BusyError` while it is worked on, `ModelError`.
    """
    run, record = read_run(folder), read_record(folder)
    with working_on(folder, NoProgress()):
        return _promote(run, record, base, who, override=override, reason=reason)


def _promote(
    run: FineTuned, record: dict[str, Any], base: ModelManifest, who: str, *, override: bool, reason: str
) -> AdapterManifest:
    folder = run.folder
    report = _report(folder, needed=not override)
    passed = report is not None and bool(report["passed"])
    if not passed:
        if not override:
            raise FeedbackError(
                f"{run.adapter.id} is not promoted: {_failures(report)}; --override with a --reason does"
            )
        if not reason.strip():
            raise FeedbackError("an override needs a --reason, which is kept in the history")
    adapter = run.adapter
    facts: dict[str, Any] = {
        "snapshot": record["snapshot"],
        "gate": None,
        "overridden": not passed,
    }
    if report is not None:
        file = folder / GATE / REPORT_FILE
        facts["gate"] = {"passed": passed, "sha256": hashlib.sha256(file.read_bytes()).hexdigest()}
        shutil.copyfile(file, adapter.folder / KEPT_REPORT)
        scores = {part: report[part]["overall"] for part in ("heldout", "base_test")}
        adapter = replace(adapter, scores={"gate_passed": passed, **scores})
        adapter.write()
    return promote_adapter(adapter, base, who, reason=reason.strip(), facts=facts)


def _report(folder: Path, *, needed: bool) -> dict[str, Any] | None:
    try:
        return read_report(folder)
    except TrainingError:
        if needed:
            raise
        return None


def _failures(report: dict[str, Any] | None) -> str:
    assert report is not None, "without a report it was refused before"
    failed = [one for one in report["checks"] if not one["passed"]]
    words = []
    for one in failed:
        value = "cannot be told of fewer than two patients" if one["value"] is None else f"{one['value']:+.4f}"
        words.append(f"{one['what']} {value} (bound {one['bound']:g})")
    return "its gate did not pass: " + ", ".join(words)
