"""What is in a file or a folder: its series, without reading pixels."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import SimpleITK
from PIL import Image

from engine.progress import Cancelled, NoProgress, Progress
from engine.scans import picture_reader, sitk_reader
from engine.scans.dicom_reader import DicomHeader, is_dicom, read_header, read_series
from engine.scans.limits import require_regular_file
from engine.scans.volume import ScanError, Volume


@dataclass(frozen=True, slots=True)
class FileProblem:
    """A file that was left out, and why."""

    path: Path
    reason: str


@dataclass(frozen=True, slots=True)
class SeriesEntry:
    """One series. path and series_uid : what `read_volume` takes. slices : files, or frames of one file."""

    path: Path
    series_uid: str
    study_uid: str
    modality: str
    description: str
    rows: int
    columns: int
    slices: int
    files: tuple[Path, ...]


@dataclass(frozen=True, slots=True)
class SeriesIndex:
    """The series under `root`, in the order of their paths."""

    root: Path
    series: tuple[SeriesEntry, ...]
    problems: tuple[FileProblem, ...]


def index_path(path: Path, progress: Progress | None = None) -> SeriesIndex:
    """List the series of a file or of a folder with all below it.

    A file that cannot be read becomes a `FileProblem`; the rest goes on. Raises `ScanError` only when `path`
    itself does not exist, `Cancelled` when the progress says so. Links that leave the folder are left out.
    """
    progress = progress or NoProgress()
    if not path.exists():
        raise ScanError(f"{path} does not exist")
    root = path.resolve()
    files = [path] if not path.is_dir() else sorted(p for p in path.rglob("*") if not p.is_dir())
    dicom: dict[tuple[Path, str], list[DicomHeader]] = defaultdict(list)
    entries: list[SeriesEntry] = []
    problems: list[FileProblem] = []
    for number, file in enumerate(files, start=1):
        if progress.cancelled():
            raise Cancelled
        try:
            if path.is_dir() and not file.resolve().is_relative_to(root):
                raise ScanError(f"{file} is a link out of the folder")
            require_regular_file(file)
            if _has_suffix(file, picture_reader.SUFFIXES) or _has_suffix(file, sitk_reader.SUFFIXES):
                entries.append(_plain_entry(file))
            elif is_dicom(file):
                header = read_header(file)
                dicom[(file.parent, header.series_uid)].append(header)
            else:
                raise ScanError(f"{file} is no scan format that is known here")
        except ScanError as error:
            problems.append(FileProblem(file, str(error)))
        except OSError as error:
            problems.append(FileProblem(file, f"cannot read {file}: {error.strerror}"))
        progress.report(number, len(files), "looking at files")
    for (folder, uid), headers in dicom.items():
        first = headers[0]
        entries.append(
            SeriesEntry(
                path=first.path if len(headers) == 1 else folder,
                series_uid=uid,
                study_uid=first.study_uid,
                modality=first.modality,
                description=first.description,
                rows=first.rows,
                columns=first.columns,
                slices=sum(h.frames for h in headers),
                files=tuple(h.path for h in headers),
            )
        )
    return SeriesIndex(path, tuple(sorted(entries, key=lambda e: (str(e.path), e.series_uid))), tuple(problems))


def read_volume(path: Path, series_uid: str = "", progress: Progress | None = None) -> Volume:
    """Read a scan: a DICOM file, a folder of one series, NIfTI, NRRD, MetaImage, or a picture.

    series_uid : picks one where a folder holds several. Raises `ScanError` that names the file and what is
    wrong with it, `Cancelled` when the progress says so.
    """
    if not path.exists():
        raise ScanError(f"{path} does not exist")
    if path.is_dir():
        return _read_folder(path, series_uid, progress)
    require_regular_file(path)
    if _has_suffix(path, picture_reader.SUFFIXES):
        return picture_reader.read_picture(path)
    if _has_suffix(path, sitk_reader.SUFFIXES):
        return sitk_reader.read_sitk(path)
    return read_series([read_header(path)], progress)


def _read_folder(path: Path, series_uid: str, progress: Progress | None) -> Volume:
    found = [e for e in index_path(path, progress).series if not series_uid or e.series_uid == series_uid]
    if not found:
        what = f"no series {series_uid}" if series_uid else "no scan that can be shown"
        raise ScanError(f"the folder {path} holds {what}")
    if len(found) > 1:
        names = ", ".join(str(entry.path.relative_to(path)) for entry in found[:5])
        raise ScanError(
            f"the folder {path} holds {len(found)} scans ({names} ...): name one of them; `medrega scan` lists them all"
        )
    entry = found[0]
    if len(entry.files) == 1:
        return read_volume(entry.files[0], "", progress)
    return read_series([read_header(file) for file in entry.files], progress)


def _has_suffix(path: Path, suffixes: tuple[str, ...]) -> bool:
    return path.name.lower().endswith(suffixes)


def _plain_entry(file: Path) -> SeriesEntry:
    """The entry of a format without patient headers, from its own header."""
    try:
        if _has_suffix(file, picture_reader.SUFFIXES):
            with Image.open(file) as image:
                columns, rows, slices = image.width, image.height, 1
        else:
            reader = SimpleITK.ImageFileReader()
            reader.SetFileName(str(file))
            reader.ReadImageInformation()
            size = (*reader.GetSize(), 1)
            columns, rows, slices = size[0], size[1], size[2]
    except (OSError, RuntimeError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise ScanError(f"cannot read {file}: {str(error).strip().splitlines()[-1][:200]}") from error
    return SeriesEntry(file, "", "", "OT", "", rows, columns, slices, (file,))
