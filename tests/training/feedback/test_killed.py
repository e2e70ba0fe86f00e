"""kill -9 at any step of the loop: the old adapter stays in use, and what was killed goes on where it was."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")

from engine.feedback.snapshots import open_snapshot
from engine.runtime import Session, adapter_in_use, list_adapters, read_history
from engine.store import AnnotationStore
from tests.clinic import PATIENTS, decide_clinic, write_clinic
from training.checkpoint import TrainingError
from training.feedback.finetune import read_run
from training.feedback.gate import GATE
from training.feedback.gate_report import REPORT_FILE

ROOT = Path(__file__).parents[3]
KILLS = int(os.environ.get("MEDREGA_FEEDBACK_KILLS", "6"))
"""Of each step. 40 before a release: ``MEDREGA_FEEDBACK_KILLS=40 pytest tests/training/feedback/test_killed.py``."""
STEPS = 6

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not hasattr(os, "fork"), reason="kills forked processes"),
]


class Killer:
    """Runs verbs in processes of their own, and kills some of them."""

    def __init__(self, nursery: subprocess.Popen[str], folder: Path, seed: int) -> None:
        self._nursery = nursery
        self._folder = folder
        self._random = random.Random(seed)
        self.kills = 0

    def run(self, *arguments: object, kill_at: int | None = None, after_s: float | None = None) -> dict[str, Any]:
        """Run one verb; kill_at : its so manieth use of a file, after_s : seconds until it is killed from outside."""
        assert self._nursery.stdin is not None
        line = {
            "arguments": [str(one) for one in arguments],
            "kill_at": kill_at,
            "folder": str(self._folder),
            "log": str(self._folder / "log.txt"),
        }
        self._nursery.stdin.write(json.dumps(line) + "\n")
        self._nursery.stdin.flush()
        pid = self._answer()["pid"]
        if after_s is not None:
            threading.Timer(after_s, _kill, (pid,)).start()
        return self._answer()

    def done(self, *arguments: object) -> dict[str, Any]:
        """Run one verb to its end."""
        told = self.run(*arguments)
        assert told["code"] in (0, 1), (self._folder / "log.txt").read_text()
        return told

    def killed(self, number: int, files: int, seconds: float, *arguments: object) -> bool:
        """Run one verb and kill it at random; False when it was done before.

        number : of `KILLS`, the first ones early and the last ones late. files, seconds : what it takes undisturbed.
        """
        share = (number + self._random.random()) / KILLS
        if number % 3 == 2:
            told = self.run(*arguments, after_s=share * seconds)
        else:
            told = self.run(*arguments, kill_at=1 + int(share * files))
        if told["code"] != -signal.SIGKILL:
            assert told["code"] in (0, 1), (self._folder / "log.txt").read_text()
            return False
        self.kills += 1
        _wait_for_end(told["children"])
        return True

    def _answer(self) -> dict[str, Any]:
        assert self._nursery.stdout is not None
        line = self._nursery.stdout.readline()
        assert line, "the process that runs the verbs has ended"
        said: dict[str, Any] = json.loads(line)
        return said


def _kill(pid: int) -> None:
    """A process that has ended already, or that nobody has waited for, needs none."""
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def _wait_for_end(pids: list[int]) -> None:
    """A model's process ends when the one that asked it is gone."""
    until = time.monotonic() + 30
    for pid in pids:
        while Path(f"/proc/{pid}").exists() and "Z" not in Path(f"/proc/{pid}/stat").read_text().split()[2]:
            assert time.monotonic() < until, f"process {pid} outlives the one that started it"
            time.sleep(0.05)


@pytest.fixture
def killer(tmp_path, monkeypatch, tiny_model) -> Iterator[Killer]:
    """With a user data folder of this test's own."""
    for name in ("XDG_DATA_HOME", "XDG_CONFIG_HOME"):
        monkeypatch.setenv(name, str(tmp_path / name))
    script = [sys.executable, str(Path(__file__).with_name("loop_child.py"))]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(script, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment) as nursery:
        yield Killer(nursery, tmp_path, seed=11)
        assert nursery.stdin is not None
        nursery.stdin.close()


@pytest.fixture
def database(tmp_path) -> Path:
    """Decisions on the scans of six patients."""
    path = tmp_path / "a.sqlite"
    with AnnotationStore.open(path) as store:
        decide_clinic(store, write_clinic(tmp_path / "clinic", PATIENTS[:6]))
    return path


