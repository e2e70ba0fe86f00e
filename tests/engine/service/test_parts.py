"""Pieces of the service that need no process: texts, conversations, uploads, tokens."""

from __future__ import annotations

import base64
import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.runtime import EngineError, TextPiece
from engine.service.conversation import read_conversation
from engine.service.forms import ChatMessage
from engine.service.refusal import Refusal
from engine.service.token import TokenCheck, TokenError, require_token, token_from_file
from engine.service.uploads import read_upload
from engine.service.writing import SentText

words = st.text("ab\n", max_size=12)


@given(st.lists(words, max_size=12), st.lists(st.text("ab", min_size=1, max_size=3), max_size=3))
def test_what_is_sent_is_the_answer_up_to_the_first_stop_text(pieces, stops):
    sent = SentText(stops)
    given_out = [sent.add(TextPiece(piece, 0.0)) for piece in pieces] + [sent.end()]
    whole = "".join(pieces)
    # Token by token: of two stop texts the one that is whole first counts.
    for end in range(len(whole) + 1):
        at = [found for stop in stops if (found := whole[:end].find(stop)) >= 0]
        if at and _ends_a_piece(pieces, end):
            whole = whole[: min(at)]
            break
    assert "".join(given_out) == sent.text == whole


def _ends_a_piece(pieces, end):
    lengths = [len("".join(pieces[:number])) for number in range(1, len(pieces) + 1)]
    return end in lengths


@given(st.lists(words, min_size=1, max_size=8), st.integers(0, 8))
def test_an_answer_that_begins_again_goes_on_without_a_seam(pieces, died):
    sent = SentText()
    said = "".join(sent.add(TextPiece(piece, 0.0), 0) for piece in pieces[:died])
    said += "".join(sent.add(TextPiece(piece, 0.0), 1) for piece in pieces)
    assert said + sent.end() == "".join(pieces)
    assert [piece.text for piece in sent.pieces] == pieces


def test_an_answer_that_takes_another_turn_is_no_answer():
    sent = SentText()
    sent.add(TextPiece("liver", 0.0), 0)
    with pytest.raises(EngineError, match="differently"):
        sent.add(TextPiece("lung", 0.0), 1)


def messages(*given):
    return [ChatMessage.model_validate(one) for one in given]


def picture(name="P"):
    return {"type": "image_url", "image_url": {"url": name}}


def text(words):
    return {"type": "text", "text": words}


def test_the_picture_stays_between_the_words_it_was_sent_between():
    said = read_conversation(messages({"role": "user", "content": [text("before"), picture(), text("after")]}))
    (turn,) = said.turns
    assert (turn.before, turn.after, turn.has_image, said.picture) == ("before", "\nafter", True, "P")


@pytest.mark.parametrize("content", [[picture(), text("what?")], [text("what?"), picture()]])
def test_a_picture_before_or_behind_all_words_comes_first(content):
    (turn,) = read_conversation(messages({"role": "user", "content": content})).turns
    assert (turn.before, turn.after) == ("", "\nwhat?")


def test_who_said_what_stays_and_system_words_go_together():
    said = read_conversation(
        messages(
            {"role": "system", "content": "one"},
            {"role": "developer", "content": [text("two")]},
            {"role": "user", "content": [picture()]},
            {"role": "assistant", "content": "liver"},
            {"role": "user", "content": [picture(), text("why?")]},
        )
    )
    assert said.system == "one\n\ntwo"
    assert [(turn.by_model, turn.has_image) for turn in said.turns] == [(False, True), (True, False), (False, False)]


@pytest.mark.parametrize(
    "given",
    [
        [{"role": "user", "content": [picture()]}, {"role": "system", "content": "late"}],
        [{"role": "user", "content": [picture("P")]}, {"role": "user", "content": [picture("Q")]}],
        [{"role": "user", "content": [picture()]}, {"role": "assistant", "content": [picture()]}],
        [{"role": "system", "content": "alone"}],
    ],
)
def test_conversations_that_such_a_model_cannot_have(given):
    with pytest.raises(Refusal) as refused:
        read_conversation(messages(*given))
    assert refused.value.code == "invalid_conversation"


@given(st.binary(min_size=1, max_size=300), st.sampled_from(["", "data:image/png;base64,", "DATA:;base64,"]))
def test_uploads_are_read_back(data, prefix):
    upload = read_upload(prefix + base64.b64encode(data).decode(), "image")
    assert upload.data == data
    assert upload.suffix == (".dcm" if data[128:132] == b"DICM" else ".png")


@given(st.text(max_size=40))
def test_no_text_at_all_is_an_upload_by_accident(given):
    with contextlib.suppress(Refusal):
        upload = read_upload(given, "image")
        assert base64.b64decode("".join(given.rpartition(",")[2].split())) == upload.data


@given(st.text(max_size=20))
def test_only_the_token_passes(given):
    check = TokenCheck("right-0123456789")
    assert check.passes(f"Bearer {given}".encode()) == (given.strip(" \t\n\r\x0b\x0c") == "right-0123456789")


def test_a_token_file_that_cannot_be_used_is_named(tmp_path):
    for content in ("", "\n", "with space\n", "Umläute-0123456789", "a\tb"):
        path = tmp_path / "token"
        path.write_text(content, encoding="utf-8")
        with pytest.raises(TokenError, match="token"):
            token_from_file(path)
    with pytest.raises(TokenError, match="cannot read"):
        token_from_file(tmp_path / "nothing")
    assert require_token("abc._~+/-==", "x") == "abc._~+/-=="
