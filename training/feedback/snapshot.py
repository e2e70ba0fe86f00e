"""A snapshot: what people decided, frozen into a MedRegInstruct set that never changes.

The same database state and settings give the same files, byte for byte, and so the same hash.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from engine.exchange import has_area
from engine.exchange.medreginstruct import NOTICE
from engine.feedback.corrections import CorrectionFilter, corrections
from engine.feedback.errors import FeedbackError
from engine.feedback.hashes import seal
from engine.feedback.identifiers import Identifiers, require_anonymous
from engine.feedback.judges import LEAST_PATIENTS
from engine.feedback.snapshots import (
    FORMAT,
    HELD_OUT,
    MANIFEST_FILE,
    TRAIN,
    Snapshot,
    names_and_patients,
    publish,
    snapshots_folder,
)
from engine.files import whole_file
from engine.progress import Progress
from engine.protocol import Language
from engine.scans import Volume
from engine.store import AnnotationStore, ImageRow, patient_key, search_text
from engine.store.audit import canonical_json
from engine.unfinished import unfinished_folder
from training.feedback.families import Families, marks_of
from training.feedback.freezing import PatientOf, Pseudonyms, freeze_pictures, write_records
from training.feedback.label_keys import LabelKeys
from training.feedback.verdict import too_few

HELD_OUT_SHARE = 0.2
"""Of the patients; the share that the base model's own sets hold back for validation and test together."""
MAX_SIDE = 512
"""Of the pictures, in pixels: the builder's."""


class Nameless(StrEnum):
    """What stands for the patient of a scan whose header names none.

    FOLDER : the folder it lies in, as in the list of scans: never the same patient on both sides. FILE : the scan.
    Scans that share a study, a series or a picture are of one patient all the same (`Families`).
    """

    FOLDER = "folder"
    FILE = "file"


@dataclass(frozen=True, slots=True)
class SnapshotSettings:
    """How decisions are frozen. heldout_share : of the patients, the part that is never trained on."""

    wanted: CorrectionFilter = field(default_factory=CorrectionFilter)
    heldout_share: float = HELD_OUT_SHARE
    nameless: Nameless = Nameless.FOLDER
    languages: tuple[Language, ...] = tuple(Language)

    def to_json(self) -> dict[str, Any]:
        """Everything that, beside the database, decides what a snapshot holds."""
        return {
            **self.wanted.to_json(),
            "heldout_share": self.heldout_share,
            "nameless": self.nameless.value,
            "languages": sorted(language.value for language in self.languages),
        }


def take_snapshot(
    store: AnnotationStore, settings: SnapshotSettings, who: str, progress: Progress, parent: Path | None = None
) -> Snapshot:
    """Freeze the accepted and corrected regions that pass into a folder of `parent`, named by its hash.

    One that is there already is reused once every file was found to be what it was. Raises `FeedbackError` when there
    is nothing to freeze, the one that is there is damaged, or a name that somebody typed tells who a patient is;
    `ExchangeError` and `ScanError` for a scan that has changed or is gone, `StoreError`, `Cancelled`. Nothing is
    there under the final name then, and nothing is listed.
    """
    store.snapshots.require_writable()
    parent = parent or snapshots_folder()
    with store.at_one_moment():
        found = list(corrections(store, settings.wanted))
        families = _families(store, settings.nameless)
        # Nobody but this database knows it, and a copy of the database knows the same one.
        secret = next((entry.hash for entry in store.audit.all()), "")
    left_out: Counter[str] = Counter()
    usable = []
    for one in found:
        if one.region.label is None or not has_area(one.region):
            left_out["no name, or no area"] += 1
        else:
            usable.append(one)
    if not usable:
        raise FeedbackError(
            f"{store.path} holds no accepted or corrected region that passes: there is nothing to freeze. Decide about "
            "some, or ask for less"
        )
    keys = LabelKeys(one.region.label for one in usable if one.region.label is not None)
    identifiers = Identifiers(store.identifying_texts())
    parent.mkdir(parents=True, exist_ok=True)
    with unfinished_folder(parent, ".snapshot-") as unfinished:
        building = unfinished / "set"
        pictures = freeze_pictures(
            usable,
            keys,
            building,
            _patient_of(settings.nameless, identifiers),
            families,
            Pseudonyms(secret),
            settings.heldout_share,
            MAX_SIDE,
            progress,
            left_out,
        )
        counts = write_records(pictures, keys, building, settings.languages, MAX_SIDE)
        _write_manifest(building, settings, counts, left_out)
        require_anonymous(building, identifiers, "Rename that label, or ask for a snapshot without it")
        hash_ = seal(building)
        folder = parent / hash_[:16]
        reused = publish(building, folder, hash_)
    filters = canonical_json(settings.to_json())
    row = store.snapshots.keep(hash_, filters, canonical_json(counts), folder, who)
    return Snapshot(row, folder, counts, dict(left_out), reused)


