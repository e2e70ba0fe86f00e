"""NIfTI, NRRD, MetaImage and Analyze through SimpleITK, slices turned to the radiological convention.

A colour or flat image keeps its order of voxels.
"""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK
from numpy.typing import NDArray

from engine.scans.first_voxels import FIRST_VOXELS, first_voxels
from engine.scans.limits import require_plausible_compression, require_regular_file, require_sane_size
from engine.scans.notes import NoteKind, ScanNote, note
from engine.scans.orienting import radiological
from engine.scans.rendering import radiological_grid
from engine.scans.volume import ScanError, Volume
from engine.scans.whole_files import StoredVoxels, meta_image_voxels, nifti_voxels, nrrd_voxels, require_whole
from engine.scans.windows import default_window

SUFFIXES = (".nii", ".nii.gz", ".nrrd", ".nhdr", ".mha", ".mhd", ".hdr", ".img")

# ITK writes its warnings, with file names in them, straight to standard error.
SimpleITK.ProcessObject.SetGlobalWarningDisplay(False)

_PIXEL_BYTES = {
    SimpleITK.sitkFloat64: 8,
    SimpleITK.sitkVectorFloat64: 8,
    SimpleITK.sitkInt64: 8,
    SimpleITK.sitkUInt64: 8,
    SimpleITK.sitkFloat32: 4,
    SimpleITK.sitkVectorFloat32: 4,
    SimpleITK.sitkInt32: 4,
    SimpleITK.sitkUInt32: 4,
    SimpleITK.sitkInt16: 2,
    SimpleITK.sitkUInt16: 2,
    SimpleITK.sitkVectorInt16: 2,
    SimpleITK.sitkVectorUInt16: 2,
}
_NO_MODALITY = "OT"
_HEADER_BYTES = 64 * 1024
_META_IMAGE, _NRRD = (".mhd", ".mha"), (".nhdr", ".nrrd")


