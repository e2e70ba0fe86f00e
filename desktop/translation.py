"""The interface's two languages."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

from PySide6.QtCore import QCoreApplication, QLibraryInfo, QLocale, QTranslator

LANGUAGES = {"en": "English", "zh_CN": "简体中文"}
"""Each in its own words, as a person who looks for it expects."""

_LANGUAGE_PROPERTY = "medrega_language"


def translations_folder() -> Path:
    """Where the compiled translations ship."""
    return Path(str(resources.files("resources"))) / "translations"


def system_language() -> str:
    """Chinese on a Chinese system, else English."""
    return "zh_CN" if QLocale.system().language() == QLocale.Language.Chinese else "en"


def interface_language() -> str:
    """The language that the application shows now; English before one was set."""
    app = QCoreApplication.instance()
    return (app.property(_LANGUAGE_PROPERTY) if app is not None else None) or "en"


class Translations:
    """Installs and removes the translators of one application."""

    def __init__(self, app: QCoreApplication) -> None:
        self._app = app
        self._installed: list[QTranslator] = []
        self.language = "en"

    def set_language(self, language: str) -> None:
        """Switch at once; widgets get a LanguageChange event."""
        for translator in self._installed:
            self._app.removeTranslator(translator)
        self._installed = []
        self.language = language
        self._app.setProperty(_LANGUAGE_PROPERTY, language)
        if language == "en":
            return
        qt_folder = QLibraryInfo.path(QLibraryInfo.LibraryPath.TranslationsPath)
        for name, folder in (
            (f"qtbase_{language}", qt_folder),
            (f"medrega_{language}", str(translations_folder())),
        ):
            translator = QTranslator(self._app)
            if translator.load(name, folder):
                self._app.installTranslator(translator)
                self._installed.append(translator)
