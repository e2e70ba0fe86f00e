"""What goes through the pipe arrives as it was, or not at all."""

from __future__ import annotations

import json
import multiprocessing
import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.protocol import PartKind, Prompt, PromptPart
from engine.runtime.messages import (
    Absence,
    AskRequest,
    AskResult,
    BatchResult,
    Cancel,
    Choice,
    Failed,
    Loading,
    MessageError,
    Ready,
    TextPiece,
    Timings,
    Written,
    receive,
    send,
)
from engine.runtime.offload import KvType, Lack, Offload

any_text = st.text(st.characters(exclude_categories=()))
number = st.floats(allow_nan=False, allow_infinity=False)
results = st.builds(
    AskResult,
    st.integers(0, 1 << 40),
    any_text,
    st.lists(st.builds(TextPiece, any_text, number), max_size=4).map(tuple),
    st.lists(st.builds(Choice, any_text, number), max_size=4).map(tuple),
    st.builds(Timings, number, number, number, number),
    st.booleans(),
    st.booleans(),
    st.booleans(),
    st.integers(0, 1 << 40),
    st.lists(number, max_size=3).map(tuple),
)
odds = st.lists(number, max_size=11).map(tuple)
others = st.builds(BatchResult, st.integers(0, 9), st.lists(results, max_size=3).map(tuple))
others |= st.builds(Written, st.integers(0, 9), st.builds(TextPiece, any_text, number, odds))
others |= st.builds(Failed, st.integers(0, 9), any_text, any_text) | st.builds(Cancel, st.integers(0, 9))
others |= st.builds(Ready, number, number)
sizes = st.integers(0, 1 << 50)
offloads = st.builds(
    Offload,
    st.lists(any_text, max_size=3).map(tuple),
    st.integers(0, 99),
    st.integers(0, 99),
    st.booleans(),
    st.sampled_from(KvType),
    any_text,
    sizes,
    sizes,
    st.none() | st.sampled_from(Lack),
)
others |= st.builds(Loading, offloads)


def through_a_pipe(message):
    here, there = multiprocessing.Pipe()
    # A large picture does not fit into the pipe: somebody must read meanwhile.
    sender = threading.Thread(target=send, args=(here, message))
    sender.start()
    try:
        return receive(there)
    finally:
        sender.join()
        here.close()
        there.close()


@given(results | others)
def test_every_message_arrives_as_it_was_sent(message):
    assert through_a_pipe(message) == message


@given(st.lists(st.tuples(st.sampled_from(PartKind), any_text), max_size=5), st.lists(any_text, max_size=3))
def test_a_question_arrives_with_its_words(parts, choices):
    prompt = Prompt(tuple(PromptPart(*part) for part in parts))
    sent = AskRequest(3, np.zeros((2, 3, 3), np.uint8), prompt, None, tuple(choices), 7)
    got = through_a_pipe(sent)
    assert (got.prompt, got.choices, got.grammar, got.max_tokens) == (prompt, tuple(choices), None, 7)


@pytest.mark.parametrize("absence", [None, Absence("：未见"), Absence(": not present", -1.25)])
def test_a_question_arrives_with_what_may_be_absent(absence):
    sent = AskRequest(3, np.zeros((2, 3, 3), np.uint8), Prompt(()), absence=absence)
    assert through_a_pipe(sent).absence == absence


@pytest.mark.parametrize("shape", [(1, 1, 3), (700, 900, 3)])
def test_a_picture_arrives_pixel_for_pixel(shape):
    image = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    got = through_a_pipe(AskRequest(1, image[::-1], Prompt(())))
    assert np.array_equal(got.image, image[::-1])


@pytest.mark.parametrize("image", [np.zeros((4, 4), np.uint8), np.zeros((4, 4, 4), np.uint8), np.zeros((4, 4, 3))])
def test_what_is_no_rgb_picture_is_not_sent(image):
    here, _ = multiprocessing.Pipe()
    with pytest.raises(MessageError, match="uint8"):
        send(here, AskRequest(1, image, Prompt(())))


@given(
    st.binary(max_size=60)
    | st.sampled_from(["AskResult", "Failed", "Ready", "Cancel", "Other"]).map(
        lambda kind: json.dumps({"type": kind, "request_id": "x"}).encode()
    )
)
def test_anything_else_is_refused_on_arrival(raw):
    here, there = multiprocessing.Pipe()
    try:
        here.send_bytes(raw)
        here.close()
        with pytest.raises((MessageError, EOFError)):
            receive(there)
    finally:
        there.close()


@pytest.mark.parametrize("shape", [[-1, 2, 3], [2, 2, 4], [2, 3], [0, 2, 3], [3, 2, 3]])
def test_a_picture_of_another_size_than_it_says_is_refused(shape):
    here, there = multiprocessing.Pipe()
    header = {"type": "AskRequest", "request_id": 1, "shape": shape, "parts": [], "grammar": None}
    here.send_bytes(json.dumps({**header, "choices": [], "max_tokens": 1}).encode())
    here.send_bytes(bytes(12))
    with pytest.raises(MessageError):
        receive(there)
