"""The engine's messages in Chinese: each has a sentence, and none loses a value."""

from __future__ import annotations

import json
import logging
import re
import sqlite3
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

pytest.importorskip("PySide6")

from PySide6.QtWidgets import QApplication

from desktop import error_texts
from desktop.error_texts import CATALOGUE_FILE, error_text, shown_error
from desktop.panels.notice_bar import NoticeBar
from desktop.translation import Translations, translations_folder
from desktop.viewer.note_text import NoteTexts
from engine.errors import MedRegAError
from engine.labels import LabelScheme, LabelSet, builtin_ontology, own_label
from engine.regions import Box, Mask, Polygon, shape_from_json
from engine.regions.masks import smoothed, stroke
from engine.runtime import ModelManifest, find_model
from engine.runtime.gguf_check import check_gguf
from engine.scans import Plane, ScanNote, index_path, read_volume, slice_count
from engine.scans.notes import NoteKind
from engine.store import AnnotationStore, RegionState, TaskAction, TaskState
from tests.desktop.engine_messages import Collector, engine_templates, feedback_templates

CATALOGUE = json.loads((translations_folder() / CATALOGUE_FILE).read_text(encoding="utf-8"))
SENTENCES = CATALOGUE["templates"] | CATALOGUE["feedback"] | CATALOGUE["parts"] | CATALOGUE["library"]
PLACEHOLDER = re.compile(r"\{\d+\}")
KINDS = ("box", "rotated_box", "ellipse", "polygon", "freehand", "line", "point", "mask")
TECHNICAL = {
    *("DICOM", "JSON", "GGUF", "SHA", "RGB", "UID", "JPEG", "TIFF", "PNG", "MedRegA", "Desktop", "DICM", "CT", "UTF"),
    *(
        "llama",
        "cpp",
        "zip",
        "id",
        "en",
        "zh",
        "kind",
        "label",
        "labels",
        "x",
        "y",
        "s",
        "rx",
        "ry",
        "cy",
        "angle",
        "deg",
        "xff",
        "starter",
    ),
}
"""Names of formats, products and fields, which stay as they are."""


def test_every_message_of_the_engine_has_a_chinese_sentence_and_no_sentence_is_stale() -> None:
    known = set(CATALOGUE["templates"] | CATALOGUE["parts"])
    assert sorted(engine_templates() - known) == []
    assert sorted(known - engine_templates()) == []


def test_no_sentence_about_training_is_stale() -> None:
    assert sorted(set(CATALOGUE["feedback"]) - feedback_templates()) == []


def test_every_sentence_keeps_the_placeholders_of_its_message() -> None:
    for source, target in SENTENCES.items():
        assert sorted(PLACEHOLDER.findall(source)) == sorted(PLACEHOLDER.findall(target)), source
        if any(letter.isalpha() for letter in PLACEHOLDER.sub("", source)):
            assert re.search(r"[\u4e00-\u9fff]", target), source


@pytest.mark.parametrize("words", [Plane, RegionState, TaskState, TaskAction, KINDS])
def test_every_word_that_a_message_can_hold_is_known(words) -> None:
    assert {str(word) for word in words} <= set(CATALOGUE["words"])


def test_the_collector_writes_out_what_is_known_without_running() -> None:
    source = """
from engine.errors import MedRegAError

_REMEDY = "install it again"

class ThingError(MedRegAError):
    pass

class TakenError(ThingError):
    def __init__(self, name):
        super().__init__(f"{name} is taken")

def check(path, small):
    kind = "short" if small else "long"
    if path:
        raise ThingError(f"{path} is too " f"{kind}: {_REMEDY}")
    raise AssertionError("our own mistake")

def _need(verb, path):
    raise ThingError(f"cannot {verb} {path}")

def _reason(code):
    return f"code {code}"

def use(path):
    _need("read", path)
    _need(verb="write", path=path)
    raise ThingError("failed: " + _reason(path))
"""
    assert Collector({Path("a.py"): source}).templates() == {
        "{0} is taken",
        "{0} is too short: install it again",
        "{0} is too long: install it again",
        "cannot read {0}",
        "cannot write {0}",
        "failed: {0}",
        "code {0}",
    }


def _newer_database(folder: Path) -> None:
    AnnotationStore.open(folder / "n.sqlite").close()
    with sqlite3.connect(folder / "n.sqlite") as connection:
        connection.execute("PRAGMA user_version = 9999")
    store = AnnotationStore.open(folder / "n.sqlite")
    try:
        store.regions.current(1)
        raise MedRegAError(store.notice)
    finally:
        store.close()


