"""How a model fares with the people who use it, over time: by label and by site, and whether it has become worse.

Pure: rows in, figures out.
"""

from __future__ import annotations

import datetime
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from engine.feedback.falls import standing_falls
from engine.feedback.judged import Judged, Outcome
from engine.feedback.statistics import wilson_interval
from engine.reliability import Reliability, measure_reliability

WINDOW_DAYS = 7
ALARM_LEVEL = 0.05
"""The chance of any false alarm in one look at all labels that is put up with: the usual level of a test."""
RULE = (
    "A label's acceptance in the days up to its newest judgement, at most as many as a window has, is compared with "
    "all before by Fisher's exact test (one-sided, 1922); of the days since which it may have fallen, the most telling "
    "one counts, and its probability is multiplied by their number. The probabilities of all labels are adjusted by "
    "Holm's method (1979), so that the chance of any false alarm being raised in a look is at most the level. An alarm "
    "stands until the label's newest judgements, as many as have shown the fall and ten at least, compared with all "
    "before the fall, give a probability above the level."
)


@dataclass(frozen=True, slots=True)
class Fare:
    """How suggestions fared. judged : how many. acceptance : the share that was kept as it was, with its 95 % interval.

    name_distance, iou : means over those that were not rejected (`Judged`); None without any. reliability : whether
    probabilities are worth what they say; None where the model gave none.
    """

    judged: int
    accepted: int
    edited: int
    rejected: int
    interval: tuple[float, float] | None
    name_distance: float | None
    iou: float | None
    reliability: Reliability | None

    @property
    def acceptance(self) -> float | None:
        """0..1, None without any."""
        return self.accepted / self.judged if self.judged else None

    def to_json(self) -> dict[str, Any]:
        """Figures for a chart."""
        told = self.reliability
        return {
            "judged": self.judged,
            "accepted": self.accepted,
            "edited": self.edited,
            "rejected": self.rejected,
            "acceptance": self.acceptance,
            "interval": None if self.interval is None else list(self.interval),
            "name_distance": self.name_distance,
            "iou": self.iou,
            "calibration": None if told is None else _calibration_json(told),
        }


@dataclass(frozen=True, slots=True)
class Window:
    """Some days, both included, and how suggestions fared in them. models : that had made them."""

    first: datetime.date
    last: datetime.date
    fare: Fare
    models: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Course:
    """One label, one site, or everything. name : for people. windows : those with a judgement, oldest first."""

    name: str
    whole: Fare
    windows: tuple[Window, ...]


@dataclass(frozen=True, slots=True)
class Alarm:
    """A label whose acceptance fell, and has not recovered. before, now : (accepted, judged).

    p, adjusted : see `RULE`. What raised an alarm need not hold on: adjusted may be above the level while it stands.
    """

    label: str
    name: str
    before: tuple[int, int]
    now: tuple[int, int]
    p: float
    adjusted: float


@dataclass(frozen=True, slots=True)
class Drift:
    """The whole picture. by_label, by_site : by key; a site "" is that of scans whose site is not known."""

    window_days: int
    level: float
    everything: Course
    by_label: Mapping[str, Course]
    by_site: Mapping[str, Course]
    alarms: tuple[Alarm, ...]

    def to_json(self) -> dict[str, Any]:
        """One JSON document."""
        return {
            "window_days": self.window_days,
            "rule": RULE,
            "level": self.level,
            "overall": _course_json(self.everything),
            "labels": {key: _course_json(course) for key, course in self.by_label.items()},
            "sites": {key: _course_json(course) for key, course in self.by_site.items()},
            "alarms": [asdict(alarm) for alarm in self.alarms],
        }


def measure_drift(rows: Iterable[Judged], window_days: int = WINDOW_DAYS, level: float = ALARM_LEVEL) -> Drift:
    """Figures of all rows, of each label and of each site, in windows of some days, and the alarms.

    Windows are counted from a fixed day, so that a chart does not move when a day passes. Alarms go by days up to a
    label's newest judgement instead: neither a week that turns nor another label's judgement puts one out.
    """
    assert window_days > 0, "a window has at least a day"
    judged = list(rows)
    by_label = _courses(judged, lambda one: one.label, lambda one: one.name, window_days)
    by_site = _courses(judged, lambda one: one.site, lambda one: one.site, window_days)
    everything = _course("", judged, window_days)
    return Drift(window_days, level, everything, by_label, by_site, _alarms(judged, by_label, window_days, level))


def fare_of(rows: Sequence[Judged]) -> Fare:
    """How some suggestions fared."""
    counts = {outcome: sum(one.outcome is outcome for one in rows) for outcome in Outcome}
    told = [one for one in rows if one.probability is not None]
    reliability = measure_reliability(
        [one.probability for one in told if one.probability is not None], [one.right for one in told]
    )
    return Fare(
        len(rows),
        counts[Outcome.ACCEPTED],
        counts[Outcome.EDITED],
        counts[Outcome.REJECTED],
        wilson_interval(counts[Outcome.ACCEPTED], len(rows)),
        _mean([one.name_distance for one in rows]),
        _mean([one.iou for one in rows]),
        reliability,
    )


def _alarms(
    rows: Sequence[Judged], by_label: Mapping[str, Course], window_days: int, level: float
) -> tuple[Alarm, ...]:
    outcomes: dict[str, list[tuple[datetime.date, bool]]] = defaultdict(list)
    for one in rows:
        outcomes[one.label].append((one.day, one.outcome is Outcome.ACCEPTED))
    alarms = [
        Alarm(key, by_label[key].name, fall.before, fall.now, fall.p, fall.adjusted)
        for key, fall in standing_falls(outcomes, window_days, level).items()
    ]
    return tuple(sorted(alarms, key=lambda one: (one.adjusted, one.label)))


def _courses(
    rows: Sequence[Judged], key: Callable[[Judged], str], name: Callable[[Judged], str], window_days: int
) -> dict[str, Course]:
    groups: dict[str, list[Judged]] = defaultdict(list)
    for one in rows:
        groups[key(one)].append(one)
    return {group: _course(name(groups[group][-1]), groups[group], window_days) for group in sorted(groups)}


def _course(name: str, rows: Sequence[Judged], window_days: int) -> Course:
    by_window: dict[int, list[Judged]] = defaultdict(list)
    for one in rows:
        by_window[one.day.toordinal() // window_days].append(one)
    windows = []
    for number in sorted(by_window):
        its = by_window[number]
        # Day 0 does not exist; nobody has decided anything in that window.
        first = datetime.date.fromordinal(max(1, number * window_days))
        last = datetime.date.fromordinal(min(datetime.date.max.toordinal(), (number + 1) * window_days - 1))
        windows.append(Window(first, last, fare_of(its), tuple(sorted({one.model for one in its}))))
    return Course(name, fare_of(rows), tuple(windows))


def _mean(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None


def _calibration_json(told: Reliability) -> dict[str, Any]:
    return {
        "n": told.count,
        "confidence": told.confidence,
        "accuracy": told.accuracy,
        "ece": told.ece,
        "brier": told.brier,
    }


def _course_json(course: Course) -> dict[str, Any]:
    windows = [
        {"from": str(one.first), "to": str(one.last), "models": list(one.models), **one.fare.to_json()}
        for one in course.windows
    ]
    return {"name": course.name, **course.whole.to_json(), "windows": windows}
