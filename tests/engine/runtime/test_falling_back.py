"""Memory that runs out while a model is loaded for a GPU: less is tried at each start, and people are told.

No GPU is needed: the process is made to believe in one, and its own memory really runs out, where the limit on its
addresses stands for the card's.
"""

from __future__ import annotations

import os
import signal
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("gguf")
pytest.importorskip("resource")

import resource

from engine.bench.synthetic import SyntheticShape, write_synthetic
from engine.models.registering import self_test_image, write_labels
from engine.progress import NoProgress
from engine.protocol import Language, Question, Task, render_prompt
from engine.regions import Label, LabelSet
from engine.runtime import AskRequest, Device, KvType, MemoryShortError, ModelError, ModelFile, ModelManifest, Session
from engine.runtime import process as process_module
from engine.runtime.child import child_main
from engine.runtime.llama import LlamaModel
from tests.engine.runtime.test_session import Once, kinds, long, short

pytestmark = pytest.mark.skipif(not Path("/proc/self/statm").is_file(), reason="measures itself in /proc")

ROOM = 12 << 20
"""Left to a process before it loads: less than the model's weights, more than anything before them."""


@pytest.fixture(scope="module")
def heavy(tmp_path_factory) -> ModelManifest:
    """A model of 25 MB of weights: memory can run out over it and nothing else."""
    folder = tmp_path_factory.mktemp("models") / "heavy"
    folder.mkdir()
    written = write_synthetic(SyntheticShape.parse("4x256,1x64"), folder, NoProgress())
    image = self_test_image(written.image_size)
    Image.fromarray(image).save(folder / "golden.png")
    model = LlamaModel(written, threads=1)
    try:
        np.save(folder / "golden.npy", model.embed_image(image))
    finally:
        model.close()
    write_labels(LabelSet([Label("liver", "liver", "肝")]), folder / "labels.json")
    names = ("text.gguf", "mmproj.gguf", "labels.json", "golden.png", "golden.npy")
    roles = ("text", "mmproj", "labels", "golden_image", "golden_embedding")
    files = {role: ModelFile.of(folder / name) for role, name in zip(roles, names, strict=True)}
    manifest = ModelManifest(
        "heavy", "Heavy", "0", "medrega", folder, files, written.image_size, written.image_tokens, 1024, 0.05, 0.0
    )
    manifest.write()
    return manifest


def believe_in_a_gpu():
    """From here on this process sees a card with 80 GB of free memory."""
    from engine.runtime import placing
    from engine.runtime.engine_build import EngineBuild, Gpu

    placing.read_build = lambda: EngineBuild("0.3.36", True, (), (Gpu("CUDA0", "claimed", 80 << 30, 80 << 30),))


def limit_memory():
    """Only once all but the weights is in memory."""
    from engine.runtime import worker

    load = worker.LlamaModel

    def limited(*arguments, **options):
        _limit_now()
        return load(*arguments, **options)

    worker.LlamaModel = limited


def _limit_now():
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    size = pages * resource.getpagesize() + ROOM
    resource.setrlimit(resource.RLIMIT_AS, (size, size))


def short_twice(connection, manifest, options):
    believe_in_a_gpu()
    if options.attempt < 2:
        limit_memory()
    child_main(connection, manifest, options)


def always_short(connection, manifest, options):
    believe_in_a_gpu()
    limit_memory()
    child_main(connection, manifest, options)


def short_on_the_cpu(connection, manifest, options):
    limit_memory()
    child_main(connection, manifest, options)


def dies_while_loading(connection, manifest, options):
    believe_in_a_gpu()
    from engine.runtime import worker

    if options.attempt < 1:
        worker.LlamaModel = lambda *_, **__: os.abort()
    child_main(connection, manifest, options)


def has_a_gpu(connection, manifest, options):
    believe_in_a_gpu()
    child_main(connection, manifest, options)


@pytest.fixture
def events():
    return []


@pytest.fixture
def open_session(monkeypatch, events):
    def make(manifest, child, **options):
        monkeypatch.setattr(process_module, "child_main", child)
        return Session(manifest, threads=1, on_event=events.append, **options)

    return make


def question(manifest):
    size = manifest.image_size
    prompt = render_prompt(Question(Task.REPORT, Language.EN, size, size))
    return AskRequest(1, self_test_image(size), prompt, None, ("a", "b"))


