"""What a model finds, held against what is known: nothing is found twice, and what was deleted stays deleted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from engine.regions import Box, Label
from engine.scans import Plane
from engine.store import PlacedRegion, RegionRow
from engine.suggest import Suggestion

SAME_PLACE = 0.5
"""Intersection over union from which two boxes of one name on one slice are one finding."""


def same_name(first: Label | None, second: Label | None) -> bool:
    """Whether two labels are one: by id, or by their English names where one has none."""
    if first is None or second is None:
        return False
    if first.id and second.id:
        return first.id == second.id
    return first.en.casefold() == second.en.casefold()


def is_known(label: Label, box: Box, known: Sequence[RegionRow]) -> bool:
    """Whether a region of this name lies there already; known : the regions of the slice, and those turned down."""
    return any(same_name(row.label, label) and row.box.iou(box) > SAME_PLACE for row in known)


def without_known(suggestion: Suggestion, known: Sequence[RegionRow]) -> Suggestion:
    """An answer without the boxes that are known, and without a second box of one name in one place."""
    fresh: list[int] = []
    for number, region in enumerate(suggestion.regions):
        label = Label(region.label_id, region.label, region.label_zh)
        before = [suggestion.regions[one] for one in fresh]
        again = any(
            same_name(label, Label(one.label_id, one.label, one.label_zh)) and one.box.iou(region.box) > SAME_PLACE
            for one in before
        )
        if not again and not is_known(label, region.box, known):
            fresh.append(number)
    return replace(suggestion, regions=tuple(suggestion.regions[number] for number in fresh))


def names_to_ask(names: Sequence[Label], known: Sequence[RegionRow]) -> list[Label]:
    """The names that no region of a slice has yet, nor one that was turned down there."""
    return [name for name in names if not any(same_name(row.label, name) for row in known)]


def on_slice(regions: Sequence[PlacedRegion], plane: Plane, index: int) -> list[RegionRow]:
    """Of the regions of a series those on one slice."""
    return [one.row for one in regions if (one.plane, one.slice) == (plane, index)]
