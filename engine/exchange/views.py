"""What a person saw when they decided about a region: the slice, rendered again and compared with what was stored."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engine.exchange.errors import ExchangeError
from engine.scans import Volume, Window, image_sha256, read_volume, render_slice
from engine.store import ImageRow, RegionRow, shape_of


class AnnotatedViews:
    """Renders annotated slices. Keeps one volume: ask for the slices of a series one after the other."""

    def __init__(self) -> None:
        self._volumes: dict[tuple[str, str], Volume] = {}

    def volume(self, image: ImageRow) -> Volume:
        """The scan of a slice. Raises `ScanError` when it is gone or cannot be read."""
        key = (image.source, image.series_uid)
        if key not in self._volumes:
            # One at a time: regions come ordered by slice, and a volume can be large.
            self._volumes.clear()
            self._volumes[key] = read_volume(Path(image.source), image.series_uid)
        return self._volumes[key]

    def render(self, image: ImageRow, window: Window | None, sha256: str) -> NDArray[np.uint8]:
        """(H, W, 3) RGB of the slice as it was seen through this window when something was decided on it.

        sha256 : of the picture then. Raises `ExchangeError` when the scan has changed since, `ScanError` when it is
        gone.
        """
        rgb = render_slice(self.volume(image), image.plane, image.slice, window)
        if image_sha256(rgb) != sha256:
            raise ExchangeError(
                f"slice {image.slice} of {image.source} is not what was annotated any more: restore the scan, "
                "or reject its regions and answers"
            )
        return rgb


def has_area(region: RegionRow) -> bool:
    """Points and lines have no box that a model could be asked about."""
    return shape_of(region).area > 0


def by_view(regions: Sequence[RegionRow]) -> dict[str, list[RegionRow]]:
    """The regions of a slice by what they were seen on: a slice seen through two windows is two pictures."""
    views: dict[str, list[RegionRow]] = defaultdict(list)
    for region in regions:
        views[region.view_sha256].append(region)
    return views
