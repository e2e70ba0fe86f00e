"""Folders whose every file is vouched for: a list of SHA-256 hashes, and the hash of that list for all of it.

The list has the form that ``sha256sum --check`` reads, so that nobody needs this program to check a folder.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from engine.feedback.errors import FeedbackError
from engine.files import whole_file

HASHES_FILE = "SHA256SUMS"
_LINE = re.compile(r"([0-9a-f]{64})  ([^\r\n]+)")
_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,99}")
_PIECE = 1 << 20


def file_sha256(path: Path) -> str:
    """SHA-256 hex of a file. Raises `OSError`."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def is_plain_name(name: str) -> bool:
    """Whether a relative path with ``/`` is safe on every system: plain letters, no way out, no hidden file, no folder
    with the name of a JSON file, and no dot at the end of a name, which Windows leaves out.
    """
    parts = name.split("/")
    plain = all(_NAME.fullmatch(part) and not part.endswith(".") for part in parts)
    return len(parts) <= 6 and plain and not any(part.casefold().endswith(".json") for part in parts[:-1])


def hash_list(hashes: Mapping[str, str]) -> str:
    """The text of a list, by name."""
    return "".join(f"{hashes[name]}  {name}\n" for name in sorted(hashes))


def read_hash_list(text: str, where: str) -> dict[str, str]:
    """The hashes of a list by name. Raises `FeedbackError` naming `where` for one that this program has not written."""
    found: dict[str, str] = {}
    for line in text.splitlines():
        match = _LINE.fullmatch(line)
        if match is None or not is_plain_name(match[2]) or match[2] in found:
            raise FeedbackError(f"{where} is not a list of hashes: it is broken or made to harm")
        found[match[2]] = match[1]
    if hash_list(found) != text:
        raise FeedbackError(f"{where} is not a list of hashes: it is broken or made to harm")
    return found


def seal(folder: Path) -> str:
    """Write the list of a folder's files into it; gives the SHA-256 of the list, the hash of the folder."""
    hashes = {name: file_sha256(folder / name) for name in _files(folder)}
    text = hash_list(hashes)
    with whole_file(folder / HASHES_FILE) as temporary:
        temporary.write_bytes(text.encode())
    return hashlib.sha256(text.encode()).hexdigest()


def sealed_hash(folder: Path, remedy: str) -> str:
    """The hash of a sealed folder whose every file is what it was, with none more and none less.

    remedy : what the message says to do. Raises `FeedbackError` naming the first file that is not.
    """
    path = folder / HASHES_FILE
    try:
        text = path.read_bytes().decode("utf-8", errors="surrogateescape")
    except OSError as error:
        raise FeedbackError(f"{folder} is damaged: {path.name} cannot be read ({error.strerror}). {remedy}") from error
    hashes = read_hash_list(text, str(path))
    there = set(_files(folder))
    for name in sorted(there | set(hashes)):
        if name not in hashes:
            raise FeedbackError(f"{folder} is damaged: {name} was added to it. {remedy}")
        if name not in there:
            raise FeedbackError(f"{folder} is damaged: {name} is gone. {remedy}")
        if file_sha256(folder / name) != hashes[name]:
            raise FeedbackError(f"{folder} is damaged: {name} is not what was written. {remedy}")
    return hashlib.sha256(text.encode(errors="surrogateescape")).hexdigest()


def _files(folder: Path) -> list[str]:
    """The files below a folder but for the list, as relative paths with ``/``."""
    found = [path for path in folder.rglob("*") if path.is_symlink() or not path.is_dir()]
    names = [PurePosixPath(path.relative_to(folder)).as_posix() for path in found]
    return sorted(name for name in names if name != HASHES_FILE)
