"""Names, numbers and UIDs are found in what would leave; words of the trade and of the program are not."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from engine.feedback.errors import FeedbackError
from engine.feedback.identifiers import Identifiers, require_anonymous

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
