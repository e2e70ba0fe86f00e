"""Names, numbers and UIDs are found in what would leave; words of the trade and of the program are not."""

from __future__ import annotations

import json
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from engine.browse.indexing import index_into
from engine.feedback.errors import FeedbackError
from engine.feedback.identifiers import Identifiers, Telling, require_anonymous
from engine.progress import NoProgress
from engine.store import AnnotationStore, IdentifyingKind, IdentifyingText
from tests.clinic import write_clinic

KNOWN = Identifiers(
    ["White^Jo Ann", "Wang^XiaoDong=王^小东", "MRN-7003", "0421", "/scans/Okafor Ada/ct", "TEST", "19700131", "李 四"]
)


@pytest.mark.parametrize(
    "text",
    [
        "mass of Jo Ann White, see white jo ann",
        "XIAODONG",
        "王小东的肿块",
        "小东",
        "李四",
        "mrn-7003",
        "number 0421",
        "read from /scans/okafor ada/ct",
        "1.2.840.10008.1",
        "born 19700131",
    ],
)
def test_what_tells_who_a_patient_is_is_found(text: str):
    assert KNOWN.find(text)


@pytest.mark.parametrize(
    "text",
    [
        "white matter",
        "What is <ref>this</ref><box>[[421, 351, 505, 470]]</box> in this CT scan?",
        "train/images/0a1b2c3d4e5f6a7b8c9d.png",
        "test",
        "version 1.2.3",
        "right kidney",
        "右肾",
        "",
    ],
)
def test_words_of_the_trade_are_not(text: str):
    assert KNOWN.find(text) is None


@pytest.mark.parametrize(
    ("who", "text"),
    [
        ("Lee^Amy", "Amy Lee lesion"),
        ("Lee^Amy", "Lee, Amy"),
        ("Lee^Amy^Sue", "(lee) sue"),
        ("White^Ann", "Ann White"),
        ("White^Bo", "seen by Bo White"),
        ("Li^Bo", "li_bo.png"),
        ("Smith/Jones^Anna", "Anna Smith tumour"),
        ("Smith/Jones^Anna", "Jones"),
        ("Kim", "Kim nodule"),
        ("Kim", "Kim结节"),
        ("Li", "nodule of Li"),
        ("O'Brien^Pat", "Obrien"),
        ("O'Brien^Pat", "O Brien's cyst"),
        ("Smith-Jones^A", "jones"),
        ("Stone^Ed", "Ed Stone"),
        ("TEST^PATIENT", "patient: test"),
        ("黄^小东", "黄 小东"),
        ("987", "987"),
        ("987", "lesion of 987."),
        ("987", "images/987.png"),
        ("12345", "ID12345"),
        ("12345", "pt12345"),
        ("12345", "编号12345的肿块"),
        ("0012345", "12345"),
        ("MRN-7003", "mrn 7003"),
        ("MRN7003", "MRN-7003"),
        ("MRN12345", "12345"),
        ("12-345", "12-345"),
        ("12-345", "12345"),
        ("9434765919", "943 476 5919"),
        ("19500101", "born 1950-01-01"),
        ("19500102", "born 02.01.1950"),
        ("19500102", "born 2/1/1950"),
        ("19500102", "1950年1月2日出生"),
        ("WANG XIAODONG 王小东", "Wang's mass"),
        ("WANG XIAODONG 王小东", "王小东的肿块"),
        ("王Wei", "mass of Wei"),
        ("王小东", "王 小东的肿块"),
        ("李四", "李\u3000四"),
        ("李^四", "李_四.png"),
        ("𠮷田^愛", "𠮷田さん"),
        ("Li^Li", "Li Li nodule"),
        ("Zhang^San", "zhangsan"),
        ("ZHANGSAN", "Zhang San"),
        ("Abu-Bakr^Ali", "abubakr"),
        ("Müller^Jörg", "Muller"),
        ("Müller^Jörg", "Mueller"),
        ("MUELLER^JOERG", "Müller"),
        ("Munoz^Ana", "Muñoz"),
        ("Łukasz", "lukasz"),
        ("İnan^Ali", "INAN"),
        ("काम^देव", "काम देव"),
    ],
)
def test_names_in_any_order_and_numbers_in_any_writing_are_found(who: str, text: str):
    assert Identifiers([who]).find(text) is Telling.NAME
    assert Identifiers([IdentifyingText(IdentifyingKind.PERSON, who)]).find(text) is Telling.NAME