def _no_region(folder: Path) -> None:
    store = AnnotationStore.open(folder / "r.sqlite")
    try:
        store.regions.current(7)
    finally:
        store.close()


def _file(folder: Path, name: str, content: bytes) -> Path:
    (folder / name).write_bytes(content)
    return folder / name


def _archive(folder: Path) -> Path:
    with zipfile.ZipFile(folder / "0001.zip", "w") as archive:
        archive.writestr("../0001.dcm", b"0")
    return folder / "0001.zip"


def _manifest(folder: Path, text: str) -> Path:
    (folder / "manifest.json").write_text(text, encoding="utf-8")
    return folder


ERRORS: dict[str, Callable[[Path], object]] = {
    "missing scan": lambda f: read_volume(f / "0001.dcm"),
    "folder without scans": lambda f: read_volume(f),
    "picture that is none": lambda f: read_volume(_file(f, "0001.png", b"0001")),
    "volume that is none": lambda f: read_volume(_file(f, "0001.svs", b"0001")),
    "DICOM file cut short": lambda f: read_volume(_file(f, "0001.dcm", b"0" * 128 + b"DICM" + b"0")),
    "archive that escapes": lambda f: read_volume(_archive(f)),
    "archive that is none": lambda f: read_volume(_file(f, "0001.zip", b"0001")),
    "unknown format": lambda f: read_volume(_file(f, "0001.xyz", b"0001")),
    "other database": lambda f: AnnotationStore.open(_file(f, "0001.sqlite", b"0001" * 300)),
    "database in a folder": lambda f: AnnotationStore.open(_file(f, "0001", b"") / "0001.sqlite"),
    "newer database": _newer_database,
    "missing region": _no_region,
    "unknown model": lambda f: find_model(str(f / "0001")),
    "manifest that is no JSON": lambda f: ModelManifest.read(_manifest(f, "{")),
    "manifest that lacks a field": lambda f: ModelManifest.read(_manifest(f, "{}")),
    "model file that is none": lambda f: check_gguf(_file(f, "0001.gguf", b"0001" * 9)),
    "empty box": lambda _: Box(5, 5, 1, 1),
    "flat polygon": lambda _: Polygon(((0, 0), (1, 1), (2, 2))),
    "polygon outside": lambda _: Polygon(((90, 90), (99, 90), (90, 99))).clipped(10, 10),
    "shape that is no JSON": lambda _: shape_from_json("{"),
    "shape that lacks a number": lambda _: shape_from_json('{"kind": "ellipse", "cx": 1}'),
    "empty mask": lambda _: Mask.from_array(np.zeros((3, 3))),
    "stroke beside the image": lambda _: stroke([(-90.0, -90.0)], 2.0, (10, 10)),
    "smoothing by nothing": lambda _: smoothed(Mask.from_array(np.ones((3, 3))), 0, (3, 3)),
    "label file that is no list": lambda f: LabelSet.from_file(_file(f, "0001.json", b"{}")),
    "label that is no object": lambda f: LabelSet.from_file(_file(f, "0001.json", b"[1]")),
    "label without a name": lambda f: LabelSet.from_file(_file(f, "0001.json", b'[{"id": "1"}]')),
    "label file that is no text": lambda f: LabelSet.from_file(_file(f, "0001.json", b"\xff")),
    "label set of another format": lambda f: LabelScheme.from_file(_file(f, "1.json", b"{}"), builtin_ontology()),
    "new label without a name": lambda _: own_label(" ", "", builtin_ontology()),
}


@pytest.mark.parametrize("what", ERRORS)
def test_what_the_engine_really_says_comes_out_in_chinese(what: str, tmp_path: Path) -> None:
    with pytest.raises(MedRegAError) as caught:
        ERRORS[what](tmp_path)
    shown = error_text(str(caught.value), "zh_CN")
    # Paths, and what stands in quotes, are what the message is about.
    bare = re.sub(r"'[^']*'|\"[^\"]*\"", "", shown.replace(str(tmp_path), "").replace("manifest.json", ""))
    bare = re.sub(r"[0-9n]+\.(json|dcm|zip|png|svs|xyz|sqlite|gguf)", "", bare)
    assert set(re.findall(r"[A-Za-z]+", bare)) <= TECHNICAL, shown
    assert re.search(r"[\u4e00-\u9fff]", shown)


