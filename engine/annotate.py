"""A picture of an answer: boxes and names drawn into the slice, for the command line."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from engine.suggest import SuggestedRegion

# Looked for by name in the system's font folders: Noto on Linux, WenQuanYi on older ones, macOS, Windows.
_FONTS = (
    "NotoSansCJK-Regular.ttc",
    "NotoSansCJKsc-Regular.otf",
    "wqy-microhei.ttc",
    "wqy-zenhei.ttc",
    "PingFang.ttc",
    "Hiragino Sans GB.ttc",
    "msyh.ttc",
)
_COLORS = ("#ffd400", "#00c8ff", "#ff6ec7", "#7cfc00", "#ff8c42")
DISCLAIMER = "Not for diagnostic use"


def draw_regions(rgb: NDArray[np.uint8], regions: Sequence[SuggestedRegion], min_width: int = 768) -> Image.Image:
    """The slice, enlarged by whole steps to at least `min_width`, with each region's box, names and probability.

    Chinese names need a font that has them; without one only the English name is written.
    """
    factor = max(1, -(-min_width // rgb.shape[1]))
    picture = Image.fromarray(rgb).resize((rgb.shape[1] * factor, rgb.shape[0] * factor), Image.Resampling.BICUBIC)
    draw = ImageDraw.Draw(picture)
    font, has_chinese = _font(18)
    for number, region in enumerate(regions):
        color = _COLORS[number % len(_COLORS)]
        # Pixel centres lie at integers: the picture's corner is at -0.5.
        x1, y1, x2, y2 = ((value + 0.5) * factor for value in region.box.as_tuple())
        draw.rectangle((x1, y1, x2, y2), outline=color, width=2)
        name = f"{region.label} {region.label_zh}" if has_chinese and region.label_zh else region.label
        text = f"{name} {region.probability:.2f}"
        left, top, right, bottom = draw.textbbox((0, 0), text, font=font)
        x = min(max(0, x1), picture.width - (right - left) - 6)
        y = y1 - (bottom - top) - 8 if y1 > bottom - top + 8 else y2 + 2
        draw.rectangle((x, y, x + right - left + 6, y + bottom - top + 6), fill="black")
        draw.text((x + 3 - left, y + 3 - top), text, fill=color, font=font)
    draw.text((6, picture.height - 26), DISCLAIMER, fill="#bbbbbb", font=font)
    return picture


def _font(size: int) -> tuple[ImageFont.FreeTypeFont | ImageFont.ImageFont, bool]:
    for name in _FONTS:
        with contextlib.suppress(OSError):
            return ImageFont.truetype(name, size), True
    return ImageFont.load_default(size), False
