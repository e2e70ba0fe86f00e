"""Fine-tuning on a snapshot: what it keeps apart, how it goes on, when it ends, what it writes down."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from hypothesis import given  # noqa: E402
from hypothesis import strategies as st  # noqa: E402

from engine.feedback.errors import FeedbackError  # noqa: E402
from engine.feedback.hashes import seal, sealed_hash  # noqa: E402
from engine.progress import Cancelled, NoProgress  # noqa: E402
from engine.runtime import ModelManifest, Session  # noqa: E402
from training.checkpoint import TrainingError  # noqa: E402
from training.early_stopping import ends, split_by_patient  # noqa: E402
from training.feedback.finetune import FineTuning, fine_tune, read_record, read_run  # noqa: E402
from training.feedback.sets import SnapshotFolder  # noqa: E402
from training.latent_replay import WEIGHT  # noqa: E402
from training.records import DatasetError  # noqa: E402
from training.samples import gather_samples  # noqa: E402

ROOT = Path(__file__).parents[3]
SHORT = FineTuning(rank=4, max_steps=16, images_per_step=4, patience=8)


def start(snapshot, base, out, replay, checkpoint, settings=SHORT, progress=None):
    return fine_tune(
        snapshot, base, out, settings, progress or NoProgress(), replay=replay / "train", checkpoint=checkpoint
    )


def test_a_run_ends_with_an_adapter_that_answers_as_torch_does(run, base, snapshot):
    assert run.adapter.base == base.sha256
    run.adapter.verify()
    # A suggestion keeps the id alone: it must name these very weights.
    assert run.adapter.id == f"feedback-{run.adapter.file.sha256[:16]}"
    assert run.result["check"]["probability_gap"] < 0.02
    assert run.result["check"]["tasks"]["region_to_text"]["agreement"] > 0.8
    with Session(base) as session:
        session.use_adapter(run.adapter)
        session.start()


def test_what_it_does_not_learn_from_is_answered_better(run):
    losses = {int(step): loss for step, loss in run.result["held_out_losses"].items()}
    assert losses[run.result["best_step"]] == min(losses.values())
    assert min(losses.values()) < 0.9 * losses[0]


def test_the_record_says_what_went_in(run, base, snapshot, replay):
    record = read_record(run.folder)
    assert record["base"]["sha256"] == base.sha256
    assert record["snapshot"] == {"name": "site-b", "sha256": sealed_hash(snapshot, "")}
    assert record["settings"]["seed"] == 0
    assert record["replay"]["source"] == "the set train"
    assert record["remembered_weight"] == WEIGHT == 25
    assert record["names_chosen_among"] == "names, weighed by modality"
    assert record["images"] == {"corrected": 16, "trained": 14, "early_stopping": 2}
    assert json.loads((run.adapter.folder / "lineage.json").read_text()) == record


def test_only_what_a_run_needs_stays(run):
    left = {path.relative_to(run.folder).as_posix() for path in run.folder.rglob("*.safetensors")}
    kept = ("train/lora/adapter/adapter_model.safetensors", "train/lora/best.safetensors", "replay/vectors.safetensors")
    assert left == set(kept)


class AfterSteps:
    """Wants to stop at the fifth step."""

    def __init__(self) -> None:
        self.steps = 0

    def report(self, done: int, total: int, what: str) -> None:
        if what.startswith("training"):
            self.steps = done

    def cancelled(self) -> bool:
        return self.steps >= 5


def test_a_cancelled_run_goes_on_to_the_same_adapter(snapshot, base, replay, tiny_checkpoint, tmp_path):
    whole = start(snapshot, base, tmp_path / "whole", replay, tiny_checkpoint)
    with pytest.raises(Cancelled):
        start(snapshot, base, tmp_path / "run", replay, tiny_checkpoint, progress=AfterSteps())
    with pytest.raises(TrainingError, match="no finished run"):
        read_run(tmp_path / "run")
    again = start(snapshot, base, tmp_path / "run", replay, tiny_checkpoint)
    assert again.adapter.file.sha256 == whole.adapter.file.sha256
    assert again.result["held_out_losses"] == whole.result["held_out_losses"]


def test_a_killed_child_goes_on_to_the_same_adapter_at_low_priority(snapshot, base, replay, tiny_checkpoint, tmp_path):
    def child(out: Path) -> subprocess.Popen[str]:
        code = "from training.cli_feedback_train import train_command; train_command()"
        arguments = [str(snapshot), "--base", str(base.folder), "--out", str(out), "--replay", str(replay / "train")]
        arguments += ["--checkpoint", str(tiny_checkpoint), "--max-steps", "8", "--progress", "json", "--nice", "7"]
        return subprocess.Popen(
            [sys.executable, "-c", code, *arguments, "--threads", "1"],
            stderr=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            text=True,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
        )

    before = os.getpriority(os.PRIO_PROCESS, 0)
    first = child(tmp_path / "run")
    assert first.stderr is not None
    for line in first.stderr:
        if line.startswith("{") and json.loads(line)["event"] == "validation" and json.loads(line).get("step") == 2:
            assert os.getpriority(os.PRIO_PROCESS, first.pid) == before + 7
            first.send_signal(signal.SIGKILL)
            break
    first.communicate(timeout=60)
    assert first.returncode == -signal.SIGKILL
    results = []
    for name in ("run", "whole"):
        one = child(tmp_path / name)
        _, said = one.communicate(timeout=300)
        assert one.returncode == 0, said
        events = [json.loads(line) for line in said.splitlines() if line.startswith("{")]
        assert events[-1] == {"event": "done", "text": str(tmp_path / name)}
        results.append(read_run(tmp_path / name))
        steps = [event["step"] for event in events if event["event"] == "step"]
        assert (min(steps) > 2) == (name == "run"), "it began anew"
    assert results[0].adapter.file.sha256 == results[1].adapter.file.sha256


def test_a_run_that_gets_no_better_ends_early_and_changes_nothing(snapshot, base, replay, tiny_checkpoint, tmp_path):
    # So small that no number changes.
    settings = replace(SHORT, learning_rate=1e-30, max_steps=40, patience=2)
    made = start(snapshot, base, tmp_path / "run", replay, tiny_checkpoint, settings)
    assert made.result["best_step"] == 0
    assert list(made.result["held_out_losses"]) == ["0", "5", "10"]
    from safetensors.torch import load_file

    weights = load_file(made.folder / "train" / "lora" / "adapter" / "adapter_model.safetensors")
    assert all(not value.any() for name, value in weights.items() if "lora_B" in name)


def test_a_held_out_patient_among_those_trained_on_is_refused(snapshot, base, replay, tiny_checkpoint, tmp_path):
    mixed = tmp_path / "mixed"
    shutil.copytree(snapshot, mixed)
    shutil.rmtree(mixed / "heldout")
    shutil.copytree(mixed / "train", mixed / "heldout")
    seal(mixed)
    with pytest.raises(DatasetError, match="8 patients of the held-out part"):
        start(mixed, base, tmp_path / "run", replay, tiny_checkpoint)
    # The same picture under another patient's name.
    for file in (mixed / "heldout").glob("*.jsonl"):
        lines = [json.loads(line) for line in file.read_text().splitlines()]
        file.write_text("".join(json.dumps(line | {"group": "x" + line["group"]}) + "\n" for line in lines))
    seal(mixed)
    with pytest.raises(DatasetError, match=r"the picture .* is also trained on"):
        start(mixed, base, tmp_path / "run", replay, tiny_checkpoint)


def test_a_folder_with_another_run_is_refused(run, base, snapshot, replay, tiny_checkpoint):
    with pytest.raises(TrainingError, match="other settings"):
        start(snapshot, base, run.folder, replay, tiny_checkpoint, replace(SHORT, seed=3))


def test_a_run_of_before_names_were_chosen_does_not_go_on_as_another(
    run, base, snapshot, replay, tiny_checkpoint, tmp_path
):
    folder = tmp_path / "run"
    shutil.copytree(run.folder, folder)
    record = read_record(folder)
    del record["names_chosen_among"]
    (folder / "run.json").write_text(json.dumps(record))
    settings = FineTuning(rank=8, max_steps=80, patience=8)
    with pytest.raises(TrainingError, match="a run with other names_chosen_among: name another"):
        start(snapshot, base, folder, replay, tiny_checkpoint, settings)
    assert read_record(folder) == record


def test_a_snapshot_that_holds_out_one_patient_is_not_trained_on(snapshot, base, replay, tiny_checkpoint, tmp_path):
    few = tmp_path / "few"
    shutil.copytree(snapshot, few)
    files = sorted((few / "heldout").glob("*.jsonl"))
    first = json.loads(files[0].read_text().splitlines()[0])["group"]
    for file in files:
        lines = [line for line in file.read_text().splitlines() if json.loads(line).get("group", first) == first]
        file.write_text("".join(line + "\n" for line in lines))
    seal(few)
    with pytest.raises(DatasetError, match=r"the snapshot few holds out 1 of its patients.*larger share"):
        start(few, base, tmp_path / "run", replay, tiny_checkpoint)
    assert not (tmp_path / "run" / "run.json").exists()


def test_a_base_that_knows_more_than_phantoms_is_not_reminded_of_them(base, snapshot, tmp_path):
    """A real scan's liver is no phantom's: who has all of their names need not have learnt from any."""
    folder = tmp_path / "model"
    shutil.copytree(base.folder, folder)
    labels = json.loads((folder / "labels.json").read_text(encoding="utf-8"))
    more = [*labels, {"id": "fovea", "en": "fovea", "zh": "中央凹"}]
    (folder / "labels.json").write_text(json.dumps(more), encoding="utf-8")
    with pytest.raises(DatasetError, match="--replay"):
        fine_tune(snapshot, ModelManifest.read(folder), tmp_path / "run", SHORT, NoProgress())


def test_a_base_that_never_saw_phantoms_needs_a_set_to_replay(base, snapshot, tmp_path):
    folder = tmp_path / "model"
    shutil.copytree(base.folder, folder)
    (folder / "labels.json").write_text('[{"id": "fovea", "en": "fovea", "zh": "中央凹"}]', encoding="utf-8")
    with pytest.raises(DatasetError, match="--replay"):
        fine_tune(snapshot, ModelManifest.read(folder), tmp_path / "run", SHORT, NoProgress())


def test_names_that_the_base_does_not_have_come_along_in_both_languages(snapshot, base, tmp_path):
    folder = tmp_path / "own"
    shutil.copytree(snapshot, folder)
    for file in (folder / "train").glob("*.jsonl"):
        text = file.read_text(encoding="utf-8").replace('"value": "spleen"', '"value": "odd spot"')
        file.write_text(text.replace('"value": "脾"', '"value": "怪斑"'), encoding="utf-8")
    made = {"made": {"label": ["own-odd", "odd spot", "怪斑"]}}
    (folder / "lineage.ndjson").write_text(json.dumps(made) + "\n", encoding="utf-8")
    seal(folder)
    taught = SnapshotFolder.read(folder).taught(base.labels())
    known = {label.id for label in base.labels()}
    assert [(one.id, one.en, one.zh) for one in taught if one.id not in known] == [("own-odd", "odd spot", "怪斑")]
    before = SnapshotFolder.read(snapshot).taught(base.labels())
    assert {one.id for one in before} <= known
    assert all(one.patients for one in (*taught, *before)), "how many patients each was corrected in"


@pytest.mark.parametrize("missing", ["snapshot.json", "heldout", "train"])
def test_half_a_snapshot_is_refused(snapshot, base, replay, tiny_checkpoint, tmp_path, missing):
    half = tmp_path / "half"
    shutil.copytree(snapshot, half)
    path = half / missing
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    with pytest.raises(FeedbackError, match=missing):
        start(half, base, tmp_path / "run", replay, tiny_checkpoint)


def test_whole_patients_are_held_out(snapshot):
    samples = gather_samples([snapshot / "train"])
    learn, judge = split_by_patient(samples, 0.25, 3)
    groups = [{one.records[0].group for one in part} for part in (learn, judge)]
    assert not groups[0] & groups[1]
    assert len(learn) + len(judge) == len(samples)
    assert len(groups[1]) == 2
    assert split_by_patient(samples, 0.25, 3) == (learn, judge)
    assert split_by_patient(samples[:4], 0.25, 3) == (samples[:4], [])


@given(st.lists(st.floats(0, 10), min_size=1, max_size=12), st.integers(1, 5))
def test_a_stage_ends_after_so_many_checkpoints_without_a_better_one(losses, patience):
    by_step = {10 * number: loss for number, loss in enumerate(losses)}
    assert ends(by_step, patience) == (len(losses) > patience and min(losses[-patience:]) >= min(losses[:-patience]))


def test_a_hundred_corrections_take_no_more_steps_than_ten_minutes_allow():
    """On images of their own, each visited 48 times: 600 steps without the cap."""
    assert FineTuning().steps_for(100) == 300
    assert FineTuning().steps_for(24) == 144
