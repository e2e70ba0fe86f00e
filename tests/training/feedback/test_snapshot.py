"""What people decided is frozen: the same bytes for the same state, split by patient, traceable, anonymous."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pydicom
import pytest
from click.testing import CliRunner

from engine.browse.indexing import index_into
from engine.exchange import ExchangeError
from engine.feedback.corrections import CorrectionFilter, corrections
from engine.feedback.errors import FeedbackError
from engine.feedback.snapshots import LINEAGE_FILE, Snapshot, open_snapshot, read_manifest
from engine.labels import builtin_ontology
from engine.progress import NoProgress
from engine.regions import Box, Label
from engine.store import AnnotationStore, StoreError
from tests.clinic import LIVER, PATIENTS, SPLEEN, decide_clinic, found, see, write_clinic
from training.cli_feedback import feedback
from training.feedback.freezing import side_of
from training.feedback.label_keys import LabelKeys
from training.feedback.sets import SnapshotFolder, heldout_samples, require_judges
from training.feedback.snapshot import Nameless, SnapshotSettings, describe, take_snapshot
from training.instruct.check import check_dataset
from training.records import DatasetError, read_records


@pytest.fixture(scope="session")
def clinic(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Scans of six patients. Nobody may change them."""
    return write_clinic(tmp_path_factory.mktemp("clinic"), PATIENTS[:6])


@pytest.fixture
def decided(clinic: list[Path], tmp_path: Path) -> Iterator[AnnotationStore]:
    """What people decided about what a model drew in them."""
    with AnnotationStore.open(tmp_path / "decided.sqlite") as store:
        decide_clinic(store, clinic)
        yield store


SHARE = 0.35
SETTINGS = SnapshotSettings(heldout_share=SHARE)


def take(store: AnnotationStore, parent: Path, settings: SnapshotSettings = SETTINGS) -> Snapshot:
    return take_snapshot(store, settings, "ann", NoProgress(), parent)


def only(**wanted: Any) -> SnapshotSettings:
    return SnapshotSettings(CorrectionFilter(**wanted), heldout_share=SHARE)


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def records(snapshot: Snapshot, side: str = "*") -> list[dict[str, Any]]:
    return [line for path in sorted(snapshot.folder.glob(f"{side}/*.jsonl")) for line in lines(path)]


