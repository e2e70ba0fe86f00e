"""What is in a file, folder or archive: its series, from headers; of NIfTI and the like from one slice too."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from engine.progress import Cancelled, NoProgress, Progress
from engine.scans import picture_reader, sitk_reader, slide_tiff
from engine.scans.archive import is_archive, unpacked
from engine.scans.dicom_display import read_display, read_facts
from engine.scans.dicom_frames import plan_file, with_frame_place
from engine.scans.dicom_header import DicomHeader, dicom_edge, is_dicom, read_header, read_headers_only
from engine.scans.dicom_stacks import StackPlan, plan_files
from engine.scans.dicomdir import is_dicomdir, referenced_files
from engine.scans.limits import require_exists, require_regular_file
from engine.scans.notes import ScanNote
from engine.scans.slide import SlideArea, split_area
from engine.scans.slide_dicom import DicomSlide, is_pyramid_file
from engine.scans.slide_reader import overview_shape, read_slide
from engine.scans.volume import NO_FACTS, ScanError, StudyFacts, Volume

# Of these only a library under the LGPL reads all.
_WHOLE_SLIDES = (".mrxs", ".vms", ".vmu", ".bif", ".czi", ".isyntax")


@dataclass(frozen=True, slots=True)
class FileProblem:
    """A file that was left out, and why."""

    path: Path
    reason: str


@dataclass(frozen=True, slots=True)
class SeriesEntry:
    """One scan: a series, or one of the stacks that it falls into.

    path, series_uid : what `read_volume` takes. series_uid is the series instance UID; behind a ``#`` stands which
    stack it is, or which file of an archive, where the UID alone would not tell, and which area of a whole slide, such
    as ``L0@10240,8192,2048,2048`` (level, first pixel and size in pixels of that level); a slide is listed once, as an
    overview. slices : with the missing ones.
    notes : what a person should know before opening it. facts : see `StudyFacts` for how they must be treated.
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
    body_part: str = ""
    notes: tuple[ScanNote, ...] = ()
    facts: StudyFacts = NO_FACTS

    @property
    def series_instance_uid(self) -> str:
        """The DICOM series instance UID, "" where the format has none."""
        return self.series_uid.partition("#")[0]


@dataclass(frozen=True, slots=True)
class SeriesIndex:
    """The scans under `root`, in the order of their paths."""

    root: Path
    series: tuple[SeriesEntry, ...]
    problems: tuple[FileProblem, ...]


@dataclass(frozen=True, slots=True)
class Found:
    """A listed scan and how its slices are read; None for slides, and for formats other than DICOM, in `file`.

    slide : a DICOM slide. area : what of a slide is wanted, None for all of it.
    """

    entry: SeriesEntry
    plan: StackPlan | None
    file: Path
    slide: DicomSlide | None = None
    area: SlideArea | None = None


def index_path(path: Path, progress: Progress | None = None) -> SeriesIndex:
    """List the scans of a file, a folder with all below it, a DICOMDIR or a zip archive, from headers alone.

    Images of one series that form no stack together (scouts, other orientations, time points, files of several
    frames) are listed one by one, with notes that say so. A file that cannot be read becomes a `FileProblem`; the
    rest goes on. Links that leave the folder are left out. Raises `ScanError` only when `path` itself cannot be
    read, `Cancelled` when the progress says so.
    """
    require_exists(path)
    return _indexed(path, *_look(path, progress or NoProgress()))


def index_files(
    files: Sequence[Path],
    root: Path,
    progress: Progress | None = None,
    headers: dict[Path, DicomHeader] | None = None,
) -> SeriesIndex:
    """List the scans that some files under the folder `root` make, as `index_path` does for all of them.

    What an index that is kept up to date asks for the files that are new. headers : of DICOM files that were read
    before and are not read again; those that are read now join them. Raises `Cancelled` when the progress says so.
    """
    return _indexed(root, *_look_at_files(files, root, progress or NoProgress(), [], headers))


def _indexed(root: Path, found: list[Found], problems: list[FileProblem]) -> SeriesIndex:
    described = []
    for one in found:
        try:
            described.append(_described(one))
        except ScanError as error:
            problems.append(FileProblem(one.file, str(error)))
    return SeriesIndex(root, tuple(described), tuple(problems))


