"""What a model remembers: what is kept of its sets, that training is held to it, that the gate judges by it."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace

import pytest

torch = pytest.importorskip("torch")

from click.testing import CliRunner  # noqa: E402
from peft import LoraConfig, get_peft_model  # noqa: E402
from safetensors.torch import load_file, save_file  # noqa: E402
from torch import nn  # noqa: E402

from engine.progress import NoProgress  # noqa: E402
from engine.protocol import Task  # noqa: E402
from engine.runtime import ModelError, ModelManifest, registry, verify_files  # noqa: E402
from tests.engine.runtime.tiny_adapter import write_adapter  # noqa: E402
from training.cli_feedback_train import latents_command  # noqa: E402
from training.feedback.finetune import FineTuning, fine_tune, read_record  # noqa: E402
from training.feedback.gate import read_report, run_gate  # noqa: E402
from training.feedback.latents import (  # noqa: E402
    ROLE,
    Latents,
    answer_latents,
    as_it_is,
    head_update,
    latents_of,
    remembered_still,
    replay_vectors,
    seen_anew,
    write_latents,
)
from training.gguf_checkpoint import load_gguf, output_layer  # noqa: E402
from training.latent_replay import Remembered, divergence  # noqa: E402
from training.model import CheckpointError  # noqa: E402
from training.records import DatasetError, read_records  # noqa: E402
from training.samples import gather_samples  # noqa: E402


@pytest.fixture(scope="session")
def remembering(tmp_path_factory, base, replay):
    """The tiny base with what it remembers of the set that it is said to have learnt from."""
    folder = tmp_path_factory.mktemp("models") / "remembering"
    shutil.copytree(base.folder, folder)
    arguments = [str(folder), "--data", str(replay / "train"), "--test", str(replay / "test"), "--json"]
    made = CliRunner().invoke(latents_command, arguments, catch_exceptions=False)
    assert made.exit_code == 0, made.output
    assert json.loads(made.stdout)["answers"] > 20
    return ModelManifest.read(folder)


@pytest.fixture(scope="session")
def reminded(tmp_path_factory, remembering, snapshot):
    """A run on corrections with nothing at hand but the model."""
    settings = FineTuning(rank=8, max_steps=40, patience=8)
    return fine_tune(snapshot, remembering, tmp_path_factory.mktemp("runs") / "run", settings, NoProgress())


def test_a_model_brings_its_latents_along(remembering, base, replay):
    assert remembering.sha256 == base.sha256, "they are no weights"
    verify_files(remembering)
    latents = latents_of(remembering)
    assert latents_of(base) is None
    answers = [record.gpt for _, record in read_records(replay / "test") if record.task is Task.REGION_TO_TEXT]
    tested = [one for one in latents.test if one.task is Task.REGION_TO_TEXT]
    assert 0 < len(tested) <= len(answers)
    assert {one.patient for one in latents.test} == set(range(6))
    # As many vectors as ids, of the text model's width; no name of anybody.
    assert all(one.hidden.shape == (len(one.ids), 64) for one in latents.test)
    content = remembering.path(ROLE).read_bytes()
    assert not any(record.group.encode() in content for _, record in read_records(replay / "test"))


def test_another_view_of_every_picture_is_remembered_too(base, replay):
    """Of a new patient the model is less sure than of what it learnt: so it is of a known picture seen anew."""
    samples = gather_samples([replay / "train"])
    model, tokenizer = load_gguf(base.folder)
    wanted = {Task.REGION_TO_TEXT: 10_000}
    found = {}
    for look in (as_it_is, seen_anew):
        answers = answer_latents(model, tokenizer, samples, wanted, 0, NoProgress(), look)
        again = answer_latents(model, tokenizer, samples, wanted, 0, NoProgress(), look)
        assert all(torch.equal(one.hidden, other.hidden) for one, other in zip(answers, again, strict=True))
        first = torch.stack([one.hidden[0] for one in answers]).float()
        found[look] = (first @ output_layer(base.folder).T).softmax(-1).amax(-1).mean(), answers
    assert found[seen_anew][0] < found[as_it_is][0]
    kept = replay_vectors(base, samples, 0, NoProgress())
    assert len(kept) > sum(len(one.ids) for one in found[seen_anew][1])


def test_what_was_trained_on_is_no_test(base, replay, tmp_path):
    folder = tmp_path / "model"
    shutil.copytree(base.folder, folder)
    model = ModelManifest.read(folder)
    with pytest.raises(DatasetError, match="6 patients of the test set are also trained on"):
        write_latents(model, [replay / "train"], [replay / "train", replay / "test"], NoProgress())
    assert latents_of(ModelManifest.read(folder)) is None


def test_a_damaged_file_is_refused(remembering, tmp_path):
    folder = tmp_path / "model"
    shutil.copytree(remembering.folder, folder)
    model = ModelManifest.read(folder)
    path = model.path(ROLE)
    whole = path.read_bytes()
    path.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    with pytest.raises(ModelError, match="altered"):
        verify_files(model)
    path.write_bytes(whole[:200])
    with pytest.raises(CheckpointError, match="what the model remembers"):
        latents_of(model)
    tensors = load_file(remembering.path(ROLE))
    save_file(tensors | {"ids": tensors["ids"][:-1]}, path, {"format": "1", "source": "", "test": "[]"})
    with pytest.raises(CheckpointError, match="do not fit"):
        latents_of(model)


def test_vectors_keep_an_adapted_layer_where_it_was():
    """A layer learns one new thing; reminded of old ones it says the same of others like them, else it does not."""
    torch.manual_seed(0)
    old = torch.randn(400, 16) @ torch.randn(16, 32) / 4
    new, wanted = torch.randn(1, 32), torch.tensor([3])
    changes = {}
    for reminded in (False, True):
        torch.manual_seed(1)
        model = nn.Sequential(nn.Linear(32, 50, bias=False))
        adapted = get_peft_model(model, LoraConfig(r=4, lora_alpha=8, target_modules="0")).base_model.model[0]
        assert float(divergence(adapted, old)) == pytest.approx(0, abs=1e-6)
        remembered = Remembered(old)
        optimizer = torch.optim.Adam([one for one in adapted.parameters() if one.requires_grad], 3e-2)
        for _ in range(60):
            loss = nn.functional.cross_entropy(adapted(new), wanted)
            if reminded:
                loss = loss + remembered.drawn(adapted)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        assert int(adapted(new).argmax()) == 3
        changes[reminded] = float(remembered.spared(adapted))
    assert changes[True] < 0.2 * changes[False]


def test_a_run_needs_nothing_but_the_model(reminded, remembering):
    record = read_record(reminded.folder)
    assert record["replay"]["source"] == "what came with the model"
    assert record["replay"]["sha256"] == remembering.files[ROLE].sha256
    losses = reminded.result["held_out_losses"]
    # It is held to what an untrained base says.
    assert min(losses.values()) < 0.95 * losses["0"]
    assert head_update(reminded.adapter).shape == (640, 64)


def test_the_gate_judges_by_what_the_model_remembers(reminded, remembering, snapshot, tmp_path, monkeypatch):
    monkeypatch.setattr(registry, "model_folders", lambda: (tmp_path, tmp_path / "shipped"))
    run_gate(reminded.folder, remembering, snapshot, NoProgress())
    report = read_report(reminded.folder)
    part, latents = report["base_test"], latents_of(remembering)
    assert part["source"] == latents.source
    assert (part["measure"], report["heldout"]["measure"]) == ("ids", "answers")
    assert part["overall"]["n"] == len(latents.test)
    assert sum(row["n"] for row in part["tasks"].values()) == len(latents.test)
    assert {one["what"] for one in report["checks"]} == {"improves", *(f"keeps {task}" for task in part["tasks"])}
    page = (reminded.folder / "gate" / "report.md").read_text(encoding="utf-8")
    assert latents.source in page
    # What is scored by vectors is not said to be answers.
    told = page[page.index("## Base test set") :]
    assert "No answers: the ids (tokens) of true answers" in told
    assert "IoU" not in told


def test_what_is_forgotten_is_seen(remembering):
    """Of an output layer that says one id whatever it is asked, nothing is left that was right."""
    latents = latents_of(remembering)
    # The base is untrained: let what it says be what is true.
    from training.gguf_checkpoint import load_gguf

    head = load_gguf(remembering.folder)[0].lm_head.weight.detach()
    said = [replace(one, ids=(one.hidden.float() @ head.T).argmax(dim=-1)) for one in latents.test]
    told = Latents(latents.replay, tuple(said), "")
    for update, after in ((torch.zeros_like(head), 1.0), (-2 * head, 0.0)):
        found = remembered_still(told, remembering, update)
        assert {row[0] for rows in found.values() for row in rows} == {1.0}
        assert {row[1] for rows in found.values() for row in rows} == {after}


def test_an_adapter_of_other_layers_is_not_judged_by_it(remembering, tmp_path):
    adapter = write_adapter(tmp_path / "adapter", remembering, seed=1, strength=1.0)
    assert head_update(adapter) is None
