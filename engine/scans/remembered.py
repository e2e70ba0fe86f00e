"""Answers about a volume that are asked for thousands of times a second while slices are turned."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import TypeVar
from weakref import WeakKeyDictionary

from engine.scans.volume import Plane, Volume

Answer = TypeVar("Answer")


def remembered(measure: Callable[[Volume, Plane], Answer]) -> Callable[[Volume, Plane], Answer]:
    """Keep what a function says of a volume's plane as long as the volume lives; errors are not kept.

    A volume never changes, and what is kept must not be changed either.
    """
    kept: WeakKeyDictionary[Volume, dict[Plane, Answer]] = WeakKeyDictionary()

    @wraps(measure)
    def answer(volume: Volume, plane: Plane) -> Answer:
        answers = kept.setdefault(volume, {})
        if plane not in answers:
            answers[plane] = measure(volume, plane)
        return answers[plane]

    return answer
