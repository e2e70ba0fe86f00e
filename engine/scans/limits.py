"""What is looked at before anything is allocated or waited for: a header may lie about everything."""

from __future__ import annotations

import stat
from pathlib import Path

from engine.scans.volume import ScanError

MAX_VOXELS = 2_000_000_000
"""Largest number of samples a volume may claim, 4 GB at 16 bits."""

MAX_COMPRESSION = 1100
"""Largest ratio that is believed. Deflate cannot pass 1032, JPEG 512; JPEG 2000 can on an empty image."""

_ALWAYS_BELIEVED = 64 * 2**20


def require_exists(path: Path) -> None:
    """Raise `ScanError` unless something is there and may be looked at."""
    try:
        path.stat()
    except FileNotFoundError as error:
        raise ScanError(f"{path} does not exist") from error
    except (OSError, ValueError) as error:
        raise ScanError(f"cannot read {path}: {error}") from error


def require_regular_file(path: Path) -> None:
    """Raise `ScanError` unless `path` is a readable plain file: devices and pipes can block for ever."""
    require_exists(path)
    if not stat.S_ISREG(path.stat().st_mode):
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


def require_plausible_compression(path: Path, stored: int, claimed: int) -> None:
    """Raise `ScanError` when few `stored` bytes claim to unpack to very many. Up to 64 MiB is always believed."""
    if claimed > _ALWAYS_BELIEVED and claimed > MAX_COMPRESSION * stored:
        raise ScanError(f"{path} claims that {stored:,} bytes unpack to {claimed:,}: it is broken or made to harm")
