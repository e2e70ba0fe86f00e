"""The model process: killed, frozen, cancelled, closed, orphaned. The window's side must never hang."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from engine.progress import Cancelled
from engine.protocol import (
    Language,
    PartKind,
    Prompt,
    PromptPart,
    Question,
    Task,
    answer_grammar,
    render_prompt,
)
from engine.regions import Box
from engine.runtime import AskRequest, EngineError, KvType, ModelError, ModelFile, ModelManifest, QuestionError, Session
from engine.runtime import process as process_module
from engine.runtime.llama import LlamaModel
from engine.runtime.offload import IN_32_BITS

NAMES = ("liver", "spleen", "left kidney")
WHAT = render_prompt(Question(Task.REGION_TO_TEXT, Language.EN, 120, 100, box=Box(1, 2, 50, 60)))
ENDLESS = "root ::= [a-z] root"

pytestmark = pytest.mark.skipif(os.name != "posix", reason="kills and freezes processes by POSIX signals")


@pytest.fixture
def events():
    return []


@pytest.fixture
def own(random_model, events):
    """A started session that a test may break."""
    with Session(random_model, threads=1, kv_type=KvType.F32, on_event=events.append) as running:
        running.start()
        yield running


def short(picture):
    return AskRequest(11, picture, WHAT, None, NAMES)


def long(picture):
    """A question whose answer takes a second or more."""
    return AskRequest(12, picture, WHAT, ENDLESS, (), 1500)


def kinds(events):
    return [event.kind for event in events]


def is_alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def wait_until(condition, seconds=10.0):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)


class Once:
    """A `cancelled` that never cancels, and does something the first time an answer is waited for."""

    def __init__(self, do, when=lambda: True):
        self.do, self.when, self.done = do, when, False

    def __call__(self):
        if not self.done and self.when():
            self.done = True
            self.do()
        return False


def test_the_process_answers_as_the_model_does(session, random_model, picture):
    model = LlamaModel(random_model, threads=1, offload=IN_32_BITS)
    try:
        here = [model.ask(short(picture)), model.ask(replace(long(picture), max_tokens=40))]
    finally:
        model.close()
    there = [session.ask(short(picture)), session.ask(replace(long(picture), max_tokens=40))]
    assert [one.raw for one in there] == [one.raw for one in here]
    assert [one.choices for one in there] == [one.choices for one in here]
    assert [one.pieces for one in there] == [one.pieces for one in here]
    assert [one.request_id for one in there] == [11, 12]


def test_people_are_told_that_it_loads_and_that_it_is_ready(own, events):
    assert kinds(events) == ["starting", "ready"]


def test_questions_from_many_threads_get_their_own_answers(session, picture):
    def ask(number):
        names = tuple(f"name {number} {i}" for i in range(3))
        result = session.ask(AskRequest(number, picture, WHAT, None, names))
        return result.request_id == number and {c.text for c in result.choices} == set(names)

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(ask, range(12)))


def test_a_kill_in_mid_answer_is_survived_and_the_question_asked_again(own, events, picture):
    expected = own.ask(long(picture))
    first = own.pid
    result = own.ask(long(picture), cancelled=Once(lambda: os.kill(first, signal.SIGKILL)))
    assert result.raw == expected.raw
    assert own.pid != first
    assert kinds(events) == ["starting", "ready", "restarted", "starting", "ready"]
    assert "signal 9" in events[2].message


def test_a_second_kill_gives_up_the_question_but_not_the_session(own, events, picture):
    def when_answering():
        return kinds(events)[-1] == "ready"

    killed = set()

    def kill_each():
        if when_answering() and own.pid not in killed:
            killed.add(own.pid)
            os.kill(own.pid, signal.SIGKILL)
        return False

    with pytest.raises(EngineError, match="stopped twice"):
        own.ask(long(picture), cancelled=kill_each)
    assert len(killed) == 2
    assert kinds(events)[-1] == "failed"
    assert own.ask(short(picture)).raw in NAMES


def test_a_process_that_died_while_nobody_asked_is_started_again(own, events, picture):
    pid = own.pid
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not is_alive(pid))
    assert own.ask(short(picture)).raw in NAMES
    assert "restarted" in kinds(events)


def test_a_frozen_process_is_ended_when_time_is_up(own, picture):
    pid = own.pid
    started = time.monotonic()
    with pytest.raises(EngineError, match="did not answer within 1 s"):
        own.ask(long(picture), cancelled=Once(lambda: os.kill(pid, signal.SIGSTOP)), timeout_s=1)
    assert time.monotonic() - started < 5
    assert not is_alive(pid)
    assert own.ask(short(picture)).raw in NAMES


def test_a_frozen_process_that_does_not_even_read_is_replaced(own, events, monkeypatch):
    monkeypatch.setattr(process_module, "_SEND_TIMEOUT_S", 0.5)
    os.kill(own.pid, signal.SIGSTOP)
    large = np.zeros((1500, 1500, 3), np.uint8)
    assert own.ask(short(large)).raw in NAMES
    assert "restarted" in kinds(events)


def test_a_cancel_returns_at_once_and_the_next_answer_is_right(own, picture):
    expected = own.ask(short(picture)).choices
    pid = own.pid
    started = time.monotonic()
    with pytest.raises(Cancelled):
        own.ask(long(picture), cancelled=lambda: True)
    assert time.monotonic() - started < 0.5
    assert own.ask(short(picture)).choices == expected
    assert own.pid == pid


def test_many_cancels_in_a_row_never_let_a_late_answer_through(own, picture):
    expected = own.ask(short(picture)).choices
    for turn in range(30):
        looks = iter(range(turn % 5))
        with pytest.raises(Cancelled):
            own.ask(long(picture), cancelled=lambda looks=looks: next(looks, None) is None)
        if turn % 3 == 0:
            assert own.ask(short(picture)).choices == expected


def test_the_question_in_work_can_be_cancelled_from_another_thread(own, picture):
    with pytest.raises(Cancelled):
        own.ask(long(picture), cancelled=Once(own.cancel_current))
    own.cancel_current()
    assert own.ask(short(picture)).raw in NAMES


def test_who_waits_for_his_turn_can_cancel_too(own, picture):
    busy = threading.Event()
    done = threading.Event()

    def hold():
        with pytest.raises(Cancelled):
            own.ask(long(picture), cancelled=lambda: busy.set() or done.is_set())

    thread = threading.Thread(target=hold)
    thread.start()
    assert busy.wait(10)
    with pytest.raises(Cancelled):
        own.ask(short(picture), cancelled=lambda: True)
    done.set()
    thread.join(10)
    assert not thread.is_alive()


def test_a_question_that_cannot_be_put_is_told_from_an_engine_that_failed(own, picture):
    words = PromptPart(PartKind.TEXT, "x" * 5000)
    too_long = AskRequest(1, picture, Prompt((*WHAT.parts, words)), None, NAMES)
    with pytest.raises(QuestionError, match="tokens"):
        own.ask(too_long)
    assert own.ask(short(picture)).prompt_tokens > 10


def test_a_frozen_process_can_be_ended_and_the_next_question_starts_another(own, picture, events):
    frozen = own.pid
    os.kill(frozen, signal.SIGSTOP)
    with pytest.raises(Cancelled):
        own.ask(short(picture), cancelled=lambda: own.end_process() or True)
    wait_until(lambda: not is_alive(frozen))
    assert own.ask(short(picture)).choices
    assert own.pid != frozen
    assert "restarted" in kinds(events)


def test_close_may_be_called_twice_and_ends_the_process(random_model, picture):
    session = Session(random_model, threads=1)
    session.close()
    session = Session(random_model, threads=1)
    session.start()
    pid = session.pid
    session.close()
    session.close()
    assert not is_alive(pid)
    assert session.pid is None
    with pytest.raises(EngineError, match="closed"):
        session.ask(short(picture))


@pytest.mark.parametrize("while_", ["loading", "answering"])
def test_close_from_another_thread_ends_a_question_at_once(random_model, picture, while_):
    session = Session(random_model, threads=1)
    if while_ == "answering":
        session.start()
    busy = threading.Event()
    failures = []

    def ask():
        try:
            session.ask(long(picture), cancelled=lambda: busy.set() or False)
        except EngineError as error:
            failures.append(str(error))

    thread = threading.Thread(target=ask)
    thread.start()
    assert busy.wait(10)
    pid = session.pid
    session.close()
    thread.join(5)
    assert not thread.is_alive()
    assert len(failures) == 1
    assert "closed" in failures[0]
    assert not is_alive(pid)


def test_ctrl_c_is_the_windows_business(own, picture):
    os.kill(own.pid, signal.SIGINT)
    pid = own.pid
    assert own.ask(short(picture)).raw in NAMES
    assert own.pid == pid


_PARENT = """
import os, signal, sys
from pathlib import Path
from engine.runtime import ModelManifest, Session
if __name__ == "__main__":
    session = Session(ModelManifest.read(Path(sys.argv[1])), threads=1)
    session.start()
    print(session.pid, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_no_model_process_outlives_a_window_that_is_killed(random_model, tmp_path):
    script = tmp_path / "parent.py"
    script.write_text(_PARENT)
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])}
    done = subprocess.run(
        [sys.executable, script, random_model.folder], env=env, stdout=subprocess.PIPE, timeout=120, check=False
    )
    assert done.returncode == -signal.SIGKILL
    wait_until(lambda: not is_alive(int(done.stdout)))


