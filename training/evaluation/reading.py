"""Records with the place they were read from, so that a bad one can be named by its line."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from PIL import Image, UnidentifiedImageError

from training.records import DatasetError, Record, dataset_files, parse_record


@dataclass(frozen=True, slots=True)
class PlacedRecord:
    """A record. folder : what its image path is relative to. where : file name and line, unique in its dataset."""

    folder: Path
    where: str
    record: Record


@dataclass(frozen=True, slots=True)
class BadRecord:
    """A line that is no usable record, and why."""

    where: str
    reason: str


def read_placed(dataset: Path) -> Iterator[PlacedRecord | BadRecord]:
    """Every line of a dataset: a record whose image opens, or what is wrong with it. Raises `DatasetError` only for
    a dataset that is none.
    """
    sizes: dict[Path, tuple[int, int]] = {}
    for file in dataset_files(dataset):
        with file.open("rb") as lines:
            for number, line in enumerate(lines, start=1):
                if not line.strip():
                    continue
                where = f"{file.name}:{number}"
                try:
                    record = parse_record(line.decode("utf-8"), f"{file} line {number}")
                    yield PlacedRecord(file.parent, where, _with_size(file.parent, record, sizes))
                except (DatasetError, UnicodeDecodeError) as error:
                    yield BadRecord(where, str(error))


def _with_size(folder: Path, record: Record, sizes: dict[Path, tuple[int, int]]) -> Record:
    """The record with its image's true size; records of other tools often leave it out."""
    path = folder / record.image
    if path not in sizes:
        try:
            with Image.open(path) as image:
                sizes[path] = image.size
        except (OSError, UnidentifiedImageError) as error:
            raise DatasetError(f"cannot read the image {path}: {error}") from error
    width, height = sizes[path]
    return replace(record, width=width, height=height)
