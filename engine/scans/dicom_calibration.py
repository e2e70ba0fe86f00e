"""How large the pixels of a DICOM image are, where it has no place in the patient: what lengths are told in.

An ultrasound frame or an X-ray says its scale without saying where it lies.
"""

from __future__ import annotations

from dataclasses import dataclass

from pydicom.dataset import Dataset

from engine.scans.dicom_geometry import stored_pixel_spacing
from engine.scans.dicom_header import numbers

# PS3.3 C.8.5.5.1.1 (Region Spatial Format) and C.8.5.5.1.15 (Physical Units).
_FLAT, _M_MODE, _SPECTRAL = 1, 2, 3
_CENTIMETRES = 3
_SAME = 1e-6


@dataclass(frozen=True, slots=True)
class PixelSize:
    """spacing_mm : (x, y). is_known : in mm; else x is 1, and y is in proportion to it."""

    spacing_mm: tuple[float, float]
    is_known: bool


def pixel_size(dataset: Dataset) -> PixelSize:
    """From Pixel Spacing, the regions of an ultrasound image, or Pixel Aspect Ratio, in this order.

    A Pixel Spacing that only repeats Imager Pixel Spacing was measured at the detector, not in the patient (PS3.3
    10.7.1.3): lengths are not known then. The caller turns pydicom's errors into one `ScanError`.
    """
    spacing = stored_pixel_spacing(dataset)
    if spacing is not None:
        imager = numbers(dataset.get("ImagerPixelSpacing"), 2)
        at_detector = imager is not None and max(abs(imager[1] - spacing[0]), abs(imager[0] - spacing[1])) < _SAME
        if not at_detector or dataset.get("PixelSpacingCalibrationType"):
            return PixelSize(spacing, True)
        return PixelSize((1.0, spacing[1] / spacing[0]), False)
    region = _ultrasound_spacing(dataset)
    if region is not None:
        return PixelSize(region, True)
    # PS3.3 C.7.6.3.1.7: vertical size first.
    ratio = numbers(dataset.get("PixelAspectRatio"), 2)
    return PixelSize((1.0, ratio[0] / ratio[1] if ratio and min(ratio) > 0 else 1.0), False)


def _ultrasound_spacing(dataset: Dataset) -> tuple[float, float] | None:
    """(x, y) in mm of the two-dimensional regions, PS3.3 C.8.5.5.1; None unless they are all of one scale.

    None too beside an M-mode or a spectrum: their pixels are times and speeds, on the same picture.
    """
    found: set[tuple[float, float]] = set()
    for region in dataset.get("SequenceOfUltrasoundRegions") or []:
        kind = region.get("RegionSpatialFormat")
        if kind in (_M_MODE, _SPECTRAL):
            return None
        if kind != _FLAT:
            continue
        units = region.get("PhysicalUnitsXDirection"), region.get("PhysicalUnitsYDirection")
        steps = numbers([region.get("PhysicalDeltaX"), region.get("PhysicalDeltaY")], 2)
        # A step is negative where the scale runs the other way.
        if units != (_CENTIMETRES, _CENTIMETRES) or steps is None or 0 in steps:
            return None
        found.add((abs(steps[0]) * 10, abs(steps[1]) * 10))
    if not found:
        return None
    first = next(iter(found))
    is_one = all(abs(one[axis] - first[axis]) <= _SAME * first[axis] for one in found for axis in (0, 1))
    return first if is_one else None
