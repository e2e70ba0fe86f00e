"""The pages of the training dialog: real widgets on a real database, with no model process and no trainer."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("PySide6")

import numpy as np
from PIL import Image
from PySide6.QtCore import QDate, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QFileDialog

from desktop.app import make_window
from desktop.model.asking import AskingModel
from desktop.model.corrections import PatientCounts, count_corrections
from desktop.model.feedback_child import FeedbackChild
from desktop.model.training_folder import Nameless, RunOptions, RunPlan, Step, keep_frozen, new_run, step_arguments
from desktop.panels.training_dialog import BUNDLES, RUNS, TRIAL
from desktop.panels.training_runs import SCORES
from desktop.translation import Translations
from engine.feedback.corrections import CorrectionFilter
from engine.feedback.judges import KEPT_REPORT, LEAST_PATIENTS
from engine.protocol import Task
from engine.regions import Box
from engine.running_trial import begin_trial
from engine.runtime import ModelManifest, adapter_in_use, adapters_folder, find_model, promote_adapter
from engine.shadow import ShadowTrial
from engine.store import AnnotationStore
from tests.clinic import LIVER, SPLEEN, answer, found, see
from tests.desktop.conftest import delete
from tests.desktop.training_use import click, opened
from tests.engine.runtime.tiny_adapter import write_adapter

WAIT_MS = 30_000


class Pages:
    """The dialog of a window. base : the model that ships, which is never loaded."""

    def __init__(self, database: Path, qtbot) -> None:
        self.qtbot = qtbot
        app = QApplication.instance()
        assert isinstance(app, QApplication)
        self.window, self.store = make_window(Translations(app), database, "starter", "tester")
        self.window.set_interface_language("en")
        self.window.resize(1280, 840)
        self.window.show()
        self.base: ModelManifest = self.window.asking.manifest
        self.parts = self.window.training
        self.dialog = opened(self.window)

    def until(self, condition: Callable[[], bool]) -> None:
        self.qtbot.waitUntil(condition, timeout=WAIT_MS)


@pytest.fixture
def open_pages(qtbot, home: Path) -> Iterator[Callable[[], Pages]]:
    """Opens the dialog on the database of this test's own home."""
    made: list[Pages] = []

    def make() -> Pages:
        made.append(Pages(home / "a.sqlite", qtbot))
        return made[-1]

    yield make
    for pages in made:
        pages.window.close()
        pages.store.close()
    delete([pages.window for pages in made])


def write_run(base: ModelManifest, database: Path, held: int, names: int = 5) -> Path:
    """A run whose corrections are frozen: of five patients, so many of them held out, who have so many names."""
    folder = new_run(base.folder, base.sha256, database, RunOptions())
    counts = {
        side: {"patients": n, "images": n, "regions": n, "records": n, "names": some}
        for side, n, some in (("train", 5 - held, names - held), ("heldout", held, held))
    }
    said = {"folder": str(folder / "snapshot"), "hash": "a" * 64, "counts": counts, "left_out": {}}
    keep_frozen(folder, RunPlan.read(folder), said)
    return folder


def write_report(folder: Path, compared_with: str = "", *, remembered: bool = False, patients: int = 8) -> None:
    """A run is trained, and its gate was passed."""
    adapter = write_adapter(folder / "adapter", find_model("starter"), seed=7)
    (folder / "run.json").write_text("{}", encoding="utf-8")
    (folder / "result.json").write_text(json.dumps({"adapter": {"id": "adapter"}}), encoding="utf-8")
    figures = {"n": 8, "before": 0.5, "after": 0.75, "difference": 0.25, "interval": [0.1, 0.4], "patients": patients}
    part = {
        "measure": "answers",
        "overall": figures,
        "tasks": {"region_to_text": figures},
        "labels": [],
        "confusion": None,
    }
    report = {
        "format": 1,
        "passed": True,
        "adapter": {"id": "adapter", "sha256": adapter.file.sha256},
        "compared_with": {"id": compared_with} if compared_with else None,
        "checks": [{"what": "improves", "value": 0.1, "bound": 0.0, "passed": True}],
        "heldout": part,
        "base_test": part | {"measure": "ids"} if remembered else part,
        "examples": [],
    }
    (folder / "gate").mkdir()
    (folder / "gate" / "report.json").write_text(json.dumps(report), encoding="utf-8")


