"""Accepted and corrected regions and answers as MedRegInstruct records with their images.

Format: Wang et al., ICLR 2025, released `data_file.jsonl` (id, image, width, height, conversations); ours add
``task``, ``language``, ``modality`` and ``provenance``. File names and records hold no identifier of a patient or
a study.
"""

from __future__ import annotations

import json
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from engine.exchange.answer_records import AnswerRecords
from engine.exchange.errors import ExchangeError
from engine.exchange.learnt import Learnt, provenance_of
from engine.exchange.views import AnnotatedViews, has_area
from engine.files import whole_file
from engine.progress import Cancelled, NoProgress, Progress
from engine.protocol import Language, Located, Question, Task, user_text, write_located
from engine.scans import Window
from engine.store import AnnotationStore, AnswerRow, ImageRow, RegionRow

NOTICE = "Not for diagnostic use. Regions and names are annotations for training and testing models."


@dataclass(frozen=True, slots=True)
class ExportCounts:
    """What was written.

    answers : about slices, each a record. left_out : judged answers that nothing can be learnt from, see
    `engine.exchange.answer_records`.
    """

    images: int
    regions: int
    records: int
    answers: int = 0
    left_out: int = 0


@dataclass(slots=True)
class _View:
    """What was decided about one picture: a slice as it was seen through one window."""

    window: Window | None
    regions: list[RegionRow] = field(default_factory=list)
    answers: list[AnswerRow] = field(default_factory=list)


_Views = dict[int, dict[str, _View]]
"""By image, then by the picture's SHA-256."""


def export_medreginstruct(
    store: AnnotationStore,
    out: Path,
    languages: Sequence[Language] = (Language.EN, Language.ZH),
    progress: Progress | None = None,
) -> ExportCounts:
    """Write ``out`` (jsonl) and the PNG files it names in ``<out stem>_images/`` beside it.

    Each decided region with an area gives a region-to-text record, each name on a slice a text-to-region record with
    all its boxes, in each language it has a name in; each accepted or corrected answer about a slice a record of its
    task, in the language it was asked in. ``provenance`` says what people decided and which model had
    suggested it. Of a scan that was read twice one reading counts (`RegionRepository.decided`).
    ``<out stem>.meta.json`` is the released training code's description of the set, with what it is not for.
    Slices are rendered again as they were seen and compared with what was stored. Raises `ExchangeError` when there
    is nothing to export, a scan has changed or the files cannot be written, `ScanError` when a scan is gone,
    `Cancelled`; nothing is written then.
    """
    progress = progress or NoProgress()
    views = _decided(store, languages)
    try:
        with tempfile.TemporaryDirectory(prefix=f".{out.stem}_images-", dir=out.parent) as unfinished:
            return _export(store, views, out, Path(unfinished), languages, progress)
    except OSError as error:
        raise ExchangeError(f"cannot write {error.filename or out}: {error.strerror}") from error


def _decided(store: AnnotationStore, languages: Sequence[Language]) -> _Views:
    """In the order of the scans, so that each is read once. Raises `ExchangeError` when there is nothing."""
    views: _Views = defaultdict(dict)
    for region in store.regions.decided():
        if has_area(region) and any(_name(region, language) for language in languages):
            view = views[region.image_id].setdefault(region.view_sha256, _View(region.window))
            view.regions.append(region)
    for answer in store.answers.decided():
        said = answer.suggestion
        # Versions before the second migration did not keep what was seen.
        if said.language in languages and said.view_sha256:
            view = views[said.image_id].setdefault(said.view_sha256, _View(said.window))
            view.answers.append(answer)
    if not views:
        raise ExchangeError(
            f"{store.path} holds no accepted or corrected region with a name in {' or '.join(languages)} yet, nor such "
            "an answer: there is nothing to export"
        )
    return {number: views[number] for number in store.images.in_order() if number in views}


def _export(
    store: AnnotationStore,
    views: _Views,
    out: Path,
    unfinished: Path,
    languages: Sequence[Language],
    progress: Progress,
) -> ExportCounts:
    """All pictures first into the folder `unfinished`; they get their place once every one of them is right."""
    folder = out.with_name(f"{out.stem}_images")
    pictures = AnnotatedViews()
    records: list[dict[str, Any]] = []
    judged = AnswerRecords(store)
    images = regions = answers = left_out = 0
    for done, (image_id, seen) in enumerate(views.items(), start=1):
        if progress.cancelled():
            raise Cancelled
        image = store.images.get(image_id)
        # A slice seen through two windows is two pictures.
        for sha256, view in seen.items():
            volume = pictures.volume(image)
            said = [record for one in view.answers if (record := judged.record(one, image, volume)) is not None]
            left_out += len(view.answers) - len(said)
            if not view.regions and not said:
                continue
            name = f"{sha256[:16]}.png"
            _write_png(unfinished / name, pictures.render(image, view.window, sha256))
            images += 1
            regions += len(view.regions)
            answers += len(said)
            found = [*_of_regions(store, image, view.regions, languages), *said]
            records += [_record(one, f"{folder.name}/{name}", number) for number, one in enumerate(found, len(records))]
        progress.report(done, len(views), "exporting slices")
    if not records:
        raise ExchangeError(
            f"nothing can be learnt yet from the judged answers in {store.path}: their questions were not kept, or "
            "regions of their reports wait for a decision"
        )
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
    return ExportCounts(images, regions, len(records), answers, left_out)


def _write_png(path: Path, rgb: NDArray[np.uint8]) -> None:
    grey = (rgb[..., 0] == rgb[..., 1]).all() and (rgb[..., 0] == rgb[..., 2]).all()
    with whole_file(path) as temporary:
        Image.fromarray(rgb[..., 0] if grey else rgb).save(temporary, format="PNG")


def _record(learnt: Learnt, picture: str, number: int) -> dict[str, Any]:
    question = learnt.question
    return {
        "id": number,
        "image": picture,
        "width": question.width,
        "height": question.height,
        "conversations": [
            {"from": "human", "value": user_text(question)},
            {"from": "gpt", "value": learnt.answer},
        ],
        "task": question.task.value,
        "language": question.language.value,
        "modality": question.modality,
        "provenance": list(learnt.provenance),
    }


def _of_regions(
    store: AnnotationStore, image: ImageRow, regions: Sequence[RegionRow], languages: Sequence[Language]
) -> Iterator[Learnt]:
    provenance = {
        region.root_id: provenance_of(region.state.value, store.suggestions.of_region(region.root_id))
        for region in regions
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
            yield Learnt(question, name, (provenance[region.root_id],))
        for name, rows in names.items():
            question = Question(Task.TEXT_TO_REGION, language, *size, image.modality, names=(name,))
            located = (Located(name, tuple(row.box for row in rows)),)
            yield Learnt(
                question,
                write_located(located, *size, language),
                tuple(provenance[row.root_id] for row in rows),
            )


def _name(region: RegionRow, language: Language) -> str:
    return "" if region.label is None else region.label.name(language)
