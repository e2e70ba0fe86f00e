"""Reading and writing MedRegInstruct jsonl."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from engine.protocol import Language, Task
from training.records import DatasetError, dataset_sha256, parse_record, read_records, write_records


def line(**changes: object) -> str:
    record = {
        "id": 3,
        "image": "a.png",
        "width": 10,
        "height": 20,
        "conversations": [
            {"from": "human", "value": "Your task is object recognition. <image>\nWhat is this?"},
            {"from": "gpt", "value": "liver"},
        ],
    }
    return json.dumps({**record, **changes})


def test_task_and_language_are_told_by_the_prompt_when_not_given():
    record = parse_record(line(), "here")
    assert (record.task, record.language) == (Task.REGION_TO_TEXT, Language.EN)


def test_a_written_record_reads_back_the_same(tmp_path: Path):
    record = parse_record(line(), "here")
    write_records(tmp_path / "a.jsonl", [record])
    assert [one for _, one in read_records(tmp_path)] == [record]


@pytest.mark.parametrize(
    "broken",
    [
        "not json",
        line(conversations=[]),
        line(conversations=[{"from": "human", "value": "no image"}, {"from": "gpt", "value": "x"}]),
        line(task="unknown"),
        line(width="wide"),
    ],
)
def test_a_broken_line_is_named_by_file_and_number(tmp_path: Path, broken: str):
    (tmp_path / "a.jsonl").write_text(line() + "\n" + broken + "\n", encoding="utf-8")
    with pytest.raises(DatasetError, match=r"a\.jsonl line 2"):
        list(read_records(tmp_path))


def test_a_folder_without_jsonl_is_an_error(tmp_path: Path):
    with pytest.raises(DatasetError, match="neither a jsonl file nor a folder"):
        list(read_records(tmp_path))


def test_the_hash_follows_the_content(tmp_path: Path):
    (tmp_path / "a.jsonl").write_text(line(), encoding="utf-8")
    before = dataset_sha256(tmp_path)
    (tmp_path / "a.jsonl").write_text(line(id=4), encoding="utf-8")
    assert dataset_sha256(tmp_path) != before


def test_the_released_records_are_read_with_their_tasks(shared_data: Path):
    records = [one for _, one in read_records(shared_data / "medrega_demo" / "records.jsonl")]
    assert [one.task for one in records] == [
        Task.VQA,
        Task.VQA,
        Task.VQA,
        Task.VQA,
        Task.REPORT,
        Task.REPORT,
        Task.DIAGNOSIS,
        Task.REGION_TO_TEXT,
        Task.TEXT_TO_REGION,
        Task.GROUNDED_REPORT,
        Task.GROUNDED_REPORT,
    ]
