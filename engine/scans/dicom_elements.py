"""The few elements that listing needs, straight from the bytes of a well-formed DICOM file (PS3.5 7.1).

pydicom parses a header in about four times the time, which thousands of files make felt. Whatever is not plain
little endian in the standard's order is left to pydicom: then the answer is None.
"""

from __future__ import annotations

import struct
from collections.abc import Collection
from dataclasses import dataclass
from typing import BinaryIO

PIXEL_DATA = 0x7FE00010

_FIRST_BYTES = 32 * 1024
_MOST_BYTES = 4 << 20
_UNDEFINED = 0xFFFFFFFF
_LONG = frozenset((b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV"))
_SHORT = frozenset(
    (b"AE", b"AS", b"AT", b"CS", b"DA", b"DS", b"DT", b"FD", b"FL", b"IS", b"LO", b"LT", b"PN", b"SH", b"SL", b"SS")
) | {b"ST", b"TM", b"UI", b"UL", b"US"}
_ITEM, _ITEM_END, _SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
_IMPLICIT = "1.2.840.10008.1.2"
# Deflated and big endian data are read otherwise; all others are explicit little endian (PS3.5 A).
_OTHERWISE = ("1.2.840.10008.1.2.1.99", "1.2.840.10008.1.2.2")
_TAG, _LENGTH16, _LENGTH32 = struct.Struct("<HH"), struct.Struct("<H"), struct.Struct("<I")


@dataclass(frozen=True, slots=True)
class Elements:
    """values : of the wanted tags that are there, as stored; b"" of sequences. transfer_syntax : its UID.

    pixels_at : offset of the Pixel Data element, None where there is none.
    """

    values: dict[int, bytes]
    transfer_syntax: str
    pixels_at: int | None


class _NotPlain(Exception):  # noqa: N818 - never leaves this module
    """Something that is left to pydicom."""


def read_elements(stream: BinaryIO, wanted: Collection[int]) -> Elements | None:
    """The wanted elements before the pixels; None where the file is not as plain as this reader needs it."""
    size = stream.seek(0, 2)
    stream.seek(0)
    data = stream.read(_FIRST_BYTES)
    while data[128:132] == b"DICM":
        try:
            return _Parser(data, wanted, whole=len(data) >= size).elements()
        except (struct.error, IndexError):
            # The header goes on behind what was read.
            if len(data) >= min(size, _MOST_BYTES):
                return None
            data += stream.read(15 * len(data))
        except (_NotPlain, RecursionError):
            return None
    return None


class _Parser:
    def __init__(self, data: bytes, wanted: Collection[int], *, whole: bool) -> None:
        self._data = data
        self._wanted = wanted
        self._whole = whole
        self._implicit = False

    def elements(self) -> Elements:
        values: dict[int, bytes] = {}
        at, syntax = self._meta()
        if syntax in _OTHERWISE:
            raise _NotPlain
        self._implicit = syntax == _IMPLICIT
        last = 0
        while not (self._whole and at == len(self._data)):
            tag, length, start = self._header(at)
            if tag == PIXEL_DATA:
                return Elements(values, syntax, at)
            if tag <= last or tag > PIXEL_DATA:
                raise _NotPlain
            last = tag
            end = self._end(length, start)
            if tag in self._wanted:
                if length != _UNDEFINED and end > len(self._data):
                    raise IndexError
                values[tag] = b"" if length == _UNDEFINED else self._data[start:end]
            at = end
        return Elements(values, syntax, None)

    def _meta(self) -> tuple[int, str]:
        """Where the data set begins, and its transfer syntax (PS3.10 7.1)."""
        at, syntax = 132, ""
        while self._data[at : at + 2] == b"\x02\x00":
            tag, length, start = self._header(at)
            if length == _UNDEFINED:
                raise _NotPlain
            if tag == 0x00020010:
                syntax = self._data[start : start + length].rstrip(b"\0 ").decode("ascii", "replace")
            at = start + length
        if not syntax.startswith("1.2.840.10008.1.2"):
            raise _NotPlain
        return at, syntax

    def _header(self, at: int) -> tuple[int, int, int]:
        """Tag, length, and where the value begins."""
        group, element = _TAG.unpack_from(self._data, at)
        tag = group << 16 | element
        if self._implicit or group == 0xFFFE:
            return tag, _LENGTH32.unpack_from(self._data, at + 4)[0], at + 8
        vr = self._data[at + 4 : at + 6]
        if vr in _SHORT:
            return tag, _LENGTH16.unpack_from(self._data, at + 6)[0], at + 8
        if vr in _LONG:
            return tag, _LENGTH32.unpack_from(self._data, at + 8)[0], at + 12
        if len(vr) < 2:
            raise IndexError
        raise _NotPlain

    def _end(self, length: int, start: int) -> int:
        """Behind a value, also when only its end says how long it is (PS3.5 7.5)."""
        if length != _UNDEFINED:
            return start + length
        at = start
        while True:
            tag, length, at = self._header(at)
            if tag == _SEQUENCE_END:
                return at
            if tag != _ITEM:
                raise _NotPlain
            if length != _UNDEFINED:
                at += length
                continue
            while True:
                tag, length, inner = self._header(at)
                if tag == _ITEM_END:
                    at = inner
                    break
                at = self._end(length, inner)