def tree(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def test_the_same_state_gives_the_same_bytes_and_hash(decided, tmp_path):
    first = take(decided, tmp_path / "a")
    second = take(decided, tmp_path / "b")
    assert first.row.hash == second.row.hash
    assert tree(first.folder) == tree(second.folder)
    sums = (first.folder / "SHA256SUMS").read_bytes()
    assert hashlib.sha256(sums).hexdigest() == first.row.hash
    assert first.folder.name == first.row.hash[:16]


def test_a_copy_of_the_database_gives_the_same_hash(decided, tmp_path):
    decided.backup(tmp_path / "copy.sqlite")
    with AnnotationStore.open(tmp_path / "copy.sqlite") as copy:
        assert take(copy, tmp_path / "a").row.hash == take(decided, tmp_path / "b").row.hash


def test_another_decision_or_filter_gives_another_hash(decided, clinic, tmp_path):
    before = take(decided, tmp_path / "s")
    narrower = take(decided, tmp_path / "s", only(labels=("liver",)))
    row, said = found(decided, clinic[0], SPLEEN, Box(2, 30, 9, 60))
    decided.accept(row.root_id, said.id, SPLEEN, "ann")
    after = take(decided, tmp_path / "s")
    assert len({before.row.hash, narrower.row.hash, after.row.hash}) == 3
    assert [row.hash for row in decided.snapshots.all()] == [before.row.hash, narrower.row.hash, after.row.hash]
    assert decided.audit_problems() == []


def test_a_snapshot_that_is_there_is_reused(decided, tmp_path):
    first = take(decided, tmp_path / "s")
    again = take(decided, tmp_path / "s")
    assert (first.reused, again.reused) == (False, True)
    assert again.row == first.row
    assert len(decided.snapshots.all()) == 1
    assert sorted(path.name for path in (tmp_path / "s").iterdir()) == [first.folder.name]
    assert open_snapshot(first.row).counts == first.counts


@pytest.mark.parametrize("damage", ["changed", "gone", "added", "list"])
def test_a_damaged_snapshot_is_refused_with_the_remedy(decided, tmp_path, damage):
    snapshot = take(decided, tmp_path / "s")
    victim = sorted(snapshot.train.glob("*.jsonl"))[0]
    victim.chmod(0o644)
    if damage == "changed":
        data = bytearray(victim.read_bytes())
        data[100] ^= 1
        victim.write_bytes(data)
    elif damage == "gone":
        victim.unlink()
    elif damage == "added":
        (snapshot.train / "more.jsonl").write_text("{}")
    else:
        (snapshot.folder / "SHA256SUMS").chmod(0o644)
        (snapshot.folder / "SHA256SUMS").write_text("")
    for attempt in (lambda: take(decided, tmp_path / "s"), lambda: open_snapshot(snapshot.row)):
        with pytest.raises(FeedbackError, match=r"damaged: .*Delete the folder and take the snapshot again"):
            attempt()


def test_no_patient_is_on_both_sides_and_more_decisions_move_nobody(decided, clinic, tmp_path):
    before = take(decided, tmp_path / "s")
    groups = {side: {record["group"] for record in records(before, side)} for side in ("train", "heldout")}
    assert groups["train"]
    assert groups["heldout"]
    assert not groups["train"] & groups["heldout"]
    assert len(groups["train"] | groups["heldout"]) == len(clinic)
    for scan in clinic:
        row, said = found(decided, scan, LIVER, Box(30, 30, 50, 50), index=3)
        decided.accept(row.root_id, said.id, LIVER, "ann")
    after = take(decided, tmp_path / "s")
    assert {side: {record["group"] for record in records(after, side)} for side in groups} == groups
    fewer = take(decided, tmp_path / "s", SnapshotSettings(heldout_share=0.2))
    assert {record["group"] for record in records(fewer, "heldout")} <= groups["heldout"]


def test_shares_of_held_out_patients_are_as_asked():
    sides = [side_of(f"{number}\npatient {number}", 0.2) for number in range(4000)]
    assert 0.18 < sides.count("heldout") / len(sides) < 0.22


def copy_of(scan: Path, folder: Path, code: str, **header: Any) -> Path:
    """A scan under another patient's number, otherwise the same but for what `header` says."""
    copy = folder / code / "dicom"
    shutil.copytree(scan, copy)
    for file in copy.iterdir():
        dataset = pydicom.dcmread(file)
        dataset.PatientName, dataset.PatientID = "Other", code
        for name, value in header.items():
            setattr(dataset, name, value)
        dataset.save_as(file)
    return copy


def other_pixels(scan: Path) -> Path:
    for file in scan.iterdir():
        dataset = pydicom.dcmread(file)
        dataset.PixelData = bytes(byte ^ 1 for byte in dataset.PixelData)
        dataset.save_as(file)
    return scan


def accept_liver(store: AnnotationStore, scan: Path, index: int = 1) -> None:
    row, said = found(store, scan, LIVER, Box(10, 10, 40, 40), index=index)
    store.accept(row.root_id, said.id, LIVER, "ann")


def code_on(side: str, stem: str = "other") -> str:
    """A number that alone is on a side."""
    return next(f"{stem}{n}" for n in range(100) if side_of(f"{stem}{n}\n", SHARE) == side)


NEW_UIDS = {"StudyInstanceUID": "1.2.3.77", "SeriesInstanceUID": "1.2.3.77.1"}


def sides_of(snapshot: Snapshot, store: AnnotationStore) -> dict[str, set[str]]:
    """On which sides the scans of each place are."""
    sides: dict[str, set[str]] = {}
    for line in lines(snapshot.folder / LINEAGE_FILE):
        source = store.images.get(store.regions.row(line["row"]).image_id).source
        sides.setdefault(source, set()).add(line["side"])
    return sides


@pytest.mark.parametrize(
    ("side", "other", "shared"),
    [
        ("train", "heldout", "study"),
        ("heldout", "train", "study"),
        ("heldout", "heldout", "series"),
        ("heldout", "train", "series"),
        ("train", "heldout", "picture"),
        ("heldout", "train", "picture"),
    ],
)
def test_what_shares_a_study_a_series_or_a_picture_is_of_one_patient(decided, clinic, tmp_path, side, other, shared):
    before = take(decided, tmp_path / "s").counts
    of = next(number for number in range(6) if side_of_patient(number) == side)
    uids = dict(NEW_UIDS)
    if shared != "picture":
        del uids["StudyInstanceUID" if shared == "study" else "SeriesInstanceUID"]
    copy = copy_of(clinic[of], tmp_path, code_on(other), **uids)
    if shared != "picture":
        other_pixels(copy)
    accept_liver(decided, copy)
    after = take(decided, tmp_path / "s")
    wanted = {"heldout"} if (side, other) == ("heldout", "heldout") else {"train"}
    sides = sides_of(after, decided)
    assert sides[str(copy)] == sides[str(clinic[of])] == wanted
    assert after.left_out == {}
    for name in ("train", "heldout"):
        moved = (name in wanted) - (name == side)
        assert after.counts[name]["patients"] == before[name]["patients"] + moved
    assert sum(count["names"] for count in after.counts.values()) == 7
    assert "7 names or numbers of patients count as only 6," in "\n".join(describe(after))
    report = check_dataset([after.folder], NoProgress())
    assert report.errors == 0, report.problems
    assert take(decided, tmp_path / "again").row.hash == after.row.hash
    assert not any(uid.encode() in data for data in tree(after.folder).values() for uid in NEW_UIDS.values())


@pytest.mark.parametrize("backwards", [False, True])
def test_one_patient_by_way_of_another_is_on_one_side(clinic, tmp_path, backwards):
    """A shares a study with B, and B a picture with C."""
    first = copy_of(clinic[0], tmp_path, code_on("heldout", "a"))
    same_study = other_pixels(copy_of(clinic[0], tmp_path, code_on("heldout", "b"), SeriesInstanceUID="1.2.3.9"))
    same_picture = copy_of(same_study, tmp_path, code_on("train", "c"), **NEW_UIDS)
    alone = copy_of(clinic[1], tmp_path, code_on("heldout", "d"))
    scans = [(first, 1), (same_study, 2), (same_picture, 2), (same_study, 3), (alone, 1)]
    with AnnotationStore.open(tmp_path / "a.sqlite") as store:
        for scan, index in reversed(scans) if backwards else scans:
            accept_liver(store, scan, index)
        snapshot = take(store, tmp_path / "s")
        sides = sides_of(snapshot, store)
    assert sides == {str(scan): {"heldout" if scan == alone else "train"} for scan, _ in scans}
    assert (snapshot.counts["train"]["patients"], snapshot.counts["train"]["names"]) == (1, 3)
    assert len({record["group"] for record in records(snapshot, "train")}) == 1


@pytest.mark.parametrize("taken_back", [False, True])
def test_a_filter_makes_of_one_patient_no_two(clinic, tmp_path, taken_back):
    """Who was trained on with the other scan judges nothing without it."""
    held = copy_of(clinic[0], tmp_path, code_on("heldout"))
    trained = copy_of(clinic[0], tmp_path, code_on("train"), SeriesInstanceUID="1.2.3.9")
    with AnnotationStore.open(tmp_path / "a.sqlite") as store:
        index_into(store, [tmp_path], NoProgress())
        accept_liver(store, held)
        row, said = found(store, trained, LIVER, Box(10, 10, 40, 40), index=2)
        store.accept(row.root_id, said.id, LIVER, "bob")
        if taken_back:
            store.reject(row.root_id, "bob")
        assert sides_of(take(store, tmp_path / "s", only(annotators=("ann",))), store) == {str(held): {"train"}}


def test_an_empty_uid_makes_nobody_one(clinic, tmp_path):
    none = {"StudyInstanceUID": "", "SeriesInstanceUID": ""}
    with AnnotationStore.open(tmp_path / "a.sqlite") as store:
        for number in range(3):
            accept_liver(store, copy_of(clinic[number], tmp_path, f"p{number}", **none))
        counts = take(store, tmp_path / "s").counts
    assert sum(count["patients"] for count in counts.values()) == 3


def test_one_uid_for_everything_holds_nobody_out_and_says_why(clinic, tmp_path):
    with AnnotationStore.open(tmp_path / "a.sqlite") as store:
        for number in range(4):
            accept_liver(store, copy_of(clinic[number], tmp_path, f"p{number}", StudyInstanceUID="1.2.3.4"))
        snapshot = take(store, tmp_path / "s")
    assert {side: count["patients"] for side, count in snapshot.counts.items()} == {"train": 1, "heldout": 0}
    said = "\n".join(describe(snapshot))
    assert "4 names or numbers of patients count as only 1, because their scans have a study UID" in said
    assert "give each study a UID of its own" in said
    assert "nothing is held out" in said
    frozen = SnapshotFolder.read(snapshot.folder)
    with pytest.raises(DatasetError, match=r"4 names or numbers count as only 1 patients, because .*a study UID"):
        require_judges(frozen, heldout_samples(frozen))


def side_of_patient(number: int) -> str:
    return side_of(f"mrn{7000 + number}\n", SHARE)


def another_scan(clinic: list[Path], of: int, folder: Path, name: str) -> Path:
    """One more scan of a patient, with other pixels, whose header spells the name in its own way."""
    scan = folder / "dicom"
    shutil.copytree(clinic[of], scan)
    for file in scan.iterdir():
        dataset = pydicom.dcmread(file)
        dataset.PatientName = name
        dataset.PixelData = bytes(byte ^ 1 for byte in dataset.PixelData)
        dataset.save_as(file)
    return scan


def test_a_patient_whose_name_is_spelt_in_several_ways_is_one_patient(decided, clinic, tmp_path):
    before = take(decided, tmp_path / "s").counts
    for of in range(6):
        for number, name in enumerate(("Okafor^A.", "OKAFOR ADA^^^Dr", "", "Okafor-Meyer^Ada")):
            scan = another_scan(clinic, of, tmp_path / f"{of}-{number}", name)
            row, said = found(decided, scan, LIVER, Box(10, 10, 40, 40))
            decided.accept(row.root_id, said.id, LIVER, "ann")
    after = take(decided, tmp_path / "s").counts
    for side in ("train", "heldout"):
        assert after[side]["patients"] == before[side]["patients"] > 0
        assert after[side]["regions"] == before[side]["regions"] + 4 * before[side]["patients"]


def test_what_was_accepted_many_at_once_is_trained_on_and_judges_nothing(decided, clinic, tmp_path):
    before = take(decided, tmp_path / "s").counts
    wanted = [row for scan in clinic for row, _ in (found(decided, scan, SPLEEN, Box(2, 2, 20, 20), 0.95, index=3),)]
    assert len(decided.edits.accept_many([row.root_id for row in wanted], 0.9, "ann")) == 6
    # Another spleen on each of these pictures, looked at alone, and a liver.
    for scan in clinic:
        for label, box in ((SPLEEN, Box(30, 30, 50, 50)), (LIVER, Box(10, 30, 25, 60))):
            row, said = found(decided, scan, label, box, index=3)
            decided.accept(row.root_id, said.id, label, "ann")
    after = take(decided, tmp_path / "s")
    train, held = (before[side]["patients"] for side in ("train", "heldout"))
    assert after.counts["train"]["regions"] == before["train"]["regions"] + 3 * train
    assert after.counts["heldout"]["regions"] == before["heldout"]["regions"] + held
    assert after.left_out == {
        "held out, but accepted many at once": held,
        "held out, beside one of that name accepted many at once": held,
    }
    # Renamed by a person afterwards, it is a person's.
    for row in wanted:
        decided.correct(row.root_id, LIVER, "bob")
    assert take(decided, tmp_path / "s").left_out == {}


def test_a_snapshot_of_the_version_before_is_read(decided, tmp_path):
    snapshot = take(decided, tmp_path / "s")
    path = snapshot.folder / "snapshot.json"
    said = json.loads(path.read_text(encoding="utf-8"))
    assert said["format"] == 3
    path.chmod(0o644)
    for format_ in (1, 2, 4):
        path.write_text(json.dumps(said | {"format": format_}), encoding="utf-8")
        if format_ < 3:
            assert read_manifest(snapshot.folder)["counts"] == snapshot.counts
        else:
            with pytest.raises(FeedbackError, match="of another version"):
                read_manifest(snapshot.folder)


def test_a_snapshot_says_when_too_few_patients_are_held_out(decided, tmp_path):
    said = "\n".join(describe(take(decided, tmp_path / "s")))
    assert "2 patients are held out, and a gate needs 8" in said


def test_what_a_killed_snapshot_left_is_swept_a_day_later(decided, tmp_path):
    left = tmp_path / "s" / ".snapshot-abc"
    (left / "set" / "train").mkdir(parents=True)
    os.utime(left, (1.0, 1.0))
    snapshot = take(decided, tmp_path / "s")
    assert [path.name for path in (tmp_path / "s").iterdir()] == [snapshot.folder.name]


def test_records_are_the_builders_in_both_languages(decided, tmp_path):
    snapshot = take(decided, tmp_path / "s")
    report = check_dataset([snapshot.folder], NoProgress())
    assert report.errors == 0, report.problems
    found_ = {(r["task"], r["language"]) for r in records(snapshot)}
    assert found_ == {(task, lang) for task in ("region_to_text", "text_to_region") for lang in ("en", "zh")}
    for side in ("train", "heldout"):
        read = [record for _, record in read_records(snapshot.folder / side)]
        assert len(read) == snapshot.counts[side]["records"] > 0
        assert snapshot.counts[side]["regions"] == 3 * snapshot.counts[side]["patients"]
    answers = {r["conversations"][1]["value"] for r in records(snapshot) if r["task"] == "region_to_text"}
    liver, spleen = (builtin_ontology().get(name).zh for name in ("liver", "spleen"))
    # A name that was typed in one language is asked for in that one.
    assert answers == {"liver", "spleen", "odd kidney", liver, spleen}


def test_held_out_questions_are_asked_as_people_ask_them(decided, tmp_path):
    snapshot = take(decided, tmp_path / "s")
    plain = [r for r in records(snapshot, "heldout") if r["task"] == "region_to_text" and r["language"] == "en"]
    assert all("What is <ref>this</ref>" in r["conversations"][0]["value"] for r in plain)
    trained = [r for r in records(snapshot, "train") if r["task"] == "region_to_text" and r["language"] == "en"]
    assert not all("What is <ref>this</ref>" in r["conversations"][0]["value"] for r in trained)


def test_every_record_leads_to_its_decision_and_both_names_are_kept(decided, tmp_path):
    snapshot = take(decided, tmp_path / "s")
    regions = {line["region"]: line for line in lines(snapshot.folder / LINEAGE_FILE)}
    seen = set()
    for record in records(snapshot):
        assert record["lineage"], record["id"]
        for origin in record["lineage"]:
            line = regions[origin["region"]]
            assert record["id"] in line["records"]
            assert {name: line[name] for name in origin} == origin
            kinds = {v.id: v.kind for v in decided.verdicts.of_region(origin["region"])}
            assert kinds[origin["verdict"]] in ("accepted", "edited", "labelled")
            assert decided.suggestions.get(origin["suggestion"]).region_root_id == origin["region"]
            seen.add(origin["region"])
    assert seen == set(regions) == {row.root_id for row in decided.regions.decided()}
    corrected = [line for line in regions.values() if line["made"]["label"][0] == "spleen"]
    for line in corrected:
        assert line["suggested"]["label"] == ["liver", "liver", "肝"]
        assert line["suggested"]["box"] == [42, 20, 60, 50]
        assert line["suggested"]["model"] == {"id": "starter", "sha256": "b" * 64, "adapter": None}
        assert line["made"] == {"label": ["spleen", "spleen", "脾"], "box": [41, 21, 58, 49], "state": "edited"}
    # Named from the list: the verdict names no answer, the lineage does.
    for line in regions.values():
        if line["made"]["label"][1] == "odd kidney":
            assert line["suggested"]["label"][0] == "liver"
            assert [v["suggestion"] for v in line["verdicts"]] == [None]


def test_a_region_question_leads_to_its_own_box_alone(decided, clinic, tmp_path):
    row, said = found(decided, clinic[0], LIVER, Box(44, 2, 60, 15))
    decided.accept(row.root_id, said.id, LIVER, "ann")
    snapshot = take(decided, tmp_path / "s", only(labels=("liver",)))
    for record in records(snapshot):
        if record["task"] == "region_to_text":
            assert len(record["lineage"]) == 1
    both = [r for r in records(snapshot) if r["task"] == "text_to_region" and len(r["lineage"]) == 2]
    assert {r["language"] for r in both} == {"en", "zh"}


@pytest.mark.parametrize(
    ("wanted", "regions"),
    [
        ({}, 18),
        ({"annotators": ("ann",)}, 6),
        ({"annotators": ("bob",)}, 12),
        ({"labels": ("LIVER",)}, 6),
        ({"labels": ("脾", "odd kidney")}, 12),
        ({"modalities": ("ct",)}, 18),
        ({"since": "2020-01-01", "until": "2999-01-01"}, 18),
        ({"since": "2020-01-01T08:00:00.000000+00:00", "until": "2999-01-01T08:00:00.000000+00:00"}, 18),
    ],
)
def test_filters_choose(decided, tmp_path, wanted, regions):
    snapshot = take(decided, tmp_path / "s", only(**wanted))
    assert sum(snapshot.counts[side]["regions"] for side in snapshot.counts) == regions


def test_an_instant_is_the_first_that_since_takes_and_the_first_that_until_leaves_out(decided, tmp_path):
    moments = sorted(one.decision.created for one in corrections(decided))
    middle = moments[len(moments) // 2]
    later, earlier = (
        sum(side["regions"] for side in take(decided, tmp_path / word, only(**{word: middle})).counts.values())
        for word in ("since", "until")
    )
    assert later == sum(one >= middle for one in moments)
    assert earlier == sum(one < middle for one in moments)
    assert min(later, earlier) > 0


@pytest.mark.parametrize(
    "wanted",
    [
        {"reviewed_only": True},
        {"modalities": ("MR",)},
        {"until": "2020-01-01"},
        {"since": "2999-01-01"},
        {"until": "2020-01-01T08:00:00.000000+00:00"},
        {"since": "2999-01-01T08:00:00.000000+00:00"},
        {"annotators": ("eve",)},
        {"labels": ("gallbladder",)},
    ],
)
def test_nothing_that_passes_is_an_error_and_nothing_is_written(decided, tmp_path, wanted):
    with pytest.raises(FeedbackError, match="nothing to freeze"):
        take(decided, tmp_path / "s", only(**wanted))
    assert not (tmp_path / "s").exists()
    assert decided.snapshots.all() == []


def test_of_reviewed_readings_the_approved_are_taken_and_an_annotators_own(clinic, tmp_path):
    with AnnotationStore.open(tmp_path / "a.sqlite") as store:
        image, study = see(clinic[0])
        for name in ("ann", "bob", "eve"):
            store.tasks.add_annotator(name, "eve")
        boxes = {"ann": Box(10, 10, 40, 40), "bob": Box(12, 20, 44, 60)}
        for number, name in enumerate(boxes, start=1):
            task = store.tasks.assign(str(clinic[0].resolve()), image.series_uid, name, "eve", reading=number)
            store.draw_region(image, study, boxes[name], name, label=LIVER)
            store.tasks.submit(task.id, name)
            if name == "bob":
                store.tasks.approve(task.id, "eve")

        def kept(settings: SnapshotSettings) -> list[list[float]]:
            return [line["made"]["box"] for line in lines(take(store, tmp_path / "s", settings).folder / LINEAGE_FILE)]

        assert kept(only()) == kept(only(reviewed_only=True)) == [[12, 20, 44, 60]]
        assert kept(only(annotators=("ann",))) == [[10, 10, 40, 40]]
        with pytest.raises(FeedbackError, match="nothing to freeze"):
            kept(only(annotators=("ann",), reviewed_only=True))


def test_no_file_tells_who_a_patient_is(decided, clinic, tmp_path):
    snapshot = take(decided, tmp_path / "s")
    whole = b"\n".join(name.encode() + data for name, data in tree(snapshot.folder).items()).decode("latin-1")
    for number, name in enumerate(PATIENTS[:6]):
        for part in (*name.split("^"), f"MRN{7000 + number}", str(clinic[number])):
            assert part.casefold() not in whole.casefold() or len(part) < 4
    assert "1.2.826" not in whole


@pytest.mark.parametrize("name", ["Okafor mass", "mass of mrn7003", "cyst 1.2.826.0.1.3680043.8.498.1", "王伟的肿块"])
def test_a_label_with_a_patients_name_is_refused(decided, clinic, tmp_path, name):
    row, _ = found(decided, clinic[0], LIVER, Box(2, 30, 9, 60))
    decided.edits.set_label([row.root_id], Label("", name, ""), "ann")
    with pytest.raises(FeedbackError, match=r"holds a .*Rename that label"):
        take(decided, tmp_path / "s")
    assert list((tmp_path / "s").iterdir()) == []
    assert decided.snapshots.all() == []


def test_a_scan_that_changed_is_named_and_nothing_is_written(decided, clinic, tmp_path):
    scan = tmp_path / "again" / "dicom"
    shutil.copytree(clinic[0], scan)
    row, said = found(decided, scan, LIVER, Box(10, 10, 40, 40))
    decided.accept(row.root_id, said.id, LIVER, "ann")
    for file in scan.iterdir():
        dataset = pydicom.dcmread(file)
        dataset.PixelData = bytes(len(dataset.PixelData))
        dataset.save_as(file)
    with pytest.raises(ExchangeError, match="not what was annotated"):
        take(decided, tmp_path / "s")
    assert list((tmp_path / "s").iterdir()) == []
    assert decided.snapshots.all() == []


def test_scans_without_a_name_are_patients_by_folder_or_by_file(clinic, tmp_path):
    with AnnotationStore.open(tmp_path / "a.sqlite") as store:
        for number in range(4):
            scan = tmp_path / "nameless" / f"case{number}"
            shutil.copytree(clinic[number], scan)
            for file in scan.iterdir():
                dataset = pydicom.dcmread(file)
                dataset.PatientName = dataset.PatientID = ""
                dataset.save_as(file)
            row, said = found(store, scan, LIVER, Box(10, 10, 40, 40))
            store.accept(row.root_id, said.id, LIVER, "ann")

        def patients(nameless: Nameless) -> int:
            counts = take(store, tmp_path / "s", SnapshotSettings(nameless=nameless, heldout_share=SHARE)).counts
            return sum(count["patients"] for count in counts.values())

        assert (patients(Nameless.FOLDER), patients(Nameless.FILE)) == (1, 4)


def test_a_database_that_only_reads_is_refused_before_any_work(decided, tmp_path):
    path = decided.path
    decided.close()
    with sqlite3.connect(path) as raw:
        raw.execute("PRAGMA user_version = 99")
    raw.close()
    with AnnotationStore.open(path) as newer, pytest.raises(StoreError, match="newer version"):
        take(newer, tmp_path / "s")
    assert not (tmp_path / "s").exists()


def test_what_a_killed_attempt_left_is_not_taken_for_a_snapshot(decided, tmp_path):
    left = tmp_path / "s" / ".snapshot-abc" / "set" / "train"
    left.mkdir(parents=True)
    (left / "region_to_text.jsonl").write_text("{")
    assert not take(decided, tmp_path / "s").reused


def test_a_snapshot_without_its_row_is_listed_again(decided, tmp_path):
    """As after a power cut between the folder and the database."""
    first = take(decided, tmp_path / "s")
    decided.backup(tmp_path / "later.sqlite")
    with sqlite3.connect(tmp_path / "later.sqlite") as raw:
        raw.execute("DROP TRIGGER snapshot_no_delete")
        raw.execute("DELETE FROM snapshot")
    raw.close()
    with AnnotationStore.open(tmp_path / "later.sqlite") as store:
        again = take(store, tmp_path / "s")
        assert again.reused
        assert [row.hash for row in store.snapshots.all()] == [first.row.hash]


def test_names_become_keys_whatever_their_order():
    given = [
        Label("", "odd kidney", ""),
        Label("own-odd", "odd kidney", "怪肾"),
        Label("liver", "liver", "肝"),
        Label("", "Left Kidney", ""),
        Label("", "", "门静脉怪"),
        Label("", "a|b", ""),
    ]
    forth, back = LabelKeys(given), LabelKeys(reversed(given))
    assert [forth.key(label) for label in given] == [back.key(label) for label in given]
    assert forth.key(given[0]) == forth.key(given[1])
    assert forth.naming.name(forth.key(given[0]), "zh") == "怪肾"
    assert forth.key(given[2]) == "liver"
    assert forth.key(given[5]) is None
    assert [forth.has_name(forth.key(given[4]), language) for language in ("en", "zh")] == [False, True]


def test_the_command_says_what_is_in_it(decided, tmp_path):
    arguments = ["snapshot", "--db", str(decided.path), "--out", str(tmp_path / "s"), "--heldout", str(SHARE)]
    result = CliRunner().invoke(feedback, [*arguments, "--json"])
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    assert told["hash"] == decided.snapshots.all()[0].hash
    assert told["counts"]["train"]["patients"] + told["counts"]["heldout"]["patients"] == 6
    again = CliRunner().invoke(feedback, arguments)
    assert "was there already" in again.stdout
    instant = [*arguments, "--until", "2999-01-01T08:00:00+08:00"]
    CliRunner().invoke(feedback, instant)
    assert json.loads(decided.snapshots.all()[-1].filters)["until"] == "2999-01-01T00:00:00.000000+00:00"
    for wrong, why in (("2999-13-01", "neither a day"), ("2999-01-01T08:00", "how far it is from UTC")):
        refused = CliRunner().invoke(feedback, [*arguments, "--since", wrong])
        assert (refused.exit_code, why in refused.output) == (2, True)
    none_held = CliRunner().invoke(feedback, [*arguments[:-1], "0"])
    assert "nothing is held out" in none_held.stdout
