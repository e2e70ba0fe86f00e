"""The card beside a box: ranked names, Enter accepts, typing corrects, Delete rejects."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QModelIndex, QPersistentModelIndex, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QFont, QKeyEvent, QPainter, QPalette
from PySide6.QtWidgets import (
    QFrame,
    QLabel,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QVBoxLayout,
    QWidget,
)

from desktop.model.asking import AskingModel
from desktop.model.regions import UNDECIDED, RegionsModel
from engine.protocol import Language
from engine.regions import Label
from engine.store import RegionState

_SHOWN = 5
_LABEL_ROLE = Qt.ItemDataRole.UserRole
_PROBABILITY_ROLE = Qt.ItemDataRole.UserRole + 1
_OTHER_NAME_ROLE = Qt.ItemDataRole.UserRole + 2


class _CandidateDelegate(QStyledItemDelegate):
    """A name in both languages over a bar as long as its probability."""

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> QSize:
        return QSize(240, 30)

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        rect: QRect = option.rect.adjusted(2, 1, -2, -1)
        chosen = bool(option.state & QStyle.StateFlag.State_Selected)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        colors = option.palette
        painter.setBrush(colors.color(QPalette.ColorRole.Highlight if chosen else QPalette.ColorRole.Button))
        painter.drawRoundedRect(QRectF(rect), 4, 4)
        probability = index.data(_PROBABILITY_ROLE)
        if probability is not None:
            bar = QRectF(rect.left() + 4, rect.bottom() - 4, (rect.width() - 8) * float(probability), 3)
            painter.setBrush(QColor("#9ecbff" if chosen else "#58a6ff"))
            painter.drawRoundedRect(bar, 1.5, 1.5)
        text = rect.adjusted(9, 0, -9, -2)
        text_role = QPalette.ColorRole.HighlightedText if chosen else QPalette.ColorRole.Text
        painter.setPen(colors.color(text_role))
        name = str(index.data(Qt.ItemDataRole.DisplayRole))
        painter.drawText(text, int(Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft), name)
        used = painter.fontMetrics().horizontalAdvance(name) + 10
        painter.setPen(QColor("#dbe9ff") if chosen else colors.color(QPalette.ColorRole.PlaceholderText))
        percent = "" if probability is None else f"{float(probability):.0%}"
        taken = painter.fontMetrics().horizontalAdvance(percent) + 8
        other = painter.fontMetrics().elidedText(
            str(index.data(_OTHER_NAME_ROLE) or ""), Qt.TextElideMode.ElideRight, text.width() - used - taken
        )
        middle = Qt.AlignmentFlag.AlignVCenter
        painter.drawText(text.adjusted(used, 0, 0, 0), int(middle | Qt.AlignmentFlag.AlignLeft), other)
        painter.drawText(text, int(middle | Qt.AlignmentFlag.AlignRight), percent)
        painter.restore()


class SuggestionCard(QFrame):
    """Floats over the view. resized : its content, and so its size, has changed. closed : back to the view."""

    resized = Signal()
    closed = Signal()

    def __init__(self, regions: RegionsModel, asking: AskingModel, parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName("card")
        self._regions = regions
        self._asking = asking
        self._title = QLabel()
        self._title.setObjectName("cardTitle")
        self._list = QListWidget()
        self._list.setItemDelegate(_CandidateDelegate(self._list))
        self._list.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._list.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._list.itemClicked.connect(self._clicked)
        self._edit = QLineEdit()
        self._edit.textEdited.connect(self._fill)
        self._edit.installEventFilter(self)
        self._hint = QLabel()
        self._hint.setObjectName("cardHint")
        self._hint.setWordWrap(True)
        font = QFont()
        font.setPixelSize(11)
        self._hint.setFont(font)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(10, 8, 10, 8)
        layout.setSpacing(6)
        for widget in (self._title, self._edit, self._list, self._hint):
            layout.addWidget(widget)
        self.setFixedWidth(272)
        self._edit.hide()
        self.hide()
        regions.selected.connect(self._other_region)
        regions.changed.connect(self.refresh)
        asking.started.connect(lambda _: self.refresh())
        asking.idle.connect(self.refresh)

    @property
    def typing(self) -> bool:
        """Whether another name is being typed."""
        return self._edit.isVisibleTo(self)

    @property
    def chosen(self) -> Label | None:
        """The name that Enter takes."""
        item = self._list.currentItem() if self.isVisible() else None
        return None if item is None else item.data(_LABEL_ROLE)

    def _other_region(self) -> None:
        self._stop_typing()
        self.refresh()

    def refresh(self) -> None:
        """Show what there is to say about the selected region."""
        root = self._regions.selected_root
        row = None if root is None else self._regions.region(root)
        if row is None or (row.state not in UNDECIDED and not self.typing):
            self.hide()
            return
        self._fill(self._edit.text() if self.typing else "")
        self.show()
        self.raise_()

    def begin_typing(self, text: str) -> None:
        """Correct: another name, beginning with what was typed."""
        self._edit.setText(text)
        self._edit.show()
        self.show()
        self._edit.setFocus()
        self._fill(text)

    def choose(self, step: int) -> None:
        """Move the choice up or down."""
        count = self._list.count()
        if count:
            self._list.setCurrentRow(max(0, min(count - 1, self._list.currentRow() + step)))

    def accept(self) -> None:
        """Take the chosen name: accepted if the model's, corrected if typed."""
        root = self._regions.selected_root
        if root is None:
            return
        item = self._list.currentItem()
        if self.typing:
            # Nothing is chosen while several names fit: no guess is kept as what the person meant.
            if item is not None:
                label = item.data(_LABEL_ROLE)
                self._stop_typing()
                self._regions.correct(root, label)
        elif item is not None:
            first = self._list.currentRow() == 0
            label = item.data(_LABEL_ROLE)
            # Another than the first of the ranked names is a correction of the model.
            (self._regions.accept if first else self._regions.correct)(root, label)

    def _clicked(self, item: QListWidgetItem) -> None:
        self._list.setCurrentItem(item)
        self.accept()
        self.closed.emit()

    def _stop_typing(self) -> None:
        if self.typing:
            self._edit.clear()
            self._edit.hide()
            self.closed.emit()

    def _fill(self, text: str) -> None:
        self._list.clear()
        if self.typing:
            self._list.setCurrentRow(self._fill_matches(text))
        else:
            self._fill_candidates()
            self._list.setCurrentRow(0)
        self._list.setVisible(self._list.count() > 0)
        self._list.setFixedHeight(self._list.count() * 30 + 4)
        self.adjustSize()
        self.resized.emit()

    def _fill_candidates(self) -> None:
        root = self._regions.selected_root
        row = None if root is None else self._regions.region(root)
        if root is None or row is None:
            return
        suggestion = self._regions.suggestion(root)
        if self._asking.is_asked(root):
            self._title.setText(self.tr("Asking the model …"))
            self._hint.setText(self.tr("Type a name at any time"))
        elif row.label is not None and suggestion is not None:
            self._title.setText(self.tr("Found by {0}").format(suggestion.model_id))
            self._add(row.label, suggestion.probability)
            self._hint.setText(self.tr("Enter accept · type to correct · Delete reject"))
        elif row.label is not None and row.state is RegionState.SUGGESTED:
            self._title.setText(self.tr("Followed from another slice"))
            self._add(row.label, None)
            self._hint.setText(self.tr("Enter accept · type to correct · Delete reject"))
        elif suggestion is None or not suggestion.candidates:
            self._title.setText(self.tr("Blind reading") if self._asking.refusal else self.tr("No suggestion"))
            refused = self._asking.refusal
            self._hint.setText(
                self.tr("Type a name · Delete remove")
                if refused
                else self.tr("Type a name · A ask the model · Delete remove")
            )
        else:
            suggests = self.tr("What {0} suggests").format(suggestion.model_id)
            self._title.setText(self.tr("Not sure. Perhaps:") if suggestion.abstained else suggests)
            for en, zh, id, probability in suggestion.candidates[:_SHOWN]:
                self._add(Label(id, en, zh), probability)
            self._hint.setText(self.tr("Enter accept · ↑↓ choose · type to correct · Delete reject"))

    def _fill_matches(self, text: str) -> int:
        """List the names that fit, the typed one last; returns the row that Enter takes, -1 for none."""
        self._title.setText(self.tr("Another name"))
        typed = text.strip()
        wanted = typed.casefold()
        labels = list(self._asking.labels)
        exact = [one for one in labels if wanted and wanted in (one.en.casefold(), one.zh.casefold())]
        starts = [one for one in labels if any(n.casefold().startswith(wanted) for n in (one.en, one.zh))]
        holds = [one for one in labels if wanted in f"{one.en} {one.zh}".casefold()]
        matches = list(dict.fromkeys(exact + starts + holds))
        for label in matches[:_SHOWN]:
            self._add(label, None)
        if typed and not exact:
            self._add(_free_label(typed), None, self.tr("new name"))
        if exact or len(matches) == 1 or (typed and not matches):
            self._hint.setText(self.tr("Enter take · ↑↓ choose · Esc back"))
            return 0
        self._hint.setText(self.tr("↑↓ choose, or type on · Esc back"))
        return -1

    def _add(self, label: Label, probability: float | None, note: str = "") -> None:
        chinese = self._asking.language is Language.ZH
        first, second = (label.zh, label.en) if chinese and label.zh else (label.en, label.zh)
        second = note or second
        item = QListWidgetItem(first)
        item.setData(_LABEL_ROLE, label)
        item.setData(_PROBABILITY_ROLE, probability)
        item.setData(_OTHER_NAME_ROLE, second)
        item.setToolTip(f"{label.en} {label.zh}".strip())
        self._list.addItem(item)

    def eventFilter(self, watched: object, event: QEvent) -> bool:
        if watched is self._edit and isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress:
            key = event.key()
            if key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
                self.accept()
                return True
            if key == Qt.Key.Key_Escape:
                self._stop_typing()
                self.refresh()
                return True
            if key in (Qt.Key.Key_Up, Qt.Key.Key_Down):
                self.choose(1 if key == Qt.Key.Key_Down else -1)
                return True
        return False

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.LanguageChange:
            self.refresh()


def _free_label(text: str) -> Label:
    """A name that no label has, in the language it is written in."""
    chinese = any("\u4e00" <= character <= "\u9fff" for character in text)
    return Label("", text, text if chinese else "")