def find_scan(path: Path, series_uid: str, progress: Progress) -> Found:
    """The scan that `read_volume` is asked for; see there."""
    require_exists(path)
    series_uid, area = split_area(series_uid)
    found = _find(path, series_uid, progress)
    return found if area is None else replace(found, area=area)


def find_listed(entry: SeriesEntry, progress: Progress) -> Found:
    """`find_scan` of a scan that was listed, from its own files alone: a folder may hold thousands of others."""
    if entry.path.is_dir():
        found, _ = _look_at_files(entry.files, entry.path, progress, [])
        if len(found) == 1:
            # By themselves they are the first stack of their series.
            own = replace(found[0].entry, path=entry.path, series_uid=entry.series_uid)
            return replace(found[0], entry=own)
    return find_scan(entry.path, entry.series_uid, progress)


def _find(path: Path, series_uid: str, progress: Progress) -> Found:
    if not (path.is_dir() or is_archive(path) or is_dicomdir(path)):
        return _find_in_file(path, series_uid)
    found, problems = _look(path, progress)
    if series_uid:
        # The stack itself before the scouts that share its UID.
        found = sorted((one for one in found if one.entry.series_uid == series_uid), key=_size, reverse=True)
    else:
        found = sorted(found, key=_size, reverse=True)
    if not found:
        what = f"no series {series_uid}" if series_uid else "no scan that can be shown"
        reason = f": {problems[0].reason}" if problems and not series_uid else ""
        raise ScanError(f"the folder {path} holds {what}{reason}")
    if not series_uid and len({one.entry.series_instance_uid or one.file for one in found}) > 1:
        names = "; ".join(_summary(one.entry) for one in found[:5]) + ("; ..." if len(found) > 5 else "")
        raise ScanError(f"the folder {path} holds {len(found)} scans: name one of them by file or series UID: {names}")
    return found[0]


def read_found(found: Found, progress: Progress) -> Volume:
    """A slide, or a scan of a format other than DICOM. Raises `ScanError` naming the file, `Cancelled`."""
    uid, path = found.entry.series_uid, found.entry.path
    if found.slide is not None:
        return read_slide(found.slide, found.area, uid, path, progress)
    if slide_tiff.is_slide(found.file):
        with slide_tiff.open_tiff(found.file) as slide:
            return read_slide(slide, found.area, uid, path, progress)
    require_no_area(found)
    is_picture = _has_suffix(found.file, picture_reader.SUFFIXES)
    volume = picture_reader.read_picture(found.file) if is_picture else sitk_reader.read_sitk(found.file)
    return replace(volume, source=found.entry.path, series_uid=found.entry.series_uid)


def require_no_area(found: Found) -> None:
    """Raise `ScanError` when an area is wanted of what is no slide."""
    if found.area is not None:
        raise ScanError(f"{found.file} is no whole slide: it has no area {found.area}")


def _size(found: Found) -> int:
    if found.slide is not None:
        # Before its label, which shares the UID.
        return len(found.slide.files) + 1
    return 0 if found.plan is None else sum(one is not None for one in found.plan.slices)


def _find_in_file(path: Path, series_uid: str) -> Found:
    require_regular_file(path)
    if _has_suffix(path, (*picture_reader.SUFFIXES, *sitk_reader.SUFFIXES, *slide_tiff.SCANNER_SUFFIXES)):
        return Found(SeriesEntry(path, "", "", "OT", "", 0, 0, 0, (path,)), None, path)
    if _has_suffix(path, _WHOLE_SLIDES):
        raise ScanError(_whole_slide(path))
    if not is_dicom(path):
        raise ScanError(f"{path} is no scan format that is known here")
    header = with_frame_place(read_header(path))
    if is_pyramid_file(header):
        # Its areas can be read, even where it is one level of many and too large for an overview.
        return _slide_found(DicomSlide([header]), [header], 0, 0)
    found = _file_entries(header)
    number = series_uid.rpartition("#")[2] if "#" in series_uid else ""
    # A file that has only one is read whatever number it has among the files of its series.
    return next((one for one in found if number and one.entry.series_uid.endswith(f"#{number}")), found[0])


def _summary(entry: SeriesEntry) -> str:
    size = f"{entry.modality} {entry.columns} x {entry.rows} x {entry.slices}"
    return f"{size} {entry.series_uid or entry.path.name}"


