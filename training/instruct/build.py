"""A whole build: pictures in, duplicates, splits, questions out, card and contact sheet."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
from pathlib import Path
from typing import Any

from engine.files import whole_file
from engine.progress import Progress
from training.instruct.card import FACTS_FILE, make_card, read_facts
from training.instruct.catalogue import Catalogue
from training.instruct.ingest import ingest
from training.instruct.sheet import write_sheet
from training.instruct.spec import SPLITS, Spec
from training.instruct.splits import assign_splits, find_twins
from training.instruct.writer import write_questions
from training.records import DatasetError, dataset_sha256

_BUILDING = ".build"
"""Inside the data set's folder while it is built; gone when it is done."""


def build_dataset(spec: Spec, out: Path, progress: Progress, workers: int | None = None) -> dict[str, Any]:
    """Build a data set into `out`, or go on with one that was stopped or killed there; gives its card.

    workers : processes that read pictures, as many as there are cores when None. A finished set of the same spec is
    left as it is. Raises `DatasetError` when `out` holds something else, a source cannot be read, or the disk is
    full; `Cancelled`. What is done by then is kept, and the same call goes on from there.
    """
    if (out / FACTS_FILE).is_file():
        if read_facts(out)["fingerprint"] != spec.fingerprint():
            raise DatasetError(f"{out} holds a data set of another spec: name a new folder, or delete it")
        return _finish(out)
    building = out / _BUILDING
    if out.exists() and not building.is_dir() and any(out.iterdir()):
        raise DatasetError(f"{out} is not empty: name a new folder")
    if not spec.used():
        raise DatasetError(f"the spec {spec.name} allows no source: their terms are not among {', '.join(spec.allow)}")
    try:
        building.mkdir(parents=True, exist_ok=True)
        _build(spec, out, building, progress, workers or os.cpu_count() or 1)
        return _finish(out)
    except OSError as error:
        raise DatasetError(
            f"cannot write {error.filename or out}: {error.strerror}. What is done is kept: the same command goes on"
        ) from error
    except sqlite3.Error as error:
        raise DatasetError(
            f"cannot write the catalogue in {building}: {error}. What is done is kept: the same command goes on"
        ) from error


def _build(spec: Spec, out: Path, building: Path, progress: Progress, workers: int) -> None:
    catalogue = Catalogue(building / "catalogue.sqlite", spec.fingerprint())
    try:
        naming = spec.naming()
        if catalogue.about("ingested") is None:
            ingest(spec, catalogue, building, workers, progress)
            catalogue.set_about("ingested", "yes")
        if catalogue.about("split") is None:
            find_twins(catalogue, spec.duplicates.distance, progress)
            assign_splits(catalogue, spec)
            catalogue.set_about("split", "yes")
        written = write_questions(spec, catalogue, naming, building, out, progress)
        facts = _facts(spec, catalogue, out) | written
    finally:
        catalogue.close()
    with whole_file(out / FACTS_FILE) as temporary:
        temporary.write_text(json.dumps(facts, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")


def _finish(out: Path) -> dict[str, Any]:
    """What is made of the finished files alone, also after a build that was killed at this point."""
    if (out / _BUILDING).is_dir():
        shutil.rmtree(out / _BUILDING)
    card = make_card(out)
    write_sheet(out)
    return card


def _facts(spec: Spec, catalogue: Catalogue, out: Path) -> dict[str, Any]:
    rows = catalogue.db.execute("SELECT source, count(*), count(DISTINCT grp) FROM image GROUP BY source").fetchall()
    sizes = {source: (images, groups) for source, images, groups in rows}
    described = ("name", "kind", "licence", "licence_url", "attribution", "terms")
    sources = [
        {name: getattr(source, name) for name in described}
        | dict(zip(("images", "groups"), sizes.get(source.name, (0, 0)), strict=True))
        for source in spec.used()
    ]
    used = {source.name for source in spec.used()}
    excluded = [
        {name: getattr(source, name) for name in described}
        | {"why": source.leave_out or f"its terms are {source.terms} ({source.licence})"}
        for source in spec.sources
        if source.name not in used
    ]
    return {
        "name": spec.name,
        "version": spec.version,
        "fingerprint": spec.fingerprint(),
        "languages": list(spec.languages),
        "own_labels": [{"en": label.en, "zh": label.zh} for label in spec.own_labels],
        "sources": sources,
        "excluded": excluded,
        "unknown": catalogue.unknown(),
        "broken": catalogue.broken(),
        "duplicates": {"distance": spec.duplicates.distance, "pairs": catalogue.count("twin")},
        "sha256": {split: dataset_sha256(out / split) for split in SPLITS if any((out / split).glob("*.jsonl"))},
    }
