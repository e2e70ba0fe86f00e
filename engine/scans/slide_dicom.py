"""Whole slides in DICOM: files of one series, each a level cut into frames, PS3.3 C.8.12.4 and C.7.6.17.3.

Frames are taken from the file one by one, because the whole of a level does not fit into memory.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate, parse_basic_offsets, parse_fragments
from pydicom.uid import VLWholeSlideMicroscopyImageStorage

from engine.scans.dicom_display import read_display, read_facts
from engine.scans.dicom_geometry import functional_group
from engine.scans.dicom_header import DicomHeader, dicom_edge, numbers, plain_text, read_headers_only
from engine.scans.dicom_pixels import frame_count, iter_frames
from engine.scans.limits import require_plausible_compression
from engine.scans.slide import SlideArea, SlideLevel
from engine.scans.slide_source import MAX_TILE_BYTES, SlideFacts, Tile
from engine.scans.volume import ScanError

_PIXEL_DATA = 0x7FE00010
# What a frame needs to become pixels.
_PIXEL_ELEMENTS = (
    "SamplesPerPixel",
    "PhotometricInterpretation",
    "PlanarConfiguration",
    "Rows",
    "Columns",
    "BitsAllocated",
    "BitsStored",
    "HighBit",
    "PixelRepresentation",
    "RescaleSlope",
    "RescaleIntercept",
    "RedPaletteColorLookupTableDescriptor",
    "GreenPaletteColorLookupTableDescriptor",
    "BluePaletteColorLookupTableDescriptor",
    "RedPaletteColorLookupTableData",
    "GreenPaletteColorLookupTableData",
    "BluePaletteColorLookupTableData",
)


def is_pyramid_file(header: DicomHeader) -> bool:
    """Whether a file is a level of a slide; its label and its macro photograph are pictures of their own."""
    is_picture = any(word in one for one in header.splits for word in (b"LABEL", b"OVERVIEW"))
    return header.sop_class_uid == VLWholeSlideMicroscopyImageStorage and not is_picture


class DicomSlide:
    """The levels of one series. Reads headers only, until tiles are asked for; nothing needs to be closed.

    Raises `ScanError` naming the file that is broken. Levels are told apart by their size. A level may be spread over
    several files (a concatenation, PS3.3 C.7.6.16.2.2.4); other files of the same size are further depths or channels.
    """

    def __init__(self, headers: Sequence[DicomHeader]) -> None:
        parts = [_Part(header) for header in headers]
        self._levels: list[list[_Part]] = []
        others = 0
        for size in sorted({part.size for part in parts}, reverse=True):
            together: dict[str, list[_Part]] = {}
            for part in sorted((part for part in parts if part.size == size), key=lambda one: one.order):
                together.setdefault(part.concatenation, []).append(part)
            self._levels.append(next(iter(together.values())))
            others = max(others, len(together) - 1)
        first = self._levels[0][0]
        self.path = first.path
        with dicom_edge(first.path, "read how to show"):
            display, facts = read_display(first.dataset), read_facts(first.dataset)
            power = [
                numbers(one.get("ObjectiveLensPower"), 1) for one in first.dataset.get("OpticalPathSequence") or []
            ]
        self.files = tuple(part.path for level in self._levels for part in level)
        self.facts = SlideFacts(
            levels=tuple(SlideLevel(*level[0].size, level[0].spacing_mm) for level in self._levels),
            magnification=power[0][0] if power and power[0] and power[0][0] > 0 else None,
            planes=max(part.planes for part in parts) + others,
            inverted=display.inverted,
            modality=first.header.modality,
            study_uid=first.header.study_uid,
            description=display.description,
            body_part=display.body_part,
            photometric=display.photometric,
            frame_of_reference_uid=display.frame_of_reference_uid,
            instance_uids=tuple(level[0].header.sop_instance_uid for level in self._levels),
            facts=facts,
        )

    def tiles(self, area: SlideArea) -> Iterator[Tile]:
        """The frames that the area touches, each place once."""
        seen: set[tuple[int, int]] = set()
        start = 0
        for part in self._levels[area.level]:
            for tile in part.tiles(area):
                if (tile.x, tile.y) not in seen:
                    seen.add((tile.x, tile.y))
                    yield Tile(tile.x, tile.y, start + tile.key)
            start += part.frames

    def decode(self, level: int, tile: Tile) -> NDArray[Any] | None:
        """A frame as `iter_frames` gives it. Raises `ScanError` naming the file."""
        number = tile.key
        for part in self._levels[level]:
            if number < part.frames:
                return part.decode(number)
            number -= part.frames
        raise ScanError(f"{self.path} has no frame for a tile")


@dataclass(frozen=True, slots=True, eq=False)
class _Places:
    """x, y : (tiles,) first pixels in the level. frames : (tiles,) where they are stored."""

    x: NDArray[np.int64]
    y: NDArray[np.int64]
    frames: NDArray[np.int64]


class _Part:
    """One file of a slide."""

    def __init__(self, header: DicomHeader) -> None:
        self.header, self.path = header, header.path
        self.dataset = read_headers_only(header.path)
        self._lock = threading.Lock()
        self._offsets: list[tuple[int, int]] | None = None
        dataset = self.dataset
        with dicom_edge(self.path, "read the tiles of"):
            self.frames = frame_count(dataset)
            self.tile = (int(dataset.Columns), int(dataset.Rows))
            columns = int(dataset.get("TotalPixelMatrixColumns") or dataset.Columns)
            rows = int(dataset.get("TotalPixelMatrixRows") or dataset.Rows)
            samples = int(dataset.get("SamplesPerPixel") or 1)
            self._frame_bits = self.tile[0] * self.tile[1] * samples * int(dataset.get("BitsAllocated") or 8)
            if min(columns, rows, *self.tile) < 1 or self._frame_bits // 8 > MAX_TILE_BYTES:
                raise ScanError(f"{self.path} claims the impossible size {columns} x {rows} in tiles {self.tile}")
            self.size = (columns, rows)
            self.spacing_mm = self._spacing()
            is_full = plain_text(dataset.get("DimensionOrganizationType")) == "TILED_FULL"
            has_places = "PerFrameFunctionalGroupsSequence" in dataset
            self._first = int(dataset.get("ConcatenationFrameOffsetNumber") or 0)
            uid = plain_text(dataset.get("ConcatenationUID"))
            self.concatenation = uid or header.sop_instance_uid or str(header.path)
            self.order = (header.instance_number, self._first, str(header.path))
            self.planes, self._places = self._full() if is_full or not has_places else self._sparse()

    def tiles(self, area: SlideArea) -> Iterator[Tile]:
        width, height = self.tile
        places = self._places
        if places is None:
            across = -(-self.size[0] // width)
            for row in range(area.y // height, -(-(area.y + area.height) // height)):
                for column in range(area.x // width, -(-(area.x + area.width) // width)):
                    frame = row * across + column - self._first
                    if 0 <= frame < self.frames:
                        yield Tile(column * width, row * height, frame)
            return
        inside = (places.x < area.x + area.width) & (places.x + width > area.x)
        inside &= (places.y < area.y + area.height) & (places.y + height > area.y)
        for number in np.flatnonzero(inside):
            yield Tile(int(places.x[number]), int(places.y[number]), int(places.frames[number]))

    def decode(self, frame: int) -> NDArray[Any]:
        single = Dataset()
        for name in _PIXEL_ELEMENTS:
            if name in self.dataset:
                single[name] = self.dataset[name]
        with dicom_edge(self.path, "decode a tile of"):
            groups = list(self.dataset.get("SharedFunctionalGroupsSequence") or [])[:1]
            if groups:
                single.SharedFunctionalGroupsSequence = groups
            single.file_meta = self.dataset.file_meta
            single.set_original_encoding(*self.dataset.original_encoding)
            data = self._frame(frame)
            if self.header.is_compressed:
                require_plausible_compression(self.path, len(data), self._frame_bits // 8)
                single.PixelData = encapsulate([data], has_bot=False)
                single["PixelData"].is_undefined_length = True
            else:
                single.PixelData = data
        (pixels,) = iter_frames(single, self.path)
        return pixels

    def _frame(self, number: int) -> bytes:
        """The stored bytes of a frame."""
        with self._lock:
            if self._offsets is None:
                self._offsets = self._find_frames()
            if number >= len(self._offsets):
                raise ScanError(f"{self.path} is truncated: it has {len(self._offsets)} of {self.frames} tiles")
            offset, length = self._offsets[number]
            with self.path.open("rb") as stream:
                stream.seek(offset)
                data = stream.read(length)
        if len(data) < length:
            raise ScanError(f"{self.path} is truncated: a tile takes {len(data)} bytes instead of {length}")
        return _joined(data) if self.header.is_compressed else data

    def _find_frames(self) -> list[tuple[int, int]]:
        """(offset, length) of each frame in the file; of compressed ones with the tags of their items."""
        with self.path.open("rb") as stream:
            pydicom.dcmread(stream, force=True, stop_before_pixels=True, specific_tags=["SOPClassUID"])
            head = stream.read(12)
            if head[:4] != b"\xe0\x7f\x10\x00" or self.dataset.original_encoding[1] is False:
                raise ScanError(f"{self.path} holds no pixel data that can be read by tile")
            is_explicit = head[4:6] in (b"OB", b"OW")
            if not is_explicit:
                stream.seek(-4, 1)
            start = stream.tell()
            if not self.header.is_compressed:
                if self._frame_bits % 8:
                    raise ScanError(f"{self.path} has tiles that share a byte, which are not read here")
                size = self._frame_bits // 8
                return [(start + number * size, size) for number in range(self.frames)]
            basic = parse_basic_offsets(stream)
            count, fragments = parse_fragments(stream)
            base = stream.tell()
            stream.seek(0, 2)
            end = stream.tell()
        # From each frame to the next one: a frame may be several fragments.
        starts = [base + offset for offset in basic] if len(basic) == self.frames else fragments
        if len(starts) != self.frames and count != self.frames:
            starts = fragments[: self.frames]
        stops = [*starts[1:], min(end, _end_of(fragments, self.path))]
        return [(begin, max(0, stop - begin)) for begin, stop in zip(starts, stops, strict=True)]

    def _spacing(self) -> tuple[float, float] | None:
        measures = functional_group(self.dataset, 0, "PixelMeasuresSequence") or Dataset()
        found = numbers(measures.get("PixelSpacing"), 2) or numbers(self.dataset.get("PixelSpacing"), 2)
        # Stored as row distance first: that is y.
        return None if found is None or min(found) <= 0 else (found[1], found[0])

    def _full(self) -> tuple[int, _Places | None]:
        """Row by row, then the next depth or optical path: only the first is shown."""
        tiles = -(-self.size[0] // self.tile[0]) * -(-self.size[1] // self.tile[1])
        depths = int(self.dataset.get("TotalPixelMatrixFocalPlanes") or 1)
        paths = int(self.dataset.get("NumberOfOpticalPaths") or 1)
        if self._first >= tiles:
            nothing = np.empty(0, np.int64)
            return max(1, depths * paths), _Places(nothing, nothing, nothing)
        return max(1, depths * paths), None

    def _sparse(self) -> tuple[int, _Places]:
        """Each frame says where it lies; of several at one place the first is shown."""
        at: dict[tuple[int, int], int] = {}
        most: dict[tuple[int, int], int] = {}
        for frame in range(self.frames):
            place = functional_group(self.dataset, frame, "PlanePositionSlideSequence") or Dataset()
            x, y = (numbers(place.get(f"{name}PositionInTotalImagePixelMatrix"), 1) for name in ("Column", "Row"))
            if x is None or y is None:
                raise ScanError(f"{self.path} does not say where its tile {frame + 1} lies")
            # Stored from 1.
            key = (int(x[0]) - 1, int(y[0]) - 1)
            at.setdefault(key, frame)
            most[key] = most.get(key, 0) + 1
        x_y = np.array(list(at), np.int64).reshape(-1, 2)
        frames = np.array(list(at.values()), np.int64)
        return max(most.values(), default=1), _Places(x_y[:, 0], x_y[:, 1], frames)


def _end_of(fragments: list[int], path: Path) -> int:
    if not fragments:
        raise ScanError(f"{path} is truncated: it has no tiles")
    with path.open("rb") as stream:
        stream.seek(fragments[-1] + 4)
        return fragments[-1] + 8 + int.from_bytes(stream.read(4), "little")


def _joined(items: bytes) -> bytes:
    """The contents of the items of one frame, PS3.5 A.4."""
    place, parts = 0, []
    while items[place : place + 4] == b"\xfe\xff\x00\xe0":
        length = int.from_bytes(items[place + 4 : place + 8], "little")
        parts.append(items[place + 8 : place + 8 + length])
        place += 8 + length
    return b"".join(parts)
