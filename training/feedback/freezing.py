"""The files of a snapshot: pictures, questions by side, and where every one of them comes from.

Everything here follows from the decisions, the settings and the scans: no time, no path, no name of a patient.
"""

from __future__ import annotations

import hmac
import json
import os
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from engine.exchange import AnnotatedViews, by_view
from engine.feedback.corrections import Correction, label_to_list
from engine.feedback.snapshots import HELD_OUT, LINEAGE_FILE, SIDES, TRAIN
from engine.files import whole_file
from engine.progress import Cancelled, Progress
from engine.protocol import Language, Task, normalize_box
from engine.scans import Volume
from engine.store import ImageRow
from training.feedback.families import Families, marks_of, place_of
from training.feedback.label_keys import LabelKeys
from training.instruct.asking import InstructRecord
from training.instruct.ingest import PICTURES
from training.instruct.items import ImageFacts, Marked, SourceImage
from training.instruct.pictures import fitted, write_picture
from training.instruct.questioning import Known, Questioner
from training.instruct.reading import located_of
from training.instruct.sources.corrections import CorrectionsSettings
from training.instruct.spec import Balance, Spec, Tasks
from training.instruct.writer import SetFiles, picture_place, picture_regions, write_meta
from training.records import REGIONS_FILE

_SOURCE = "corrections"
_EVERY = 10**6
"""More than there are of anything in a picture: people's decisions are all asked about."""

PatientOf = Callable[[ImageRow, Volume], str]
_AT_ONCE, _BESIDE = "held out, but accepted many at once", "held out, beside one of that name accepted many at once"


@dataclass(frozen=True, slots=True)
class Picture:
    """A slice as it was seen, on its side, with what was decided on it, in the order of `facts.regions`.

    view : SHA-256 of its pixels as they were on screen. patient : as its scan's header names it; never written.
    """

    facts: ImageFacts
    side: str
    view: str
    decided: tuple[Correction, ...]
    patient: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class _Seen:
    """A picture whose side is not known yet. unasked : of each decision why nothing can be asked about it, or None.

    facts.regions : of the others.
    """

    facts: ImageFacts
    view: str
    patient: str
    decided: tuple[Correction, ...]
    unasked: tuple[str | None, ...]


def side_of(patient: str, heldout_share: float) -> str:
    """The side that a patient is always on: by a hash of the patient and nothing else.

    With a larger share more patients are held out, and none of those that were held out with a smaller one is trained
    on. Of a few patients chance may hold out none: a choice by the share of those at hand would hold some out always,
    but a new patient would then bring one that an adapter in use was trained on among those that judge it. Who trains
    asks for enough of them (`training.feedback.sets.require_judges`). patient : the head of a family (`Families`).
    """
    return HELD_OUT if place_of(patient) < heldout_share else TRAIN


class Pseudonyms:
    """Names that stand for patients and slices. secret : without it nobody can try out who is behind a name."""

    def __init__(self, secret: str) -> None:
        self._secret = secret.encode()

    def of(self, *parts: str) -> str:
        """The same for the same parts."""
        text = "\n".join(parts)
        return hmac.new(self._secret, text.encode(errors="surrogateescape"), "sha256").hexdigest()


def freeze_pictures(
    found: Sequence[Correction],
    keys: LabelKeys,
    building: Path,
    patient_of: PatientOf,
    families: Families,
    pseudonyms: Pseudonyms,
    heldout_share: float,
    max_side: int,
    progress: Progress,
    left_out: Counter[str],
) -> list[Picture]:
    """Write the pictures into ``building/SIDE/images``, each slice as it was seen, and give what is on them.

    patient_of : tells patients apart. families : what is known of them, learns what these scans say. left_out : gets a
    count for what cannot be asked about, by reason. Raises `ExchangeError` for a scan that has changed, `ScanError`
    for one that is gone, `Cancelled`.
    """
    for side in SIDES:
        (building / side / PICTURES).mkdir(parents=True)
    views = AnnotatedViews()
    by_image: dict[int, list[Correction]] = defaultdict(list)
    for one in found:
        by_image[one.image.id].append(one)
    seen: list[_Seen] = []
    for done, decided in enumerate(by_image.values(), start=1):
        if progress.cancelled():
            raise Cancelled
        image, of_region = decided[0].image, {one.region.id: one for one in decided}
        for view, regions in by_view([one.region for one in decided]).items():
            rgb = views.render(image, regions[0].window, view)
            volume = views.volume(image)
            patient = patient_of(image, volume)
            families.link(patient, marks_of(image.study_uid, image.series_uid, view))
            families.link(patient, marks_of(volume.study_uid, volume.series_uid, view))
            whole = SourceImage(rgb, patient, image.modality, plane=image.plane.value)
            its = tuple(of_region[row.id] for row in regions)
            marked, unasked = _marked(whole, its, keys, max_side)
            stem = pseudonyms.of(image.source, image.series_uid, image.plane.value, str(image.slice), view)[:20]
            # Which side it belongs to only the last scan may tell.
            file = write_picture(marked.pixels, building / TRAIN / PICTURES, stem)
            height, width = marked.pixels.shape[:2]
            facts = ImageFacts(
                f"{PICTURES}/{file}",
                width,
                height,
                _SOURCE,
                "",
                "",
                image.modality,
                plane=image.plane.value,
                regions=marked.regions,
            )
            seen.append(_Seen(facts, view, patient, its, unasked))
        progress.report(done, len(by_image), "freezing slices")
    pictures = []
    for picture in seen:
        head = families.head_of(picture.patient)
        kept = _sided(picture, side_of(head, heldout_share), pseudonyms.of("patient", head)[:16], keys, left_out)
        written = building / TRAIN / picture.facts.file
        if kept is None:
            written.unlink()
            continue
        if kept.side != TRAIN:
            written.rename(building / kept.side / kept.facts.file)
        pictures.append(kept)
    return pictures