def _look(path: Path, progress: Progress) -> tuple[list[Found], list[FileProblem]]:
    """What is in a file, folder or archive, in the order of paths, and what was left out."""
    if path.is_file() and is_archive(path):
        folder = unpacked(path, progress)
        found, problems = _look(folder, progress)
        reasons = [(one.path, one.reason.replace(str(folder), str(path))) for one in problems]
        return _of_archive(path, folder, found), [FileProblem(path, reason) for _, reason in reasons]
    problems = []
    files = _files_of(path, problems)
    return _look_at_files(files, path, progress, problems)


def _look_at_files(
    files: Sequence[Path],
    path: Path,
    progress: Progress,
    problems: list[FileProblem],
    headers: dict[Path, DicomHeader] | None = None,
) -> tuple[list[Found], list[FileProblem]]:
    """What the files make together; where `path` is a folder, links out of it are left out."""
    found: list[Found] = []
    known = {} if headers is None else headers
    dicom: dict[str, dict[Path, list[DicomHeader]]] = defaultdict(lambda: defaultdict(list))
    root = os.path.realpath(path)
    for number, file in enumerate(files, start=1):
        if progress.cancelled():
            raise Cancelled
        try:
            if path.is_dir() and not Path(os.path.realpath(file)).is_relative_to(root):
                raise ScanError(f"{file} is a link out of the folder")
            header = known.get(file)
            if header is None and not is_dicomdir(file):
                header = _look_at(file, found, alone=file == path)
            if header is not None:
                if headers is not None:
                    headers[file] = header
                dicom[header.series_uid][file.parent].append(header)
        except ScanError as error:
            problems.append(FileProblem(file, str(error)))
        except OSError as error:
            problems.append(FileProblem(file, f"cannot read {file}: {error.strerror}"))
        progress.report(number, len(files), "looking at files")
    for folders in dicom.values():
        for together in _merged(folders):
            found += _dicom_entries(together, problems)
    return sorted(found, key=lambda one: (str(one.entry.path), one.entry.series_uid)), problems


def _files_of(path: Path, problems: list[FileProblem]) -> list[Path]:
    if path.is_dir():
        return list(_walk(path, problems))
    return referenced_files(path) if is_dicomdir(path) else [path]


def _merged(folders: dict[Path, list[DicomHeader]]) -> list[list[DicomHeader]]:
    """A series that is spread over folders is one; copies of it in several folders stay apart."""
    uids = [{header.sop_instance_uid for header in headers} for headers in folders.values()]
    together: set[str] = set().union(*uids)
    spread = len(together) == sum(map(len, uids)) and "" not in together
    has_uid = bool(next(iter(folders.values()))[0].series_uid)
    if spread and has_uid:
        return [[header for headers in folders.values() for header in headers]]
    return list(folders.values())


def _of_archive(path: Path, folder: Path, found: list[Found]) -> list[Found]:
    """Entries that name the archive instead of the unpacked files, each with a key of its own."""
    keys = [one.entry.series_uid for one in found]
    renamed = []
    for one in found:
        key = one.entry.series_uid
        if not key or (keys.count(key) > 1 and one.entry.path != folder):
            place = one.file if one.plan is None or len(one.plan.files) == 1 else one.entry.path
            key = f"{key}#{place.relative_to(folder).as_posix()}"
        renamed.append(replace(one, entry=replace(one.entry, path=path, series_uid=key)))
    return renamed


def _walk(folder: Path, problems: list[FileProblem]) -> Iterator[Path]:
    """Its files in order, without following links to folders."""

    def note(error: OSError) -> None:
        problems.append(FileProblem(Path(error.filename), f"cannot read {error.filename}: {error.strerror}"))

    for parent, folders, names in os.walk(folder, onerror=note):
        folders.sort()
        yield from (Path(parent) / name for name in sorted(names))


