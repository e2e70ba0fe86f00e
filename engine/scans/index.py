"""What is in a file or a folder: its series, without reading pixels."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from engine.progress import Cancelled, NoProgress, Progress
from engine.scans import picture_reader, sitk_reader
from engine.scans.dicom_geometry import group_by_kind
from engine.scans.dicom_header import DicomHeader, is_dicom, read_facts, read_header
from engine.scans.dicom_reader import read_series
from engine.scans.limits import require_exists, require_regular_file
from engine.scans.volume import ScanError, StudyFacts, Volume


@dataclass(frozen=True, slots=True)
class FileProblem:
    """A file that was left out, and why."""

    path: Path
    reason: str


@dataclass(frozen=True, slots=True)
class SeriesEntry:
    """One series. path and series_uid : what `read_volume` takes. slices : files, or frames of one file.

    facts : see `StudyFacts` for how they must be treated.
    """

    path: Path
    series_uid: str
    study_uid: str
    modality: str
    description: str
    rows: int
    columns: int
    slices: int
    files: tuple[Path, ...]
    facts: StudyFacts = field(default_factory=StudyFacts)


@dataclass(frozen=True, slots=True)
class SeriesIndex:
    """The series under `root`, in the order of their paths."""

    root: Path
    series: tuple[SeriesEntry, ...]
    problems: tuple[FileProblem, ...]


@dataclass(frozen=True, slots=True)
class _Found:
    """A listed series with its headers; none for formats other than DICOM."""

    entry: SeriesEntry
    headers: tuple[DicomHeader, ...]


def index_path(path: Path, progress: Progress | None = None) -> SeriesIndex:
    """List the series of a file or of a folder with all below it, from headers alone.

    Files of one series that form no stack together (scouts, localizers, files of several frames) are listed one
    by one. A file that cannot be read becomes a `FileProblem`; the rest goes on. Links that leave the folder are
    left out. Raises `ScanError` only when `path` itself cannot be read, `Cancelled` when the progress says so.
    """
    require_exists(path)
    found, problems = _look(path, progress or NoProgress(), deep=True)
    return _indexed(path, found, problems)


def index_files(files: Sequence[Path], root: Path, progress: Progress | None = None) -> SeriesIndex:
    """List the series that some files under the folder `root` make, as `index_path` does for all of them.

    What an index that is kept up to date asks for the files that are new. Raises `Cancelled` when the progress says
    so.
    """
    found, problems = _look_at_files(files, root, progress or NoProgress())
    return _indexed(root, found, problems)


def _indexed(root: Path, found: list[_Found], problems: list[FileProblem]) -> SeriesIndex:
    """With the facts of each series, which are read once a series, not once a file."""
    entries = []
    for one in found:
        entry = one.entry
        if one.headers:
            try:
                entry = replace(entry, facts=read_facts(one.headers[0].path))
            except ScanError as error:
                # Its pixels can be shown all the same.
                problems.append(FileProblem(one.headers[0].path, str(error)))
        entries.append(entry)
    return SeriesIndex(root, tuple(entries), tuple(problems))


def read_volume(path: Path, series_uid: str = "", progress: Progress | None = None) -> Volume:
    """Read a scan: a DICOM file, a folder of one series, NIfTI, NRRD, MetaImage, or a picture.

    series_uid : picks one where a folder holds several. A DICOM file is read alone, even if it belongs to a
    series. Raises `ScanError` that names the file and what is wrong with it, `Cancelled` when the progress says
    so.
    """
    require_exists(path)
    if path.is_dir():
        return _read_folder(path, series_uid, progress or NoProgress())
    require_regular_file(path)
    if _has_suffix(path, picture_reader.SUFFIXES):
        return picture_reader.read_picture(path)
    if _has_suffix(path, sitk_reader.SUFFIXES):
        return sitk_reader.read_sitk(path)
    return read_series([read_header(path)], progress)


def _read_folder(path: Path, series_uid: str, progress: Progress) -> Volume:
    found: list[_Found] = []
    # A series is asked for by the folder that it lies in: what is below is looked at only when it is not there.
    for deep in (False, True) if series_uid else (True,):
        found, _ = _look(path, progress, deep=deep)
        if series_uid:
            found = [one for one in found if one.entry.series_uid == series_uid]
            # The stack itself, not the scouts that share its UID.
            found = [one for one in found if len(one.headers) > 1] or found
        if found:
            break
    if not found:
        what = f"no series {series_uid}" if series_uid else "no scan that can be shown"
        raise ScanError(f"the folder {path} holds {what}")
    if len(found) > 1:
        names = "; ".join(_summary(one.entry) for one in found[:5]) + ("; ..." if len(found) > 5 else "")
        raise ScanError(f"the folder {path} holds {len(found)} scans: name one of them by file or series UID: {names}")
    if not found[0].headers:
        return read_volume(found[0].entry.path)
    return read_series(found[0].headers, progress)


def _summary(entry: SeriesEntry) -> str:
    size = f"{entry.modality} {entry.columns} x {entry.rows} x {entry.slices}"
    return f"{size} {entry.series_uid or entry.path.name}"


def _look(path: Path, progress: Progress, *, deep: bool) -> tuple[list[_Found], list[FileProblem]]:
    """What is in a file or folder, in the order of paths, and what was left out."""
    unread: list[FileProblem] = []
    files = list(_walk(path, unread, deep)) if path.is_dir() else [path]
    found, problems = _look_at_files(files, path if path.is_dir() else None, progress)
    return found, unread + problems


def _look_at_files(
    files: Sequence[Path], folder: Path | None, progress: Progress
) -> tuple[list[_Found], list[FileProblem]]:
    """What the files make together; those that are links out of `folder`, where one is given, are left out."""
    found: list[_Found] = []
    dicom: dict[tuple[Path, str], list[DicomHeader]] = defaultdict(list)
    problems: list[FileProblem] = []
    root = None if folder is None else os.path.realpath(folder)
    for number, file in enumerate(files, start=1):
        if progress.cancelled():
            raise Cancelled
        try:
            if root is not None and not Path(os.path.realpath(file)).is_relative_to(root):
                raise ScanError(f"{file} is a link out of the folder")
            header = _look_at(file, found)
            if header is not None:
                dicom[(file.parent, header.series_uid)].append(header)
        except ScanError as error:
            problems.append(FileProblem(file, str(error)))
        except OSError as error:
            problems.append(FileProblem(file, f"cannot read {file}: {error.strerror}"))
        progress.report(number, len(files), "looking at files")
    for headers in dicom.values():
        found += _dicom_entries(headers)
    return sorted(found, key=lambda one: (str(one.entry.path), one.entry.series_uid)), problems


def _walk(folder: Path, problems: list[FileProblem], deep: bool) -> Iterator[Path]:
    """Its files in order, without following links to folders."""

    def note(error: OSError) -> None:
        problems.append(FileProblem(Path(error.filename), f"cannot read {error.filename}: {error.strerror}"))

    for parent, folders, names in os.walk(folder, onerror=note):
        folders.sort()
        yield from (Path(parent) / name for name in sorted(names))
        if not deep:
            return


def _look_at(file: Path, found: list[_Found]) -> DicomHeader | None:
    """Add the entry of a file that stands alone, or return the header of a DICOM file."""
    require_regular_file(file)
    if _has_suffix(file, picture_reader.SUFFIXES):
        size = picture_reader.picture_size(file)
    elif _has_suffix(file, sitk_reader.SUFFIXES):
        if file.suffix.lower() == ".img" and file.with_suffix(".hdr").exists():
            return None  # Listed by its header.
        size = sitk_reader.volume_size(file)
    elif is_dicom(file):
        return read_header(file)
    else:
        raise ScanError(f"{file} is no scan format that is known here")
    columns, rows, slices = size
    found.append(_Found(SeriesEntry(file, "", "", "OT", "", rows, columns, slices, (file,)), ()))
    return None


def _dicom_entries(headers: list[DicomHeader]) -> list[_Found]:
    """One entry for most files of a series in one folder, single ones for those that do not go with them."""
    kinds = sorted(group_by_kind(headers), key=len, reverse=True)
    main = kinds[0] if 2 * len(kinds[0]) > len(headers) and kinds[0][0].frames == 1 else []
    entries = [_dicom_entry(main)] if main else []
    in_main = {id(one) for one in main}
    return entries + [_dicom_entry([one]) for one in headers if id(one) not in in_main]


def _dicom_entry(headers: list[DicomHeader]) -> _Found:
    first = headers[0]
    entry = SeriesEntry(
        path=first.path if len(headers) == 1 else first.path.parent,
        series_uid=first.series_uid,
        study_uid=first.study_uid,
        modality=first.modality,
        description=first.description,
        rows=first.rows,
        columns=first.columns,
        slices=sum(header.frames for header in headers),
        files=tuple(header.path for header in headers),
    )
    return _Found(entry, tuple(headers))


def _has_suffix(path: Path, suffixes: tuple[str, ...]) -> bool:
    return path.name.lower().endswith(suffixes)
