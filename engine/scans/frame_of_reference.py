"""Which scans share patient coordinates: DICOM's Frame of Reference UID (PS3.3 C.7.4.1)."""

from __future__ import annotations

from engine.scans.volume import Volume


def frame_of_reference_uid(volume: Volume) -> str:
    """The UID of the coordinate system a volume lies in; empty where it has no place in one.

    NIfTI and other research formats name no frame of reference.
    """
    return volume.frame_of_reference_uid if volume.has_geometry else ""
