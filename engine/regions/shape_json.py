"""Shapes as text and back: the one form in which they are stored and signed.

Canonical JSON: keys sorted, no spaces, finite numbers as their shortest exact decimals. A mask is the rectangle it
lies in and the run lengths of `Mask`.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Any, NoReturn

from engine.regions.box import Box
from engine.regions.errors import RegionError
from engine.regions.shape import LIMIT, Shape
from engine.regions.shapes import Ellipse, Freehand, Line, Mask, Point, Polygon, RotatedBox

MAX_CHARACTERS = 1 << 26

_NUMBERS: dict[type[Shape], tuple[str, ...]] = {
    Box: ("x1", "y1", "x2", "y2"),
    RotatedBox: ("cx", "cy", "width", "height", "angle_deg"),
    Ellipse: ("cx", "cy", "rx", "ry", "angle_deg"),
    Point: ("x", "y"),
}
_RECTANGLE = ("x0", "y0", "width", "height")
KINDS = ("box", "rotated_box", "ellipse", "polygon", "freehand", "point", "line", "mask")
"""Every kind of shape that can be stored."""


def shape_to_json(shape: Shape) -> str:
    """The text of a shape; equal shapes have equal text."""
    fields: dict[str, object] = {"kind": shape.kind}
    if isinstance(shape, Mask):
        fields |= {name: int(getattr(shape, name)) for name in _RECTANGLE}
        fields["runs"] = shape.run_lengths().tolist()
    elif isinstance(shape, (Polygon, Line)):
        fields["points"] = [[_plain(x), _plain(y)] for x, y in shape.points]
    else:
        fields |= {name: _plain(getattr(shape, name)) for name in _NUMBERS[type(shape)]}
    return json.dumps(fields, sort_keys=True, separators=(",", ":"), allow_nan=False)


def shape_from_json(text: str) -> Shape:
    """The shape of a text as `shape_to_json` writes it.

    Raises `RegionError` that says what is wrong with anything else.
    """
    if len(text) > MAX_CHARACTERS:
        raise RegionError(f"shape text of {len(text):,} characters is longer than {MAX_CHARACTERS:,}")
    try:
        fields = json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise RegionError(f"shape is not JSON: {error}") from error
    if not isinstance(fields, dict):
        raise RegionError("shape is not a JSON object")
    kind = fields.pop("kind", None)
    if not isinstance(kind, str) or kind not in _READERS:
        raise RegionError(f"shape has kind {str(kind)[:40]!r}: it must be one of {', '.join(KINDS)}")
    return _READERS[kind](kind, fields)


def _plain(value: float) -> float:
    # Adding zero turns -0.0 into 0.0, which equals it and so must read the same.
    return float(value) + 0.0


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a finite number")


def _only(kind: str, fields: dict[str, Any], names: tuple[str, ...]) -> None:
    missing, extra = [n for n in names if n not in fields], sorted(set(fields) - set(names))
    if missing or extra:
        problem = f"no {', '.join(missing)}" if missing else f"an unknown {', '.join(extra)[:80]}"
        raise RegionError(f"{kind} has {problem}")


def _number(kind: str, name: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not abs(value) <= LIMIT:
        raise RegionError(f"{kind} needs a finite number for {name}, up to {LIMIT:g}")
    return float(value)


def _whole(kind: str, name: str, value: object) -> int:
    number = _number(kind, name, value)
    if not isinstance(value, int) or not math.isfinite(number):
        raise RegionError(f"{kind} needs a whole number for {name}")
    return value


def _numbers(kind: str, fields: dict[str, Any], shape: Callable[..., Shape], names: tuple[str, ...]) -> Shape:
    _only(kind, fields, names)
    return shape(*(_number(kind, name, fields[name]) for name in names))


def _points(kind: str, fields: dict[str, Any], shape: type[Polygon] | type[Line]) -> Shape:
    _only(kind, fields, ("points",))
    points = fields["points"]
    if not isinstance(points, list) or not all(isinstance(p, list) and len(p) == 2 for p in points):
        raise RegionError(f"{kind} needs a list of [x, y] for points")
    return shape(tuple((_number(kind, "points", x), _number(kind, "points", y)) for x, y in points))


def _mask(kind: str, fields: dict[str, Any]) -> Shape:
    _only(kind, fields, (*_RECTANGLE, "runs"))
    runs = fields["runs"]
    if not isinstance(runs, list) or not all(isinstance(run, int) and not isinstance(run, bool) for run in runs):
        raise RegionError("mask needs a list of whole numbers for runs")
    x0, y0, width, height = (_whole(kind, name, fields[name]) for name in _RECTANGLE)
    return Mask.from_runs(x0, y0, width, height, runs)


_READERS: dict[str, Callable[[str, dict[str, Any]], Shape]] = {
    "box": lambda kind, fields: _numbers(kind, fields, Box, _NUMBERS[Box]),
    "rotated_box": lambda kind, fields: _numbers(kind, fields, RotatedBox, _NUMBERS[RotatedBox]),
    "ellipse": lambda kind, fields: _numbers(kind, fields, Ellipse, _NUMBERS[Ellipse]),
    "point": lambda kind, fields: _numbers(kind, fields, Point, _NUMBERS[Point]),
    "polygon": lambda kind, fields: _points(kind, fields, Polygon),
    "freehand": lambda kind, fields: _points(kind, fields, Freehand),
    "line": lambda kind, fields: _points(kind, fields, Line),
    "mask": _mask,
}
