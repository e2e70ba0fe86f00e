"""A training that is killed, interrupted, or runs into trouble: what it leaves, and how it goes on."""

from __future__ import annotations

import json
import os
import resource
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from engine.progress import NoProgress  # noqa: E402
from training.checkpoint import TrainingError, is_complete, last_complete, step_checkpoints  # noqa: E402
from training.events import TrainingEvent  # noqa: E402
from training.recipe import read_recipe  # noqa: E402
from training.records import MASKS_FILE, DatasetError  # noqa: E402
from training.trainer import run_recipe  # noqa: E402

ROOT = Path(__file__).parents[2]


def worker(recipe: Path, dataset: Path, out: Path, *options: str, **more: object) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "training.worker", str(recipe), "--data", str(dataset), "--out", str(out)]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    return subprocess.Popen(
        [*command, "--progress", "json", *options],
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
        env=environment,
        cwd=ROOT,
        **more,  # type: ignore[call-overload]
    )


def events(lines: list[str]) -> list[dict[str, object]]:
    return [json.loads(line) for line in lines if line.startswith("{")]


def losses(found: list[dict[str, object]]) -> dict[int, float]:
    return {int(str(one["step"])): float(str(one["loss"])) for one in found if one["event"] == "step"}


def collect(recipe: Path, dataset: Path, out: Path) -> list[TrainingEvent]:
    heard: list[TrainingEvent] = []
    run_recipe(read_recipe(recipe), [dataset], out, NoProgress(), listener=heard.append)
    return heard


@pytest.fixture(scope="module")
def whole(tiny_recipe: Path, phantom_set: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[float]]:
    """An undisturbed run and its losses."""
    out = tmp_path_factory.mktemp("whole") / "run"
    heard = collect(tiny_recipe, phantom_set, out)
    return out, [event.loss for event in heard if event.event == "step" and event.loss is not None]


def weights(folder: Path) -> dict[str, torch.Tensor]:
    from safetensors.torch import load_file

    return load_file(folder / "model.safetensors")


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT], ids=["killed", "interrupted"])
def test_a_stopped_run_goes_on_with_the_losses_and_weights_of_one_that_was_not(
    how, whole, tiny_recipe, phantom_set, tmp_path
):
    child = worker(tiny_recipe, phantom_set, tmp_path / "run")
    assert child.stderr is not None
    before = []
    for line in child.stderr:
        before.append(line)
        if line.startswith("{") and json.loads(line).get("event") == "step" and json.loads(line)["step"] == 5:
            child.send_signal(how)
            break
    before += child.stderr.readlines()
    code = child.wait(60)
    assert code == (-signal.SIGKILL if how == signal.SIGKILL else 3)
    if how == signal.SIGINT:
        assert events(before)[-1]["event"] == "stopped"
    assert last_complete(tmp_path / "run" / "alignment" / "steps") is not None
    after = worker(tiny_recipe, phantom_set, tmp_path / "run")
    _, said = after.communicate(timeout=120)
    assert after.returncode == 0, said
    found = losses(events(before)) | losses(events(said.splitlines()))
    assert [found[step] for step in range(1, 9)] == pytest.approx(whole[1], abs=1e-6)
    assert min(losses(events(said.splitlines()))) >= 5, "it began anew"
    mine, theirs = weights(tmp_path / "run"), weights(whole[0])
    assert all(torch.equal(mine[name], theirs[name]) for name in theirs)


def test_a_half_written_checkpoint_is_not_resumed_from(whole, tiny_recipe, phantom_set, tmp_path):
    out = tmp_path / "run"
    shutil.copytree(whole[0], out)
    for file in [*out.glob("model.safetensors"), *(out / "alignment").glob("model.safetensors")]:
        file.unlink()
    newest = step_checkpoints(out / "alignment" / "steps")[-1]
    with (newest / "optimizer.pt").open("rb+") as stream:
        stream.truncate(100)
    assert not is_complete(newest)
    heard = collect(tiny_recipe, phantom_set, out)
    assert [event.step for event in heard if event.event == "step"] == [7, 8]
    assert [event.loss for event in heard if event.event == "step"] == pytest.approx(whole[1][6:], abs=1e-6)


