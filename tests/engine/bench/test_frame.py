"""Benches say what they measured in one way, and others may bring theirs."""

from __future__ import annotations

import json

import click
import pytest
from click.testing import CliRunner

from engine.bench import BenchReport, medians_in_turn, row
from engine.cli import bench as bench_cli
from engine.cli import main


def test_a_ratio_is_larger_when_ours_is_better():
    assert row("t", "s", 2, peer_name="p", peer=3).ratio == 1.5
    assert row("f", "frames/s", 6, peer_name="p", peer=3, larger_is_better=True).ratio == 2


@pytest.mark.parametrize(
    ("made", "met"),
    [
        (row("t", "s", 0.2, goal=0.3), True),
        (row("t", "s", 0.4, goal=0.3), False),
        (row("f", "frames/s", 200, goal=200, larger_is_better=True), True),
        (row("t", "s", 2, peer_name="p", peer=3, goal=1.5), True),
        (row("t", "s", 2.1, peer_name="p", peer=3, goal=1.5), False),
        (row("t", "s", 2), None),
    ],
)
def test_met_follows_from_the_numbers(made, met):
    assert made.met is met


def test_jobs_are_run_in_turn_and_at_least_five_times():
    order: list[str] = []
    seconds = medians_in_turn([lambda: order.append("a"), lambda: order.append("b")], runs=1)
    assert order == ["a", "b"] * 6
    assert len(seconds) == 2


def test_the_document_has_the_agreed_keys():
    document = BenchReport("scan", (row("t", "s", 2, peer_name="p", peer=3, goal=1.5),)).to_json()
    assert set(document) == {"bench", "machine", "rows"}
    assert set(document["rows"][0]) == {"name", "unit", "ours", "peer_name", "peer", "ratio", "goal", "met"}
    json.dumps(document)


@click.command()
def other() -> None:
    """A bench from elsewhere."""
    click.echo("from elsewhere")


def test_a_bench_of_another_folder_is_found_by_its_entry_point(monkeypatch: pytest.MonkeyPatch):
    class Point:
        name = "other"

        @staticmethod
        def load() -> click.Command:
            return other

    monkeypatch.setattr(bench_cli, "entry_points", lambda group: [Point] if group == "medrega.benches" else [])
    assert "other" in CliRunner().invoke(main, ["bench", "--help"]).output
    assert CliRunner().invoke(main, ["bench", "other"]).output == "from elsewhere\n"
