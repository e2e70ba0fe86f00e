"""What requests hold, checked field by field as they come in."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from engine.protocol import AnswerForm, Grounding, Language, Recognition
from engine.regions import Box
from engine.scans import Plane

_Number = Annotated[float, Field(allow_inf_nan=False)]
_Box = Annotated[list[_Number], Field(min_length=4, max_length=4, description="x1, y1, x2, y2 in pixels")]
_Name = Annotated[str, Field(min_length=1, max_length=200)]
_Names = Annotated[list[_Name], Field(max_length=256)]


class PictureForm(BaseModel):
    """A picture, or one slice of a DICOM file, and who is to be asked about it."""

    model_config = ConfigDict(extra="forbid")

    image: str = Field(
        min_length=1,
        description="A data: URL or plain base64 of a PNG, JPEG, TIFF, BMP, WebP or DICOM file. No other URL.",
    )
    model: str = Field("", max_length=200, description="One of /v1/models; the first of them when it is left out.")
    language: Language = Field(Language.EN, description="Of the question and the answer.")
    slice: int | None = Field(None, ge=0, le=1_000_000, description="Counted from 0; the middle one when left out.")
    plane: Plane | None = Field(None, description="The plane the file was stored in when it is left out.")
    window: Annotated[list[_Number], Field(min_length=2, max_length=2)] | None = Field(
        None, description="Centre and width of the grey-scale window; the file's own when it is left out."
    )
    modality: str | None = Field(
        None, pattern=r"^[A-Z]{2,16}$", description="DICOM modality code that the question is worded for, such as CT."
    )
    body_part: str | None = Field(None, pattern=r"^[A-Z0-9_ ]{1,16}$", description="DICOM body part examined.")


class NameForm(PictureForm):
    """What is in a box? `box` for one, `boxes` for several."""

    box: _Box | None = None
    boxes: Annotated[list[_Box], Field(min_length=1, max_length=64)] | None = None
    labels: _Names | None = Field(None, min_length=1, description="The allowed names; the model's own when left out.")

    @model_validator(mode="after")
    def _one_of_them(self) -> NameForm:
        if (self.box is None) == (self.boxes is None):
            raise ValueError("give either box or boxes")
        return self

    def all_boxes(self) -> list[Box]:
        """All of them. Raises `RegionError` for one that is empty or reversed."""
        return [Box(*four) for four in (self.boxes or [self.box or []])]


class FindForm(PictureForm):
    """Where are these?"""

    names: Annotated[list[_Name], Field(min_length=1, max_length=64)]


class GroundForm(PictureForm):
    """Describe what there is, with its place; of everything, or of `names`."""

    names: _Names = Field(default_factory=list)
    grounding: Grounding | None = Field(None, description="Default: chest for an X-ray, else organ.")
    labels: _Names | None = Field(None, min_length=1, description="The allowed names; the model's own when left out.")


class ReportForm(PictureForm):
    """Write a report."""


class AskForm(PictureForm):
    """Any question, in words."""

    text: str = Field(min_length=1, max_length=4000)
    answer: AnswerForm = Field(AnswerForm.PHRASE, description="What it wants to hear; `option` needs `options`.")
    options: _Names = Field(default_factory=list, description="The allowed answers; `answer` is `option` then.")


class DiagnoseForm(PictureForm):
    """Which of these labels is it?"""

    labels: Annotated[_Names, Field(min_length=2)]
    several: bool = Field(False, description="More than one may hold.")
    none_label: str = Field("", max_length=200, description="The label that means none of the others.")
    recognition: Recognition = Recognition.DISEASE


class ImageUrl(BaseModel):
    """OpenAI's way to hand over a picture. Only data: URLs are taken."""

    url: str = Field(min_length=1)


class ContentPart(BaseModel):
    """A piece of a message."""

    type: Literal["text", "image_url"]
    text: str | None = None
    image_url: ImageUrl | None = None

    @model_validator(mode="after")
    def _has_what_it_says(self) -> ContentPart:
        if (self.text if self.type == "text" else self.image_url) is None:
            raise ValueError(f"a part of type {self.type} needs {self.type}")
        return self


class ChatMessage(BaseModel):
    """One turn. `developer` is the same as `system`."""

    role: Literal["system", "developer", "user", "assistant"]
    content: str | list[ContentPart]


class StreamOptions(BaseModel):
    """What else a stream tells."""

    include_usage: bool = False


class ChatForm(BaseModel):
    """OpenAI's chat completion. The model writes greedily: temperature, top_p and seed change nothing."""

    model: str = Field(max_length=200)
    messages: Annotated[list[ChatMessage], Field(min_length=1, max_length=256)]
    stream: bool | None = False
    stream_options: StreamOptions | None = None
    max_tokens: int | None = Field(None, ge=1, le=1_000_000)
    max_completion_tokens: int | None = Field(None, ge=1, le=1_000_000)
    stop: str | Annotated[list[str], Field(max_length=4)] | None = None
    logprobs: bool | None = False
    n: Literal[1] | None = 1
    tools: Annotated[list[Any], Field(max_length=0)] | None = None
    response_format: dict[str, Any] | None = None

    @model_validator(mode="after")
    def _can_be_done(self) -> ChatForm:
        if (self.response_format or {}).get("type", "text") != "text":
            raise ValueError("response_format: this service answers in text; /v1/regions answers in JSON")
        return self

    @property
    def stops(self) -> tuple[str, ...]:
        """The texts that end an answer."""
        given = [self.stop] if isinstance(self.stop, str) else self.stop or []
        return tuple(one for one in given if one)
