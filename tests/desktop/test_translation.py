"""What ships compiled is what was translated."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree

import pytest

pytest.importorskip("PySide6")

from PySide6.QtCore import QTranslator

from desktop.translation import translations_folder


def test_every_text_is_translated_and_compiled():
    folder = translations_folder()
    translator = QTranslator()
    assert translator.load("medrega_zh_CN", str(folder))
    missing = []
    count = 0
    for context in ElementTree.parse(folder / "medrega_zh_CN.ts").iter("context"):
        name = context.findtext("name")
        for message in context.iter("message"):
            source, comment = message.findtext("source"), message.findtext("comment") or ""
            translation = message.find("translation")
            assert translation.get("type") is None, f"{name}: {source!r} is not translated"
            forms = [form.text for form in translation.iter("numerusform")] or [translation.text]
            count += 1
            said = translator.translate(name, source, comment, 1 if message.get("numerus") == "yes" else -1)
            if said not in forms:
                missing.append((name, source))
    assert count > 900
    assert missing == [], "compile again: pyside6-lrelease medrega_zh_CN.ts"
