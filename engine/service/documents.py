"""What answers hold, for the OpenAPI document: `engine.suggestion_json` and `engine.service.chat` write them."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from engine.protocol import Language, SectionKind, Task
from engine.scans import Plane

_Probability = Annotated[float, Field(ge=0, le=1)]
_FourNumbers = Annotated[list[float], Field(min_length=4, max_length=4)]


class SuggestionImage(BaseModel):
    """The slice that was asked about. sha256 : of its pixels as they were shown."""

    path: str
    plane: Plane
    slice: int
    width: int
    height: int
    sha256: str
    window: list[float] | None


class SuggestionCandidate(BaseModel):
    """An allowed name and its probability; what all of them lack to 1 is that it is none of them."""

    label: str
    label_zh: str
    probability: _Probability


class SuggestionRegion(SuggestionCandidate):
    """A named box, x1, y1, x2, y2 in pixels. spread : standard deviations of its sides, for a box the model found.

    expected : the mean places of its sides, by what the model thought of other numbers.
    """

    box: _FourNumbers
    spread: _FourNumbers | None = None
    expected: _FourNumbers | None = None


class SuggestionSentence(BaseModel):
    """A sentence of a grounded report."""

    text: str
    regions: list[SuggestionRegion]
    not_present: list[str]


class SuggestionSection(BaseModel):
    """A part of a report."""

    kind: SectionKind
    text: str


class SuggestionModel(BaseModel):
    """Which weights answered."""

    id: str
    sha256: str
    adapter: str | None


class SuggestionTimings(BaseModel):
    """Milliseconds."""

    render: float
    encode: float
    prompt: float
    decode: float
    total: float


class Suggestion(BaseModel):
    """What `medrega suggest --json` prints: a guess, until a person decides."""

    task: Task
    language: Language
    image: SuggestionImage
    prompt: str
    raw: str
    text: str
    regions: list[SuggestionRegion]
    candidates: list[SuggestionCandidate]
    not_present: list[str]
    abstained: bool
    model: SuggestionModel
    timings_ms: SuggestionTimings
    probability: _Probability | None = None
    malformed: bool = False
    sentences: list[SuggestionSentence] = Field(default_factory=list)
    sections: list[SuggestionSection] = Field(default_factory=list)
    labels: list[SuggestionCandidate] = Field(default_factory=list)
    presence: list[SuggestionCandidate] = Field(default_factory=list)
    option: str | None = None
    warnings: list[str] = Field(default_factory=list)


class SuggestionList(BaseModel):
    """One answer for each box or name, in their order."""

    object: Literal["list"]
    data: list[Suggestion]


class ChatAnswer(BaseModel):
    """The model's turn."""

    role: Literal["assistant"]
    content: str
    refusal: None


class ChatChoice(BaseModel):
    """The one answer. finish_reason : `length` when max_tokens or the model's context cut it short."""

    index: int
    message: ChatAnswer
    logprobs: dict[str, Any] | None
    finish_reason: Literal["stop", "length"]


class ChatUsage(BaseModel):
    """Counts of tokens; the picture's are among the prompt's."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int


class ChatCompletion(BaseModel):
    """OpenAI's object of that name."""

    id: str
    object: Literal["chat.completion"]
    created: int
    model: str
    choices: list[ChatChoice]
    usage: ChatUsage | None


class ModelEntry(BaseModel):
    """A model that answers here. tasks : those it was trained on, empty where nobody wrote them down."""

    id: str
    object: Literal["model"]
    created: int
    owned_by: str
    name: str
    version: str
    sha256: str
    dialect: str
    tasks: list[str]
    licence: str


class ModelList(BaseModel):
    """All of them, the default first."""

    object: Literal["list"]
    data: list[ModelEntry]


class Health(BaseModel):
    """The service is there."""

    status: Literal["ok"]


class ErrorBody(BaseModel):
    """message : for people. param : the field it is about. code : for programs."""

    message: str
    type: Literal["invalid_request_error", "server_error"]
    param: str | None
    code: str


class ErrorDocument(BaseModel):
    """What is said instead of an answer, as OpenAI's API says it."""

    error: ErrorBody