def draw_pictures(database: Path, folder: Path, count: int) -> list[Path]:
    """Pictures of nobody in one folder, with a decided region each."""
    folder.mkdir(parents=True)
    rng = np.random.default_rng(5)
    paths = [folder / f"{number}.png" for number in range(count)]
    with AnnotationStore.open(database) as store:
        for path in paths:
            Image.fromarray(rng.integers(0, 255, (64, 64), dtype=np.uint8)).save(path)
            row, said = found(store, path, LIVER, Box(10, 12, 40, 44), index=0)
            store.accept(row.root_id, said.id, LIVER, "ann")
    return paths


def test_pictures_of_nobody_are_counted_as_a_snapshot_counts_them(home, clinic_database):
    draw_pictures(clinic_database, home / "pictures", 4)
    with AnnotationStore.open(clinic_database) as store:
        counted = count_corrections(store, CorrectionFilter()).patients
    assert counted == PatientCounts(named=6, files=4, folders=1)
    assert [counted.of(one) for one in (Nameless.FOLDER, Nameless.FILE)] == [7, 10]


def test_what_another_machine_froze_makes_no_decision_of_this_one_old(clinic_database, tmp_path):
    with AnnotationStore.open(clinic_database) as store:
        total = count_corrections(store, CorrectionFilter()).total
        assert total.fresh > 0
        store.snapshots.keep("ab" * 32, "{}", "{}", tmp_path / "theirs", "eve", imported=True)
        assert count_corrections(store, CorrectionFilter()).total == total
        own = store.snapshots.keep("cd" * 32, "{}", "{}", tmp_path / "ours", "ann")
        counted = count_corrections(store, CorrectionFilter())
        assert (counted.total.fresh, counted.since) == (0, own.created)


def test_what_stands_for_a_patient_is_offered_and_handed_on(home, open_pages):
    draw_pictures(home / "a.sqlite", home / "pictures", 3)
    pages = open_pages()
    page = pages.dialog.corrections
    pages.until(page.start.isEnabled)
    assert page.nameless.isVisible()
    assert page.nameless.toolTip()
    assert "of 3 patients" in page.summary.text(), "all in one folder: else none could be held out"
    assert page.options.nameless is Nameless.FILE
    assert "3 scans name no patient, and each counts as one" in page._hint.text()
    page.nameless.setCurrentIndex(page.nameless.findData("folder"))
    page.nameless.activated.emit(page.nameless.currentIndex())
    assert "of 1 patients" in page.summary.text()
    assert "choose that above" in page._hint.text()
    folder = new_run(pages.base.folder, pages.base.sha256, pages.store.path, page.options)
    plan = RunPlan.read(folder)
    assert plan.options.nameless is Nameless.FOLDER
    words = step_arguments(folder, plan, "tester")
    assert words[words.index("--nameless") + 1] == "folder"
    page.count()
    pages.until(lambda: "of 1 patients" in page.summary.text())
    assert page.options.nameless is Nameless.FOLDER, "what a person chose stays"


def test_scans_that_name_their_patients_are_asked_nothing(home, clinic_database, open_pages):
    pages = open_pages()
    pages.until(pages.dialog.corrections.start.isEnabled)
    assert "of 6 patients" in pages.dialog.corrections.summary.text()
    assert not pages.dialog.corrections.nameless.isVisible()


def test_a_training_that_nobody_could_judge_is_not_begun_unasked(open_pages, monkeypatch):
    begun: list[FeedbackChild] = []
    monkeypatch.setattr(FeedbackChild, "start", lambda child: begun.append(child))
    pages = open_pages()
    dialog, model = pages.dialog, pages.parts.runs
    folder = write_run(pages.base, pages.store.path, held=1)
    model.resume(folder)
    pages.until(lambda: model.live is None and bool(model.rows))
    assert not begun
    assert "Of 5 patients 1 are held out" in dialog.problem.text()
    assert "50 %, not 20 %" in dialog.problem.text()
    dialog.pages.show_panel(RUNS)
    assert "too few are held out" in dialog.runs.list.item(0).text()
    assert dialog.runs.resume.text() == "Train all the same"
    click(dialog.runs.resume)
    assert len(begun) == 1
    assert model.live is not None
    assert model.live.step is Step.TRAIN


