"""Colours that people with any common colour vision tell apart, always given in the same order."""

from __future__ import annotations

from collections.abc import Iterable

# The first seven are Okabe and Ito's (Color Universal Design, 2008). Each further one is the colour of a grid of
# 16 levels a channel, CIE L* 42 to 93 so that it is seen on black and on white, that lies farthest from all before
# it: the smallest CIE76 difference among normal vision, protanopia and deuteranopia (Machado, Oliveira and
# Fernandes 2009, severity 1.0), made as large as can be. The 40 lie at least 10 apart; tests compute it again.
PALETTE = (
    "#E69F00", "#56B4E9", "#009E73", "#F0E442", "#0072B2", "#D55E00", "#CC79A7", "#4444FF",
    "#AAFFAA", "#DDEEEE", "#DD0044", "#0088FF", "#FFAA66", "#FF99AA", "#AADDFF", "#447777",
    "#447744", "#6655CC", "#5599EE", "#DDEECC", "#AA4411", "#BB0099", "#CCBB88", "#DD7744",
    "#22BBCC", "#EEEE77", "#4466FF", "#CC6666", "#CCCC44", "#44BB99", "#5588BB", "#BBCCCC",
    "#BBEE88", "#BB9966", "#EE7788", "#FF7733", "#8833DD", "#DD2288", "#DDCCAA", "#00DD66",
)  # fmt: skip


def default_colours(count: int, taken: Iterable[str] = ()) -> list[str]:
    """`count` colours as ``"#RRGGBB"``, all different and none in `taken`: the palette's, in its order.

    After the palette's forty come darker and darker shades of it: different, but no longer easy to tell apart.
    """
    used = {colour.upper() for colour in taken}
    colours: list[str] = []
    shade = 0
    while len(colours) < count:
        for colour in PALETTE:
            shaded = _darker(colour, shade)
            if shaded not in used and len(colours) < count:
                used.add(shaded)
                colours.append(shaded)
        shade += 1
    return colours


def _darker(colour: str, shade: int) -> str:
    """The colour with 12 levels less a channel a shade, round the end: 256 / gcd(256, 12) shades before one returns."""
    channels = (int(colour[place : place + 2], 16) for place in (1, 3, 5))
    return "#" + "".join(f"{(channel - 12 * shade) % 256:02X}" for channel in channels)
