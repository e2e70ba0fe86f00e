"""SLAKE, jsonl of questions, tables of reports, folders of classes and exported corrections."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from engine.protocol import Language, Located, Question, Task, user_text, write_located
from engine.regions import Box
from training.instruct.items import Asked, Report
from training.records import DatasetError, Record, write_records


@pytest.fixture
def slake(tmp_path: Path, picture) -> dict:
    folder = tmp_path / "imgs" / "xmlab3"
    picture(folder / "source.jpg", colour=True)
    (folder / "detection.json").write_text('[{"Liver": [10, 12, 32, 24]}, {"Wing": [1, 2, 30, 30]}]', encoding="utf-8")
    asked = {"img_name": "xmlab3/source.jpg", "location": "Abdomen", "modality": "CT", "qid": 1}
    questions = [
        asked | {"q_lang": "en", "question": "Is this\ta liver?", "answer": "Yes"},
        asked | {"q_lang": "zh", "question": "这是肝脏吗？", "answer": "是"},
    ]
    (folder / "question.json").write_text(json.dumps(questions, ensure_ascii=False), encoding="utf-8")
    for name, rows in (("train", []), ("validate", []), ("test", questions)):
        (tmp_path / f"{name}.json").write_text(json.dumps(rows), encoding="utf-8")
    return {"kind": "slake", "path": tmp_path, "modality": ""}


def test_slake_has_boxes_and_questions_in_both_languages(slake, source_of):
    source = source_of(**slake)
    (image,) = [one for unit in source.units() for one in source.read(unit)]
    assert [(r.key, r.box) for r in image.regions] == [("liver", Box(9.5, 11.5, 41.5, 35.5))]
    assert image.questions == (
        Asked(Language.EN, "Is this a liver?", "Yes"),
        Asked(Language.ZH, "这是肝脏吗？", "是"),
    )
    assert (image.modality, image.split, image.group) == ("CT", "test", "xmlab3")
    assert source.unknown == {"Wing": 1}


def test_questions_of_one_picture_come_together(tmp_path: Path, picture, read_all):
    picture(tmp_path / "a.png", 1)
    picture(tmp_path / "b.png", 2)
    lines = [{"img": image, "q": f"{number}?", "a": "yes"} for number, image in enumerate(["a.png", "b.png", "a.png"])]
    path = tmp_path / "q.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    fields = {"image_field": "img", "question_field": "q", "answer_field": "a"}
    images = read_all(kind="questions", path=path, root=tmp_path, **fields)
    assert [[asked.text for asked in image.questions] for image in images] == [["0?", "2?"], ["1?"]]


def test_a_report_table_joins_reports_and_pictures(tmp_path: Path, picture, read_all):
    picture(tmp_path / "x.png")
    for name, rows in {
        "reports.csv": [{"uid": 5, "findings": "Heart is  normal.", "impression": "No disease."}, {"uid": 6}],
        "pictures.csv": [
            {"uid": 5, "filename": "x.png", "projection": "Frontal"},
            {"uid": 5, "filename": "y.png", "projection": "Lateral"},
            {"uid": 6, "filename": "z.png", "projection": "Frontal"},
        ],
    }.items():
        with (tmp_path / name).open("w", newline="") as stream:
            writer = csv.DictWriter(stream, rows[0].keys())
            writer.writeheader()
            writer.writerows(rows)
    tables = {"reports": tmp_path / "reports.csv", "pictures": tmp_path / "pictures.csv", "root": tmp_path}
    images = read_all(kind="report_table", **tables, view={"projection": "Frontal"}, modality="X-ray")
    assert [image.reports for image in images] == [(Report(Language.EN, "Heart is normal.", "No disease."),)]
    assert (images[0].group, images[0].modality) == ("5", "DX")


def test_a_folder_is_a_class(tmp_path: Path, picture, source_of):
    picture(tmp_path / "melanoma" / "a.png")
    picture(tmp_path / "healthy" / "b.png")
    picture(tmp_path / "strange" / "c.png")
    source = source_of(kind="class_folders", path=tmp_path, none_folder="healthy", modality="DMS")
    images = [one for unit in source.units() for one in source.read(unit)]
    assert [image.classes for image in images] == [(), ("melanoma",), None]
    assert source.unknown == {"strange": 1}


def test_exported_corrections_become_regions_again(tmp_path: Path, picture, read_all):
    picture(tmp_path / "out_images" / "a.png")
    box = Box(9.5, 11.5, 41.5, 35.5)
    records = []
    for language, name in ((Language.EN, "liver"), (Language.ZH, "肝脏")):
        question = Question(Task.TEXT_TO_REGION, language, 64, 48, "CT", names=(name,))
        answer = write_located((Located(name, (box,)),), 64, 48, language)
        records.append(
            Record("1", "out_images/a.png", 64, 48, user_text(question), answer, question.task, language, "CT")
        )
    write_records(tmp_path / "out.jsonl", records)
    (image,) = read_all(kind="corrections", path=tmp_path / "out.jsonl", modality="")
    (region,) = image.regions
    assert region.key == "liver"
    assert region.box.iou(box) > 0.95
    # What nobody marked may still be there.
    assert (image.scope, image.group, image.modality) == ("", "one", "CT")


def test_a_correction_that_does_not_parse_is_named(tmp_path: Path, picture, read_all):
    picture(tmp_path / "a.png")
    question = Question(Task.TEXT_TO_REGION, Language.EN, 64, 48, "CT", names=("liver",))
    record = Record("9", "a.png", 64, 48, user_text(question), "somewhere", question.task, question.language, "CT")
    write_records(tmp_path / "out.jsonl", [record])
    with pytest.raises(DatasetError, match="record 9 does not parse"):
        read_all(kind="corrections", path=tmp_path / "out.jsonl")