def test_why_so_few_are_held_out_is_said_where_several_names_are_one_patient(open_pages, monkeypatch):
    begun: list[FeedbackChild] = []
    monkeypatch.setattr(FeedbackChild, "start", lambda child: begun.append(child))
    pages = open_pages()
    dialog, model = pages.dialog, pages.parts.runs
    model.resume(write_run(pages.base, pages.store.path, held=0, names=30))
    pages.until(lambda: model.live is None and bool(model.rows))
    why = "30 names or numbers count as only 5 patients, because their scans have a study UID"
    assert why in dialog.problem.text()
    dialog.pages.show_panel(RUNS)
    assert why in dialog.runs._facts.text()
    assert not begun


@pytest.mark.parametrize(("held", "begins"), [(LEAST_PATIENTS - 1, 0), (LEAST_PATIENTS, 1)])
def test_as_many_patients_as_a_comparison_takes_are_enough_to_begin(open_pages, monkeypatch, held: int, begins: int):
    begun: list[FeedbackChild] = []
    monkeypatch.setattr(FeedbackChild, "start", lambda child: begun.append(child))
    pages = open_pages()
    model = pages.parts.runs
    model.resume(write_run(pages.base, pages.store.path, held=held))
    pages.until(lambda: bool(begun) or (model.live is None and bool(model.rows)))
    assert len(begun) == begins
    if not begins:
        assert "fewer than 8 can never show" in pages.dialog.problem.text()
        pages.dialog.pages.show_panel(RUNS)
        assert "Held-out patients: 7. At least 8 are needed" in pages.dialog.runs._facts.text()


def test_what_passed_its_comparison_is_used_without_overriding_anything(open_pages, monkeypatch):
    begun: list[FeedbackChild] = []
    monkeypatch.setattr(FeedbackChild, "start", lambda child: begun.append(child))
    pages = open_pages()
    runs, model = pages.dialog.runs, pages.parts.runs
    folder = write_run(pages.base, pages.store.path, held=2)
    write_report(folder)
    model.refresh()
    pages.until(lambda: bool(model.rows))
    pages.dialog.pages.show_panel(RUNS)
    assert not runs.reason.isVisible()
    click(runs.use)
    (child,) = begun
    assert child._arguments[3:5] == ["promote", str(folder)]
    assert "--override" not in child._arguments
    assert "--reason" not in child._arguments


def test_a_comparison_that_too_few_patients_passed_needs_a_reason(open_pages):
    """As reports of earlier versions may say: what switches refuses them without one."""
    pages = open_pages()
    runs, model = pages.dialog.runs, pages.parts.runs
    write_report(write_run(pages.base, pages.store.path, held=2), patients=2)
    model.refresh()
    pages.until(lambda: bool(model.rows))
    pages.dialog.pages.show_panel(RUNS)
    assert runs.reason.isVisible()
    assert not runs.use.isEnabled()


def test_an_adapter_without_a_run_has_passed_only_what_its_report_says(open_pages, monkeypatch):
    """Not what it says of itself: that is a line in a file which came along."""
    monkeypatch.setattr(AskingModel, "warm_up", lambda asking: None)
    base = find_model("starter")
    adapter = write_adapter(adapters_folder() / "feedback-1", base, seed=7)
    replace(adapter, scores={"gate_passed": True}).write()
    pages = open_pages()
    trial = pages.parts.trial
    pages.until(lambda: len(trial.choices) == 2)
    assert trial.needs_reason("feedback-1")
    folder = write_run(base, pages.store.path, held=2)
    write_report(folder)
    report = folder / "gate" / "report.json"
    kept = shutil.copyfile(report, adapter.folder / KEPT_REPORT)
    shutil.rmtree(folder)

    def asked_anew() -> bool:
        seen = trial.choices
        trial.refresh()
        pages.until(lambda: trial.choices is not seen)
        return trial.needs_reason("feedback-1")

    said = json.loads(kept.read_text(encoding="utf-8"))
    said["adapter"]["id"] = "feedback-1"
    for changed, needed in (
        (said, False),
        (said | {"adapter": said["adapter"] | {"sha256": "0" * 64}}, True),
        (said | {"compared_with": {"id": "feedback-9"}}, True),
        (said | {"passed": False}, True),
    ):
        kept.write_text(json.dumps(changed), encoding="utf-8")
        assert asked_anew() is needed, changed
    kept.write_text("{", encoding="utf-8")
    assert asked_anew()


