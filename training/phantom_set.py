"""Builds a MedRegInstruct set from generated phantoms, split by patient."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image

from engine.phantom import PHANTOM_LABELS, LabelledSlice, Phantom, render_phantom_slice
from engine.phantom.anatomy import LESIONS, Z_EXTENT_MM
from engine.progress import Cancelled, Progress
from engine.protocol import Language, Located, Question, Task, user_text, write_located
from engine.regions import Box, Label
from engine.scans.volume import Window
from training.marked_regions import regions_line
from training.records import MASKS_FILE, REGIONS_FILE, DatasetError, Record, dataset_sha256, write_records

_WINDOW = Window(40, 400)
_SEED_STEP = 1_000_000
_CARD = "dataset.json"
_SOURCE = "generated phantoms"


@dataclass(frozen=True, slots=True)
class PhantomSetSpec:
    """How much of what. Patients of different splits come from seed ranges that never meet.

    slices : a patient. size : image side in pixels.
    """

    train_patients: int = 1500
    validation_patients: int = 30
    test_patients: int = 60
    slices: int = 4
    size: int = 256
    seed: int = 1

    def splits(self) -> tuple[tuple[str, int, int], ...]:
        """(name, patients, first seed) of each split."""
        base = self.seed * 3 * _SEED_STEP
        return (
            ("train", self.train_patients, base),
            ("validation", self.validation_patients, base + _SEED_STEP),
            ("test", self.test_patients, base + 2 * _SEED_STEP),
        )


def build_phantom_set(out: Path, spec: PhantomSetSpec, progress: Progress) -> dict[str, object]:
    """Write ``out/{train,validation,test}/`` with images, label maps and a jsonl each, and ``out/dataset.json``.

    Returns what dataset.json holds: counts a split, a task, a language, a label, and the splits' hashes.
    Raises `DatasetError` if `out` is not an empty or new folder, `Cancelled` when the progress says so.
    """
    if out.exists() and any(out.iterdir()):
        raise DatasetError(f"{out} is not empty: name a new folder")
    card: dict[str, object] = {"source": _SOURCE, "licence": "Apache-2.0", "seed": spec.seed}
    total = sum(patients for _, patients, _ in spec.splits())
    done = 0
    for split, patients, first in spec.splits():
        folder = out / split
        (folder / "images").mkdir(parents=True)
        (folder / "masks").mkdir()
        records: list[Record] = []
        regions: list[str] = []
        with ProcessPoolExecutor(os.cpu_count()) as pool:
            work = partial(_build_patient, folder, spec.slices, spec.size)
            for made in pool.map(work, range(first, first + patients), chunksize=8):
                if progress.cancelled():
                    pool.shutdown(cancel_futures=True)
                    raise Cancelled
                records += made[0]
                regions += made[1]
                done += 1
                progress.report(done, total, f"phantom patients ({split})")
        names = [label.en for label in PHANTOM_LABELS]
        masks = {
            record.image: {"file": record.image.replace("images/", "masks/"), "labels": names} for record in records
        }
        (folder / MASKS_FILE).write_text(json.dumps(masks), encoding="utf-8")
        (folder / REGIONS_FILE).write_text("".join(regions), encoding="utf-8")
        write_records(folder / f"{split}.jsonl", records)
        card[split] = {
            "patients": patients,
            "images": len(masks),
            "records": len(records),
            "tasks": Counter(record.task.value for record in records),
            "languages": Counter(record.language.value for record in records),
            "sha256": dataset_sha256(folder),
        }
    (out / _CARD).write_text(json.dumps(card, indent=2), encoding="utf-8")
    return card


def _build_patient(folder: Path, slices: int, size: int, seed: int) -> tuple[list[Record], list[str]]:
    """A patient's records, and the lines of its slices in the file of marked regions."""
    phantom = Phantom.random(seed)
    rng = np.random.default_rng([seed, 77])
    records: list[Record] = []
    regions: list[str] = []
    for number, z_mm in enumerate(_positions(phantom, slices, rng)):
        cut = render_phantom_slice(phantom, z_mm, size)
        name = f"images/p{seed}_{number}.png"
        low = _WINDOW.center - 0.5 - (_WINDOW.width - 1) / 2
        grey = np.clip((cut.hu - low) / (_WINDOW.width - 1) * 255 + 0.5, 0, 255).astype(np.uint8)
        Image.fromarray(grey).save(folder / name)
        Image.fromarray(cut.labels).save(folder / name.replace("images/", "masks/"))
        records += _records(cut, name, rng)
        regions.append(_regions(cut, name))
    return records, regions