def test_less_goes_to_the_gpu_until_it_fits(open_session, heavy, events):
    with open_session(heavy, short_twice) as session:
        assert session.ask(question(heavy)).raw in ("a", "b")
        assert kinds(events) == ["starting", "fallback", "fallback", "ready"]
        assert [event.offload.layers for event in events[1:]] == [5, 3, 2]
        assert "5 of 5 layers" in events[1].message
        assert "too little memory for the model heavy" in events[1].message
        assert (session.offload.layers, session.offload.vision) == (2, True)
        assert "2 of 5 layers" in events[-1].message


def test_a_later_start_does_not_try_again_what_did_not_fit(open_session, heavy, events):
    with open_session(heavy, short_twice) as session:
        session.start()
        os.kill(session.pid, signal.SIGKILL)
        session.ask(question(heavy))
        assert kinds(events)[4:] == ["restarted", "starting", "ready"]
        assert session.offload.layers == 2


def test_when_not_even_the_cpu_has_the_memory_it_says_so(open_session, heavy, events):
    with open_session(heavy, always_short) as session:
        with pytest.raises(MemoryShortError, match="too little memory for the model heavy"):
            session.start()
        # Four shares of the layers, and why it is the processor then.
        assert kinds(events) == ["starting", *["fallback"] * 5]
        assert not session.offload.on_gpu


def test_without_a_gpu_nothing_less_is_tried(open_session, heavy, events):
    with open_session(heavy, short_on_the_cpu) as session:
        with pytest.raises(MemoryShortError, match="smaller quantization"):
            session.start()
        assert kinds(events) == ["starting"]


def test_a_process_that_dies_of_loading_takes_less_too(open_session, heavy, events):
    with open_session(heavy, dies_while_loading) as session:
        session.start()
        assert kinds(events) == ["starting", "fallback", "ready"]
        assert events[1].reason == "signal 6"
        assert session.offload.layers == 3


def test_a_process_that_aborts_over_a_question_takes_less_and_is_asked_again(
    open_session, random_model, events, picture
):
    with open_session(random_model, has_a_gpu, kv_type=KvType.F32) as session:
        expected = session.ask(long(picture))
        pid = session.pid
        result = session.ask(long(picture), cancelled=Once(lambda: os.kill(pid, signal.SIGABRT)))
        assert result.raw == expected.raw
        assert kinds(events) == ["starting", "ready", "fallback", "restarted", "starting", "ready"]
        assert [events[place].offload.layers for place in (1, 5)] == [3, 2]


def test_a_process_that_is_killed_over_a_question_takes_no_less(open_session, random_model, events, picture):
    with open_session(random_model, has_a_gpu, kv_type=KvType.F32) as session:
        session.start()
        pid = session.pid
        session.ask(long(picture), cancelled=Once(lambda: os.kill(pid, signal.SIGKILL)))
        assert kinds(events) == ["starting", "ready", "restarted", "starting", "ready"]
        assert session.offload.layers == 3


def test_another_device_is_used_from_the_next_question_on(random_model, events, picture):
    with Session(random_model, threads=1, device=Device.parse("cpu"), on_event=events.append) as session:
        session.start()
        first = session.pid
        session.run_as(device=Device.parse("cpu"))
        session.ask(short(picture))
        assert session.pid == first
        session.run_as(device=Device.parse("cuda"))
        session.ask(short(picture))
        assert session.pid != first
        # This engine has no CUDA, or this machine no GPU that it could use.
        assert kinds(events)[2:4] == ["starting", "fallback"] or session.offload.on_gpu


def test_a_damaged_file_is_no_lack_of_memory(open_session, random_model, tmp_path, events):
    missing = ModelManifest.read(random_model.folder)
    missing.files["text"] = ModelFile("labels.json", *_hash_and_size(missing.path("labels")))
    with open_session(missing, has_a_gpu) as session:
        with pytest.raises(ModelError, match="GGUF") as caught:
            session.start()
        assert not isinstance(caught.value, MemoryShortError)
        assert kinds(events) == ["starting"]


def _hash_and_size(path):
    file = ModelFile.of(path)
    return file.sha256, file.bytes
