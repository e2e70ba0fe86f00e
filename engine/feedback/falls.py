"""Which labels are accepted less often than they were, followed day by day.

Pure: outcomes in, falls out. The same outcomes give the same falls, however often and whenever somebody looks.
"""

from __future__ import annotations

import datetime
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from engine.feedback.statistics import fall_probability, holm

_FEWEST = 10
"""Judgements that can say that a fall is over: one found by three would else be ended by the next three."""


@dataclass(frozen=True, slots=True)
class Fall:
    """before, now : (accepted, judged), up to the fall and newest. p, adjusted : see `engine.feedback.drift.RULE`."""

    before: tuple[int, int]
    now: tuple[int, int]
    p: float
    adjusted: float


def standing_falls(
    judged: Mapping[str, Iterable[tuple[datetime.date, bool]]], window_days: int, level: float
) -> dict[str, Fall]:
    """The falls that stand after the newest judgement, by label.

    judged : of each label the day of each judgement, and whether the suggestion was accepted; those of one day in the
    order in which they were made. window_days : how many days up to a label's newest judgement a fall may have begun in
    when it is found. level : see `engine.feedback.drift.RULE`.
    """
    by_day: dict[int, dict[str, list[bool]]] = defaultdict(lambda: defaultdict(list))
    for label, outcomes in judged.items():
        for day, accepted in outcomes:
            by_day[day.toordinal()][label].append(accepted)
    tracks: dict[str, _Track] = {}
    adjusted: dict[str, float] = {}
    for number in sorted(by_day):
        for label, kept in by_day[number].items():
            tracks.setdefault(label, _Track(window_days, level)).add(number, kept)
        adjusted = holm({label: track.p for label, track in tracks.items() if track.p is not None})
        for label, value in adjusted.items():
            if value <= level:
                tracks[label].mark()
    return {
        label: Fall(track.before, track.now, track.p, adjusted[label])
        for label, track in tracks.items()
        if track.has_fallen and track.p is not None
    }


class _Track:
    """One label's judgements in their order. p : that it has not fallen; None where there is nothing to compare."""

    def __init__(self, window_days: int, level: float) -> None:
        self._window_days = window_days
        self._level = level
        self._hits = [0]  # accepted among the first 0, 1, 2 ... judgements
        self._starts: list[tuple[int, int]] = []  # each day, and the place of its first judgement
        self._split = 0
        self._needed = 0
        self._fallen = 0.0
        self.has_fallen = False
        self.p: float | None = None
        self.now = (0, 0)

    @property
    def before(self) -> tuple[int, int]:
        """(accepted, judged) up to the fall, if it is one."""
        return self._count(0, self._split)

    def add(self, day: int, kept: Sequence[bool]) -> None:
        """The judgements of one day, later than all before."""
        self._starts.append((day, self._end))
        for accepted in kept:
            self._hits.append(self._hits[-1] + accepted)
        if self.has_fallen:
            self._follow()
        else:
            self._look()

    def mark(self) -> None:
        """Take what `p` is of for a fall: from now on the judgements before it are what it is measured by."""
        if not self.has_fallen:
            self.has_fallen = True
            self._needed = self.now[1]
            self._fallen = _share(self.now)

    @property
    def _end(self) -> int:
        return len(self._hits) - 1

    def _count(self, first: int, end: int) -> tuple[int, int]:
        return self._hits[end] - self._hits[first], end - first

    def _in_window(self) -> list[int]:
        newest = self._starts[-1][0]
        return [place for day, place in self._starts if day > newest - self._window_days]

    def _look(self) -> None:
        """Find the day of the window since which acceptance is most plainly lower than before."""
        # Not the whole window alone: good days at its beginning would hide a fall, and stay out of what is compared.
        tried = {
            place: fall_probability(self._count(0, place), self._count(place, self._end))
            for place in self._in_window()
            if place
        }
        if not tried:
            self.p = None
            return
        self._split = min(tried, key=tried.__getitem__)
        self.now = self._count(self._split, self._end)
        self.p = min(1.0, tried[self._split] * len(tried))

    def _follow(self) -> None:
        """See whether the newest judgements, as many as have shown the fall, are still fewer than before it."""
        first = self._starts[-1][1]
        if _share(self._count(first, self._end)) < (_share(self.before) + self._fallen) / 2:
            # This day belongs to the fall, and as many more good ones have to say that it is over; but no more than a
            # window has, or a long fall would outlast every recovery.
            window = self._end - max(self._split, self._in_window()[0])
            self._needed = max(self._needed, min(self._needed + self._end - first, window))
        recent = max(self._split, self._end - max(self._needed, _FEWEST))
        self.now = self._count(recent, self._end)
        self.p = fall_probability(self.before, self.now)
        if self.p > self._level:
            self.has_fallen = False
            self._forget(self._split, recent)
            self._look()

    def _forget(self, first: int, end: int) -> None:
        """Leave out judgements of a fall that is over: a second one is measured by what was good."""
        lost, hits = end - first, self._hits[end] - self._hits[first]
        self._hits[first : end + 1] = [self._hits[first]]
        self._hits[first + 1 :] = [count - hits for count in self._hits[first + 1 :]]
        moved = {}
        for day, place in self._starts:
            # Of a day that begins in what is left out, the rest begins where that began; only the last has a rest.
            moved[place if place <= first else max(first, place - lost)] = day
        self._starts = [(day, place) for place, day in moved.items()]


def _share(count: tuple[int, int]) -> float:
    return count[0] / count[1]
