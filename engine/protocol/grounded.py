"""Grounded reports: descriptions tied to named regions, read from whatever a model makes of the syntax."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from engine.protocol.coordinates import MEDREGA_UNIT, BoxUnit
from engine.protocol.syntax import (
    ABSENT,
    BOXES,
    MARKUP,
    REF,
    SEPARATORS,
    TAG,
    bare_name,
    has_bracket,
    prose,
    read_boxes,
)
from engine.protocol.task import Located, Question, Sentence
from engine.regions import Box

_MARK = re.compile(rf"(?P<ref>{REF.pattern})|(?P<boxes>{BOXES.pattern})")
_SENTENCE_END = re.compile(r"[\n。；;！!？?]|\.(?=\s|$)")
_JOINING = ("", "and", "和", "及", "与", "、")
"""What may stand between two things that one description is about."""


@dataclass(slots=True)
class _Reader:
    """What has been read of a report: finished sentences, and the one in work."""

    question: Question
    sentences: list[Sentence] = field(default_factory=list)
    located: list[Located] = field(default_factory=list)
    name: str = ""
    """Tagged, still without a box."""
    words: str = ""
    """Since the last mark."""
    malformed: bool = False

    def ref(self, name: str) -> None:
        """A tagged name: the description before it, if there is one, is over."""
        self._end_description()
        if self.name:
            self.located.append(Located(self.name))
        self.name = name

    def boxes(self, boxes: tuple[Box, ...]) -> None:
        """A box list belongs to the tagged name before it, or to the bare name at the end of the words."""
        name = self.name
        if name:
            # ``<ref>a</ref> is at [[...]]``: the words between are of no use.
            self.words = ""
        else:
            name = self._bare_name()
        if not boxes:
            self.name = ""
            return
        asked = self.question.names
        if name:
            self.located.append(Located(name, boxes))
        elif self.located and self.located[-1].boxes:
            self.located[-1] = Located(self.located[-1].name, (*self.located[-1].boxes, *boxes))
        elif len(asked) == 1:
            self.located.append(Located(asked[0], boxes))
        else:
            self.malformed = True
        self.name = ""

    def end(self) -> None:
        """The report is over."""
        self._end_description()
        if self.name:
            self.located.append(Located(self.name))
        self._flush("")

    def _bare_name(self) -> str:
        """Split the words before a box into the description that ends and the name that begins."""
        words = TAG.sub("", self.words)
        if not self._is_description(words):
            self.words = ""
            return bare_name(words, self.question.names)
        head, tail = _split_name(words, self.question.names)
        self.words = head
        self._end_description()
        return bare_name(tail, self.question.names)

    def _is_description(self, words: str) -> bool:
        stripped = words.lstrip()
        if not self.located and not self.name:
            # Before any box: a name alone, or a sentence of its own before it.
            return bool(_SENTENCE_END.search(stripped))
        return stripped[:1] in (":", "：") or bool(_SENTENCE_END.search(stripped))

    def _end_description(self) -> None:
        """Take the words for a description, unless they only join two names."""
        words = prose(self.words).lstrip(":： ").strip()
        joins = words.strip(SEPARATORS).casefold() in _JOINING
        self.words = ""
        if joins:
            return
        if self.name:
            gone = ABSENT.fullmatch(words.strip(SEPARATORS))
            self.located.append(Located(self.name, not_present=bool(gone)))
            self.name = ""
        self._flush(words.lstrip(",， "))

    def _flush(self, words: str) -> None:
        if self.located or words:
            self.sentences.append(Sentence(words, tuple(self.located)))
        self.located = []


def read_sentences(raw: str, question: Question, unit: BoxUnit = MEDREGA_UNIT) -> tuple[tuple[Sentence, ...], bool]:
    """The sentences of a grounded report with their regions, and whether it is malformed.

    Malformed is a report without any region or absence, a box that is none or that cannot be told whose it is, and a
    region that nothing is said about.
    """
    text = MARKUP.sub("", raw)
    reader = _Reader(question)
    position = 0
    for match in _MARK.finditer(text):
        between = text[position : match.start()]
        reader.words += between
        reader.malformed |= has_bracket(between)
        position = match.end()
        if match.group("ref") is not None:
            name = " ".join(REF.sub(r"\1", match.group("ref")).split())
            reader.ref(name)
            continue
        boxes, whole = read_boxes(match.group("boxes"), question, unit)
        reader.malformed |= not whole
        reader.boxes(boxes)
    rest = text[position:]
    reader.words += rest
    reader.malformed |= has_bracket(rest)
    reader.end()
    sentences = tuple(reader.sentences)
    tied = [item for sentence in sentences for item in sentence.located]
    silent = any(not sentence.text for sentence in sentences)
    grounded = any(item.boxes or item.not_present for item in tied)
    return sentences, reader.malformed or silent or not grounded or any(not s.located for s in sentences)


def _split_name(words: str, asked: tuple[str, ...]) -> tuple[str, str]:
    """A description and the bare name behind it: an asked one, or what follows the last end of a sentence."""
    stripped = words.rstrip(SEPARATORS)
    for name in sorted(asked, key=len, reverse=True):
        if stripped.casefold().endswith(name.casefold()):
            # Casefolding may change a text's length: the name is what stands there.
            tail = stripped[-len(name) :]
            if tail.casefold() == name.casefold():
                return stripped[: -len(name)], tail
    end = 0
    for match in _SENTENCE_END.finditer(stripped):
        end = match.end()
    return stripped[:end], stripped[end:]