def _sided(one: _Seen, side: str, group: str, keys: LabelKeys, left_out: Counter[str]) -> Picture | None:
    """A picture on its side with what is asked about there; None where nothing is. group : its patient's pseudonym."""
    unasked = one.unasked
    if side == HELD_OUT:
        unasked = tuple(a or b for a, b in zip(_accepted_at_once(one.decided, keys), unasked, strict=True))
    left_out.update(reason for reason in unasked if reason is not None)
    regions = iter(one.facts.regions)
    marked = [next(regions) if reason is None else None for reason in one.unasked]
    kept = [number for number, reason in enumerate(unasked) if reason is None]
    if not kept:
        return None
    facts = replace(one.facts, group=group, regions=tuple(m for n in kept if (m := marked[n]) is not None))
    return Picture(facts, side, one.view, tuple(one.decided[number] for number in kept), one.patient)


def _accepted_at_once(decided: Sequence[Correction], keys: LabelKeys) -> list[str | None]:
    """What was accepted many at once because the model was sure, which cannot say whether a model is right: why, each.

    Nor is another region of that name asked about on this picture: where all of them are nobody has looked.
    """
    names = [None if one.region.label is None else keys.key(one.region.label) for one in decided]
    unsure = {name for name, one in zip(names, decided, strict=True) if one.at_once}
    return [
        None if name not in unsure else _AT_ONCE if one.at_once else _BESIDE
        for name, one in zip(names, decided, strict=True)
    ]


def _marked(
    whole: SourceImage, decided: Sequence[Correction], keys: LabelKeys, max_side: int
) -> tuple[SourceImage, tuple[str | None, ...]]:
    """The picture at the size of the set with its regions, and why the others are none."""
    regions: list[Marked] = []
    unasked: list[str | None] = []
    height, width = whole.pixels.shape[:2]
    for one in decided:
        assert one.region.label is not None, "regions without a name were left out before"
        key = keys.key(one.region.label)
        x1, y1, x2, y2 = normalize_box(one.region.box, width, height)
        if key is None:
            unasked.append("a name that no question can hold")
        elif x1 >= x2 or y1 >= y2:
            unasked.append("too small for a box of whole numbers")
        else:
            regions.append(Marked(key, one.region.box))
            unasked.append(None)
    return fitted(replace(whole, regions=tuple(regions)), max_side), tuple(unasked)


