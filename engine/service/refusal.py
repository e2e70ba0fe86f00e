"""What a request gets instead of an answer, in the shape that OpenAI's clients read."""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError
from starlette.responses import JSONResponse

from engine.errors import MedRegAError
from engine.labels import LabelError
from engine.protocol import ProtocolError
from engine.regions import RegionError
from engine.runtime import ModelError, QuestionError
from engine.scans import ScanError

_ASKED_WRONG = (LabelError, ProtocolError, QuestionError, RegionError, ScanError)


class Refusal(Exception):  # noqa: N818 - an answer like any other
    """status : of HTTP. message : a sentence for people. param : the field it is about. code : for programs."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        code: str,
        param: str | None = None,
        retry_after_s: int | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.code = code
        self.param = param
        self.retry_after_s = retry_after_s

    @property
    def document(self) -> dict[str, Any]:
        """``{"error": {"message", "type", "param", "code"}}``"""
        kind = "invalid_request_error" if self.status < 500 else "server_error"
        return {"error": {"message": self.message, "type": kind, "param": self.param, "code": self.code}}

    def response(self) -> JSONResponse:
        """As HTTP says it."""
        headers = {}
        if self.retry_after_s is not None:
            headers["Retry-After"] = str(self.retry_after_s)
        if self.status == 401:
            headers["WWW-Authenticate"] = 'Bearer realm="medrega"'
        return JSONResponse(self.document, self.status, headers)


def refusal_of(error: MedRegAError) -> Refusal:
    """What an error of the engine means to who asked."""
    if isinstance(error, _ASKED_WRONG):
        return Refusal(400, str(error), code="invalid_question")
    if isinstance(error, ModelError):
        return Refusal(500, str(error), code="model_unusable")
    return Refusal(500, str(error), code="engine_failed")


def refusal_of_form(error: ValidationError) -> Refusal:
    """What is wrong with a request's fields: the first of them, without what stood there."""
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    # A field's name comes from the request: half a character in it could not be sent back.
    param = ".".join(str(one) for one in first["loc"]).encode(errors="replace").decode()
    said = first["msg"].removeprefix("Value error, ")
    message = f"{param}: {said}" if param else said
    code = "invalid_json" if first["type"] == "json_invalid" else "invalid_field"
    return Refusal(400, message, code=code, param=param or None)
