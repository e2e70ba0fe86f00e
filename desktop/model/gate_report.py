"""A gate's report as `medrega feedback gate` writes it, read into values."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.feedback.judges import LEAST_PATIENTS

_FORMAT = 1
_REMEMBERED = "ids"
"""Of a part's `measure`: not the answers to a set of questions, but the ids of what the base remembers."""


@dataclass(frozen=True, slots=True)
class GateCheck:
    """One condition. task : of the base test set, "" for the held-out corrections. value : None where there are too few
    patients to say anything.
    """

    task: str
    value: float | None
    bound: float
    passed: bool


@dataclass(frozen=True, slots=True)
class GateRow:
    """Mean scores of the same questions before and after. task, label : "" for all. interval : 95 % of the difference,
    None of fewer than two patients.
    """

    task: str
    label: str
    n: int
    before: float
    after: float
    difference: float
    interval: tuple[float, float] | None


@dataclass(frozen=True, slots=True)
class Confusion:
    """How often each true name (rows) was called what (columns); the last of labels is every other name."""

    labels: tuple[str, ...]
    before: tuple[tuple[int, ...], ...]
    after: tuple[tuple[int, ...], ...]


@dataclass(frozen=True, slots=True)
class GatePart:
    """One set of questions. rows : all of it, by task, by label.

    remembered : no answer was written: what the model brings along of its own test tells the share of the right
    answers' tokens that it gives when all before them is right.
    """

    patients: int
    rows: tuple[GateRow, ...]
    confusion: Confusion | None
    remembered: bool


@dataclass(frozen=True, slots=True)
class GateExample:
    """A held-out question whose answer changed. scores, pictures : before and after."""

    task: str
    asked: str
    truth: str
    answers: tuple[str, str]
    scores: tuple[float, float]
    pictures: tuple[Path, Path]


@dataclass(frozen=True, slots=True)
class GateReport:
    """adapter, adapter_sha256 : id and weights of what was judged. compared_with : the adapter that was in use when the
    gate was run, "" for the base alone.
    """

    passed: bool
    adapter: str
    adapter_sha256: str
    compared_with: str
    checks: tuple[GateCheck, ...]
    heldout: GatePart
    base_test: GatePart
    examples: tuple[GateExample, ...]

    @classmethod
    def read(cls, path: Path) -> GateReport:
        """Read ``report.json``. Raises `OSError`, `ValueError`, `KeyError`, `TypeError`, `AttributeError`."""
        said = json.loads(path.read_text(encoding="utf-8"))
        if said["format"] != _FORMAT:
            raise ValueError(f"format {said['format']!r}, this version reads {_FORMAT}")
        against = said["compared_with"]
        return cls(
            bool(said["passed"]),
            str(said["adapter"]["id"]),
            str(said["adapter"]["sha256"]),
            "" if against is None else str(against["id"]),
            tuple(_check(one) for one in said["checks"]),
            _part(said["heldout"]),
            _part(said["base_test"]),
            tuple(_example(one, path.parent) for one in said["examples"]),
        )

    def is_outdated(self, in_use: str) -> bool:
        """Whether the adapter was compared with another than answers now. in_use : its id, "" for the model alone."""
        return in_use not in (self.compared_with, self.adapter)

    def has_passed(self, in_use: str) -> bool:
        """Whether the comparison with what answers now was passed, by as many patients as it takes.

        Reports of earlier versions pass with fewer: they are refused by what switches.
        """
        return self.passed and self.heldout.patients >= LEAST_PATIENTS and not self.is_outdated(in_use)


def _check(said: Mapping[str, Any]) -> GateCheck:
    value = said["value"]
    what = str(said["what"])
    task = what.removeprefix("keeps ") if what.startswith("keeps ") else ""
    return GateCheck(task, None if value is None else float(value), float(said["bound"]), bool(said["passed"]))


def _part(said: Mapping[str, Any]) -> GatePart:
    rows = [_row("", "", said["overall"])]
    rows += [_row(task, "", figures) for task, figures in said["tasks"].items()]
    rows += [_row(str(figures["task"]), str(figures["label"]), figures) for figures in said["labels"]]
    remembered = said["measure"] == _REMEMBERED
    return GatePart(int(said["overall"]["patients"]), tuple(rows), _confusion(said["confusion"]), remembered)


def _row(task: str, label: str, said: Mapping[str, Any]) -> GateRow:
    bounds = said["interval"]
    interval = None if bounds is None else (float(bounds[0]), float(bounds[1]))
    before, after, difference = (float(said[key]) for key in ("before", "after", "difference"))
    return GateRow(task, label, int(said["n"]), before, after, difference, interval)


def _confusion(said: Mapping[str, Any] | None) -> Confusion | None:
    if said is None:
        return None
    before, after = (tuple(tuple(int(n) for n in row) for row in said[side]) for side in ("before", "after"))
    return Confusion(tuple(str(one) for one in said["labels"]), before, after)


def _example(said: Mapping[str, Any], folder: Path) -> GateExample:
    first, second = (float(score) for score in said["scores"])
    return GateExample(
        str(said["task"]),
        str(said["asked"]),
        str(said["truth"]),
        (str(said["before"]), str(said["after"])),
        (first, second),
        (folder / said["pictures"]["before"], folder / said["pictures"]["after"]),
    )
