"""The way in: the token, sizes, how many at once; one line in the log for each request, without what it says."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
import traceback

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from engine.service.limits import ServiceLimits
from engine.service.refusal import Refusal
from engine.service.token import TokenCheck

logger = logging.getLogger(__name__)

OPEN_PATHS = frozenset({"/health"})
"""What is answered without a token: that the service is there."""

_DRAIN_S = 5.0
_MOST_DRAINED = 4
_HEADERS = (
    (b"cache-control", b"no-store"),
    (b"x-content-type-options", b"nosniff"),
    (b"x-notice", b"Not for diagnostic use"),
)


class Door:
    """Stands before the application; knows nothing of models."""

    def __init__(self, app: ASGIApp, check: TokenCheck, limits: ServiceLimits, paths: frozenset[str]) -> None:
        self._app = app
        self._check = check
        self._limits = limits
        self._paths = paths
        self._inside = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request. No exception leaves, and none is logged with its text: it may hold a person's words."""
        if scope["type"] != "http":
            return
        started, status = time.monotonic(), 0

        async def noted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message = {**message, "headers": [*message.get("headers", ()), *_HEADERS]}
            await send(message)

        body = _Body(receive, self._limits)
        try:
            await self._let_in(scope, body, noted)
        except Refusal as refusal:
            await body.drain()
            await _answer(refusal, scope, receive, noted)
        except Exception as error:  # noqa: BLE001 - the edge of the service: one answer, one log line
            where = traceback.extract_tb(error.__traceback__)[-1]
            logger.error("%s in %s line %s", type(error).__name__, where.filename, where.lineno)
            if not status:
                failed = Refusal(500, "the service failed on this: its log says where", code="service_failed")
                await _answer(failed, scope, receive, noted)
        finally:
            # A path that is none of ours may hold anything.
            path = scope["path"] if scope["path"] in self._paths else "(another path)"
            took = (time.monotonic() - started) * 1000
            logger.info("%s %s %s in %.0f ms", scope["method"], path, status or "left", took)

    async def _let_in(self, scope: Scope, body: _Body, send: Send) -> None:
        headers = dict(scope["headers"])
        if scope["path"] not in OPEN_PATHS and not self._check.passes(headers.get(b"authorization", b"")):
            raise Refusal(
                401, "this needs the service's token: send 'Authorization: Bearer TOKEN'", code="invalid_api_key"
            )
        declared = headers.get(b"content-length", b"0")
        if not declared.isdigit() or int(declared[:20]) > self._limits.body_bytes:
            raise body.too_large()
        if scope["method"] != "POST":
            await self._app(scope, body.receive, send)
            return
        if self._inside > self._limits.waiting:
            raise Refusal(503, "too many questions wait: ask again in a moment", code="overloaded", retry_after_s=1)
        self._inside += 1
        try:
            await self._app(scope, body.receive, send)
        finally:
            self._inside -= 1


class _Body:
    """A request's body on its way in, counted and timed."""

    def __init__(self, receive: Receive, limits: ServiceLimits) -> None:
        self._receive = receive
        self._limits = limits
        self._bytes = 0
        self._whole = False
        self._until = time.monotonic() + limits.answer_s

    def too_large(self) -> Refusal:
        limit = self._limits.body_bytes
        return Refusal(413, f"a request may have {limit:,} bytes: send a smaller picture", code="request_too_large")

    async def receive(self) -> Message:
        """The next piece; what comes after the body is passed on. Raises `Refusal`."""
        if self._whole:
            return await self._receive()
        try:
            async with asyncio.timeout(self._until - time.monotonic()):
                message = await self._receive()
        except TimeoutError:
            raise Refusal(408, "the request did not arrive in time: send it again", code="timeout") from None
        self._bytes += len(message.get("body", b""))
        self._whole = message["type"] != "http.request" or not message.get("more_body", False)
        if self._bytes > self._limits.body_bytes:
            raise self.too_large()
        return message

    async def drain(self) -> None:
        """Take in, and drop, what is still sent: who sends and does not listen would not hear the refusal."""
        left = _MOST_DRAINED * self._limits.body_bytes
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_DRAIN_S):
                while not self._whole and left > 0:
                    message = await self._receive()
                    left -= len(message.get("body", b""))
                    self._whole = message["type"] != "http.request" or not message.get("more_body", False)


async def _answer(refusal: Refusal, scope: Scope, receive: Receive, send: Send) -> None:
    await refusal.response()(scope, receive, send)