def test_the_windows_process_never_loads_llama_cpp():
    code = "import engine.runtime, engine.suggest, sys; sys.exit('llama_cpp' in sys.modules)"
    root = Path(__file__).parents[3]
    subprocess.run([sys.executable, "-c", code], cwd=root, timeout=120, check=True)


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_no_port_is_opened(own, picture):
    own.ask(short(picture))
    sockets = set()
    for pid in (os.getpid(), own.pid):
        for entry in Path(f"/proc/{pid}/fd").iterdir():
            name = str(entry.readlink()) if entry.is_symlink() else ""
            if name.startswith("socket:["):
                sockets.add(name[8:-1])
    inet = set()
    for table in ("tcp", "tcp6", "udp", "udp6"):
        path = Path("/proc/net") / table
        if path.exists():
            inet |= {line.split()[9] for line in path.read_text().splitlines()[1:]}
    assert sockets
    assert not sockets & inet


class TestModelsThatMustNotRun:
    @pytest.fixture
    def broken(self, random_model, tmp_path):
        """A copy of the model: a function that changes one file's bytes, as the manifest knows it or not."""
        folder = tmp_path / "broken"
        shutil.copytree(random_model.folder, folder)

        def change(role, edit, *, known):
            manifest = ModelManifest.read(folder)
            path = manifest.path(role)
            path.write_bytes(edit(path.read_bytes()))
            if known:
                manifest.files[role] = ModelFile.of(path)
                manifest.write()
            return ModelManifest.read(folder)

        return change

    def fails(self, manifest, words):
        with Session(manifest, threads=1) as session:
            with pytest.raises(ModelError, match=words):
                session.start()
            assert session.pid is None

    @pytest.mark.parametrize(
        ("edit", "words"),
        [
            (lambda raw: raw[:1000], r"text\.gguf is truncated"),
            (lambda raw: raw[:-1] + b"?", r"text\.gguf was altered"),
        ],
    )
    def test_a_file_that_is_not_the_manifests(self, broken, edit, words):
        self.fails(broken("text", edit, known=False), words)

    def test_a_file_that_is_not_there(self, broken):
        manifest = broken("text", lambda raw: raw, known=False)
        manifest.path("mmproj").unlink()
        self.fails(manifest, r"mmproj\.gguf is missing")

    def test_a_hostile_header_with_a_fitting_hash(self, broken):
        manifest = broken("text", lambda raw: raw[:8] + b"\xff" * 8 + raw[16:], known=True)
        self.fails(manifest, "not a sound GGUF file")

    def test_a_vision_tower_that_computes_something_else(self, broken):
        def shift(raw):
            # The last tensor is the projector's bias: 64 numbers of 32 bits, then padding.
            return raw[:-256] + np.full(64, 9.0, np.float32).tobytes()

        self.fails(broken("mmproj", shift, known=True), r"failed its self-test.*install")

    @pytest.mark.parametrize("role", ["golden_embedding", "golden_image"])
    def test_self_test_files_that_are_none(self, broken, role):
        self.fails(broken(role, lambda raw: b"nothing of the kind", known=True), "self-test files .* unusable")

    def test_a_gguf_without_what_a_model_needs(self, broken, tmp_path):
        import gguf

        empty = tmp_path / "empty.gguf"
        writer = gguf.GGUFWriter(empty, "llama")
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.close()
        self.fails(broken("text", lambda raw: empty.read_bytes(), known=True), "cannot load the text model")

    def test_a_manifest_that_promises_another_size(self, random_model, tmp_path):
        folder = tmp_path / "other"
        shutil.copytree(random_model.folder, folder)
        path = folder / "manifest.json"
        path.write_text(json.dumps({**json.loads(path.read_text()), "image_size": 70}))
        self.fails(ModelManifest.read(folder), "its manifest says 70")


