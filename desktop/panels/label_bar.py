"""The labels of the set in use, each with its colour and key; a click is the same as the key."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QSize, Qt, Signal
from PySide6.QtGui import QColor, QFont
from PySide6.QtWidgets import (
    QComboBox,
    QFrame,
    QHBoxLayout,
    QLabel,
    QListWidget,
    QListWidgetItem,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from desktop.model.asking import AskingModel
from desktop.model.folding import FoldingModel
from desktop.model.labels import LabelsModel
from desktop.model.regions import RegionsModel
from desktop.panels.section import Section
from desktop.panels.swatch import swatch
from engine.errors import MedRegAError
from engine.regions import Label

_LEAST_ROWS = 3
_LABEL_ROLE = Qt.ItemDataRole.UserRole


class _Rows(QListWidget):
    """As high as its rows where there is room; the regions below it need it more."""

    def __init__(self) -> None:
        super().__init__()
        self._wanted = 0
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Maximum)

    def set_rows(self, count: int, height: int) -> None:
        """How many of what height are to be seen."""
        self._wanted = count * height + 6
        self.setMinimumHeight(min(count, _LEAST_ROWS) * height + 6)
        self.setMaximumHeight(self._wanted)
        self.updateGeometry()

    def sizeHint(self) -> QSize:
        return QSize(super().sizeHint().width(), self._wanted)


class LabelBar(QWidget):
    """done : the view should have the keyboard again. sets_wanted : to edit label sets."""

    done = Signal()
    sets_wanted = Signal()

    def __init__(
        self,
        labels: LabelsModel,
        regions: RegionsModel,
        asking: AskingModel,
        folding: FoldingModel,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._labels = labels
        self._regions = regions
        self._asking = asking
        self._most_rows = 7
        self._marked: tuple[str | None, str | None] | None = None
        self._sets = QComboBox()
        self._sets.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._sets.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self._sets.activated.connect(self._choose_set)
        self._edit = QToolButton()
        self._edit.setText("…")
        self._edit.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._edit.clicked.connect(self.sets_wanted)
        self.list = _Rows()
        self.list.setObjectName("labelBar")
        self.list.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.list.setTextElideMode(Qt.TextElideMode.ElideRight)
        self.list.itemClicked.connect(self._clicked)
        self.in_hand = QFrame()
        self.in_hand.setObjectName("inHand")
        self._in_hand_text = QLabel()
        self._in_hand_text.setWordWrap(True)
        let_go = QToolButton()
        let_go.setText("×")
        let_go.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        let_go.clicked.connect(self._let_go)
        row = QHBoxLayout(self.in_hand)
        row.setContentsMargins(8, 3, 3, 3)
        row.addWidget(self._in_hand_text, 1)
        row.addWidget(let_go, 0, Qt.AlignmentFlag.AlignTop)
        top = QHBoxLayout()
        top.addWidget(self._sets, 1)
        top.addWidget(self._edit)
        body = QWidget()
        column = QVBoxLayout(body)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addLayout(top)
        column.addWidget(self.list)
        self.section = Section(body, "labels", folding)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addWidget(self.section)
        # What is drawn next is named so: never folded away.
        layout.addWidget(self.in_hand)
        labels.changed.connect(self.refresh)
        regions.in_hand_changed.connect(self.refresh)
        regions.selected.connect(self._follow)
        regions.changed.connect(self._follow)
        self._retranslate()

    def refresh(self) -> None:
        """Show the set in use, and what is in hand."""
        language, scheme = self._asking.language.value, self._labels.scheme
        self._sets.clear()
        for one in self._labels.schemes:
            self._sets.addItem(one.name(language), one.id)
        self._sets.setCurrentIndex(self._sets.findData(scheme.id))
        self.list.clear()
        height = self.fontMetrics().height() + 8
        for entry in scheme:
            name = entry.label.name(language)
            item = QListWidgetItem(f"{entry.key}   {name}" if entry.key else f"     {name}")
            item.setIcon(swatch(QColor(entry.colour)))
            item.setData(_LABEL_ROLE, entry.label)
            item.setSizeHint(QSize(0, height))
            other = entry.label.name("en" if language == "zh" else "zh")
            item.setToolTip("\n".join(filter(None, (f"{name}  {other}", entry.label.code))))
            self.list.addItem(item)
        self._fit()
        self._mark()

    def set_most_rows(self, count: int) -> None:
        """How many labels are seen at once."""
        if count != self._most_rows:
            self._most_rows = count
            self._fit()

    def _fit(self) -> None:
        self.list.set_rows(min(self._most_rows, max(1, self.list.count())), self.fontMetrics().height() + 8)

    def _follow(self) -> None:
        # Each slice that is turned asks for this, and a font a row takes as long as drawing the slice.
        if self._marked != self._ids():
            self._mark()

    def _ids(self) -> tuple[str | None, str | None]:
        in_hand, row = self._regions.next_label, self._regions.selected_row
        named = None if row is None or row.label is None else row.label.id
        return (None if in_hand is None else in_hand.id, named)

    def _mark(self) -> None:
        in_hand = self._regions.next_label
        self._marked = held_id, named = self._ids()
        for number in range(self.list.count()):
            item = self.list.item(number)
            label: Label = item.data(_LABEL_ROLE)
            held = label.id == held_id
            font = QFont(self.font())
            font.setBold(held or label.id == named)
            item.setFont(font)
            item.setSelected(held)
            if held:
                self.list.scrollToItem(item)
        self.in_hand.setVisible(in_hand is not None)
        if in_hand is not None:
            name = in_hand.name(self._asking.language.value) or in_hand.en
            self._in_hand_text.setText(self.tr("In hand: {0}").format(name))

    def _clicked(self, item: QListWidgetItem) -> None:
        self._labels.apply(item.data(_LABEL_ROLE))
        # A click marks a row by itself; what is marked is what is in hand.
        self._mark()
        self.done.emit()

    def _let_go(self) -> None:
        self._labels.take(None)
        self.done.emit()

    def _choose_set(self, index: int) -> None:
        try:
            self._labels.choose(self._labels.modality, self._sets.itemData(index))
        except MedRegAError as error:
            self._labels.failed.emit(str(error))
            self.refresh()
        self.done.emit()

    def _retranslate(self) -> None:
        self.section.set_title(self.tr("Labels"))
        self._edit.setToolTip(self.tr("Label sets …"))
        self.in_hand.setToolTip(self.tr("All you draw is named so. Esc lets go."))
        self._sets.setToolTip(self.tr("Label set for scans of this kind"))
        self.refresh()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.LanguageChange:
            self._retranslate()
        elif event.type() == QEvent.Type.PaletteChange:
            self._mark()
