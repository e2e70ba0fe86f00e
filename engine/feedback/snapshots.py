"""A snapshot on the disk: a folder with a MedRegInstruct set of people's decisions, in which nothing ever changes.

``train/`` and ``heldout/`` are data sets, of different patients; ``lineage.ndjson`` leads from each region to its rows
in the database; ``snapshot.json`` says what is in it; ``SHA256SUMS`` has the hash of every file, and the hash of that
list is the snapshot's. `training.feedback.snapshot` makes them.
"""

from __future__ import annotations

import contextlib
import json
import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import platformdirs

from engine.feedback.errors import FeedbackError
from engine.feedback.hashes import sealed_hash
from engine.store import SnapshotRow

TRAIN, HELD_OUT = "train", "heldout"
SIDES = (TRAIN, HELD_OUT)
LINEAGE_FILE = "lineage.ndjson"
MANIFEST_FILE = "snapshot.json"
FORMAT = 3
"""Raised when the same decisions give other files. In 1 a patient was number and name together, and what was accepted
many at once could be held out; up to 2 scans of one study could be of two patients. Such snapshots are read as before.
"""

_REMEDY = "Delete the folder and take the snapshot again, or import it again"


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A frozen set. row : as the database lists it. reused : it was there already. left_out : regions, by reason.

    counts : patients, images, regions and records of each side, and since format 3 names: patients as their headers
    have them, of which several may be one.
    """

    row: SnapshotRow
    folder: Path
    counts: Mapping[str, Mapping[str, int]]
    left_out: Mapping[str, int]
    reused: bool

    @property
    def train(self) -> Path:
        """The data set to train on."""
        return self.folder / TRAIN

    @property
    def heldout(self) -> Path:
        """The data set to score with, of other patients."""
        return self.folder / HELD_OUT


def snapshots_folder() -> Path:
    """Where snapshots lie unless told otherwise: the platform's user data folder."""
    return platformdirs.user_data_path("medrega-desktop") / "feedback" / "snapshots"


def names_and_patients(counts: Mapping[str, Mapping[str, int]]) -> tuple[int, int]:
    """How many patients scans' headers name, and how many these are (see `Snapshot.counts`)."""
    patients = sum(one["patients"] for one in counts.values())
    return sum(one.get("names", one["patients"]) for one in counts.values()), patients


def open_snapshot(row: SnapshotRow) -> Snapshot:
    """A listed snapshot, once every file of it was found to be what it was. Raises `FeedbackError` naming the remedy.

    What trains or scores on a snapshot opens it through here.
    """
    folder = Path(row.folder)
    require_sound(folder, row.hash)
    manifest = read_manifest(folder)
    return Snapshot(row, folder, manifest["counts"], manifest["left_out"], True)


def require_sound(folder: Path, hash_: str) -> None:
    """Raise `FeedbackError` unless a snapshot is what its hash says."""
    if sealed_hash(folder, _REMEDY) != hash_:
        raise FeedbackError(f"{folder} is damaged: it holds another snapshot than it is listed as. {_REMEDY}")


def read_manifest(folder: Path) -> dict[str, Any]:
    """What a snapshot says of itself. Raises `FeedbackError` for a folder that is none, or a newer version's."""
    path = folder / MANIFEST_FILE
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
        format_ = manifest["format"]
        counts, left_out, filters = (manifest[name] for name in ("counts", "left_out", "filters"))
        whole = set(counts) == set(SIDES) and all(_are_counts(one) for one in (*counts.values(), left_out))
        whole = whole and isinstance(filters, dict)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise FeedbackError(f"{folder} is no snapshot: {path.name} cannot be read ({error})") from error
    if format_ not in range(1, FORMAT + 1) or not whole:
        raise FeedbackError(f"{folder} is a snapshot of another version (format {format_!r}): update MedRegA Desktop")
    return dict(manifest)


def publish(building: Path, folder: Path, hash_: str) -> bool:
    """Give a finished and sealed set its name; whether a sound one had it already. Raises `FeedbackError`."""
    if folder.exists():
        require_sound(folder, hash_)
        return True
    building.rename(folder)
    _make_read_only(folder)
    sync_folder(folder.parent)
    return False


def sync_folder(folder: Path) -> None:
    """Names in a folder that a power cut must not take away. Windows has no such call, and does not need it."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    # Some network drives cannot.
    with contextlib.suppress(OSError):
        os.fsync(handle)
    os.close(handle)


def _make_read_only(folder: Path) -> None:
    """So that an editor or a script that meets the files by chance does not change them."""
    for path in folder.rglob("*"):
        if path.is_file():
            path.chmod(stat.S_IRUSR | stat.S_IRGRP)


def _are_counts(value: Any) -> bool:
    return isinstance(value, dict) and all(isinstance(number, int) for number in value.values())
