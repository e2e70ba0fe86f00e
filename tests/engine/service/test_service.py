"""A real service with the model that ships, asked over HTTP."""

from __future__ import annotations

import base64
import json
import os
import shutil
import signal
import struct
import zlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from engine.models.dialects import dialect_of
from engine.protocol import Language, Question, Task, user_text
from engine.regions import Box
from engine.runtime import AskRequest, ModelManifest, Session, find_model
from engine.scans import read_volume, render_slice
from engine.service.documents import ChatCompletion, ModelList, Suggestion, SuggestionList
from engine.service.endpoints import ENDPOINTS
from engine.suggest import suggest, suggest_each
from engine.suggestion_json import suggestion_to_json
from tests.engine.service.conftest import STARTER, TOKEN, png_url, wait_until

openai = pytest.importorskip("openai")
pytestmark = pytest.mark.skipif(os.name != "posix", reason="looks at processes through /proc")

BOX = [20, 30, 60, 70]


@pytest.fixture(scope="module")
def client(service):
    with openai.OpenAI(base_url=service.url, api_key=TOKEN, max_retries=0) as one:
        yield one


@pytest.fixture(scope="module")
def volume(dicom):
    return read_volume(dicom)


@pytest.fixture(scope="module")
def starter():
    with Session(find_model(str(STARTER))) as session:
        yield session


@pytest.fixture(scope="module")
def of_two_tasks(start_service, tmp_path_factory):
    """A service with a copy of the starter whose manifest says that it learnt the two region tasks alone."""
    folder = tmp_path_factory.mktemp("models") / "starter"
    shutil.copytree(STARTER, folder)
    learnt = (Task.REGION_TO_TEXT.value, Task.TEXT_TO_REGION.value)
    replace(ModelManifest.read(folder), tasks=learnt).write()
    return start_service(model=folder)


def without_chance(document):
    """A suggestion without what differs from one time to the next."""
    assert document.pop("timings_ms").keys() == {"render", "encode", "prompt", "decode", "total"}
    document["image"].pop("path")
    return json.loads(json.dumps(document), parse_float=lambda text: round(float(text), 4))


def question(text, *urls):
    """A user's message with pictures before the words."""
    parts = [{"type": "image_url", "image_url": {"url": url}} for url in urls]
    return {"role": "user", "content": [*parts, {"type": "text", "text": text}]}


@pytest.fixture(scope="module")
def medrega_message(volume, dicom_url):
    """MedRegA's own question about a box, and what the model answers to it in the engine."""
    asked = Question(Task.REGION_TO_TEXT, Language.EN, volume.voxels.shape[2], volume.voxels.shape[1], "CT", Box(*BOX))
    before, _, after = user_text(asked).partition("<image>")
    return {
        "role": "user",
        "content": [
            {"type": "text", "text": before},
            {"type": "image_url", "image_url": {"url": dicom_url}},
            {"type": "text", "text": after},
        ],
    }, asked


class TestWhoMayAsk:
    @pytest.mark.parametrize("header", [None, "Bearer wrong", "Bearer", f"Basic {TOKEN}", f"Bearer {TOKEN}x", TOKEN])
    @pytest.mark.parametrize("path", ["/v1/models", "/openapi.json", "/v1/regions/find", "/nothing"])
    def test_nobody_without_the_token(self, service, header, path):
        headers = {"Authorization": header} if header else {}
        reply = service.send("POST", path, {}, token=None, **headers)
        assert reply.error == (401, "invalid_api_key")
        assert reply.headers["www-authenticate"].startswith("Bearer")

    def test_that_it_is_there_anybody_may_know(self, service):
        assert service.send("GET", "/health", token=None).json == {"status": "ok"}

    def test_a_token_that_is_made_is_said_once_and_works(self, start_service):
        service = start_service(token=None)
        (line,) = [line for line in service.log.splitlines() if "the token is" in line]
        token = line.rpartition(" ")[2]
        assert len(token) > 40
        assert service.send("GET", "/v1/models", token=token).status == 200
        assert service.send("GET", "/v1/models").status == 401

    def test_the_token_of_a_file_and_a_warning_where_others_can_read_it(self, start_service, tmp_path):
        path = tmp_path / "token"
        path.write_text("of-the-file-0123456789\n")
        path.chmod(0o644)
        service = start_service("--token-file", path)
        assert service.send("GET", "/v1/models", token="of-the-file-0123456789").status == 200
        assert service.send("GET", "/v1/models").status == 401
        assert "chmod 600" in service.log
        assert "of-the-file" not in service.log


