"""Voxels with their geometry: the one type every scan becomes, whatever file it came from."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engine.errors import MedRegAError
from engine.scans.notes import ScanNote
from engine.scans.slide import SlideView
from engine.scans.voi import LINEAR, VoiCurve


class ScanError(MedRegAError):
    """A file that is not a scan we can show: the message names the file and what is wrong with it."""


class Plane(StrEnum):
    """Anatomical planes. A slice of a plain photo or ultrasound frame counts as `AXIAL`."""

    AXIAL = "axial"
    CORONAL = "coronal"
    SAGITTAL = "sagittal"


@dataclass(frozen=True, slots=True)
class Window:
    """Grey-scale window in the volume's stored units (HU for CT): centre and full width, DICOM PS3.3 C.11.2.1.2.

    Raises `ScanError` unless ``width > 0``.
    """

    center: float
    width: float

    def __post_init__(self) -> None:
        if not self.width > 0:
            raise ScanError(f"window width {self.width:g} must be greater than 0")


@dataclass(frozen=True, slots=True)
class WindowPreset:
    """A window that the file offers, with the explanation it gives (0028,1055), "" without one."""

    name: str
    window: Window


@dataclass(frozen=True, slots=True)
class StudyFacts:
    """What a study browser shows about a scan, as the file says it; "" where it says nothing.

    Patient data: never logged, never part of a file name or prompt, and left out of ``repr``. Dates are DICOM's
    YYYYMMDD, times HHMMSS. patient_name : DICOM's components with ``^`` between them.
    """

    patient_name: str = field(default="", repr=False)
    patient_id: str = field(default="", repr=False)
    birth_date: str = field(default="", repr=False)
    sex: str = field(default="", repr=False)
    accession_number: str = field(default="", repr=False)
    study_date: str = field(default="", repr=False)
    study_time: str = field(default="", repr=False)
    study_description: str = field(default="", repr=False)
    series_date: str = field(default="", repr=False)
    series_number: int | None = None
    institution: str = field(default="", repr=False)


NO_FACTS = StudyFacts()
"""Of a scan whose format says nothing about the study."""


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class Volume:
    """A series of parallel slices in patient space.

    voxels : (Z, Y, X) int16, int32, uint8, uint16 or float32 after the modality rescale (HU for CT), or
        (Z, Y, X, 3) uint8 RGB. Row 0 is the top of the slice as it is shown, column 0 its left: as stored in DICOM,
        see `engine.scans.orienting` for other volumes.
    spacing_mm : x, y, z distances of voxel centres. Where unknown, with `has_spacing` False: x is 1, the others in
        proportion to it as far as the file tells.
    origin_mm : LPS patient coordinates of the centre of voxel (0, 0, 0).
    direction : (3, 3) float64, columns are the LPS unit vectors of the x, y and z axes.
    window : shown unless the person chooses another; None for colour.
    inverted : MONOCHROME1, low values are shown white.
    has_geometry : it lies in patient space. is_calibrated : the file tells how large its pixels are.
    instance_uids : SOP instance UID of each slice, in slice order, "" for a missing slice; empty where the format
        has none.
    source : the file or folder it was read from.
    series_uid : what `read_volume` takes beside `source`: the series instance UID, followed by ``#2``, ``#3`` ...
        for the further stacks of a series that holds several; `series_instance_uid` is the UID alone.
    units : of the voxels: "HU" for CT, what the file names ("BQML"), "" where unknown.
    curve : how a window turns values into grey. presets : the windows that the file offers, the first is `window`.
    photometric : Photometric Interpretation as stored, "" where the format has none.
    padding : (low, high) values that stand for "no data" outside of the scanned area, None where not said.
    frame_time_ms : how long a frame of a film lasts, None where it is no film.
    slice_files : the file of each slice, None for a missing one; empty where all are in `source`.
    has_overlays : there are overlay planes: see `read_overlays`.
    notes : what a person should know about how it was opened.
    slide : what of a whole slide it shows, None where it is none.
    """

    voxels: NDArray[np.generic]
    spacing_mm: tuple[float, float, float]
    origin_mm: tuple[float, float, float]
    direction: NDArray[np.float64]
    modality: str
    window: Window | None
    source: Path
    inverted: bool = False
    has_geometry: bool = True
    is_calibrated: bool = False
    series_uid: str = ""
    study_uid: str = ""
    instance_uids: tuple[str, ...] = ()
    description: str = ""
    units: str = ""
    body_part: str = ""
    laterality: str = ""
    photometric: str = ""
    frame_of_reference_uid: str = ""
    curve: VoiCurve = LINEAR
    presets: tuple[WindowPreset, ...] = ()
    padding: tuple[float, float] | None = None
    frame_time_ms: float | None = None
    slice_files: tuple[Path | None, ...] = ()
    has_overlays: bool = False
    notes: tuple[ScanNote, ...] = ()
    facts: StudyFacts = NO_FACTS
    slide: SlideView | None = None

    @property
    def series_instance_uid(self) -> str:
        """The DICOM series instance UID, "" where the format has none."""
        return self.series_uid.partition("#")[0]

    @property
    def is_color(self) -> bool:
        """Whether the voxels are RGB."""
        return self.voxels.ndim == 4

    @property
    def has_spacing(self) -> bool:
        """Whether lengths on a slice can be told in mm: in patient space, and wherever the file says its scale.

        What measuring and the scale bar go by; `has_geometry` is about places in the patient.
        """
        is_scaled_slide = self.slide is not None and self.slide.spacing_mm is not None
        return self.has_geometry or self.is_calibrated or is_scaled_slide

    @property
    def plane(self) -> Plane:
        """The anatomical plane of the stored slices: the patient axis nearest to their normal."""
        if not self.has_geometry:
            return Plane.AXIAL
        # Asked for thousands of times a second: numpy's functions take ten times as long for three numbers.
        x, y, z = (abs(cosine) for cosine in self.direction[:, 2].tolist())
        if x >= y and x >= z:
            return Plane.SAGITTAL
        return Plane.CORONAL if y >= z else Plane.AXIAL

    def pixel_to_patient(self, x: float, y: float, z: float) -> tuple[float, float, float]:
        """LPS millimetres of the continuous voxel index (x, y, z), DICOM PS3.3 C.7.6.2.1.1."""
        scaled = np.array([x, y, z]) * np.array(self.spacing_mm)
        px, py, pz = self.direction @ scaled + np.array(self.origin_mm)
        return (float(px), float(py), float(pz))

    def patient_to_pixel(self, x_mm: float, y_mm: float, z_mm: float) -> tuple[float, float, float]:
        """The continuous voxel index (x, y, z) of LPS millimetres; the inverse of `pixel_to_patient`.

        Right for a tilted gantry too, whose axes are not at right angles.
        """
        offset = np.array([x_mm, y_mm, z_mm]) - np.array(self.origin_mm)
        x, y, z = np.linalg.solve(self.direction, offset) / np.array(self.spacing_mm)
        return (float(x), float(y), float(z))
