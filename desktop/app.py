"""Start-up: application, theme, translation, crash report, window."""

from __future__ import annotations

import getpass
import logging
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

import platformdirs
from PySide6.QtWidgets import QApplication, QMessageBox

from desktop.error_texts import error_text
from desktop.main_window import MainWindow
from desktop.panels.theme_menu import THEME_SETTING
from desktop.theme import DEFAULT_THEME, apply_theme
from desktop.translation import Translations, system_language
from engine.errors import MedRegAError
from engine.runtime import Device, chosen_model, find_model, read_choices
from engine.store import AnnotationStore

logger = logging.getLogger(__name__)


def crash_log() -> Path:
    """Where unexpected errors are written. They hold code lines only: no patient data is ever logged."""
    return platformdirs.user_log_path("medrega-desktop") / "crash.log"


def _report_crash(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    text = "".join(traceback.format_exception(kind, error, trace))
    logger.critical("unexpected error\n%s", text)
    path = crash_log()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a", encoding="utf-8") as log:
            log.write(text + "\n")
    except OSError as failure:
        logger.error("the crash log %s cannot be written: %s", path, failure)
    app = QApplication.instance()
    if isinstance(app, QApplication) and not issubclass(kind, KeyboardInterrupt):
        box = QMessageBox(QMessageBox.Icon.Warning, "MedRegA Desktop", "")
        box.setText(app.translate("Crash", "Something unexpected happened. What you decided so far is kept."))
        box.setInformativeText(app.translate("Crash", "Details are in {0}").format(path))
        box.setDetailedText(text)
        box.exec()


def make_application() -> tuple[QApplication, Translations]:
    """The one application, themed."""
    existing = QApplication.instance()
    app = existing if isinstance(existing, QApplication) else QApplication(sys.argv[:1])
    app.setApplicationName("medrega-desktop")
    app.setApplicationDisplayName("MedRegA Desktop")
    apply_theme(app)
    return app, Translations(app)


def make_window(
    translations: Translations, database: Path, model_id: str, who: str | None = None, device: Device | None = None
) -> tuple[MainWindow, AnnotationStore]:
    """A window on a database with a model, the person's default for "". device : where it runs, theirs when None.

    Raises `StoreError` or `ModelError`.
    """
    manifest = find_model(model_id) if model_id else chosen_model()
    # A model that was named answers everything.
    of_tasks = {} if model_id else {task: chosen_model(task) for task in read_choices().tasks}
    store = AnnotationStore.open(database)
    translations.set_language(store.setting("interface_language", system_language()))
    app = QApplication.instance()
    if isinstance(app, QApplication):
        apply_theme(app, store.setting(THEME_SETTING, DEFAULT_THEME))
    window = MainWindow(store, manifest, translations, who or getpass.getuser())
    window.asking.use_models(manifest, of_tasks)
    if device is not None:
        window.asking.run_as(device=device)
    return window, store


def run(paths: Sequence[Path], *, demo: bool, database: Path, model_id: str, device: Device | None = None) -> int:
    """Open the window and run until it is closed; returns the exit code."""
    app, translations = make_application()
    sys.excepthook = _report_crash
    try:
        window, store = make_window(translations, database, model_id, device=device)
    except MedRegAError as error:
        logger.error("%s", error)
        QMessageBox.critical(None, "MedRegA Desktop", error_text(str(error), system_language()))
        return 1
    window.show()
    window.start(list(paths), demo=demo)
    code = app.exec()
    store.close()
    return code
