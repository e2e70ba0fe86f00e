"""`medrega model` takes verbs from installed packages by entry point, and imports them only when used."""

from __future__ import annotations

import sys
from importlib.metadata import entry_points

import pytest
from click.testing import CliRunner

from engine.cli.models import model


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """A package on the path whose metadata brings two verbs, one of which cannot be imported."""
    (tmp_path / "extra_model_verb.py").write_text(
        "import click\n\n@click.command()\ndef hello():\n    'Say hello.'\n    click.echo('hello')\n", encoding="utf-8"
    )
    metadata = tmp_path / "extra_model_verb-1.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: extra-model-verb\nVersion: 1\n", encoding="utf-8")
    (metadata / "entry_points.txt").write_text(
        "[medrega.model_commands]\nhello = extra_model_verb:hello\nbroken = no_such_package_at_all:verb\n",
        encoding="utf-8",
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    assert any(point.name == "hello" for point in entry_points(group="medrega.model_commands"))
    yield
    sys.modules.pop("extra_model_verb", None)


@pytest.mark.usefixtures("installed")
def test_a_verb_of_another_package_runs():
    assert CliRunner().invoke(model, ["hello"]).output == "hello\n"


@pytest.mark.usefixtures("installed")
def test_it_is_not_imported_for_another_verb():
    CliRunner().invoke(model, ["list", "--json"])
    assert "extra_model_verb" not in sys.modules


@pytest.mark.usefixtures("installed")
def test_one_that_cannot_be_imported_says_what_it_needs():
    result = CliRunner().invoke(model, ["broken"])
    assert result.exit_code == 1
    assert "no_such_package_at_all" in result.output


@pytest.mark.usefixtures("installed")
def test_its_own_verbs_stay():
    assert {"list", "verify", "hello"} <= set(model.list_commands(None))


def test_an_unknown_verb_is_a_wrong_argument():
    assert CliRunner().invoke(model, ["no-such-verb"]).exit_code == 2
