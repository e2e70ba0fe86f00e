"""How sure a written answer is, from what else its tokens might have been."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from engine.protocol.coordinates import MEDREGA_UNIT, BoxUnit
from engine.runtime.messages import TextPiece

_END = 10
_DIGITS = "0123456789"
_MOST_DIGITS = 3

_Digit = tuple[str, TextPiece]
_Four = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class BoxOdds:
    """What a model thought of a box it wrote, in its own numbers and in their written order.

    probability : geometric mean of the probabilities of its digits. expected, spread : mean and standard deviation of
    each of the four numbers; None where the vocabulary has no token for each digit.
    """

    probability: float
    written: tuple[int, int, int, int]
    expected: _Four | None
    spread: _Four | None


def text_probability(pieces: Sequence[TextPiece]) -> float | None:
    """Geometric mean of the tokens' probabilities, None when there are none."""
    return math.exp(sum(piece.logprob for piece in pieces) / len(pieces)) if pieces else None


def box_probabilities(pieces: Sequence[TextPiece]) -> list[float]:
    """For each box with an area, in order, the geometric mean of its digits' probabilities."""
    return [one.probability for one in box_odds(pieces)]


def box_odds(pieces: Sequence[TextPiece]) -> list[BoxOdds]:
    """Each box with an area, in order.

    Digits are single tokens in MedRegA's vocabulary and in ours. A box is what stands between two innermost
    brackets; one without an area is left out here as in `parse_answer`.
    """
    found: list[BoxOdds] = []
    numbers: list[list[_Digit]] = [[]]
    ends: list[TextPiece] = []
    for piece in pieces:
        for character in piece.text:
            if character == "[":
                numbers, ends = [[]], []
            elif character in _DIGITS:
                numbers[-1].append((character, piece))
            elif character == ",":
                ends.append(piece)
                numbers.append([])
            elif character == "]":
                one = _odds(numbers, [*ends, piece])
                if one is not None:
                    found.append(one)
                numbers, ends = [[]], []
    return found


def spread_pixels(odds: BoxOdds, width: int, height: int, unit: BoxUnit = MEDREGA_UNIT) -> _Four | None:
    """Standard deviations of the left, top, right and bottom side in pixels of a `width` x `height` slice.

    unit : how the model writes boxes.
    """
    return None if odds.spread is None else _sides(odds.spread, odds.written, width, height, unit)


def expected_pixels(odds: BoxOdds, width: int, height: int, unit: BoxUnit = MEDREGA_UNIT) -> _Four | None:
    """Where the left, top, right and bottom side are expected, in pixels of a `width` x `height` slice.

    Each by itself: where the model wavers between two places, a side lies between them. unit : how it writes boxes.
    """
    return None if odds.expected is None else _sides(odds.expected, odds.written, width, height, unit)


def _sides(numbers: _Four, written: tuple[int, int, int, int], width: int, height: int, unit: BoxUnit) -> _Four:
    """What is known of a box's four numbers, for its sides in pixels. written : the numbers themselves."""
    first, second, third, fourth = written
    x1, y1, x2, y2 = numbers
    if unit.y_first:
        first, second, third, fourth = second, first, fourth, third
        x1, y1, x2, y2 = y1, x1, y2, x2
    # The reader swaps corners in the wrong order, and so do we.
    if first > third:
        x1, x2 = x2, x1
    if second > fourth:
        y1, y2 = y2, y1
    across, down = width / unit.scale, height / unit.scale
    return (x1 * across, y1 * down, x2 * across, y2 * down)


def _odds(numbers: Sequence[Sequence[_Digit]], ends: Sequence[TextPiece]) -> BoxOdds | None:
    if len(numbers) != 4 or not all(numbers):
        return None
    x1, y1, x2, y2 = (int("".join(character for character, _ in number)) for number in numbers)
    if x1 == x2 or y1 == y2:
        return None
    logprobs = [piece.logprob for number in numbers for _, piece in number]
    moments = [_moments(number, end) for number, end in zip(numbers, ends, strict=True)]
    known = [one for one in moments if one is not None]
    expected: _Four | None = None
    spread: _Four | None = None
    if len(known) == 4:
        (a, sa), (b, sb), (c, sc), (d, sd) = known
        expected, spread = (a, b, c, d), (sa, sb, sc, sd)
    return BoxOdds(math.exp(sum(logprobs) / len(logprobs)), (x1, y1, x2, y2), expected, spread)


def _moments(digits: Sequence[_Digit], end: TextPiece) -> tuple[float, float] | None:
    """Mean and standard deviation of a number, as far as the written one tells.

    At each digit the others had probabilities too; what would have followed one of them was never computed. A number
    that leaves the written one early is taken to be as long, and anywhere among those that begin like it: too wide a
    guess where two numbers meet, such as 399 and 400, never too narrow a one.
    """
    if len(digits) > _MOST_DIGITS or any(len(piece.odds) != _END + 1 for _, piece in digits):
        return None
    # weight, mean, variance of each way the number could have gone.
    ways: list[tuple[float, float, float]] = []
    path, begun = 1.0, 0
    for place, (character, piece) in enumerate(digits):
        left = 10 ** (len(digits) - 1 - place)
        # A number has at least one digit.
        total = 1.0 - piece.odds[_END] if place == 0 else 1.0
        if total <= 0:
            return None
        for digit in range(10):
            if digit != int(character):
                low = (begun * 10 + digit) * left
                ways.append((path * piece.odds[digit] / total, low + (left - 1) / 2, (left**2 - 1) / 12))
        if place:
            ways.append((path * piece.odds[_END], float(begun), 0.0))
        path *= piece.odds[int(character)] / total
        begun = begun * 10 + int(character)
    longer = len(digits) < _MOST_DIGITS and begun > 0 and len(end.odds) == _END + 1
    if longer:
        ways += [(path * end.odds[digit], float(begun * 10 + digit), 0.0) for digit in range(10)]
    ways.append((path * (end.odds[_END] if longer else 1.0), float(begun), 0.0))
    weight = sum(way[0] for way in ways)
    if weight <= 0:
        return None
    mean = sum(p * value for p, value, _ in ways) / weight
    square = sum(p * (variance + (value - mean) ** 2) for p, value, variance in ways) / weight
    return mean, math.sqrt(square)
