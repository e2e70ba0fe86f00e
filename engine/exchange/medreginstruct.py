"""Accepted and corrected regions as MedRegInstruct records with their images.

Format: Wang et al., ICLR 2025, released `data_file.jsonl` (id, image, width, height, conversations); ours add
``task``, ``language``, ``modality`` and ``provenance``. File names and records hold no identifier of a patient or
a study.
"""

from __future__ import annotations

import json
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from engine.exchange.errors import ExchangeError
from engine.exchange.views import AnnotatedViews, by_view, has_area
from engine.files import whole_file
from engine.progress import Cancelled, NoProgress, Progress
from engine.protocol import Language, Located, Question, Task, user_text, write_located
from engine.store import AnnotationStore, ImageRow, RegionRow

NOTICE = "Not for diagnostic use. Regions and names are annotations for training and testing models."


@dataclass(frozen=True, slots=True)
class ExportCounts:
    """What was written."""

    images: int
    regions: int
    records: int


def export_medreginstruct(
    store: AnnotationStore,
    out: Path,
    languages: Sequence[Language] = (Language.EN, Language.ZH),
    progress: Progress | None = None,
) -> ExportCounts:
    """Write ``out`` (jsonl) and the PNG files it names in ``<out stem>_images/`` beside it.

    Each decided region with an area gives a region-to-text record, each name on a slice a text-to-region record with
    all its boxes, in each language it has a name in; ``provenance`` says what people decided and which model had
    suggested it. Of a scan that was read twice one reading counts (`RegionRepository.decided`).
    ``<out stem>.meta.json`` is the released training code's description of the set, with what it is not for.
    Slices are rendered again as they were seen and compared with what was stored. Raises `ExchangeError` when there
    is nothing to export, a scan has changed or the files cannot be written, `ScanError` when a scan is gone,
    `Cancelled`; nothing is written then.
    """
    progress = progress or NoProgress()
    by_image: dict[int, list[RegionRow]] = defaultdict(list)
    for region in store.regions.decided():
        if has_area(region) and any(_name(region, language) for language in languages):
            by_image[region.image_id].append(region)
    if not by_image:
        raise ExchangeError(
            f"{store.path} holds no accepted or corrected region with a name in {' or '.join(languages)} yet: there "
            "is nothing to export"
        )
    try:
        with tempfile.TemporaryDirectory(prefix=f".{out.stem}_images-", dir=out.parent) as unfinished:
            return _export(store, by_image, out, Path(unfinished), languages, progress)
    except OSError as error:
        raise ExchangeError(f"cannot write {error.filename or out}: {error.strerror}") from error


def _export(
    store: AnnotationStore,
    by_image: dict[int, list[RegionRow]],
    out: Path,
    unfinished: Path,
    languages: Sequence[Language],
    progress: Progress,
) -> ExportCounts:
    """All pictures first into the folder `unfinished`; they get their place once every one of them is right."""
    folder = out.with_name(f"{out.stem}_images")
    views = AnnotatedViews()
    records: list[dict[str, Any]] = []
    images = 0
    for done, (image_id, regions) in enumerate(by_image.items(), start=1):
        if progress.cancelled():
            raise Cancelled
        image = store.images.get(image_id)
        for view, seen in by_view(regions).items():
            name = f"{view[:16]}.png"
            _write_png(unfinished / name, views.render(image, seen[0]))
            images += 1
            records += _records(store, f"{folder.name}/{name}", image, seen, languages, len(records))
        progress.report(done, len(by_image), "exporting slices")
    folder.mkdir(exist_ok=True)
    for picture in unfinished.iterdir():
        picture.replace(folder / picture.name)
    with whole_file(out) as temporary:
        lines = (json.dumps(record, ensure_ascii=False) + "\n" for record in records)
        temporary.write_text("".join(lines), encoding="utf-8")
    meta = {
        "notice": NOTICE,
        "root": ".",
        "annotation": out.name,
        "length": len(records),
        "repeat_time": 1,
        # Crops without moving the boxes, which is what the released code does, would make them wrong.
        "data_augment": False,
    }
    with whole_file(out.with_suffix(".meta.json")) as temporary:
        temporary.write_text(json.dumps(meta, indent=2) + "\n", encoding="utf-8")
    return ExportCounts(images, sum(map(len, by_image.values())), len(records))


def _write_png(path: Path, rgb: NDArray[np.uint8]) -> None:
    grey = (rgb[..., 0] == rgb[..., 1]).all() and (rgb[..., 0] == rgb[..., 2]).all()
    with whole_file(path) as temporary:
        Image.fromarray(rgb[..., 0] if grey else rgb).save(temporary, format="PNG")


def _records(
    store: AnnotationStore,
    picture: str,
    image: ImageRow,
    regions: Sequence[RegionRow],
    languages: Sequence[Language],
    start: int,
) -> Iterator[dict[str, Any]]:
    provenance = {region.root_id: _provenance(store, region) for region in regions}

    def record(question: Question, answer: str, rows: Sequence[RegionRow]) -> dict[str, Any]:
        nonlocal start
        start += 1
        return {
            "id": start - 1,
            "image": picture,
            "width": image.width,
            "height": image.height,
            "conversations": [
                {"from": "human", "value": user_text(question)},
                {"from": "gpt", "value": answer},
            ],
            "task": question.task.value,
            "language": question.language.value,
            "modality": image.modality,
            "provenance": [provenance[row.root_id] for row in rows],
        }

    size = (image.width, image.height)
    for language in languages:
        names: dict[str, list[RegionRow]] = defaultdict(list)
        for region in regions:
            name = _name(region, language)
            # A label typed freely has a name in one language only.
            if not name:
                continue
            names[name].append(region)
            question = Question(Task.REGION_TO_TEXT, language, *size, image.modality, box=region.box)
            yield record(question, name, [region])
        for name, rows in names.items():
            question = Question(Task.TEXT_TO_REGION, language, *size, image.modality, names=(name,))
            located = (Located(name, tuple(row.box for row in rows)),)
            yield record(question, write_located(located, *size, language), rows)


def _provenance(store: AnnotationStore, region: RegionRow) -> dict[str, Any]:
    """What a person decided about a region, and which model had said something about it before, None if none had."""
    said = store.suggestions.of_region(region.root_id)
    model = None if said is None else {"id": said.model_id, "sha256": said.model_sha256, "adapter": said.adapter}
    return {"decision": region.state.value, "model": model}


def _name(region: RegionRow, language: Language) -> str:
    return "" if region.label is None else region.label.name(language)
