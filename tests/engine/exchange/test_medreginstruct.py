"""Corrections leave as MedRegInstruct records that say what was decided about what was seen."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pydicom
import pytest
from PIL import Image

from engine.exchange import ExchangeError, export_medreginstruct
from engine.protocol import Language
from engine.regions import Box, Ellipse, Label, Line, Point, shape_to_json
from engine.scans import ScanError, Window, read_volume, render_slice
from engine.store import AnnotationStore
from engine.suggest import make_image_ref
from training.records import read_records


@pytest.fixture
def store(tmp_path: Path):
    opened = AnnotationStore.open(tmp_path / "a.sqlite")
    yield opened
    opened.close()


def annotate(store: AnnotationStore, scan: Path, index: int, box: Box, label: Label | None, window=None) -> int:
    volume = read_volume(scan)
    rgb = render_slice(volume, volume.plane, index, window)
    image = make_image_ref(volume, volume.plane, index, window, rgb)
    region = store.draw_region(image, "study", box, "ann")
    if label is not None:
        store.correct(region.root_id, label, "ann")
    return region.root_id


LIVER = Label("liver", "liver", "肝脏")


def test_a_region_becomes_questions_in_both_directions_and_languages(store, phantom_series, tmp_path):
    scan = phantom_series / "dicom"
    annotate(store, scan, 9, Box(12.8, 25.6, 64, 96), LIVER)
    annotate(store, scan, 9, Box(70, 25.6, 80, 96), LIVER)
    annotate(store, scan, 4, Box(1, 1, 5, 5), None)
    out = tmp_path / "out.jsonl"
    counts = export_medreginstruct(store, out)
    assert (counts.images, counts.regions, counts.records) == (1, 2, 6)
    records = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]
    answers = [record["conversations"][1]["value"] for record in records]
    both = "<box>[[100, 200, 500, 749], [546, 200, 624, 749]]</box>"
    assert answers == ["liver", "liver", f"<ref>liver</ref>{both}", "肝脏", "肝脏", f"<ref>肝脏</ref>{both}"]
    assert "<box>[[100, 200, 500, 749]]</box>" in records[0]["conversations"][0]["value"]
    volume = read_volume(scan)
    shown = np.asarray(Image.open(tmp_path / records[0]["image"]).convert("RGB"))
    assert np.array_equal(shown, render_slice(volume, volume.plane, 9))


def test_an_export_says_who_decided_what_and_what_it_is_not_for(store, phantom_series, tmp_path):
    annotate(store, phantom_series / "dicom", 3, Box(10, 12, 60, 70), Label("liver", "liver", "肝脏"))
    out = tmp_path / "set.jsonl"
    counts = export_medreginstruct(store, out)
    for line in out.read_text(encoding="utf-8").splitlines():
        assert json.loads(line)["provenance"] == [{"decision": "edited", "model": None}]
    meta = json.loads((tmp_path / "set.meta.json").read_text(encoding="utf-8"))
    assert meta["notice"].startswith("Not for diagnostic use")
    assert (meta["annotation"], meta["length"], meta["data_augment"]) == ("set.jsonl", counts.records, False)


def test_two_windows_are_two_images(store, phantom_series, tmp_path):
    for window in (None, Window(0, 100)):
        annotate(store, phantom_series / "dicom", 9, Box(10, 10, 50, 50), LIVER, window)
    counts = export_medreginstruct(store, tmp_path / "o.jsonl", [Language.EN])
    assert counts.images == 2


def test_rejected_and_undecided_regions_stay_home(store, phantom_series, tmp_path):
    root = annotate(store, phantom_series / "dicom", 9, Box(10, 10, 50, 50), LIVER)
    store.reject(root, "ann")
    with pytest.raises(ExchangeError, match="nothing to export"):
        export_medreginstruct(store, tmp_path / "o.jsonl")
    assert not (tmp_path / "o.jsonl").exists()


def test_a_scan_that_changed_is_named_and_nothing_is_written(store, phantom_series, tmp_path):
    scan = tmp_path / "scan"
    shutil.copytree(phantom_series / "dicom", scan)
    (tmp_path / "o").mkdir()
    # A sound scan comes first, so that a picture is ready when the changed one is met.
    annotate(store, phantom_series / "dicom", 9, Box(10, 10, 50, 50), LIVER)
    annotate(store, scan, 0, Box(10, 10, 50, 50), LIVER)
    file = sorted(scan.iterdir())[0]
    dataset = pydicom.dcmread(file)
    dataset.PixelData = bytes(len(dataset.PixelData))
    dataset.save_as(file)
    with pytest.raises(ExchangeError, match=f"slice 0 of {re.escape(str(scan))} is not what was annotated"):
        export_medreginstruct(store, tmp_path / "o" / "o.jsonl")
    assert list((tmp_path / "o").iterdir()) == []


def test_a_scan_that_is_gone_is_named_and_nothing_is_written(store, phantom_series, tmp_path):
    scan = tmp_path / "scan"
    shutil.copytree(phantom_series / "dicom", scan)
    annotate(store, scan, 0, Box(10, 10, 50, 50), LIVER)
    shutil.rmtree(scan)
    (tmp_path / "o").mkdir()
    with pytest.raises(ScanError, match=re.escape(str(scan))):
        export_medreginstruct(store, tmp_path / "o" / "o.jsonl")
    assert list((tmp_path / "o").iterdir()) == []


def test_a_second_export_replaces_the_first(store, phantom_series, tmp_path):
    root = annotate(store, phantom_series / "dicom", 9, Box(10, 10, 50, 50), LIVER)
    out = tmp_path / "o.jsonl"
    export_medreginstruct(store, out, [Language.EN])
    store.correct(root, Label("spleen", "spleen", "脾脏"), "ann")
    export_medreginstruct(store, out, [Language.EN])
    records = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]
    assert [r["conversations"][1]["value"].count("spleen") for r in records] == [1, 1]
    assert sorted(path.name for path in tmp_path.iterdir() if path.name.startswith((".", "o"))) == [
        "o.jsonl",
        "o.meta.json",
        "o_images",
    ]


def test_a_name_in_one_language_is_exported_in_that_one(store, phantom_series, tmp_path):
    annotate(store, phantom_series / "dicom", 9, Box(10, 10, 50, 50), Label("", "portal vein", ""))
    counts = export_medreginstruct(store, tmp_path / "o.jsonl")
    assert (counts.images, counts.regions, counts.records) == (1, 1, 2)
    with pytest.raises(ExchangeError, match="a name in zh"):
        export_medreginstruct(store, tmp_path / "zh.jsonl", [Language.ZH])


def test_a_folder_that_is_not_there_is_named(store, phantom_series, tmp_path):
    annotate(store, phantom_series / "dicom", 9, Box(10, 10, 50, 50), LIVER)
    with pytest.raises(ExchangeError, match=r"cannot write .*nowhere"):
        export_medreginstruct(store, tmp_path / "nowhere" / "o.jsonl")


def test_the_trainer_reads_what_was_exported(store, phantom_series, tmp_path):
    annotate(store, phantom_series / "dicom", 9, Box(10, 10, 50, 50), LIVER)
    export_medreginstruct(store, tmp_path / "o.jsonl")
    records = [record for _, record in read_records(tmp_path / "o.jsonl")]
    assert [(r.task.value, r.language.value, r.modality, r.width) for r in records] == [
        (task, language, "CT", 128) for language in ("en", "zh") for task in ("region_to_text", "text_to_region")
    ]


def test_no_identifier_leaves_with_the_export(store, phantom_series, tmp_path):
    annotate(store, phantom_series / "dicom", 9, Box(10, 10, 50, 50), LIVER)
    out = tmp_path / "o.jsonl"
    export_medreginstruct(store, out)
    text = out.read_text(encoding="utf-8") + " ".join(path.name for path in tmp_path.rglob("*.png"))
    volume = read_volume(phantom_series / "dicom")
    for identifier in (volume.series_uid, volume.study_uid, "PHANTOM", "Phantom^", str(phantom_series)):
        assert identifier not in text
    assert not re.search(r"\d+\.\d+\.\d+\.\d+", text)


def test_points_and_lines_stay_home(store, phantom_series, tmp_path):
    scan = phantom_series / "dicom"
    volume = read_volume(scan)
    image = make_image_ref(volume, volume.plane, 9, None, render_slice(volume, volume.plane, 9))
    for shape in (Point(20, 20), Line(((10, 10), (50, 60))), Ellipse(40, 40, 12, 9, 0)):
        store.draw_region(image, "study", shape.bounds, "ann", shape=shape_to_json(shape), label=LIVER)
    counts = export_medreginstruct(store, tmp_path / "o.jsonl", [Language.EN])
    assert (counts.regions, counts.records) == (1, 2)


@pytest.mark.parametrize(("approved", "kept"), [(None, "ann"), ("ann", "ann"), ("bob", "bob")])
def test_of_a_scan_read_twice_one_reading_is_exported(store, phantom_series, tmp_path, approved, kept):
    scan = phantom_series / "dicom"
    volume = read_volume(scan)
    image = make_image_ref(volume, volume.plane, 9, None, render_slice(volume, volume.plane, 9))
    boxes = {"ann": Box(10, 10, 40, 40), "bob": Box(12, 60, 44, 90)}
    for name in ("ann", "bob", "eve"):
        store.tasks.add_annotator(name, "eve")
    for number, name in enumerate(boxes, start=1):
        task = store.tasks.assign(str(scan.resolve()), volume.series_uid, name, "eve", reading=number)
        store.draw_region(image, "study", boxes[name], name, label=LIVER)
        store.tasks.submit(task.id, name)
        if name == approved:
            store.tasks.approve(task.id, "eve")
    assert [row.box for row in store.regions.decided()] == [boxes[kept]]
    assert export_medreginstruct(store, tmp_path / "o.jsonl", [Language.EN]).regions == 1