def test_a_killed_snapshot_is_whole_or_away(killer, database, tmp_path):
    verb = ["snapshot", "--db", database, "--heldout", 0.35, "--out"]
    whole = killer.done(*verb, tmp_path / "whole")
    with AnnotationStore.open(database) as store:
        (row,) = store.snapshots.all()
    for number in range(KILLS):
        killer.killed(number, whole["files"], 2.0, *verb, tmp_path / "killed")
        with AnnotationStore.open(database) as store:
            assert store.integrity_problems() == store.audit_problems() == []
            for one in store.snapshots.all():
                assert open_snapshot(one).row.hash == row.hash
            listed = {Path(one.folder).name for one in store.snapshots.all()}
        there = {path.name for path in (tmp_path / "killed").glob("[!.]*")}
        assert there <= {row.hash[:16]}
        assert listed <= there | {row.hash[:16]}
    killer.done(*verb, tmp_path / "killed")
    with AnnotationStore.open(database) as store:
        assert {one.hash for one in store.snapshots.all()} == {row.hash}
        assert {Path(one.folder).parent.name for one in store.snapshots.all()} == {"whole", "killed"}
    assert killer.kills >= KILLS // 2, "they were done before they were killed"


def test_a_kill_at_any_step_leaves_the_old_adapter_in_use_and_the_run_goes_on(
    killer, database, base, tiny_checkpoint, replay, tmp_path
):
    killer.done("snapshot", "--db", database, "--heldout", 0.35, "--out", tmp_path / "snapshots")
    (snapshot,) = (tmp_path / "snapshots").glob("[!.]*")

    def train(out: Path, seed: int) -> list[object]:
        fixed = ["--base", base.folder, "--checkpoint", tiny_checkpoint, "--replay", replay / "train", "--nice", 0]
        return ["train", snapshot, "--out", out, "--seed", seed, "--max-steps", STEPS, *fixed]

    def gate(out: Path) -> list[object]:
        return ["gate", out, "--base-test", replay / "test", "--limit", 20, "--nice", 0]

    def promote(out: Path) -> list[object]:
        return ["promote", out, "--override", "--reason", "tried out", "--who", "ann"]

    # What is in use before, and the same run without a kill.
    first, whole, run = tmp_path / "first", tmp_path / "whole", tmp_path / "run"
    killer.done(*train(first, 1))
    killer.done(*gate(first))
    promoting = killer.done(*promote(first))
    old = adapter_in_use(base)
    assert old is not None
    started = time.monotonic()
    training = killer.done(*train(whole, 2))
    seconds = time.monotonic() - started
    wanted = read_run(whole).adapter
    gating = killer.done(*gate(whole))

    def old_is_in_use() -> None:
        assert adapter_in_use(base) == old
        old.verify()

    for number in range(KILLS):
        killer.killed(number, training["files"], seconds, *train(run, 2))
        old_is_in_use()
        if (run / "result.json").is_file():
            assert read_run(run).adapter.file == wanted.file
            # Done sooner than a run that begins anew: the next kill is of another.
            run = tmp_path / f"run-{number}"
        else:
            with pytest.raises(TrainingError, match="no finished run"):
                read_run(run)
    trained = killer.kills
    killer.done(*train(run, 2))
    # To the byte: what was killed was gone on with, and nothing half of it was taken for whole.
    assert read_run(run).adapter.file == wanted.file
    assert read_run(run).result["held_out_losses"] == read_run(whole).result["held_out_losses"]
    report = run / GATE / REPORT_FILE
    for number in range(KILLS):
        killer.killed(number, gating["files"], seconds, *gate(run))
        old_is_in_use()
        if report.is_file():
            assert json.loads(report.read_text())["heldout"]
            report.unlink()
    gated = killer.kills - trained
    killer.done(*gate(run))
    said, undisturbed = (json.loads((one / GATE / REPORT_FILE).read_text()) for one in (run, whole))
    for key in ("passed", "checks", "heldout", "base_test", "compared_with"):
        assert said[key] == undisturbed[key], key
    for number in range(1, promoting["files"] + 1):
        told = killer.run(*promote(run), kill_at=number)
        in_use = adapter_in_use(base)
        assert in_use is not None
        in_use.verify()
        assert {one.id for one in list_adapters(base)} <= {old.id, wanted.id}
        if in_use != old:
            assert len(read_history()) == 2
            break
        assert told["code"] == -signal.SIGKILL
    assert number > 10
    assert adapter_in_use(base).file == wanted.file
    back = 0
    while adapter_in_use(base) != old:
        back += 1
        killer.run("rollback", "--base", base.folder, kill_at=back)
        assert back < 100
    assert [one.action for one in read_history()] == ["promote", "promote", "rollback"]
    with Session(base, promoted=True) as session:
        session.start()
        assert session.adapter == old
    assert min(trained, gated) >= KILLS // 2, "they were done before they were killed"
