"""Indexing: files and folders into the list of scans, only what has changed, in batches that can be cut off."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from engine.demo import prepare_demo
from engine.progress import Cancelled, Progress
from engine.scans import FileProblem, ScanError, SeriesEntry, SeriesIndex, index_files, index_path, is_archive
from engine.store import AnnotationStore, FileStamp, ListedScan

_BATCH_SECONDS = 0.5
_REPORT_SECONDS = 0.1
_FILES_AT_ONCE = 1000


@dataclass(frozen=True, slots=True)
class Indexed:
    """What indexing did. scans : ids on the list, old and new. files : looked at. skipped : had not changed."""

    scans: tuple[int, ...]
    problems: tuple[FileProblem, ...]
    files: int
    skipped: int


def index_into(
    store: AnnotationStore, paths: Sequence[Path], progress: Progress, kept: Callable[[], None] = lambda: None
) -> Indexed:
    """Put every scan of some files and folders on the list; files that have not changed are not read again.

    What was found is kept at least twice a second, and `kept` is called then. So the first scans are there while the
    rest is read, and an indexing that was cut off goes on where it was. Scans whose files are gone stay on the list
    as missing. Raises `Cancelled` when the progress says so, with what was found until then kept; `StoreError` when
    the database cannot write.
    """
    return _Indexing(store, progress, kept).run(paths)


def index_demo(store: AnnotationStore, folder: Path, progress: Progress) -> list[int]:
    """Put the demo's scans on top of the list, made in `folder` when they are not there; returns their ids.

    Raises `ScanError` when they cannot be made, `Cancelled` when the progress says so.
    """
    ids = []
    for item in prepare_demo(folder, progress):
        known = store.scans.find(item.path, "")
        if known is not None and known.rows and not known.missing:
            ids.append(known.id)
            continue
        # By its path alone, as the worklist has named it from the beginning.
        entry = max(index_path(item.path, progress).series, key=lambda one: len(one.files))
        entry = replace(entry, path=item.path, series_uid="")
        listed = ListedScan(entry, item.title_en, item.title_zh, item.start_slice, pinned=True)
        ids += store.scan_index.keep([listed], [stamp for stamp in map(_stamp, entry.files) if stamp is not None])
    return ids


class _Indexing:
    def __init__(self, store: AnnotationStore, progress: Progress, kept: Callable[[], None]) -> None:
        self._store = store
        self._outer = progress
        self._kept = kept
        self._scans: dict[int, None] = {}
        self._fresh: set[int] = set()
        self._problems: list[FileProblem] = []
        self._files = self._skipped = self._done = self._total = 0
        self._base = 0
        self._reported = 0.0
        self._flushed = time.monotonic()
        self._entries: list[SeriesEntry] = []
        self._stamps: list[FileStamp] = []
        self._unread: list[FileProblem] = []
        self._gone: list[Path] = []

    def run(self, paths: Sequence[Path]) -> Indexed:
        try:
            for path in paths:
                try:
                    absolute = Path(os.path.realpath(path))
                    if absolute.is_dir():
                        self._folder_tree(absolute)
                    else:
                        self._file(absolute)
                except ScanError as error:
                    self._problems.append(FileProblem(path, str(error)))
        finally:
            # Also when the person has had enough: what was read is not read again.
            self._flush()
        return Indexed(tuple(self._scans), tuple(self._problems), self._files, self._skipped)

    def report(self, done: int, total: int, what: str) -> None:
        """`Progress` for the functions that read headers: their count becomes part of ours."""
        now = time.monotonic()
        if now - self._reported >= _REPORT_SECONDS:
            self._reported = now
            self._outer.report(min(self._base + done, self._total), self._total, what)

    def cancelled(self) -> bool:
        return self._outer.cancelled()

    def _file(self, path: Path) -> None:
        stamp = _stamp(path)
        known = self._store.scan_index.stamps(path.parent)
        same = stamp is not None and known.get(path) == stamp
        # Without scans of its own it is read again: a DICOMDIR, or what could not be read and is to say why.
        if same and (ids := self._store.scan_index.list_again([path])):
            self._skipped += 1
            self._scans.update(dict.fromkeys(ids))
            return
        index = index_path(path, self)
        if is_archive(path):
            # Scans of an archive hang on it: what it is unpacked to is gone when the program ends.
            index = replace(index, series=tuple(replace(entry, files=(path,)) for entry in index.series))
        files = {path, *(file for entry in index.series for file in entry.files)}
        self._take(index, [one for one in map(_stamp, sorted(files)) if one is not None])

    def _folder_tree(self, root: Path) -> None:
        folders = []
        for one in _walk(root, self._problems):
            if self.cancelled():
                raise Cancelled
            folders.append(one)
        self._total += sum(len(files) for _, files in folders)
        for folder, files in folders:
            self._folder(root, folder, files)
        self._flush()
        self._store.scan_index.mark_unseen(root, [folder for folder, _ in folders])
        for together in self._store.scan_index.spread(root, self._fresh):
            stamps = [stamp for stamp in map(_stamp, sorted(together)) if stamp is not None]
            self._take(index_files(sorted(together), root, self), stamps)
            self._files -= len(stamps)
        self._flush()

    def _folder(self, root: Path, folder: Path, files: list[Path]) -> None:
        stamps = {stamp.path: stamp for stamp in map(_stamp, files) if stamp is not None}
        known = self._store.scan_index.stamps(folder)
        changed = [file for file in files if file in stamps and known.get(file) != stamps[file]]
        gone = set(known) - set(files)
        same = [file for file in files if file in known and file not in changed]
        self._skipped += len(same)
        if same:
            self._scans.update(dict.fromkeys(self._store.scan_index.list_again(same)))
        self._done += len(files) - len(changed)
        if gone and not changed:
            self._read(root, folder, [], gone, stamps)
        for start in range(0, len(changed), _FILES_AT_ONCE):
            if len(changed) > _FILES_AT_ONCE:
                self._flush()
            self._read(root, folder, changed[start : start + _FILES_AT_ONCE], gone, stamps)
            gone = set()
        self._base = self._done
        self.report(0, 0, "looking at files")

    def _read(
        self, root: Path, folder: Path, changed: list[Path], gone: set[Path], stamps: dict[Path, FileStamp]
    ) -> None:
        """Read new files, and those that they may form a stack with."""
        if self.cancelled():
            raise Cancelled
        self._base = self._done
        index = index_files(changed, root, self)
        uids = {entry.series_uid.partition("#")[0] for entry in index.series}
        together = self._store.scan_index.together_with(folder, {*changed, *gone}, uids)
        files = sorted((together & stamps.keys()) | set(changed))
        if files != sorted(changed):
            index = index_files(files, root, self)
        self._gone += gone
        self._take(index, [stamps[file] for file in files])
        self._done += len(changed)

    def _take(self, index: SeriesIndex, stamps: list[FileStamp]) -> None:
        self._files += len(stamps)
        self._entries += index.series
        self._unread += index.problems
        self._problems += index.problems
        self._stamps += stamps
        if time.monotonic() - self._flushed >= _BATCH_SECONDS:
            self._flush()

    def _flush(self) -> None:
        self._flushed = time.monotonic()
        if not (self._stamps or self._gone):
            return
        scans = [ListedScan(entry) for entry in self._entries]
        ids = self._store.scan_index.keep(scans, self._stamps, self._unread, self._gone)
        self._scans.update(dict.fromkeys(ids))
        self._fresh.update(ids)
        self._entries, self._stamps, self._unread, self._gone = [], [], [], []
        self._kept()


def _walk(root: Path, problems: list[FileProblem]) -> Iterator[tuple[Path, list[Path]]]:
    """Each folder with its files in order, without following links to folders."""

    def note(error: OSError) -> None:
        problems.append(FileProblem(Path(error.filename), f"cannot read {error.filename}: {error.strerror}"))

    for parent, folders, names in os.walk(root, onerror=note):
        folders.sort()
        yield Path(parent), [Path(parent) / name for name in sorted(names)]


def _stamp(path: Path) -> FileStamp | None:
    """None for a file that has gone while its folder was listed."""
    try:
        found = path.lstat()
    except OSError:
        return None
    return FileStamp(path, found.st_size, found.st_mtime_ns)
