"""The endpoints: one table, from which both the routes and the OpenAPI document are made."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response

from engine.service import chat, regions
from engine.service.documents import ChatCompletion, Suggestion, SuggestionList
from engine.service.forms import AskForm, ChatForm, DiagnoseForm, FindForm, GroundForm, NameForm, ReportForm
from engine.service.post import Post


@dataclass(frozen=True, slots=True)
class Endpoint:
    """form : what is posted. answer : what comes back. stream : what comes back instead when it is a stream."""

    path: str
    summary: str
    form: type[BaseModel]
    answer: type[BaseModel]
    handler: Callable[[Post, Any, Request], Awaitable[Response]]
    stream: str = ""


ENDPOINTS = (
    Endpoint(
        "/v1/chat/completions",
        "Answer a conversation about a picture, as OpenAI's API does.",
        ChatForm,
        ChatCompletion,
        chat.complete,
        "Server-sent events of chat.completion.chunk objects, then [DONE].",
    ),
    Endpoint("/v1/regions/name", "Name what is in boxes.", NameForm, SuggestionList, regions.name),
    Endpoint("/v1/regions/find", "Find things by their names.", FindForm, SuggestionList, regions.find),
    Endpoint("/v1/regions/ground", "Describe what there is, with its place.", GroundForm, Suggestion, regions.ground),
    Endpoint("/v1/regions/report", "Write a report.", ReportForm, Suggestion, regions.report),
    Endpoint("/v1/regions/ask", "Answer a question in words.", AskForm, Suggestion, regions.ask_in_words),
    Endpoint("/v1/regions/diagnose", "Choose among labels.", DiagnoseForm, Suggestion, regions.diagnose),
)