class TestChat:
    def test_models_are_listed_and_an_unknown_one_is_not_found(self, client, service):
        (model,) = client.models.list().data
        assert model.id == client.models.retrieve(model.id).id == "starter"
        ModelList.model_validate(service.send("GET", "/v1/models").json)
        with pytest.raises(openai.NotFoundError, match="no model 'other'"):
            client.models.retrieve("other")
        with pytest.raises(openai.NotFoundError):
            client.chat.completions.create(model="other", messages=[question("?", "data:,")])

    def test_a_question_is_put_to_the_byte_as_medrega_learnt_it(self, client, starter, volume, medrega_message):
        message, asked = medrega_message
        answer = client.chat.completions.create(model="starter", messages=[message], max_tokens=40, logprobs=True)
        ChatCompletion.model_validate(answer.to_dict())
        prompt = dialect_of(starter.manifest).render_prompt(asked)
        own = starter.ask(AskRequest(0, render_slice(volume, volume.plane, 0), prompt, max_tokens=40))
        (choice,) = answer.choices
        assert choice.message.content == own.raw
        assert [one.token for one in choice.logprobs.content] == [piece.text for piece in own.pieces]
        assert choice.finish_reason == ("stop" if own.finished else "length")
        assert answer.usage.completion_tokens == len(own.pieces)
        assert answer.usage.prompt_tokens == own.prompt_tokens > 64

    def test_a_stream_says_the_same_piece_by_piece(self, client, medrega_message):
        message, _ = medrega_message
        what = {"model": "starter", "messages": [message], "max_tokens": 30}
        whole = client.chat.completions.create(**what)
        chunks = list(client.chat.completions.create(**what, stream=True, stream_options={"include_usage": True}))
        *said, last = chunks
        assert "".join(chunk.choices[0].delta.content or "" for chunk in said) == whole.choices[0].message.content
        assert said[0].choices[0].delta.role == "assistant"
        assert [chunk.choices[0].finish_reason for chunk in said][-1] == whole.choices[0].finish_reason
        assert last.usage == whole.usage
        assert len({chunk.id for chunk in chunks}) == 1
        assert len(said) > 2

    def test_max_tokens_cuts_an_answer_short(self, client, picture_url):
        messages = [question("Describe it.", picture_url)]
        one = client.chat.completions.create(model="starter", messages=messages, max_completion_tokens=1)
        assert (one.usage.completion_tokens, one.choices[0].finish_reason) == (1, "length")

    def test_a_stop_text_ends_the_answer_before_it(self, client, picture_url):
        what = {"model": "starter", "messages": [question("Where is the liver?", picture_url)], "max_tokens": 40}
        whole = client.chat.completions.create(**what).choices[0].message.content
        assert len(whole) > 6
        stop = whole[3:6]
        for stream in (False, True):
            answer = client.chat.completions.create(**what, stop=[stop], stream=stream)
            chunks = list(answer) if stream else []
            said = "".join(c.choices[0].delta.content or "" for c in chunks) or answer.choices[0].message.content
            assert said == whole[: whole.index(stop)]

    def test_several_turns_about_one_picture(self, client, picture_url):
        turns = [
            {"role": "system", "content": "Answer briefly."},
            question("What is this?", picture_url),
            {"role": "assistant", "content": "liver"},
            # Clients that keep no state send the picture again.
            question("And what else?", picture_url),
        ]
        answer = client.chat.completions.create(model="starter", messages=turns, max_tokens=5)
        assert answer.usage.completion_tokens >= 1

    @pytest.mark.parametrize(
        ("messages", "code"),
        [
            ([{"role": "user", "content": "hello"}], "invalid_conversation"),
            ([question("?", png_url(np.zeros((4, 4), np.uint8)), png_url(np.ones((4, 4), np.uint8)))], None),
            ([question("?", "data:image/png;base64,AA=="), {"role": "assistant", "content": "x"}], None),
            ([question("?", "http://127.0.0.1:1/x.png")], "image_url_refused"),
            ([question("?", "https://example.org/x.png")], "image_url_refused"),
            ([question("?", "file:///etc/passwd")], "image_url_refused"),
            ([question("?", "FTP://example.org/x.png")], "image_url_refused"),
            ([question("?", "/etc/passwd")], "invalid_image"),
            ([question("?", "data:image/png,abc")], "invalid_image"),
            ([question("?", "data:image/png;base64,%%%")], "invalid_image"),
            ([question("?", "data:image/png;base64,QUJD")], "invalid_question"),
            ([{"role": "tool", "content": "x"}], "invalid_field"),
            ([], "invalid_field"),
        ],
    )
    def test_what_cannot_be_a_conversation_is_refused(self, service, messages, code):
        reply = service.post("/v1/chat/completions", model="starter", messages=messages)
        assert reply.error == (400, code or "invalid_conversation")

    @pytest.mark.parametrize(
        "more", [{"n": 2}, {"tools": [{}]}, {"response_format": {"type": "json_object"}}, {"max_tokens": 0}]
    )
    def test_what_it_cannot_do_it_says(self, service, picture_url, more):
        form = {"model": "starter", "messages": [question("?", picture_url)]}
        assert service.post("/v1/chat/completions", **form, **more).error == (400, "invalid_field")

    @pytest.mark.parametrize("stream", [False, True])
    def test_a_question_that_is_too_long_is_the_askers_fault(self, service, picture_url, stream):
        form = {"model": "starter", "messages": [question("liver " * 20_000, picture_url)], "stream": stream}
        reply = service.post("/v1/chat/completions", **form)
        assert reply.error == (400, "invalid_question")
        assert "tokens" in reply.json["error"]["message"]

    def test_a_persons_words_never_become_control_tokens(self, client, picture_url):
        def tokens(text):
            answer = client.chat.completions.create(
                model="starter", messages=[question(text, picture_url)], max_tokens=1
            )
            return answer.usage.prompt_tokens

        assert tokens("<|im_end|>") > tokens("a") + 2


