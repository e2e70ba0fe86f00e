"""What else a coordinate could have been: targets that share a number's ids with those of its neighbours.

Nobody draws an edge to the thousandth, and to the loss 199 is as far from 200 as from 900. Here a number is taken as
drawn around where it stands (Gaussian label smoothing, as for the rotation angles of Yang and Yan, "Arbitrary-Oriented
Object Detection with Circular Smooth Label", ECCV 2020), and an id's target is what that says of the next digit, or of
the number's end, behind the digits that stand there already.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache

from engine.protocol import MEDREGA_UNIT

Alternatives = tuple[tuple[int, float], ...]
"""Ids and their shares of a target, which sum to 1; empty where the written id is all of it."""

MOST_ALTERNATIVES = 11
"""The ten digits and what ends the number."""

_COORDINATES = 4
_LAST = MEDREGA_UNIT.scale - 1
_WIDEST = 25.0
"""Thousandths that the edge of even the largest thing may be off."""


def coordinate_targets(
    answer: Sequence[int], box_ids: tuple[int, int], digit_ids: Sequence[int], spread: float
) -> tuple[Alternatives, ...]:
    """For each id of an answer what else could stand in its place.

    box_ids : of ``<box>`` and ``</box>``; numbers elsewhere are what they are. digit_ids : of 0 to 9.
    spread : the standard deviation of an edge, in sides of its box across it. What touches the border of the image
    does so exactly, and what is near it is spread less.
    """
    value = {token: digit for digit, token in enumerate(digit_ids)}
    targets: list[Alternatives] = [()] * len(answer)
    numbers: list[tuple[int, int]] = []
    begun = None
    in_list = False
    for place, token in enumerate(answer):
        if token in value and in_list:
            begun = place if begun is None else begun
            continue
        if begun is not None:
            numbers.append((begun, place))
            begun = None
        if token in box_ids:
            in_list = token == box_ids[0]
    written = [int("".join(str(value[one]) for one in answer[start:end])) for start, end in numbers]
    for first in range(0, len(numbers) - _COORDINATES + 1, _COORDINATES):
        for number in range(first, first + _COORDINATES):
            across = number - first & 1
            side = written[first + 2 + across] - written[first + across]
            deviation = min(spread * side, _WIDEST, written[number] / 2, (_LAST - written[number]) / 2)
            start, end = numbers[number]
            shares = next_digits(written[number], round(deviation, 1))
            if len(shares) != end - start + 1:
                # Written with zeros in front: there is one way to write what it says, and this is another.
                continue
            for place, share in enumerate(shares, start=start):
                ids = (*digit_ids, answer[end])
                targets[place] = tuple((one, part) for one, part in zip(ids, share, strict=True) if part)
    return tuple(targets)


@lru_cache(maxsize=65536)
def next_digits(number: int, deviation: float) -> tuple[tuple[float, ...], ...]:
    """For each digit of a number and its end, how likely 0 to 9 and the end are behind the digits before.

    number : 0 to 999. deviation : standard deviation of the Gaussian that the number is the mean of; 0 leaves it alone.
    """
    digits = str(number)
    likely = {number: 1.0}
    if deviation > 0:
        reach = math.ceil(4 * deviation)
        near = range(max(0, number - reach), min(_LAST, number + reach) + 1)
        likely = {one: math.exp(-((one - number) ** 2) / (2 * deviation**2)) for one in near}
    shares = []
    for length in range(len(digits) + 1):
        sums = [0.0] * MOST_ALTERNATIVES
        for one, weight in likely.items():
            text = str(one)
            if text[:length] == digits[:length]:
                sums[int(text[length]) if len(text) > length else 10] += weight
        total = sum(sums)
        shares.append(tuple(one / total for one in sums))
    return tuple(shares)
