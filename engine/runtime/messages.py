"""What the window's process and the model process say to each other.

A message is a JSON header, followed by the image's bytes where it has one. Everything that arrives is checked.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from multiprocessing.connection import Connection
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.protocol import PartKind, Prompt, PromptPart
from engine.runtime.offload import KvType, Lack, Offload


class MessageError(ValueError):
    """Something arrived that is not a message: a defect of ours, never of input."""


@dataclass(frozen=True, slots=True)
class Absence:
    """That an answer may say of a name, in these `words`, that it is not there, instead of writing its boxes.

    below : log-odds of a box against the words, under which they are written; None leaves it to the grammar and the
    likeliest token.
    """

    words: str
    below: float | None = None


@dataclass(frozen=True, slots=True, eq=False)
class AskRequest:
    """One question to the model.

    image : (H, W, 3) uint8, the rendered slice; the model process stretches it to the tower's size.
    grammar : GBNF of the answer. choices : when given, the answer is the most probable of them instead.
    stream : send each token as it is written. prepare : only evaluate what comes before the words after the picture,
    for a question that may follow; the answer is empty. temperature : of the probabilities of choices. leanings : what
    is known of each choice without the picture, added to its log-probability; none, or one a choice.
    absence : None for questions whose answers cannot say that something is not there.
    """

    request_id: int
    image: NDArray[np.uint8]
    prompt: Prompt
    grammar: str | None = None
    choices: tuple[str, ...] = ()
    max_tokens: int = 400
    stream: bool = False
    prepare: bool = False
    temperature: float = 1.0
    absence: Absence | None = None
    leanings: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class BatchRequest:
    """Several questions about one picture, answered together. They share the words before it, or should."""

    request_id: int
    requests: tuple[AskRequest, ...]


@dataclass(frozen=True, slots=True)
class TextPiece:
    """One token of an answer: its text, and its log-probability among all tokens of the vocabulary.

    The texts join to the answer: a character made of several tokens belongs to the last of them.
    odds : of a digit, and of the token after a number: the probabilities of 0 to 9 and of the number's end at this
    place; empty otherwise.
    """

    text: str
    logprob: float
    odds: tuple[float, ...] = ()


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
    the answer short. prompt_tokens : of the whole prompt, its picture's included. presence : for each name whose boxes
    the answer wrote or denied, in its order, the log-odds of a box against the words that it is not there.
    adapter : id of what answered beside the base. The session knows and says it, the process does not.
    """

    request_id: int
    raw: str
    pieces: tuple[TextPiece, ...]
    choices: tuple[Choice, ...]
    timings: Timings
    image_cached: bool = False
    prefix_reused: bool = False
    finished: bool = True
    prompt_tokens: int = 0
    presence: tuple[float, ...] = ()
    adapter: str | None = None


@dataclass(frozen=True, slots=True)
class BatchResult:
    """The answers to a `BatchRequest`, in its order."""

    request_id: int
    results: tuple[AskResult, ...]


@dataclass(frozen=True, slots=True)
class Written:
    """A token of an answer that is still being written."""

    request_id: int
    piece: TextPiece


@dataclass(frozen=True, slots=True)
class Loading:
    """What is about to be loaded where: the last that is heard of a process which dies of it."""

    offload: Offload


@dataclass(frozen=True, slots=True)
class Ready:
    """The model is loaded and passed its self-test; `golden_error` is the relative distance it found."""

    golden_error: float
    load_ms: float


@dataclass(frozen=True, slots=True)
class Failed:
    """A question, or the start, failed. kind : ``model``, ``memory``, ``cancelled``, ``question`` or ``engine``."""

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


Message = (
    AskRequest
    | BatchRequest
    | AskResult
    | BatchResult
    | Written
    | Loading
    | Ready
    | Failed
    | Cancel
    | UseAdapter
    | AdapterUsed
)


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
        image = connection.recv_bytes() if kind in ("AskRequest", "BatchRequest") else b""
        return _from_json(kind, data, image)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        # Without its text: a question may hold a person's words.
        raise MessageError(f"not a message, {len(raw)} bytes ({type(error).__name__})") from None


def _to_json(message: Message) -> tuple[dict[str, Any], NDArray[np.uint8] | None]:
    kind = type(message).__name__
    if isinstance(message, AskRequest):
        return {"type": kind, "shape": message.image.shape, **_request_to_json(message)}, message.image
    if isinstance(message, BatchRequest):
        image = message.requests[0].image
        requests = [_request_to_json(one) for one in message.requests]
        return {"type": kind, "request_id": message.request_id, "shape": image.shape, "requests": requests}, image
    if isinstance(message, AskResult):
        return {"type": kind, **_result_to_json(message)}, None
    if isinstance(message, BatchResult):
        results = [_result_to_json(one) for one in message.results]
        return {"type": kind, "request_id": message.request_id, "results": results}, None
    if isinstance(message, Written):
        return {"type": kind, "request_id": message.request_id, "piece": _piece_to_json(message.piece)}, None
    if isinstance(message, Loading):
        return {"type": kind, "offload": asdict(message.offload)}, None
    return {"type": kind, **{name: getattr(message, name) for name in message.__slots__}}, None


