"""`medrega bench scan`: opening, reading and listing series, against SimpleITK's reader of the same files."""

from __future__ import annotations

import multiprocessing
import tempfile
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path

import SimpleITK
from pydicom.uid import UID, ExplicitVRLittleEndian, JPEG2000Lossless, JPEGLSLossless

from engine.bench.frame import RUNS, BenchReport, Row, medians_in_turn, row
from engine.progress import NoProgress, Progress
from engine.scans import SliceRenderer, VolumeLoader, index_path, read_volume

_PEER = "SimpleITK ImageSeriesReader"
_FILES, _SIZE = 300, 512
_SMALL_FILES, _SMALL_SIZE = 10_000, 16
_ENCODINGS: tuple[tuple[str, UID, float], ...] = (
    ("uncompressed", ExplicitVRLittleEndian, 1.0),
    ("JPEG-LS", JPEGLSLossless, 1.5),
    ("JPEG 2000", JPEG2000Lossless, 1.5),
)


def bench_scan(
    progress: Progress | None = None,
    *,
    files: int = _FILES,
    size: int = _SIZE,
    small_files: int = _SMALL_FILES,
    runs: int = RUNS,
) -> BenchReport:
    """Generate the series in a temporary folder and measure; files are in the system's cache for both sides.

    First slice: from the folder's path to the rendered picture. Whole: from the path to the full array, sorted by
    geometry. Memory: what the reading process grew by at its peak, in a child of its own.

    The goals are wishes, not all in reach. JPEG 2000 takes both sides the same processor time (OpenJPEG, 30 ms a
    frame) and both keep every core busy: ours with a frame on each, the peer with blocks of one frame. Only what the
    peer loses between frames can be won. JPEG-LS: the peer decodes on one core, so two can at most halve its time.
    """
    from engine.bench.series import write_series

    progress = progress or NoProgress()
    rows: list[Row] = []
    with tempfile.TemporaryDirectory(prefix="medrega-bench-") as temporary:
        root = Path(temporary)
        for number, (name, syntax, goal) in enumerate(_ENCODINGS):
            progress.report(number, 5, f"measuring {name}")
            folder = write_series(root / name.replace(" ", ""), files, size, syntax)
            rows += _reading_rows(folder, name, goal, runs, first=syntax == ExplicitVRLittleEndian)
        progress.report(3, 5, "measuring memory")
        rows.append(_memory_row(root / "uncompressed", files * size * size * 2))
        progress.report(4, 5, "measuring the index")
        rows += _index_rows(write_series(root / "small", small_files, _SMALL_SIZE), small_files)
        progress.report(5, 5, "measuring")
    return BenchReport("scan", tuple(rows))


def _reading_rows(folder: Path, name: str, goal: float, runs: int, *, first: bool) -> list[Row]:
    jobs: list[Callable[[], object]] = [
        lambda: _first_slice(folder),
        lambda: read_volume(folder),
        lambda: _by_simpleitk(folder),
    ]
    opened, ours, peer = medians_in_turn(jobs, runs)
    # The goal for the first slice is stated for the plain series.
    return [
        row(f"first slice, {name}", "s", opened, goal=0.3 if first else None),
        row(f"whole series, {name}", "s", ours, peer_name=_PEER, peer=peer, goal=goal),
    ]


def _first_slice(folder: Path) -> None:
    loader = VolumeLoader(folder)
    volume = loader.open()
    SliceRenderer(volume, volume.plane).render(loader.wanted)


def _by_simpleitk(folder: Path) -> None:
    reader = SimpleITK.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(folder)))
    SimpleITK.GetArrayViewFromImage(reader.Execute())


def _memory_row(folder: Path, voxel_bytes: int) -> Row:
    ours, peer = (_peak_growth(job, folder) / voxel_bytes for job in (_read_and_keep, _by_simpleitk))
    # Stated as a bound on ours, so the peer stands beside it only for comparison.
    measured = row("peak memory / voxels", "x", ours, goal=1.5)
    return Row(measured.name, "x", ours, _PEER, peer, peer / ours if ours > 0 else None, measured.goal, measured.met)


def _index_rows(folder: Path, files: int) -> list[Row]:
    (seconds,) = medians_in_turn([lambda: index_path(folder)])
    peak = _peak_growth(_index, folder)
    return [
        row(f"index {files:,} small files", "s", seconds),
        row(f"index {files:,} small files, memory", "MiB", peak / 2**20),
    ]


def _read_and_keep(folder: Path) -> object:
    return read_volume(folder)


def _index(folder: Path) -> object:
    return index_path(folder)


def _peak_growth(job: Callable[[Path], object], folder: Path) -> float:
    """Bytes by which a fresh process grew at most while it did the job."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    child = context.Process(target=_measure, args=(job, folder, theirs))
    child.start()
    theirs.close()
    try:
        return float(ours.recv())
    finally:
        child.join()


def _measure(job: Callable[[Path], object], folder: Path, answer: Connection) -> None:
    before = _peak_bytes()
    kept = job(folder)
    answer.send(_peak_bytes() - before)
    del kept


def _peak_bytes() -> int:
    """Largest resident size of this process so far."""
    status = Path("/proc/self/status")
    if status.exists():
        # Not getrusage: its peak is handed down from the parent process.
        return int(status.read_text(encoding="ascii").split("VmHWM:")[1].split()[0]) * 1024
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
