"""Folders for what is still being made, and what killed processes have left of such folders."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from engine.locks import BusyError, only_process

_LOCK_FILE = ".lock"
_DAY_S = 24 * 3600.0


@contextlib.contextmanager
def unfinished_folder(parent: Path, prefix: str) -> Iterator[Path]:
    """An empty folder in `parent` whose name begins with `prefix`, deleted at the end with what is still in it.

    Those that processes left there which have ended meanwhile, or that are a day old, are deleted first. The folder
    holds a lock file of its own. Raises `OSError`.
    """
    sweep(parent, prefix)
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix=prefix, dir=parent)))
        # Given back before the folder is deleted: Windows deletes no open file.
        stack.enter_context(only_process(folder / _LOCK_FILE, "an unfinished folder"))
        yield folder


def sweep(parent: Path, prefix: str) -> None:
    """Delete what is left of such folders. What cannot be deleted stays for the next time."""
    for folder in parent.glob(f"{prefix}*"):
        if folder.is_dir() and not folder.is_symlink() and _is_left(folder):
            shutil.rmtree(folder, ignore_errors=True)


def _is_left(folder: Path) -> bool:
    try:
        if time.time() - folder.stat().st_mtime > _DAY_S:
            return True
        if not (folder / _LOCK_FILE).is_file():
            # Made this moment, or by an older version: its age will tell.
            return False
        with only_process(folder / _LOCK_FILE, "an unfinished folder"):
            return True
    except (BusyError, OSError):
        return False
