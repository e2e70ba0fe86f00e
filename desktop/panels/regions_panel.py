"""The panel on the right: find by name, the label set in use, and the regions of this slice."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QEvent, QObject, Qt, Signal
from PySide6.QtGui import QKeyEvent, QResizeEvent
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from desktop.model.absences import AbsencesModel
from desktop.model.asking import AskingModel
from desktop.model.finding import FindAllModel
from desktop.model.folding import FoldingModel
from desktop.model.label_colors import LabelColors
from desktop.model.labels import LabelsModel
from desktop.model.regions import RegionsModel
from desktop.model.uncertain import UncertainModel
from desktop.panels.attributes_editor import AttributesEditor
from desktop.panels.find_all_box import FindAllBox
from desktop.panels.label_bar import LabelBar
from desktop.panels.names_completer import NamesCompleter
from desktop.panels.region_list import RegionList
from desktop.panels.section import Section
from engine.found import split_names
from engine.protocol import Task
from engine.store import RegionRow

_ROOM_FOR_LABELS, _ROOM_FOR_ATTRIBUTES, _ROOM_FOR_FINDING = 860, 740, 620
"""Heights of the panel below which the labels are few and a part is folded away, unless a person wants it."""

_MANY_LABELS, _FEW_LABELS = 7, 3


class RegionsPanel(QWidget):
    """done : the person is finished here, the view should have the keyboard again."""

    done = Signal()

    def __init__(
        self,
        regions: RegionsModel,
        asking: AskingModel,
        colors: LabelColors,
        labels: LabelsModel,
        finding: FindAllModel,
        uncertain: UncertainModel,
        absences: AbsencesModel,
        size_text: Callable[[RegionRow], str],
        folding: FoldingModel,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._regions = regions
        self._asking = asking
        self._enough: dict[Section, bool] = {}
        self._absences = absences
        self._names = QComboBox()
        self._names.setEditable(True)
        self._names.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
        self._names.setMaxVisibleItems(20)
        line = self._names.lineEdit()
        assert line is not None
        self._line = line
        self._line.returnPressed.connect(self._find)
        self._line.installEventFilter(self)
        self._names.installEventFilter(self)
        self._button = QPushButton()
        self._button.clicked.connect(self._find)
        self._title = QLabel()
        self._title.setObjectName("panelTitle")
        self.label_bar = LabelBar(labels, regions, asking, folding)
        self.label_bar.done.connect(self.done)
        self.list = RegionList(regions, asking, colors, size_text)
        self.list.done.connect(self.done)
        self.attributes = AttributesEditor(labels, regions, asking, folding)
        self.attributes.done.connect(self.done)
        self._empty = QLabel()
        self._empty.setWordWrap(True)
        self._empty.setObjectName("hint")
        self._empty.setAlignment(Qt.AlignmentFlag.AlignTop)
        self.absent = QLabel()
        self.absent.setObjectName("hint")
        self.absent.setWordWrap(True)
        self.absent.setTextFormat(Qt.TextFormat.PlainText)
        row = QHBoxLayout()
        row.addWidget(self._names, 1)
        row.addWidget(self._button)
        body = QWidget()
        find = QVBoxLayout(body)
        find.setContentsMargins(0, 0, 0, 0)
        find.addLayout(row)
        self.find_all = FindAllBox(regions, asking, finding, uncertain, self._names.currentText)
        self.find_all.done.connect(self.done)
        self.find_all.names_chosen.connect(self._names.setCurrentText)
        find.addWidget(self.find_all)
        self.find_section = Section(body, "find", folding)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(8, 6, 8, 8)
        layout.setSpacing(6)
        layout.addWidget(self.find_section)
        layout.addWidget(self.label_bar)
        layout.addWidget(self._title)
        layout.addWidget(self.list, 1)
        layout.addWidget(self._empty, 1)
        layout.addWidget(self.absent)
        layout.addWidget(self.attributes)
        regions.changed.connect(self.refresh)
        regions.changed.connect(self._show_refusal)
        asking.started.connect(lambda _: self._button.setEnabled(False))
        asking.idle.connect(self._show_refusal)
        asking.model_changed.connect(self._fill_names)
        self._retranslate()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        # On a short screen the list of regions needs the room most.
        self.label_bar.set_most_rows(_MANY_LABELS if event.size().height() >= _ROOM_FOR_LABELS else _FEW_LABELS)
        for section, least in ((self.attributes.section, _ROOM_FOR_ATTRIBUTES), (self.find_section, _ROOM_FOR_FINDING)):
            enough = event.size().height() >= least
            if self._enough.get(section) is not enough:
                self._enough[section] = enough
                section.suggest(enough)

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
        self.find_section.set_open(True)
        self._line.selectAll()
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

    def focus_list(self) -> None:
        """Walk through the regions with the keyboard."""
        if self.list.count():
            self.list.setFocus()
            if self.list.currentRow() < 0:
                self.list.setCurrentRow(0)

    def refresh(self) -> None:
        """Show the list, or what to do where there is nothing to list."""
        self.list.setVisible(bool(self._regions.rows))
        self._empty.setVisible(not self._regions.rows)
        absent = self._absences.names()
        self.absent.setVisible(bool(absent))
        self.absent.setText(self.tr("Not on this slice, says the model: {0}").format(", ".join(absent)))

    def _retranslate(self) -> None:
        self.find_section.set_title(self.tr("Find"))
        self._button.setText(self.tr("This slice"))
        self._title.setText(self.tr("Regions of this slice"))
        self._line.setPlaceholderText(self.tr("Name …"))
        self._fill_names()
        self._show_refusal()

    def _fill_names(self) -> None:
        """Offer the names that the model finds, and leave what is typed."""
        labels, typed = self._asking.labels_for(Task.TEXT_TO_REGION), self._names.currentText()
        self._names.clear()
        for label in labels:
            self._names.addItem(label.name(self._asking.language.value))
        both = [name for label in labels for name in (label.en, label.zh)]
        self._names.setCompleter(NamesCompleter(both, self._names))
        self._names.setCurrentText(typed)

    def language_changed(self) -> None:
        """Names are shown in another language."""
        self._retranslate()
        self.label_bar.refresh()
        self.list.refresh()
        self.attributes.language_changed()
        self.refresh()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.LanguageChange:
            self.language_changed()
