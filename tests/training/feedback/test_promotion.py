"""Which adapter may come into use: by its own gate, compared with what is in use, by enough patients; or by override.

The runs are made up: what decides here is what lies in their folders.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")

from click.testing import CliRunner

from engine.feedback.errors import FeedbackError
from engine.feedback.judges import LEAST_PATIENTS
from engine.runtime import (
    AdapterManifest,
    ModelFile,
    ModelManifest,
    adapter_in_use,
    adapters_folder,
    read_history,
    registry,
)
from tests.engine.runtime.tiny_adapter import write_adapter
from training.checkpoint import TrainingError
from training.cli_feedback_train import promote_command, status_command
from training.feedback.promotion import KEPT_REPORT, promote_registered, promote_run

SIDES = {"train": 10, "heldout": 2}
SNAPSHOT = {"name": "site-b", "sha256": "c" * 64}


@pytest.fixture
def base(tmp_path, monkeypatch) -> ModelManifest:
    """A model by its manifest alone, of which no adapter was ever promoted."""
    monkeypatch.setattr(registry, "model_folders", lambda: (tmp_path / "models", tmp_path / "shipped"))
    files = {role: ModelFile(role, hashlib.sha256(role.encode()).hexdigest(), 1) for role in ("text", "mmproj")}
    return ModelManifest("tiny", "Tiny", "0", "medrega", tmp_path, files, 64, 16, 512, 1e-3, 0.0)


@pytest.fixture
def run(base, tmp_path):
    """Makes a finished run with a gate's report."""

    def make(name: str, *, seed: int, against: AdapterManifest | None = None, **said: Any) -> Path:
        folder = tmp_path / name
        adapter = write_adapter(folder / "adapter", base, seed=seed)
        # Its id is its file's, as a run gives it.
        adapter = AdapterManifest(f"feedback-{seed}", "Corrections", base.sha256, adapter.folder, adapter.file)
        adapter.write()
        (folder / "adapter" / "lineage.json").write_text(json.dumps({"snapshot": SNAPSHOT}))
        (folder / "result.json").write_text("{}")
        (folder / "run.json").write_text(json.dumps({"snapshot": SNAPSHOT}))
        overall = {"patients": LEAST_PATIENTS, "n": 20, "before": 0.2, "after": 0.4}
        report = {
            "format": 1,
            "passed": True,
            "checks": [{"what": "improves", "value": 0.1, "bound": 0.0, "passed": True}],
            "adapter": {"id": adapter.id, "sha256": adapter.file.sha256},
            "compared_with": None if against is None else {"id": against.id, "sha256": against.file.sha256},
            "heldout": {"overall": overall},
            "base_test": {"overall": overall},
        } | said
        (folder / "gate").mkdir()
        (folder / "gate" / "report.json").write_text(json.dumps(report))
        return folder

    return make


def test_a_run_is_used_that_was_compared_with_what_is_in_use(base, run):
    first = promote_run(run("one", seed=1), base, "ann")
    second = promote_run(run("two", seed=2, against=first), base, "ann")
    assert adapter_in_use(base) == second
    assert [one.facts["overridden"] for one in read_history()] == [False, False]
    assert read_history()[-1].facts["snapshot"] == SNAPSHOT


def test_a_gate_that_compared_it_with_another_adapter_is_run_again(base, run):
    stale = run("stale", seed=2)
    first = promote_run(run("one", seed=1), base, "ann")
    with pytest.raises(FeedbackError, match=r"with the base alone, and feedback-1 is in use now: run .* gate again"):
        promote_run(stale, base, "ann")
    promote_run(stale, base, "ann", override=True, reason="both were looked at")
    assert read_history()[-1].facts["overridden"]
    third = run("three", seed=3, against=first)
    with pytest.raises(FeedbackError, match="compared with feedback-1, and feedback-2 is in use now"):
        promote_run(third, base, "ann")


def test_a_few_patients_let_nothing_pass_whatever_an_older_report_says(base, run):
    overall = {"patients": LEAST_PATIENTS - 1, "n": 90, "before": 0.2, "after": 0.9}
    few = run("few", seed=1, heldout={"overall": overall})
    with pytest.raises(
        FeedbackError, match=r"of 7 patients, too few to tell: at least 8 are needed\. Hold out a larger"
    ):
        promote_run(few, base, "ann")
    with pytest.raises(FeedbackError, match="--reason"):
        promote_run(few, base, "ann", override=True)
    promote_run(few, base, "ann", override=True, reason="all of them got better")
    (switch,) = read_history()
    assert switch.facts["overridden"]
    assert switch.facts["gate"]["passed"], "as the report says"