@pytest.mark.parametrize(
    ("who", "text"),
    [
        ("Stone", "kidney stone"),
        ("Stone^Kidney", "kidney stone"),
        ("White^A", "a white matter lesion"),
        ("White^In", "in white matter"),
        ("Ray^Max", "X-ray, max_side"),
        ("Hu^Wei", "60 HU"),
        ("Kim", "kimono"),
        ("Lee^Amy", "sleep"),
        ("黄^脑白", "脑白质"),
        ("7", "rib 7"),
        ("12", "12 mm"),
        ("987", "9870"),
        ("987", "0.987"),
        ("2026", "until 2026-11-28"),
        ("421", "<ref>liver</ref><box>[[421, 351, 505, 470]]</box>"),
        ("12345", "12.3 45"),
        ("12345", "123456"),
        ("12345", "4c0b12345d9a4f1e"),
        ("A12", "a 12 mm cyst"),
        ("TEST1", "test 1"),
        ("T12", "t12 vertebra"),
        ("20261128", "made 2026-11-28T10:00:00Z"),
        ("An Li 李安", "anterior 前部"),
        ("白^质", "白质高信号"),
        ("Ma^Le", "male"),
        ("Meta^Ada", "meta.json"),
        ("Wang^Xi", "wax"),
    ],
)
def test_what_is_written_anyway_tells_nobody(who: str, text: str):
    assert Identifiers([who]).find(text) is None


@pytest.mark.parametrize(
    "text",
    [
        "2.25.329800735698586629295641978511506172918",
        "see CT.1.2.840.113619.2.5.1762.dcm",
        "file_1.2.840.113619",
        "UID:1.2.3.4",
        "study １．２．８４０．１１３６１９",
    ],
)
def test_a_uid_is_found_by_its_form(text: str):
    assert Identifiers().find(text) is Telling.UID


@pytest.mark.parametrize("text", ["1.2.3", "2.25.3", "version 12.25.1234567890", "0.25.5 mm"])
def test_what_has_fewer_parts_is_no_uid(text: str):
    assert Identifiers().find(text) is None


def test_a_place_is_one_because_it_is_said_to_be(tmp_path: Path):
    place = IdentifyingText(IdentifyingKind.PLACE, "/data/Lee Amy/ct")
    assert Identifiers([place]).find("from /data/lee amy/ct") is Telling.PLACE
    assert Identifiers([place]).find("ct data") is None
    assert "Lee" not in repr(place)
    scans = write_clinic(tmp_path, ["Smith/Jones^Anna"])
    with AnnotationStore.open(tmp_path / "a.sqlite") as store:
        index_into(store, [tmp_path], NoProgress())
        known = Identifiers(store.identifying_texts())
    assert known.find("Anna Jones") is Telling.NAME
    assert known.find(str(scans[0])) is Telling.PLACE


def test_the_message_names_file_and_line_but_not_the_patient(tmp_path: Path):
    (tmp_path / "a.ndjson").write_text('{"a": 421}\n{"b": ["x", {"y": "MRN-7003"}]}\n', encoding="utf-8")
    with pytest.raises(FeedbackError, match=r"a\.ndjson line 2 holds a patient's name or number\. Do that") as caught:
        require_anonymous(tmp_path, KNOWN, "Do that")
    assert "7003" not in str(caught.value)


