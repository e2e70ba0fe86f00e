"""Snapshots and adapters as one file, to carry them to another machine: packed here, unpacked by `unbundle`.

A zip archive::

    bundle.json                  what is in it
    snapshots/HASH16/...         a snapshot, as it lies on the disk
    adapters/ID/...              an adapter, as it lies on the disk
    SHA256SUMS                   the hash of each of these files
    SHA256SUMS.sha256            the hash of that list: who is told it on another way can tell a forged bundle

The same content gives the same bytes: members are in order and have no time.
"""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from engine.feedback.errors import FeedbackError
from engine.feedback.hashes import HASHES_FILE, file_sha256, hash_list, is_plain_name
from engine.feedback.identifiers import Identifiers, require_anonymous
from engine.feedback.snapshots import open_snapshot
from engine.files import whole_file
from engine.progress import Cancelled, Progress
from engine.runtime import AdapterManifest
from engine.store import SnapshotRow

BUNDLE_FILE = "bundle.json"
LIST_HASH_FILE = "SHA256SUMS.sha256"
BUNDLE_FORMAT = 1
NOTICE = "Not for diagnostic use. Without identifiers of patients; words in the pixels were not looked for."
SNAPSHOTS, ADAPTERS = "snapshots", "adapters"
KINDS = frozenset({".json", ".jsonl", ".ndjson", ".md", ".txt", ".png", ".jpg", ".gguf"})
"""What a bundle takes, by suffix: all of it is looked at before it leaves. Nothing of it can run."""
_PACKED = frozenset({".png", ".jpg", ".gguf"})
_NO_TIME = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class Bundle:
    """A bundle on the disk. sha256 : of its list of hashes. snapshots : hashes; adapters : ids."""

    path: Path
    sha256: str
    snapshots: tuple[str, ...]
    adapters: tuple[str, ...]
    files: int


def write_bundle(
    out: Path,
    snapshots: Sequence[SnapshotRow],
    adapters: Sequence[AdapterManifest],
    identifiers: Identifiers,
    progress: Progress,
) -> Bundle:
    """Pack snapshots and adapters, each once it was found to be what it was.

    identifiers : of the patients of this database, looked for in all of it. Raises `FeedbackError` when one is found,
    something is damaged or of a kind that a bundle does not take; `ModelError` for an altered adapter, `Cancelled`.
    Nothing is written then.
    """
    if not snapshots and not adapters:
        raise FeedbackError("a bundle needs a snapshot or an adapter: name at least one")
    members: dict[str, Path] = {}
    for row in snapshots:
        folder = open_snapshot(row).folder
        require_anonymous(folder, identifiers, "Take a snapshot without it, and export that")
        members |= _members(folder, f"{SNAPSHOTS}/{row.hash[:16]}")
    for adapter in adapters:
        adapter.verify()
        require_anonymous(adapter.folder, identifiers, "Remove it from the adapter's folder")
        members |= _members(adapter.folder, f"{ADAPTERS}/{adapter.id}")
    said = {
        "format": BUNDLE_FORMAT,
        "notice": NOTICE,
        "snapshots": sorted({row.hash for row in snapshots}),
        "adapters": sorted({adapter.id for adapter in adapters}),
    }
    about = (json.dumps(said, indent=2) + "\n").encode()
    hashes = {BUNDLE_FILE: hashlib.sha256(about).hexdigest()}
    try:
        for name in sorted(members):
            hashes[name] = file_sha256(members[name])
        text = hash_list(hashes)
        digest = hashlib.sha256(text.encode()).hexdigest()
        with whole_file(out) as temporary, zipfile.ZipFile(temporary, "w", strict_timestamps=True) as archive:
            _put(archive, HASHES_FILE, text.encode())
            _put(archive, LIST_HASH_FILE, f"{digest}  {HASHES_FILE}\n".encode())
            _put(archive, BUNDLE_FILE, about)
            for done, name in enumerate(sorted(members), start=1):
                if progress.cancelled():
                    raise Cancelled
                _put(archive, name, members[name].read_bytes())
                progress.report(done, len(members), "packing")
    except OSError as error:
        raise FeedbackError(f"cannot write the bundle {out}: {error.filename}: {error.strerror}") from error
    return Bundle(out, digest, tuple(said_list(said, "snapshots")), tuple(said_list(said, "adapters")), len(hashes))


def said_list(said: object, name: str) -> list[str]:
    """A list of texts out of ``bundle.json``. Raises `ValueError` for anything else."""
    value = said.get(name) if isinstance(said, dict) else None
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise ValueError(f"{name} is no list of texts")
    return value


def _members(folder: Path, prefix: str) -> dict[str, Path]:
    """The files of a folder by their names in the archive."""
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.is_dir() and not path.is_symlink():
            continue
        name = f"{prefix}/{path.relative_to(folder).as_posix()}"
        known = path.suffix in KINDS or path.name == HASHES_FILE
        if path.is_symlink() or not known or not is_plain_name(name):
            raise FeedbackError(f"{path} is no file that a bundle takes: move it out of {folder}")
        found[name] = path
    return found


def _put(archive: zipfile.ZipFile, name: str, data: bytes) -> None:
    info = zipfile.ZipInfo(name, _NO_TIME)
    info.compress_type = zipfile.ZIP_STORED if Path(name).suffix in _PACKED else zipfile.ZIP_DEFLATED
    info.external_attr = 0o644 << 16
    info.create_system = 3
    archive.writestr(info, data)