class TestRegions:
    def test_boxes_are_named_as_the_engine_names_them(self, service, starter, volume, dicom_url):
        reply = service.post("/v1/regions/name", image=dicom_url, boxes=[BOX, [1, 1, 100, 100]], language="zh")
        SuggestionList.model_validate(reply.json)
        own = [
            suggest(starter, volume, volume.plane, 0, task=Task.REGION_TO_TEXT, language=Language.ZH, box=Box(*box))
            for box in (BOX, [1, 1, 100, 100])
        ]
        documents = reply.json["data"]
        assert [without_chance(one) for one in documents] == [without_chance(suggestion_to_json(one)) for one in own]
        assert documents[0]["candidates"][0]["probability"] > 0
        assert isinstance(documents[0]["abstained"], bool)

    def test_only_allowed_names_are_candidates(self, service, dicom_url):
        names = ["liver", "脾", "something of one's own"]
        reply = service.post("/v1/regions/name", image=dicom_url, box=BOX, labels=names)
        found = {candidate["label"] for candidate in reply.json["data"][0]["candidates"]}
        assert found == {"liver", "spleen", "something of one's own"}

    def test_names_are_found_as_the_engine_finds_them(self, service, starter, volume, dicom_url):
        names = ["liver", "脾", "aorta"]
        reply = service.post("/v1/regions/find", image=dicom_url, names=names, model="starter", window=[40, 400])
        SuggestionList.model_validate(reply.json)
        own = suggest_each(starter, volume, volume.plane, 0, language=Language.EN, names=names)
        assert [without_chance(one) for one in reply.json["data"]] == [
            without_chance(suggestion_to_json(one)) for one in own
        ]
        assert any(region["probability"] for one in reply.json["data"] for region in one["regions"])

    def test_openais_client_can_ask_for_regions_too(self, client, dicom):
        # As the README has it.
        slice_dcm = base64.b64encode(dicom.read_bytes()).decode()
        found = client.post("/regions/find", cast_to=object, body={"image": slice_dcm, "names": ["liver"]})
        assert found["data"][0]["task"] == "text_to_region"

    @pytest.mark.parametrize(
        ("path", "form", "task"),
        [
            ("report", {}, "report"),
            ("ground", {"names": ["liver"], "grounding": "organ"}, "grounded_report"),
            ("ask", {"text": "Is there a mass?", "answer": "yes_no"}, "vqa"),
            ("ask", {"text": "Which?", "options": ["liver", "spleen"]}, "vqa"),
            ("diagnose", {"labels": ["Edema", "Pneumonia", "No finding"], "none_label": "No finding"}, "diagnosis"),
        ],
    )
    def test_every_other_question_has_the_answer_of_the_command_line(self, service, dicom_url, path, form, task):
        reply = service.post(f"/v1/regions/{path}", image=dicom_url, **form)
        assert reply.status == 200, reply.body
        Suggestion.model_validate(reply.json)
        assert set(reply.json) <= set(Suggestion.model_fields)
        assert reply.json["task"] == task
        assert reply.json["raw"]
        # The starter learnt all of them.
        assert "warnings" not in reply.json

    def test_what_a_model_never_learnt_it_answers_with_a_warning(self, of_two_tasks, dicom_url):
        reply = of_two_tasks.post("/v1/regions/ask", image=dicom_url, text="Is there a mass?", answer="yes_no")
        assert reply.status == 200, reply.body
        Suggestion.model_validate(reply.json)
        assert reply.json["abstained"] is True
        (warning,) = reply.json["warnings"]
        assert "not trained on the task vqa" in warning
        reply = of_two_tasks.post("/v1/regions/find", image=dicom_url, names=["liver"])
        assert "warnings" not in reply.json["data"][0]

    def test_a_picture_can_say_what_kind_of_image_it_is(self, service, picture_url):
        plain, worded = (
            service.post("/v1/regions/find", image=picture_url, names=["liver"], **more).json["data"][0]["prompt"]
            for more in ({}, {"modality": "CT"})
        )
        assert "medical image" in plain
        assert "CT scan" in worded

    def test_plain_base64_is_taken_too(self, service, picture_url, dicom_url):
        for url in (picture_url, dicom_url):
            image = url.partition(",")[2]
            assert service.post("/v1/regions/find", image=image, names=["liver"]).status == 200

    @pytest.mark.parametrize(
        ("form", "code"),
        [
            ({"box": [9, 9, 3, 3]}, "invalid_question"),
            ({"box": [0, 0, 5000, 5000]}, "invalid_question"),
            ({"box": [0, 0, 1]}, "invalid_field"),
            ({"box": [0, 0, 1, "x"]}, "invalid_field"),
            ({}, "invalid_field"),
            ({"box": BOX, "boxes": [BOX]}, "invalid_field"),
            ({"box": BOX, "slice": 7}, "invalid_question"),
            ({"box": BOX, "window": [40, 0]}, "invalid_question"),
            ({"box": BOX, "modality": "ct; drop"}, "invalid_field"),
            ({"box": BOX, "nonsense": 1}, "invalid_field"),
            ({"box": BOX, "labels": ["a<b>"]}, "invalid_question"),
            ({"box": BOX, "model": "other"}, "model_not_found"),
        ],
    )
    def test_a_wrong_question_is_refused_with_the_reason(self, service, dicom_url, form, code):
        reply = service.post("/v1/regions/name", image=dicom_url, **form)
        assert reply.error == (404 if code == "model_not_found" else 400, code)

    def test_where_an_upload_lay_is_not_told(self, service, dicom_url):
        reply = service.post("/v1/regions/find", image=dicom_url, names=["liver"])
        assert reply.json["data"][0]["image"]["path"] == "upload.dcm"
        reply = service.post("/v1/regions/find", image=dicom_url[:-4000], names=["liver"])
        assert reply.error == (400, "invalid_question")
        assert "/tmp" not in reply.json["error"]["message"]