def test_where_the_adapter_before_is_gone_too_the_model_alone_can_answer(open_pages, monkeypatch):
    monkeypatch.setattr(AskingModel, "warm_up", lambda asking: None)
    base = find_model("starter")
    for number in (1, 2):
        promote_adapter(write_adapter(adapters_folder() / f"feedback-{number}", base, seed=number), base, "ann")
    for number in (1, 2):
        shutil.rmtree(adapters_folder() / f"feedback-{number}")
    pages = open_pages()
    runs, model = pages.dialog.runs, pages.parts.runs
    pages.until(lambda: model.in_use == "feedback-2")
    pages.dialog.pages.show_panel(RUNS)
    click(runs.back)
    pages.until(lambda: pages.dialog.problem.isVisible())
    assert model.in_use == "feedback-2"
    click(runs.alone)
    pages.until(lambda: not model.in_use)
    assert adapter_in_use(base) is None
    assert not runs.alone.isEnabled()


def test_an_adapter_in_use_that_is_gone_is_told_of_and_left_behind(open_pages, monkeypatch):
    monkeypatch.setattr(AskingModel, "warm_up", lambda asking: None)
    base = find_model("starter")
    for number in (1, 2):
        promote_adapter(write_adapter(adapters_folder() / f"feedback-{number}", base, seed=number), base, "ann")
    shutil.rmtree(adapters_folder() / "feedback-2")
    pages = open_pages()
    runs, model = pages.dialog.runs, pages.parts.runs
    folder = write_run(base, pages.store.path, held=2)
    model.refresh()
    pages.until(lambda: bool(model.rows))
    assert [row.folder for row in model.rows] == [folder]
    assert model.in_use == "feedback-2"
    assert len(model.history) == 2
    pages.dialog.pages.show_panel(RUNS)
    assert "answers with: feedback-2" in runs.in_use.text()
    assert runs.trouble.isVisible()
    assert "feedback-2" in runs.trouble.text()
    assert "feedback-2" in pages.window.notice_bar.text
    click(runs.back)
    pages.until(lambda: model.in_use == "feedback-1")
    assert adapter_in_use(base).id == "feedback-1"
    assert not runs.trouble.isVisible()
    assert not pages.window.notice_bar.isVisible()


def test_a_comparison_with_what_is_no_longer_in_use_is_said_and_made_again(open_pages, monkeypatch):
    begun: list[FeedbackChild] = []
    monkeypatch.setattr(FeedbackChild, "start", lambda child: begun.append(child))
    pages = open_pages()
    base, runs, model = pages.base, pages.dialog.runs, pages.parts.runs
    folder = write_run(base, pages.store.path, held=2)
    write_report(folder)
    model.refresh()
    pages.until(lambda: bool(model.rows))
    pages.dialog.pages.show_panel(RUNS)
    runs.parts.show_panel(SCORES)
    assert "on what is held out, the model alone" in runs.scores.note.text()
    assert not runs.judge.isVisible()
    assert runs.use.isEnabled()
    promote_adapter(write_adapter(adapters_folder() / "feedback-1", base, seed=1), base, "ann")
    model.refresh()
    pages.until(lambda: model.in_use == "feedback-1")
    assert "comparison with the model alone, and feedback-1 is in use now" in runs.verdict.text()
    assert not runs.use.isEnabled(), "it was not compared with what is in use"
    assert runs.reason.isVisible()
    assert "not compared with what is in use" in runs.reason.placeholderText()
    click(runs.judge)
    assert len(begun) == 1
    assert model.live is not None
    assert model.live.step is Step.GATE
    assert not (folder / "gate" / "report.json").exists()
    assert (folder / "gate" / "report-1.json").is_file()


