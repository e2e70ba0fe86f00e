"""LoRA adapters: listed, checked, and switched while the base stays loaded."""

from __future__ import annotations

import os
import signal
from dataclasses import replace

import numpy as np
import pytest

from engine.protocol import Language, Question, Task, render_prompt
from engine.regions import Box
from engine.runtime import AdapterManifest, AskRequest, KvType, ModelError, Session, list_adapters, registry
from engine.runtime.llama import LlamaModel
from engine.runtime.offload import IN_32_BITS
from tests.engine.runtime.tiny_adapter import write_adapter

WHAT = Question(Task.REGION_TO_TEXT, Language.EN, 120, 100, box=Box(10, 10, 50, 60))
NAMES = ("liver", "left kidney", "spleen")


@pytest.fixture
def adapter(random_model, tmp_path, monkeypatch):
    monkeypatch.setattr(registry, "model_folders", lambda: (tmp_path, tmp_path / "shipped"))
    return write_adapter(tmp_path / "adapters" / "site-a", random_model)


def ask(session, picture):
    return session.ask(AskRequest(1, picture, render_prompt(WHAT), None, NAMES)).choices


def test_adapters_of_a_model_are_listed_and_others_and_broken_ones_are_not(random_model, adapter, tmp_path, caplog):
    write_adapter(
        tmp_path / "adapters" / "other", replace(random_model, files={**random_model.files, "text": adapter.file})
    )
    (tmp_path / "adapters" / "broken").mkdir()
    (tmp_path / "adapters" / "broken" / "adapter.json").write_text("{")
    assert list_adapters(random_model) == [adapter]
    assert len(list_adapters()) == 2
    assert "broken" in caplog.text


def test_an_adapter_is_switched_in_the_running_process_and_back_exactly(random_model, adapter, picture):
    with Session(random_model, threads=1, kv_type=KvType.F32) as session:
        plain = ask(session, picture)
        pid = session.pid
        session.use_adapter(adapter)
        adapted = ask(session, picture)
        assert adapted != plain
        assert ask(session, picture) == adapted
        session.use_adapter(None)
        assert ask(session, picture) == plain
        assert session.pid == pid


def test_a_process_that_is_started_anew_has_the_adapter_again(random_model, adapter, picture):
    with Session(random_model, threads=1, kv_type=KvType.F32) as session:
        session.use_adapter(adapter)
        adapted = ask(session, picture)
        os.kill(session.pid, signal.SIGKILL)
        assert ask(session, picture) == adapted


def test_an_adapter_of_another_model_or_with_another_content_is_refused(random_model, adapter):
    session = Session(random_model)
    with pytest.raises(ModelError, match="another model"):
        session.use_adapter(replace(adapter, base="0" * 64))
    adapter.path.write_bytes(adapter.path.read_bytes()[:-1] + b"x")
    with pytest.raises(ModelError, match="was altered"):
        session.use_adapter(adapter)
    assert session.adapter is None


def test_an_adapter_that_does_not_fit_leaves_the_one_in_use(random_model, adapter, tmp_path, picture):
    wide = write_adapter(tmp_path / "adapters" / "wide", random_model, width=32)
    model = LlamaModel(random_model, threads=1, offload=IN_32_BITS)
    try:
        model.use_adapter(adapter.path)
        before = model.next_logits(render_prompt(WHAT), picture)
        with pytest.raises(ModelError, match="another model"):
            model.use_adapter(wide.path)
        np.testing.assert_array_equal(model.next_logits(render_prompt(WHAT), picture), before)
    finally:
        model.close()


@pytest.mark.parametrize("damage", ['"id": "../x"', '"format": 2', '"scale": NaN', '"base": 3, "file": 4'])
def test_a_damaged_manifest_is_a_model_error(adapter, damage):
    path = adapter.folder / "adapter.json"
    key = damage.split(":")[0]
    lines = [line for line in path.read_text().splitlines() if not line.strip().startswith(key)]
    path.write_text(lines[0] + damage + ("," + "\n".join(lines[1:])))
    if key == '"base"':
        path.write_text("[]")
    with pytest.raises(ModelError, match=r"adapter\.json"):
        AdapterManifest.read(adapter.folder)
