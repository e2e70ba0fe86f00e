"""What the database keeps as JSON text about a region: its shape, its attributes, what it was made from.

The one seam to the classes of shapes and attributes: the store neither draws, measures nor words them, it asks only
for text of the right form and for the box around a shape.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from engine.regions import Box, Shape, shape_from_json, shape_to_json
from engine.store.audit import canonical_json
from engine.store.errors import StoreError

if TYPE_CHECKING:
    from engine.store.rows import RegionRow

# Shapes are frozen, and every comparison of two readings reads the same ones again.
_read = lru_cache(maxsize=256)(shape_from_json)


def shape_of(row: RegionRow) -> Shape:
    """A region's shape, in pixels of its slice."""
    return row.box if row.shape is None else _read(row.shape)


def shape_text(shape: Shape) -> str | None:
    """As the store keeps it: an upright box has no text of its own."""
    return None if isinstance(shape, Box) else shape_to_json(shape)


@dataclass(frozen=True, slots=True)
class Derivation:
    """What a region was made from when nobody drew it.

    roots : root ids of the regions it came from. method : such as ``"linear"``, ``"copy"`` or a model's id.
    """

    roots: tuple[int, ...]
    method: str

    def to_json(self) -> str:
        """Canonical JSON."""
        return canonical_json({"roots": list(self.roots), "method": self.method})

    @classmethod
    def from_json(cls, text: str) -> Derivation:
        """Read what `to_json` wrote. Raises `StoreError`."""
        content = _object(text)
        try:
            return cls(tuple(int(root) for root in content["roots"]), str(content["method"]))
        except (KeyError, TypeError, ValueError) as error:
            raise StoreError(f"{text[:80]!r} does not say what a region was made from: {error!r}") from error


def canonical_shape(text: str | None, bounds: Box) -> str | None:
    """A shape's JSON in the one way it is kept; an upright box, which its bounds say all of, becomes None.

    Raises `RegionError` for text that is not a shape, `StoreError` for one that other bounds were given for.
    """
    if text is None:
        return None
    shape = shape_from_json(text)
    found = shape.bounds.as_tuple()
    if not all(math.isclose(one, other, abs_tol=1e-6) for one, other in zip(found, bounds.as_tuple(), strict=True)):
        raise StoreError(f"a {shape.kind} within {found} was given the bounds {bounds.as_tuple()}: give its own")
    return shape_text(shape)


def canonical_attributes(text: str | None) -> str | None:
    """The JSON of what is said of a region (side, certainty, severity, a remark) in the one way it is kept.

    Nothing said is None. Raises `StoreError` for text that is not a JSON object of texts.
    """
    if text is None:
        return None
    content = _object(text)
    if not all(isinstance(value, str) for value in content.values()):
        raise StoreError(f"the attributes {text[:80]!r} must all be texts")
    said = {name: value for name, value in content.items() if value}
    return canonical_json(said) if said else None


def shape_kind(text: str | None) -> str | None:
    """The kind of a shape that is kept, None for a box."""
    return None if text is None else str(_object(text)["kind"])


def _object(text: str) -> dict[str, Any]:
    try:
        content = json.loads(text, parse_constant=_refuse)
    except ValueError as error:
        raise StoreError(f"{text[:80]!r} is not JSON: {error}") from error
    if not isinstance(content, dict):
        raise StoreError(f"{text[:80]!r} is not a JSON object")
    return content


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no number that JSON has")
