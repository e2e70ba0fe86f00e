"""The look: dark, so that the slice is the brightest thing on screen, or light for a bright room.

Slices lie on black in both: grey values are judged against their surroundings.
"""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from string import Template

from PySide6.QtGui import QColor, QPalette
from PySide6.QtWidgets import QApplication

DEFAULT_THEME = "dark"

_COLORS = {
    "dark": {
        "ground": "#0d1117",
        "raised": "#161b22",
        "control": "#21262d",
        "line": "#30363d",
        "edge": "#3d444d",
        "text": "#e6edf3",
        "text2": "#c9d1d9",
        "title": "#9fb1c4",
        "quiet": "#9aa4af",
        "faint": "#8b949e",
        "disabled": "#6e7681",
        "chosen": "#1c2f4a",
        "on_accent": "#ffffff",
        "accent": "#1f6feb",
        "accent_edge": "#388bfd",
        "alarm": "#ff8a65",
        "warning": "#f0b429",
        "on_chosen": "#ffffff",
        "veil": "rgba(28, 47, 74, 235)",
        "refusal": "rgba(22, 27, 34, 240)",
    },
    "light": {
        "ground": "#f6f8fa",
        "raised": "#ffffff",
        "control": "#eaeef2",
        "line": "#d0d7de",
        "edge": "#afb8c1",
        "text": "#1f2328",
        "text2": "#32383f",
        "title": "#424a53",
        "quiet": "#59636e",
        "faint": "#6e7781",
        "disabled": "#9aa4af",
        "chosen": "#cfe4ff",
        "on_accent": "#ffffff",
        "accent": "#1f6feb",
        "accent_edge": "#0a58ca",
        "alarm": "#bc4c00",
        "warning": "#8a5a00",
        "on_chosen": "#0a3069",
        "veil": "rgba(207, 228, 255, 235)",
        "refusal": "rgba(255, 255, 255, 240)",
    },
}
THEMES = tuple(_COLORS)

