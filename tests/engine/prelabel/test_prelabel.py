"""`medrega prelabel`: what it finds waits for a person; nothing is lost, nothing is asked twice."""

from __future__ import annotations

import contextlib
import json
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from engine.cli import main
from engine.found import SAME_PLACE, without_known
from engine.labels import LabelError, LabelSet, builtin_schemes
from engine.phantom import PHANTOM_LABELS, write_phantom_series
from engine.prelabel import SliceChoice, wanted_labels
from engine.prelabel.slices import SliceChoiceError
from engine.protocol import Language
from engine.regions import Box, Label
from engine.runtime import Session, find_model
from engine.scans import read_volume, render_slice
from engine.store import AnnotationStore, Origin, RegionState, ScanFilter
from engine.suggest import finding_prompt, make_image_ref, suggest_each

STARTER = Path(__file__).parents[3] / "resources" / "models" / "starter"
KILLS = int(os.environ.get("MEDREGA_KILLS", "3"))
"""More before a release: ``MEDREGA_KILLS=40 pytest tests/engine/prelabel -k killed``."""
NAMES = "liver,脾,aorta"
SLICES, MIDDLE = 12, 3
"""Of both series; of each."""


@pytest.fixture(scope="module")
def studies(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two CT series of 6 slices, and two files that cannot be read as scans."""
    folder = tmp_path_factory.mktemp("studies")
    for seed in (3, 4):
        made = write_phantom_series(folder / f"made{seed}", seed, size=128, slice_mm=40.0)
        shutil.move(made / "dicom", folder / f"patient{seed}")
        shutil.rmtree(made)
    (folder / "patient3" / "broken.dcm").write_bytes(bytes(128) + b"DICM" + b"broken")
    (folder / "notes.txt").write_text("no scan")
    return folder


def run(*words: object) -> Result:
    return CliRunner().invoke(main, ["prelabel", *map(str, words)])


@pytest.fixture(scope="module")
def session() -> Iterator[Session]:
    """The model that ships."""
    with Session(find_model(str(STARTER))) as running:
        yield running


@pytest.fixture(scope="module")
def order() -> Callable[..., Result]:
    def do(studies: Path, database: Path, *more: object, labels: str = NAMES) -> Result:
        return run(studies, "--labels", labels, "--db", database, "--model", STARTER, *more)

    return do


@pytest.fixture(scope="module")
def report(order: Callable[..., Result]) -> Callable[..., dict]:
    """What an order says once it is done."""

    def do(*words: object, **named: object) -> dict:
        result = order(*words, "--json", **named)
        assert result.exit_code == 0, result.output
        return json.loads(result.stdout)

    return do


@pytest.fixture(scope="module")
def whole(report, studies: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict]:
    """A database that a run without trouble made, and what it said. Nobody may change it."""
    database = tmp_path_factory.mktemp("whole") / "a.sqlite"
    return database, report(studies, database)


@pytest.fixture
def copy(whole: tuple[Path, dict], tmp_path: Path) -> Path:
    target = tmp_path / "copy.sqlite"
    with AnnotationStore.open(whole[0]) as store:
        store.backup(target)
    return target


TABLES = {
    "study": "id, study_uid",
    "series": "id, study_id, series_uid, source, modality",
    "image": "id, series_id, plane, slice, sop_instance_uid, width, height",
    "region": "id, root_id, supersedes_id, image_id, x1, y1, x2, y2, label_id, label_en, label_zh, state, origin, "
    "view_sha256, window_center, window_width, who",
    "suggestion": "id, image_id, region_root_id, task, language, prompt, raw, text, abstained, model_id, "
    "model_sha256, adapter, view_sha256, window_center, window_width",
    "verdict": "*",
    "audit": "seq, who, what",
}


def content(database: Path) -> dict[str, list]:
    """Everything but when it was written and how long it took."""
    reader = sqlite3.connect(database)
    found = {
        table: reader.execute(f"SELECT {columns} FROM {table} ORDER BY 1").fetchall()
        for table, columns in TABLES.items()
    }
    parsed = [json.loads(row[0]) for row in reader.execute("SELECT parsed FROM suggestion ORDER BY id")]
    reader.close()
    found["parsed"] = [
        [{**one, "probability": round(one["probability"], 5), "spread": None} for one in answer] for answer in parsed
    ]
    return found


def waiting(database: Path) -> list:
    """The suggested regions of a database as the window reads them."""
    with AnnotationStore.open(database) as store:
        assert store.integrity_problems() == []
        assert store.audit_problems() == []
        scans = [
            scan
            for patient in store.scans.patients(ScanFilter(), 0, 99)
            for study in store.scans.studies(ScanFilter(), patient.number, 0, 99)
            for scan in store.scans.of_study(ScanFilter(), patient.number, study.study_uid, 0, 99)
        ]
        return [one for scan in scans for one in store.regions.of_series(scan.path, scan.series_uid)]


def test_every_slice_of_every_scan_has_what_the_model_finds_there(studies: Path, session: Session, whole):
    database, said = whole
    assert said["scans"] == {"found": 2, "done": 2}
    assert said["slices_asked"] * 3 == said["questions"] == SLICES * 3
    regions = waiting(database)
    assert len(regions) == said["regions"] > SLICES
    assert {one.row.state for one in regions} == {RegionState.SUGGESTED}
    assert {one.row.origin for one in regions} == {Origin.MODEL}
    volume = read_volume(studies / "patient3")
    with AnnotationStore.open(database) as store:
        suggestions = suggest_each(
            session, volume, volume.plane, MIDDLE, language=Language.EN, names=["liver", "spleen", "aorta"]
        )
        expected = [region for one in suggestions for region in without_known(one, []).regions]
        here = [one.row for one in store.regions.of_series(volume.source, volume.series_uid) if one.slice == MIDDLE]
        assert [(row.label.en, row.box) for row in here] == [(one.label, one.box) for one in expected]
        for row, one in zip(here, expected, strict=True):
            answer = store.suggestions.of_region(row.root_id)
            assert (answer.model_id, answer.model_sha256) == ("starter", session.manifest.sha256)
            assert row.window == volume.window
            assert answer.probability == pytest.approx(one.probability, abs=1e-4)
            assert "CT scan" in answer.prompt


def test_what_cannot_be_read_is_said_and_counted(whole):
    skipped = {Path(one["path"]).name: one["reason"] for one in whole[1]["skipped"]}
    assert set(skipped) == {"broken.dcm", "notes.txt"}
    assert all(skipped.values())


def test_the_same_again_asks_nothing_and_changes_nothing(report, studies: Path, copy: Path):
    before = content(copy)
    said = report(studies, copy)
    assert (said["questions"], said["regions"], said["slices_done_before"]) == (0, 0, SLICES)
    assert content(copy) == before


def test_another_name_asks_only_about_that(report, studies: Path, copy: Path):
    said = report(studies, copy, labels=NAMES + ",right kidney")
    assert said["questions"] == SLICES


def test_another_language_or_model_adds_only_where_nothing_was_found(report, studies: Path, copy: Path, whole):
    found = len({(one.row.image_id, one.row.label.id) for one in waiting(copy)})
    said = report(studies, copy, "--lang", "zh")
    assert said["questions"] == SLICES * 3 - found
    regions = waiting(copy)
    places = [(one.row.image_id, one.row.label.id) for one in regions]
    assert all(
        a is b or p != q or a.row.box.iou(b.row.box) <= SAME_PLACE
        for a, p in zip(regions, places, strict=True)
        for b, q in zip(regions, places, strict=True)
    )


def test_what_a_person_turned_down_does_not_come_back_and_what_they_drew_is_left_alone(
    report, studies: Path, tmp_path: Path
):
    database = tmp_path / "a.sqlite"
    volume = read_volume(studies / "patient3")
    image = make_image_ref(volume, volume.plane, MIDDLE, None, render_slice(volume, volume.plane, MIDDLE))
    with AnnotationStore.open(database) as store:
        liver = Label("liver", "liver", "肝脏")
        store.draw_region(image, volume.study_uid, Box(1, 1, 9, 9), "ann", label=liver)
    said = report(studies / "patient3", database, "--slices", "middle", labels="liver,spleen")
    assert said["questions"] == 1
    spleen = next(one.row for one in waiting(database) if one.row.label.id == "spleen")
    with AnnotationStore.open(database) as store:
        store.reject(spleen.root_id, "ann")
    said = report(studies / "patient3", database, "--slices", "middle", "--lang", "zh", labels="liver,spleen")
    assert said["questions"] == 0


def kept_probabilities(database: Path, folder: str) -> list[float]:
    """Of the regions of one scan."""
    with AnnotationStore.open(database) as store:
        return [
            store.suggestions.of_region(one.row.root_id).probability
            for one in waiting(database)
            if Path(store.images.get(one.row.image_id).source).name == folder
        ]


def test_a_threshold_leaves_out_what_is_unlikely_until_it_is_lowered(report, studies: Path, whole, tmp_path: Path):
    place = (studies / "patient4", tmp_path / "a.sqlite")
    probabilities = kept_probabilities(whole[0], "patient4")
    middle = sorted(probabilities)[len(probabilities) // 2]
    strict = report(*place, "--threshold", middle)
    assert 0 < strict["regions"] < len(probabilities)
    assert report(*place, "--threshold", middle)["questions"] == 0
    lower = report(*place, "--threshold", 0)
    assert 0 < lower["questions"] < strict["questions"]
    assert strict["regions"] + lower["regions"] == len(probabilities)
    assert report(*place, "--threshold", 0)["questions"] == 0


class Nursery:
    """Runs of the command that a test may end."""

    def __init__(self, process: subprocess.Popen, folder: Path) -> None:
        self._process = process
        self.out = folder / "out"
        self.errors = folder / "errors"

    def start(self, *words: object) -> int:
        """Its process id."""
        line = json.dumps([["prelabel", *map(str, words)], str(self.out), str(self.errors)])
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())

    def end(self) -> int:
        """Wait; its exit code, or the number of the signal that ended it, negative."""
        return int(self._process.stdout.readline())


@pytest.fixture(scope="module")
def nursery(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nursery]:
    if not hasattr(os, "fork"):
        pytest.skip("this system has no fork")
    here = str(Path(__file__).parent)
    code = f"import sys; sys.path.insert(0, {here!r}); import prelabeller; prelabeller.nurse()"
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen([sys.executable, "-c", code], text=True, **pipes) as process:
        yield Nursery(process, tmp_path_factory.mktemp("nursery"))
        process.stdin.close()


def test_killed_runs_come_to_the_database_of_one_that_was_not(nursery, studies: Path, whole, tmp_path):
    rng, kills, number = random.Random(7), 0, 0
    while kills < KILLS:
        number += 1
        database, among = tmp_path / f"killed{number}.sqlite", 0
        words = (studies, "--labels", NAMES, "--db", database, "--model", STARTER)
        # From "while the database is made" to "before the last slice".
        while kills < KILLS and (before := _kept(database)) < SLICES - 1:
            wanted = min(before + rng.randrange(0, 6), SLICES - 1)
            child = nursery.start(*words)
            wait_for(lambda least=wanted, database=database: _kept(database) >= least)
            time.sleep(rng.uniform(0, 0.1))
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
            killed = nursery.end() == -signal.SIGKILL
            kills, among = kills + killed, among + (0 < _kept(database) < SLICES)
        assert among, "it was never killed in the middle of its work"
        nursery.start(*words)
        assert nursery.end() == 0
        assert content(database) == content(whole[0])
        assert waiting(database)


def test_a_signal_ends_it_cleanly_and_the_same_command_goes_on(nursery, studies: Path, whole, tmp_path: Path):
    database = tmp_path / "a.sqlite"
    words = (studies, "--labels", NAMES, "--db", database, "--model", STARTER, "--json")
    asked = 0
    for sign in (signal.SIGINT, signal.SIGTERM):
        before, child = _kept(database), nursery.start(*words)
        wait_for(lambda least=before + 2: _kept(database) >= least)
        os.kill(child, sign)
        assert nursery.end() == 1
        said, errors = json.loads(nursery.out.read_text()), nursery.errors.read_text()
        assert said["stopped"]
        assert "the same command goes on" in errors
        assert "Traceback" not in errors
        asked += said["slices_asked"]
    nursery.start(*words)
    assert nursery.end() == 0
    assert asked + json.loads(nursery.out.read_text())["slices_asked"] == SLICES
    assert content(database) == content(whole[0])


def wait_for(condition) -> None:
    """Raise unless it becomes true in time."""
    deadline = time.monotonic() + 180
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.002)


def _kept(database: Path) -> int:
    """Slices that were kept."""
    if not database.exists():
        return 0
    reader = sqlite3.connect(f"file:{database}?mode=ro", uri=True)
    try:
        return reader.execute("SELECT count(*) FROM audit").fetchone()[0]
    except sqlite3.Error:
        # It is just being made.
        return 0
    finally:
        reader.close()


def test_a_blind_reader_gets_nothing_from_the_model(report, studies: Path, tmp_path: Path, monkeypatch):
    monkeypatch.setenv("LOGNAME", "second")
    database = tmp_path / "a.sqlite"
    with AnnotationStore.open(database) as store:
        for name in ("first", "second"):
            store.tasks.add_annotator(name, "first")
        volume = read_volume(studies / "patient3")
        for reading, name in enumerate(("first", "second"), 1):
            store.tasks.assign(volume.source, volume.series_uid, name, "first", reading)
    said = report(studies, database, "--slices", "middle")
    assert said["scans"]["done"] == 1
    assert any("blind" in one["reason"] for one in said["skipped"])


def test_a_folder_without_scans_is_an_error(order, tmp_path: Path):
    (tmp_path / "empty").mkdir()
    result = order(tmp_path / "empty", tmp_path / "a.sqlite")
    assert result.exit_code == 1
    assert "holds no scan" in result.stderr
    assert order(tmp_path / "nothing", tmp_path / "a.sqlite").exit_code == 1


@pytest.mark.parametrize("words", [("--slices", "every"), ("--slices", "every 0"), ("--threshold", "2")])
def test_wrong_arguments(order, studies: Path, tmp_path: Path, words):
    assert order(studies, tmp_path / "a.sqlite", *words).exit_code == 2


def test_slices_can_be_told_in_two_words(report, studies: Path, tmp_path: Path):
    said = report(studies / "patient3", tmp_path / "a.sqlite", "--slices", "every", 3, labels="liver")
    assert (said["slices"], said["slices_asked"]) == ("every 3", 2)


def test_choices_of_slices():
    assert list(SliceChoice.read("every 4").of(17)) == [0, 4, 8, 12, 16]
    assert list(SliceChoice.read("middle").of(17)) == [8]
    assert list(SliceChoice.read("all").of(3)) == [0, 1, 2]
    assert all(list(SliceChoice.read("middle").of(n)) == [n // 2] for n in range(1, 9))
    assert all(n // 2 in SliceChoice(k).of(n) for n in range(1, 20) for k in range(1, 9))
    assert not SliceChoice.read("middle").of(0)
    for text in ("", "some", "every", "every 0", "every -1", "every 1.5"):
        with pytest.raises(SliceChoiceError, match="choice of slices"):
            SliceChoice.read(text)


class TestNames:
    known = LabelSet(PHANTOM_LABELS)

    def test_typed_in_either_language_by_id_or_by_synonym_each_once(self):
        found = wanted_labels("liver, 肝，右肾;right-kidney、ovary, my own thing", self.known)
        assert [label.en for label in found] == ["liver", "right kidney", "ovary", "my own thing"]
        assert found[2].zh
        assert found[3] == Label("", "my own thing", "")

    def test_of_a_file_of_lines(self, tmp_path: Path):
        path = tmp_path / "names.txt"
        path.write_text("liver # the large one\n\n脾\n", encoding="utf-8")
        assert [label.id for label in wanted_labels(str(path), self.known)] == ["liver", "spleen"]

    @pytest.mark.parametrize("entry", ["spleen", {"id": "own-x", "en": "x", "zh": "某物"}])
    def test_of_a_json_list(self, tmp_path: Path, entry):
        path = tmp_path / "names.json"
        path.write_text(json.dumps(["liver", entry]), encoding="utf-8")
        assert len(wanted_labels(str(path), self.known)) == 2

    def test_of_a_label_set_shipped_or_saved(self, tmp_path: Path):
        scheme = next(one for one in builtin_schemes() if one.id == "abdomen-ct-mr")
        scheme.save(tmp_path / "set.json")
        for text in (scheme.id, str(tmp_path / "set.json")):
            assert [label.id for label in wanted_labels(text, self.known)] == [entry.label.id for entry in scheme]

    @pytest.mark.parametrize("text", ["", ",", "  "])
    def test_nothing_is_an_error(self, text):
        with pytest.raises(LabelError, match="nothing to look for"):
            wanted_labels(text, self.known)


def test_the_prompt_of_a_name_is_the_one_it_is_asked_in(studies: Path, session: Session):
    volume = read_volume(studies / "patient3")
    for language in Language:
        for name in ("liver", "右肾", "something else"):
            (asked,) = suggest_each(session, volume, volume.plane, MIDDLE, language=language, names=[name])
            own = finding_prompt(session.manifest, volume, volume.plane, language=language, name=name)
            assert own == asked.prompt
