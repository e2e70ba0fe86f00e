"""`medrega feedback trial` begins, tells and ends a comparison."""

from __future__ import annotations

import json

import pytest

pytest.importorskip("torch")

from click.testing import CliRunner

from engine.runtime import ModelError, adapters_folder
from engine.store import AnnotationStore
from tests.engine.runtime.tiny_adapter import write_adapter
from training.cli_feedback_trial import trial_command


def test_a_comparison_is_begun_told_and_ended(base, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    database = tmp_path / "a.sqlite"
    AnnotationStore.open(database).close()
    write_adapter(adapters_folder() / "feedback-1", base, seed=1)
    write_adapter(tmp_path / "run" / "adapter", base, seed=2)

    def say(*words: object):
        arguments = [*map(str, words), "--base", str(base.folder), "--db", str(database), "--json"]
        return CliRunner().invoke(trial_command, arguments)

    assert json.loads(say().output) == {"running": None}
    told = json.loads(say("--first", "feedback-1", "--second", tmp_path / "run", "--regions", 7, "--who", "ann").output)
    assert told["running"] | {"started": ""} == {
        "first": "feedback-1",
        "second": "adapter",
        "regions": 7,
        "started": "",
        "who": "ann",
    }
    assert told["so_far"]["regions"] == 0
    assert isinstance(say("--first", "base", "--second", "feedback-1").exception, ModelError)
    assert say("--first", "base").exit_code == 2
    assert json.loads(say("--end").output) == {"running": None}