_STYLE = Template("""
QMainWindow, QWidget { background: $ground; color: $text; font-size: 13px; }
QLabel#panelTitle { font-weight: 600; color: $title; padding: 2px 0 4px 0; background: transparent; }
QToolButton#sectionTitle { background: transparent; border-color: transparent; padding: 2px 0; font-weight: 600;
    color: $title; text-align: left; }
QToolButton#sectionTitle:hover { color: $text; }
QToolButton#sectionTitle:focus { border-color: $accent_edge; }
QToolButton#sectionTitle:checked { background: transparent; color: $title; }
QLabel#hint { color: $quiet; padding: 6px 2px; background: transparent; }
QLabel#rowText { color: $quiet; padding: 0 2px; background: transparent; }
QLabel#emptyList { color: $quiet; background: $ground; border: 1px dashed $edge; border-radius: 6px; padding: 12px; }
QLabel#readOnly { color: $alarm; font-weight: 600; padding: 0 8px; background: transparent; }
QLabel#disclaimer { color: $warning; font-weight: 600; padding: 0 8px; background: transparent; }
QLabel#modelLabel { color: $quiet; padding: 0 8px; background: transparent; }
QListWidget { background: $ground; border: 1px solid $control; border-radius: 6px; outline: none; padding: 2px; }
QListWidget::item { padding: 4px; border-radius: 4px; }
QListWidget::item:selected { background: $chosen; color: $on_chosen; }
QListWidget::item:hover:!selected { background: $raised; }
QTreeView::branch:selected, QTreeView::item:selected { background: transparent; }
QPushButton, QToolButton { background: $control; border: 1px solid $line; border-radius: 6px; padding: 5px 12px; }
QPushButton:hover, QToolButton:hover { background: $line; }
QPushButton:focus, QToolButton:focus { border-color: $accent_edge; }
QPushButton#closeRow { padding: 5px 9px; }
QToolButton#eye { padding: 5px 9px; }
QFileDialog QToolButton { padding: 3px; }
QDialogButtonBox { dialogbuttonbox-buttons-have-icons: 0; }
QPushButton:disabled { color: $disabled; }
QToolButton:checked { background: $accent; border-color: $accent_edge; color: $on_accent; }
QToolBar { background: $raised; border: none; border-bottom: 1px solid $control; padding: 3px 6px; spacing: 3px; }
QToolBar QToolButton { background: transparent; border-color: transparent; padding: 4px 5px; }
QToolBar QToolButton:hover { background: $line; }
QToolBar QToolButton:checked { background: $accent; border-color: $accent_edge; }
QToolBar QToolButton:checked:disabled { background: $control; border-color: transparent; }
QToolBar::separator { background: $line; width: 1px; margin: 4px 5px; }
QToolBar#regionBar { padding: 3px 2px; border: none; border-right: 1px solid $control; }
QLabel#brushWidth { background: transparent; color: $quiet; font-size: 11px; }
QWidget#popup { background: $raised; border: 1px solid $edge; }
QWidget#popup QLabel, QWidget#popup QCheckBox { background: transparent; }
QLabel#cineSpeed { background: transparent; color: $quiet; padding: 0 4px; }
QFrame#pane { border: 1px solid $control; background: $ground; }
QFrame#pane[active="true"] { border-color: $accent_edge; }
QFrame#paneTitle { background: $raised; border: none; }
QFrame#paneTitle QLabel, QFrame#paneTitle QWidget { background: transparent; }
QLabel#paneName { color: $text2; }
QToolButton#paneButton { background: transparent; border-color: transparent; padding: 2px 6px; }
QToolButton#paneButton:hover { background: $line; }
QToolButton#paneButton::menu-indicator { image: none; }
QComboBox#paneButton { background: transparent; border-color: transparent; padding: 1px 6px; }
QSlider:vertical { background: $ground; width: 16px; }
QSlider::groove:vertical { background: $line; width: 4px; border-radius: 2px; margin: 4px 0; }
QSlider::handle:vertical { background: $faint; height: 22px; margin: 0 -4px; border-radius: 4px; }
QSlider::handle:vertical:hover { background: $text2; }
QSlider::handle:vertical:disabled { background: transparent; }
QTreeView { background: $ground; border: 1px solid $control; border-radius: 6px; outline: none; padding: 2px;
    selection-background-color: transparent; }
QPlainTextEdit { background: $raised; border: 1px solid $line; border-radius: 6px; padding: 4px; }
QTreeView:focus { border-color: $accent_edge; }
QLineEdit, QComboBox, QDateEdit, QSpinBox#field { background: $raised; border: 1px solid $line; border-radius: 6px;
    padding: 5px 8px; selection-background-color: $accent; }
QLineEdit:focus, QComboBox:focus, QDateEdit:focus, QSpinBox#field:focus { border-color: $accent_edge; }
QSpinBox#field::up-button, QSpinBox#field::down-button { width: 0; border: none; }
QSpinBox#field QLineEdit { border: none; padding: 0 6px; background: transparent; }
QComboBox#choice { padding: 5px 2px 5px 7px; }
QDateEdit { padding: 5px 0 5px 4px; }
QComboBox#choice[active="true"] { background: $chosen; border-color: $accent_edge; color: $on_chosen; }
QDateEdit::drop-down { border: none; width: 16px; }
QCalendarWidget { border: 1px solid $edge; }
QCalendarWidget QWidget#qt_calendar_navigationbar { background: $raised; }
QCalendarWidget QToolButton { background: transparent; border-color: transparent; padding: 4px 8px; }
QCalendarWidget QToolButton:hover { background: $line; }
QCalendarWidget QToolButton::menu-indicator { image: none; }
QCalendarWidget QAbstractItemView:disabled { color: $disabled; }
QCalendarWidget QAbstractItemView { background: $ground; border: none; outline: none;
    selection-background-color: $accent; selection-color: $on_accent; }
QComboBox::drop-down { border: none; width: 20px; }
QComboBox QAbstractItemView { background: $raised; border: 1px solid $line; selection-background-color: $accent;
    selection-color: $on_accent; }
QComboBox QAbstractItemView::item { padding: 4px 6px; }
QComboBox QAbstractItemView::item:selected { background: $accent; color: $on_accent; }
QStatusBar { background: $raised; border-top: 1px solid $control; }
QStatusBar::item { border: none; }
QStatusBar QLabel { background: transparent; }
QMenuBar { background: $raised; } QMenuBar::item { padding: 5px 10px; background: transparent; }
QMenuBar::item:selected, QMenu::item:selected { background: $accent; color: $on_accent; }
QMenu::item:disabled { color: $disabled; }
QMenu::icon:checked { background: $chosen; border: 1px solid $accent; border-radius: 4px; }
QMenu { background: $raised; border: 1px solid $line; padding: 4px; } QMenu::item { padding: 5px 24px; }
QMenu::separator { height: 1px; background: $line; margin: 4px 8px; }
QScrollBar:vertical { background: transparent; width: 10px; margin: 0; }
QScrollBar:horizontal { background: transparent; height: 10px; margin: 0; }
QScrollBar::handle { background: $line; border-radius: 4px; min-height: 24px; min-width: 24px; margin: 1px; }
QScrollBar::handle:hover { background: $faint; }
QScrollBar::add-line, QScrollBar::sub-line { width: 0; height: 0; }
QScrollBar::add-page, QScrollBar::sub-page { background: transparent; }
QSplitter::handle { background: $control; }
QProgressBar { background: $control; border: none; border-radius: 4px; height: 10px; text-align: center; }
QProgressBar::chunk { background: $accent; border-radius: 4px; }
QFrame#noticeBar { background: $raised; border-bottom: 2px solid $warning; }
QFrame#noticeBar QLabel { background: transparent; color: $text; }
QFrame#dropSign { background: $veil; border: 3px dashed $accent_edge; border-radius: 12px; }
QFrame#dropSign[refused="true"] { background: $refusal; border-color: $alarm; }
QFrame#dropSign QLabel { background: transparent; color: $text; }
QLabel#dropTitle { font-size: 20px; font-weight: 600; }
QFrame#taskBar { background: $raised; border-bottom: 2px solid $accent; }
QFrame#taskBar QLabel, QFrame#taskBar > QWidget { background: transparent; }
QFrame#taskBar > QToolButton:hover { background: $line; }
QFrame#taskBar > QToolButton:checked { background: $accent; }
QLabel#taskText { font-weight: 600; color: $text; }
QLabel#taskComment { color: $quiet; }
QToolButton#sideButton { padding: 4px 14px; }
QToolButton#sideButton:disabled { color: $disabled; }
QHeaderView::section { background: $raised; color: $title; border: none; border-right: 1px solid $line;
    border-bottom: 1px solid $line; padding: 4px 8px; }
QTableWidget { background: $ground; border: 1px solid $control; border-radius: 6px; gridline-color: $line;
    selection-background-color: $chosen; selection-color: $on_chosen; }
QFrame#card { background: $raised; border: 1px solid $edge; border-radius: 8px; }
QFrame#card QLabel { background: transparent; }
QFrame#card QListWidget { border: none; background: transparent; padding: 0; }
QFrame#card QListWidget::item { padding: 0; }
QLabel#cardTitle { font-weight: 600; color: $text; }
QLabel#cardHint { color: $quiet; }
QCheckBox::indicator, QListView::indicator { width: 14px; height: 14px;
    border: 1px solid $faint; border-radius: 4px; background: $raised; }
QCheckBox::indicator:hover, QListView::indicator:hover, QCheckBox:focus::indicator { border-color: $accent_edge; }
QCheckBox::indicator:checked, QListView::indicator:checked { background: $accent;
    border-color: $accent_edge; image: url($tick); }
QCheckBox::indicator:disabled { border-color: $line; }
QCheckBox::indicator:checked:disabled { background: $disabled; border-color: $disabled; }
QToolButton#cardButton { padding: 2px 8px; }
QLabel#verdict { color: $text2; font-style: italic; }
QLabel#reportLine { border-radius: 4px; padding: 2px 4px; }
QFrame#card QLabel#reportLine[pointed="true"], QFrame#card QLabel#reportLine:hover { background: $chosen;
    color: $on_chosen; }
QLabel#problem { color: $alarm; background: transparent; }
QFrame#inHand { background: $chosen; border: 1px solid $accent_edge; border-radius: 6px; }
QFrame#inHand QLabel { background: transparent; color: $on_chosen; font-weight: 600; }
QFrame#inHand QToolButton { padding: 1px 6px; }
QListWidget#labelBar::item { padding: 1px 4px; }
QToolTip { background: $raised; color: $text; border: 1px solid $edge; }
""")

