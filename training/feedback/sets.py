"""The sets of a fine-tuning: a snapshot's two parts, and a sample of what the base learnt from."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from engine.feedback.errors import FeedbackError
from engine.feedback.hashes import sealed_hash
from engine.feedback.snapshots import names_and_patients, read_manifest
from engine.files import whole_file
from engine.phantom import PHANTOM_LABELS
from engine.progress import Progress
from engine.regions import Label, LabelSet
from engine.runtime import ModelManifest, new_labels
from training.labels import labels_of
from training.phantom_set import PhantomSetSpec, build_phantom_set
from training.records import DatasetError
from training.samples import ImageSample, gather_samples

SNAPSHOT_FILE = "snapshot.json"
_LINEAGE = "lineage.ndjson"
_FEWEST_JUDGES = 2
"""Held-out patients. A gate that decides by itself needs more (`training.feedback.verdict`)."""
_PHANTOM_SEED = 1
"""The starter's own: the first patients of this seed are among those it learnt from, its test patients are not."""
_PHANTOM_SLICES = 4


@dataclass(frozen=True, slots=True)
class SnapshotFolder:
    """A frozen set of corrections, here or from another machine. sha256 : of the list of its files' hashes."""

    folder: Path
    sha256: str

    @property
    def train(self) -> Path:
        """What may be trained on."""
        return self.folder / "train"

    @property
    def heldout(self) -> Path:
        """What judges, and is never trained on."""
        return self.folder / "heldout"

    @classmethod
    def read(cls, folder: Path) -> SnapshotFolder:
        """Open one, every file of it compared with its hash. Raises `FeedbackError` naming what is not as it was."""
        if not (folder / SNAPSHOT_FILE).is_file():
            raise FeedbackError(f"{folder} is no snapshot: it has no {SNAPSHOT_FILE}")
        return cls(folder, sealed_hash(folder, "Take the snapshot again, or import it again"))

    def names_and_patients(self) -> tuple[int, int]:
        """How many patients scans' headers name, and how many these are; alike where the snapshot does not say."""
        try:
            return names_and_patients(read_manifest(self.folder)["counts"])
        except (FeedbackError, KeyError):
            return 0, 0

    def taught(self, known: LabelSet) -> tuple[Label, ...]:
        """The names of what may be trained on that a model does not have yet, each in both languages if anybody said,
        and those that it has, with the modalities and the patients that they were corrected in. Raises `DatasetError`.
        """
        pairs: dict[str, Label] = {}
        for line in self._lineage():
            id_, english, chinese = line["made"]["label"][:3]
            label = Label(id_ or english or chinese, english or chinese, chinese or english)
            pairs |= {label.en.casefold(): label, label.zh.casefold(): label}
        found: list[Label] = []
        again: dict[str, Label] = {}
        for label in labels_of([self.train], known):
            # A name outside the ontology comes as two labels, one a language.
            if label.en == label.zh and label.en.casefold() in pairs:
                known_as = pairs[label.en.casefold()]
                label = replace(known_as, modalities=label.modalities, patients=label.patients)
            own = known.find(label.id)
            if own is None:
                found += new_labels(LabelSet([*known, *found]), [label])
            else:
                # One that the base has may come under several names.
                again[own.id] = _together(again.get(own.id, label), label)
        return (*found, *(replace(label, id=id_) for id_, label in again.items()))

    def _lineage(self) -> list[dict[str, Any]]:
        path = self.folder / _LINEAGE
        if not path.is_file():
            return []
        try:
            # Not `splitlines`: a text may hold what that takes for an end of a line, such as U+2028.
            lines = [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n") if line]
            return [line for line in lines if line["made"]["label"]]
        except (ValueError, KeyError, TypeError) as error:
            raise DatasetError(f"{path} does not say what was decided: {error!r}") from error


@dataclass(frozen=True, slots=True)
class BaseSet:
    """A sample of what a base learnt from, or is tested with. source : for the record, in words."""

    folder: Path
    source: str


def replay_set(manifest: ModelManifest, given: Path | None, out: Path, images: int, progress: Progress) -> BaseSet:
    """What a fine-tuning is reminded of so that nothing is forgotten: the set `given`, else phantoms, made in `out`.

    images : how many are wanted; a given set may hold more. Phantoms fit a base that has their labels and no other.
    Raises `DatasetError` when nothing fits the base.
    """
    if given is not None:
        return BaseSet(given, f"the set {given.name}")
    patients = -(-images // _PHANTOM_SLICES)
    _require_phantoms(manifest, "--replay with a set it was trained on")
    spec = PhantomSetSpec(patients, 0, 0, slices=_PHANTOM_SLICES, seed=_PHANTOM_SEED)
    return BaseSet(_phantoms(out, spec, progress) / "train", f"generated phantoms, {patients} training patients")


def base_test_set(manifest: ModelManifest, given: Path | None, out: Path, patients: int, progress: Progress) -> BaseSet:
    """What a gate looks for forgetting with, the same each time: the set `given`, else phantoms, made in `out`.

    As with `replay_set`, phantoms fit not every base. Raises `DatasetError` when nothing fits the base.
    """
    if given is not None:
        return BaseSet(given, f"the set {given.name}")
    _require_phantoms(manifest, "--base-test with a test set of its own")
    return phantom_test_set(out, patients, progress)


def phantom_test_set(out: Path, patients: int, progress: Progress) -> BaseSet:
    """Phantoms that no base learnt from, made in `out`: what a base of phantoms is tested with."""
    spec = PhantomSetSpec(0, 0, patients, slices=_PHANTOM_SLICES // 2, seed=_PHANTOM_SEED)
    return BaseSet(_phantoms(out, spec, progress) / "test", f"generated phantoms, {patients} test patients")


def sample_images(samples: Sequence[ImageSample], count: int, seed: int) -> list[ImageSample]:
    """At most so many images, drawn without putting back, in the order of their paths."""
    if len(samples) <= count:
        return list(samples)
    chosen = np.random.default_rng(seed).choice(len(samples), count, replace=False)
    return [samples[number] for number in sorted(map(int, chosen))]


def require_apart(ours: Sequence[ImageSample], theirs: Sequence[ImageSample], what: str) -> None:
    """Raise `DatasetError` when a patient or a picture is in both: a score on what was trained on says nothing."""
    patients = {record.group for sample in ours for record in sample.records}
    shared = patients & {record.group for sample in theirs for record in sample.records}
    if shared:
        raise DatasetError(f"{len(shared)} patients of {what} are also trained on, first {min(shared)}")
    pictures = {_picture(sample.path) for sample in ours}
    for sample in theirs:
        if _picture(sample.path) in pictures:
            raise DatasetError(f"the picture {sample.path} of {what} is also trained on")


def heldout_samples(snapshot: SnapshotFolder) -> list[ImageSample]:
    """The images that judge; none where the snapshot holds nothing out."""
    if not any(file.stat().st_size for file in snapshot.heldout.glob("*.jsonl")):
        return []
    return gather_samples([snapshot.heldout])


def require_judges(snapshot: SnapshotFolder, held: Sequence[ImageSample]) -> None:
    """Raise `DatasetError` for a snapshot that holds out too few patients to compare anything: after hours of training
    nobody could tell whether it became better. held : its `heldout_samples`.
    """
    patients = len({record.group for sample in held for record in sample.records})
    if patients < _FEWEST_JUDGES:
        names, these = snapshot.names_and_patients()
        if names > these:
            raise DatasetError(
                f"the snapshot {snapshot.folder.name} holds out {patients} of its patients, and without "
                f"{_FEWEST_JUDGES} nothing can be compared: {names} names or numbers count as only {these} patients, "
                "because their scans have a study UID, a series UID or a picture in common. If they are different "
                "people, give each study a UID of its own, annotate those files, and begin anew"
            )
        raise DatasetError(
            f"the snapshot {snapshot.folder.name} holds out {patients} of its patients, and without {_FEWEST_JUDGES} "
            "nothing can be compared: hold out a larger share, or correct regions of more patients, and begin anew"
        )


def write_json(path: Path, document: Any) -> None:
    """Write it whole or not at all."""
    with whole_file(path) as target:
        target.write_text(json.dumps(document, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")


def _picture(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _require_phantoms(manifest: ModelManifest, option: str) -> None:
    # Who knows other names too learnt from something else, and a liver in a real scan is no phantom's.
    if {label.id for label in manifest.labels()} != {label.id for label in PHANTOM_LABELS}:
        raise DatasetError(f"{manifest.id} did not learn from generated phantoms: name {option}")


def _phantoms(out: Path, spec: PhantomSetSpec, progress: Progress) -> Path:
    # The card comes last: without it a kill left half a set.
    if not (out / "dataset.json").is_file():
        shutil.rmtree(out, ignore_errors=True)
        build_phantom_set(out, spec, progress)
    return out


def _together(one: Label, other: Label) -> Label:
    """A label met under two names. Its patients are counted once: the same ones are asked about in both languages."""
    patients = dict(one.patients)
    for family, count in other.patients:
        patients[family] = max(count, patients.get(family, 0))
    return replace(
        one,
        modalities=tuple(sorted({*one.modalities, *other.modalities})) if one.modalities and other.modalities else (),
        patients=tuple(sorted(patients.items())) if one.patients and other.patients else (),
    )