def test_a_folder_with_another_run_is_refused(whole, tiny_recipe, phantom_set, tmp_path):
    out = tmp_path / "run"
    shutil.copytree(whole[0], out)
    (out / "alignment" / "model.safetensors").unlink()
    other = tmp_path / "other.toml"
    other.write_text(tiny_recipe.read_text(encoding="utf-8").replace("3e-3", "1e-3"), encoding="utf-8")
    with pytest.raises(TrainingError, match="other stage"):
        collect(other, phantom_set, out)


def test_checkpoints_hold_no_pickled_code_and_a_tensorboard_log_is_written(whole):
    out = whole[0]
    assert not list(out.rglob("training_args.bin"))
    assert (out / "model.safetensors").is_file()
    assert list(out.rglob("events.out.tfevents.*"))
    for file in out.rglob("*.pt"):
        torch.load(file, weights_only=True)


def test_a_full_disk_leaves_the_last_good_checkpoint(tiny_recipe, phantom_set, tmp_path):
    """Files may grow to 1 MB only from some moment on: what a full disk looks like to whoever writes."""
    out = tmp_path / "run"
    run = read_recipe(tiny_recipe)
    stage = run.stages[0]
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)

    def tighten(event: TrainingEvent) -> None:
        if event.event == "step" and event.step == 3:
            resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, before[1]))

    try:
        with pytest.raises(TrainingError, match="checkpoint-2") as caught:
            run_recipe(run, [phantom_set], out, NoProgress(), listener=tighten)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
    assert "Free some space" in str(caught.value)
    steps = out / stage.name / "steps"
    assert [path.name for path in step_checkpoints(steps)] == ["checkpoint-2"]
    heard: list[TrainingEvent] = []
    run_recipe(run, [phantom_set], out, NoProgress(), listener=heard.append)
    assert [event.step for event in heard if event.event == "step"] == [3, 4, 5, 6, 7, 8]


DENSE = """
[model]
preset = "tiny"

[[stages]]
name = "dense"
kind = "dense"
train = ["vision", "connector"]
boxes = true
steps = 3
images_per_step = 4
learning_rate = 1e-3
log_every = 1
bf16 = false
"""


@pytest.fixture(params=["masks", "boxes"])
def masks_or_boxes(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[Path], Path]:
    """Copies a set for either kind of dense stage: from label maps, or from boxes where it has none."""

    def copied(folder: Path) -> Path:
        copy = tmp_path / "copy" / folder.name
        shutil.copytree(folder, copy)
        if request.param == "boxes":
            (copy / MASKS_FILE).unlink()
        return copy

    return copied


def test_a_nan_stops_with_the_batch_saved(tiny_recipe, phantom_set, tmp_path):
    from safetensors.torch import load_file

    out = tmp_path / "run"
    recipe = tmp_path / "hot.toml"
    text = tiny_recipe.read_text(encoding="utf-8")
    recipe.write_text(text.replace("learning_rate = 3e-3", "learning_rate = 1e38"), encoding="utf-8")
    with pytest.raises(TrainingError, match="the loss of step"):
        collect(recipe, phantom_set, out)
    (saved,) = (out / "alignment").glob("bad-batch-*.safetensors")
    assert {"images", "packed.input_ids", "packed.labels"} <= load_file(saved).keys()
    where = json.loads(saved.with_suffix(".json").read_text(encoding="utf-8"))["where"]
    assert len(where) == 4
    assert "train.jsonl line" in where[0]