def imported(run_folder: Path, *, with_report: bool) -> AdapterManifest:
    """The adapter of a run as a bundle brings it."""
    made = AdapterManifest.read(run_folder / "adapter")
    target = adapters_folder() / made.id
    shutil.copytree(made.folder, target)
    if with_report:
        shutil.copyfile(run_folder / "gate" / "report.json", target / KEPT_REPORT)
    return AdapterManifest.read(target)


def test_an_imported_adapter_without_a_report_needs_a_reason(base, run):
    adapter = imported(run("one", seed=1), with_report=False)
    with pytest.raises(FeedbackError, match="feedback-1 is not promoted: it brought no report of a gate along"):
        promote_registered(adapter, base, "ann")
    with pytest.raises(FeedbackError, match="--reason"):
        promote_registered(adapter, base, "ann", override=True, reason=" ")
    kept = promote_registered(adapter, base, "ann", override=True, reason="the other site's")
    assert adapter_in_use(base) == kept == adapter
    (switch,) = read_history()
    assert (switch.reason, switch.facts) == (
        "the other site's",
        {"snapshot": SNAPSHOT, "gate": None, "overridden": True},
    )


def test_an_imported_adapter_is_judged_by_the_report_it_brought(base, run):
    adapter = imported(run("one", seed=1), with_report=True)
    promote_registered(adapter, base, "ann")
    assert not read_history()[-1].facts["overridden"]
    other = imported(run("two", seed=2), with_report=True)
    with pytest.raises(FeedbackError, match="feedback-1 is in use now"):
        promote_registered(other, base, "ann")
    path = other.folder / KEPT_REPORT
    for wrong in ("{", "[]", '{"format": 1}', (adapter.folder / KEPT_REPORT).read_text()):
        path.write_text(wrong)
        with pytest.raises(TrainingError):
            promote_registered(other, base, "ann")
    promote_registered(other, base, "ann", override=True, reason="known")
    assert read_history()[-1].facts["gate"] is None


def test_the_verb_takes_a_run_or_an_adapter(base, run, monkeypatch):
    monkeypatch.setattr("engine.cli.options.named_model", lambda _: base)
    imported(run("one", seed=1), with_report=False)
    for wrong in ([], ["RUN", "--adapter", "feedback-1"], ["--adapter", "feedback-1", "--override"]):
        assert CliRunner().invoke(promote_command, wrong).exit_code == 2
    words = ["--adapter", "feedback-1", "--override", "--reason", "tried there", "--who", "eve", "--json"]
    result = CliRunner().invoke(promote_command, words, catch_exceptions=False)
    assert json.loads(result.stdout)["adapter"] == "feedback-1"
    assert read_history()[-1].who == "eve"


def test_a_damaged_adapter_in_use_keeps_no_other_from_being_used(base, run):
    first = promote_run(run("one", seed=1), base, "ann")
    shutil.rmtree(first.folder)
    second = promote_run(run("two", seed=2, against=first), base, "ann")
    assert adapter_in_use(base) == second


def test_a_status_lists_the_snapshots(base, monkeypatch, tmp_path):
    from engine.store import AnnotationStore

    monkeypatch.setattr("engine.cli.options.named_model", lambda _: base)
    counts = {side: {"patients": n, "images": n, "regions": 2 * n, "records": 8 * n} for side, n in SIDES.items()}
    with AnnotationStore.open(tmp_path / "a.sqlite") as store:
        row = store.snapshots.keep("d" * 64, "{}", json.dumps(counts), tmp_path / "d", "ann")
    words = ["--db", str(tmp_path / "a.sqlite")]
    said = json.loads(CliRunner().invoke(status_command, [*words, "--json"], catch_exceptions=False).stdout)
    kept = {"hash": "d" * 64, "created": row.created, "who": "ann", "folder": row.folder, "counts": counts}
    assert said["snapshots"] == [kept]
    text = CliRunner().invoke(status_command, words, catch_exceptions=False).stdout
    line = f"{row.created} snapshot {'d' * 16} by ann: to train on 20 regions of 10 patients, held out 4 regions of 2"
    assert line in text
    # A machine on which nobody has annotated yet has a status too.
    said = CliRunner().invoke(status_command, ["--db", str(tmp_path / "no.sqlite"), "--json"], catch_exceptions=False)
    assert json.loads(said.stdout)["snapshots"] == []
    assert not (tmp_path / "no.sqlite").exists()
