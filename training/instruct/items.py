"""What the sources give: pictures with what is known of them, before any question is asked."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.protocol import Language
from engine.regions import Box


@dataclass(frozen=True, slots=True)
class Unit:
    """A piece of work of a source: an image, or a volume. key : stable, unique in its source.

    data : what the source needs to read it, small and picklable.
    """

    key: str
    data: Any = None


@dataclass(frozen=True, slots=True)
class Marked:
    """One marked region. key : see `Naming`. box : in pixels of the picture, pixel centres at integers."""

    key: str
    box: Box


@dataclass(frozen=True, slots=True, eq=False)
class LabelMap:
    """What each pixel of a picture shows. values : (H, W) uint8, the number in `keys`, from 1; 0 for none of them."""

    values: NDArray[np.uint8]
    keys: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Asked:
    """A question that came with the source, and its answer."""

    language: Language
    text: str
    answer: str


@dataclass(frozen=True, slots=True)
class Report:
    """A report that came with the source, its parts without headings; "" where it has none."""

    language: Language
    findings: str
    impression: str = ""


@dataclass(frozen=True, slots=True)
class SourceImage:
    """One picture of a source.

    pixels : (H, W) or (H, W, 3) uint8, windowed already.
    group : the patient or the original picture, in the source's own words: never leaves the build folder.
    scope : pictures of one scope were marked for the same labels: what one of them lacks is not present in it.
        Empty where marking was not exhaustive, so that nothing can be said to be absent.
    uncertain : keys that are there, but not with every region (specks): neither asked for nor denied.
    classes : keys of the source's classes that the picture is in, None where it was not classified.
    split : the source's own split, "" for none. aspect : height of a pixel over its width.
    label_map : where the source has masks; None where it has none.
    """

    pixels: NDArray[np.uint8]
    group: str
    modality: str = ""
    body_part: str = ""
    plane: str = ""
    scope: str = ""
    regions: tuple[Marked, ...] = ()
    uncertain: tuple[str, ...] = ()
    questions: tuple[Asked, ...] = ()
    reports: tuple[Report, ...] = ()
    classes: tuple[str, ...] | None = None
    split: str = ""
    aspect: float = 1.0
    label_map: LabelMap | None = None


@dataclass(frozen=True, slots=True)
class ImageFacts:
    """A picture as the catalogue keeps it: a file on disk, and everything known of it.

    file, label_map : relative to the build folder; "" for a picture without a label map, whose values `map_keys` name.
    group : a pseudonym. phash : perceptual hash in hex, "" for a blank picture.
    """

    file: str
    width: int
    height: int
    source: str
    group: str
    phash: str
    modality: str = ""
    body_part: str = ""
    plane: str = ""
    scope: str = ""
    regions: tuple[Marked, ...] = ()
    uncertain: tuple[str, ...] = ()
    questions: tuple[Asked, ...] = ()
    reports: tuple[Report, ...] = ()
    classes: tuple[str, ...] | None = None
    split: str = ""
    label_map: str = ""
    map_keys: tuple[str, ...] = ()

    def present(self) -> dict[str, tuple[Box, ...]]:
        """The boxes of each marked label, in the order in which labels were met."""
        boxes: dict[str, list[Box]] = {}
        for region in self.regions:
            boxes.setdefault(region.key, []).append(region.box)
        return {key: tuple(found) for key, found in boxes.items()}

    def to_json(self) -> str:
        """One line; `from_json` gives the same facts back."""
        return json.dumps(asdict(self), ensure_ascii=False, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> ImageFacts:
        """Read what `to_json` wrote."""
        data = json.loads(text)
        data["regions"] = tuple(Marked(one["key"], Box(**one["box"])) for one in data["regions"])
        data["questions"] = tuple(Asked(Language(q["language"]), q["text"], q["answer"]) for q in data["questions"])
        data["reports"] = tuple(
            Report(Language(r["language"]), r["findings"], r["impression"]) for r in data["reports"]
        )
        data["uncertain"] = tuple(data["uncertain"])
        data["map_keys"] = tuple(data["map_keys"])
        data["classes"] = None if data["classes"] is None else tuple(data["classes"])
        return cls(**data)