def test_a_nan_of_a_dense_stage_names_the_lines_of_its_batch(phantom_set, tmp_path, masks_or_boxes):
    data = masks_or_boxes(phantom_set)
    recipe = tmp_path / "dense.toml"
    recipe.write_text(DENSE.replace("1e-3", "1e38"), encoding="utf-8")
    with pytest.raises(TrainingError, match="the loss of step"):
        collect(recipe, data, tmp_path / "run")
    (saved,) = (tmp_path / "run" / "dense").glob("bad-batch-*.json")
    where = json.loads(saved.read_text(encoding="utf-8"))["where"]
    assert len(where) == 4
    assert "train.jsonl line" in where[0]


@pytest.fixture
def damaged(phantom_set: Path, tmp_path: Path) -> Path:
    """A set with a line that is no record and an image that is no image."""
    folder = tmp_path / "damaged"
    shutil.copytree(phantom_set, folder)
    file = folder / "train.jsonl"
    lines = file.read_text(encoding="utf-8").splitlines()
    lines[2] = lines[2][:40]
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    sorted((folder / "images").iterdir())[1].write_bytes(b"\x89PNG but nothing more")
    return folder


def test_a_bad_record_or_image_stops_with_its_line(damaged, tiny_recipe, tmp_path):
    with pytest.raises(DatasetError, match=r"train\.jsonl line 3"):
        collect(tiny_recipe, damaged, tmp_path / "run")
    lines = (damaged / "train.jsonl").read_text(encoding="utf-8").splitlines()
    del lines[2]
    (damaged / "train.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    with pytest.raises(DatasetError, match=r"train\.jsonl line \d+: cannot read the image"):
        collect(tiny_recipe, damaged, tmp_path / "run")


def test_bad_records_and_images_are_reported_once_and_skipped_when_told_to(damaged, tiny_recipe, tmp_path):
    child = worker(tiny_recipe, damaged, tmp_path / "run", "--skip-bad")
    _, said = child.communicate(timeout=120)
    assert child.returncode == 0, said
    found = events(said.splitlines())
    skipped = [str(one["text"]) for one in found if one["event"] == "skipped"]
    assert sum("line 3 " in text for text in skipped) == 1
    assert sum("cannot read the image" in text for text in skipped) == 1
    assert found[-1]["event"] == "done"


def test_a_dense_stage_skips_a_bad_image_when_told_to_and_else_names_its_line(damaged, tmp_path, masks_or_boxes):
    data = masks_or_boxes(damaged)
    lines = (data / "train.jsonl").read_text(encoding="utf-8").splitlines()
    del lines[2]
    (data / "train.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    recipe = tmp_path / "dense.toml"
    recipe.write_text(DENSE, encoding="utf-8")
    with pytest.raises(DatasetError, match=r"train\.jsonl line \d+: cannot read the image"):
        collect(recipe, data, tmp_path / "strict")
    heard: list[TrainingEvent] = []
    run_recipe(read_recipe(recipe), [data], tmp_path / "run", NoProgress(), skip_bad=True, listener=heard.append)
    assert sum("cannot read the image" in event.text for event in heard if event.event == "skipped") == 1
    assert [event.step for event in heard if event.event == "step"] == [1, 2, 3]


def test_lora_adapters_are_written_and_merged(lora_recipe, phantom_set, tmp_path):
    heard = collect(lora_recipe, phantom_set, tmp_path / "run")
    assert [event.text for event in heard if event.event == "stage"] == [
        str(tmp_path / "run" / "alignment"),
        str(tmp_path / "run" / "lora"),
    ]
    assert (tmp_path / "run" / "lora" / "adapter" / "adapter_model.safetensors").is_file()
    before, after = weights(tmp_path / "run" / "alignment"), weights(tmp_path / "run")
    assert before.keys() == after.keys()
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert changed
    assert all("language_model" in name and "proj" in name for name in changed)
    step = step_checkpoints(tmp_path / "run" / "lora" / "steps")[-1]
    assert all("lora_" in name for name in weights(step)), "a step's checkpoint holds what is trained only"
