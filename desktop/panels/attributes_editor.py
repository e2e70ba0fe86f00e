"""What is said of the selected region beside its name: side, certainty, severity, a remark."""

from __future__ import annotations

from collections.abc import Iterable

from PySide6.QtCore import QEvent, Signal
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QLabel, QLineEdit, QVBoxLayout, QWidget

from desktop.model.asking import AskingModel
from desktop.model.folding import FoldingModel
from desktop.model.labels import LabelsModel
from desktop.model.regions import RegionsModel
from desktop.panels.section import Section
from engine.labels import Attributes, Certainty, LabelError, Laterality, Severity, choice_name
from engine.store import RegionRow


class AttributesEditor(QWidget):
    """Each change is a gesture of its own. done : the view should have the keyboard again."""

    done = Signal()

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
        self._root: int | None = None
        self.side, self.certainty, self.severity = QComboBox(), QComboBox(), QComboBox()
        self.remark = QLineEdit()
        self._problem = QLabel()
        self._problem.setWordWrap(True)
        self._problem.setObjectName("hint")
        body = QWidget()
        layout = QVBoxLayout(body)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        self.section = Section(body, "attributes", folding)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.section)
        for widgets in ((self.certainty, self.severity), (self.side, self.remark)):
            row = QHBoxLayout()
            for widget in widgets:
                row.addWidget(widget, 1)
            layout.addLayout(row)
        layout.addWidget(self._problem)
        for combo in (self.side, self.certainty, self.severity):
            combo.setObjectName("choice")
            combo.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
            combo.setMinimumContentsLength(6)
            combo.activated.connect(lambda _: self._commit())
        self.remark.editingFinished.connect(self._commit_remark)
        self.remark.returnPressed.connect(self.done)
        regions.selected.connect(self._other_region)
        regions.changed.connect(self._other_region)
        labels.changed.connect(self.refresh)
        self._retranslate()

    def _other_region(self) -> None:
        if self.remark.isModified() and self._regions.selected_root != self._root:
            # Typed for the region before: turning the wheel must not lose it.
            self._commit_remark()
        self.refresh()

    def refresh(self) -> None:
        """Show what is said of the selected region."""
        row = self._regions.selected_row
        self._root = None if row is None else row.root_id
        self.setVisible(row is not None and row.label is not None)
        if row is None or row.label is None:
            return
        try:
            said = Attributes() if row.attributes is None else Attributes.from_json(row.attributes)
        except LabelError as error:
            # Written by a newer version: shown, and left as it is.
            self._problem.setText(str(error))
            self._enable(False)
            return
        self._problem.clear()
        self._enable(not row.locked)
        for combo, value in (
            (self.side, said.laterality),
            (self.certainty, said.certainty),
            (self.severity, said.severity),
        ):
            combo.setCurrentIndex(0 if value is None else max(0, combo.findData(value.value)))
        # What was said stays visible under a name that has no sides.
        self.side.setVisible(self._labels.known(row.label).lateral or said.laterality is not None)
        if not (self.remark.hasFocus() and self.remark.isModified()):
            self.remark.setText(said.text)
            self.remark.setModified(False)

    def _enable(self, on: bool) -> None:
        self._problem.setVisible(bool(self._problem.text()))
        for widget in (self.side, self.certainty, self.severity, self.remark):
            widget.setEnabled(on)

    def _commit(self) -> None:
        self._keep()
        self.done.emit()

    def _commit_remark(self) -> None:
        if self.remark.isModified():
            self._keep()

    def _keep(self) -> None:
        self.remark.setModified(False)
        # Enumerations that are texts come back from Qt as plain texts.
        side, certainty, severity = (box.currentData() for box in (self.side, self.certainty, self.severity))
        said = Attributes(
            Laterality(side) if side else None,
            Certainty(certainty) if certainty else None,
            Severity(severity) if severity else None,
            self.remark.text().strip(),
        )
        if self._root is not None:
            self._regions.set_attributes(self._root, None if said == Attributes() else said.to_json())

    def _retranslate(self) -> None:
        language = self._asking.language.value
        self.section.set_title(self.tr("About this region"))
        for combo, title, choices in (
            (self.side, self.tr("Side"), Laterality),
            (self.certainty, self.tr("Certainty"), Certainty),
            (self.severity, self.tr("Severity"), Severity),
        ):
            _fill(combo, title, choices, language)
        self.remark.setPlaceholderText(self.tr("Remark …"))
        self.refresh()

    def language_changed(self) -> None:
        """Words are shown in another language."""
        self._retranslate()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.LanguageChange:
            self._retranslate()


def _fill(combo: QComboBox, title: str, choices: Iterable[Laterality | Certainty | Severity], language: str) -> None:
    combo.clear()
    # Nothing said, which is not the same as "does not apply".
    combo.addItem(f"{title} –", None)
    for choice in choices:
        combo.addItem(choice_name(choice, language), choice.value)
    combo.setToolTip(title)


def worded(row: RegionRow, language: str) -> str:
    """What is said of a region, in a line; "?" for what cannot be read here."""
    if row.attributes is None:
        return ""
    try:
        said = Attributes.from_json(row.attributes)
    except LabelError:
        return "?"
    return said.worded(language)
