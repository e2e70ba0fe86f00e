"""A list of names: both languages, what of them matched, how likely each is."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFont, QFontMetrics, QPainter, QPalette
from PySide6.QtWidgets import QListWidget, QListWidgetItem, QStyle, QStyledItemDelegate, QStyleOptionViewItem, QWidget

from engine.labels import Field, Match
from engine.regions import Label

ROW_HEIGHT = 30
_ENTRY_ROLE = Qt.ItemDataRole.UserRole
_MIDDLE = int(Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft)
_RIGHT = int(Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight)


@dataclass(frozen=True, slots=True)
class LabelRow:
    """A name to choose. span, other_span : characters that matched. key : a digit that chooses it. is_new : nobody
    has this name yet; `name` is what was typed.
    """

    label: Label | None
    name: str
    other: str = ""
    span: tuple[int, int] = (0, 0)
    other_span: tuple[int, int] = (0, 0)
    probability: float | None = None
    key: str = ""
    is_new: bool = False


def label_row(label: Label, language: str, *, probability: float | None = None, key: str = "") -> LabelRow:
    """A label as it is shown to readers of a language, ``"en"`` or ``"zh"``."""
    name, other = label.name(language) or label.en, label.name("en" if language == "zh" else "zh")
    return LabelRow(label, name, other if other != name else "", probability=probability, key=key)


def match_row(match: Match, language: str) -> LabelRow:
    """An answer of a search; another name than the two shown stands behind them when that is what matched."""
    row = label_row(match.label, language)
    field = Field.ZH if language == "zh" else Field.EN
    if match.field is field or match.text == row.name:
        return LabelRow(row.label, row.name, row.other, span=match.span)
    if match.text == row.other:
        return LabelRow(row.label, row.name, row.other, other_span=match.span)
    if match.span == (0, 0):
        return row
    before = f"{row.other} · " if row.other else ""
    span = (match.span[0] + len(before), match.span[1] + len(before))
    return LabelRow(row.label, row.name, before + match.text, other_span=span)


class LabelRows(QListWidget):
    """Shows `LabelRow`; the keys stay where they are typed."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setItemDelegate(_RowDelegate(self))
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)

    def add(self, row: LabelRow) -> None:
        """One more at the end."""
        item = QListWidgetItem(row.name)
        item.setData(_ENTRY_ROLE, row)
        if row.label is not None:
            code = f"\n{row.label.code}" if row.label.code else ""
            item.setToolTip(f"{row.label.en} {row.label.zh}".strip() + code)
        self.addItem(item)

    def row_at(self, number: int) -> LabelRow | None:
        """What stands there."""
        item = self.item(number)
        row: LabelRow | None = None if item is None else item.data(_ENTRY_ROLE)
        return row

    @property
    def chosen(self) -> LabelRow | None:
        """What is chosen, None for nothing."""
        return self.row_at(self.currentRow())

    def choose(self, step: int) -> None:
        """Move the choice up or down."""
        if self.count():
            self.setCurrentRow(max(0, min(self.count() - 1, self.currentRow() + step)))

    def fit_height(self) -> None:
        """As high as what is in it."""
        self.setVisible(self.count() > 0)
        self.setFixedHeight(self.count() * ROW_HEIGHT + 4)


class _RowDelegate(QStyledItemDelegate):
    """Key, name, the other language's name, over a bar as long as its probability."""

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> QSize:
        return QSize(200, ROW_HEIGHT)

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        row: LabelRow = index.data(_ENTRY_ROLE)
        rect: QRect = option.rect.adjusted(2, 1, -2, -1)
        chosen = bool(option.state & QStyle.StateFlag.State_Selected)
        colors = option.palette
        main = colors.color(QPalette.ColorRole.HighlightedText if chosen else QPalette.ColorRole.Text)
        quiet = QColor("#dbe9ff") if chosen else colors.color(QPalette.ColorRole.PlaceholderText)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(colors.color(QPalette.ColorRole.Highlight if chosen else QPalette.ColorRole.Button))
        painter.drawRoundedRect(QRectF(rect), 4, 4)
        if row.probability is not None:
            bar = QRectF(rect.left() + 4, rect.bottom() - 4, (rect.width() - 8) * row.probability, 3)
            painter.setBrush(QColor("#9ecbff" if chosen else "#58a6ff"))
            painter.drawRoundedRect(bar, 1.5, 1.5)
        text = rect.adjusted(9, 0, -9, -2)
        if row.key:
            painter.setPen(quiet)
            painter.drawText(text, _MIDDLE, row.key)
            text.setLeft(text.left() + 15)
        percent = "" if row.probability is None else f"{row.probability:.0%}"
        if percent:
            painter.setPen(quiet)
            painter.drawText(text, _RIGHT, percent)
            text.setRight(text.right() - painter.fontMetrics().horizontalAdvance(percent) - 8)
        text.setLeft(_draw(painter, text, row.name, row.span, main) + 10)
        _draw(painter, text, row.other, row.other_span, quiet)
        painter.restore()


def _draw(painter: QPainter, rect: QRect, text: str, span: tuple[int, int], color: QColor) -> int:
    """Text with what matched in bold and underlined, cut off where the room ends; returns where it ends."""
    plain = painter.font()
    marked = QFont(plain)
    marked.setBold(True)
    marked.setUnderline(True)
    painter.setPen(color)
    at = rect.left()
    for part, font in ((text[: span[0]], plain), (text[span[0] : span[1]], marked), (text[span[1] :], plain)):
        room = rect.right() - at
        if not part or room < 8:
            continue
        metrics = QFontMetrics(font)
        shown = metrics.elidedText(part, Qt.TextElideMode.ElideRight, room)
        painter.setFont(font)
        painter.drawText(QRect(at, rect.top(), room, rect.height()), _MIDDLE, shown)
        at += metrics.horizontalAdvance(shown)
        if shown != part:
            break
    painter.setFont(plain)
    return at
