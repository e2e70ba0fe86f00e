"""What the list of scans gives out and takes in: frozen rows, and what they are filtered by."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path


class ScanStatus(StrEnum):
    """How far a scan is. The first two follow from the work on it, the others are said by a person."""

    NEW = "new"
    IN_PROGRESS = "in_progress"
    DONE = "done"
    NEEDS_REVIEW = "needs_review"


class ScanMark(StrEnum):
    """What a person says about a scan on the list; the newest holds."""

    NEW = "new"
    IN_PROGRESS = "in_progress"
    DONE = "done"
    NEEDS_REVIEW = "needs_review"
    REMOVED = "removed"
    LISTED = "listed"


@dataclass(frozen=True, slots=True)
class ScanFilter:
    """Which scans are listed.

    text : words that must all occur, in any script, upper or lower case. date_from, date_to : of the study, YYYYMMDD,
    both included. names_hidden : names, identifiers and file names are not searched, because a hit would reveal them.
    """

    text: str = field(default="", repr=False)
    modality: str = ""
    status: ScanStatus | None = None
    date_from: str = ""
    date_to: str = ""
    names_hidden: bool = False


@dataclass(frozen=True, slots=True)
class PatientRow:
    """A patient with scans that pass the filter. number : stable, what stands for the name where it is hidden.

    name : as DICOM writes it, "" where unknown; folder then tells unnamed scans apart.
    """

    number: int
    name: str = field(repr=False)
    code: str = field(repr=False)
    folder: str = field(repr=False)
    studies: int
    scans: int
    last_date: str


@dataclass(frozen=True, slots=True)
class StudyRow:
    """A study of a patient. modalities : in order of the alphabet. scans : that pass the filter."""

    patient: int
    study_uid: str
    date: str
    description: str = field(repr=False)
    modalities: tuple[str, ...]
    scans: int


@dataclass(frozen=True, slots=True)
class ScanRow:
    """A scan on the list. path, series_uid : what `read_volume` takes.

    titles : of the demo's scans, else what the file says. start : the slice to begin at. missing : its files are
    gone. next_place : among those to be labelled next, from 1, None for others. decided, open : counts of its regions.
    """

    id: int
    path: str = field(repr=False)
    series_uid: str
    study_uid: str
    patient: int
    title_en: str = field(repr=False)
    title_zh: str = field(repr=False)
    description: str = field(repr=False)
    modality: str
    study_date: str
    series_number: int | None
    rows: int
    columns: int
    slices: int
    start: int
    status: ScanStatus
    pinned: bool
    missing: bool
    next_place: int | None
    decided: int
    open: int


@dataclass(frozen=True, slots=True)
class DecidedView:
    """A picture on which somebody has decided about a region once, with what tells whose it is.

    view_sha256 : of its pixels as they were on screen. series_uid : as `read_volume` takes it. study_uid : see
    `engine.store.study_uid_of`. patient : name and number as the list of scans has them, both "" where the header names
    nobody; None where it was never listed.
    """

    source: str = field(repr=False)
    series_uid: str = field(repr=False)
    study_uid: str = field(repr=False)
    view_sha256: str
    patient: tuple[str, str] | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class FileStamp:
    """What tells that a file has not changed: its size in bytes and the time of its last change."""

    path: Path
    size: int
    mtime_ns: int


def search_text(*parts: str) -> str:
    """One text to search in: any script, width and case folded, DICOM's name separators as spaces."""
    joined = " ".join(part for part in parts if part).replace("^", " ").replace("=", " ")
    return " ".join(unicodedata.normalize("NFKC", joined).casefold().split())


def patient_key(name: str, code: str, path: Path | str) -> str:
    """What makes two scans one patient's: name and number as their headers have them, else the folder they lie in.

    Hospitals give the same number to different people, and people share names: both together are a patient.
    path : of the scan, absolute.
    """
    return f"{search_text(code)}\n{search_text(name)}" if search_text(name, code) else f"folder:{Path(path).parent}"
