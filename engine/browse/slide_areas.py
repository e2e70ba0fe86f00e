"""Areas of whole slides as scans on the list, beside the slide that they are of."""

from __future__ import annotations

from pathlib import Path

from engine.scans import ScanError, SeriesEntry, SlideArea, SlideView, Volume, split_area
from engine.store import AnnotationStore, ListedScan, ScanMark, ScanRow


def slide_of(store: AnnotationStore, scan: ScanRow) -> ScanRow | None:
    """The listed overview that an area belongs to; an overview is its own."""
    return store.scans.find(scan.path, split_area(scan.series_uid)[0])


def list_area(store: AnnotationStore, scan: ScanRow, volume: Volume, area: SlideArea, who: str) -> int:
    """Put an area of the slide that `volume` shows on the list, or find it there; returns its id.

    scan : the listed scan that `volume` was read from. The same area is the same scan, so that what was annotated on
    it is found again. Raises `ScanError` when `volume` is no slide, `StoreError` when the database cannot write.
    """
    if volume.slide is None:
        raise ScanError(f"{volume.source} is no whole slide: it has no areas")
    uid = split_area(scan.series_uid)[0]
    known = store.scans.find(scan.path, area.series_uid(uid))
    if known is not None:
        # It may have been taken off the list.
        store.scan_index.mark(known, ScanMark.LISTED, who)
        return known.id
    slide = slide_of(store, scan) or scan
    split = [split_area(one.series_uid) for one in store.scans.of_path(scan.path)]
    number = sum(found is not None and of == uid for of, found in split) + 1
    scale = _scale(volume.slide, area)
    entry = SeriesEntry(
        path=Path(scan.path),
        series_uid=area.series_uid(uid),
        study_uid=scan.study_uid,
        modality=scan.modality,
        description="",
        rows=area.height,
        columns=area.width,
        slices=1,
        files=(Path(scan.path),),
        body_part=volume.body_part,
        facts=volume.facts,
    )
    listed = ListedScan(
        entry,
        f"{slide.title_en} · area {number} · {scale}",
        f"{slide.title_zh or slide.title_en} · 区域 {number} · {scale}",
        pinned=slide.pinned,
    )
    # Without stamps: the file stays that of the slide, which is what indexing looks for when it changes.
    (number,) = store.scan_index.keep([listed])
    return number


def _scale(view: SlideView, area: SlideArea) -> str:
    level = view.levels[area.level]
    if level.spacing_mm is None:
        return f"1:{view.levels[0].columns / level.columns:.3g}"
    return f"{level.spacing_mm[0] * 1000:.3g} µm/px"
