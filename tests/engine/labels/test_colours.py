"""Default colours: distinct for every kind of colour vision, and always the same."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from numpy.typing import NDArray

from engine.labels import default_colours
from engine.labels.colours import PALETTE

# Machado, Oliveira and Fernandes 2009, "A Physiologically-based Model for Simulation of Color Vision Deficiency",
# severity 1.0, for linear RGB.
PROTANOPIA = [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
DEUTERANOPIA = [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
# IEC 61966-2-1, linear sRGB to XYZ, and its white D65.
TO_XYZ = [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
WHITE = [0.95047, 1.0, 1.08883]


def lab(colours: list[str], seen: list[list[float]]) -> NDArray[np.float64]:
    """CIE L*a*b* of colours as someone sees them."""
    levels = np.array([[int(c[i : i + 2], 16) for i in (1, 3, 5)] for c in colours]) / 255
    linear = np.where(levels <= 0.04045, levels / 12.92, ((levels + 0.055) / 1.055) ** 2.4)
    xyz = np.clip(linear @ np.array(seen).T, 0, 1) @ np.array(TO_XYZ).T / WHITE
    f = np.where(xyz > 216 / 24389, np.cbrt(xyz), (24389 / 27 * xyz + 16) / 116)
    return np.stack([116 * f[:, 1] - 16, 500 * (f[:, 0] - f[:, 1]), 200 * (f[:, 1] - f[:, 2])], axis=1)


@pytest.mark.parametrize("seen", [np.eye(3).tolist(), PROTANOPIA, DEUTERANOPIA], ids=["normal", "protan", "deutan"])
@pytest.mark.parametrize(("count", "least"), [(8, 17.0), (20, 15.0), (40, 9.9)])
def test_the_palette_is_told_apart_by_everyone(seen: list[list[float]], count: int, least: float) -> None:
    points = lab(list(PALETTE[:count]), seen)
    assert min(float(np.linalg.norm(a - b)) for a, b in itertools.combinations(points, 2)) >= least


def test_colours_are_always_given_in_the_same_order() -> None:
    assert default_colours(12) == default_colours(40)[:12] == list(PALETTE[:12])


def test_no_two_of_many_hundred_colours_are_the_same() -> None:
    colours = default_colours(800)
    assert len(set(colours)) == 800


def test_colours_in_use_are_not_given_again() -> None:
    assert default_colours(2, ["#e69f00", "#009E73"]) == ["#56B4E9", "#F0E442"]