def bomb(columns: int, rows: int) -> bytes:
    """A small PNG that claims to be large."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", columns, rows, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")


class TestLimits:
    @pytest.mark.parametrize("size", [(12_000, 10_000), (60_000, 60_000)])
    def test_a_picture_that_says_it_is_too_large_is_not_decoded(self, service, size):
        image = base64.b64encode(bomb(*size)).decode()
        reply = service.post("/v1/regions/find", image=image, names=["liver"])
        assert reply.error == (400, "invalid_question")

    @pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"model": "\\ud800"}', b"\xff\xfe", b'{"a": ' * 2000])
    def test_what_is_no_json_is_refused(self, service, body):
        assert service.send("POST", "/v1/chat/completions", body).status == 400

    def test_what_does_not_say_that_it_is_json_is_refused(self, service):
        reply = service.send("POST", "/v1/regions/find", b"{}", Content_Type="text/plain")
        assert reply.error == (415, "not_json")

    def test_paths_and_methods_that_are_none(self, service):
        assert service.send("GET", "/v1/nothing").error == (404, "no_endpoint")
        reply = service.send("GET", "/v1/chat/completions")
        assert reply.error == (405, "no_endpoint")
        assert reply.headers["allow"] == "POST"

    @pytest.mark.parametrize("declared", [True, False])
    def test_a_body_that_is_too_large_is_refused(self, start_service, declared):
        service = start_service("--max-body", 1)
        body = b" " * (1 << 20) + b"{}"
        if declared:
            assert service.send("POST", "/v1/regions/find", body).error == (413, "request_too_large")
        else:
            connection = service.connect()
            headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
            connection.request("POST", "/v1/regions/find", iter([body]), headers, encode_chunked=True)
            assert connection.getresponse().status == 413
            connection.close()
        assert service.send("GET", "/v1/models").status == 200


def test_the_log_holds_nothing_of_what_was_asked(service, dicom, dicom_url):
    secret = "kidney of a person called Zebedee"
    service.post("/v1/regions/ask", image=dicom_url, text=secret)
    service.post("/v1/regions/ask", image=dicom_url, text=secret, nonsense=secret)
    service.send("GET", f"/v1/{secret.replace(' ', '')}")
    wait_until(lambda: "(another path) 404" in service.log)
    assert "POST /v1/regions/ask 200" in service.log
    for word in ("Zebedee", TOKEN, "Traceback"):
        assert word not in service.log


def test_the_openapi_document_has_every_endpoint_and_shape(service):
    document = service.send("GET", "/openapi.json").json
    assert document["openapi"].startswith("3.1")
    assert {one.path for one in ENDPOINTS} <= set(document["paths"])
    schemas = document["components"]["schemas"]
    references = set()

    def walk(node):
        if isinstance(node, dict):
            references.update([node["$ref"]] if "$ref" in node else [])
            for value in node.values():
                walk(value)
        elif isinstance(node, list):
            for value in node:
                walk(value)

    walk(document)
    assert {one.rpartition("/")[2] for one in references} == set(schemas)


def test_the_document_of_an_answer_names_all_that_is_in_it(service, picture_url):
    described = set(service.send("GET", "/openapi.json").json["components"]["schemas"]["Suggestion"]["properties"])
    for path, more in (("name", {"box": BOX}), ("find", {"names": ["liver"]}), ("ground", {})):
        reply = service.post(f"/v1/regions/{path}", image=picture_url, **more)
        assert reply.status == 200, reply.json
        answers = reply.json.get("data", [reply.json])
        assert set().union(*answers) <= described


class TestEnding:
    @pytest.mark.parametrize("sign", [signal.SIGTERM, signal.SIGINT])
    def test_a_signal_ends_it_and_its_processes(self, start_service, sign, picture_url):
        service = start_service()
        service.post("/v1/regions/find", image=picture_url, names=["liver"])
        children = service.children()
        assert {"model", "reader"} <= set(children)
        service.process.send_signal(sign)
        assert service.process.wait(15) == 0
        assert not [name for name in ("model", "reader") if is_running(children[name])]
        wait_until(lambda: not [pid for pid in children.values() if is_running(pid)])
        assert "Traceback" not in service.log

    def test_its_processes_end_when_it_is_killed(self, start_service):
        service = start_service()
        children = service.children()
        service.process.kill()
        service.process.wait(10)
        wait_until(lambda: not [pid for pid in children.values() if is_running(pid)])

    def test_a_port_that_is_taken_is_said(self, service, start_service):
        with pytest.raises(AssertionError, match="cannot listen on 127"):
            start_service("--port", service.port)

    def test_other_hosts_only_with_a_warning(self, start_service, service):
        assert "is not encrypted" not in service.log
        assert "is not encrypted" in start_service("--host", "0.0.0.0").log


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False
