"""The audit log: an append-only chain in which every entry's hash covers all before it.

Each entry names the rows that its gesture wrote, with a digest of each. So the chain shows a changed log, and the
digests show a changed, removed or smuggled-in row, also when the newest entries were cut off.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

GENESIS = "0" * 64
"""What the first entry names as its predecessor."""


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One entry.

    at : ISO 8601 UTC. detail : canonical JSON, ``{"rows": {"region 5": digest, ...}}``. previous, hash : SHA-256 hex.
    """

    seq: int
    at: str
    who: str
    what: str
    detail: str
    previous: str
    hash: str


def canonical_json(value: Any) -> str:
    """The one way to write a value: keys sorted, no spaces, UTF-8 as it is."""
    # Bytes stand only in a database that somebody has forged: they must get a hash, not an exception.
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=repr)


def entry_hash(seq: int, at: str, who: str, what: str, detail: str, previous: str) -> str:
    """SHA-256 of the previous hash followed by the entry's canonical JSON."""
    body = canonical_json([seq, at, who, what, detail])
    return _sha256(previous + body)


def row_name(table: str, number: int) -> str:
    """How the log calls a row."""
    return f"{table} {number}"


def row_digest(content: Mapping[str, Any]) -> str:
    """SHA-256 of a row. NULLs are left out, so that a column added by a later migration changes no old digest."""
    known = {name: value for name, value in content.items() if value is not None}
    return _sha256(canonical_json(known))


def _sha256(text: str) -> str:
    # Damaged text is no UTF-8; the connection reads it as surrogates, which go back to the bytes they were.
    return hashlib.sha256(text.encode(errors="surrogateescape")).hexdigest()


def verify_chain(entries: Iterable[AuditEntry]) -> int | None:
    """The sequence number of the first entry that is not what was written, None if all are."""
    previous, expected = GENESIS, 1
    for entry in entries:
        if entry.seq != expected or entry.previous != previous:
            return expected
        if entry.hash != entry_hash(entry.seq, entry.at, entry.who, entry.what, entry.detail, previous):
            return expected
        previous, expected = entry.hash, expected + 1
    return None


def verify_rows(entries: Iterable[AuditEntry], digests: Mapping[str, str]) -> list[str]:
    """What is wrong with the rows that a sound chain vouches for, a sentence each; empty when nothing is.

    digests : of every row now in the database (`row_digest`), by `row_name`.
    """
    logged: dict[str, str] = {}
    for entry in entries:
        logged.update(json.loads(entry.detail)["rows"])
    problems = [f"{name} is not in the log" for name in digests if name not in logged]
    for name, digest in logged.items():
        if name not in digests:
            problems.append(f"{name} is gone")
        elif digests[name] != digest:
            problems.append(f"{name} is not what was written")
    return problems
