"""How a model's probabilities become shares of right answers: fitted on held-out data, kept in its manifest.

Ranked answers by one temperature a task (Guo et al., ICML 2017); whether a thing is there, and whether a box or a
region's best name is right, by a logistic map of the model's own log-odds (Platt 1999). That of names also heeds how
many patients a name was learnt from: of a thing that it met in one patient a model is as sure as of any other, and far
less often right. No order among the candidates of a question changes by any of them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

_LEAST_TEMPERATURE, _MOST = 0.01, 100.0
_TINY = 1e-12


@dataclass(frozen=True, slots=True)
class LogisticMap:
    """Log-odds times `scale`, plus `shift`; as it is by default. scale : greater than 0."""

    scale: float = 1.0
    shift: float = 0.0

    def of_odds(self, log_odds: float) -> float:
        """The probability that stands for the model's log-odds."""
        value = self.scale * log_odds + self.shift
        # Either form overflows for one sign.
        return 1 / (1 + math.exp(-value)) if value >= 0 else math.exp(value) / (1 + math.exp(value))

    def of_probability(self, probability: float) -> float:
        """The probability that stands for the model's own."""
        return self.of_odds(log_odds_of(probability)) if self != _AS_IT_IS else probability

    def odds_of(self, probability: float) -> float:
        """The model's log-odds that a probability, 0..1, stands for."""
        return (log_odds_of(probability) - self.shift) / self.scale


_AS_IT_IS = LogisticMap()


@dataclass(frozen=True, slots=True)
class NameMap:
    """The log-odds of a region's best name times `scale`, plus `shift`, plus `experience` times ln(1 + patients).

    experience : 0 or more. As made, it changes nothing.
    """

    scale: float = 1.0
    shift: float = 0.0
    experience: float = 0.0

    def of_probability(self, probability: float, patients: int | None) -> float:
        """How probably a best name is right. patients : those it was learnt from; None leaves the probability alone."""
        if patients is None or self == _NAMES_AS_THEY_ARE:
            return probability
        shift = self.shift + self.experience * math.log1p(patients)
        return LogisticMap(self.scale, shift).of_odds(log_odds_of(probability))

    def of_ranked(self, probabilities: Sequence[float], patients: int | None) -> tuple[float, ...]:
        """Of ranked names, best first: the best one's as above, the others' so that none overtakes it.

        What is taken from all of them is how probably it is none of these.
        """
        best = probabilities[0] if probabilities else 0.0
        right = self.of_probability(best, patients)
        if not best or right == best:
            return tuple(probabilities)
        rest = right / best if right <= best else (1 - right) / max(1 - best, _TINY)
        return (right, *(one * rest for one in probabilities[1:]))


_NAMES_AS_THEY_ARE = NameMap()


def log_odds_of(probability: float) -> float:
    """ln(p / (1 - p)), finite for 0 and 1 too."""
    inside = min(max(probability, _TINY), 1 - _TINY)
    return math.log(inside / (1 - inside))


@dataclass(frozen=True, slots=True)
class Calibration:
    """What was fitted for one model. As made, it changes nothing.

    temperatures : by task (`engine.protocol.Task` values), what the scores of its choices are divided by.
    names : of the probabilities of a region's names, after the temperature.
    presence : of the odds of a box against the words that a thing is not there. present_above : a thing that is
    less probably there is "not present"; None where the model's own first token decides.
    boxes : of a written box, to the probability that it is right: of that name, with IoU of at least 0.5.
    dataset_sha256 : of the set it was fitted on, "" for none.
    """

    temperatures: Mapping[str, float] = field(default_factory=dict)
    presence: LogisticMap = _AS_IT_IS
    present_above: float | None = None
    boxes: LogisticMap = _AS_IT_IS
    dataset_sha256: str = ""
    names: NameMap = _NAMES_AS_THEY_ARE

    def temperature(self, task: str) -> float:
        """Of a task's choices; 1 where none was fitted."""
        return self.temperatures.get(task, 1.0)

    def absent_below(self) -> float | None:
        """The model's own log-odds below which a thing is not there; None where its first token decides."""
        return None if self.present_above is None else self.presence.odds_of(self.present_above)

    def to_json(self) -> dict[str, Any]:
        """As the manifest holds it."""
        return {
            "dataset_sha256": self.dataset_sha256,
            "temperatures": dict(self.temperatures),
            "presence": {"scale": self.presence.scale, "shift": self.presence.shift},
            "present_above": self.present_above,
            "boxes": {"scale": self.boxes.scale, "shift": self.boxes.shift},
            "names": {key: getattr(self.names, key) for key in NameMap.__slots__},
        }

    @classmethod
    def from_json(cls, data: Any) -> Calibration:
        """Read and check it. Raises `ValueError`, `TypeError` or `KeyError` naming the field."""
        if not isinstance(data, dict):
            raise TypeError("calibration is not a JSON object")
        given = data["temperatures"]
        if not isinstance(given, dict):
            raise TypeError(f"calibration.temperatures is {given!r:.60}, of the wrong type")
        temperatures = {
            str(task): _number(value, ".".join(("temperatures", str(task))), _LEAST_TEMPERATURE, _MOST)
            for task, value in given.items()
        }
        above = data["present_above"]
        if above is not None:
            above = _number(above, "present_above", 0.0, 1.0)
        return cls(
            temperatures,
            _map(data, "presence"),
            above,
            _map(data, "boxes"),
            str(data["dataset_sha256"]),
            # Calibrations of before have none.
            _name_map(data) if "names" in data else _NAMES_AS_THEY_ARE,
        )


UNCALIBRATED = Calibration()


def _name_map(data: dict[str, Any]) -> NameMap:
    like = _map(data, "names")
    return NameMap(like.scale, like.shift, _number(data["names"]["experience"], "names.experience", 0.0, _MOST))


def _map(data: dict[str, Any], name: str) -> LogisticMap:
    one = data[name]
    if not isinstance(one, dict):
        raise TypeError(f"calibration.{name} is {one!r:.60}, of the wrong type")
    scale = _number(one["scale"], f"{name}.scale", 1e-6, _MOST)
    return LogisticMap(scale, _number(one["shift"], f"{name}.shift", -_MOST, _MOST))


def _number(value: Any, name: str, least: float, most: float) -> float:
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        raise TypeError(f"calibration.{name} is {value!r:.60}, of the wrong type")
    if not least <= value <= most:
        raise ValueError(f"calibration.{name} is {value}, allowed are {least:g} to {most:g}")
    return float(value)