def test_a_written_answer_is_heard_token_by_token(own, picture):
    heard = []
    result = own.ask(replace(long(picture), max_tokens=30), on_piece=heard.append)
    assert tuple(heard) == result.pieces
    assert len(heard) == 30


def test_questions_of_a_batch_are_answered_as_each_alone(own, picture):
    where = Question(Task.TEXT_TO_REGION, Language.EN, 120, 100, names=("liver",))
    asked = [
        AskRequest(number, picture, render_prompt(replace(where, names=(name,))), answer_grammar(where), (), 60)
        for number, name in enumerate(("liver", "spleen", "left kidney", "aorta"))
    ]
    asked.append(short(picture))
    together = own.ask_batch(asked)
    alone = [own.ask(one) for one in asked]
    assert [one.raw for one in together] == [one.raw for one in alone]
    assert [one.request_id for one in together] == [0, 1, 2, 3, 11]
    assert own.ask_batch(()) == ()
    with pytest.raises(ValueError, match="one picture"):
        own.ask_batch([short(picture), short(picture.copy())])


def test_what_was_prepared_is_not_evaluated_again(own, picture):
    other = np.ascontiguousarray(255 - picture)
    assert own.prepare(short(other))
    own.ask(short(picture))
    result = own.ask(short(other))
    assert result.image_cached
    assert result.prefix_reused


def test_a_question_ends_what_is_only_prepared(own, picture, monkeypatch):
    expected = own.ask(short(picture)).choices
    os.kill(own.pid, signal.SIGSTOP)
    with ThreadPoolExecutor(2) as pool:
        ahead = pool.submit(own.prepare, short(np.ascontiguousarray(255 - picture)))
        wait_until(lambda: own._turns._holder is not None)
        asked = pool.submit(own.ask, short(picture))
        # Given up although the process, which is stopped, never said so.
        assert ahead.result(10) is False
        os.kill(own.pid, signal.SIGCONT)
        assert asked.result(30).choices == expected


def test_preparing_starts_no_process(random_model, picture):
    with Session(random_model, threads=1) as idle:
        assert not idle.prepare(short(picture))
        assert idle.pid is None
