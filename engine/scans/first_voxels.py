"""The first voxels of a compressed NIfTI, MetaImage or NRRD file, for which little of it is unpacked.

A list of scans asks no more of a file; to reach its middle slice a library unpacks half of it or all.
"""

from __future__ import annotations

import re
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK
from numpy.typing import NDArray

from engine.scans.volume import ScanError
from engine.scans.whole_files import StoredVoxels

FIRST_VOXELS = 1 << 19
"""How many are unpacked: two slices of 512 x 512."""

_PIECE = 1 << 18
_GZIP_MARK = b"\x1f\x8b"
# Tells gzip and zlib streams apart by itself.
_ANY_STREAM = 32 + zlib.MAX_WBITS
# numpy's name of a type by the NIfTI-1 datatype code (nifti1.h), and by that of SimpleITK.
_NIFTI_TYPES = {2: "u1", 4: "i2", 8: "i4", 16: "f4", 64: "f8", 256: "i1", 512: "u2", 768: "u4", 1024: "i8", 1280: "u8"}
_PIXEL_TYPES = {
    SimpleITK.sitkInt8: "i1",
    SimpleITK.sitkUInt8: "u1",
    SimpleITK.sitkInt16: "i2",
    SimpleITK.sitkUInt16: "u2",
    SimpleITK.sitkInt32: "i4",
    SimpleITK.sitkUInt32: "u4",
    SimpleITK.sitkInt64: "i8",
    SimpleITK.sitkUInt64: "u8",
    SimpleITK.sitkFloat32: "f4",
    SimpleITK.sitkFloat64: "f8",
}


def first_voxels(reader: SimpleITK.ImageFileReader, stored: StoredVoxels, head: bytes) -> NDArray[Any] | None:
    """(n,) values in the order of the file, `FIRST_VOXELS` at most; None where the file must be read to know them.

    reader : has seen the header. head : the first bytes of the header's file. Fewer values than there are voxels
    come from a file that is cut off. Raises `ScanError` for a damaged one.
    """
    if stored.packed_from is None:
        return None
    is_nifti = reader.HasMetaDataKey("datatype") and reader.HasMetaDataKey("scl_slope")
    try:
        if is_nifti:
            code = int(reader.GetMetaData("datatype"))
            slope, shift = float(reader.GetMetaData("scl_slope")), float(reader.GetMetaData("scl_inter"))
        else:
            slope, shift = 0.0, 0.0
    except ValueError:
        return None
    name = _NIFTI_TYPES.get(code) if is_nifti else _PIXEL_TYPES.get(reader.GetPixelID())
    if name is None:
        return None
    skip = stored.offset if stored.gzip_from is not None else 0
    dtype = np.dtype(name)
    data = _unpacked(stored.path, stored.packed_from, skip + FIRST_VOXELS * dtype.itemsize)
    if is_nifti:
        # sizeof_hdr, 348 or 540 in the order of the file. The header is compressed too where it is no file of its own.
        header = data if head.startswith(_GZIP_MARK) else head
        is_big = int.from_bytes(header[:4], "little") not in (348, 540)
    else:
        is_big = re.search(rb"(?im)^(?:\w*ByteOrderMSB\s*=\s*true|endian:\s*big)", head) is not None
    count = max(0, len(data) - skip) // dtype.itemsize
    values = np.frombuffer(data, dtype.newbyteorder(">" if is_big else "<"), count, min(skip, len(data)))
    # A slope of 0 stands for none (nifti1.h).
    return values if slope == 0 else values * slope + shift


def _unpacked(path: Path, start: int, count: int) -> bytes:
    """No more than `count` bytes of the stream that begins at `start`."""
    unpacker = zlib.decompressobj(_ANY_STREAM)
    out = bytearray()
    try:
        with path.open("rb") as stream:
            stream.seek(start)
            data = stream.read(_PIECE)
            while data and len(out) < count:
                out += unpacker.decompress(data, count - len(out))
                if unpacker.eof:
                    # Block gzip writes many members.
                    data = unpacker.unused_data or stream.read(_PIECE)
                    if not data.startswith(_GZIP_MARK):
                        break
                    unpacker = zlib.decompressobj(_ANY_STREAM)
                else:
                    data = unpacker.unconsumed_tail or stream.read(_PIECE)
    except OSError as error:
        raise ScanError(f"cannot read {path}: {error.strerror}") from error
    except zlib.error as error:
        raise ScanError(f"{path} is damaged: what it holds cannot be unpacked, get another copy of it") from error
    return bytes(out)
