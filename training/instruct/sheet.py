"""The contact sheet: some pictures of every source with their boxes drawn, for a person to look at."""

from __future__ import annotations

import hashlib
import heapq
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from engine.files import whole_file
from engine.labels import default_colours
from engine.protocol import Language, Task
from engine.regions import Box
from training.instruct.reading import located_of, read_lines
from training.records import Record

SHEET_FILE = "contact_sheet.png"
_SIDE = 300
_CAPTION = 30
_COLUMNS = 6
_MOST_DRAWN = 14
_COLOURS = default_colours(12)


@dataclass(slots=True)
class _Tile:
    """A picture and what its records say of it."""

    split: str
    source: str
    path: Path
    record: Record
    regions: dict[tuple[str, Box], None] = field(default_factory=dict)


def write_sheet(folder: Path, per_source: int = 6) -> Path:
    """Draw ``contact_sheet.png`` of a built data set: `per_source` pictures of each source, drawn by lot.

    The same set gives the same sheet. Boxes are those of the English region questions, as a model will read them.
    """
    path = folder / SHEET_FILE
    tiles = _choose(folder, per_source)
    rows = -(-len(tiles) // _COLUMNS)
    sheet = Image.new("RGB", (_COLUMNS * _SIDE, max(1, rows) * (_SIDE + _CAPTION)), "white")
    for place, tile in enumerate(tiles):
        left, top = place % _COLUMNS * _SIDE, place // _COLUMNS * (_SIDE + _CAPTION)
        sheet.paste(_drawn(tile), (left, top))
    with whole_file(path) as temporary:
        sheet.save(temporary, format="PNG")
    return path


def _choose(folder: Path, per_source: int) -> list[_Tile]:
    """The pictures with the smallest hashes of each source. Two passes, so that only these are in memory."""
    best: dict[str, list[tuple[int, str]]] = {}
    for line in read_lines([folder]):
        record = line.record()
        source, _, _ = line.more()
        rank = -int.from_bytes(hashlib.sha256(record.image.encode()).digest()[:6], "big")
        heap = best.setdefault(source, [])
        entry = (rank, f"{line.split}/{record.image}")
        if entry not in heap:
            (heapq.heappush if len(heap) < per_source else heapq.heappushpop)(heap, entry)
    wanted = {name for heap in best.values() for _, name in heap}
    tiles: dict[str, _Tile] = {}
    for line in read_lines([folder]):
        record = line.record()
        name = f"{line.split}/{record.image}"
        if name not in wanted:
            continue
        tile = tiles.setdefault(name, _Tile(line.split, line.more()[0], line.folder / record.image, record))
        if record.language is Language.EN and record.task in (Task.REGION_TO_TEXT, Task.TEXT_TO_REGION):
            for item in located_of(record):
                tile.regions.update({(item.name, box): None for box in item.boxes})
    return sorted(tiles.values(), key=lambda tile: (tile.source, tile.path.name))


def _drawn(tile: _Tile) -> Image.Image:
    canvas = Image.new("RGB", (_SIDE, _SIDE + _CAPTION), "white")
    with Image.open(tile.path) as picture:
        shown = picture.convert("RGB")
    scale = min((_SIDE - 4) / shown.width, (_SIDE - 4) / shown.height)
    shown = shown.resize((max(1, round(shown.width * scale)), max(1, round(shown.height * scale))))
    draw = ImageDraw.Draw(shown)
    font = ImageFont.load_default(11)
    colours = _colours(name for name, _ in tile.regions)
    # More would hide the picture.
    regions = list(tile.regions)[:_MOST_DRAWN]
    for name, box in regions:
        corners = [value * scale for value in box.as_tuple()]
        draw.rectangle(corners, outline=colours[name], width=2)
    # Names over all boxes, each where its label's first box begins.
    written: set[str] = set()
    for name, box in regions:
        if name not in written:
            written.add(name)
            at = (max(0, box.x1 * scale) + 2, max(0, box.y1 * scale) + 1)
            draw.rectangle(draw.textbbox(at, name, font=font), fill="black")
            draw.text(at, name, fill=colours[name], font=font)
    canvas.paste(shown, (2, 2))
    record = tile.record
    size = f"{record.width}x{record.height}"
    caption = f"{tile.source}\n{record.modality or '?'} {size} {tile.split} {Path(record.image).stem[:8]}"
    ImageDraw.Draw(canvas).text((3, _SIDE), caption, fill="black", font=font)
    return canvas


def _colours(names: Iterable[str]) -> dict[str, str]:
    return {name: _COLOURS[place % len(_COLOURS)] for place, name in enumerate(dict.fromkeys(names))}
