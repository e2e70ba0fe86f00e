"""Splits by patient: duplicates first, so that one picture is never on two sides.

Deterministic: who goes where depends on the seed and on names alone.
"""

from __future__ import annotations

import hashlib

from engine.progress import Progress
from training.instruct.catalogue import Catalogue
from training.instruct.spec import Spec, Splits

_FEWEST = 3
"""Patients that a source needs before it gives any away."""
_FEWEST_FOR_BOTH = 10


def find_twins(catalogue: Catalogue, distance: int, progress: Progress) -> int:
    """Pairs of pictures of different patients whose hashes differ in at most `distance` bits, into the catalogue.

    Candidates share a sixteenth of the hash, so that not every pair is compared. Gives the number of pairs.
    """
    db = catalogue.db
    db.execute("DELETE FROM twin")
    total = catalogue.count("image")
    images = db.execute("SELECT id, grp, phash FROM image WHERE phash <> '' ORDER BY id")
    for done, (number, group, phash) in enumerate(images, start=1):
        candidates = db.execute(
            "SELECT DISTINCT other.id, other.phash FROM band JOIN band AS same ON same.place = band.place "
            "AND same.bits = band.bits JOIN image AS other ON other.id = same.image "
            "WHERE band.image = ? AND other.id > ? AND other.grp <> ?",
            (number, number, group),
        ).fetchall()
        value = int(phash, 16)
        for other, its in candidates:
            bits = (value ^ int(its, 16)).bit_count()
            if bits <= distance:
                db.execute("INSERT OR IGNORE INTO twin VALUES (?, ?, ?)", (number, other, bits))
        progress.report(done, total, "looking for duplicates")
    return catalogue.count("twin")


def assign_splits(catalogue: Catalogue, spec: Spec) -> None:
    """Give every patient a split; patients with a picture in common get the same.

    A patient counts for the source of its first picture. A split that the spec or the source names is kept; where
    patients that are joined name different ones, test comes before validation before train.
    """
    db = catalogue.db
    joined = _joined(catalogue)
    members: dict[str, list[str]] = {}
    for group, root in joined.items():
        members.setdefault(root, []).append(group)
    db.execute("BEGIN IMMEDIATE")
    db.execute("DELETE FROM split")
    rows = db.execute(
        "SELECT grp, min(source), group_concat(DISTINCT json_extract(facts, '$.split')) FROM image GROUP BY grp"
    )
    db.execute("CREATE TEMP TABLE IF NOT EXISTS patient (source TEXT, rank TEXT, grp TEXT, fixed TEXT)")
    db.execute("DELETE FROM patient")
    fixed_of: dict[str, set[str]] = {}
    for group, source, fixed in rows:
        root = joined.get(group, group)
        wanted = {one for one in (fixed or "").split(",") if one}
        if root != group:
            fixed_of.setdefault(root, set()).update(wanted)
            continue
        if group in members:
            fixed_of.setdefault(root, set()).update(wanted)
        rank = hashlib.sha256(f"{spec.seed}\n{group}".encode()).hexdigest()
        db.execute("INSERT INTO patient VALUES (?, ?, ?, ?)", (source, rank, group, _strictest(wanted)))
    for root, splits in fixed_of.items():
        db.execute("UPDATE patient SET fixed = ? WHERE grp = ?", (_strictest(splits), root))
    counts = dict(db.execute("SELECT source, count(*) FROM patient WHERE fixed = '' GROUP BY source").fetchall())
    places: dict[str, int] = {}
    for source, group, fixed in db.execute("SELECT source, grp, fixed FROM patient ORDER BY source, rank"):
        split = fixed
        if not fixed:
            place = places.get(source, 0)
            places[source] = place + 1
            split = _split_of(place, counts[source], spec.splits)
        for member in members.get(group, [group]):
            db.execute("INSERT INTO split VALUES (?, ?, ?)", (member, source, split))
    db.execute("COMMIT")


def _strictest(splits: set[str]) -> str:
    return next((name for name in ("test", "validation", "train") if name in splits), "")


def quotas(patients: int, shares: Splits) -> tuple[int, int]:
    """(test, validation) patients of a source with so many."""
    if patients < _FEWEST:
        return 0, 0
    test = max(1, round(patients * shares.test)) if shares.test else 0
    least = 1 if patients >= _FEWEST_FOR_BOTH and shares.validation else 0
    return test, max(least, round(patients * shares.validation))


def _split_of(place: int, patients: int, shares: Splits) -> str:
    test, validation = quotas(patients, shares)
    return "test" if place < test else "validation" if place < test + validation else "train"


def _joined(catalogue: Catalogue) -> dict[str, str]:
    """Of each patient that shares a picture with another: the one that stands for all of them (union-find)."""
    parents: dict[str, str] = {}

    def root(group: str) -> str:
        while parents.setdefault(group, group) != group:
            parents[group] = parents[parents[group]]
            group = parents[group]
        return group

    pairs = catalogue.db.execute(
        "SELECT x.grp, y.grp FROM twin JOIN image AS x ON x.id = twin.a JOIN image AS y ON y.id = twin.b"
    )
    for a, b in pairs:
        first, second = sorted((root(a), root(b)))
        parents[second] = first
    return {group: root(group) for group in list(parents)}
