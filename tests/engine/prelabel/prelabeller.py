"""Prelabels as often as it is told to, for tests that end it: each line on standard input starts one run.

One import of the engine serves all runs: each is a fork. Imported by ``python -c``, so that the model process of a
run does not import it all again.
"""

from __future__ import annotations

import json
import os
import sys

import click

from engine.cli import main
from engine.cli.prelabel import prelabel_command  # noqa: F401 - imported before the forks


def nurse() -> None:
    """For each line, a JSON list of words and where what it says goes: the process's id, then how it ended."""
    for line in sys.stdin:
        words, out, errors = json.loads(line)
        child = os.fork()
        if child == 0:
            _run(words, out, errors)
        _say(str(child))
        _, status = os.waitpid(child, 0)
        _say(str(os.waitstatus_to_exitcode(status)))


def _run(words: list[str], out: str, errors: str) -> None:
    for number, path in ((1, out), (2, errors)):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
    try:
        code = main(words, standalone_mode=False)
    except click.exceptions.Exit as exit_:
        code = exit_.exit_code
    sys.stdout.flush()
    os._exit(code or 0)


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()
