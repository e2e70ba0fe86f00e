"""A sealed folder is what it was, or the message says what is not."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from engine.feedback.errors import FeedbackError
from engine.feedback.hashes import is_plain_name, read_hash_list, seal, sealed_hash


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "set" / "train").mkdir(parents=True)
    (tmp_path / "set" / "train" / "b.jsonl").write_bytes(b"one\n")
    (tmp_path / "set" / "a.json").write_bytes(b"{}")
    return tmp_path / "set"


def test_the_list_is_what_sha256sum_reads(folder: Path):
    found = seal(folder)
    text = (folder / "SHA256SUMS").read_text()
    one = hashlib.sha256(b"one\n").hexdigest()
    assert text.splitlines()[1] == f"{one}  train/b.jsonl"
    assert found == hashlib.sha256(text.encode()).hexdigest() == sealed_hash(folder, "")


def test_every_flipped_byte_is_found(folder: Path):
    seal(folder)
    for name in ("a.json", "train/b.jsonl", "SHA256SUMS"):
        path = folder / name
        whole = path.read_bytes()
        original = sealed_hash(folder, "")
        for place in range(len(whole)):
            path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
            assert _hash_or_none(folder) != original
        path.write_bytes(whole)


def _hash_or_none(folder: Path) -> str | None:
    try:
        return sealed_hash(folder, "")
    except FeedbackError:
        return None


def test_what_is_gone_or_was_added_is_named(folder: Path):
    seal(folder)
    (folder / "more").write_text("")
    with pytest.raises(FeedbackError, match=r"more was added to it\. Do that"):
        sealed_hash(folder, "Do that")
    (folder / "more").unlink()
    (folder / "a.json").unlink()
    with pytest.raises(FeedbackError, match=r"a\.json is gone"):
        sealed_hash(folder, "Do that")
    (folder / "SHA256SUMS").unlink()
    with pytest.raises(FeedbackError, match="SHA256SUMS cannot be read"):
        sealed_hash(folder, "Do that")


@pytest.mark.parametrize(
    "name",
    ["../a", "/a", "a/../b", "C:/a", "a\\b", ".hidden", "a//b", "", "a/", "é", "a\n", "a/b/c/d/e/f/g", "x" * 101],
)
def test_names_that_lead_elsewhere_are_not_plain(name: str):
    assert not is_plain_name(name)
    with pytest.raises(FeedbackError, match="broken or made to harm"):
        read_hash_list(f"{'0' * 64}  {name}\n", "the list")


def test_a_list_in_another_order_or_twice_is_refused():
    line = "0" * 64 + "  b\n"
    assert read_hash_list(line, "") == {"b": "0" * 64}
    for text in (line + line, line + "0" * 64 + "  a\n", line.rstrip(), "x" + line[1:]):
        with pytest.raises(FeedbackError):
            read_hash_list(text, "the list")


@pytest.mark.parametrize(
    "name",
    ["adapters/history.json/adapter.gguf", "adapters/History.JSON/adapter.json", "adapters/a./b.png", "a./b", "b."],
)
def test_a_folder_is_not_called_as_a_file_nor_anything_with_a_dot_at_its_end(name: str):
    assert not is_plain_name(name)


@pytest.mark.parametrize("name", ["bundle.json", "adapters/a/adapter.json", "snapshots/0a/train/images/x.png"])
def test_plain_names_are_plain(name: str):
    assert is_plain_name(name)
