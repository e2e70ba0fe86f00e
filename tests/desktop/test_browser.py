"""The study browser, used with mouse and keys."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import shiboken6
from PySide6.QtCore import QMimeData, QModelIndex, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget

from desktop.bench_browser import list_many
from desktop.model.browser_tree import PAGE, NodeKind, Role, shown_name
from desktop.model.reader import ReaderModel
from desktop.model.thumbnails import ThumbnailModel
from desktop.panels.browser_panel import BrowserPanel
from engine.store import AnnotationStore, ScanStatus

JANE = "Doe Jane"
COPY, LEFT = Qt.DropAction.CopyAction, Qt.MouseButton.LeftButton


@pytest.fixture
def folder(tmp_path: Path, pydicom_files: Path) -> Path:
    """Two patients: Jane with two series, and one with a Chinese name."""
    import pydicom

    made = tmp_path / "incoming"
    made.mkdir()
    for name, patient, uid, description, date in (
        ("CT_small.dcm", "Doe^Jane", "1.1", "Chest plain", "20240105"),
        ("MR_small.dcm", "Doe^Jane", "1.2", "Knee T1", "20240105"),
        ("examples_overlay.dcm", "王^小明", "1.3", "腹部增强", "20250203"),
    ):
        dataset = pydicom.dcmread(pydicom_files / name)
        dataset.SpecificCharacterSet = "ISO_IR 192"
        dataset.PatientName, dataset.PatientID = patient, f"ID-{patient[:1]}"
        dataset.SeriesInstanceUID, dataset.SeriesDescription = uid, description
        dataset.StudyInstanceUID = f"9.{date}"
        dataset.StudyDate, dataset.SeriesNumber = date, 1
        dataset.save_as(made / name)
    return made


def drag(driver, urls: list[QUrl], onto: QWidget | None = None, actions: Qt.DropAction = COPY) -> QDragEnterEvent:
    """Over a widget, as the window system has it: an event goes to what accepts drops, or to what that lies on."""
    data = QMimeData()
    data.setUrls(urls)
    driver.dragged = data
    target = onto or driver.window
    enter = QDragEnterEvent(target.rect().center(), actions, data, LEFT, Qt.KeyboardModifier.NoModifier)
    QApplication.sendEvent(target, enter)
    return enter


def let_go(driver, onto: QWidget | None = None, actions: Qt.DropAction = COPY) -> QDropEvent:
    target = onto or driver.window
    place = QPointF(target.rect().center())
    event = QDropEvent(place, actions, driver.dragged, LEFT, Qt.KeyboardModifier.NoModifier)
    QApplication.sendEvent(target, event)
    return event


def drop(driver, *paths: Path) -> None:
    assert drag(driver, [QUrl.fromLocalFile(str(path)) for path in paths]).isAccepted()
    let_go(driver)


def titles(panel: BrowserPanel, parent: QModelIndex | None = None) -> list[str]:
    """What is to be seen in the tree, from top to bottom."""
    model, found = panel.tree.model(), []
    at = parent or QModelIndex()
    for row in range(model.rowCount(at)):
        child = model.index(row, 0, at)
        found.append(child.data())
        if panel.tree.isExpanded(child):
            found += titles(panel, child)
    return found


def place(panel: BrowserPanel, title: str) -> QModelIndex:
    at = panel.tree.indexAt(panel.tree.viewport().rect().topLeft())
    while at.isValid() and (at.data() != title or at.parent().data(Role.KIND) == NodeKind.RECENT):
        at = panel.tree.indexBelow(at)
    assert at.isValid(), (title, titles(panel))
    return at


def click(panel: BrowserPanel, title: str) -> QModelIndex:
    at = place(panel, title)
    panel.tree.scrollTo(at)
    middle = panel.tree.visualRect(at).center()
    QTest.mouseClick(panel.tree.viewport(), Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, middle)
    return at


def unfold(panel: BrowserPanel, title: str) -> None:
    """Open a patient, unless what was added last has opened it."""
    if not panel.tree.isExpanded(place(panel, title)):
        click(panel, title)


@pytest.fixture
def dropped(open_window, folder: Path):
    driver = open_window()
    panel = driver.window.worklist_panel
    drop(driver, folder)
    driver.until(lambda: JANE in titles(panel) and not panel.indexing.is_busy())
    return driver


def search(driver, text: str, *, hits: int) -> None:
    driver.window.view.setFocus()
    QTest.keyClick(driver.window, Qt.Key.Key_F, Qt.KeyboardModifier.ControlModifier)
    driver.window.worklist_panel.focus_search()
    field = driver.window.worklist_panel.filter.search
    if text.isascii():
        QTest.keyClicks(field, text)
    else:
        field.insert(text)
    driver.until(lambda: driver.window.worklist.filter.text == text and driver.window.worklist.count() == hits)


def test_a_dropped_folder_becomes_patients_studies_and_scans(dropped):
    panel = dropped.window.worklist_panel
    assert [t for t in titles(panel) if t in (JANE, "王 小明")] == ["王 小明", JANE], "the newest first"
    unfold(panel, JANE)
    shown = titles(panel)
    start = shown.index(JANE)
    assert shown[start + 1].startswith("2024-01-05")
    assert shown[start + 2 : start + 4] == ["Chest plain", "Knee T1"]


def test_a_click_opens_a_scan_with_its_picture_and_it_becomes_recent(dropped):
    window = dropped.window
    panel = window.worklist_panel
    unfold(panel, JANE)
    at = click(panel, "Chest plain")
    number = at.data(Role.SCAN)
    dropped.until(lambda: window.viewing.item is not None and window.viewing.item.series_uid == "1.1")
    assert window.windowTitle().startswith(f"{JANE} · Chest plain")
    dropped.until(lambda: window.worklist.scan(number).status is ScanStatus.IN_PROGRESS)
    dropped.until(lambda: window.worklist.thumbnails.picture(number) is not None)
    window.worklist.refresh()
    first = panel.tree.model().index(0, 0)
    assert first.data(Role.KIND) == NodeKind.RECENT
    assert panel.tree.model().index(0, 0, first).data() == "Chest plain"


@pytest.mark.parametrize(("text", "found"), [("knee", "Knee T1"), ("jane chest", "Chest plain"), ("小明", "腹部增强")])
def test_search_as_you_type_opens_what_it_finds(dropped, text: str, found: str):
    search(dropped, text, hits=1)
    assert found in titles(dropped.window.worklist_panel)
    QTest.keyClick(dropped.window.worklist_panel.filter.search, Qt.Key.Key_Return)
    dropped.until(lambda: dropped.window.worklist.title_of(dropped.window.viewing.item).endswith(found))


def test_a_search_without_a_hit_says_so_and_is_left_again(dropped):
    panel = dropped.window.worklist_panel
    search(dropped, "zzz", hits=0)
    assert panel._hint.isVisible()
    QTest.mouseClick(panel._clear, Qt.MouseButton.LeftButton)
    dropped.until(lambda: JANE in titles(panel))
    assert not panel._clear.isVisible()


def test_escape_goes_back_to_the_image_and_arrows_and_enter_open(dropped):
    window = dropped.window
    panel = window.worklist_panel
    search(dropped, "jane", hits=2)
    QTest.keyClick(panel.filter.search, Qt.Key.Key_Down)
    assert panel.tree.hasFocus()
    panel.tree.setCurrentIndex(place(panel, "Chest plain"))
    QTest.keyClick(panel.tree, Qt.Key.Key_Down)
    QTest.keyClick(panel.tree, Qt.Key.Key_Return)
    dropped.until(lambda: window.viewing.item.series_uid == "1.2")
    assert window.view.hasFocus()
    panel.focus_search()
    QTest.keyClick(panel.filter.search, Qt.Key.Key_Escape)
    assert window.view.hasFocus()


def test_modality_and_date_filter(dropped):
    window = dropped.window
    filters = window.worklist_panel.filter
    filters.modality.setCurrentIndex(filters.modality.findData("MR"))
    assert window.worklist.count() == 2
    filters.clear()
    filters.date.setCurrentIndex(filters.date.findData(7))
    assert JANE not in titles(window.worklist_panel)
    filters.date.setCurrentIndex(filters.date.count() - 1)
    assert filters.date_from.isVisible()
    filters.date_from.setDate(filters.date_from.date().fromString("2024-01-01", "yyyy-MM-dd"))
    filters.date_to.setDate(filters.date_to.date().fromString("2024-12-31", "yyyy-MM-dd"))
    assert [t for t in titles(window.worklist_panel) if t in (JANE, "王 小明")] == [JANE]


def test_hidden_names_are_nowhere_and_stay_hidden(dropped, open_window):
    window = dropped.window
    panel = window.worklist_panel
    unfold(panel, JANE)
    click(panel, "Chest plain")
    dropped.until(lambda: JANE in window.windowTitle())
    QTest.mouseClick(panel.filter.eye, Qt.MouseButton.LeftButton)

    def everything() -> str:
        model, texts = panel.tree.model(), [window.windowTitle()]

        def walk(at: QModelIndex) -> None:
            for row in range(model.rowCount(at)):
                child = model.index(row, 0, at)
                roles = (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.ToolTipRole, Role.SUBTITLE, Role.PROGRESS)
                texts.extend(str(child.data(role)) for role in roles)
                while model.canFetchMore(child):
                    model.fetchMore(child)
                walk(child)

        walk(QModelIndex())
        return "\n".join(texts)

    shown = everything()
    for secret in ("Doe", "Jane", "ID-", "小明", str(Path("incoming"))):
        assert secret not in shown
    names = [t for t in titles(panel) if t.startswith("Patient ")]
    assert len(set(names)) >= 2
    search(dropped, "jane", hits=0)
    window.close()
    again = open_window()
    assert again.window.worklist.names_hidden
    assert again.window.worklist_panel.filter.eye.isChecked()
    assert [t for t in titles(again.window.worklist_panel) if t.startswith("Patient ")] == names
    QTest.mouseClick(again.window.worklist_panel.filter.eye, Qt.MouseButton.LeftButton)
    assert JANE in titles(again.window.worklist_panel)


def test_marks_are_kept_filtered_logged_and_undone(dropped):
    window = dropped.window
    panel, stack = window.worklist_panel, window.regions.undo_stack
    unfold(panel, JANE)
    at = place(panel, "Knee T1")
    number = at.data(Role.SCAN)

    def choose(text: str) -> None:
        here = place(panel, "Knee T1")
        action = next(a for a in panel.menu(number, here).actions() if a.text() == text)
        action.trigger()

    choose("Mark as done")
    assert window.worklist.scan(number).status is ScanStatus.DONE
    assert "done" in place(panel, "Knee T1").data(Role.PROGRESS)
    choose("Mark for review")
    filters = panel.filter
    filters.status.setCurrentIndex(filters.status.findData(ScanStatus.NEEDS_REVIEW.value))
    assert window.worklist.count() == 1
    filters.clear()
    stack.undo()
    assert window.worklist.scan(number).status is ScanStatus.DONE
    stack.undo()
    assert window.worklist.scan(number).status is ScanStatus.NEW
    choose("Remove from the list")
    assert "Knee T1" not in titles(panel)
    stack.undo()
    assert "Knee T1" in titles(panel)
    with AnnotationStore.open(window.worklist._store.path) as store:
        said = [entry.what for entry in store.audit.all() if entry.who == "tester"]
        assert said[:2] == ["marked done", "marked needs_review"]
        assert store.audit_problems() == []


def test_next_and_previous_go_through_the_visible_order(dropped):
    window = dropped.window
    search(dropped, "jane", hits=2)
    QTest.keyClick(window.worklist_panel.filter.search, Qt.Key.Key_Return)
    dropped.until(lambda: window.viewing.item.series_uid == "1.1")
    dropped.key(Qt.Key.Key_N)
    dropped.until(lambda: window.viewing.item.series_uid == "1.2")
    dropped.key(Qt.Key.Key_N)
    dropped.key(Qt.Key.Key_P)
    dropped.until(lambda: window.viewing.item.series_uid == "1.1")


def test_the_list_is_the_same_after_reopening(dropped, open_window):
    count = dropped.window.worklist.count()
    assert {"Doe Jane", "王 小明"} <= set(titles(dropped.window.worklist_panel))
    dropped.window.close()
    again = open_window()
    assert again.window.worklist.count() == count
    assert {"Doe Jane", "王 小明"} <= set(titles(again.window.worklist_panel))


def test_a_cancelled_indexing_says_nothing_and_goes_on_when_asked_again(open_window, folder: Path):
    driver = open_window()
    panel = driver.window.worklist_panel
    for number in range(40):
        shutil.copytree(folder, folder.parent / "many" / f"{number}")
    jobs: list = []
    driver.window.worklist.indexing.connect(jobs.append)
    drop(driver, folder.parent / "many")
    assert panel.indexing.is_busy()
    QTest.mouseClick(panel.indexing.stop, Qt.MouseButton.LeftButton)
    driver.until(lambda: not panel.indexing.is_busy())
    drop(driver, folder.parent / "many")
    driver.until(lambda: not panel.indexing.is_busy())
    assert driver.window.worklist.count() == 121


@pytest.fixture
def many(tmp_path: Path) -> Iterator[AnnotationStore]:
    with AnnotationStore.open(tmp_path / "many.sqlite") as store:
        list_many(store, 10_000)
        yield store


def test_ten_thousand_series_cost_a_page_of_rows_and_the_pictures_in_sight(many: AnnotationStore, qtbot):
    from PySide6.QtGui import QUndoStack

    from desktop.model.browser import BrowserModel

    stack = QUndoStack()
    browser = BrowserModel(many, stack, ReaderModel(many, "tester"))
    panel = BrowserPanel(browser)
    panel.resize(300, 800)
    many.scans.rows_read = 0
    browser.refresh()
    panel.show()
    qtbot.waitExposed(panel)
    assert browser.count() == 10_000
    assert many.scans.rows_read <= 2 * PAGE + 20
    thumbnails: ThumbnailModel = browser.thumbnails
    assert thumbnails.requested == 0, "no scan is in sight yet"
    before = many.scans.rows_read
    model = panel.tree.model()
    click(panel, model.index(0, 0).data())
    click(panel, model.index(0, 0, model.index(0, 0)).data())
    qtbot.wait(50)
    assert 0 < thumbnails.requested <= 12
    # Qt asks for one more page of patients whenever it lays a branch out.
    assert many.scans.rows_read - before <= 2 * PAGE + 20
    before = many.scans.rows_read
    panel.filter.search.setText("family00042")
    qtbot.waitUntil(lambda: browser.count() == 8, timeout=5000)
    assert many.scans.rows_read - before <= PAGE
    browser.close()
    shiboken6.delete(panel)


def test_names_are_written_as_people_write_them():
    assert shown_name("Yamada^Tarou=山田^太郎=やまだ^たろう") == "Yamada Tarou (山田 太郎, やまだ たろう)"
    assert shown_name("Doe^Jane^^Dr") == "Doe Jane Dr"
    assert shown_name("^^") == shown_name("") == ""
