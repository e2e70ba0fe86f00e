"""Which scans share patient coordinates: DICOM's Frame of Reference UID (PS3.3 C.7.4.1)."""

from __future__ import annotations

from pathlib import Path

import pydicom

from engine.scans.dicom_header import dicom_edge, is_dicom, plain_text
from engine.scans.volume import ScanError, Volume

_TAGS = ["FrameOfReferenceUID", "SeriesInstanceUID"]


def frame_of_reference_uid(volume: Volume) -> str:
    """The UID of the coordinate system a volume lies in; empty where its files name none.

    Reads one header. NIfTI and other research formats name no frame of reference.
    """
    if not volume.has_geometry or not volume.series_uid:
        return ""
    source = volume.source
    files = sorted(source.iterdir()) if source.is_dir() else [source]
    for file in files:
        if file.is_file() and (uid := _uid_of(file, volume.series_uid)):
            return uid
    return ""


def _uid_of(file: Path, series_uid: str) -> str:
    try:
        if not is_dicom(file):
            return ""
        with dicom_edge(file, "read the DICOM header of"):
            header = pydicom.dcmread(file, force=True, stop_before_pixels=True, specific_tags=_TAGS)
            found = plain_text(header.get("SeriesInstanceUID")), plain_text(header.get("FrameOfReferenceUID"))
    except ScanError:
        # The volume was read from its good files; a broken neighbour names nothing.
        return ""
    return found[1] if found[0] == series_uid else ""
