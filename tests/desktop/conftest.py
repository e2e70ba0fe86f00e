"""A real window on a real database with a real (untrained) model."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

pytest.importorskip("PySide6")

import shiboken6
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from desktop.app import make_window
from desktop.main_window import MainWindow
from desktop.model.layout import Layout
from desktop.screenshot import draw_box
from desktop.theme import apply_theme
from desktop.translation import Translations
from engine.regions import Box
from engine.store import AnnotationStore
from tests.clinic import PATIENTS, decide_clinic, write_clinic

WAIT_MS = 60_000


class Driver:
    """Uses a window as a person does: mouse and keys only."""

    def __init__(self, window: MainWindow, qtbot) -> None:
        self.window = window
        self.qtbot = qtbot

    def until(self, condition: Callable[[], bool]) -> None:
        self.qtbot.waitUntil(condition, timeout=WAIT_MS)

    def draw(self, box: Box) -> int:
        draw_box(self.window, box)
        root = self.window.regions.selected_root
        assert root is not None
        return root

    def draw_and_wait(self, box: Box) -> int:
        root = self.draw(box)
        self.until(lambda: self.window.regions.suggestion(root) is not None)
        return root

    def key(self, key: Qt.Key, modifiers: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> None:
        """A key to whatever has the focus, as from a keyboard."""
        QTest.keyClick(self.window.focusWidget() or self.window.view, key, modifiers)

    def type(self, text: str) -> None:
        for character in text:
            QTest.keyClicks(self.window.focusWidget() or self.window.view, character)

    def click(self, x: float, y: float) -> None:
        view = self.window.view
        at = view.mapFromScene(x, y)
        QTest.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, QPoint(at))


@pytest.fixture
def open_window(qtbot, tiny_model: Path, phantom_series: Path, tmp_path: Path) -> Iterator[Callable[..., Driver]]:
    """Opens a window on the small phantom; called again, it reopens the same database.

    Without `warm` the model is loaded for the first question: most tests ask none, and a process each costs a second.
    """
    opened: list[tuple[MainWindow, object]] = []

    def make(model: str | None = None, database: Path | None = None, *, warm: bool = False) -> Driver:
        app = QApplication.instance()
        assert isinstance(app, QApplication)
        # A person's next start is another process: nothing of a closed window hears what happens in this one.
        delete([window for window, _ in opened if shiboken6.isValid(window) and window.isHidden()])
        apply_theme(app)
        translations = Translations(app)
        window, store = make_window(translations, database or tmp_path / "a.sqlite", model or str(tiny_model), "tester")
        window.set_interface_language("en")
        opened.append((window, store))
        window.resize(1100, 750)
        window.show()
        scans = [] if store.worklist.all() else [phantom_series / "dicom"]
        window.start(scans, demo=False, warm_up=warm)
        driver = Driver(window, qtbot)
        driver.until(lambda: window.viewing.current is not None and window.viewing.current.is_complete)
        driver.until(lambda: window.labels.ready)
        # The scan opens while the folder may still be read.
        driver.until(lambda: not window.worklist_panel.indexing.is_busy())
        window.view.setFocus()
        return driver

    yield make
    left = [window for window, _ in opened if shiboken6.isValid(window)]
    for window in left:
        window.close()
    for _, store in opened:
        store.close()
    delete(left)


@pytest.fixture
def driver(open_window: Callable[..., Driver]) -> Driver:
    """A window on the small phantom."""
    return open_window()


@pytest.fixture
def planes(driver: Driver) -> Driver:
    """The same with its three planes side by side."""
    driver.window.models.layout.choose(Layout.PLANES)
    return driver


@pytest.fixture
def open_empty_window(qtbot, tiny_model: Path, tmp_path: Path) -> Iterator[Callable[[], Driver]]:
    """Opens a window with nothing on its list."""
    opened: list[tuple[MainWindow, AnnotationStore]] = []

    def make() -> Driver:
        app = QApplication.instance()
        assert isinstance(app, QApplication)
        apply_theme(app)
        window, store = make_window(Translations(app), tmp_path / "empty.sqlite", str(tiny_model), "tester")
        opened.append((window, store))
        window.set_interface_language("en")
        window.resize(1100, 750)
        window.show()
        window.start([], demo=False, warm_up=False)
        driver = Driver(window, qtbot)
        driver.until(lambda: window.labels.ready)
        return driver

    yield make
    for window, store in opened:
        window.close()
        store.close()
    delete([window for window, _ in opened])


def delete(windows: list[MainWindow]) -> None:
    """Have Qt delete closed windows now, with all that is in them."""
    for window in windows:
        shiboken6.delete(window)


@pytest.fixture(scope="session")
def clinic(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Scans of six patients. Nobody may change them."""
    return write_clinic(tmp_path_factory.mktemp("clinic"), PATIENTS[:6])


@pytest.fixture(scope="session")
def base_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the tiny model is said to have learnt from."""
    pytest.importorskip("torch")
    from engine.progress import NoProgress
    from training.phantom_set import PhantomSetSpec, build_phantom_set

    folder = tmp_path_factory.mktemp("base") / "set"
    build_phantom_set(folder, PhantomSetSpec(3, 0, 3, slices=1, size=64, seed=6), NoProgress())
    return folder


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user data folder of this test's own, for the window and its children."""
    for name in ("XDG_DATA_HOME", "XDG_CONFIG_HOME"):
        monkeypatch.setenv(name, str(tmp_path / name))
    return tmp_path


@pytest.fixture
def clinic_database(clinic: list[Path], home: Path) -> Path:
    """A database in which regions of six patients were accepted or corrected."""
    database = home / "a.sqlite"
    with AnnotationStore.open(database) as store:
        decide_clinic(store, clinic)
    return database


@pytest.fixture
def decided(open_window: Callable[..., Driver], clinic_database: Path) -> Driver:
    """A window on that database."""
    return open_window(database=clinic_database)
