"""What a model finds, held against what is known: nothing is found twice, and what was deleted stays deleted."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from engine.labels import same_name
from engine.regions import Box, Label, LabelSet
from engine.scans import Plane
from engine.store import AnnotationStore, RegionRow
from engine.suggest import Suggestion

SAME_PLACE = 0.5
"""Intersection over union from which two boxes of one name on one slice are one finding."""


def split_names(text: str) -> list[str]:
    """Names typed one after the other, parted by commas of either language."""
    return list(dict.fromkeys(name.strip() for name in re.split("[,，、;；]", text) if name.strip()))


def labels_named(names: Sequence[str], labels: LabelSet) -> list[Label]:
    """Labels for what was typed; one of its own for a name that no label has."""
    return list(dict.fromkeys(label_named(name, labels) for name in names))


def label_named(name: str, labels: LabelSet) -> Label:
    """The label of a name; one of its own for a name that no label has."""
    return labels.find(name) or Label("", name, "")


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


def known_regions(
    store: AnnotationStore, source: Path | str, series_uid: str, plane: Plane, index: int, who: str
) -> list[RegionRow]:
    """What a person may see on a slice, and what was turned down there: what need not be found again."""
    image = store.images.find(source, series_uid, plane, index)
    if image is None:
        return []
    return [*store.readings.visible_regions(image.id, who), *store.regions.turned_down(image.id)]
