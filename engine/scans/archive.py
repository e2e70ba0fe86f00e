"""Zip archives of scans: looked at before anything is unpacked, then unpacked to a private place.

The unpacked files hold patient data. They lie in a folder that only this user can enter and that is removed when
the program ends.
"""

from __future__ import annotations

import atexit
import re
import shutil
import stat
import tempfile
import threading
import zipfile
import zlib
from pathlib import Path

from engine.progress import Cancelled, NoProgress, Progress
from engine.scans.limits import MAX_COMPRESSION, require_regular_file
from engine.scans.volume import ScanError

MAX_MEMBERS = 100_000
MAX_UNPACKED = 8 << 30
"""Largest total that is unpacked, 8 GiB."""

_ENCRYPTED = 0x1
_PIECE = 1 << 20
_lock = threading.Lock()
_unpacked: dict[tuple[str, int, int], Path] = {}


def is_archive(path: Path) -> bool:
    """Whether the file is named like a zip archive; Office documents and the like are none."""
    return path.suffix.lower() == ".zip"


def unpacked(path: Path, progress: Progress | None = None) -> Path:
    """A folder with the members of a zip archive, under names made safe; the same one each time.

    Raises `ScanError` before unpacking when a member would lie outside, is encrypted or a link, or when numbers or
    sizes are beyond reason; `Cancelled` when the progress says so.
    """
    require_regular_file(path)
    facts = path.stat()
    key = (str(path.resolve()), facts.st_mtime_ns, facts.st_size)
    with _lock:
        if key in _unpacked and _unpacked[key].is_dir():
            return _unpacked[key]
        folder = Path(tempfile.mkdtemp(prefix="medrega-"))
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        try:
            _unpack(path, folder, progress or NoProgress())
        except (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError, ValueError, NotImplementedError) as e:
            shutil.rmtree(folder, ignore_errors=True)
            raise ScanError(f"cannot unpack {path}: {e}") from e
        except (ScanError, Cancelled):
            shutil.rmtree(folder, ignore_errors=True)
            raise
        _unpacked[key] = folder
        return folder


def _unpack(path: Path, folder: Path, progress: Progress) -> None:
    with zipfile.ZipFile(path) as archive:
        members = [member for member in archive.infolist() if not member.is_dir()]
        _require_harmless(path, members)
        left = MAX_UNPACKED
        for number, member in enumerate(members):
            if progress.cancelled():
                raise Cancelled
            target = folder / _safe_name(member.filename)
            target.parent.mkdir(parents=True, exist_ok=True)
            if target.exists():
                target = target.with_name(f"{number}-{target.name}")
            # The directory of an archive may lie about sizes: what comes out is counted too.
            room = min(left, member.file_size)
            with archive.open(member) as source, target.open("xb") as out:
                while piece := source.read(_PIECE):
                    room -= len(piece)
                    if room < 0:
                        raise ScanError(f"{path} unpacks to more than it says: it is broken or made to harm")
                    out.write(piece)
            left -= member.file_size
            progress.report(number + 1, len(members), "unpacking")


def _require_harmless(path: Path, members: list[zipfile.ZipInfo]) -> None:
    if len(members) > MAX_MEMBERS:
        raise ScanError(f"{path} holds {len(members):,} files, more than the {MAX_MEMBERS:,} that are unpacked")
    total = sum(member.file_size for member in members)
    if total > MAX_UNPACKED:
        raise ScanError(f"{path} would unpack to {total:,} bytes, more than the {MAX_UNPACKED:,} that are read")
    for member in members:
        parts = re.split(r"[\\/]", member.filename)
        if ".." in parts or parts[0] == "" or re.match("[A-Za-z]:", parts[0]):
            raise ScanError(f"{path} holds a file that would lie outside of it: it is broken or made to harm")
        if stat.S_ISLNK(member.external_attr >> 16):
            raise ScanError(f"{path} holds links instead of files: unpack it first")
        if member.flag_bits & _ENCRYPTED:
            raise ScanError(f"{path} is encrypted: unpack it with its password first")
        if member.file_size > max(_PIECE, MAX_COMPRESSION * member.compress_size):
            raise ScanError(f"{path} claims an impossible compression: it is broken or made to harm")


def _safe_name(name: str) -> Path:
    """The member's path with nothing in it but plain letters, digits and ``._-``; short enough for any system."""
    parts = [re.sub(r"[^A-Za-z0-9._-]", "_", part)[-100:] for part in re.split(r"[\\/]", name) if part not in ("", ".")]
    return Path(*parts[-20:]) if parts else Path("_")
