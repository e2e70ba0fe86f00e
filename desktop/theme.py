"""The look: dark, so that the slice is the brightest thing on screen."""

from __future__ import annotations

from PySide6.QtGui import QColor, QPalette
from PySide6.QtWidgets import QApplication

_STYLE = """
QMainWindow, QWidget { background: #0d1117; color: #e6edf3; font-size: 13px; }
QLabel#panelTitle { font-weight: 600; color: #9fb1c4; padding: 2px 0 4px 0; background: transparent; }
QLabel#hint { color: #9aa4af; padding: 6px 2px; background: transparent; }
QLabel#readOnly { color: #ff8a65; font-weight: 600; padding: 0 8px; background: transparent; }
QLabel#disclaimer { color: #f0b429; font-weight: 600; padding: 0 8px; background: transparent; }
QLabel#modelLabel { color: #9aa4af; padding: 0 8px; background: transparent; }
QListWidget { background: #0d1117; border: 1px solid #21262d; border-radius: 6px; outline: none; padding: 2px; }
QListWidget::item { padding: 4px; border-radius: 4px; }
QListWidget::item:selected { background: #1c2f4a; color: #ffffff; }
QListWidget::item:hover:!selected { background: #161b22; }
QTreeView { background: #0d1117; border: 1px solid #21262d; border-radius: 6px; outline: none; padding: 2px;
    selection-background-color: transparent; }
QScrollBar:vertical { background: transparent; width: 10px; margin: 0; }
QScrollBar::handle:vertical { background: #30363d; border-radius: 4px; min-height: 28px; margin: 1px; }
QScrollBar::handle:vertical:hover { background: #484f58; }
QScrollBar::add-line:vertical, QScrollBar::sub-line:vertical { height: 0; }
QScrollBar::add-page:vertical, QScrollBar::sub-page:vertical { background: transparent; }
QPushButton, QToolButton { background: #21262d; border: 1px solid #30363d; border-radius: 6px; padding: 5px 12px; }
QPushButton:hover, QToolButton:hover { background: #30363d; }
QPushButton:disabled { color: #6e7681; }
QToolButton:checked { background: #1f6feb; border-color: #388bfd; color: #ffffff; }
QLineEdit, QComboBox { background: #161b22; border: 1px solid #30363d; border-radius: 6px; padding: 5px 8px;
    selection-background-color: #1f6feb; }
QLineEdit:focus, QComboBox:focus { border-color: #388bfd; }
QComboBox::drop-down { border: none; width: 20px; }
QComboBox QAbstractItemView { background: #161b22; border: 1px solid #30363d; selection-background-color: #1f6feb; }
QStatusBar { background: #161b22; border-top: 1px solid #21262d; }
QStatusBar::item { border: none; }
QStatusBar QLabel { background: transparent; }
QMenuBar { background: #161b22; } QMenuBar::item { padding: 5px 10px; background: transparent; }
QMenuBar::item:selected, QMenu::item:selected { background: #1f6feb; }
QMenu { background: #161b22; border: 1px solid #30363d; padding: 4px; } QMenu::item { padding: 5px 24px; }
QMenu::separator { height: 1px; background: #30363d; margin: 4px 8px; }
QSplitter::handle { background: #21262d; }
QProgressBar { background: #21262d; border: none; border-radius: 4px; height: 10px; text-align: center; }
QProgressBar::chunk { background: #1f6feb; border-radius: 4px; }
QFrame#card { background: #161b22; border: 1px solid #3d444d; border-radius: 8px; }
QFrame#card QLabel { background: transparent; }
QFrame#card QListWidget { border: none; background: transparent; padding: 0; }
QFrame#card QListWidget::item { padding: 0; }
QLabel#cardTitle { font-weight: 600; color: #e6edf3; }
QLabel#cardHint { color: #9aa4af; }
QToolTip { background: #161b22; color: #e6edf3; border: 1px solid #3d444d; }
"""


def apply_theme(app: QApplication) -> None:
    """Dark Fusion, the same on every platform."""
    app.setStyle("Fusion")
    palette = QPalette()
    for role, color in (
        (QPalette.ColorRole.Window, "#0d1117"),
        (QPalette.ColorRole.WindowText, "#e6edf3"),
        (QPalette.ColorRole.Base, "#0d1117"),
        (QPalette.ColorRole.AlternateBase, "#161b22"),
        (QPalette.ColorRole.Text, "#e6edf3"),
        (QPalette.ColorRole.Button, "#21262d"),
        (QPalette.ColorRole.ButtonText, "#e6edf3"),
        (QPalette.ColorRole.Highlight, "#1f6feb"),
        (QPalette.ColorRole.HighlightedText, "#ffffff"),
        (QPalette.ColorRole.PlaceholderText, "#8b949e"),
    ):
        palette.setColor(role, QColor(color))
    app.setPalette(palette)
    app.setStyleSheet(_STYLE)
