"""Whether a file holds all the voxels that its header promises: what is missing would be shown as zeros.

The NIfTI library fills up with zeros what it cannot read and says nothing; MetaIO names a wrong reason.
"""

from __future__ import annotations

import re
import zlib
from dataclasses import dataclass
from pathlib import Path

import SimpleITK

from engine.scans.volume import ScanError

# Bytes of a voxel by the NIfTI-1 datatype code (nifti1.h); RGB24 and RGBA32 at the end.
_NIFTI_BYTES = {2: 1, 4: 2, 8: 4, 16: 4, 32: 8, 64: 8, 256: 1, 512: 2, 768: 4, 1024: 8, 1280: 8, 128: 3, 2304: 4}
_GZIP_MARK = b"\x1f\x8b"
_ANY_STREAM = 32 + zlib.MAX_WBITS
"""``zlib``'s window bits that stand for a gzip or a zlib stream, checked by its own checksum."""
_PIECE = 1 << 20


@dataclass(frozen=True, slots=True)
class StoredVoxels:
    """Where voxels lie: `length` bytes from `offset` of a file, counted behind its own gzip compression.

    gzip_from : where a gzip stream of these bytes begins inside of the file, None where they lie open.
    unpacked_length : of the voxels where the bytes are a zlib stream, as in MetaImage; None where they are not.
    """

    path: Path
    offset: int
    length: int
    gzip_from: int | None = None
    unpacked_length: int | None = None

    @property
    def packed_from(self) -> int | None:
        """Where the compressed stream begins, None where there is none."""
        return self.gzip_from if self.unpacked_length is None else self.offset


def nifti_voxels(path: Path, reader: SimpleITK.ImageFileReader) -> StoredVoxels | None:
    """Of NIfTI and Analyze files, from a reader that has seen the header; None where it does not say."""
    try:
        rank, code = int(reader.GetMetaData("dim[0]")), int(reader.GetMetaData("datatype"))
        extents = [int(reader.GetMetaData(f"dim[{axis}]")) for axis in range(1, rank + 1)]
        offset = max(0, int(float(reader.GetMetaData("vox_offset"))))
    except (RuntimeError, ValueError, OverflowError):
        return None
    length = _NIFTI_BYTES.get(code, 0)
    for extent in extents:
        length *= max(1, extent)
    if path.suffix.lower() == ".hdr":
        # The library takes any of these, and its own message is clear where there is none.
        pairs = [path.with_suffix(end) for end in (".img", ".IMG", ".img.gz")]
        path = next((pair for pair in pairs if pair.is_file()), path)
        if path not in pairs:
            return None
    with path.open("rb") as stream:
        # The library opens what is called .gz also where it is not compressed.
        is_gzip = path.suffix.lower() == ".gz" and stream.read(2) == _GZIP_MARK
    return StoredVoxels(path, offset, length, 0 if is_gzip else None)


def meta_image_voxels(path: Path, data: Path, head: bytes, length: int) -> StoredVoxels | None:
    """Of a MetaImage file whose header begins with `head`; `length` is what its size and type come to.

    None where the voxels are written as text, or lie behind something of unknown length.
    """
    compressed, size = _field(head, b"CompressedData"), _field(head, b"CompressedDataSize")
    if _field(head, b"BinaryData") == b"false" or _field(head, b"HeaderSize") not in (b"", b"0"):
        return None
    unpacked = None
    if compressed == b"true":
        if not size.isdigit():
            return None
        length, unpacked = int(size), length
    end = re.search(rb"^ElementDataFile[^\n]*\n", head, re.MULTILINE)
    if data == path and end is None:
        return None
    return StoredVoxels(data, end.end() if data == path and end else 0, length, unpacked_length=unpacked)


def nrrd_voxels(path: Path, data: Path, head: bytes, length: int) -> StoredVoxels | None:
    """Of an NRRD file, as `meta_image_voxels`."""
    encoding = _field(head, b"encoding")
    if encoding not in (b"raw", b"gzip", b"gz") or re.search(rb"^(?:line|byte) ?skip:", head, re.MULTILINE):
        return None
    end = re.search(rb"\r?\n\r?\n", head)
    if data == path and end is None:
        return None
    start = end.end() if data == path and end else 0
    if encoding == b"raw":
        return StoredVoxels(data, start, length)
    return StoredVoxels(data, 0, length, start)


def require_whole(voxels: StoredVoxels) -> None:
    """Raise `ScanError` when the file ends before its voxels do, or its gzip stream is damaged.

    A gzip stream is read through, up to the end of the voxels and never further than a piece behind it: its last
    bytes alone would not tell of damage in the middle.
    """
    path, needed = voxels.path, voxels.offset + voxels.length
    try:
        there = path.stat().st_size if voxels.gzip_from is None else _unpacked_length(path, voxels.gzip_from, needed)
        if voxels.unpacked_length is not None and there >= needed:
            # MetaIO says nothing of a stream that is damaged.
            needed = voxels.unpacked_length
            there = _unpacked_length(path, voxels.offset, needed)
    except OSError as error:
        raise ScanError(f"cannot read {path}: {error.strerror}") from error
    except zlib.error as error:
        raise ScanError(f"{path} is damaged: what it holds cannot be unpacked, get another copy of it") from error
    if there < needed:
        unpacked = "" if voxels.packed_from is None else " when unpacked"
        raise ScanError(f"{path} ends after {there:,} of {needed:,} bytes{unpacked}: it is cut off")


def _unpacked_length(path: Path, start: int, needed: int) -> int:
    """How many bytes the gzip members, or the zlib stream, from `start` on unpack to.

    No more than one behind `needed` are looked for.
    """
    count = 0
    unpacker = zlib.decompressobj(_ANY_STREAM)
    with path.open("rb") as stream:
        stream.seek(start)
        data = stream.read(_PIECE)
        while data and count <= needed:
            count += len(unpacker.decompress(data, _PIECE))
            if unpacker.eof:
                # Block gzip writes many members; what follows the last may be anything.
                data = unpacker.unused_data or stream.read(_PIECE)
                if not data.startswith(_GZIP_MARK):
                    break
                unpacker = zlib.decompressobj(_ANY_STREAM)
            else:
                data = unpacker.unconsumed_tail or stream.read(_PIECE)
    return count


def _field(head: bytes, name: bytes) -> bytes:
    """The value of a line ``name = value`` or ``name: value``, in small letters; b"" without one."""
    found = re.search(rb"^" + name + rb"[ \t]*[=:][ \t]*([^\r\n]*)", head, re.MULTILINE | re.IGNORECASE)
    return found.group(1).strip().lower() if found else b""
