"""Runs the service until it is told to end."""

from __future__ import annotations

import ipaddress
import logging
import signal
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import FrameType

import uvicorn

from engine.errors import MedRegAError
from engine.runtime import ModelManifest
from engine.service.app import build_app
from engine.service.limits import ServiceLimits
from engine.service.post import Post
from engine.service.token import TokenCheck

logger = logging.getLogger(__name__)

_GRACE_S = 5
_BACKLOG = 128


class ServiceError(MedRegAError):
    """The service cannot listen where it was told to."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where it listens. port : 0 for any that is free."""

    host: str = "127.0.0.1"
    port: int = 8377

    @property
    def url(self) -> str:
        """Of the API."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}/v1"


def serve(
    manifests: Sequence[ModelManifest],
    token: str,
    address: Address,
    limits: ServiceLimits,
    ready: Callable[[Address], None],
) -> None:
    """Listen and answer until SIGINT or SIGTERM; no process of ours is left then.

    ready : told once the models are loaded and requests are taken. Raises `ServiceError`, `ModelError`, `EngineError`.
    """
    listening = _listen(address)
    post = Post(manifests, limits)
    try:
        bound = Address(address.host, listening.getsockname()[1])
        if not _is_loopback(listening):
            logger.warning(
                "other machines can reach the service on %s: what is sent to it, the token too, is not encrypted; put "
                "a proxy with TLS before it",
                bound.url,
            )
        post.start()
        config = uvicorn.Config(
            build_app(post, TokenCheck(token)),
            http="h11",
            ws="none",
            lifespan="off",
            loop="asyncio",
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=_GRACE_S,
        )
        _Server(config, post, lambda: ready(bound)).run(sockets=[listening])
    finally:
        post.close()
        listening.close()


class _Server(uvicorn.Server):
    """Ends the questions in work when it is told to end, and leaves signals at that."""

    def __init__(self, config: uvicorn.Config, post: Post, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._post = post
        self._ready = ready

    def run(self, sockets: list[socket.socket] | None = None) -> None:
        # uvicorn raises what it caught once more when it has ended: we are ending already.
        before = {sig: signal.signal(sig, _ignore) for sig in (signal.SIGINT, signal.SIGTERM)}
        try:
            super().run(sockets=sockets)
        finally:
            for sig, handler in before.items():
                signal.signal(sig, handler)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets=sockets)
        self._ready()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self._post.stop()
        super().handle_exit(sig, frame)


def _ignore(_: int, __: FrameType | None) -> None:
    pass


def _listen(address: Address) -> socket.socket:
    try:
        family, _, _, _, place = socket.getaddrinfo(
            address.host, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        return socket.create_server(place[:2], family=family, backlog=_BACKLOG)
    except OSError as error:
        raise ServiceError(
            f"cannot listen on {address.host} port {address.port}: {error.strerror}; name another with --host or --port"
        ) from error


def _is_loopback(listening: socket.socket) -> bool:
    # Without the zone that an IPv6 address may have.
    return ipaddress.ip_address(listening.getsockname()[0].partition("%")[0]).is_loopback
