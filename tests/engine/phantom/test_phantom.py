"""The generated patient: reproducible, labelled, and real DICOM."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import SimpleITK

from engine.phantom import PHANTOM_LABELS, Phantom, render_phantom_slice, write_phantom_series
from engine.phantom.anatomy import LESIONS
from engine.progress import Cancelled
from engine.scans import Plane, read_volume


def test_the_same_seed_gives_the_same_slice_and_another_does_not():
    first, again, other = (render_phantom_slice(Phantom.random(seed), 10.0, 64) for seed in (4, 4, 5))
    assert np.array_equal(first.hu, again.hu)
    assert not np.array_equal(first.hu, other.hu)


def test_sides_are_the_patients_sides():
    """The patient's right lies on the picture's left: x runs to the left of the patient (LPS)."""
    cut = render_phantom_slice(Phantom.random(3), -30.0, 256)
    right, left = cut.boxes("right-kidney")[0], cut.boxes("left-kidney")[0]
    assert right.x2 < left.x1


def test_a_box_is_as_tight_as_its_mask():
    cut = render_phantom_slice(Phantom.random(3), 30.0, 128)
    value = [label.id for label in PHANTOM_LABELS].index("liver") + 1
    box = cut.boxes("liver")[0]
    inside = cut.labels[int(box.y1 + 0.5) : int(box.y2 + 0.5), int(box.x1 + 0.5) : int(box.x2 + 0.5)] == value
    assert inside.any(axis=0)[[0, -1]].all()
    assert inside.any(axis=1)[[0, -1]].all()


def test_every_label_occurs():
    seen: set[str] = set()
    for seed in range(8):
        phantom = Phantom.random(seed)
        through = {round(float(blob.center_mm[2])) for blob in phantom.blobs if blob.id in LESIONS}
        for z_mm in sorted(through | {-30, 0, 40, 90}):
            seen.update(render_phantom_slice(phantom, float(z_mm), 192).present())
    assert seen == {label.id for label in PHANTOM_LABELS}


def test_the_series_reads_back_with_its_geometry_and_matches_the_ground_truth(phantom_series: Path):
    volume = read_volume(phantom_series / "dicom")
    truth = SimpleITK.ReadImage(phantom_series / "ground_truth.nii.gz")
    assert volume.plane is Plane.AXIAL
    assert volume.voxels.shape == SimpleITK.GetArrayViewFromImage(truth).shape
    corner = tuple(extent - 1 for extent in truth.GetSize())
    assert volume.pixel_to_patient(*corner) == pytest.approx(
        truth.TransformContinuousIndexToPhysicalPoint([float(v) for v in corner]), abs=1e-4
    )
    named = json.loads((phantom_series / "ground_truth.json").read_text(encoding="utf-8"))
    assert len(named["boxes"]) == len(volume.voxels)
    liver = SimpleITK.GetArrayViewFromImage(truth) == 1
    assert 30 < volume.voxels[liver].mean() < 140, "the liver is where the truth says"


def test_a_cancelled_series_leaves_nothing(tmp_path: Path):
    class Stop:
        def report(self, done: int, total: int, what: str) -> None:
            pass

        def cancelled(self) -> bool:
            return True

    with pytest.raises(Cancelled):
        write_phantom_series(tmp_path / "p", 1, Stop(), size=64)
    assert list(tmp_path.iterdir()) == []
