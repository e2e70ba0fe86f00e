"""Unpacks a bundle that anybody may have made: everything is checked in a place of its own before any of it is there.

See `engine.feedback.bundle` for the format.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import stat
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from engine.feedback.bundle import (
    ADAPTERS,
    BUNDLE_FILE,
    BUNDLE_FORMAT,
    KINDS,
    LIST_HASH_FILE,
    SNAPSHOTS,
    Bundle,
    said_list,
)
from engine.feedback.errors import FeedbackError
from engine.feedback.hashes import HASHES_FILE, is_plain_name, read_hash_list
from engine.feedback.snapshots import SIDES, publish, read_manifest, require_sound, snapshots_folder, sync_folder
from engine.progress import Cancelled, Progress
from engine.runtime import AdapterManifest, adapters_folder
from engine.runtime.gguf_check import check_gguf
from engine.scans.limits import MAX_COMPRESSION
from engine.store import AnnotationStore
from engine.store.audit import canonical_json
from engine.unfinished import unfinished_folder

MAX_FILES = 200_000
MAX_UNPACKED = 16 << 30
"""Largest total that is unpacked, 16 GiB."""
MAX_LIST = 64 << 20
"""Largest list of hashes and largest ``bundle.json``: they are read into memory."""
_ENCRYPTED = 0x1
_PIECE = 1 << 20
_HARM = "it is broken or made to harm"


@dataclass(frozen=True, slots=True)
class Unbundled:
    """What came of a bundle. new : of its snapshots and adapters, those that were not there before."""

    bundle: Bundle
    folders: tuple[Path, ...]
    new: tuple[str, ...]


def read_bundle(
    path: Path,
    store: AnnotationStore,
    who: str,
    progress: Progress,
    *,
    expected: str = "",
    snapshots: Path | None = None,
    adapters: Path | None = None,
) -> Unbundled:
    """Unpack a bundle, check every hash, and only then put what is in it where it belongs.

    expected : the hash of its list, as whoever made it said; "" to trust the file alone. snapshots, adapters : where
    they go, the user data folder when None. What is there already with the same content is left. Raises
    `FeedbackError` for a bundle that is broken, forged or does not fit; `ModelError` for an adapter whose file could
    not be loaded; `StoreError`, `Cancelled`. Nothing of it is there then.
    """
    store.snapshots.require_writable()
    places = {SNAPSHOTS: snapshots or snapshots_folder(), ADAPTERS: adapters or adapters_folder()}
    try:
        if not path.is_file():
            raise FeedbackError(f"there is no bundle {path}: name the file that was exported")
        with contextlib.ExitStack() as stack, zipfile.ZipFile(path) as archive:
            infos = _harmless(path, archive)
            bundle, hashes = _listed(path, archive, infos, expected)
            built = {}
            for kind, parent in places.items():
                parent.mkdir(parents=True, exist_ok=True)
                # Beside its place, so that it gets there by its name alone. A dot: still being made.
                built[kind] = stack.enter_context(unfinished_folder(parent, ".import-"))
            _unpack(path, archive, infos, hashes, built, progress)
            manifests = _check_snapshots(path, bundle, built[SNAPSHOTS])
            _check_adapters(path, bundle, built[ADAPTERS], places[ADAPTERS])
            return _publish(bundle, built, places, manifests, store, who)
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, NotImplementedError, UnicodeDecodeError) as error:
        raise FeedbackError(f"cannot unpack the bundle {path}: {error}") from error
    except OSError as error:
        raise FeedbackError(f"cannot unpack the bundle {path}: {error.filename}: {error.strerror}") from error


def _harmless(path: Path, archive: zipfile.ZipFile) -> dict[str, zipfile.ZipInfo]:
    """The members by name. Raises `FeedbackError` before anything is unpacked."""
    infos = archive.infolist()
    if len(infos) > MAX_FILES:
        raise FeedbackError(f"{path} holds {len(infos):,} files, more than the {MAX_FILES:,} that are unpacked")
    if sum(info.file_size for info in infos) > MAX_UNPACKED:
        raise FeedbackError(f"{path} would unpack to more than the {MAX_UNPACKED:,} bytes that are read")
    found: dict[str, zipfile.ZipInfo] = {}
    for info in infos:
        mode = info.external_attr >> 16
        if not is_plain_name(info.filename) or info.filename in found:
            raise FeedbackError(f"{path} holds a file that would lie outside of it, or one twice: {_HARM}")
        if stat.S_IFMT(mode) not in (0, stat.S_IFREG) or info.flag_bits & _ENCRYPTED:
            raise FeedbackError(f"{path} holds something else than plain files: {_HARM}")
        if info.file_size > max(_PIECE, MAX_COMPRESSION * info.compress_size):
            raise FeedbackError(f"{path} claims an impossible compression: {_HARM}")
        found[info.filename] = info
    if len({name.casefold() for name in found}) != len(found):
        raise FeedbackError(f"{path} holds two files that some systems take for one: {_HARM}")
    return found


def _listed(
    path: Path, archive: zipfile.ZipFile, infos: Mapping[str, zipfile.ZipInfo], expected: str
) -> tuple[Bundle, dict[str, str]]:
    """What a bundle says that it holds, and the hash of every file. Raises `FeedbackError`."""
    small = {name: _small(path, archive, infos, name) for name in (HASHES_FILE, LIST_HASH_FILE, BUNDLE_FILE)}
    digest = hashlib.sha256(small[HASHES_FILE]).hexdigest()
    if small[LIST_HASH_FILE] != f"{digest}  {HASHES_FILE}\n".encode():
        raise FeedbackError(f"{path} is damaged: its list of hashes is not what was written. Ask for it again")
    if expected and expected.strip().lower() != digest:
        raise FeedbackError(f"{path} is another bundle than the expected one: its hash is {digest}. Ask for it again")
    hashes = read_hash_list(small[HASHES_FILE].decode(), f"{HASHES_FILE} in {path}")
    if set(hashes) != set(infos) - {HASHES_FILE, LIST_HASH_FILE}:
        raise FeedbackError(f"{path} is damaged: it does not hold the files of its list. Ask for it again")
    try:
        said = json.loads(small[BUNDLE_FILE])
        hashes_of, ids = said_list(said, "snapshots"), said_list(said, "adapters")
        format_ = said["format"]
    except (ValueError, KeyError, TypeError) as error:
        raise FeedbackError(f"{path} is no bundle: {BUNDLE_FILE} cannot be read ({error})") from error
    if format_ != BUNDLE_FORMAT:
        raise FeedbackError(f"{path} is a bundle of another version (format {format_!r}): update MedRegA Desktop")
    folders = {f"{SNAPSHOTS}/{hash_[:16]}" for hash_ in hashes_of} | {f"{ADAPTERS}/{id_}" for id_ in ids}
    for name in hashes:
        parts = name.split("/")
        inside = len(parts) > 2 and "/".join(parts[:2]) in folders
        known = Path(name).suffix in KINDS or parts[-1] == HASHES_FILE
        if name != BUNDLE_FILE and not (inside and known):
            raise FeedbackError(f"{path} holds a file that no bundle holds: {_HARM}")
    return Bundle(path, digest, tuple(hashes_of), tuple(ids), len(hashes)), hashes


def _small(path: Path, archive: zipfile.ZipFile, infos: Mapping[str, zipfile.ZipInfo], name: str) -> bytes:
    if name not in infos:
        raise FeedbackError(f"{path} is no bundle: it has no {name}")
    with archive.open(infos[name]) as stream:
        data = stream.read(MAX_LIST + 1)
    if len(data) > MAX_LIST:
        raise FeedbackError(f"{path} has a {name} of more than {MAX_LIST:,} bytes: {_HARM}")
    return data


def _unpack(
    path: Path,
    archive: zipfile.ZipFile,
    infos: Mapping[str, zipfile.ZipInfo],
    hashes: Mapping[str, str],
    built: Mapping[str, Path],
    progress: Progress,
) -> None:
    """Every listed file, compared with its hash on the way."""
    names = [name for name in hashes if name != BUNDLE_FILE]
    for done, name in enumerate(names, start=1):
        if progress.cancelled():
            raise Cancelled
        kind, _, rest = name.partition("/")
        target = built[kind] / rest
        target.parent.mkdir(parents=True, exist_ok=True)
        digest, room = hashlib.sha256(), infos[name].file_size
        with archive.open(infos[name]) as source, target.open("xb") as out:
            while piece := source.read(_PIECE):
                # The directory of an archive may lie about sizes: what comes out is counted too.
                room -= len(piece)
                if room < 0:
                    raise FeedbackError(f"{path} unpacks to more than it says: {_HARM}")
                digest.update(piece)
                out.write(piece)
        if digest.hexdigest() != hashes[name]:
            raise FeedbackError(f"{path} is damaged: {name} is not what was written. Ask for it again")
        progress.report(done, len(names), "unpacking")


def _check_snapshots(path: Path, bundle: Bundle, built: Path) -> dict[str, dict[str, object]]:
    """The manifests of the snapshots by hash."""
    found: dict[str, dict[str, object]] = {}
    for hash_ in bundle.snapshots:
        folder = built / hash_[:16]
        if not folder.is_dir():
            raise FeedbackError(f"{path} does not hold the snapshot {hash_[:16]} that it names. Ask for it again")
        require_sound(folder, hash_)
        for side in SIDES:
            # An archive has no empty folders, and a snapshot has both sides.
            (folder / side).mkdir(exist_ok=True)
        found[hash_] = read_manifest(folder)
    return found


def _check_adapters(path: Path, bundle: Bundle, built: Path, place: Path) -> None:
    """That each adapter is one that could be loaded, and takes no other's place."""
    for id_ in bundle.adapters:
        adapter = AdapterManifest.read(built / id_)
        if adapter.id != id_:
            raise FeedbackError(f"{path} holds the adapter {adapter.id} under another's name: {_HARM}")
        adapter.verify()
        check_gguf(adapter.path)
        if (place / id_).exists():
            there = AdapterManifest.read(place / id_)
            if (there.base, there.file.sha256) != (adapter.base, adapter.file.sha256):
                raise FeedbackError(
                    f"another adapter is called {id_} here: remove or rename {place / id_} before you import {path}"
                )


def _publish(
    bundle: Bundle,
    built: Mapping[str, Path],
    places: Mapping[str, Path],
    manifests: Mapping[str, Mapping[str, object]],
    store: AnnotationStore,
    who: str,
) -> Unbundled:
    """Everything is checked: give it its names. A kill in between leaves whole things, and the same import goes on."""
    folders: list[Path] = []
    new: list[str] = []
    for hash_ in bundle.snapshots:
        folder = places[SNAPSHOTS] / hash_[:16]
        if not publish(built[SNAPSHOTS] / hash_[:16], folder, hash_):
            new.append(hash_)
        filters, counts = (canonical_json(manifests[hash_][name]) for name in ("filters", "counts"))
        store.snapshots.keep(hash_, filters, counts, folder, who, imported=True)
        folders.append(folder)
    for id_ in bundle.adapters:
        folder = places[ADAPTERS] / id_
        if not folder.exists():
            (built[ADAPTERS] / id_).rename(folder)
            sync_folder(folder.parent)
            new.append(id_)
        folders.append(folder)
    return Unbundled(bundle, tuple(folders), tuple(new))