def _request_to_json(request: AskRequest) -> dict[str, Any]:
    return {
        "request_id": request.request_id,
        "parts": [[part.kind.value, part.text] for part in request.prompt.parts],
        "grammar": request.grammar,
        "choices": request.choices,
        "max_tokens": request.max_tokens,
        "stream": request.stream,
        "prepare": request.prepare,
        "temperature": request.temperature,
        "absence": None if request.absence is None else [request.absence.words, request.absence.below],
        "leanings": request.leanings,
    }


def _result_to_json(result: AskResult) -> dict[str, Any]:
    timings = result.timings
    return {
        "request_id": result.request_id,
        "raw": result.raw,
        "pieces": [_piece_to_json(piece) for piece in result.pieces],
        "choices": [[choice.text, choice.probability] for choice in result.choices],
        "timings": [timings.encode, timings.prompt, timings.decode, timings.total],
        "image_cached": result.image_cached,
        "prefix_reused": result.prefix_reused,
        "finished": result.finished,
        "prompt_tokens": result.prompt_tokens,
        "presence": result.presence,
    }


def _piece_to_json(piece: TextPiece) -> list[Any]:
    return [piece.text, piece.logprob, *piece.odds]


def _from_json(kind: str, data: dict[str, Any], image: bytes) -> Message:
    if kind in ("AskRequest", "BatchRequest"):
        height, width, channels = (int(v) for v in data["shape"])
        if channels != 3 or height < 1 or width < 1:
            raise MessageError(f"an image of shape {data['shape']}")
        pixels = np.frombuffer(image, np.uint8).reshape(height, width, channels)
        if kind == "AskRequest":
            return _request_from_json(data, pixels)
        requests = tuple(_request_from_json(one, pixels) for one in data["requests"])
        return BatchRequest(int(data["request_id"]), requests)
    if kind == "AskResult":
        return _result_from_json(data)
    if kind == "BatchResult":
        return BatchResult(int(data["request_id"]), tuple(_result_from_json(one) for one in data["results"]))
    if kind == "Written":
        return Written(int(data["request_id"]), _piece_from_json(data["piece"]))
    if kind == "Loading":
        return Loading(_offload_from_json(data["offload"]))
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


def _request_from_json(data: dict[str, Any], pixels: NDArray[np.uint8]) -> AskRequest:
    parts = tuple(PromptPart(PartKind(part), str(text)) for part, text in data["parts"])
    grammar = data["grammar"]
    return AskRequest(
        int(data["request_id"]),
        pixels,
        Prompt(parts),
        None if grammar is None else str(grammar),
        tuple(str(choice) for choice in data["choices"]),
        int(data["max_tokens"]),
        bool(data["stream"]),
        bool(data["prepare"]),
        float(data["temperature"]),
        _absence_from_json(data["absence"]),
        tuple(float(leaning) for leaning in data["leanings"]),
    )


def _absence_from_json(data: list[Any] | None) -> Absence | None:
    if data is None:
        return None
    words, below = data
    return Absence(str(words), None if below is None else float(below))


def _result_from_json(data: dict[str, Any]) -> AskResult:
    return AskResult(
        int(data["request_id"]),
        str(data["raw"]),
        tuple(_piece_from_json(piece) for piece in data["pieces"]),
        tuple(Choice(str(text), float(probability)) for text, probability in data["choices"]),
        Timings(*(float(v) for v in data["timings"])),
        bool(data["image_cached"]),
        bool(data["prefix_reused"]),
        bool(data["finished"]),
        int(data["prompt_tokens"]),
        tuple(float(one) for one in data["presence"]),
    )


def _offload_from_json(data: dict[str, Any]) -> Offload:
    return Offload(
        tuple(str(name) for name in data["gpus"]),
        int(data["layers"]),
        int(data["all_layers"]),
        bool(data["vision"]),
        KvType(data["kv_type"]),
        str(data["flash"]),
        int(data["needed"]),
        int(data["free"]),
        None if data["lack"] is None else Lack(data["lack"]),
    )


def _piece_from_json(piece: list[Any]) -> TextPiece:
    text, logprob, *odds = piece
    return TextPiece(str(text), float(logprob), tuple(float(one) for one in odds))
