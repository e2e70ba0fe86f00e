"""The engine's messages in the interface's language.

The engine speaks English: its messages also go to logs and to the command line. The window shows the Chinese
sentences of ``errors_zh.json``, which has five sections: ``templates`` are the engine's own messages, with their
values as numbered placeholders; ``feedback`` are those of `medrega feedback` and of its runs; ``parts`` are what such
values can be, and no sentence by themselves; ``library`` is what the system and the libraries give as reasons;
``words`` are values that are words of the program, such as a shape's kind.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from desktop.translation import interface_language, translations_folder

logger = logging.getLogger(__name__)

CATALOGUE_FILE = "errors_zh.json"
_PLACEHOLDER = re.compile(r"\{(\d+)\}")
_CHINESE = re.compile(r"[\u4e00-\u9fff]")
_ENGLISH = re.compile(r"[A-Za-z]+")
_MOST_DEEP = 6
"""A reason within a message within a message: no message of the engine goes deeper than four."""
_LISTS = {", ": "、", " or ": "或", "; ": "；"}
_MOST_MISSED = 200
_missed: set[str] = set()


def shown_error(message: str) -> str:
    """A message of the engine as the window shows it now."""
    return error_text(message, interface_language())


def error_text(message: str, language: str) -> str:
    """An English message of the engine in `language`; itself where there is no sentence for it.

    language : "en" or "zh_CN". Values (names, paths, numbers) are carried over as they are; a value that is a message
    itself, such as a reason, is translated too.
    """
    if language != "zh_CN" or not message:
        return message
    found = _translated(message, 0)
    if found is None:
        if not _CHINESE.search(message):
            _note_missing(message)
        return message
    return found


@dataclass(frozen=True, slots=True)
class _Template:
    """literals : what stands before, between and after the placeholders. target : the Chinese template.

    is_part : it begins or ends sentences, which must be looked for first.
    """

    literals: tuple[str, ...]
    target: str
    is_part: bool

    def values(self, text: str) -> tuple[str, ...] | None:
        """The placeholders' values when the whole text is of this template; each is as short as can be.

        Finding one literal after the other is linear, where a regular expression may take for ever on a hostile name.
        """
        first, *between = self.literals
        if not between:
            return () if text == first else None
        last = between.pop()
        if len(text) < len(first) + len(last) or not (text.startswith(first) and text.endswith(last)):
            return None
        at, end = len(first), len(text) - len(last)
        values = []
        for literal in between:
            place = text.find(literal, at, end)
            if place < 0:
                return None
            values.append(text[at:place])
            at = place + len(literal)
        return (*values, text[at:end])

    @property
    def is_bare(self) -> bool:
        """Whether it says nothing by itself: it only puts other messages together."""
        return not any(letter.isalpha() for literal in self.literals for letter in literal)


@cache
def _catalogue() -> tuple[tuple[_Template, ...], dict[str, str]]:
    """The templates, those that say the most first, and the words."""
    sections = json.loads((translations_folder() / CATALOGUE_FILE).read_text(encoding="utf-8"))
    templates = [
        _Template(tuple(_PLACEHOLDER.split(source)[::2]), target, section == "parts")
        for section in ("templates", "feedback", "library", "parts")
        for source, target in sections[section].items()
    ]
    return tuple(sorted(templates, key=lambda one: (one.is_part, -sum(map(len, one.literals))))), sections["words"]


def _translated(text: str, depth: int) -> str | None:
    if depth > _MOST_DEEP:
        return None
    for template in _catalogue()[0]:
        values = template.values(text)
        if values is None:
            continue
        shown = [_value(value, depth + 1) for value in values]
        if template.is_bare and shown == list(values):
            continue
        return _filled(template.target, shown)
    return None


def _filled(target: str, values: Sequence[str]) -> str:
    return _PLACEHOLDER.sub(lambda place: values[int(place[1])], target)


def _value(value: str, depth: int) -> str:
    """A placeholder's value: a word of the program, a list of them, a message, or left as it is."""
    words = _catalogue()[1]
    for separator, joint in _LISTS.items():
        items = value.split(separator)
        if all(item in words for item in items):
            return joint.join(words[item] for item in items)
    found = _translated(value, depth) if " " in value else None
    return value if found is None else found


@cache
def _vocabulary() -> frozenset[str]:
    return frozenset(word for one in _catalogue()[0] for literal in one.literals for word in _ENGLISH.findall(literal))


def _note_missing(message: str) -> None:
    """Log, once, the words of a message that are the program's own: never a name or a path."""
    words = " ".join(word for word in _ENGLISH.findall(message) if word in _vocabulary())
    if words not in _missed and len(_missed) < _MOST_MISSED:
        _missed.add(words)
        logger.debug("no Chinese sentence for the message: %s", words)