def read_sitk(path: Path) -> Volume:
    """One 2-D or 3-D volume. Raises `ScanError` naming the file."""
    reader, size, times = _opened(path)
    components = reader.GetNumberOfComponents()
    if components not in (1, 3):
        raise ScanError(f"{path} has {components} values a voxel: only 1 and RGB are shown")
    _require_plausible(path, reader, size)
    stored = _stored(path, reader)
    if stored is not None:
        require_whole(stored)
    begins = None if stored is None or components != 1 else first_voxels(reader, stored, _head(path))
    try:
        if times > 1:
            # The first time point alone is taken out of the file.
            whole = reader.GetSize()
            reader.SetExtractIndex([0] * len(whole))
            reader.SetExtractSize([*whole[:3], *[0] * (len(whole) - 3)])
        image = reader.Execute()
        is_flat = image.GetDimension() == 2
        if is_flat:
            image = SimpleITK.JoinSeries(image)
        voxels = SimpleITK.GetArrayFromImage(image)
    except (RuntimeError, MemoryError) as error:
        raise ScanError(f"cannot read the volume {path}: {_reason(error)}") from error
    if components == 3 and voxels.dtype != np.uint8:
        raise ScanError(f"{path} has colours of type {voxels.dtype}: only 8-bit RGB is shown")
    spacing, origin = image.GetSpacing(), image.GetOrigin()
    direction = np.array(image.GetDirection()).reshape(3, 3)
    if not (np.isfinite([*spacing, *origin]).all() and np.isfinite(direction).all() and min(spacing) > 0):
        raise ScanError(f"{path} has an impossible geometry: correct its spacing, origin or direction")
    modality = _guessed_modality(voxels[len(voxels) // 2] if begins is None else begins)
    voxels = _shown_type(voxels)
    volume = Volume(
        voxels=voxels,
        spacing_mm=(spacing[0], spacing[1], spacing[2]),
        origin_mm=(origin[0], origin[1], origin[2]),
        direction=direction,
        modality=modality,
        window=None if components == 3 else default_window(voxels, modality),
        source=path,
        units="HU" if modality == "CT" else "",
        notes=_notes(times),
    )
    return volume if is_flat else radiological(volume)


def volume_facts(path: Path) -> tuple[tuple[int, int, int], str, tuple[ScanNote, ...]]:
    """(columns, rows, slices) as `read_sitk` turns them, the modality as it tells it, and what is to be said.

    From the header and the middle slice alone, of compressed files from their first voxels. Raises `ScanError` naming
    the file.
    """
    reader, stored_size, times = _opened(path)
    size = _turned_size(path, reader, stored_size)
    return size, _modality(path, reader, stored_size), _notes(times)


def _turned_size(path: Path, reader: SimpleITK.ImageFileReader, size: tuple[int, int, int]) -> tuple[int, int, int]:
    rank = reader.GetDimension()
    if rank >= 3 and reader.GetNumberOfComponents() == 1:
        # As `radiological` does; no voxel is needed for it.
        direction = np.array(reader.GetDirection()).reshape(rank, rank)[:3, :3]
        empty = np.broadcast_to(np.uint8(0), size[::-1])
        unread = Volume(empty, (1.0, 1.0, 1.0), (0.0, 0.0, 0.0), direction, "OT", None, path)
        slices, rows, columns = radiological_grid(unread, unread.plane).shape
        return (columns, rows, slices)
    return size


def _modality(path: Path, reader: SimpleITK.ImageFileReader, size: tuple[int, int, int]) -> str:
    if reader.GetNumberOfComponents() != 1:
        return _NO_MODALITY
    _require_plausible(path, reader, size)
    stored = _stored(path, reader)
    if stored is not None:
        if stored.gzip_from is None:
            # Of a zlib stream only its length: nothing is unpacked for that.
            require_whole(replace(stored, unpacked_length=None))
        begins = first_voxels(reader, stored, _head(path))
        if begins is not None:
            if len(begins) < min(FIRST_VOXELS, int(np.prod(size))):
                require_whole(stored)
            return _guessed_modality(begins)
    rank = reader.GetDimension()
    if rank >= 3:
        reader.SetExtractIndex([0, 0, size[2] // 2, *[0] * (rank - 3)])
        reader.SetExtractSize([size[0], size[1], 1, *[0] * (rank - 3)])
    try:
        return _guessed_modality(SimpleITK.GetArrayFromImage(reader.Execute()))
    except (RuntimeError, MemoryError) as error:
        raise ScanError(f"cannot read the volume {path}: {_reason(error)}") from error


def _guessed_modality(part: NDArray[Any]) -> str:
    """CT or other, from the values of the middle slice or the first ones: these formats name no modality.

    Only CT has air far below zero. One slice is enough, and all that listing has time for.
    """
    is_grey = part.ndim <= 2 or (part.ndim == 3 and len(part) == 1)
    return "CT" if is_grey and part.size and -1100 <= float(part.min()) <= -900 else _NO_MODALITY


def _require_plausible(path: Path, reader: SimpleITK.ImageFileReader, size: tuple[int, int, int]) -> None:
    claimed = int(np.prod(size)) * reader.GetNumberOfComponents() * _PIXEL_BYTES.get(reader.GetPixelID(), 1)
    require_plausible_compression(path, sum(file.stat().st_size for file in _files(path)), claimed)


def _notes(times: int) -> tuple[ScanNote, ...]:
    return (note(NoteKind.TIME_POINTS, count=times, by="fourth dimension", number=1),) if times > 1 else ()


def _opened(path: Path) -> tuple[SimpleITK.ImageFileReader, tuple[int, int, int], int]:
    """A reader that has seen the header, the (x, y, z) size, and how many time points there are."""
    for file in _files(path):
        require_regular_file(file)
    reader = SimpleITK.ImageFileReader()
    reader.SetFileName(str(path))
    try:
        reader.ReadImageInformation()
        size = tuple(reader.GetSize())
    except (RuntimeError, MemoryError, ValueError) as error:
        raise ScanError(f"cannot read the volume {path}: {_reason(error)}") from error
    if not 2 <= len(size) <= 5:
        raise ScanError(f"{path} has {len(size)} dimensions: only 2 to 5 are shown")
    require_sane_size(path, *size, reader.GetNumberOfComponents())
    return reader, (size[0], size[1], size[2] if len(size) >= 3 else 1), int(np.prod(size[3:]))


def _files(path: Path) -> tuple[Path, ...]:
    """The file, and the one that holds its voxels where the header names another.

    ITK would open whatever a header names, a device or another folder's file too: only a plain name in the same
    folder is accepted.
    """
    require_regular_file(path)
    suffix = path.suffix.lower()
    if suffix in (".hdr", ".img"):
        other = path.with_suffix(".img" if suffix == ".hdr" else ".hdr")
        return (path, other) if other.exists() else (path,)
    if suffix not in (*_META_IMAGE, *_NRRD):
        return (path,)
    named = re.search(
        rb"^(?:ElementDataFile\s*=|data ?file:)[ \t]*([^\r\n]*)", _head(path), re.MULTILINE | re.IGNORECASE
    )
    name = named.group(1).decode("utf-8", "replace").strip() if named else "LOCAL"
    if name.upper() == "LOCAL":
        return (path,)
    if name != Path(name).name or "\\" in name or name.upper().startswith("LIST") or "%" in name:
        raise ScanError(f"{path} keeps its voxels in {name[:80]!r}: put them into one file in the same folder")
    return (path, path.with_name(name))


def _head(path: Path) -> bytes:
    try:
        with path.open("rb") as stream:
            return stream.read(_HEADER_BYTES)
    except OSError as error:
        raise ScanError(f"cannot read {path}: {error.strerror}") from error


def _stored(path: Path, reader: SimpleITK.ImageFileReader) -> StoredVoxels | None:
    """Where all the voxels of a file lie, further time points too; None where that is not told."""
    suffix = path.suffix.lower()
    if suffix not in (*_META_IMAGE, *_NRRD):
        return nifti_voxels(path, reader)
    samples = int(np.prod(reader.GetSize())) * reader.GetNumberOfComponents()
    find = meta_image_voxels if suffix in _META_IMAGE else nrrd_voxels
    return find(path, _files(path)[-1], _head(path), samples * _PIXEL_BYTES.get(reader.GetPixelID(), 1))


def _shown_type(voxels: NDArray[Any]) -> NDArray[Any]:
    if voxels.dtype in (np.int16, np.int32, np.uint8, np.uint16, np.float32):
        return voxels
    return voxels.astype(np.int16 if voxels.dtype == np.int8 else np.float32)


def _reason(error: BaseException) -> str:
    """What ITK says, without its own names; where that is known to mislead, what it means."""
    text = str(error)
    if "Unable to determine ImageIO" in text:
        return "its header is broken, or it is not of the format that its name says"
    lines = [line for line in text.strip().splitlines() if line.strip() and not line.startswith("Reason:")]
    # MetaIO's reason is whatever the system complained about last.
    last = re.sub(r"^(?:sitk::ERROR|ITK ERROR):\s*|\w+\(0x[0-9a-f]+\):\s*|\[nrrd\]\s*", "", lines[-1]) if lines else ""
    return last[:200] or type(error).__name__
