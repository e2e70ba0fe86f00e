"""Which slices of a volume are taken, and through which window."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from engine.scans import Plane, Volume, Window
from training.instruct.masks import Thresholds
from training.instruct.naming import Naming
from training.instruct.volumes import (
    LabelLayer,
    LabelledVolume,
    Slicing,
    best_window,
    choose_slices,
    chosen_planes,
    slice_images,
)


def volume_of(shape: tuple[int, int, int], spacing=(1.0, 1.0, 1.0), modality="CT") -> Volume:
    rng = np.random.default_rng(1)
    voxels = rng.integers(-1000, 1000, shape).astype(np.int16)
    return Volume(voxels, spacing, (0.0, 0.0, 0.0), np.eye(3), modality, Window(40, 400), Path("x"))


def test_a_cube_is_cut_in_three_planes_and_a_thin_stack_in_one():
    assert set(chosen_planes(volume_of((100, 100, 100)), Slicing())) == set(Plane)
    assert chosen_planes(volume_of((20, 100, 100), (1, 1, 5)), Slicing()) == (Plane.AXIAL,)


def test_every_label_is_on_a_chosen_slice_however_rare():
    areas = np.zeros((60, 3), np.int64)
    areas[5:55, 0] = 400
    areas[10, 1] = 30
    areas[49:51, 2] = 50
    chosen = choose_slices(areas, 4, 12)
    assert 10 in chosen
    assert set(chosen) & {49, 50}


def test_slices_without_a_label_are_not_taken():
    areas = np.zeros((30, 1), np.int64)
    areas[12] = 100
    assert choose_slices(areas, 8, 12) == [12]


def test_chosen_slices_are_apart():
    areas = np.full((40, 1), 100, np.int64)
    chosen = choose_slices(areas, 4, 12)
    assert len(chosen) == 4
    assert min(np.diff(chosen)) > 4


@pytest.mark.parametrize(
    ("name", "window"),
    [
        ("liver", "soft_tissue"),
        ("left lung", "lung"),
        ("rib 7", "bone"),
        ("L1 vertebra", "bone"),
        ("thalamus", "brain"),
    ],
)
def test_a_structure_is_looked_at_through_its_window(naming: Naming, name: str, window: str):
    key = naming.resolve(name, {})
    assert key is not None
    assert best_window(naming.label(key)) == window


def test_a_label_is_neither_asked_for_nor_denied_through_a_window_that_hides_it(naming: Naming):
    labels = np.zeros((3, 60, 60), np.int32)
    labels[1, 5:25, 5:25], labels[1, 30:50, 30:50] = 1, 2
    scan = LabelledVolume(volume_of((3, 60, 60)), (LabelLayer(labels, {1: "left-lung", 2: "liver"}),))
    images = list(slice_images(scan, Slicing(slices=1), Thresholds(), naming, "p", "CT", ""))
    assert {image.scope: {r.key for r in image.regions} for image in images} == {
        "p|lung": {"left-lung"},
        "p|soft_tissue": {"liver"},
    }


def test_magnetic_resonance_is_shown_through_the_window_of_its_volume(naming: Naming):
    labels = np.ones((3, 60, 60), np.int32)
    scan = LabelledVolume(volume_of((3, 60, 60), modality="MR"), (LabelLayer(labels, {1: "liver"}),))
    (image,) = slice_images(scan, Slicing(slices=1), Thresholds(), naming, "p", "MR", "")
    assert image.scope == "p|own"


def test_pixels_of_a_thick_stack_tell_their_aspect(naming: Naming):
    labels = np.ones((30, 60, 60), np.int32)
    scan = LabelledVolume(volume_of((30, 60, 60), (1, 1, 3)), (LabelLayer(labels, {1: "liver"}),))
    slicing = Slicing(slices=1, planes=("coronal",))
    (image,) = slice_images(scan, slicing, Thresholds(), naming, "p", "CT", "")
    assert image.aspect == 3
