"""What the window's process and the model process say to each other.

A message is a JSON header, followed by the image's bytes where it has one. Everything that arrives is checked.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.protocol import PartKind, Prompt, PromptPart


class MessageError(ValueError):
    """Something arrived that is not a message: a defect of ours, never of input."""


@dataclass(frozen=True, slots=True, eq=False)
class AskRequest:
    """One question to the model.

    image : (H, W, 3) uint8, the rendered slice; the model process stretches it to the tower's size.
    grammar : GBNF of the answer. choices : when given, the answer is the most probable of them instead.
    """

    request_id: int
    image: NDArray[np.uint8]
    prompt: Prompt
    grammar: str | None = None
    choices: tuple[str, ...] = ()
    max_tokens: int = 400


@dataclass(frozen=True, slots=True)
class TextPiece:
    """One token of an answer: its text, and its log-probability among all tokens of the vocabulary.

    The texts join to the answer: a character made of several tokens belongs to the last of them.
    """

    text: str
    logprob: float


@dataclass(frozen=True, slots=True)
class Choice:
    """One allowed answer and its probability among the allowed ones."""

    text: str
    probability: float


@dataclass(frozen=True, slots=True)
class Timings:
    """Milliseconds: image encoding (0 when cached), prompt evaluation, answer, and all together."""

    encode: float
    prompt: float
    decode: float
    total: float


@dataclass(frozen=True, slots=True)
class AskResult:
    """An answer. pieces : its tokens, none where choices were scored. choices : ranked.

    image_cached, prefix_reused : what the timings left out. finished : False when `max_tokens` or the context cut
    the answer short.
    """

    request_id: int
    raw: str
    pieces: tuple[TextPiece, ...]
    choices: tuple[Choice, ...]
    timings: Timings
    image_cached: bool = False
    prefix_reused: bool = False
    finished: bool = True


@dataclass(frozen=True, slots=True)
class Ready:
    """The model is loaded and passed its self-test; `golden_error` is the relative distance it found."""

    golden_error: float
    load_ms: float


@dataclass(frozen=True, slots=True)
class Failed:
    """A question, or the start, failed. kind : ``model``, ``cancelled`` or ``engine``."""

    request_id: int
    kind: str
    message: str


@dataclass(frozen=True, slots=True)
class Cancel:
    """Stop working on a question."""

    request_id: int


@dataclass(frozen=True, slots=True)
class UseAdapter:
    """Answer what comes next with a LoRA adapter; with none where `path` is empty. Answered with `AdapterUsed`."""

    request_id: int
    path: str
    scale: float


@dataclass(frozen=True, slots=True)
class AdapterUsed:
    """An adapter is in place."""

    request_id: int


Message = AskRequest | AskResult | Ready | Failed | Cancel | UseAdapter | AdapterUsed


def send(connection: Connection, message: Message) -> None:
    """Send one message. Raises `MessageError` for a picture that is not (H, W, 3) uint8, `OSError` if nobody reads."""
    header, image = _to_json(message)
    if image is not None and (image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3):
        raise MessageError(f"a picture must be (H, W, 3) uint8, not {image.shape} {image.dtype}")
    connection.send_bytes(json.dumps(header).encode())
    if image is not None:
        connection.send_bytes(np.ascontiguousarray(image).tobytes())


def receive(connection: Connection) -> Message:
    """The next message. Raises `EOFError` when the other side is gone, `MessageError` for anything else."""
    raw = connection.recv_bytes()
    try:
        data = json.loads(raw)
        kind = data.pop("type")
        image = connection.recv_bytes() if kind == "AskRequest" else b""
        return _from_json(kind, data, image)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        # Without its text: a question may hold a person's words.
        raise MessageError(f"not a message, {len(raw)} bytes ({type(error).__name__})") from None


def _to_json(message: Message) -> tuple[dict[str, Any], NDArray[np.uint8] | None]:
    kind = type(message).__name__
    if isinstance(message, AskRequest):
        header = {
            "type": kind,
            "request_id": message.request_id,
            "shape": message.image.shape,
            "parts": [[part.kind.value, part.text] for part in message.prompt.parts],
            "grammar": message.grammar,
            "choices": message.choices,
            "max_tokens": message.max_tokens,
        }
        return header, message.image
    if isinstance(message, AskResult):
        timings = message.timings
        return {
            "type": kind,
            "request_id": message.request_id,
            "raw": message.raw,
            "pieces": [[piece.text, piece.logprob] for piece in message.pieces],
            "choices": [[choice.text, choice.probability] for choice in message.choices],
            "timings": [timings.encode, timings.prompt, timings.decode, timings.total],
            "image_cached": message.image_cached,
            "prefix_reused": message.prefix_reused,
            "finished": message.finished,
        }, None
    return {"type": kind, **{name: getattr(message, name) for name in message.__slots__}}, None


def _from_json(kind: str, data: dict[str, Any], image: bytes) -> Message:
    if kind == "AskRequest":
        height, width, channels = (int(v) for v in data["shape"])
        if channels != 3 or height < 1 or width < 1:
            raise MessageError(f"an image of shape {data['shape']}")
        pixels = np.frombuffer(image, np.uint8).reshape(height, width, channels)
        parts = tuple(PromptPart(PartKind(part), str(text)) for part, text in data["parts"])
        grammar = data["grammar"]
        return AskRequest(
            int(data["request_id"]),
            pixels,
            Prompt(parts),
            None if grammar is None else str(grammar),
            tuple(str(choice) for choice in data["choices"]),
            int(data["max_tokens"]),
        )
    if kind == "AskResult":
        return AskResult(
            int(data["request_id"]),
            str(data["raw"]),
            tuple(TextPiece(str(text), float(logprob)) for text, logprob in data["pieces"]),
            tuple(Choice(str(text), float(probability)) for text, probability in data["choices"]),
            Timings(*(float(v) for v in data["timings"])),
            bool(data["image_cached"]),
            bool(data["prefix_reused"]),
            bool(data["finished"]),
        )
    if kind == "Ready":
        return Ready(float(data["golden_error"]), float(data["load_ms"]))
    if kind == "Failed":
        return Failed(int(data["request_id"]), str(data["kind"]), str(data["message"]))
    if kind == "Cancel":
        return Cancel(int(data["request_id"]))
    if kind == "UseAdapter":
        return UseAdapter(int(data["request_id"]), str(data["path"]), float(data["scale"]))
    if kind == "AdapterUsed":
        return AdapterUsed(int(data["request_id"]))
    raise MessageError(f"the unknown kind {kind!r}")
