"""The demo worklist: scans that come inside our dependencies, and one that is generated.

Nothing is downloaded and no third-party file is copied: pydicom's test images are opened where pip put them.
"""

from __future__ import annotations

import itertools
import json
from dataclasses import dataclass
from pathlib import Path

import platformdirs
import pydicom

from engine.phantom import write_phantom_series
from engine.phantom.series import GROUND_TRUTH_JSON, GROUND_TRUTH_NIFTI
from engine.progress import Progress
from engine.scans import ScanError

PHANTOM_SEED = 11
"""The demo patient: has a liver tumour, a liver cyst and a kidney cyst, and was never trained on."""

PHANTOM_START_SLICE = 24

_BUNDLED = (
    ("examples_overlay.dcm", "MR abdomen", "腹部MRI"),
    ("examples_rgb_color.dcm", "Ultrasound, power Doppler", "超声（能量多普勒）"),
    ("examples_ybr_color.dcm", "Ultrasound, 30 frames", "超声（30帧）"),
    ("JPEG2000.dcm", "Bone scan", "骨显像"),
    ("CT_small.dcm", "CT, small", "CT（小图）"),
    ("MR_small.dcm", "MR, small", "MRI（小图）"),
)


@dataclass(frozen=True, slots=True)
class DemoItem:
    """One scan of the demo worklist. start_slice : where to begin looking."""

    path: Path
    title_en: str
    title_zh: str
    start_slice: int = 0


def default_demo_folder() -> Path:
    """Where the generated series is kept between runs."""
    return platformdirs.user_data_path("medrega-desktop") / "demo"


def phantom_folder(folder: Path) -> Path:
    """The generated patient's folder inside a demo folder: ``dicom/`` and its ground truth."""
    return folder / f"phantom-{PHANTOM_SEED}"


def prepare_demo(folder: Path, progress: Progress | None = None) -> tuple[DemoItem, ...]:
    """The demo worklist; generates the phantom series into `folder` when it is not there whole.

    Raises `ScanError` when `folder` cannot be written, `Cancelled` when the progress says so.
    """
    phantom = phantom_folder(folder)
    if not _is_complete(phantom):
        _generate(phantom, progress)
    items = [
        DemoItem(
            phantom / "dicom",
            "CT abdomen, generated phantom",
            "腹部CT（生成的体模）",
            PHANTOM_START_SLICE,
        )
    ]
    # Not `pydicom.data.get_testdata_file`: it downloads what is missing.
    bundled = Path(pydicom.__file__).parent / "data" / "test_files"
    items += [DemoItem(bundled / name, en, zh) for name, en, zh in _BUNDLED if (bundled / name).is_file()]
    return tuple(items)


def _is_complete(phantom: Path) -> bool:
    """Whether every generated file is still there."""
    try:
        truth = json.loads((phantom / GROUND_TRUTH_JSON).read_text(encoding="utf-8"))
        slices = sum(1 for _ in (phantom / "dicom").glob("*.dcm"))
        return slices == len(truth["boxes"]) and (phantom / GROUND_TRUTH_NIFTI).is_file()
    except (OSError, ValueError, LookupError, TypeError):
        return False


def _generate(phantom: Path, progress: Progress | None) -> None:
    try:
        if phantom.exists():
            # Set aside, never deleted: somebody may have put something there.
            numbers = itertools.count(1)
            aside = (phantom.with_name(f"{phantom.name}-incomplete-{number}") for number in numbers)
            phantom.rename(next(path for path in aside if not path.exists()))
        # The generator makes the folder appear whole.
        write_phantom_series(phantom, PHANTOM_SEED, progress)
    except OSError as error:
        # Another window may have been faster.
        if not _is_complete(phantom):
            raise ScanError(f"cannot write the demo scan {phantom}: {error.strerror or error}") from error


__all__ = [
    "GROUND_TRUTH_JSON",
    "GROUND_TRUTH_NIFTI",
    "DemoItem",
    "default_demo_folder",
    "phantom_folder",
    "prepare_demo",
]