def _patient_of(nameless: Nameless, identifiers: Identifiers) -> PatientOf:
    """Tells patients apart; what their scans' headers say of them is looked for in the files afterwards."""

    def patient(image: ImageRow, volume: Volume) -> str:
        identifiers.add_facts(volume.facts)
        return _named(volume.facts.patient_name, volume.facts.patient_id, image.source, nameless)

    return patient


def _named(name: str, code: str, source: str, nameless: Nameless) -> str:
    """A patient by what a header says, or else by the place of the scan."""
    if nameless is Nameless.FILE and not (name.strip() or code.strip()):
        return f"file:{source}"
    # A name is written in several ways, and one patient must not be on both sides. Two people with one number are
    # one patient here: that costs a little, the other way round would be a score on what was trained on.
    return patient_key("" if search_text(code) else name, code, source)


def _families(store: AnnotationStore, nameless: Nameless) -> Families:
    """Who is one patient by all that was ever decided on, so that a filter makes nobody two."""
    families = Families()
    for view in store.scans.decided_views():
        patient = None if view.patient is None else _named(*view.patient, view.source, nameless)
        families.link(patient, marks_of(view.study_uid, view.series_uid, view.view_sha256))
    return families


def _write_manifest(
    building: Path, settings: SnapshotSettings, counts: Mapping[str, Mapping[str, int]], left_out: Mapping[str, int]
) -> None:
    manifest = {
        "format": FORMAT,
        "notice": NOTICE,
        "filters": settings.to_json(),
        "counts": counts,
        "left_out": {reason: left_out[reason] for reason in sorted(left_out)},
    }
    with whole_file(building / MANIFEST_FILE) as temporary:
        temporary.write_bytes((json.dumps(manifest, ensure_ascii=False, indent=2) + "\n").encode())


def describe(snapshot: Snapshot) -> Sequence[str]:
    """Lines for people: what is in it, and what is wrong with that."""
    lines = [f"{snapshot.row.hash[:16]}: {snapshot.folder}" + (" (was there already)" if snapshot.reused else "")]
    for side, words in ((TRAIN, "to train on"), (HELD_OUT, "held out")):
        count = snapshot.counts[side]
        lines.append(
            f"{words}: {count['records']} records of {count['regions']} regions on {count['images']} pictures of "
            f"{count['patients']} patients"
        )
    lines += [f"left out: {number} regions, {reason}" for reason, number in snapshot.left_out.items()]
    names, patients = names_and_patients(snapshot.counts)
    if names > patients:
        lines.append(
            f"{names} names or numbers of patients count as only {patients}, because their scans have a study UID, a "
            "series UID or a picture in common: what belongs together stays on one side. If they are different people, "
            "give each study a UID of its own, and annotate those files"
        )
    held = snapshot.counts[HELD_OUT]["patients"]
    if not snapshot.counts[HELD_OUT]["records"]:
        lines.append("nothing is held out: no gate can say whether a model trained on this is better")
    elif too_few(held):
        lines.append(
            f"{held} patients are held out, and a gate needs {LEAST_PATIENTS} to tell whether a model trained on this "
            "is better: hold out a larger share, or correct regions of more patients"
        )
    if not snapshot.counts[TRAIN]["records"]:
        lines.append("all of it is held out: there is nothing to train on")
    return lines
