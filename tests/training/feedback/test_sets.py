"""Which bases are reminded of phantoms, and which snapshots may be trained on."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from engine.phantom import PHANTOM_LABELS
from engine.progress import NoProgress
from engine.regions import Label, LabelSet
from training.feedback import sets
from training.feedback.sets import SnapshotFolder, base_test_set, replay_set, require_judges
from training.records import DatasetError


@pytest.fixture
def phantoms(monkeypatch):
    """What is asked to be made."""
    made = []
    monkeypatch.setattr(sets, "_phantoms", lambda out, spec, progress: made.append(spec) or out)
    return made


def base(*labels: Label):
    return SimpleNamespace(id="base", labels=lambda: LabelSet(labels))


def test_a_base_of_phantoms_alone_is_reminded_of_them(phantoms, tmp_path):
    known = base(*reversed(tuple(PHANTOM_LABELS)))
    assert "phantoms" in replay_set(known, None, tmp_path, 40, NoProgress()).source
    assert "phantoms" in base_test_set(known, None, tmp_path, 40, NoProgress()).source
    assert len(phantoms) == 2


@pytest.mark.parametrize(
    "labels",
    [
        (*PHANTOM_LABELS, Label("fovea", "fovea", "中央凹")),
        (*PHANTOM_LABELS,)[1:],
        (Label("fovea", "fovea", "中央凹"),),
    ],
)
def test_another_base_needs_a_set_of_its_own(phantoms, tmp_path, labels):
    """A liver in a real scan is no phantom's: who knows all of their names need not have learnt from any."""
    with pytest.raises(DatasetError, match="did not learn from generated phantoms: name --replay"):
        replay_set(base(*labels), None, tmp_path, 40, NoProgress())
    with pytest.raises(DatasetError, match="did not learn from generated phantoms: name --base-test"):
        base_test_set(base(*labels), None, tmp_path, 40, NoProgress())
    assert replay_set(base(*labels), Path("mine"), tmp_path, 40, NoProgress()).folder == Path("mine")
    assert phantoms == []


@pytest.mark.parametrize("patients", [0, 1, 2, 9])
def test_a_snapshot_that_nobody_could_judge_by_is_refused(patients):
    held = [SimpleNamespace(records=[SimpleNamespace(group=f"p{number}")]) for number in range(patients)] * 3
    snapshot = SnapshotFolder(Path("snapshots/site-b"), "a" * 64)
    if patients >= 2:
        require_judges(snapshot, held)
        return
    with pytest.raises(DatasetError, match=rf"the snapshot site-b holds out {patients} of its patients.*larger share"):
        require_judges(snapshot, held)


def test_a_name_with_a_line_separator_is_read(tmp_path):
    line = {"made": {"label": ["", "odd\u2028kidney", "\x85"]}}
    text = json.dumps(line, ensure_ascii=False) + "\n"
    (tmp_path / "lineage.ndjson").write_text(text * 2, encoding="utf-8")
    assert SnapshotFolder(tmp_path, "a" * 64)._lineage() == [line, line]
