"""Makes the README's picture by using the window: ``python -m desktop.screenshot OUT.png [--language zh_CN]``."""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import click
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest

from desktop.app import make_application, make_window
from desktop.main_window import MainWindow
from engine.demo import GROUND_TRUTH_JSON, default_demo_folder, phantom_folder
from engine.regions import Box
from engine.runtime import DEFAULT_MODEL

_TIMEOUT_MS = 120_000


def wait_until(condition: Callable[[], bool], timeout_ms: int = _TIMEOUT_MS) -> None:
    """Run the event loop until something holds. Raises `TimeoutError`."""
    waited = 0
    while not condition():
        if waited > timeout_ms:
            raise TimeoutError("the window did not get there")
        QTest.qWait(20)
        waited += 20


def _wait_for_answer(window: MainWindow, root: int) -> None:
    wait_until(lambda: window.regions.suggestion(root) is not None)


def draw_box(window: MainWindow, box: Box) -> None:
    """Drag a box on the slice with real mouse events."""
    view, port = window.view, window.view.viewport()
    start = view.mapFromScene(box.x1, box.y1)
    end = view.mapFromScene(box.x2, box.y2)
    QTest.mousePress(port, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, start)
    for step in range(1, 6):
        QTest.mouseMove(port, start + (end - start) * (step / 5))
    QTest.mouseRelease(port, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, QPoint(end))


@click.command()
@click.argument("out", type=click.Path(path_type=Path))
@click.option("--language", default="en", type=click.Choice(["en", "zh_CN"]))
@click.option("--model", "model_id", default=DEFAULT_MODEL)
@click.option("--size", default="1280x800")
def main(out: Path, language: str, model_id: str, size: str) -> None:
    """Open the demo, accept one region, leave another open with its suggestions, and save the window."""
    app, translations = make_application()
    with tempfile.TemporaryDirectory() as folder:
        window, store = make_window(translations, Path(folder) / "demo.sqlite", model_id, who="demo")
        window.set_interface_language(language)
        window.resize(*(int(v) for v in size.split("x")))
        window.show()
        window.start([], demo=True)
        wait_until(lambda: window.viewing.current is not None and window.viewing.current.is_complete)
        truth = json.loads((phantom_folder(default_demo_folder()) / GROUND_TRUTH_JSON).read_text(encoding="utf-8"))
        present = truth["boxes"][str(window.viewing.index)]
        wanted = [id for id in ("spleen", "left-kidney", "liver-tumor", "aorta", "right-kidney") if id in present]
        for number, id in enumerate(wanted[:3]):
            draw_box(window, Box(*present[id][0]))
            root = window.regions.selected_root
            assert root is not None
            _wait_for_answer(window, root)
            if number < min(3, len(wanted)) - 1:
                QTest.keyClick(window.view, Qt.Key.Key_Return)
        QTest.qWait(1500)
        app.processEvents()
        out.parent.mkdir(parents=True, exist_ok=True)
        if not window.grab().save(str(out)):
            raise click.ClickException(f"cannot write {out}")
        window.close()
        store.close()


if __name__ == "__main__":
    sys.exit(main())
