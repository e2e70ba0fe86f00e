"""What a compressed frame says about itself, and whether its parts lie where they should: before a decoder sees it.

JPEG and JPEG-LS: ITU T.81 B.2.2 and T.87 C.2.2. JPEG 2000 and HTJ2K: ISO/IEC 15444-1 Annex A.
"""

from __future__ import annotations

from dataclasses import dataclass

# Start of an extended sequential, a lossless and a JPEG-LS frame.
_SOF = (0xC1, 0xC3, 0xF7)
PLAIN_JPEG = (0xC0, 0xC1, 0xC2)
"""Start of a baseline, extended and progressive frame: what photographs and the tiles of slides are."""

_SOC, _SIZ, _TLM, _COM = b"\xff\x4f", b"\xff\x51", 0xFF55, b"\xff\x64"
_SOT, _EOC = 0xFF90, b"\xff\xd9"
_JP2 = b"\x00\x00\x00\x0cjP  "
# Each tile takes 5 kB of the decoder, so that a small frame may not have very many.
_FEW_TILES, _TILE_PIXELS = 1024, 256


@dataclass(frozen=True, slots=True)
class FrameFacts:
    """Of one compressed frame: its size in pixels, samples of a pixel, bits of a sample."""

    rows: int
    columns: int
    samples: int
    precision: int


def jpeg_facts(frame: bytes, starts: tuple[int, ...] = _SOF) -> FrameFacts:
    """From the frame header of a picture. Raises `ValueError` when there is none.

    starts : the markers of the kinds that are wanted, extended, lossless and JPEG-LS unless told.
    """
    place = 2
    while frame[:2] == b"\xff\xd8" and place + 10 <= len(frame) and frame[place] == 0xFF:
        marker, length = frame[place + 1], _number(frame, place + 2, 2)
        if marker == 0xFF:
            place += 1
            continue
        if length < 2:
            break
        if marker in starts:
            rows, columns = _number(frame, place + 5, 2), _number(frame, place + 7, 2)
            return FrameFacts(rows, columns, frame[place + 9], frame[place + 4])
        place += 2 + length
    raise ValueError("it is no JPEG frame of its transfer syntax")


def jpeg2000(frame: bytes) -> tuple[FrameFacts, bytes]:
    """The facts and the bare codestream of a JPEG 2000 frame.

    The codestream is without the JP2 boxes that some writers put around it and without its index of tile lengths
    (TLM), which nobody needs here; each tile-part tells how many its tile really has. OpenJPEG 2.5.4 is known to
    write past its own arrays where the tile-parts and what is said of them disagree (its issues 1620 and 1652).
    Raises `ValueError` when the components differ, or when tile-parts are missing or not in order.
    """
    start = _codestream_start(frame)
    if frame[start : start + 4] != _SOC + _SIZ or start + 44 > len(frame):
        raise ValueError("it is no JPEG 2000 codestream")
    width, height, left, top, tile_width, tile_height, tile_left, tile_top = (
        _number(frame, start + 8 + 4 * number, 4) for number in range(8)
    )
    count = _number(frame, start + 40, 2)
    components = frame[start + 42 : start + 42 + 3 * count]
    if count == 0 or len(components) < 3 * count or components != components[:3] * count:
        raise ValueError("its components differ from each other")
    if components[1:3] != b"\x01\x01":
        raise ValueError("its components are subsampled")
    rows, columns = height - top, width - left
    if min(rows, columns, tile_width, tile_height) < 1 or tile_left > left or tile_top > top:
        raise ValueError("its size makes no sense")
    tiles = -(-(width - tile_left) // tile_width) * -(-(height - tile_top) // tile_height)
    if tiles > max(_FEW_TILES, rows * columns // _TILE_PIXELS):
        raise ValueError(f"it is cut into {tiles} tiles")
    facts = FrameFacts(rows, columns, count, (components[0] & 0x7F) + 1)
    return facts, _in_order(frame, start, tiles)


def _in_order(frame: bytes, start: int, tiles: int) -> bytes:
    """The codestream, ended after its last tile-part."""
    indices = []
    place = start + 2
    while _number(frame, place, 2) != _SOT:
        if _number(frame, place, 2) == _TLM:
            indices.append(place - start)
        length = _number(frame, place + 2, 2)
        if frame[place] != 0xFF or length < 2:
            raise ValueError("its main header is broken")
        place += 2 + length
    parts: dict[int, list[int]] = {}
    promised: dict[int, int] = {}
    while _number(frame, place, 2) == _SOT:
        if place + 12 > len(frame):
            raise ValueError("it is truncated")
        tile, length = _number(frame, place + 4, 2), _number(frame, place + 6, 4)
        known = parts.setdefault(tile, [])
        if tile >= tiles or frame[place + 10] != len(known) or 0 < length < 14:
            raise ValueError("its tile-parts are out of order")
        known.append(place - start)
        promised[tile] = max(promised.get(tile, 0), frame[place + 11])
        place = min(place + length, len(frame)) if length else len(frame)
        if place + 2 > len(frame):
            break
    if len(parts) < tiles or any(promised[tile] > len(known) for tile, known in parts.items()):
        raise ValueError("it is truncated")
    codestream = bytearray(frame[start:place])
    for index in indices:
        codestream[index : index + 2] = _COM
    for known in parts.values():
        for part in known:
            codestream[part + 11] = len(known)
    if not codestream.endswith(_EOC):
        codestream += _EOC
    return bytes(codestream)


def _codestream_start(frame: bytes) -> int:
    """Where the contents of the box jp2c begin, ISO/IEC 15444-1 I.4; 0 when there are no boxes."""
    if not frame.startswith(_JP2):
        return 0
    place = 0
    while frame[place + 4 : place + 8] != b"jp2c":
        length = _number(frame, place, 4)
        if length < 8:
            raise ValueError("its JP2 boxes are broken")
        place += length
    return place + 8


def _number(frame: bytes, place: int, size: int) -> int:
    """Big endian. Raises `ValueError` past the end."""
    if place + size > len(frame):
        raise ValueError("it is truncated")
    return int.from_bytes(frame[place : place + size], "big")
