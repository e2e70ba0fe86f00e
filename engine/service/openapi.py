"""The OpenAPI document, made from the same table as the routes."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import version
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode, models_json_schema

from engine.service.documents import ErrorDocument, Health, ModelEntry, ModelList
from engine.service.endpoints import ENDPOINTS, Endpoint

_REF = "#/components/schemas/{model}"
_DESCRIPTION = (
    "Names, finds and describes what is in medical images with a model on this machine. A suggestion is a guess until "
    "a person decides. Not for diagnostic use."
)
_REFUSALS = {
    "400": "The request cannot be answered as it is.",
    "401": "The token is missing or wrong.",
    "404": "There is no such model.",
    "408": "The request did not arrive in time.",
    "413": "The request is too large.",
    "415": "The request is not JSON.",
    "500": "The model failed.",
    "503": "Too many questions wait; Retry-After says when to ask again.",
    "504": "The model did not answer in time.",
}


def openapi_document(models: Sequence[str] = ()) -> dict[str, Any]:
    """OpenAPI 3.1. models : ids, for the field's description."""
    shapes: list[tuple[type[BaseModel], JsonSchemaMode]] = [
        (one, "serialization") for one in (ErrorDocument, Health, ModelEntry, ModelList)
    ]
    shapes += [(one.form, "validation") for one in ENDPOINTS]
    shapes += [(one, "serialization") for one in dict.fromkeys(endpoint.answer for endpoint in ENDPOINTS)]
    refs, definitions = models_json_schema(shapes, ref_template=_REF)
    by_model: dict[Any, Any] = {model: ref for (model, _), ref in refs.items()}
    paths: dict[str, Any] = {endpoint.path: {"post": _operation(endpoint, by_model)} for endpoint in ENDPOINTS}
    paths["/v1/models"] = {"get": _reading("listModels", "The models that answer here.", by_model[ModelList])}
    model = _reading("retrieveModel", "One model.", by_model[ModelEntry]) | {
        "parameters": [{"name": "model", "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}]
    }
    model["responses"]["404"] = _refusal("404")
    paths["/v1/models/{model}"] = {"get": model}
    health = _reading("health", "Whether the service is there; needs no token.", by_model[Health])
    del health["responses"]["401"]
    paths["/health"] = {"get": health | {"security": []}}
    served = f" Served: {', '.join(models)}." if models else ""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "MedRegA Desktop",
            "version": version("medrega-desktop"),
            "description": _DESCRIPTION + served,
        },
        "security": [{"token": []}],
        "paths": paths,
        "components": {
            "schemas": definitions["$defs"],
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }


def _operation(endpoint: Endpoint, refs: dict[Any, Any]) -> dict[str, Any]:
    content: dict[str, Any] = {"application/json": {"schema": refs[endpoint.answer]}}
    if endpoint.stream:
        content["text/event-stream"] = {"schema": {"type": "string", "description": endpoint.stream}}
    return {
        "operationId": endpoint.path.removeprefix("/v1/").replace("/", "_"),
        "summary": endpoint.summary,
        "requestBody": {"required": True, "content": {"application/json": {"schema": refs[endpoint.form]}}},
        "responses": {
            "200": {"description": "The answer.", "content": content},
            **{status: _refusal(status) for status in _REFUSALS},
        },
    }


def _reading(name: str, summary: str, ref: Any) -> dict[str, Any]:
    return {
        "operationId": name,
        "summary": summary,
        "responses": {
            "200": {"description": summary, "content": {"application/json": {"schema": ref}}},
            "401": _refusal("401"),
        },
    }


def _refusal(status: str) -> dict[str, Any]:
    schema = {"$ref": _REF.format(model=ErrorDocument.__name__)}
    return {"description": _REFUSALS[status], "content": {"application/json": {"schema": schema}}}
