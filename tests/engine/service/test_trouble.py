"""The service when things go wrong: clients that leave, processes that die or freeze, too many questions at once."""

from __future__ import annotations

import json
import os
import signal
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from tests.engine.service.conftest import TOKEN, png_url, wait_until

pytestmark = pytest.mark.skipif(os.name != "posix", reason="kills and freezes processes by POSIX signals")

LONG = 4000
"""More tokens than an answer can have: seconds of writing."""


@pytest.fixture(scope="module")
def model(make_model):
    """Writes on and on."""
    return make_model(0, context_length=4096)


@pytest.fixture(scope="module")
def slow(start_service, model):
    return start_service("--queue", 1, "--timeout", 60, model=model.folder)


@pytest.fixture(scope="module")
def picture_url():
    return png_url(np.random.default_rng(1).integers(0, 256, (100, 120, 3), dtype=np.uint8))


def chat(picture_url, **more):
    content = [{"type": "image_url", "image_url": {"url": picture_url}}, {"type": "text", "text": "?"}]
    return {"model": "tiny-0", "messages": [{"role": "user", "content": content}], **more}


def ask(service, picture_url, **more):
    return service.send("POST", "/v1/chat/completions", chat(picture_url, **more))


class Open:
    """A request that is not waited for."""

    def __init__(self, service, form):
        self.connection = service.connect()
        headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
        self.connection.request("POST", "/v1/chat/completions", json.dumps(form), headers)
        self._response = None

    def response(self):
        self._response = self.connection.getresponse()
        return self._response

    def leave(self):
        if self._response is not None:
            self._response.close()
        self.connection.close()


@pytest.mark.parametrize("stream", [False, True])
def test_who_leaves_is_not_waited_for(slow, picture_url, stream):
    def answered():
        return slow.log.count("POST /v1/chat/completions")

    ask(slow, picture_url, max_tokens=1)
    before, model = answered(), slow.children()["model"]
    asked = Open(slow, chat(picture_url, stream=stream, max_tokens=LONG))
    if stream:
        assert asked.response().read(10)
    # Frozen, it never comes to an end by itself.
    os.kill(model, signal.SIGSTOP)
    try:
        asked.leave()
        wait_until(lambda: answered() > before)
    finally:
        os.kill(model, signal.SIGCONT)
    assert ask(slow, picture_url, max_tokens=2).status == 200


def test_too_many_at_once_are_told_when_to_ask_again(slow, picture_url):
    first = Open(slow, chat(picture_url, stream=True, max_tokens=LONG))
    stream = first.response()
    assert stream.read(10)
    second = Open(slow, chat(picture_url, max_tokens=2))
    third = ask(slow, picture_url, max_tokens=2)
    assert third.error == (503, "overloaded")
    assert int(third.headers["retry-after"]) >= 1
    first.leave()
    assert second.response().status == 200
    second.leave()


def test_a_stream_goes_on_without_a_seam_when_the_model_process_is_killed(slow, picture_url):
    form = chat(picture_url, stream=True, max_tokens=LONG)
    whole = b"".join(_texts(Open(slow, form).response()))
    response = Open(slow, form).response()
    first = response.readline()
    os.kill(slow.children()["model"], signal.SIGKILL)
    assert b"".join(_texts(response, first)) == whole
    assert "The model process stopped (signal 9)" in slow.log


def _texts(response, first=b""):
    for line in [*first.splitlines(), *response.read().splitlines()]:
        if line.startswith(b"data: {"):
            document = json.loads(line[6:])
            assert "error" not in document
            for choice in document["choices"]:
                yield choice["delta"].get("content", "").encode()


def test_the_reader_of_pictures_may_die_and_comes_back(slow, picture_url):
    os.kill(slow.children()["reader"], signal.SIGKILL)
    assert ask(slow, picture_url, max_tokens=1).status == 200


def test_a_frozen_model_process_costs_those_who_wait_and_nobody_after_them(start_service, model, picture_url):
    service = start_service("--timeout", 2, model=model.folder)
    os.kill(service.children()["model"], signal.SIGSTOP)
    with ThreadPoolExecutor(2) as pool:
        replies = list(pool.map(lambda _: ask(service, picture_url, max_tokens=1), range(2)))
    assert {reply.error for reply in replies} == {(504, "timeout")}


def test_a_signal_ends_a_stream_that_goes_on(start_service, model, picture_url):
    service = start_service(model=model.folder)
    response = Open(service, chat(picture_url, stream=True, max_tokens=LONG)).response()
    assert response.read(10)
    service.process.terminate()
    rest = response.read()
    assert service.process.wait(15) == 0
    assert b'"code": "stopping"' in rest


def test_many_clients_at_once_are_all_answered(start_service, model, picture_url):
    service = start_service(model=model.folder)
    with ThreadPoolExecutor(12) as pool:
        replies = list(pool.map(lambda number: ask(service, picture_url, max_tokens=number), range(1, 13)))
    assert [reply.json["usage"]["completion_tokens"] for reply in replies] == list(range(1, 13))
