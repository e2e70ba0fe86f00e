"""The gate: what it compares, what it decides, and what may be promoted after it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from click.testing import CliRunner  # noqa: E402

from engine.feedback.errors import FeedbackError  # noqa: E402
from engine.feedback.hashes import seal  # noqa: E402
from engine.feedback.judges import LEAST_PATIENTS  # noqa: E402
from engine.progress import NoProgress  # noqa: E402
from engine.runtime import Session, adapter_in_use, read_history, registry  # noqa: E402
from training.checkpoint import TrainingError  # noqa: E402
from training.cli_feedback_train import gate_command, promote_command, rollback_command, status_command  # noqa: E402
from training.feedback.gate import read_report, run_gate  # noqa: E402
from training.feedback.promotion import promote_run  # noqa: E402
from training.records import DatasetError  # noqa: E402


@pytest.fixture(scope="session")
def gated(run, base, snapshot, replay, tmp_path_factory):
    """The finished run with its gate's report."""
    with pytest.MonkeyPatch.context() as patch:
        nothing = tmp_path_factory.mktemp("none")
        patch.setattr(registry, "model_folders", lambda: (nothing, nothing))
        run_gate(run.folder, base, snapshot, NoProgress(), base_test=replay / "test", limit=60)
    return run.folder


@pytest.fixture
def here(tmp_path, monkeypatch):
    """No adapter was ever promoted."""
    monkeypatch.setattr(registry, "model_folders", lambda: (tmp_path / "models", tmp_path / "shipped"))


@pytest.fixture
def decided(gated, tmp_path):
    """A copy of the run whose gate's verdict is as wanted."""

    def make(passed: bool) -> Path:
        folder = tmp_path / f"run-{passed}"
        shutil.copytree(gated, folder)
        path = folder / "gate" / "report.json"
        report = json.loads(path.read_text(encoding="utf-8"))
        report["passed"] = passed
        report["checks"][0] |= {"passed": passed, "value": 0.1 if passed else -0.1}
        report["heldout"]["overall"]["patients"] = LEAST_PATIENTS
        path.write_text(json.dumps(report), encoding="utf-8")
        return folder

    return make


def test_the_report_compares_the_same_questions_before_and_after(gated, snapshot, run):
    report = read_report(gated)
    held = report["heldout"]
    questions = sum(1 for file in (snapshot / "heldout").glob("*.jsonl") for _ in file.open())
    assert held["overall"]["n"] == questions
    assert held["overall"]["patients"] == 6
    assert report["adapter"]["sha256"] == run.adapter.file.sha256
    assert report["base_test"]["overall"]["n"] == 60
    assert held["measure"] == report["base_test"]["measure"] == "answers"
    # Six patients are too few to tell, whatever they say.
    assert not report["passed"]
    assert report["checks"][0]["value"] is None
    assert report["least_patients"] == LEAST_PATIENTS
    for part in (held, report["base_test"]):
        rows = [*part["tasks"].values(), part["overall"]]
        assert all(row["difference"] == pytest.approx(row["after"] - row["before"]) for row in rows)
        assert sum(row["n"] for row in part["labels"]) == part["overall"]["n"]
        # Both languages' names are one row.
        assert all(row["label"].isascii() for row in part["labels"])
    named = held["tasks"]["region_to_text"]
    confusion = held["confusion"]
    for side in ("before", "after"):
        table = confusion[side]
        assert sum(map(sum, table)) == named["n"]
        right = sum(table[place][place] for place in range(len(confusion["labels"]) - 1))
        assert right == pytest.approx(named[side] * named["n"])
    assert held["overall"]["after"] != held["overall"]["before"]


class Bar:
    """What a progress bar would show."""

    def __init__(self) -> None:
        self.shown: list[tuple[int, int]] = []

    def report(self, done: int, total: int, what: str) -> None:
        if what == "questions":
            self.shown.append((done, total))

    def cancelled(self) -> bool:
        return False


def test_all_its_questions_are_one_bar(run, base, snapshot, replay, here, tmp_path):
    folder, bar = tmp_path / "run", Bar()
    shutil.copytree(run.folder, folder, ignore=shutil.ignore_patterns("gate"))
    report = run_gate(folder, base, snapshot, bar, base_test=replay / "test", limit=8)
    asked = 2 * (report["heldout"]["overall"]["n"] + report["base_test"]["overall"]["n"])
    assert bar.shown == [(done, asked) for done in range(1, asked + 1)]


