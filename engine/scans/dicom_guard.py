"""What keeps pydicom from working for minutes, or filling the memory, on bytes that are no honest DICOM file.

With ``force=True`` it takes anything for data elements: zeros are elements of no length, 8 bytes each, and it reads
a megabyte of them in 0.7 s. So a file must begin like one, and a header may have only so many elements. What is
deflated (PS3.5 A.5) it unpacks whole into memory, a thousandfold at worst: so that is counted first.
"""

from __future__ import annotations

import io
import zlib
from pathlib import Path

import pydicom.filereader
from pydicom.tag import BaseTag
from pydicom.uid import DeflatedExplicitVRLittleEndian

from engine.scans.volume import ScanError

MAX_HEADER_READS = 400_000
"""Most pieces that are read for a header, one to three an element. Zeros take 2 s to reach it."""

MAX_INFLATED = 1 << 30
"""Most bytes that a deflated data set may unpack to: it is held in memory whole."""

_PIECE = 1 << 20
_FIRST_GROUPS = (0x0002, 0x0004, 0x0008)
# PS3.5 6.2; of those that a file's first elements have.
_FIRST_VRS = frozenset(
    (b"UL", b"UI", b"CS", b"OB", b"SH", b"LO", b"DA", b"TM", b"DT", b"ST", b"LT", b"PN", b"AE", b"AS", b"IS", b"DS")
) | {b"US", b"SQ", b"UC", b"UN", b"UR", b"UT"}
_UNDEFINED = 0xFFFFFFFF


def require_begin(path: Path) -> None:
    """Raise `ScanError` unless the file has the DICM mark of PS3.10 7.1 or begins with a data element.

    Many old files have neither preamble nor mark: they begin with an element of group 0002 or 0008, 0004 in a
    directory, in any of the three encodings of PS3.5 annex A.
    """
    with path.open("rb") as stream:
        head = stream.read(132)
        size = stream.seek(0, 2)
    if head[128:] != b"DICM" and not _is_element(head, size):
        raise ScanError(f"{path} is named like a DICOM file but does not begin like one: it is damaged or another kind")


def _is_element(head: bytes, size: int) -> bool:
    if len(head) < 8:
        return False
    little, big = int.from_bytes(head[:2], "little"), int.from_bytes(head[:2], "big")
    if head[4:6] in _FIRST_VRS:
        return little in _FIRST_GROUPS or big in _FIRST_GROUPS
    length = int.from_bytes(head[4:8], "little")
    return little in _FIRST_GROUPS and (length == _UNDEFINED or length <= size - 8)


class HeaderStream(io.BufferedReader):
    """A file for pydicom to read a header from, that ends in a `ScanError` when it reads too often."""

    def __init__(self, path: Path) -> None:
        super().__init__(path.open("rb", buffering=0))
        self._path = path
        self._left = MAX_HEADER_READS

    def read(self, size: int | None = -1, /) -> bytes:
        """As of any file. Raises `ScanError` behind `MAX_HEADER_READS`."""
        self._left -= 1
        if self._left < 0:
            raise ScanError(f"{self._path} has a header without end: it is damaged or made to harm")
        return super().read(size)


def require_bounded(path: Path) -> None:
    """Raise `ScanError` when the data set of a file is deflated and unpacks to more than `MAX_INFLATED`.

    It is unpacked piece by piece and thrown away, 0.3 GB of it a second. What pydicom raises on a broken beginning
    is passed on, as is `zlib.error`.
    """
    with HeaderStream(path) as stream:
        pydicom.filereader.read_preamble(stream, force=True)
        meta = pydicom.filereader.read_dataset(stream, False, True, stop_when=_is_behind_meta)
        if meta.get("TransferSyntaxUID") != DeflatedExplicitVRLittleEndian:
            return
        # No zlib header, as pydicom reads it.
        unpacker = zlib.decompressobj(-zlib.MAX_WBITS)
        count, data = 0, b""
        while not unpacker.eof and (data := unpacker.unconsumed_tail or stream.read(_PIECE)):
            count += len(unpacker.decompress(data, _PIECE))
            if count > MAX_INFLATED:
                raise ScanError(
                    f"{path} is deflated and unpacks to more than {MAX_INFLATED:,} bytes: "
                    "it is made to harm, or must be stored uncompressed to be read"
                )


def _is_behind_meta(tag: BaseTag, _vr: str | None, _length: int) -> bool:
    return int(tag) >> 16 != 0x0002
