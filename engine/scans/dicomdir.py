"""The directory file of DICOM media, PS3.3 F: which files belong to it."""

from __future__ import annotations

import os
from pathlib import Path

import pydicom

from engine.scans.dicom_guard import require_begin, require_bounded
from engine.scans.dicom_header import dicom_edge
from engine.scans.limits import require_regular_file
from engine.scans.volume import ScanError

_MOST_RECORDS = 1_000_000


def is_dicomdir(path: Path) -> bool:
    """Whether the file is named as PS3.10 8.6 demands."""
    return path.name.upper() == "DICOMDIR"


def referenced_files(path: Path) -> list[Path]:
    """The files that a DICOMDIR lists, in its order, whether they are there or not.

    Raises `ScanError` when it cannot be read or lists a file outside of its own folder.
    """
    require_regular_file(path)
    with dicom_edge(path, "read the directory"):
        require_begin(path)
        require_bounded(path)
        dataset = pydicom.dcmread(path, force=True, specific_tags=["DirectoryRecordSequence"])
        records = dataset.get("DirectoryRecordSequence") or []
        if len(records) > _MOST_RECORDS:
            raise ScanError(f"{path} lists {len(records):,} records: it is broken or made to harm")
        names = [record.get("ReferencedFileID") for record in records]
    root = os.path.realpath(path.parent)
    files = []
    for name in names:
        if not name:
            continue
        parts = [name] if isinstance(name, str) else [str(part) for part in name]
        file = path.parent.joinpath(*parts)
        if not Path(os.path.realpath(file)).is_relative_to(root):
            raise ScanError(f"{path} lists a file outside of its folder: it is broken or made to harm")
        files.append(file)
    if not files:
        raise ScanError(f"{path} lists no files")
    return list(dict.fromkeys(files))