@pytest.mark.parametrize("remembered", [False, True])
def test_what_the_base_tests_figures_are_is_said(open_pages, remembered):
    pages = open_pages()
    runs, model = pages.dialog.runs, pages.parts.runs
    write_report(write_run(pages.base, pages.store.path, held=2), remembered=remembered)
    model.refresh()
    pages.until(lambda: bool(model.rows))
    pages.dialog.pages.show_panel(RUNS)
    runs.parts.show_panel(SCORES)
    table = runs.scores.table
    sets = [table.item(number, 2) for number in range(table.rowCount())]
    assert [one.text() for one in sets][2:] == [["base test"] * 2, ["base test, tokens"] * 2][remembered]
    assert ("teacher-forced" in runs.scores.note.text()) is remembered
    assert ("teacher-forced" in sets[-1].toolTip()) is remembered
    assert ("teacher-forced" in table.horizontalHeaderItem(4).toolTip()) is remembered


def test_an_adapter_goes_to_another_machine_in_a_file_and_can_be_compared_there(open_pages, home, monkeypatch):
    file = home / "site b"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(file), ""))
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (f"{file}.zip", ""))
    write_adapter(adapters_folder() / "feedback-1", find_model("starter"), seed=1)
    pages = open_pages()
    page, model = pages.dialog.bundles, pages.parts.bundles
    pages.dialog.pages.show_panel(BUNDLES)
    pages.until(lambda: model.adapters == ("feedback-1",))
    assert not page.pack.isEnabled(), "nothing is ticked"
    page.adapters.item(0).setCheckState(Qt.CheckState.Checked)
    click(page.pack)
    assert page.progress.isVisible()
    assert page.cancel.isVisible()
    pages.until(lambda: "is written" in page.result.text())
    assert not page.progress.isVisible()
    hash_ = page.result.text().rpartition(" ")[2]
    assert len(hash_) == 64
    # On the other machine.
    shutil.rmtree(adapters_folder() / "feedback-1")
    page.expected.setText("0" * 64)
    click(page.unpack)
    pages.until(page.problem.isVisible)
    assert "another bundle than the expected one" in page.problem.text()
    assert not (adapters_folder() / "feedback-1").exists()
    page.expected.setText(hash_)
    click(page.unpack)
    pages.until(lambda: "1 of them new" in page.result.text())
    assert not page.problem.isVisible()
    pages.until(lambda: pages.dialog.trial.second.findData("feedback-1") >= 0)


def test_an_export_that_is_given_up_leaves_nothing(open_pages, home, monkeypatch):
    file = home / "bundle.zip"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(file), ""))
    write_adapter(adapters_folder() / "feedback-1", find_model("starter"), seed=1)
    pages = open_pages()
    page, model = pages.dialog.bundles, pages.parts.bundles
    pages.dialog.pages.show_panel(BUNDLES)
    pages.until(lambda: bool(model.adapters))
    page.adapters.item(0).setCheckState(Qt.CheckState.Checked)
    click(page.pack)
    pages.until(lambda: model._child.pid > 0)
    click(page.cancel)
    pages.until(lambda: page.result.text() == "Cancelled")
    assert not file.exists()
    assert not page.problem.isVisible()
    assert page.pack.isEnabled()


