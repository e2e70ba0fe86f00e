"""What is written and drawn over a slice can be read on it."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QPointF, QRectF
from PySide6.QtGui import QColor, QImage, QPainter
from PySide6.QtWidgets import QGraphicsScene

from desktop.bench_viewer import _row
from desktop.viewer.contrast import PLATE, contrast, readable
from desktop.viewer.region_item import RegionItem
from engine.labels import builtin_schemes
from engine.regions import Box


def test_contrast_is_that_of_the_standard():
    """The two worked values that everybody quotes: black on white, and #777777 on white (WCAG 2.2)."""
    white = QColor("#ffffff")
    assert contrast(QColor("#000000"), white) == pytest.approx(21)
    assert contrast(white, QColor("#777777")) == pytest.approx(4.48, abs=0.01)


def test_every_labels_name_can_be_read_on_its_plate_and_keeps_its_hue():
    colours = {entry.colour for scheme in builtin_schemes() for entry in scheme}
    assert len(colours) > 8
    assert [one for one in colours if contrast(QColor(one), PLATE) < 4.5], "some are too dark as they are"
    for colour in (*colours, "#000000", "#00008b"):
        text = readable(QColor(colour))
        assert contrast(text, PLATE) >= 4.5
        if contrast(QColor(colour), PLATE) >= 4.5:
            assert text == QColor(colour)


@pytest.mark.parametrize("ground", ["#efbae4", "#d9a49b", "#ffffff", "#58c8e8"])
def test_an_outline_stands_out_from_skin_and_stained_tissue(qapp, ground):
    """A thin cyan line alone has hardly any contrast there."""
    scene = QGraphicsScene(0, 0, 100, 100)
    scene.setBackgroundBrush(QColor(ground))
    scene.addItem(RegionItem(_row(1, 0.0, 0.0), Box(20, 20, 80, 80), "", QColor("#1cb9f5"), selected=False))
    image = QImage(100, 100, QImage.Format.Format_RGB32)
    painter = QPainter(image)
    scene.render(painter, source=scene.sceneRect())
    painter.end()
    across = [image.pixelColor(x, 50) for x in range(12, 28)]
    assert max(contrast(one, QColor(ground)) for one in across) >= 2
    assert image.pixelColor(50, 50) == QColor(ground)
    assert scene.itemAt(QPointF(20, 50), painter.transform()) is not None


@pytest.mark.parametrize("ratio", [1, 2])
def test_an_outline_is_as_wide_on_a_dense_screen(qapp, ratio):
    """Qt takes a cosmetic pen's width for pixels of the device: half as wide where these are half as large."""
    scene = QGraphicsScene(0, 0, 60, 60)
    scene.addItem(RegionItem(_row(1, 0.0, 0.0), Box(20, 20, 50, 50), "", QColor("#ffffff"), selected=True))
    image = QImage(60 * ratio, 60 * ratio, QImage.Format.Format_RGB32)
    image.setDevicePixelRatio(ratio)
    image.fill(QColor("black"))
    painter = QPainter(image)
    scene.render(painter, target=QRectF(0, 0, 60, 60), source=scene.sceneRect())
    painter.end()
    middle = 30 * ratio
    lit = sum(image.pixelColor(x, middle).lightnessF() for x in range(10 * ratio, middle))
    assert lit / ratio == pytest.approx(3, abs=0.6)
