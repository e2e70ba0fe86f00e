"""What is looked at before anything is allocated: a header may lie about everything."""

from __future__ import annotations

import stat
from pathlib import Path

from engine.scans.volume import ScanError

MAX_VOXELS = 2_000_000_000
"""Largest number of samples a volume may claim, 4 GB at 16 bits."""


def require_regular_file(path: Path) -> None:
    """Raise `ScanError` unless `path` is a readable plain file: devices and pipes can block for ever."""
    try:
        mode = path.stat().st_mode
    except OSError as error:
        raise ScanError(f"cannot read {path}: {error.strerror}") from error
    if not stat.S_ISREG(mode):
        raise ScanError(f"{path} is not a file: give a scan file or a folder that holds one")


def require_sane_size(path: Path, *extents: int) -> None:
    """Raise `ScanError` when the product of `extents` is not positive or beyond `MAX_VOXELS`."""
    total = 1
    for extent in extents:
        if extent <= 0:
            raise ScanError(f"{path} claims the impossible size {' x '.join(map(str, extents))}")
        total *= extent
    if total > MAX_VOXELS:
        raise ScanError(f"{path} claims {total:,} samples, more than the {MAX_VOXELS:,} that are read")