def test_an_error_about_a_plane_names_the_plane_in_chinese(tmp_path: Path) -> None:
    Image.new("L", (8, 8)).save(tmp_path / "0001.png")
    volume = read_volume(tmp_path / "0001.png")
    with pytest.raises(MedRegAError) as caught:
        slice_count(volume, Plane.SAGITTAL)
    assert "没有矢状面：" in error_text(str(caught.value), "zh_CN")


def test_a_reason_within_a_reason_is_translated() -> None:
    inner = "[Errno 13] Permission denied: '/a/b c.dcm'"
    said = f"the folder /a holds no scan that can be shown: cannot read the DICOM header of /a/b c.dcm: {inner}"
    assert error_text(said, "zh_CN") == (
        "文件夹 /a 中没有可显示的影像：无法读取 /a/b c.dcm 的 DICOM 头信息：没有访问权限：'/a/b c.dcm'（错误 13）"
    )


def test_english_and_what_is_not_of_the_engine_stay_as_they_are() -> None:
    assert error_text("mask is empty", "en") == "mask is empty"
    for text in ("", "ZeroDivisionError: division by zero", "请先选择要擦除的区域", "12: 30", "C:\\a: b"):
        assert error_text(text, "zh_CN") == text


@given(st.text())
def test_no_text_makes_it_fail(text: str) -> None:
    assert isinstance(error_text(text, "zh_CN"), str)


@given(st.sampled_from(sorted(SENTENCES)), st.text(), st.integers(0, 40), st.integers(0, 40))
def test_no_damaged_message_makes_it_fail(source: str, text: str, start: int, length: int) -> None:
    message = source[:start] + text + source[start + length :]
    # Damage can leave nothing of a short message, and nothing is then said.
    assert bool(error_text(message, "zh_CN")) == bool(message)


@given(st.data())
def test_no_value_is_lost(data: st.DataObject) -> None:
    source = data.draw(st.sampled_from(sorted(SENTENCES)))
    # Neither a word of the program nor part of a sentence: such values may be translated.
    values = data.draw(
        st.lists(st.text("0123456789/\\_ÄÖÜ影像{}", min_size=1), min_size=source.count("{"), max_size=source.count("{"))
    )
    message = PLACEHOLDER.sub(lambda place: values[int(place[0][1:-1])], source)
    shown = error_text(message, "zh_CN")
    for value in values:
        assert value in shown


def test_a_hostile_name_is_looked_through_at_once() -> None:
    said = "cannot read " + ": is of the wrong x " * 20_000
    assert error_text(said, "zh_CN").startswith("无法读取 ")


def test_a_missing_sentence_is_logged_once_and_without_names(caplog, monkeypatch) -> None:
    monkeypatch.setattr(error_texts, "_missed", set())
    with caplog.at_level(logging.DEBUG, logger="desktop.error_texts"):
        for name in ("Zhang^San", "Li^Si"):
            assert error_text(f"nothing can be read from {name}", "zh_CN")
    assert len(caplog.records) == 1
    assert "Zhang" not in caplog.text
    assert "can be read from" in caplog.text


@pytest.fixture
def chinese(qtbot):
    app = QApplication.instance()
    translations = Translations(app)
    translations.set_language("zh_CN")
    yield translations
    translations.set_language("en")


def test_a_notice_speaks_the_language_of_the_interface_and_follows_it(qtbot, chinese: Translations) -> None:
    bar = NoticeBar()
    qtbot.addWidget(bar)
    bar.show_notice("the brush did not touch the image")
    assert bar.text == "画笔没有触及图像"
    chinese.set_language("en")
    qtbot.waitUntil(lambda: bar.text == "the brush did not touch the image")
    assert shown_error("mask is empty") == "mask is empty"


def test_a_remark_on_a_scan_gives_its_reason_in_chinese(chinese: Translations) -> None:
    note = ScanNote(NoteKind.UNREADABLE_SLICES, (("count", "2"), ("reason", "cannot read /a/1.dcm: Is a directory")))
    assert NoteTexts().text(note) == "2 个层面无法读取，显示为空：无法读取 /a/1.dcm：这是一个文件夹"


def test_what_is_left_out_of_a_folder_is_said_in_chinese(tmp_path: Path) -> None:
    own, broken = _file(tmp_path, "0001.mrxs", b"0"), _file(tmp_path, "0002.svs", b"0")
    said = {problem.path: error_text(problem.reason, "zh_CN") for problem in index_path(tmp_path).problems}
    assert said == {
        own: f"{own} 是全切片图像，其格式无法在此读取：请将其导出为 OME-TIFF、SVS 或 DICOM",
        broken: f"无法读取切片 {broken}：它不是 TIFF 文件，或其文件头已损坏",
    }
