"""The demo worklist: scans that come inside our dependencies, and one that is generated.

Nothing is downloaded and no third-party file is copied: pydicom's test images are opened where pip put them.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import platformdirs
import pydicom

from engine.phantom import write_phantom_series
from engine.phantom.series import GROUND_TRUTH_JSON, GROUND_TRUTH_NIFTI
from engine.progress import Progress

PHANTOM_SEED = 11
"""The demo patient: has a liver tumour, a liver cyst and a kidney cyst, and was never trained on."""

PHANTOM_START_SLICE = 24

_BUNDLED = (
    ("693_J2KI.dcm", "CT head (JPEG 2000)", "头部CT（JPEG 2000）"),
    ("CT_small.dcm", "CT, small", "CT（小图）"),
    ("examples_overlay.dcm", "MR with overlay", "MRI（带叠加层）"),
    ("MR_small.dcm", "MR, small", "MRI（小图）"),
    ("examples_rgb_color.dcm", "Ultrasound, RGB", "超声（RGB彩色）"),
    ("examples_ybr_color.dcm", "Ultrasound, 30 frames", "超声（30帧）"),
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
    """The demo worklist; generates the phantom series into `folder` when it is not there yet.

    Raises `Cancelled` when the progress says so.
    """
    phantom = phantom_folder(folder)
    # The generator makes the folder appear whole, so that its presence is enough.
    if not phantom.exists():
        write_phantom_series(phantom, PHANTOM_SEED, progress)
    items = [
        DemoItem(
            phantom / "dicom",
            "CT abdomen, generated phantom",
            "腹部CT（生成的体模）",
            PHANTOM_START_SLICE,
        )
    ]
    bundled = Path(pydicom.__file__).parent / "data" / "test_files"
    items += [DemoItem(bundled / name, en, zh) for name, en, zh in _BUNDLED if (bundled / name).is_file()]
    return tuple(items)


__all__ = [
    "GROUND_TRUTH_JSON",
    "GROUND_TRUTH_NIFTI",
    "DemoItem",
    "default_demo_folder",
    "phantom_folder",
    "prepare_demo",
]
