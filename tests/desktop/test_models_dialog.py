"""The model manager, used with the mouse."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("PySide6")

from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from desktop.panels.models_dialog import ModelsDialog
from engine.models.adding import add_model
from engine.progress import NoProgress
from engine.protocol import Task
from engine.regions import Box, Label, LabelSet
from engine.runtime import ModelManifest, read_choices, registry
from tests.engine.runtime.test_adapters import write_adapter

NAMES = LabelSet([Label("grade-1", "grade one", "一级"), Label("grade-2", "grade two", "二级")])
"""What the second model can call a region."""


@pytest.fixture
def second(tiny_model, tmp_path, monkeypatch):
    """A model that a person added: the same weights in another dialect, with a card that is up to no good."""
    folders = (tmp_path / "models", tmp_path / "shipped")
    monkeypatch.setattr(registry, "model_folders", lambda: folders)
    monkeypatch.setattr("engine.models.registering.model_folders", lambda: folders)
    first = ModelManifest.read(tiny_model)
    card = tmp_path / "card.md"
    card.write_text("# A card\n\n![x](file:///etc/passwd) <a href='http://x'>x</a>")
    return add_model(
        first.path("text"),
        first.path("mmproj"),
        "medmo",
        "second",
        NoProgress(),
        name="<b>Second</b>",
        card=card,
        labels=NAMES,
    )


def opened(driver):
    driver.window.menus.manage_models.trigger()
    dialog = driver.window.findChildren(ModelsDialog)[-1]
    driver.until(dialog.isVisible)
    return dialog


def mark(dialog, id):
    dialog.list.setCurrentRow([row.manifest.id for row in dialog._rows].index(id))


def click(button):
    assert button.isEnabled()
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)


def test_models_are_listed_with_what_is_known_and_what_files_say_is_never_markup(open_window, second):
    driver = open_window()
    dialog = opened(driver)
    assert {row.manifest.id for row in dialog._rows} == {"tiny", "second"}
    assert [row.manifest.id for row in dialog._rows if row.is_default] == ["tiny"]
    mark(dialog, "second")
    assert "A card" in dialog.detail.card.toPlainText()
    assert not dialog.detail.card.openLinks()
    assert dialog.detail._name.textFormat() is Qt.TextFormat.PlainText


def test_a_sound_model_is_verified_and_an_altered_one_is_found_out(open_window, second):
    driver = open_window()
    dialog = opened(driver)
    mark(dialog, "second")
    click(dialog.verify)
    assert not dialog.verify.isEnabled()
    driver.until(lambda: "second: all files" in dialog._said.text())
    np.save(second.path("golden_embedding"), np.zeros(3))
    click(dialog.verify)
    driver.until(lambda: "golden.npy" in dialog.problem.text())
    driver.until(dialog.verify.isEnabled)


def test_a_dialog_that_is_closed_ends_its_verification_and_hears_no_more_of_it(open_window, second, qtbot):
    driver = open_window()
    dialog = opened(driver)
    mark(dialog, "second")
    ended = []
    driver.window.model_manager.checking.connect(lambda job: job.over.connect(lambda: ended.append(job.cancelled())))
    with qtbot.captureExceptions() as errors:
        click(dialog.verify)
        dialog.accept()
        driver.until(lambda: ended == [True])
        QTest.qWait(50)
    assert errors == []


def test_another_default_answers_at_once_and_after_the_next_start(open_window, second):
    driver = open_window()
    dialog = opened(driver)
    mark(dialog, "second")
    click(dialog.default)
    assert driver.window.asking.manifest.id == "second"
    assert "second" in driver.window.status._model.text()
    assert read_choices().default == "second"
    assert not dialog.default.isEnabled()
    assert not dialog.remove.isEnabled()
    dialog.accept()
    root = driver.draw_and_wait(Box(20, 20, 60, 60))
    suggestion = driver.window.regions.suggestion(root)
    assert suggestion.model_id == "second"
    assert suggestion.prompt.startswith("<|im_start|>user\n<image>")


def test_one_task_can_be_another_models(open_window, second):
    driver = open_window()
    dialog = opened(driver)
    mark(dialog, "second")
    assert not dialog.tasks[Task.REPORT].isChecked()
    dialog.tasks[Task.REPORT].click()
    assert read_choices().tasks == {Task.REPORT: "second"}
    asking = driver.window.asking
    assert asking.session_for(Task.REPORT).manifest.id == "second"
    assert asking.session_for(Task.VQA) is asking.session
    dialog.tasks[Task.REPORT].click()
    assert read_choices().tasks == {}
    assert asking.session_for(Task.REPORT) is asking.session


def test_a_model_is_removed_when_told_twice(open_window, second):
    driver = open_window()
    dialog = opened(driver)
    mark(dialog, "second")
    click(dialog.remove)
    assert second.folder.exists()
    assert dialog.remove.text() == "Really remove?"
    click(dialog.remove)
    assert not second.folder.exists()
    assert [row.manifest.id for row in dialog._rows] == ["tiny"]


def test_an_adapter_is_switched_without_loading_the_model_again(open_window, second, tiny_model, tmp_path):
    first = ModelManifest.read(tiny_model)
    from engine.runtime import check_gguf

    width = check_gguf(first.path("text")).values["llama.embedding_length"]
    write_adapter(tmp_path / "models" / "adapters" / "site-a", first, width=width)
    driver = open_window()
    driver.draw_and_wait(Box(20, 20, 60, 60))
    pid = driver.window.asking.session.pid
    dialog = opened(driver)
    mark(dialog, "tiny")
    assert dialog.adapter.isEnabled()
    dialog.adapter.setCurrentIndex(1)
    dialog.adapter.activated.emit(1)
    assert "Site A" in driver.window.status._model.text()
    dialog.accept()
    root = driver.draw_and_wait(Box(30, 30, 80, 80))
    assert driver.window.regions.suggestion(root).adapter == "site-a"
    assert driver.window.asking.session.pid == pid


def names_of_model(window):
    return [entry.label.id for entry in next(one for one in window.labels.schemes if one.id == "names-of-the-model")]


def offered(window):
    box = window.regions_panel._names
    return [box.itemText(number) for number in range(box.count())]


def test_the_names_of_the_model_follow_a_switch_of_the_model(open_window, second, tiny_model):
    driver = open_window()
    window = driver.window
    assert "liver" in names_of_model(window)
    dialog = opened(driver)
    mark(dialog, "second")
    click(dialog.default)
    assert names_of_model(window) == ["grade-1", "grade-2"]
    assert offered(window) == ["grade one", "grade two"]
    driver.until(lambda: window.labels.ontology.find("grade two") is not None)
    dialog.accept()
    root = driver.draw_and_wait(Box(20, 20, 60, 60))
    candidates = window.regions.suggestion(root).candidates
    assert {name for name, *_ in candidates} == {"grade one", "grade two"}
    window.asking.use_models(ModelManifest.read(tiny_model), {})
    assert "liver" in names_of_model(window)
    assert "liver" in offered(window)


def test_one_model_names_and_another_finds_each_in_its_own_names_without_a_new_start(open_window, second):
    driver = open_window()
    window = driver.window
    first = window.asking.session
    dialog = opened(driver)
    mark(dialog, "second")
    dialog.tasks[Task.REGION_TO_TEXT].click()
    assert names_of_model(window) == ["grade-1", "grade-2"]
    assert "liver" in offered(window), "the first one still finds"
    dialog.accept()
    root = driver.draw_and_wait(Box(20, 20, 60, 60))
    named = window.regions.suggestion(root)
    assert named.model_id == "second"
    assert {name for name, *_ in named.candidates} == {"grade one", "grade two"}
    window.regions.reject(root)
    window.asking.find(["spleen"])
    driver.until(lambda: not window.asking.asking)
    (found, *_) = window.regions.rows
    assert window.regions.suggestion(found.root_id).model_id == "tiny"
    assert window.asking.session is first
    dialog = opened(driver)
    mark(dialog, "second")
    assert dialog.tasks[Task.REGION_TO_TEXT].isChecked()
    dialog.tasks[Task.REGION_TO_TEXT].click()
    dialog.accept()
    root = driver.draw_and_wait(Box(30, 30, 80, 80))
    assert window.regions.suggestion(root).model_id == "tiny"


def test_finding_everywhere_goes_on_with_the_other_model(open_window, second):
    driver = open_window()
    finding = driver.window.models.finding
    problems = []
    finding.failed.connect(problems.append)
    assert finding.start(["spleen"])
    driver.until(lambda: finding.progress[0] > 0)
    dialog = opened(driver)
    mark(dialog, "second")
    click(dialog.default)
    done = finding.progress[0]
    driver.until(lambda: finding.progress[0] > done + 1)
    answers = driver.window._store._connection.execute("SELECT DISTINCT model_id FROM suggestion").fetchall()
    assert set(answers) == {("tiny",), ("second",)}
    finding.cancel()
    driver.until(lambda: not finding.running)
    assert problems == []


def test_a_model_whose_names_cannot_be_read_changes_nothing(open_window, second):
    driver = open_window()
    second.path("labels").write_text("[", encoding="utf-8")
    dialog = opened(driver)
    mark(dialog, "second")
    click(dialog.default)
    assert dialog.problem.isVisible()
    assert driver.window.asking.manifest.id == "tiny"
