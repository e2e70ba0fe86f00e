"""The demo worklist needs nothing but what is installed."""

from __future__ import annotations

import json
import shutil
import socket
from collections import Counter
from pathlib import Path

import numpy as np
import pydicom
import pytest

from engine.demo import (
    GROUND_TRUTH_JSON,
    GROUND_TRUTH_NIFTI,
    PHANTOM_START_SLICE,
    default_demo_folder,
    phantom_folder,
    prepare_demo,
)
from engine.progress import Cancelled, NoProgress
from engine.scans import ScanError, read_volume, render_slice, slice_count


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A demo folder made without a network."""
    folder = tmp_path_factory.mktemp("demo")
    with pytest.MonkeyPatch.context() as patch:

        def refuse(*args: object) -> None:
            raise AssertionError("the demo may not use the network")

        patch.setattr(socket.socket, "connect", refuse)
        prepare_demo(folder)
    return folder


def test_every_scan_of_the_demo_can_be_shown(prepared: Path):
    items = prepare_demo(prepared)
    modalities = Counter()
    for item in items:
        volume = read_volume(item.path)
        assert item.start_slice < slice_count(volume, volume.plane)
        assert np.ptp(render_slice(volume, volume.plane, item.start_slice)) > 50
        assert item.title_en.isascii()
        assert not item.title_zh.isascii()
        modalities[volume.modality] += 1
    assert {"CT", "MR", "US"} <= set(modalities)


def test_scans_of_dependencies_are_opened_where_they_are(prepared: Path):
    wheel = Path(pydicom.__file__).parent
    outside = [item.path for item in prepare_demo(prepared) if not item.path.is_relative_to(prepared)]
    assert len(outside) >= 3
    assert all(path.is_relative_to(wheel) for path in outside)


def test_the_phantom_is_generated_once(prepared: Path):
    before = {path: path.stat().st_mtime_ns for path in prepared.rglob("*")}
    prepare_demo(prepared)
    assert {path: path.stat().st_mtime_ns for path in prepared.rglob("*")} == before


def test_the_start_slice_has_known_regions_inside_the_picture(prepared: Path):
    phantom = phantom_folder(prepared)
    truth = json.loads((phantom / GROUND_TRUTH_JSON).read_text(encoding="utf-8"))
    volume = read_volume(phantom / "dicom")
    boxes = truth["boxes"][str(PHANTOM_START_SLICE)]
    assert {"liver", "right-kidney"} <= set(boxes)
    labels = read_volume(phantom / GROUND_TRUTH_NIFTI)
    assert labels.voxels.shape == volume.voxels.shape
    assert labels.pixel_to_patient(3, 4, 5) == pytest.approx(volume.pixel_to_patient(3, 4, 5), abs=1e-3)
    values = {label["id"]: label["value"] for label in truth["labels"]}
    (x1, y1, x2, y2), *_ = boxes["liver"]
    inside = labels.voxels[PHANTOM_START_SLICE, int(y1) : int(y2) + 1, int(x1) : int(x2) + 1]
    assert (inside == values["liver"]).any()


def test_a_damaged_phantom_is_made_again_and_nothing_is_deleted(prepared: Path, tmp_path: Path):
    folder = tmp_path / "demo"
    shutil.copytree(prepared, folder)
    next((phantom_folder(folder) / "dicom").iterdir()).unlink()
    (phantom_folder(folder) / "notes.txt").write_text("mine", encoding="utf-8")
    prepare_demo(folder)
    read_volume(phantom_folder(folder) / "dicom")
    assert [path.read_text(encoding="utf-8") for path in folder.rglob("notes.txt")] == ["mine"]


def test_a_cancelled_generation_leaves_nothing(tmp_path: Path):
    class Impatient(NoProgress):
        def cancelled(self) -> bool:
            return True

    with pytest.raises(Cancelled):
        prepare_demo(tmp_path / "demo", Impatient())
    assert list((tmp_path / "demo").iterdir()) == []


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path):
    (tmp_path / "file").write_text("in the way", encoding="utf-8")
    with pytest.raises(ScanError, match="cannot write the demo scan"):
        prepare_demo(tmp_path / "file")


def test_the_default_folder_belongs_to_this_user_and_app():
    assert default_demo_folder().name == "demo"
    assert "medrega-desktop" in default_demo_folder().parts
