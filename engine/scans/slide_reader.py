"""The overview and the areas of a whole slide as volumes: only the tiles that they need are read."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.progress import Cancelled, Progress
from engine.scans.ahead import ahead
from engine.scans.notes import NoteKind, ScanNote, note
from engine.scans.slide import LARGEST_SHOWN, SlideArea, SlideLevel, SlideView
from engine.scans.slide_source import SlideSource, Tile, paste
from engine.scans.volume import ScanError, Volume
from engine.scans.windows import AS_STORED, default_window

MAX_AREA_SIDE = 8192
"""Longest side of an area, in pixels: 200 MB of colour."""

MAX_REDUCED_PIXELS = 500_000_000
"""Pixels of a level that are still read whole, a strip at a time, where the slide has no smaller level."""

_STRIP_ROWS = 512
# When more are broken, and they are most, the header lies about a size that takes long to read.
_FEW_TILES = 100
_WHITE = 255


@dataclass(slots=True)
class _Tally:
    """Of the tiles that were asked for."""

    total: int = 0
    broken: int = 0
    reason: str = ""


def overview_of(path: Path, levels: tuple[SlideLevel, ...]) -> tuple[int, int]:
    """(level, reduction): the largest level that can be shown whole, or the smallest one, reduced.

    Raises `ScanError` when the smallest is too large even for that.
    """
    for number, level in enumerate(levels):
        if max(level.columns, level.rows) <= LARGEST_SHOWN:
            return number, 1
    last = levels[-1]
    if last.columns * last.rows > MAX_REDUCED_PIXELS:
        raise ScanError(
            f"{path} has no level that is small enough for an overview, the smallest is {last.columns} x {last.rows}: "
            "open the folder with all files of the slide, or save it as a pyramid"
        )
    return len(levels) - 1, -(-max(last.columns, last.rows) // LARGEST_SHOWN)


def overview_shape(path: Path, levels: tuple[SlideLevel, ...]) -> tuple[int, int]:
    """(rows, columns) of the overview. Raises as `overview_of` does."""
    number, reduction = overview_of(path, levels)
    return levels[number].rows // reduction or 1, levels[number].columns // reduction or 1


def read_slide(slide: SlideSource, area: SlideArea | None, series_uid: str, source: Path, progress: Progress) -> Volume:
    """An area of a slide, or its overview, as a volume of one slice without geometry in the patient.

    series_uid, source : of the slide. Tiles that cannot be read are white with a note; `ScanError` when none can be,
    or when the area is too large or outside of the slide. Raises `Cancelled` when the progress says so.
    """
    facts = slide.facts
    tally = _Tally()
    if area is None:
        number, reduction = overview_of(slide.path, facts.levels)
        level = facts.levels[number]
        shown = SlideArea(number, 0, 0, level.columns, level.rows)
        view = SlideView(facts.levels, shown, True, reduction, facts.magnification)
    else:
        _require_inside(slide, area)
        view = SlideView(facts.levels, area, False, 1, facts.magnification)
    pixels = (
        _pixels(slide, view.area, tally, progress) if view.reduction == 1 else _reduced(slide, view, tally, progress)
    )
    is_color = pixels.ndim == 3
    x_mm, y_mm = view.spacing_mm or (1.0, 1.0)
    window = AS_STORED if pixels.dtype == np.uint8 else default_window(pixels[None], facts.modality)
    return Volume(
        voxels=pixels[None],
        spacing_mm=(x_mm, y_mm, 1.0),
        origin_mm=(0.0, 0.0, 0.0),
        direction=np.eye(3),
        modality=facts.modality,
        window=None if is_color else window,
        source=source,
        inverted=facts.inverted and not is_color,
        has_geometry=False,
        series_uid=series_uid if area is None else area.series_uid(series_uid),
        study_uid=facts.study_uid,
        instance_uids=facts.instance_uids[view.area.level : view.area.level + 1],
        description=facts.description,
        body_part=facts.body_part,
        photometric="RGB" if is_color else facts.photometric or "MONOCHROME2",
        frame_of_reference_uid=facts.frame_of_reference_uid,
        notes=_notes(view, facts.planes, tally),
        facts=facts.facts,
        slide=view,
    )


def _require_inside(slide: SlideSource, area: SlideArea) -> None:
    levels = slide.facts.levels
    if area.level >= len(levels):
        raise ScanError(f"{slide.path} has {len(levels)} levels, none of the number {area.level}")
    level = levels[area.level]
    if min(area.width, area.height) < 1 or area.x + area.width > level.columns or area.y + area.height > level.rows:
        raise ScanError(f"{area} is outside of level {area.level} of {slide.path}: {level.columns} x {level.rows}")
    if max(area.width, area.height) > MAX_AREA_SIDE:
        raise ScanError(
            f"an area of {area.width} x {area.height} pixels is too large to open: {MAX_AREA_SIDE} a side at most, "
            f"choose a smaller one or a coarser level of {slide.path}"
        )


def _pixels(slide: SlideSource, area: SlideArea, tally: _Tally, progress: Progress) -> NDArray[Any]:
    """(rows, columns) or (rows, columns, 3). Raises `ScanError` when no tile of the area can be read."""
    out: NDArray[Any] | None = None
    before = tally.broken
    asked = 0
    for tile, pixels in _decoded(slide, area, tally):
        if progress.cancelled():
            raise Cancelled
        asked += 1
        progress.report(asked, 0, "reading tiles")
        if pixels is None:
            continue
        if out is None:
            out = _blank(area, pixels)
        elif out.shape[2:] != pixels.shape[2:]:
            raise ScanError(f"{slide.path} has tiles in grey and in colour")
        elif np.promote_types(out.dtype, pixels.dtype) != out.dtype:
            out = out.astype(np.promote_types(out.dtype, pixels.dtype))
        paste(out, pixels, tile.x - area.x, tile.y - area.y)
    if out is not None:
        return out
    if tally.broken > before:
        raise ScanError(tally.reason)
    return np.full((area.height, area.width, 3), _WHITE, np.uint8)


def _blank(area: SlideArea, like: NDArray[Any]) -> NDArray[Any]:
    """White, as glass is; black where brightness is fluorescence."""
    return np.full((area.height, area.width, *like.shape[2:]), _WHITE if like.ndim == 3 else 0, like.dtype)


def _decoded(slide: SlideSource, area: SlideArea, tally: _Tally) -> Iterator[tuple[Tile, NDArray[Any] | None]]:
    """The tiles of an area in order, decoded in threads; None for one that is empty or broken."""
    with closing(ahead(slide.tiles(area), lambda tile: slide.decode(area.level, tile), "tiles")) as decoded:
        for tile, future in decoded:
            tally.total += 1
            try:
                pixels = future.result()
            except ScanError as error:
                tally.broken += 1
                tally.reason = tally.reason or str(error)
                pixels = None
            yield tile, pixels


def _reduced(slide: SlideSource, view: SlideView, tally: _Tally, progress: Progress) -> NDArray[Any]:
    """The mean of each `reduction` x `reduction` pixels; what is left over at the far edges is cut off."""
    by, whole = view.reduction, view.area
    rows, columns = whole.height // by, whole.width // by
    step = max(1, _STRIP_ROWS // by)
    strips = []
    for row in range(0, rows, step):
        count = min(step, rows - row)
        strip = _pixels(slide, SlideArea(whole.level, 0, row * by, columns * by, count * by), tally, progress)
        if tally.broken > _FEW_TILES and 2 * tally.broken > tally.total:
            raise ScanError(tally.reason)
        blocks = strip.reshape(count, by, columns, by, *strip.shape[2:])
        mean = blocks.mean(axis=(1, 3), dtype=np.float32)
        strips.append((np.rint(mean) if strip.dtype.kind in "iu" else mean).astype(strip.dtype))
    return np.concatenate(strips)


def _notes(view: SlideView, planes: int, tally: _Tally) -> tuple[ScanNote, ...]:
    shown, best = view.magnification_at(view.downsample), view.magnification_at(1)
    if view.is_overview and view.is_full:
        said = note(NoteKind.SLIDE_FULL)
    elif shown is None or best is None:
        factor = f"{view.downsample:.3g}"
        kind = NoteKind.SLIDE_REDUCED if view.is_overview else NoteKind.SLIDE_AREA_REDUCED
        said = note(kind, factor=factor)
    elif view.is_overview:
        said = note(NoteKind.SLIDE_OVERVIEW, shown=f"{shown:.3g}", best=f"{best:.3g}")
    else:
        said = note(NoteKind.SLIDE_AREA, shown=f"{shown:.3g}")
    notes = [said]
    if planes > 1:
        notes.append(note(NoteKind.SLIDE_PLANES, count=planes))
    if tally.broken:
        notes.append(note(NoteKind.BROKEN_TILES, count=tally.broken, total=tally.total, reason=tally.reason))
    return tuple(notes)
