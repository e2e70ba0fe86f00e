"""What verbs say: text that cannot command a terminal, one JSON document, one log line a message."""

from __future__ import annotations

import json
import logging
import unicodedata
from typing import Any

import click


def printable(text: object) -> str:
    """The text with everything that is no visible character escaped.

    Names and descriptions come from files that anybody may have written: control characters, terminal commands,
    direction marks and undecodable bytes are shown, not obeyed.
    """
    return "".join(c if _visible(c) else c.encode("unicode_escape").decode() for c in str(text))


def _visible(character: str) -> bool:
    # `isprintable` counts only the plain space; Chinese text uses the wide one.
    return character.isprintable() or unicodedata.category(character) == "Zs"


def echo_json(document: Any) -> None:
    """Exactly one JSON document on standard output."""
    lines = json.dumps(document, ensure_ascii=False, indent=2).split("\n")
    # json escapes only what lies below the space. What is invisible can only stand inside a text.
    click.echo("\n".join("".join(c if _visible(c) else json.dumps(c)[1:-1] for c in line) for line in lines))


class OneLineFormatter(logging.Formatter):
    """A log message is one line, whatever it quotes; a traceback keeps its lines."""

    def formatMessage(self, record: logging.LogRecord) -> str:
        """Escape what would break or colour the line."""
        return printable(super().formatMessage(record))
