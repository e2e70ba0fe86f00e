"""What became of a model's suggestions, one row a region that a person judged."""

from __future__ import annotations

import datetime
import os
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from engine.feedback.corrections import Correction, correction_of
from engine.feedback.statistics import name_distance
from engine.labels import same_name
from engine.review import label_key
from engine.store import AnnotationStore, RegionState, search_text, source_key

_RIGHT_IOU = 0.5
"""From which a box is right, as everywhere where boxes are scored (MedRegA, section 4)."""


class Outcome(StrEnum):
    """What a person did with a suggestion. EDITED : another name or place was given."""

    ACCEPTED = "accepted"
    EDITED = "edited"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True)
class Judged:
    """A suggestion that a person has judged.

    label, name : key and English name of what was suggested. site : "" where it is not known. day : of the decision,
    UTC. name_distance : 0..1, None for a rejected region. iou : of the suggested and the final box; None where the
    answer had not drawn it, or it was rejected. probability : what the model said of its answer, None where it said
    nothing. right : whether the answer was right: its name, and its box where it drew one. model : id, or id and
    adapter.
    """

    label: str
    name: str
    site: str
    day: datetime.date
    outcome: Outcome
    name_distance: float | None
    iou: float | None
    probability: float | None
    right: bool
    model: str


def judged_suggestions(store: AnnotationStore, sites: Sequence[Path] = ()) -> Iterator[Judged]:
    """Every suggestion that somebody judged by itself, in the order in which they were decided.

    Left out are suggestions without a name, and those that were accepted many at once because the model was sure: that
    says what the model thinks of itself. sites : see `site_names`.
    """
    found = (correction_of(store, region) for region in store.regions.judged())
    rows = [one for one in found if one is not None]
    named = site_names(store.scans.patients_of_sources(), sites, store.scans.institutions_of_sources())
    # Within a day too: the newest judgements say whether a fall is over.
    for one in sorted(rows, key=lambda one: (one.decision.created, one.decision.id)):
        if one.suggested is None or one.suggested.label is None or one.suggested.row.abstained:
            continue
        if one.at_once:
            continue
        yield judge(one, named.get(one.image.source, ""))


def judge(one: Correction, site: str = "") -> Judged:
    """What a person made of a suggestion with a name."""
    said, region = one.suggested, one.region
    assert said is not None, "only what was suggested is judged"
    assert said.label is not None, "only a name is judged"
    rejected = region.state is RegionState.REJECTED
    same = same_name(region.label, said.label)
    iou = None if said.box is None or rejected else region.box.iou(said.box)
    moved = said.box is not None and region.box != said.box
    outcome = Outcome.REJECTED if rejected else Outcome.ACCEPTED if same and not moved else Outcome.EDITED
    distance = None
    if not rejected and region.label is not None:
        # A name that somebody typed, or a model made up, is there in one language alone.
        names = (name.name(said.row.language) or name.en or name.zh for name in (said.label, region.label))
        distance = 0.0 if same else name_distance(*(name.strip().casefold() for name in names))
    adapter = said.row.adapter
    return Judged(
        label_key(said.label),
        said.label.en or said.label.zh,
        site,
        datetime.date.fromisoformat(one.decision.created[:10]),
        outcome,
        distance,
        iou,
        said.probability,
        not rejected and same and (iou is None or iou >= _RIGHT_IOU),
        said.row.model_id if adapter is None else f"{said.row.model_id} + {adapter}",
    )


def site_names(
    patients: Mapping[str, str], given: Sequence[Path] = (), institutions: Mapping[str, str] | None = None
) -> dict[str, str]:
    """The site of each scan's place; places without one are left out.

    given : folders, each a site with the folder's name, or its whole path where two have the same, and everything in
    it but for what is in another of them below. Where none is given, the institution
    that a scan's header names (DICOM InstitutionName, PS3.3 C.7.5.1) is its site. Where no header names any, the
    folders right below the one that all scans have in common are sites if each of them holds scans of several
    patients: otherwise they may well be the patients.
    patients, institutions : of each place, whose it is and where it was made.
    """
    if given:
        # The longest last, so that it counts.
        roots = sorted({source_key(folder) for folder in given}, key=len)
        names = Counter(Path(root).name for root in roots)
        return {
            place: Path(root).name if Path(root).name and names[Path(root).name] == 1 else root
            for place in patients
            for root in roots
            if (place + os.sep).startswith(root.rstrip(os.sep) + os.sep)
        }
    if institutions:
        # Written in capitals by one scanner and not by the other, it is one site.
        spelt: dict[str, str] = {}
        return {place: spelt.setdefault(search_text(name), name) for place, name in sorted(institutions.items())}
    if len(patients) < 2:
        return {}
    common = os.path.commonpath(patients) if _share_a_root(patients) else ""
    below: dict[str, set[str]] = defaultdict(set)
    found: dict[str, str] = {}
    for place, patient in patients.items():
        rest = Path(place[len(common) :].lstrip(os.sep)).parts
        if len(rest) < 2:
            return {}
        found[place] = rest[0]
        below[rest[0]].add(patient)
    several = len(below) > 1 and all(len(whose) > 1 for whose in below.values())
    return found if several else {}


def _share_a_root(places: Mapping[str, str]) -> bool:
    return len({Path(place).anchor for place in places}) == 1