def test_the_page_names_the_adapter_that_a_person_chose_for_this_window(open_pages, monkeypatch):
    monkeypatch.setattr(AskingModel, "warm_up", lambda asking: None)
    base = find_model("starter")
    kept = [write_adapter(adapters_folder() / f"feedback-{number}", base, seed=number) for number in (1, 2)]
    promote_adapter(kept[0], base, "ann")
    pages = open_pages()
    runs, model = pages.dialog.runs, pages.parts.runs
    pages.until(lambda: model.in_use == "feedback-1")
    assert runs.in_use.text() == "starter answers with: feedback-1"
    pages.window.model_manager.use_adapter(kept[1])
    pages.until(lambda: runs.in_use.text() == "starter answers with: feedback-2")
    assert runs.chosen.text().endswith("In use elsewhere: feedback-1")
    assert not runs.chosen.isHidden()
    # Rolled back: the window follows, whatever was chosen.
    model.roll_back()
    pages.until(lambda: model.in_use == "")
    pages.window.asking.session.adapters.follow()
    pages.window.asking._tell_of_adapter()
    pages.until(lambda: runs.in_use.text() == "starter answers with: the model alone")
    assert runs.chosen.isHidden()


def test_a_running_trial_says_on_how_many_regions_a_choice_would_rest(open_pages):
    base = find_model("starter")
    adapter = write_adapter(adapters_folder() / "feedback-1", base, seed=1)
    begin_trial(base, ShadowTrial(None, adapter), 20, "ann")
    pages = open_pages()
    pages.dialog.pages.show_panel(TRIAL)
    pages.until(pages.dialog.trial.named.isVisible)
    assert pages.dialog.trial.named.text() == "0 of 20 regions"


def test_a_blind_card_does_not_tell_by_a_number_whose_answer_it_shows(home, open_pages):
    base = find_model("starter")
    adapter = write_adapter(adapters_folder() / "feedback-1", base, seed=1)
    (path,) = draw_pictures(home / "a.sqlite", home / "pictures", 1)
    pages = open_pages()
    image, study = see(path, index=0)
    (region,) = pages.store.regions.decided(())
    said = answer(image, LIVER, region.box, task=Task.REGION_TO_TEXT, others=[(SPLEEN, 0.1)], adapter="feedback-1")
    row = pages.store.record_suggestion(said, study, region.root_id)
    card, asking = pages.window.card, pages.window.asking
    card._tell_source(row)
    assert not card.among.isHidden()
    asking.trial = ShadowTrial(None, adapter)
    card._tell_source(row)
    assert card.adapter.text() == "one of the two that are compared"
    assert card.among.isHidden()


@pytest.mark.skipif(not hasattr(time, "tzset"), reason="this system has no such clock")
@pytest.mark.parametrize(
    ("zone", "days"),
    [
        ("UTC0", ("2026-11-20T00:00:00.000000+00:00", "2026-11-28T00:00:00.000000+00:00")),
        ("CST-8", ("2026-11-19T16:00:00.000000+00:00", "2026-11-27T16:00:00.000000+00:00")),
        ("PST8", ("2026-11-20T08:00:00.000000+00:00", "2026-11-28T08:00:00.000000+00:00")),
    ],
)
def test_days_of_this_place_are_asked_for_by_the_instants_in_utc_between_which_they_lie(
    open_pages, monkeypatch, zone, days
):
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    try:
        page = open_pages().dialog.corrections
        page._first.setDate(QDate(2026, 11, 20))
        page._last.setDate(QDate(2026, 11, 27))
        assert (page.wanted.since, page.wanted.until) == ("", "")
        click(page.since)
        click(page.until)
        assert (page.wanted.since, page.wanted.until) == days
    finally:
        monkeypatch.delenv("TZ")
        time.tzset()


def test_labels_are_not_cut_in_a_narrow_table_of_scores(open_pages):
    pages = open_pages()
    runs, model = pages.dialog.runs, pages.parts.runs
    write_report(write_run(pages.base, pages.store.path, held=2), remembered=True)
    model.refresh()
    pages.until(lambda: bool(model.rows))
    pages.dialog.pages.show_panel(RUNS)
    runs.parts.show_panel(SCORES)
    table = runs.scores.table
    needed = max(table.sizeHintForColumn(1), table.horizontalHeader().sectionSizeHint(1))
    pages.until(lambda: table.columnWidth(1) > 2 * needed)
    pages.dialog.resize(900, 700)
    pages.until(lambda: table.viewport().width() < 600)
    QTest.qWait(200)
    assert table.columnWidth(1) >= needed
