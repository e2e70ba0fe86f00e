"""A person who labels without end in a real window, for the test that kills it.

Run as a script with a database, a model and a scan. Says on standard output, as soon as the window has gone on, which
region row was kept, and of which half-drawn shape how many points are kept.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from desktop.app import make_application, make_window
from desktop.main_window import MainWindow
from desktop.model.tools import Tool
from desktop.screenshot import wait_until
from engine.regions import Label

_LEFT, _NONE = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier


def main(database: Path, model: str, scan: Path) -> None:
    """Label until killed."""
    _, translations = make_application()
    window, _store = make_window(translations, database, model, "labeller")
    window.resize(1000, 700)
    window.show()
    window.start([] if window.worklist.rows else [scan], demo=False)
    wait_until(lambda: window.viewing.current is not None and window.viewing.current.is_complete)
    # Not asked: the model is not what is tested here.
    window.regions.next_label = Label("liver", "liver", "肝脏")
    _say("ready")
    number = 0
    while True:
        number += 1
        _work(window, number)


def _work(window: MainWindow, number: int) -> None:
    x = 10 + 7 * (number % 8)
    _take(window, Tool.BOX)
    _drag(window, (x, 20), (x + 30, 60))
    _kept(window)
    QTest.keyClick(window.view, Qt.Key.Key_Right)
    _kept(window)
    QTest.keyClick(window.view, Qt.Key.Key_Escape)
    _take(window, Tool.BRUSH)
    _drag(window, (x, 70), (x + 20, 90))
    _kept(window)
    QTest.keyClick(window.view, Qt.Key.Key_Escape)
    _take(window, Tool.POLYGON)
    for dx, dy in ((0, 0), (20, 3), (25, 30), (4, 24)):
        at = window.view.mapFromScene(x + dx, 30 + dy)
        QTest.mouseClick(window.view.viewport(), _LEFT, _NONE, at)
        QTest.qWait(60)
        kept = window._store.drafts.of_person("labeller")
        _say(f"draft {kept[0].shape.count('[') - 1 if kept else 0}")
    QTest.keyClick(window.view, Qt.Key.Key_Return)
    _kept(window)
    _say("draft 0")
    QTest.keyClick(window.view, Qt.Key.Key_Delete)
    window.menus._undo.trigger()
    _kept(window)
    QTest.keyClick(window.view, Qt.Key.Key_Escape)
    window.viewing.go_to((window.viewing.index + 1) % window.viewing.slice_count)


def _take(window: MainWindow, tool: Tool) -> None:
    window.viewer_actions.by_id[tool.value].trigger()


def _drag(window: MainWindow, start: tuple[float, float], end: tuple[float, float]) -> None:
    port = window.view.viewport()
    first, last = window.view.mapFromScene(*start), window.view.mapFromScene(*end)
    QTest.mousePress(port, _LEFT, _NONE, first)
    for step in (1, 2, 3):
        QTest.mouseMove(port, first + (last - first) * (step / 3))
    QTest.mouseRelease(port, _LEFT, _NONE, last)


def _kept(window: MainWindow) -> None:
    row = window.regions.selected_row
    if row is not None:
        _say(f"region {row.id}")


def _say(words: str) -> None:
    """One write: a kill leaves it whole or away."""
    os.write(1, f"{words}\n".encode())


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3]))