def write_records(
    pictures: Sequence[Picture], keys: LabelKeys, building: Path, languages: Sequence[Language], max_side: int
) -> dict[str, dict[str, int]]:
    """Write ``building/SIDE/TASK.jsonl`` as the builder words them, the lineage and the meta file.

    Held-out questions are all in the program's own words, as people ask them; those to train on in many words.
    Gives counts by side: patients, names (patients as headers have them, of which several may be one), images, regions,
    records.
    """
    known = Known({}, {}, tuple(sorted({one.key for picture in pictures for one in picture.facts.regions})), {}, {})
    most = max((len(picture.facts.present()) for picture in pictures), default=0)
    questioners = {
        TRAIN: Questioner(question_spec(languages, most, max_side), keys.naming, known),
        HELD_OUT: Questioner(question_spec(languages, most, max_side, canonical=1.0), keys.naming, known),
    }
    counts: dict[str, Counter[str]] = {side: Counter() for side in SIDES}
    patients: dict[str, set[str]] = {side: set() for side in SIDES}
    names: dict[str, set[str]] = {side: set() for side in SIDES}
    lineage: list[str] = []
    lengths: Counter[tuple[str, Task]] = Counter()
    with SetFiles.writing(building) as files:
        for picture in pictures:
            facts, side = picture.facts, picture.side
            files.write(f"{side}/{REGIONS_FILE}", picture_regions(facts, keys.naming))
            asked: dict[int, list[str]] = defaultdict(list)
            for one in questioners[side].records(facts, side, picture_place(facts)):
                if not all(keys.has_name(key, one.record.language) for key in one.keys):
                    continue
                about = _about(one, picture)
                for correction in about:
                    asked[correction.region.root_id].append(one.record.id)
                line = one.to_json() | {"lineage": [_origin(correction) for correction in about]}
                files.write(f"{side}/{one.record.task}.jsonl", json.dumps(line, ensure_ascii=False) + "\n")
                lengths[side, one.record.task] += 1
                counts[side]["records"] += 1
            lineage += _lineage(picture, asked)
            counts[side]["images"] += 1
            counts[side]["regions"] += len(picture.decided)
            patients[side].add(facts.group)
            names[side].add(picture.patient)
    write_meta(building, lengths)
    _write_lines(building / LINEAGE_FILE, lineage)
    what = ("images", "regions", "records")
    return {
        side: {
            "patients": len(patients[side]),
            "names": len(names[side]),
            **{name: counts[side][name] for name in what},
        }
        for side in SIDES
    }


def question_spec(languages: Sequence[Language], most_labels: int, max_side: int, canonical: float = 0.3) -> Spec:
    """How the builder asks about corrections: of each region what it is, of each name where it is.

    A rare name is asked for as often as a frequent one: trainers weigh what they replay. Nothing is said to be absent
    but what cannot be in such a picture at all, for people mark what they look for. most_labels : of one picture.
    """
    settings = CorrectionsSettings(
        name=_SOURCE, kind="corrections", licence="the annotators'", terms="unclear", path=Path("lineage")
    )
    return Spec(
        name=_SOURCE,
        languages=tuple(languages),
        max_side=max_side,
        balance=Balance(most=_EVERY, least=0, per_image=_EVERY, per_picture=_EVERY),
        tasks=Tasks(
            single=most_labels, several=1, canonical=canonical, negatives=0, grounded=0, report=0, vqa=0, diagnosis=0
        ),
        sources=(settings,),
    )


def _about(one: InstructRecord, picture: Picture) -> list[Correction]:
    """The corrections that a record comes from: of the box it asks about, or of the names it looks for."""
    facts, wanted = picture.facts, set(one.keys)
    pairs = [pair for pair in zip(facts.regions, picture.decided, strict=True) if pair[0].key in wanted]
    if one.record.task is not Task.REGION_TO_TEXT:
        return [correction for _, correction in pairs]
    size = (facts.width, facts.height)
    boxes = {normalize_box(box, *size) for located in located_of(one.record) for box in located.boxes}
    return [correction for marked, correction in pairs if normalize_box(marked.box, *size) in boxes]


def _origin(one: Correction) -> dict[str, Any]:
    """The rows that a record comes from, by their ids in the database."""
    return {
        "region": one.region.root_id,
        "row": one.region.id,
        "verdict": one.decision.id,
        "suggestion": None if one.suggested is None else one.suggested.row.id,
    }


def _lineage(picture: Picture, asked: Mapping[int, Sequence[str]]) -> Iterator[str]:
    """A line for each region: what the model suggested, what the person made of it, and what is asked about it."""
    for one in picture.decided:
        line = {
            **_origin(one),
            "side": picture.side,
            "image": picture_place(picture.facts),
            "view_sha256": picture.view,
            "verdicts": [{"id": v.id, "kind": v.kind, "suggestion": v.suggestion_id} for v in one.verdicts],
            "suggested": None if one.suggested is None else one.suggested.to_json(),
            "made": {
                "label": label_to_list(one.region.label),
                "box": list(one.region.box.as_tuple()),
                "state": one.region.state.value,
            },
            "records": list(asked.get(one.region.root_id, ())),
        }
        yield json.dumps(line, ensure_ascii=False)


def _write_lines(path: Path, lines: Iterable[str]) -> None:
    with whole_file(path) as temporary, temporary.open("w", encoding="utf-8", newline="\n") as stream:
        stream.writelines(line + "\n" for line in lines)
        stream.flush()
        os.fsync(stream.fileno())
