"""OpenAI's chat completions, whole or as a stream of server-sent events."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from engine.errors import MedRegAError
from engine.models.dialects import dialect_of
from engine.progress import Cancelled
from engine.runtime import AskRequest, TextPiece
from engine.service.conversation import Conversation, read_conversation
from engine.service.desk import Asking, Turn
from engine.service.forms import ChatForm
from engine.service.pictures import middle_slice
from engine.service.post import Post
from engine.service.refusal import Refusal, refusal_of
from engine.service.writing import SentText

_MOST_TOKENS = 400
"""Of an answer when nobody says how many."""


@dataclass(frozen=True, slots=True)
class _Delta:
    """A piece of a stream: its text, and the tokens that came with it."""

    text: str
    pieces: tuple[TextPiece, ...]


@dataclass(frozen=True, slots=True)
class _Whole:
    """A finished answer.

    finish : OpenAI's reason why it ended. prompt_tokens : None of an answer that a stop text ended.
    """

    text: str
    pieces: tuple[TextPiece, ...]
    finish: str
    prompt_tokens: int | None


_Asked = Asking[_Delta, _Whole]


async def complete(post: Post, form: ChatForm, request: Request) -> Response:
    """Answer the last message of a conversation about a picture."""
    desk = post.desk(form.model)
    conversation = read_conversation(form.messages)
    volume = await post.read(conversation.picture, conversation.param)
    limit = form.max_completion_tokens or form.max_tokens or _MOST_TOKENS
    asking: _Asked = desk.put(_work(conversation, middle_slice(volume).pixels, form, limit))
    head = _Head(f"chatcmpl-{uuid.uuid4().hex}", int(time.time()), desk.manifest.id)
    try:
        if not form.stream:
            return JSONResponse(head.completion(await asking.answer(request), logprobs=bool(form.logprobs)))
        # What goes wrong before the first token still has a status of its own.
        first = await asking.next(request)
    except BaseException:
        asking.give_up()
        raise
    return _Stream(_events(head, form, first, asking), asking)


class _Stream(StreamingResponse):
    """Server-sent events; the question is given up when who asked leaves."""

    def __init__(self, events: AsyncIterator[str], asking: _Asked) -> None:
        # Proxies must not collect what is to be seen at once.
        super().__init__(events, media_type="text/event-stream", headers={"X-Accel-Buffering": "no"})
        self._asking = asking

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._asking.give_up()


def _work(
    conversation: Conversation, pixels: Callable[[], Any], form: ChatForm, limit: int
) -> Callable[[Turn, Callable[[_Delta], None]], _Whole]:
    def work(turn: Turn, hand_over: Callable[[_Delta], None]) -> _Whole:
        prompt = dialect_of(turn.session.manifest).template.conversation(conversation.turns, conversation.system)
        written, told = SentText(form.stops), 0

        def on_piece(piece: TextPiece) -> None:
            turn.heard()
            give(written.add(piece, turn.restarts))

        def give(text: str) -> None:
            nonlocal told
            if form.stream and text:
                hand_over(_Delta(text, tuple(written.pieces[told:])))
                told = len(written.pieces)

        try:
            result = turn.session.ask(
                AskRequest(0, pixels(), prompt, max_tokens=limit),
                cancelled=lambda: written.stopped or turn.cancelled(),
                on_piece=on_piece,
            )
        except Cancelled:
            if not written.stopped:
                raise
            return _Whole(written.text, tuple(written.pieces), "stop", None)
        give(written.end())
        finish = "stop" if result.finished or written.stopped else "length"
        return _Whole(written.text, tuple(written.pieces), finish, result.prompt_tokens)

    return work


async def _events(head: _Head, form: ChatForm, first: _Delta | None, asking: _Asked) -> AsyncIterator[str]:
    logprobs = bool(form.logprobs)
    usage = form.stream_options is not None and form.stream_options.include_usage
    yield head.chunk({"role": "assistant", "content": ""}, usage=usage)
    delta = first
    try:
        while delta is not None:
            yield head.chunk({"content": delta.text}, usage=usage, pieces=delta.pieces if logprobs else None)
            delta = await asking.next(None)
        whole = asking.result()
    except (Refusal, MedRegAError) as error:
        yield _event((error if isinstance(error, Refusal) else refusal_of(error)).document)
        return
    yield head.chunk({}, usage=usage, finish=whole.finish)
    if usage:
        yield _event(head.document("chat.completion.chunk", [], usage=_usage(whole)))
    yield "data: [DONE]\n\n"


@dataclass(frozen=True, slots=True)
class _Head:
    """What all documents of one answer begin with."""

    id: str
    created: int
    model: str

    def document(self, kind: str, choices: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
        return {
            "id": self.id,
            "object": kind,
            "created": self.created,
            "model": self.model,
            "choices": choices,
            **more,
        }

    def completion(self, whole: _Whole, *, logprobs: bool) -> dict[str, Any]:
        choice = {
            "index": 0,
            "message": {"role": "assistant", "content": whole.text, "refusal": None},
            "logprobs": _logprobs(whole.pieces) if logprobs else None,
            "finish_reason": whole.finish,
        }
        return self.document("chat.completion", [choice], usage=_usage(whole))

    def chunk(
        self,
        delta: dict[str, str],
        *,
        usage: bool,
        pieces: Sequence[TextPiece] | None = None,
        finish: str | None = None,
    ) -> str:
        logprobs = None if pieces is None else _logprobs(pieces)
        choice = {"index": 0, "delta": delta, "logprobs": logprobs, "finish_reason": finish}
        # Null until the last, where it was asked for.
        more = {"usage": None} if usage else {}
        return _event(self.document("chat.completion.chunk", [choice], **more))


def _event(document: dict[str, Any]) -> str:
    return f"data: {json.dumps(document, ensure_ascii=False)}\n\n"


def _logprobs(pieces: Sequence[TextPiece]) -> dict[str, Any]:
    """Of each token among the whole vocabulary."""
    return {
        "content": [
            {"token": one.text, "logprob": one.logprob, "bytes": list(one.text.encode()), "top_logprobs": []}
            for one in pieces
        ],
        "refusal": None,
    }


def _usage(whole: _Whole) -> dict[str, int] | None:
    if whole.prompt_tokens is None:
        return None
    prompt, answer = whole.prompt_tokens, len(whole.pieces)
    return {"prompt_tokens": prompt, "completion_tokens": answer, "total_tokens": prompt + answer}
