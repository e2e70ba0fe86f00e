"""What verbs print cannot command a terminal, and is one JSON document."""

from __future__ import annotations

import json
import logging
import os
from pathlib import Path

import click
import pydicom
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from engine.cli import main
from engine.cli.output import OneLineFormatter, echo_json, printable

HOSTILE = "\x1b]0;owned\x07 \x9b31m\u202eTC\u2028 \x7f"


@pytest.mark.parametrize("text", ["CT, 3 mm", "腹部CT（增强）　第一期", "é 😀", ""])
def test_what_can_be_read_stays_as_it_is(text: str):
    assert printable(text) == text


def test_what_commands_a_terminal_is_shown_instead():
    assert printable(HOSTILE) == "\\x1b]0;owned\\x07 \\x9b31m\\u202eTC\\u2028 \\x7f"
    assert printable("one\ntwo\r") == "one\\ntwo\\r"
    assert printable(os.fsdecode(b"scan\xff.dcm")) == "scan\\udcff.dcm"


@given(st.text() | st.characters(categories=["Cc", "Cf", "Cs", "Co", "Zl", "Zp"]))
def test_any_text_becomes_one_printable_line_and_comes_back_from_json(text: str):
    document = _echoed([text])
    assert all(c == "\n" or printable(c) == c for c in printable(text) + document)
    assert "\n" not in printable(text)
    # Two halves of a pair, written apart, are one character when they come back: JSON's own rule.
    assert json.loads(document)[0].encode("utf-16", "surrogatepass") == text.encode("utf-16", "surrogatepass")


def _echoed(document: object) -> str:
    return CliRunner().invoke(click.Command("x", callback=lambda: echo_json(document))).stdout


def test_a_log_message_is_one_line_and_a_traceback_keeps_its_lines():
    record = logging.LogRecord("scan", logging.WARNING, "", 0, "read %s", (HOSTILE + "\n",), None)
    assert OneLineFormatter("%(levelname)s %(message)s").format(record).startswith("WARNING read \\x1b]0;owned")
    assert "\n" not in OneLineFormatter("%(message)s").format(record)


def test_a_series_description_cannot_command_the_terminal(pydicom_files: Path, tmp_path: Path):
    dataset = pydicom.dcmread(pydicom_files / "CT_small.dcm")
    dataset.SpecificCharacterSet = "ISO_IR 192"
    dataset.add_new(0x0008103E, "LO", HOSTILE)
    dataset.save_as(tmp_path / "a.dcm")
    runner = CliRunner()
    shown = runner.invoke(main, ["scan", str(tmp_path)]).stdout
    document = runner.invoke(main, ["scan", str(tmp_path), "--json"]).stdout
    for text in (shown, document):
        assert all(character.isprintable() or character == "\n" for character in text)
    assert "owned" in json.loads(document)["series"][0]["description"]


def test_an_error_is_one_line_whatever_the_file_is_called(tmp_path: Path):
    bad = tmp_path / "a\nb\x1b[31m.dcm"
    bad.write_bytes(b"nonsense")
    result = CliRunner().invoke(main, ["scan", str(bad)])
    assert result.exit_code == 1
    assert "\x1b" not in result.stderr
    assert [line.split()[0] for line in result.stderr.splitlines()] == ["left", "medrega:"]
