"""How a DICOM file wants to be shown, and what it says about itself: windows, units, film speed, the study."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from pydicom.dataset import Dataset

from engine.scans.dicom_geometry import functional_group, pixel_spacing
from engine.scans.dicom_header import numbers, plain_text
from engine.scans.dicom_pixels import dose_scale
from engine.scans.voi import EXACT, LINEAR, VoiCurve, VoiShape
from engine.scans.volume import StudyFacts, Window, WindowPreset
from engine.scans.windows import DOSE

# Dose Units (3004,0002), PS3.3 C.8.8.3, as the SI writes them; a relative dose is a share of a reference.
_DOSE_UNITS = {"GY": "Gy", "RELATIVE": "relative"}
_SHAPES = {"LINEAR_EXACT": VoiShape.LINEAR_EXACT, "SIGMOID": VoiShape.SIGMOID}


@dataclass(frozen=True, slots=True)
class Display:
    """spacing_mm : (x, y). The rest is as in `Volume`."""

    spacing_mm: tuple[float, float]
    inverted: bool
    presets: tuple[WindowPreset, ...]
    curve: VoiCurve
    units: str
    body_part: str
    laterality: str
    photometric: str
    frame_of_reference_uid: str
    padding: tuple[float, float] | None
    frame_time_ms: float | None
    description: str


def read_display(dataset: Dataset, frame: int = 0) -> Display:
    """From a file's header, for one of its frames. The caller turns pydicom's errors into one `ScanError`."""
    anatomy = functional_group(dataset, frame, "FrameAnatomySequence") or Dataset()
    photometric = plain_text(dataset.get("PhotometricInterpretation"))
    presets, curve = _windows(dataset, frame)
    return Display(
        spacing_mm=pixel_spacing(dataset),
        inverted=photometric == "MONOCHROME1",
        presets=presets,
        curve=curve,
        units=_units(dataset, frame),
        body_part=plain_text(dataset.get("BodyPartExamined")) or _region(dataset, anatomy),
        laterality=plain_text(
            dataset.get("ImageLaterality") or dataset.get("Laterality") or anatomy.get("FrameLaterality")
        ),
        photometric=photometric,
        frame_of_reference_uid=plain_text(dataset.get("FrameOfReferenceUID")),
        padding=_padding(dataset),
        frame_time_ms=_frame_time(dataset),
        description=plain_text(dataset.get("SeriesDescription")),
    )


def read_facts(dataset: Dataset) -> StudyFacts:
    """What a study browser shows; see `StudyFacts` for how it must be treated."""
    number = numbers(dataset.get("SeriesNumber"), 1)
    return StudyFacts(
        patient_name=plain_text(dataset.get("PatientName")),
        patient_id=plain_text(dataset.get("PatientID")),
        birth_date=plain_text(dataset.get("PatientBirthDate")),
        sex=plain_text(dataset.get("PatientSex")),
        accession_number=plain_text(dataset.get("AccessionNumber")),
        study_date=plain_text(dataset.get("StudyDate")),
        study_time=plain_text(dataset.get("StudyTime")),
        study_description=plain_text(dataset.get("StudyDescription")),
        series_date=plain_text(dataset.get("SeriesDate")),
        series_number=int(number[0]) if number else None,
        institution=plain_text(dataset.get("InstitutionName")),
    )


def _windows(dataset: Dataset, frame: int) -> tuple[tuple[WindowPreset, ...], VoiCurve]:
    """The file's windows that make sense and their function, PS3.3 C.11.2; a VOI table where it has none."""
    for source in (dataset, functional_group(dataset, frame, "FrameVOILUTSequence")):
        if source is None:
            continue
        centers, widths, names = (
            _items(source.get(tag)) for tag in ("WindowCenter", "WindowWidth", "WindowCenterWidthExplanation")
        )
        presets = []
        for number, (center, width) in enumerate(zip(centers, widths, strict=False)):
            found = numbers([center, width], 2)
            if found and found[1] > 0:
                name = plain_text(names[number]) if number < len(names) else ""
                presets.append(WindowPreset(name, Window(*found)))
        if presets:
            shape = _SHAPES.get(plain_text(source.get("VOILUTFunction")))
            return tuple(presets), VoiCurve(shape) if shape else LINEAR
        table = _table(source)
        if table is not None:
            return table
    # Doses are fractions of a gray: the ramp of LINEAR is 1 narrower than its window, which would be most of it.
    return (), EXACT if plain_text(dataset.get("Modality")) == DOSE else LINEAR


