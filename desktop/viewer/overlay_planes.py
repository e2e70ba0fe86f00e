"""Overlay planes as an item of the scene: what a file lays over its slice, in one colour."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PySide6.QtGui import QImage, QPixmap
from PySide6.QtWidgets import QGraphicsPixmapItem

from engine.scans import Overlay

_GRAPHICS = (255, 214, 92, 230)
_ROI = (92, 220, 255, 150)
"""RGBA: texts and scales opaque, regions so that the picture shows through."""


class OverlayPlanesItem(QGraphicsPixmapItem):
    """Drawn over the picture and under the regions."""

    def __init__(self) -> None:
        super().__init__()
        # A pixel's centre lies at its integer coordinates.
        self.setOffset(-0.5, -0.5)
        self.setZValue(0.5)

    def show_planes(self, planes: Sequence[Overlay]) -> None:
        """Show these, or nothing."""
        if not planes:
            self.setPixmap(QPixmap())
            return
        height, width = planes[0].mask.shape
        pixels = np.zeros((height, width, 4), np.uint8)
        for plane in planes:
            pixels[plane.mask] = _ROI if plane.is_roi else _GRAPHICS
        image = QImage(pixels.data, width, height, 4 * width, QImage.Format.Format_RGBA8888)
        # fromImage copies: the array may go.
        self.setPixmap(QPixmap.fromImage(image))