_ROLES = (
    (QPalette.ColorRole.Window, "ground"),
    (QPalette.ColorRole.WindowText, "text"),
    (QPalette.ColorRole.Base, "ground"),
    (QPalette.ColorRole.AlternateBase, "raised"),
    (QPalette.ColorRole.Text, "text"),
    (QPalette.ColorRole.Button, "control"),
    (QPalette.ColorRole.ButtonText, "text"),
    (QPalette.ColorRole.Mid, "line"),
    (QPalette.ColorRole.Highlight, "accent"),
    (QPalette.ColorRole.HighlightedText, "on_accent"),
    (QPalette.ColorRole.PlaceholderText, "faint"),
)


def apply_theme(app: QApplication, theme: str = DEFAULT_THEME) -> None:
    """Fusion in a theme's colours, the same on every platform. An unknown name, from a newer version, is dark."""
    colors = _COLORS.get(theme, _COLORS[DEFAULT_THEME])
    app.setStyle("Fusion")
    palette = QPalette()
    for role, name in _ROLES:
        palette.setColor(role, QColor(colors[name]))
    app.setPalette(palette)
    app.setStyleSheet(_STYLE.substitute(colors, tick=_icon("tick.svg")))


def _icon(name: str) -> str:
    """Where an icon lies, as a style sheet wants it on every platform."""
    return (Path(str(resources.files("resources"))) / "icons" / name).as_posix()


def is_dark(palette: QPalette) -> bool:
    """Whether text is lighter than what it stands on."""
    return (
        palette.color(QPalette.ColorRole.WindowText).lightness() > palette.color(QPalette.ColorRole.Window).lightness()
    )


def series_colors(palette: QPalette) -> tuple[QColor, QColor]:
    """The first and the second line of a chart, in the theme that a palette is of."""
    colors = _COLORS["dark" if is_dark(palette) else "light"]
    return QColor(colors["accent_edge"]), QColor(colors["warning"])
