"""The audit log: an append-only chain in which every entry's hash covers all before it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

GENESIS = "0" * 64
"""What the first entry names as its predecessor."""


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One entry. at : ISO 8601 UTC. detail : canonical JSON with the row ids. previous, hash : SHA-256 hex."""

    seq: int
    at: str
    who: str
    what: str
    detail: str
    previous: str
    hash: str


def canonical_json(value: Any) -> str:
    """The one way to write a value: keys sorted, no spaces, UTF-8 as it is."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def entry_hash(seq: int, at: str, who: str, what: str, detail: str, previous: str) -> str:
    """SHA-256 of the previous hash followed by the entry's canonical JSON."""
    body = canonical_json([seq, at, who, what, detail])
    return hashlib.sha256((previous + body).encode()).hexdigest()


def verify_chain(entries: Iterable[AuditEntry]) -> int | None:
    """The sequence number of the first entry that is not what was written, None if all are."""
    previous, expected = GENESIS, 1
    for entry in entries:
        computed = entry_hash(entry.seq, entry.at, entry.who, entry.what, entry.detail, entry.previous)
        if entry.seq != expected or entry.previous != previous or entry.hash != computed:
            return expected
        previous, expected = entry.hash, expected + 1
    return None
