"""From OpenAI's messages to the conversation that a model is given."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from engine.models.dialects import ChatTurn
from engine.service.forms import ChatMessage, ContentPart
from engine.service.refusal import Refusal


@dataclass(frozen=True, slots=True)
class Conversation:
    """system : what the model is told before everything, "" for its family's own words. picture : as it was sent."""

    turns: tuple[ChatTurn, ...]
    system: str
    picture: str
    param: str


def read_conversation(messages: Sequence[ChatMessage]) -> Conversation:
    """The turns, and the one picture they are about; a picture that is sent again in a later turn counts once.

    Raises `Refusal` for a conversation that such a model cannot have: of no picture or several, or that does not end
    with a question.
    """
    system: list[str] = []
    turns: list[ChatTurn] = []
    picture, param = "", ""
    for number, message in enumerate(messages):
        where = f"messages.{number}"
        parts = _parts(message)
        pictures = [part.image_url.url for part in parts if part.image_url is not None]
        if message.role in ("system", "developer"):
            if pictures or turns:
                raise _wrong("a system message holds text alone and stands before the others", where)
            system.append(_text(parts))
            continue
        if message.role == "assistant":
            if pictures:
                raise _wrong("only the user can show a picture", where)
            turns.append(ChatTurn(_text(parts), by_model=True))
            continue
        fresh = [one for one in dict.fromkeys(pictures) if one != picture]
        if len(fresh) + bool(picture) > 1:
            raise _wrong("a conversation is about one picture: put only one into it", where)
        if fresh:
            picture, param = fresh[0], f"{where}.content"
            turns.append(_turn_with_picture(parts, picture))
        else:
            turns.append(ChatTurn(_text(parts)))
    if not turns or turns[-1].by_model:
        raise _wrong("the last message must be the user's", "messages")
    if not picture:
        raise _wrong("the conversation needs a picture: an image_url part with a data: URL", "messages")
    return Conversation(tuple(turns), "\n\n".join(one for one in system if one), picture, param)


def _turn_with_picture(parts: Sequence[ContentPart], picture: str) -> ChatTurn:
    at = next(i for i, part in enumerate(parts) if part.image_url is not None and part.image_url.url == picture)
    before, after = _text(parts[:at]), _text(parts[at + 1 :])
    if not after:
        # Models of this kind learnt the picture first; and what is evaluated of it serves the next question.
        before, after = "", before
    if after and not after.startswith("\n"):
        after = "\n" + after
    return ChatTurn(before, after, has_image=True)


def _parts(message: ChatMessage) -> Sequence[ContentPart]:
    if isinstance(message.content, str):
        return [ContentPart(type="text", text=message.content)]
    return message.content


def _text(parts: Sequence[ContentPart]) -> str:
    return "\n".join(part.text for part in parts if part.type == "text" and part.text)


def _wrong(message: str, param: str) -> Refusal:
    return Refusal(400, message, code="invalid_conversation", param=param)
