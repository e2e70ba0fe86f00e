"""Opens a scan slice by slice: the first is there at once, the others follow in the background.

How a viewer uses it, from a worker thread::

    loader = VolumeLoader(path, series_uid)
    volume = loader.open(progress)        # headers, then one slice: geometry, window and array are there
    ...                                   # hand `loader` to the window, which shows slice `loader.wanted`
    volume = loader.load(progress)        # fills the rest; `progress` may cancel

Meanwhile the window's thread may, at any time and without a lock,

* render any slice of `loader.volume` for which ``loader.loaded[index]`` is True; the others are still zero,
* set `loader.wanted` to the slice on screen: those nearest to it are read next,
* compare `loader.volume` with the object that it renders from: it is replaced when a slice needs a wider voxel
  type, and at the end. Make the `SliceRenderer` anew then; slices shown before keep their values.

`Progress.report` is called with the number of slices that are there. After `Cancelled`, `load` may be called again
and goes on. The memory is freed with the last reference to the volume; there is nothing to close.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engine.progress import NoProgress, Progress
from engine.scans.dicom_reader import StackReading
from engine.scans.index import Found, SeriesEntry, find_listed, find_scan, read_found, require_no_area
from engine.scans.volume import ScanError, Volume


class VolumeLoader:
    """One scan while it is read.

    path, series_uid : as for `read_volume`. first : the slice to begin with, the middle one when None.
    in_memory_bytes : voxels that take more are kept in a temporary file, 1 GiB when None.
    """

    def __init__(
        self, path: Path, series_uid: str = "", first: int | None = None, in_memory_bytes: int | None = None
    ) -> None:
        self._path = path
        self._series_uid = series_uid
        self._first = first
        self._bound = in_memory_bytes
        self._entry: SeriesEntry | None = None
        self._reading: StackReading | None = None
        self._whole: Volume | None = None

    @classmethod
    def of_entry(cls, entry: SeriesEntry) -> VolumeLoader:
        """A scan as it was listed; the other files of its folder are not looked at again."""
        loader = cls(entry.path, entry.series_uid)
        loader._entry = entry
        return loader

    def open(self, progress: Progress | None = None) -> Volume:
        """Read the headers and one slice. Slides and formats other than DICOM are read whole here.

        Raises `ScanError` that names the file and what is wrong with it, `Cancelled` when the progress says so.
        """
        if self._entry is not None:
            found = find_listed(self._entry, progress or NoProgress())
        else:
            found = find_scan(self._path, self._series_uid, progress or NoProgress())
        if found.plan is None:
            self._whole = read_found(found, progress or NoProgress())
        else:
            require_no_area(found)
            self._reading = _reading_of(found, self._bound)
            if self._first is not None:
                self._reading.wanted = max(0, min(self._first, len(found.plan.slices) - 1))
            self._reading.open()
        return self.volume

    def load(self, progress: Progress | None = None) -> Volume:
        """Read what is not there yet; opens the scan if that was not done.

        Raises `ScanError` when it cannot be read, `Cancelled` when the progress says so.
        """
        if self._reading is None and self._whole is None:
            self.open(progress)
        if self._reading is not None:
            self._reading.fill(progress or NoProgress())
        return self.volume

    @property
    def volume(self) -> Volume:
        """The scan as far as it is read. Raises `ScanError` before `open`."""
        if self._whole is not None:
            return self._whole
        if self._reading is None:
            raise ScanError(f"{self._path} is not open yet")
        return self._reading.volume

    @property
    def loaded(self) -> NDArray[np.bool_]:
        """(slices,) whether each stored slice is there. A copy."""
        if self._reading is not None:
            return self._reading.filled
        return np.ones(len(self.volume.voxels), dtype=bool)

    @property
    def wanted(self) -> int:
        """The stored slice that a person looks at: the next ones to be read are near to it."""
        return self._reading.wanted if self._reading is not None else 0

    @wanted.setter
    def wanted(self, index: int) -> None:
        if self._reading is not None:
            self._reading.wanted = index


def _reading_of(found: Found, in_memory_bytes: int | None) -> StackReading:
    assert found.plan is not None
    return StackReading(found.plan, found.entry.path, found.entry.series_uid, in_memory_bytes)


def read_volume(path: Path, series_uid: str = "", progress: Progress | None = None) -> Volume:
    """Read a scan whole: a DICOM file, DICOMDIR, folder or zip archive, NIfTI, NRRD, MetaImage, or a picture.

    series_uid : picks one where a folder holds several, as `SeriesEntry.series_uid` says; where all are stacks of
    one series, the biggest is read when it is "". A DICOM file is read alone, even if it belongs to a series. Of a
    whole slide it may name an area, such as ``L0@10240,8192,2048,2048``; see `SlideArea`.
    Raises `ScanError` that names the file and what is wrong with it, `Cancelled` when the progress says so.
    """
    return VolumeLoader(path, series_uid).load(progress)
