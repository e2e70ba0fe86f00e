"""Places on a whole slide: its levels, the areas of a level, and where a shown pixel lies at full resolution.

A slide is kept as a pyramid: level 0 is what the scanner saw, each further level shows all of it in fewer pixels.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

LARGEST_SHOWN = 4096
"""Pixels along the longer side of an overview, and of an area that a person opens."""

_AREA = re.compile(r"(?:(?P<series>.*)#)?L(\d{1,3})@(\d{1,10}),(\d{1,10}),(\d{1,10}),(\d{1,10})", re.ASCII)
_TEN_TIMES_UM = 10.0
"""What a pixel at tenfold magnification covers, divided by ten: 40x is 0.25 µm by the convention of the scanners."""


@dataclass(frozen=True, slots=True)
class SlideLevel:
    """One level. spacing_mm : (x, y) of its pixels, None where the file does not say."""

    columns: int
    rows: int
    spacing_mm: tuple[float, float] | None


@dataclass(frozen=True, slots=True)
class SlideArea:
    """A rectangle of a level. x, y : its first pixel. All in pixels of that level."""

    level: int
    x: int
    y: int
    width: int
    height: int

    def __str__(self) -> str:
        return f"L{self.level}@{self.x},{self.y},{self.width},{self.height}"

    def series_uid(self, of_slide: str) -> str:
        """What `read_volume` takes for this area. of_slide : what it takes for the slide, whole or an area of it."""
        return f"{split_area(of_slide)[0]}#{self}"


def split_area(series_uid: str) -> tuple[str, SlideArea | None]:
    """The slide's own series_uid and the area behind it: the inverse of `SlideArea.series_uid`.

    Without the ``#`` too, as a person types it for a slide that has no UID. (series_uid, None) for anything else.
    """
    found = _AREA.fullmatch(series_uid)
    if found is None:
        return series_uid, None
    return found["series"] or "", SlideArea(*map(int, found.groups()[1:]))


@dataclass(frozen=True, slots=True)
class SlideView:
    """What of a slide a volume shows.

    area : all of a level for an overview. reduction : pixels of the level, along each axis, that became one.
    magnification : of the objective at level 0, None where the file does not say.
    """

    levels: tuple[SlideLevel, ...]
    area: SlideArea
    is_overview: bool
    reduction: int = 1
    magnification: float | None = None

    @property
    def spacing_mm(self) -> tuple[float, float] | None:
        """(x, y) of the shown pixels, None where the file does not say."""
        spacing = self.levels[self.area.level].spacing_mm
        return None if spacing is None else (spacing[0] * self.reduction, spacing[1] * self.reduction)

    @property
    def downsample(self) -> float:
        """Pixels of level 0 under a shown one, along x."""
        return self.levels[0].columns / self.levels[self.area.level].columns * self.reduction

    @property
    def is_full(self) -> bool:
        """Whether there is nothing finer to open."""
        return self.area.level == 0 and self.reduction == 1

    def magnification_at(self, downsample: float) -> float | None:
        """As a pathologist names it, such as 40; from the pixel size where the file does not name the objective."""
        if self.magnification is not None:
            return self.magnification / downsample
        spacing = self.levels[0].spacing_mm
        return None if spacing is None else _TEN_TIMES_UM / (spacing[0] * 1000 * downsample)

    def to_base(self, x: float, y: float) -> tuple[float, float]:
        """Where the continuous pixel (x, y) that is shown lies at level 0. Pixel centres are integers in both."""
        across, down = self._scale(0)
        return (
            ((x + 0.5) * self.reduction + self.area.x) * across - 0.5,
            ((y + 0.5) * self.reduction + self.area.y) * down - 0.5,
        )

    def from_base(self, x: float, y: float) -> tuple[float, float]:
        """The shown pixel of a place at level 0, inside the area or not; the inverse of `to_base`."""
        across, down = self._scale(0)
        return (
            ((x + 0.5) / across - self.area.x) / self.reduction - 0.5,
            ((y + 0.5) / down - self.area.y) / self.reduction - 0.5,
        )

    def area_of(
        self, box: tuple[float, float, float, float], largest: int = LARGEST_SHOWN, finest: int = 0
    ) -> SlideArea | None:
        """What lies under a box, at the finest level where it is not more than `largest` pixels a side.

        box : x1, y1, x2, y2 in shown pixels. finest : levels before it are left out. The pixels that the box touches
        are all inside. None when the box misses the slide or is too large at every level.
        """
        (x1, y1), (x2, y2) = self.to_base(*box[:2]), self.to_base(*box[2:])
        for number, level in enumerate(self.levels[finest:], start=finest):
            across, down = self.levels[0].columns / level.columns, self.levels[0].rows / level.rows
            left, top = (max(0, int((at + 0.5) / by)) for at, by in ((x1, across), (y1, down)))
            right = min(level.columns, -int(-(x2 + 0.5) // across))
            bottom = min(level.rows, -int(-(y2 + 0.5) // down))
            if right <= left or bottom <= top:
                return None
            if max(right - left, bottom - top) <= largest:
                return SlideArea(number, left, top, right - left, bottom - top)
        return None

    def _scale(self, to: int) -> tuple[float, float]:
        here, there = self.levels[self.area.level], self.levels[to]
        return there.columns / here.columns, there.rows / here.rows
