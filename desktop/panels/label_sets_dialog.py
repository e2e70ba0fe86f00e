"""Label sets: which there are, one's own ones to edit, and which one each kind of scan uses."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDialog,
    QFileDialog,
    QHBoxLayout,
    QLabel,
    QListWidget,
    QListWidgetItem,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from desktop.model.labels import LabelsModel
from desktop.panels.scheme_editor import SchemeEditor
from engine.errors import MedRegAError
from engine.labels import LabelScheme

_ID_ROLE = Qt.ItemDataRole.UserRole
_MODALITIES = ("CT", "MR", "DX", "MG", "US", "ES", "OP", "OPT", "DMS", "XC", "SM")


class LabelSetsDialog(QDialog):
    """Each change is kept at once. problem : what could not be done, and why."""

    def __init__(self, labels: LabelsModel, language: str, parent: QWidget) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(self.tr("Label sets"))
        self._labels = labels
        self._language = language
        self.list = QListWidget()
        self.list.currentItemChanged.connect(lambda *_: self._show())
        self.copy = self._button(self.tr("Copy to edit"), self._copy)
        self.new = self._button(self.tr("New"), self._new)
        self.delete = self._button(self.tr("Delete"), self._delete)
        imported = self._button(self.tr("Import …"), self._import)
        exported = self._button(self.tr("Export …"), self._export)
        self.editor = SchemeEditor(labels, language)
        self.editor.changed.connect(lambda scheme: self._do(lambda: self._labels.save(scheme), scheme.id))
        self.editor.failed.connect(self._say)
        self.modality = QComboBox()
        for modality in dict.fromkeys((labels.modality, *_MODALITIES)):
            self.modality.addItem(modality or self.tr("scans that do not say"), modality)
        self.modality.currentIndexChanged.connect(lambda _: self._follow())
        self.use = self._button(self.tr("Use this set"), self._use)
        self.bind = QCheckBox(self.tr("The model names regions from this set alone"))
        self.bind.setToolTip(self.tr("Else it chooses among all the names that it learnt"))
        self.bind.clicked.connect(self._bind)
        self._used = QLabel()
        self._used.setWordWrap(True)
        self._used.setObjectName("hint")
        self.problem = QLabel()
        self.problem.setWordWrap(True)
        self.problem.setObjectName("problem")
        self.problem.setTextFormat(Qt.TextFormat.PlainText)
        left, right, row, files = QVBoxLayout(), QVBoxLayout(), QHBoxLayout(), QHBoxLayout()
        left.addWidget(self.list, 1)
        for button in (self.copy, self.new, self.delete):
            row.addWidget(button)
        for button in (imported, exported):
            files.addWidget(button)
        left.addLayout(row)
        left.addLayout(files)
        use = QHBoxLayout()
        use.addWidget(QLabel(self.tr("For scans of the kind")))
        use.addWidget(self.modality)
        use.addWidget(self.use)
        use.addStretch(1)
        right.addWidget(self.editor, 1)
        right.addLayout(use)
        right.addWidget(self.bind)
        right.addWidget(self._used)
        body = QHBoxLayout()
        body.addLayout(left, 2)
        body.addLayout(right, 3)
        close = self._button(self.tr("Close"), self.accept)
        layout = QVBoxLayout(self)
        layout.addLayout(body, 1)
        layout.addWidget(self.problem)
        layout.addWidget(close, 0, Qt.AlignmentFlag.AlignRight)
        self.resize(820, 640)
        self._fill(labels.scheme.id)

    def _button(self, text: str, deed: Callable[[], object]) -> QPushButton:
        button = QPushButton(text)
        # Enter belongs to the fields.
        button.setAutoDefault(False)
        button.clicked.connect(lambda _=False: deed())
        return button

    @property
    def scheme(self) -> LabelScheme:
        """The set that is shown, as it is kept."""
        item = self.list.currentItem()
        id = None if item is None else item.data(_ID_ROLE)
        return next((one for one in self._labels.schemes if one.id == id), self._labels.scheme)

    def _is_own(self, scheme: LabelScheme) -> bool:
        return any(one.id == scheme.id for one in self._labels.own)

    def _text(self, scheme: LabelScheme) -> str:
        note = "" if self._is_own(scheme) else "  " + self.tr("(built in)")
        return f"{scheme.name(self._language)}{note}"

    def _fill(self, chosen: str) -> None:
        self.list.blockSignals(True)
        self.list.clear()
        for scheme in self._labels.schemes:
            item = QListWidgetItem(self._text(scheme))
            item.setData(_ID_ROLE, scheme.id)
            self.list.addItem(item)
            if scheme.id == chosen:
                self.list.setCurrentItem(item)
        self.list.blockSignals(False)
        self._show()

    def _show(self) -> None:
        self._say("")
        scheme = self.scheme
        self.editor.setEnabled(self._is_own(scheme))
        self.editor.show_scheme(scheme)
        self.delete.setEnabled(self._is_own(scheme))
        self._follow()

    def _follow(self) -> None:
        modality = self.modality.currentData()
        used = self._labels.scheme_of(modality)
        self.use.setEnabled(used.id != self.scheme.id)
        known, bound = self._labels.known_to_model(used), self._labels.binds(modality)
        self.bind.setEnabled(used.id == self.scheme.id and (self._labels.can_bind(used) or bound))
        self.bind.setChecked(used.id == self.scheme.id and bound)
        text = self.tr("Used now: {0}. The model knows {1} of its {2} names.")
        self._used.setText(text.format(used.name(self._language), known, len(used)))

    def _say(self, text: str) -> None:
        self.problem.setText(text)
        self.problem.setVisible(bool(text))

    def _do(self, deed: Callable[[], object], chosen: str) -> None:
        """Something that may fail; what is wrong is said, and nothing has changed then."""
        self._say("")
        try:
            deed()
        except MedRegAError as error:
            self._say(str(error))
            return
        item = self.list.currentItem()
        if item is not None and item.data(_ID_ROLE) == chosen:
            item.setText(self._text(self.scheme))
            self._follow()
        else:
            self._fill(chosen)

    def _copy(self) -> None:
        old = self.scheme
        # A copy has both names, whatever the language on screen.
        copy = self._labels.copy_of(old, f"{old.en} (copy)", f"{old.zh}（副本）")
        self._do(lambda: self._labels.save(copy), copy.id)

    def _new(self) -> None:
        made = self._labels.copy_of(LabelScheme("new", "New label set", "新标签集", ()), "New label set", "新标签集")
        self._do(lambda: self._labels.save(made), made.id)

    def _delete(self) -> None:
        old = self.scheme
        self._do(lambda: self._labels.delete(old.id), self._labels.scheme.id)
        self._fill(self._labels.scheme.id)

    def _use(self) -> None:
        id, modality = self.scheme.id, self.modality.currentData()
        self._do(lambda: self._labels.choose(modality, id), id)
        self._follow()

    def _bind(self, on: bool) -> None:
        modality = self.modality.currentData()
        self._do(lambda: self._labels.bind(modality, on), self.scheme.id)
        self._follow()

    def _import(self) -> None:
        name, _ = QFileDialog.getOpenFileName(self, self.tr("Import a label set"), "", "JSON (*.json)")
        if name:
            self.import_path(Path(name))

    def import_path(self, path: Path) -> None:
        """Take over the set of a file, or say why not."""
        try:
            scheme = self._labels.import_file(path)
        except MedRegAError as error:
            self._say(str(error))
        else:
            self._fill(scheme.id)

    def _export(self) -> None:
        scheme = self.scheme
        name, _ = QFileDialog.getSaveFileName(self, self.tr("Export a label set"), f"{scheme.id}.json", "JSON (*.json)")
        if name:
            self._do(lambda: scheme.save(Path(name)), scheme.id)