def _table(source: Dataset) -> tuple[tuple[WindowPreset, ...], VoiCurve] | None:
    """The first VOI LUT of a file, PS3.3 C.11.2.1.1, as a curve over the window of the values it maps."""
    items = source.get("VOILUTSequence") or []
    if not items or not (descriptor := numbers(items[0].get("LUTDescriptor"), 3)):
        return None
    count, first, bits = (int(value) for value in descriptor)
    count = count or 65536
    if source.get("PixelRepresentation") == 1 and first >= 2**15:
        # Stored with the wrong of its two VRs, US or SS.
        first -= 2**16
    data = items[0].get("LUTData")
    if isinstance(data, bytes):
        order = "<" if source.original_encoding[1] is not False else ">"
        data = np.frombuffer(data[: len(data) // 2 * 2], f"{order}u2")
    entries = np.asarray(data if data is not None else [], np.float64).ravel()[:count]
    if not 0 < bits <= 16 or len(entries) != count or count < 2:
        return None
    # Some files claim fewer bits than their entries take.
    greys = entries / max(2**bits - 1, entries.max())
    window = Window(first + count / 2, count)
    return (WindowPreset(plain_text(items[0].get("LUTExplanation")), window),), VoiCurve(VoiShape.TABLE, greys)


def _units(dataset: Dataset, frame: int) -> str:
    if plain_text(dataset.get("Modality")) == DOSE:
        units = plain_text(dataset.get("DoseUnits"))
        return _DOSE_UNITS.get(units.upper(), units) if dose_scale(dataset) is not None else ""
    macro = functional_group(dataset, frame, "PixelValueTransformationSequence") or dataset
    units = plain_text(macro.get("RescaleType") or dataset.get("Units"))
    # US stands for unspecified. Hounsfield is what CT means when it says nothing (PS3.3 C.11.1.1.2).
    if units in ("", "US"):
        units = "HU" if plain_text(dataset.get("Modality")) == "CT" else ""
    return units


def _region(dataset: Dataset, anatomy: Dataset) -> str:
    for source in (dataset, anatomy):
        for item in source.get("AnatomicRegionSequence") or []:
            return plain_text(item.get("CodeMeaning"))
    return ""


def _padding(dataset: Dataset) -> tuple[float, float] | None:
    """Pixel Padding Value and its Range Limit (PS3.3 C.7.5.1.1.2) in modality values; None for a modality table."""
    value = numbers(dataset.get("PixelPaddingValue"), 1)
    if value is None or "ModalityLUTSequence" in dataset:
        return None
    limit = numbers(dataset.get("PixelPaddingRangeLimit"), 1) or value
    slope = numbers(dataset.get("RescaleSlope"), 1) or (1.0,)
    intercept = numbers(dataset.get("RescaleIntercept"), 1) or (0.0,)
    ends = [stored * slope[0] + intercept[0] for stored in (value[0], limit[0])]
    return min(ends), max(ends)


def _frame_time(dataset: Dataset) -> float | None:
    """PS3.3 C.7.6.5: Frame Time, the mean of Frame Time Vector, or one over Cine Rate."""
    if dataset.get("NumberOfFrames") in (None, 1):
        return None
    time = numbers(dataset.get("FrameTime"), 1)
    if time and time[0] > 0:
        return time[0]
    vector = [float(one) for one in _items(dataset.get("FrameTimeVector"))[1:]]
    if vector and sum(vector) > 0:
        return sum(vector) / len(vector)
    for name in ("CineRate", "RecommendedDisplayFrameRate"):
        rate = numbers(dataset.get(name), 1)
        if rate and rate[0] > 0:
            return 1000 / rate[0]
    return None


def _items(value: Any) -> list[Any]:
    if value is None or value == "":
        return []
    return [value] if isinstance(value, (str, int, float)) or not isinstance(value, Iterable) else list(value)
