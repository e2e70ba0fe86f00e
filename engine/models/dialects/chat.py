"""What stands round the turns of a conversation, in one family of models."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from engine.protocol import IMAGE_MARKER, PartKind, Prompt, PromptPart

_IMAGE = PromptPart(PartKind.IMAGE, IMAGE_MARKER)


@dataclass(frozen=True, slots=True)
class ChatTurn:
    """What was said in one turn. before, after : the words on either side of its picture, if `has_image`."""

    before: str
    after: str = ""
    has_image: bool = False
    by_model: bool = False


@dataclass(frozen=True, slots=True)
class ChatTemplate:
    """The marks of a family.

    user, assistant : what begins a turn. end : what ends one. tokens : those that a vocabulary must have for the
    marks to mean anything. begin : before everything. system_mark : what begins the turn that tells the model how to
    behave, "" for a family without one. system : what it is told unless a conversation says otherwise, "" for nothing.
    """

    user: str
    assistant: str
    end: str
    tokens: tuple[str, ...]
    begin: str = ""
    system_mark: str = ""
    system: str = ""

    def prompt(self, before: str, after: str) -> Prompt:
        """One question, ready to be answered. before, after : text on either side of the image."""
        return self.conversation([ChatTurn(before, after, has_image=True)])

    def conversation(self, turns: Sequence[ChatTurn], system: str = "") -> Prompt:
        """A conversation up to the model's next turn; everything that was said in it is text, never a control token.

        system : told to the model in place of the family's own words; a family without a turn for it hears it first
        thing in the first turn.
        """
        return Prompt(tuple(_joined(self._parts(turns, system))))

    def _parts(self, turns: Sequence[ChatTurn], system: str) -> Iterator[PromptPart]:
        yield _template(self.begin)
        if system and self.system_mark:
            yield from (_template(self.system_mark), _text(system), _template(self.end))
        elif self.system and not system:
            yield _template(self.system_mark + self.system + self.end)
        for number, turn in enumerate(turns):
            yield _template(self.assistant if turn.by_model else self.user)
            if system and not self.system_mark and number == 0:
                yield _text(system + "\n\n")
            yield _text(turn.before)
            if turn.has_image:
                yield _IMAGE
            yield from (_text(turn.after), _template(self.end))
        yield _template(self.assistant)


def _template(text: str) -> PromptPart:
    return PromptPart(PartKind.TEMPLATE, text)


def _text(text: str) -> PromptPart:
    return PromptPart(PartKind.TEXT, text)


def _joined(parts: Iterator[PromptPart]) -> Iterator[PromptPart]:
    """Neighbours of one kind as one part: they are tokenised together, as the model learnt them."""
    for kind, some in groupby((part for part in parts if part.text), key=lambda part: part.kind):
        if kind is PartKind.IMAGE:
            yield from some
        else:
            yield PromptPart(kind, "".join(part.text for part in some))