def _regions(cut: LabelledSlice, image: str) -> str:
    height, width = cut.labels.shape
    names = {label.id: label.en for label in PHANTOM_LABELS}
    regions = ((names[id], box) for id in cut.present() for box in cut.boxes(id))
    return regions_line(image, width, height, regions, complete=True)


def _positions(phantom: Phantom, slices: int, rng: np.random.Generator) -> Iterator[float]:
    """Half of the slices through lesions, as far as there are any: they are what is rare."""
    lesions = [blob for blob in phantom.blobs if blob.id in LESIONS]
    for number in range(slices):
        if lesions and number % 2:
            blob = lesions[int(rng.integers(len(lesions)))]
            z_mm = float(blob.center_mm[2] + rng.uniform(-0.7, 0.7) * blob.radii_mm[2])
        else:
            z_mm = float(rng.uniform(*Z_EXTENT_MM))
        yield float(np.clip(z_mm, *Z_EXTENT_MM))


def _records(cut: LabelledSlice, image: str, rng: np.random.Generator) -> Iterator[Record]:
    height, width = cut.labels.shape
    labels = {label.id: label for label in PHANTOM_LABELS}
    present = {id: cut.boxes(id) for id in cut.present()}
    stem = Path(image).stem

    def make(task: Task, language: Language, number: int, question: Question, answer: str) -> Record:
        id = f"{stem}-{task.value}-{language.value}-{number}"
        return Record(id, image, width, height, user_text(question), answer, task, language, "CT", stem.split("_")[0])

    for language in Language:
        number = 0
        for id, boxes in present.items():
            for box in boxes[:3]:
                question = Question(Task.REGION_TO_TEXT, language, width, height, "CT", box=box)
                yield make(question.task, language, number, question, labels[id].name(language))
                number += 1
        for number, asked in enumerate(_asked(list(present), rng)):
            names = tuple(labels[id].name(language) for id in asked)
            question = Question(Task.TEXT_TO_REGION, language, width, height, "CT", names=names)
            located = tuple(_located(labels[id], language, present) for id in asked)
            yield make(question.task, language, number, question, write_located(located, width, height, language))


def _asked(present: list[str], rng: np.random.Generator) -> Iterator[tuple[str, ...]]:
    """Each present label alone, two absent ones (lesions first: they matter), and one pair."""
    for id in present:
        yield (id,)
    absent = [label.id for label in PHANTOM_LABELS if label.id not in present]
    weights = np.array([3.0 if id in LESIONS else 1.0 for id in absent])
    for id in rng.choice(absent, size=min(2, len(absent)), replace=False, p=weights / weights.sum()):
        yield (str(id),)
    if len(present) > 1:
        pair = rng.choice(present, size=2, replace=False)
        yield (str(pair[0]), str(pair[1]))


def _located(label: Label, language: Language, present: dict[str, tuple[Box, ...]]) -> Located:
    boxes = present.get(label.id, ())
    return Located(label.name(language), boxes[:4], not_present=not boxes)


def is_phantom_set(dataset: Path) -> bool:
    """Whether a part of a data set is one that `build_phantom_set` made: its card lies beside the parts."""
    try:
        folder = dataset if dataset.is_dir() else dataset.parent
        card = json.loads((folder.parent / _CARD).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        # Sets of other makers have none, or another.
        return False
    return isinstance(card, dict) and card.get("source") == _SOURCE
