"""The panel on the right: find by name, and the regions of this slice."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QEvent, QObject, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QIcon, QKeyEvent, QPainter, QPixmap
from PySide6.QtWidgets import (
    QComboBox,
    QHBoxLayout,
    QLabel,
    QListWidget,
    QListWidgetItem,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from desktop.model.asking import AskingModel
from desktop.model.finding import FindAllModel, split_names
from desktop.model.label_colors import LabelColors
from desktop.model.regions import RegionsModel
from desktop.model.uncertain import UncertainModel, probability_of
from desktop.panels.find_all_box import FindAllBox
from desktop.panels.names_completer import NamesCompleter
from desktop.theme import is_dark
from desktop.viewer.region_item import DECIDED_COLOR, OPEN_COLOR, region_color
from engine.protocol import Language
from engine.store import DECIDED_STATES, Origin, RegionRow, RegionState

_ROOT_ROLE = Qt.ItemDataRole.UserRole


class RegionsPanel(QWidget):
    """done : the person is finished here, the view should have the keyboard again."""

    done = Signal()

    def __init__(
        self,
        regions: RegionsModel,
        asking: AskingModel,
        colors: LabelColors,
        finding: FindAllModel,
        uncertain: UncertainModel,
        size_text: Callable[[RegionRow], str],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._colors = colors
        self._regions = regions
        self._asking = asking
        self._size_text = size_text
        self._find_title = QLabel()
        self._find_title.setObjectName("panelTitle")
        self._names = QComboBox()
        self._names.setEditable(True)
        self._names.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
        self._names.setMaxVisibleItems(20)
        self._names.lineEdit().returnPressed.connect(self._find)
        self._names.lineEdit().installEventFilter(self)
        self._names.installEventFilter(self)
        self._button = QPushButton()
        self._button.clicked.connect(self._find)
        self._title = QLabel()
        self._title.setObjectName("panelTitle")
        self._list = QListWidget()
        self._list.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._list.itemClicked.connect(self._clicked)
        self._empty = QLabel()
        self._empty.setWordWrap(True)
        self._empty.setObjectName("hint")
        self._empty.setAlignment(Qt.AlignmentFlag.AlignTop)
        row = QHBoxLayout()
        row.addWidget(self._names, 1)
        row.addWidget(self._button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(8, 8, 8, 8)
        layout.addWidget(self._find_title)
        layout.addLayout(row)
        self.find_all = FindAllBox(regions, asking, finding, uncertain, self._names.currentText)
        self.find_all.done.connect(self.done)
        self.find_all.names_chosen.connect(self._names.setCurrentText)
        layout.addWidget(self.find_all)
        layout.addSpacing(10)
        layout.addWidget(self._title)
        layout.addWidget(self._list, 1)
        layout.addWidget(self._empty, 1)
        regions.changed.connect(self.refresh)
        regions.changed.connect(self._show_refusal)
        regions.selected.connect(self._mark)
        asking.started.connect(lambda _: self._button.setEnabled(False))
        asking.idle.connect(self._show_refusal)
        self._retranslate()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Esc gives the keys back to the view."""
        if event.type() == QEvent.Type.KeyPress and isinstance(event, QKeyEvent) and event.key() == Qt.Key.Key_Escape:
            self.done.emit()
            return True
        return False

    def focus_find(self) -> None:
        """Begin typing a name to look for."""
        if self._asking.refusal:
            self._asking.refused.emit(self._asking.refusal)
            return
        self._names.lineEdit().selectAll()
        self._names.setFocus()

    def _show_refusal(self) -> None:
        """Who may not ask the model is told why where they would ask it."""
        refusal = self._asking.refusal
        self._names.setEnabled(not refusal)
        self._button.setEnabled(not refusal and not self._asking.asking)
        for widget in (self._names, self._button):
            widget.setToolTip(refusal)
        self._empty.setText(
            refusal or self.tr("Drag a box on the image: the model says what is in it. Or look for a name above.")
        )

    def set_names(self, names: str) -> None:
        """Look for these next."""
        self._names.setCurrentText(names)

    def _find(self) -> None:
        names = split_names(self._names.currentText())
        if names and not self._asking.asking:
            self._asking.find(names)
            self.done.emit()

    def _clicked(self, entry: QListWidgetItem) -> None:
        self._regions.select(entry.data(_ROOT_ROLE))
        self.done.emit()

    def refresh(self) -> None:
        """Show the regions model's rows."""
        self._list.clear()
        for row in self._regions.rows:
            entry = QListWidgetItem(f"{self._name(row)}\n{self._state(row)}")
            size = self._size_text(row)
            if size:
                entry.setText(f"{entry.text()}\n{size}")
            entry.setToolTip(entry.text())
            entry.setData(_ROOT_ROLE, row.root_id)
            # A line of Chinese is taller than the view expects from the first font it finds.
            lines = 3 if size else 2
            entry.setSizeHint(QSize(0, lines * self.fontMetrics().height() + 16))
            color = DECIDED_COLOR if row.state in DECIDED_STATES else OPEN_COLOR
            # The colours on the slice are too bright for a light panel.
            entry.setIcon(_swatch(region_color(row, self._colors.of(row.label))))
            entry.setForeground(color if is_dark(self.palette()) else color.darker(240))
            self._list.addItem(entry)
        self._list.setVisible(bool(self._regions.rows))
        self._empty.setVisible(not self._regions.rows)
        self._mark()

    def _mark(self) -> None:
        for number in range(self._list.count()):
            entry = self._list.item(number)
            entry.setSelected(entry.data(_ROOT_ROLE) == self._regions.selected_root)
            if entry.isSelected():
                self._list.scrollToItem(entry)

    def _name(self, row: RegionRow) -> str:
        if row.label is None:
            suggestion = self._regions.suggested(row.root_id)
            if suggestion is None or not suggestion.candidates or suggestion.abstained:
                return self.tr("unnamed")
            en, zh, _, _ = suggestion.candidates[0]
            return self.tr("{0}?").format(zh if self._asking.language is Language.ZH and zh else en)
        other = row.label.en if self._asking.language is Language.ZH else row.label.zh
        name = row.label.name(self._asking.language.value) or row.label.en
        return f"{name}  {other}" if other and other != name else name

    def _state(self, row: RegionRow) -> str:
        states = {
            RegionState.DRAWN: self.tr("waits for a name"),
            RegionState.SUGGESTED: self.tr("followed from another slice")
            if row.origin is Origin.PROPAGATED
            else self.tr("suggested by the model"),
            RegionState.ACCEPTED: self.tr("accepted"),
            RegionState.EDITED: self.tr("named by {0}").format(row.who),
        }
        state, author = states.get(row.state, ""), self._regions.author(row)
        sure = probability_of(row, self._regions.suggested(row.root_id))
        if sure is not None:
            state = f"{sure:.0%} · {state}"
        if row.state is RegionState.SUGGESTED or author == self._regions.who:
            return state
        if row.state is RegionState.EDITED and row.who == author:
            return state
        return f"{state} · {self.tr('of {0}').format(author)}"

    def _retranslate(self) -> None:
        self._find_title.setText(self.tr("Find"))
        self._button.setText(self.tr("This slice"))
        self._title.setText(self.tr("Regions of this slice"))
        self._names.lineEdit().setPlaceholderText(self.tr("Name …"))
        typed = self._names.currentText()
        self._names.clear()
        for label in self._asking.labels:
            self._names.addItem(label.name(self._asking.language.value))
        both = [name for label in self._asking.labels for name in (label.en, label.zh)]
        self._names.setCompleter(NamesCompleter(both, self._names))
        self._names.setCurrentText(typed)
        self._show_refusal()

    def language_changed(self) -> None:
        """Names are shown in another language."""
        self._retranslate()
        self.refresh()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.LanguageChange:
            self.language_changed()
        elif event.type() == QEvent.Type.PaletteChange:
            self.refresh()


def _swatch(color: QColor) -> QIcon:
    """The colour in which a region is drawn on the slice."""
    pixmap = QPixmap(36, 36)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(color)
    painter.drawRoundedRect(QRectF(6, 6, 24, 24), 6, 6)
    painter.end()
    return QIcon(pixmap)