def _look_at(file: Path, found: list[Found], *, alone: bool) -> DicomHeader | None:
    """Add the entry of a file that stands alone, or return the header of a DICOM file."""
    require_regular_file(file)
    notes: tuple[ScanNote, ...] = ()
    modality = "OT"
    if slide_tiff.is_slide(file):
        with slide_tiff.open_tiff(file) as slide:
            rows, columns = overview_shape(file, slide.facts.levels)
        size, modality = (columns, rows, 1), slide.facts.modality
    elif _has_suffix(file, picture_reader.SUFFIXES):
        size = picture_reader.picture_size(file)
    elif _has_suffix(file, sitk_reader.SUFFIXES):
        if file.suffix.lower() == ".img" and file.with_suffix(".hdr").exists():
            return None  # Listed by its header.
        size, modality, notes = sitk_reader.volume_facts(file)
    elif is_archive(file) and not alone:
        raise ScanError(f"{file} is an archive inside a folder: open it by itself")
    elif _has_suffix(file, _WHOLE_SLIDES):
        raise ScanError(_whole_slide(file))
    elif is_dicom(file):
        return with_frame_place(read_header(file))
    else:
        raise ScanError(f"{file} is no scan format that is known here")
    columns, rows, slices = size
    entry = SeriesEntry(file, "", "", modality, "", rows, columns, slices, (file,), notes=notes)
    found.append(Found(entry, None, file))
    return None


def _dicom_entries(headers: list[DicomHeader], problems: list[FileProblem]) -> list[Found]:
    """The stacks of one series. Files of several frames are each taken by themselves."""
    found: list[Found] = []
    slides = [header for header in headers if is_pyramid_file(header)]
    headers = [header for header in headers if header not in slides]
    # What has no series UID is no series.
    for levels in [slides] if slides and slides[0].series_uid else [[one] for one in slides]:
        try:
            found.append(_slide_entry(levels))
        except ScanError as error:
            problems.append(FileProblem(levels[0].path, str(error)))
    single = [header for header in headers if header.frames == 1]
    for plan in plan_files(single) if single else []:
        files = plan.files
        path = files[0] if len(files) == 1 else Path(os.path.commonpath([file.parent for file in files]))
        # A lone file is read by its own name; a slide's label and macro photograph come behind the slide.
        number = plan.number + bool(slides) if len(files) > 1 else 1
        found.append(_entry(path, plan, number))
    for header in headers:
        if header.frames > 1:
            try:
                found += _file_entries(header)
            except ScanError as error:
                problems.append(FileProblem(header.path, str(error)))
    return found


def _slide_entry(headers: list[DicomHeader]) -> Found:
    slide = DicomSlide(headers)
    rows, columns = overview_shape(slide.path, slide.facts.levels)
    return _slide_found(slide, headers, rows, columns)


def _slide_found(slide: DicomSlide, headers: list[DicomHeader], rows: int, columns: int) -> Found:
    facts, files = slide.facts, slide.files
    path = files[0] if len(headers) == 1 else Path(os.path.commonpath([one.path.parent for one in headers]))
    entry = SeriesEntry(
        path=path,
        series_uid=headers[0].series_uid,
        study_uid=facts.study_uid,
        modality=facts.modality,
        description=facts.description,
        rows=rows,
        columns=columns,
        slices=1,
        files=tuple(one.path for one in headers),
        body_part=facts.body_part,
        facts=facts.facts,
    )
    return Found(entry, None, files[0], slide)


def _file_entries(header: DicomHeader) -> list[Found]:
    if header.frames == 1:
        return [_entry(header.path, plan_files([header])[0], 1)]
    plans = plan_file(header, read_headers_only(header.path))
    return [_entry(header.path, plan, plan.number) for plan in plans]


def _entry(path: Path, plan: StackPlan, number: int) -> Found:
    first = plan.header
    entry = SeriesEntry(
        path=path,
        series_uid=first.series_uid if number == 1 else f"{first.series_uid}#{number}",
        study_uid=first.study_uid,
        modality=first.modality,
        description="",
        rows=first.rows,
        columns=first.columns,
        slices=len(plan.slices),
        files=plan.files,
        notes=plan.notes,
    )
    return Found(entry, plan, first.path)


def _described(found: Found) -> SeriesEntry:
    """The entry with what the first file says about the study: read once a scan, not once a file."""
    if found.plan is None:
        return found.entry
    path = found.plan.header.path
    with dicom_edge(path, "read the DICOM header of"):
        dataset = read_headers_only(path)
        display, facts = read_display(dataset), read_facts(dataset)
    return replace(found.entry, description=display.description, body_part=display.body_part, facts=facts)


def _whole_slide(path: Path) -> str:
    return f"{path} is a whole-slide image of a format that is not read here: export it as OME-TIFF, SVS or DICOM"


def _has_suffix(path: Path, suffixes: tuple[str, ...]) -> bool:
    return path.name.lower().endswith(suffixes)
