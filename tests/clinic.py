"""Scans of several patients, and models' answers about them, for tests of what becomes of corrections."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pydicom

from engine.phantom import write_phantom_series
from engine.protocol import Language, Task
from engine.regions import Box, Label
from engine.scans import read_volume, render_slice
from engine.store import AnnotationStore, RegionRow, SuggestionRow, study_uid_of
from engine.suggest import Candidate, ImageRef, ModelRef, SuggestedRegion, Suggestion, SuggestTimings, make_image_ref

LIVER, SPLEEN, KIDNEY = Label("liver", "liver", "肝"), Label("spleen", "spleen", "脾"), Label("", "odd kidney", "")
PATIENTS = ("Okafor^Ada", "Lindqvist^Bo", "Meyer^Cem", "Tanaka^Dai", "王^伟", "Santos^Fay", "Novak^Eva")


def write_clinic(folder: Path, names: Sequence[str] = PATIENTS) -> list[Path]:
    """A small CT of each patient, under plain names: ``FOLDER/N/dicom``."""
    scans = []
    for number, name in enumerate(names):
        scan = write_phantom_series(folder / str(number), 20 + number, size=64, slice_mm=60.0) / "dicom"
        for file in scan.iterdir():
            dataset = pydicom.dcmread(file)
            dataset.PatientName, dataset.PatientID = name, f"MRN{7000 + number}"
            dataset.save_as(file)
        scans.append(scan)
    return scans


def see(scan: Path, index: int = 1) -> tuple[ImageRef, str]:
    """A slice as it is on screen, and its study."""
    volume = read_volume(scan)
    rgb = render_slice(volume, volume.plane, index)
    return make_image_ref(volume, volume.plane, index, volume.window, rgb), study_uid_of(volume)


def answer(
    image: ImageRef,
    label: Label,
    box: Box,
    probability: float = 0.8,
    *,
    others: Sequence[tuple[Label, float]] = (),
    task: Task = Task.TEXT_TO_REGION,
    adapter: str | None = None,
) -> Suggestion:
    """What a model said: where something is, or with `Task.REGION_TO_TEXT` what is in a box."""
    named = [(label, probability), *others] if task is Task.REGION_TO_TEXT else []
    candidates = tuple(Candidate(one.en, one.zh, one.id, p) for one, p in named)
    return Suggestion(
        task=task,
        language=Language.EN,
        image=image,
        prompt="asked",
        raw=label.en,
        text=label.en,
        regions=(SuggestedRegion(label.en, label.zh, label.id, box, probability),),
        candidates=candidates,
        not_present=(),
        abstained=False,
        malformed=False,
        model=ModelRef("starter", "b" * 64, adapter),
        timings_ms=SuggestTimings(1, 2, 3, 4, 10),
    )


def found(
    store: AnnotationStore, scan: Path, label: Label, box: Box, probability: float = 0.8, index: int = 1
) -> tuple[RegionRow, SuggestionRow]:
    """A model has drawn a box."""
    image, study = see(scan, index)
    (kept,) = store.record_found(answer(image, label, box, probability), study, "ann")
    return kept


def decide_clinic(store: AnnotationStore, scans: Sequence[Path]) -> None:
    """Of each patient: a liver that was accepted, a spleen that was called liver, a free name, a no, one undecided."""
    for scan in scans:
        row, said = found(store, scan, LIVER, Box(10.5, 12, 40, 44.25))
        store.accept(row.root_id, said.id, LIVER, "ann")
        row, said = found(store, scan, LIVER, Box(42, 20, 60, 50))
        store.correct(row.root_id, SPLEEN, "bob", suggestion_id=said.id, box=Box(41, 21, 58, 49))
        row, said = found(store, scan, LIVER, Box(1, 1, 9, 9))
        store.reject(row.root_id, "ann", said.id)
        row, _ = found(store, scan, LIVER, Box(5, 45, 30, 60), index=2)
        store.edits.set_label([row.root_id], KIDNEY, "bob")
        found(store, scan, SPLEEN, Box(5, 5, 30, 20), index=2)