def test_a_question_is_not_searched_and_its_answer_is(tmp_path: Path):
    turns = [{"from": "human", "value": "white jo ann"}, {"from": "gpt", "value": "liver"}]
    (tmp_path / "a.jsonl").write_text(json.dumps({"conversations": turns}) + "\n", encoding="utf-8")
    require_anonymous(tmp_path, KNOWN, "")
    turns[1]["value"] = "white jo ann"
    (tmp_path / "a.jsonl").write_text(json.dumps({"conversations": turns}) + "\n", encoding="utf-8")
    with pytest.raises(FeedbackError, match="line 1"):
        require_anonymous(tmp_path, KNOWN, "")


def test_a_line_ends_where_json_says_so(tmp_path: Path):
    lines = [json.dumps({"text": text}, ensure_ascii=False) for text in ("one\u2028line", "next\x85line", "MRN-7003")]
    (tmp_path / "a.ndjson").write_text("\n".join(lines) + "\n", encoding="utf-8")
    with pytest.raises(FeedbackError, match=r"a\.ndjson line 3 holds"):
        require_anonymous(tmp_path, KNOWN, "")


@pytest.mark.parametrize(
    ("name", "data"), [("a.md", "肿块".encode("gbk")), ("a.json", b'{"a": '), ("a.jsonl", b"{}\nno\n")]
)
def test_what_cannot_be_searched_is_named(tmp_path: Path, name: str, data: bytes):
    (tmp_path / name).write_bytes(data)
    with pytest.raises(FeedbackError, match=rf"{name} cannot be read as text \(.*\)\. Do that"):
        require_anonymous(tmp_path, KNOWN, "Do that")


def png_chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


@pytest.mark.parametrize("kind", [b"tEXt", b"prVt"])
@pytest.mark.parametrize("behind", [False, True])
def test_words_anywhere_in_a_png_are_met(tmp_path: Path, kind: bytes, behind: bool):
    """Some programs write them behind the pixels."""
    Image.fromarray(np.zeros((4, 4), np.uint8)).save(tmp_path / "a.png")
    data = (tmp_path / "a.png").read_bytes()
    place = data.index(b"IEND" if behind else b"IDAT") - 4
    data = data[:place] + png_chunk(kind, b"Comment\0Okafor Ada") + data[place:]
    (tmp_path / "a.png").write_bytes(data)
    with pytest.raises(FeedbackError, match=r"a\.png holds more than pixels"):
        require_anonymous(tmp_path, KNOWN, "")


@pytest.mark.parametrize("marker", [0xE1, 0xE4, 0xED, 0xFE])
def test_words_in_a_jpeg_are_met(tmp_path: Path, marker: int):
    Image.fromarray(np.zeros((4, 4, 3), np.uint8)).save(tmp_path / "a.jpg")
    data, words = (tmp_path / "a.jpg").read_bytes(), b"Okafor Ada"
    segment = bytes([0xFF, marker]) + struct.pack(">H", len(words) + 2) + words
    (tmp_path / "a.jpg").write_bytes(data[:2] + segment + data[2:])
    with pytest.raises(FeedbackError, match=r"a\.jpg holds more than pixels"):
        require_anonymous(tmp_path, KNOWN, "")


def test_file_names_and_pictures_are_looked_at(tmp_path: Path):
    picture = Image.fromarray(np.zeros((4, 4), np.uint8))
    picture.save(tmp_path / "plain.png")
    picture.convert("RGB").save(tmp_path / "plain.jpg", quality=95, subsampling=0)
    require_anonymous(tmp_path, KNOWN, "")
    words = PngImagePlugin.PngInfo()
    words.add_text("Patient", "somebody")
    picture.save(tmp_path / "words.png", pnginfo=words)
    with pytest.raises(FeedbackError, match=r"words\.png holds more than pixels \(Patient\)"):
        require_anonymous(tmp_path, KNOWN, "")
    (tmp_path / "words.png").unlink()
    picture.save(tmp_path / "xiaodong.png")
    with pytest.raises(FeedbackError, match="the name of a file"):
        require_anonymous(tmp_path, KNOWN, "")
