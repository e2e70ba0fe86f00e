"""The application: routes, and what becomes of what goes wrong in them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from pydantic import ValidationError
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from engine.errors import MedRegAError
from engine.runtime import ModelManifest
from engine.runtime.manifest import MANIFEST_FILE
from engine.service.desk import ClientGone
from engine.service.door import OPEN_PATHS, Door
from engine.service.endpoints import ENDPOINTS, Endpoint
from engine.service.openapi import openapi_document
from engine.service.post import Post
from engine.service.refusal import Refusal, refusal_of, refusal_of_form
from engine.service.token import TokenCheck

_READ_PATHS = ("/health", "/v1/models", "/openapi.json")
_CLIENT_CLOSED = 499


def build_app(post: Post, check: TokenCheck) -> ASGIApp:
    """The whole service as an ASGI application."""
    routes = [Route(one.path, _answering(post, one), methods=["POST"]) for one in ENDPOINTS]
    document = openapi_document([manifest.id for manifest in post.manifests])

    async def health(_: Request) -> Response:
        return JSONResponse({"status": "ok"})

    async def openapi(_: Request) -> Response:
        return JSONResponse(document)

    async def models(_: Request) -> Response:
        return JSONResponse({"object": "list", "data": [_model(one) for one in post.manifests]})

    async def model(request: Request) -> Response:
        return JSONResponse(_model(post.desk(request.path_params["model"]).manifest))

    for path, handler in zip(_READ_PATHS, (health, models, openapi), strict=True):
        routes.append(Route(path, handler))
    routes.append(Route("/v1/models/{model}", model))
    app = Starlette(routes=routes, exception_handlers=_HANDLERS)
    known = frozenset((*_READ_PATHS, *(one.path for one in ENDPOINTS), *OPEN_PATHS))
    return Door(app, check, post.limits, known)


def _answering(post: Post, endpoint: Endpoint) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        body = await request.body()
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind != "application/json":
            raise Refusal(415, "send the request as JSON: Content-Type: application/json", code="not_json")
        return await endpoint.handler(post, endpoint.form.model_validate_json(body), request)

    return answer


def _model(manifest: ModelManifest) -> dict[str, object]:
    return {
        "id": manifest.id,
        "object": "model",
        "created": int((manifest.folder / MANIFEST_FILE).stat().st_mtime),
        "owned_by": "medrega-desktop",
        "name": manifest.name,
        "version": manifest.version,
        "sha256": manifest.sha256,
        "dialect": manifest.dialect,
        "tasks": list(manifest.tasks),
        "licence": manifest.licence,
    }


def _refused(_: Request, error: Exception) -> Response:
    assert isinstance(error, Refusal)
    return error.response()


def _failed(_: Request, error: Exception) -> Response:
    assert isinstance(error, MedRegAError)
    return refusal_of(error).response()


def _malformed(_: Request, error: Exception) -> Response:
    assert isinstance(error, ValidationError)
    return refusal_of_form(error).response()


def _no_route(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    response = Refusal(error.status_code, f"{error.detail}: /openapi.json lists what there is", code="no_endpoint")
    answer = response.response()
    answer.headers.update(error.headers or {})
    return answer


def _gone(_: Request, __: Exception) -> Response:
    # Nobody reads it; the log shows it.
    return Response(status_code=_CLIENT_CLOSED)


def _broken(_: Request, __: Exception) -> Response:
    return Refusal(500, "the service failed on this: its log says where", code="service_failed").response()


_HANDLERS: Mapping[type[Exception], Callable[[Request, Exception], Response]] = {
    Refusal: _refused,
    MedRegAError: _failed,
    ValidationError: _malformed,
    HTTPException: _no_route,
    ClientGone: _gone,
    # Raised again afterwards, for the door to note.
    Exception: _broken,
}