def test_the_page_shows_what_changed(gated):
    report, page = read_report(gated), (gated / "gate" / "report.md").read_text(encoding="utf-8")
    assert report["examples"]
    for one in report["examples"]:
        assert one["scores"][0] != one["scores"][1]
        assert all((gated / "gate" / name).is_file() and name in page for name in one["pictures"].values())
    title = page.splitlines()[0]
    assert "passed" in title
    assert ("NOT" in title) != report["passed"]
    assert "Names, after" in page
    assert f"of 6 patients, too few to tell: at least {LEAST_PATIENTS} are needed" in page
    assert "Answers through the engine" in page


def test_a_gate_that_is_run_again_asks_nothing_twice(gated, base, snapshot, replay, here):
    logs = {path: path.read_bytes() for path in (gated / "gate" / "answers").iterdir()}
    before = read_report(gated)
    assert run_gate(gated, base, snapshot, NoProgress(), base_test=replay / "test", limit=60) == before
    assert {path: path.read_bytes() for path in (gated / "gate" / "answers").iterdir()} == logs


def test_what_was_trained_on_cannot_judge(gated, base, snapshot, replay, here, tmp_path):
    with pytest.raises(DatasetError, match="were replayed in training"):
        run_gate(gated, base, snapshot, NoProgress(), base_test=replay / "train")
    with pytest.raises(DatasetError, match="also trained on"):
        run_gate(gated, base, snapshot, NoProgress(), base_test=snapshot / "train")
    other = tmp_path / "other"
    shutil.copytree(snapshot, other)
    (other / "more.txt").write_text("x")
    seal(other)
    with pytest.raises(TrainingError, match="was trained on the snapshot site-b"):
        run_gate(gated, base, other, NoProgress())
    (other / "more.txt").write_text("y")
    with pytest.raises(FeedbackError, match="is damaged"):
        run_gate(gated, base, other, NoProgress())


def test_a_run_that_passed_is_promoted_and_answers(decided, base, here):
    adapter = promote_run(decided(True), base, "ann")
    assert adapter_in_use(base) == adapter
    kept = {path.name for path in adapter.folder.iterdir()}
    # Pictures of patients stay with the run.
    assert kept == {"adapter.gguf", "adapter.json", "lineage.json", "gate.json"}
    (switch,) = read_history()
    assert switch.adapter_sha256 == adapter.file.sha256
    assert switch.facts["gate"]["passed"]
    assert switch.facts["snapshot"]["name"] == "site-b"
    with Session(base, promoted=True) as session:
        session.start()
        assert session.adapter.id == adapter.id


def test_without_a_passing_gate_only_an_override_with_a_reason_promotes(decided, gated, base, here, tmp_path):
    failed = decided(False)
    with pytest.raises(FeedbackError, match=r"improves -0\.1000"):
        promote_run(failed, base, "ann")
    with pytest.raises(FeedbackError, match="--reason"):
        promote_run(failed, base, "ann", override=True, reason=" ")
    assert adapter_in_use(base) is None
    promote_run(failed, base, "ann", override=True, reason="the new scanner matters more")
    (switch,) = read_history()
    assert (switch.reason, switch.facts["overridden"]) == ("the new scanner matters more", True)
    ungated = tmp_path / "ungated"
    shutil.copytree(gated, ungated)
    shutil.rmtree(ungated / "gate")
    with pytest.raises(TrainingError, match="has not been through"):
        promote_run(ungated, base, "ann")


def test_the_verbs_gate_promote_roll_back_and_tell(decided, base, here, snapshot, replay):
    folder, at = decided(True), ["--base", str(base.folder), "--db", str(decided(False) / "none.sqlite")]

    def said(command, *arguments):
        result = CliRunner().invoke(command, [*arguments, "--json"])
        return result.exit_code, json.loads(result.stdout)

    again = [str(folder), "--base-test", str(replay / "test"), "--limit", "60"]
    code, report = said(gate_command, *again)
    assert code == (0 if report["passed"] else 1)
    # What the gate decides on this untrained model does not matter here.
    extra = () if report["passed"] else ("--override", "--reason", "test")
    code, promoted = said(promote_command, str(folder), *extra)
    assert code == 0
    code, status = said(status_command, *at)
    assert status["adapter"]["id"] == promoted["adapter"]
    assert status["snapshots"] == []
    assert [one["action"] for one in status["history"]] == ["promote"]
    code, rolled = said(rollback_command, *at[:2], "--reason", "worse")
    assert (code, rolled["adapter"]) == (0, None)
    code, status = said(status_command, *at)
    assert status["adapter"] is None
    assert [one["action"] for one in status["history"]] == ["promote", "rollback"]
    result = CliRunner().invoke(promote_command, [str(folder), "--override"])
    assert result.exit_code == 2
