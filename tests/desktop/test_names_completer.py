"""What the field of names to find offers while names are typed."""

from __future__ import annotations

import pytest

pytest.importorskip("PySide6")

from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLineEdit

from desktop.panels.names_completer import NamesCompleter

NAMES = ("liver", "spleen", "kidney", "left kidney")


@pytest.fixture
def field(qtbot) -> QLineEdit:
    edit = QLineEdit()
    qtbot.addWidget(edit)
    edit.setCompleter(NamesCompleter(NAMES, edit))
    edit.show()
    edit.setFocus()
    return edit


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("spl", True),
        ("liver, spl", True),
        ("spleen", False),
        ("liver, Spleen", False),
        ("kidney", True),
    ],
)
def test_a_name_is_offered_until_it_is_written_out(field, typed, offered):
    QTest.keyClicks(field, typed)
    assert field.completer().popup().isVisible() == offered


def test_the_names_before_the_last_stay(field):
    QTest.keyClicks(field, "liver, spl")
    popup = field.completer().popup()
    QTest.keyClick(popup, Qt.Key.Key_Down)
    QTest.keyClick(popup, Qt.Key.Key_Return)
    assert field.text() == "liver, spleen"
