"""What the verbs of `medrega feedback` share: who it was, how progress is told, and whose child one is."""

from __future__ import annotations

import contextlib
import getpass
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

import click

from engine.cli.progress import TerminalProgress
from engine.cli.with_parent import stop_with_parent
from engine.errors import MedRegAError
from engine.progress import Progress
from training.events import JsonLines, Listener, TrainingEvent, nobody

Command = TypeVar("Command", bound=Callable[..., Any])

NICE = click.option(
    "--nice", "niceness", default=10, show_default=True, type=click.IntRange(0, 19), help="0 for no change."
)


def who_option(command: Command) -> Command:
    """``--who NAME``, read with `name_of`."""
    return click.option(
        "--who", default="", show_default="your name on this system", help="Who does it; kept in the history."
    )(command)


def name_of(who: str) -> str:
    """Who does it: the name given, else the user of the system."""
    return who.strip() or getpass.getuser()


def child_options(command: Command) -> Command:
    """``--progress text|json --with-parent``, for `reporting`."""
    for option in (
        click.option(
            "--with-parent",
            is_flag=True,
            help="End, as after an interrupt, when standard input does: for a program that starts this one by a pipe.",
        ),
        click.option(
            "--progress",
            "style",
            type=click.Choice(["text", "json"]),
            default="text",
            show_default=True,
            help="json: one JSON object a line on standard error.",
        ),
    ):
        command = option(command)
    return command


@dataclass(frozen=True, slots=True)
class Telling:
    """How a verb tells what it does."""

    progress: Progress
    listener: Listener


@contextlib.contextmanager
def reporting(style: str, with_parent: bool) -> Iterator[Telling]:
    """What a verb reports to; an error inside is told too. The arguments are those of `child_options`."""
    if with_parent:
        stop_with_parent()
    if style == "text":
        yield Telling(TerminalProgress(), nobody)
        return
    lines = JsonLines()
    try:
        yield Telling(lines, lines)
    except MedRegAError as error:
        lines(TrainingEvent("error", text=str(error)))
        raise
