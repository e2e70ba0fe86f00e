"""From an adapter that passed its gate to the one in use."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from engine.feedback.errors import FeedbackError
from engine.feedback.judges import KEPT_REPORT
from engine.files import whole_file
from engine.progress import NoProgress
from engine.runtime import AdapterManifest, ModelManifest, Switch, promote_adapter, switch_in_use
from training.checkpoint import TrainingError
from training.feedback.finetune import read_record, read_run
from training.feedback.gate import GATE, read_report, report_of
from training.feedback.gate_report import REPORT_FILE
from training.feedback.run_lock import working_on
from training.feedback.verdict import too_few_words

_LINEAGE = "lineage.json"


def promote_run(
    folder: Path, base: ModelManifest, who: str, *, override: bool = False, reason: str = ""
) -> AdapterManifest:
    """Let `base` answer with a run's adapter from its next question on.

    override : also without a passing gate, or with one that compared the adapter with another than is in use now; with
    a reason that is kept for ever. Raises `FeedbackError` when it is refused, `TrainingError` for a run that is not
    finished, `BusyError` while it is worked on, `ModelError`.
    """
    run, record = read_run(folder), read_record(folder)
    with working_on(folder, NoProgress()):
        file = folder / GATE / REPORT_FILE
        try:
            report = read_report(folder)
        except TrainingError:
            if not override:
                raise
            report = None
        gate = _Gate(run.adapter, report, file)
        facts = gate.facts(base, override=override, reason=reason)
        adapter = run.adapter
        if report is not None:
            with whole_file(adapter.folder / KEPT_REPORT) as target:
                shutil.copyfile(file, target)
            scores = {part: report[part]["overall"] for part in ("heldout", "base_test")}
            adapter = replace(adapter, scores={"gate_passed": gate.passed, **scores})
            adapter.write()
        facts["snapshot"] = record["snapshot"]
        return promote_adapter(adapter, base, who, reason=reason.strip(), facts=facts)


def promote_registered(
    adapter: AdapterManifest, base: ModelManifest, who: str, *, override: bool = False, reason: str = ""
) -> AdapterManifest:
    """The same with an adapter that lies beside the others already, such as an imported one.

    It is judged by the gate's report that it brought along, if any. Raises as `promote_run`.
    """
    file = adapter.folder / KEPT_REPORT
    report = None
    try:
        if file.is_file():
            report = report_of(file, adapter, adapter.folder)
    except TrainingError:
        if not override:
            raise
    facts = _Gate(adapter, report, file).facts(base, override=override, reason=reason)
    facts["snapshot"] = _snapshot(adapter)
    return promote_adapter(adapter, base, who, reason=reason.strip(), facts=facts)


@dataclass(frozen=True, slots=True)
class _Gate:
    """What an adapter's gate found. report : None without one. file : where it lies."""

    adapter: AdapterManifest
    report: Mapping[str, Any] | None
    file: Path

    @property
    def passed(self) -> bool:
        """What it says of itself."""
        return self.report is not None and bool(self.report["passed"])

    def facts(self, base: ModelManifest, *, override: bool, reason: str) -> dict[str, Any]:
        """For the history. Raises `FeedbackError` when the adapter may not be used."""
        refusal = _refusal(self.report, switch_in_use(base))
        if refusal and not override:
            raise FeedbackError(f"{self.adapter.id} is not promoted: {refusal}; --override with a --reason does")
        if refusal and not reason.strip():
            raise FeedbackError("an override needs a --reason, which is kept in the history")
        gate = None
        if self.report is not None:
            gate = {"passed": self.passed, "sha256": hashlib.sha256(self.file.read_bytes()).hexdigest()}
        return {"snapshot": None, "gate": gate, "overridden": bool(refusal)}


def _refusal(report: Mapping[str, Any] | None, in_use: Switch | None) -> str:
    """Why an adapter with this report may not be used now, "" where it may."""
    if report is None:
        return "it brought no report of a gate along"
    few = too_few_words(report)
    if few:
        return few
    against = report["compared_with"]
    before, now = None if against is None else against["sha256"], None if in_use is None else in_use.adapter_sha256
    # What is in use already is refused further on.
    if before != now and now != report["adapter"]["sha256"]:
        then = "the base alone" if against is None else against["id"]
        today = "the base alone" if in_use is None else in_use.adapter
        return f"it was compared with {then}, and {today} is in use now: run medrega feedback gate again"
    return "" if report["passed"] else _failures(report)


def _failures(report: Mapping[str, Any]) -> str:
    words = []
    for one in report["checks"]:
        if not one["passed"]:
            value = "cannot be told" if one["value"] is None else f"{one['value']:+.4f}"
            words.append(f"{one['what']} {value} (bound {one['bound']:g})")
    return "its gate did not pass: " + ", ".join(words)


def _snapshot(adapter: AdapterManifest) -> dict[str, Any] | None:
    """What the adapter was trained on, as far as it says."""
    try:
        said = json.loads((adapter.folder / _LINEAGE).read_text(encoding="utf-8"))["snapshot"]
        return {"name": str(said["name"]), "sha256": str(said["sha256"])}
    except (OSError, ValueError, KeyError, TypeError):
        return None
