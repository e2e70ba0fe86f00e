"""Rows of a bench: medians of runs taken in turn, a ratio in which larger is better, a goal that is met or not."""

from __future__ import annotations

import os
import platform
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

RUNS = 5
"""Least number of runs behind a median."""


@dataclass(frozen=True, slots=True)
class Row:
    """One measurement.

    ours, peer : medians in `unit`; peer and peer_name are None where there is nobody to compare with. ratio :
    larger is better, None without a peer. goal : what the documentation states, of the ratio where there is one,
    else of `ours`; None where a figure is only reported. met : follows from these alone.
    """

    name: str
    unit: str
    ours: float
    peer_name: str | None
    peer: float | None
    ratio: float | None
    goal: float | None
    met: bool | None


def row(
    name: str,
    unit: str,
    ours: float,
    *,
    peer_name: str | None = None,
    peer: float | None = None,
    goal: float | None = None,
    larger_is_better: bool = False,
) -> Row:
    """A row with its ratio and verdict."""
    ratio = None
    if peer is not None and ours > 0 and peer > 0:
        ratio = ours / peer if larger_is_better else peer / ours
    if goal is None:
        met = None
    elif peer is not None:
        met = ratio is not None and ratio >= goal
    else:
        met = ours >= goal if larger_is_better else ours <= goal
    return Row(name, unit, ours, peer_name, peer, ratio, goal, met)


@dataclass(frozen=True, slots=True)
class BenchReport:
    """What one bench found. to_json : the document of ``--json``. lines : the same for a person."""

    bench: str
    rows: tuple[Row, ...]
    machine: dict[str, Any] = field(default_factory=lambda: machine())

    def to_json(self) -> dict[str, Any]:
        """Plain data, one document."""
        return {"bench": self.bench, "machine": self.machine, "rows": [asdict(one) for one in self.rows]}

    def lines(self) -> list[str]:
        """A table."""
        facts = self.machine
        lines = [f"{self.bench}: {facts['processors']} processors, load {facts['load']}, {facts['platform']}"]
        width = max((len(one.name) for one in self.rows), default=0)
        for one in self.rows:
            text = f"  {one.name:{width}}  {one.ours:10.4g} {one.unit}"
            if one.peer is not None and one.ratio is not None:
                text += f"   {one.peer_name}: {one.peer:.4g} {one.unit}   ratio {one.ratio:.2f}"
            if one.goal is not None:
                text += f"   goal {one.goal:g} {'met' if one.met else 'NOT MET'}"
            lines.append(text)
        return lines


def machine() -> dict[str, Any]:
    """What the figures depend on. load : of the last minute, which tells whether the machine was busy."""
    return {
        "platform": platform.platform(),
        "python": platform.python_version(),
        "processors": os.cpu_count(),
        "load": round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None,
    }


def medians_in_turn(jobs: Sequence[Callable[[], object]], runs: int = RUNS) -> list[float]:
    """Seconds each job takes, the median of `runs`; one run of each after the other, so that they share the weather.

    Each is run once before without counting, so that files and imports are warm for all.
    """
    for job in jobs:
        job()
    seconds: list[list[float]] = [[] for _ in jobs]
    for _ in range(max(runs, RUNS)):
        for job, taken in zip(jobs, seconds, strict=True):
            began = time.perf_counter()
            job()
            taken.append(time.perf_counter() - began)
    return [statistics.median(taken) for taken in seconds]
