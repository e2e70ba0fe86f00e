"""Snapshots and adapters that go to another machine, or come from one."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QEvent, QSize, Qt
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import (
    QFileDialog,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QProgressBar,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from desktop.error_texts import shown_error
from desktop.model.bundles import BundlesModel, Packed, Verb
from desktop.panels.training_words import TrainingWords

_ID_ROLE = Qt.ItemDataRole.UserRole
_SUFFIX = ".zip"


class TrainingBundles(QWidget):
    """snapshots, adapters : what can be packed; what is ticked will be. pack, unpack, cancel : buttons. expected : the
    hash of what is unpacked. result : what came of it. problem : what could not be done, and why.
    """

    def __init__(self, model: BundlesModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._model = model
        self._words = TrainingWords(self)
        self._packed: Packed | None = None
        self.snapshots, self.adapters = QListWidget(), QListWidget()
        self.pack, self.unpack, self.cancel = QPushButton(), QPushButton(), QPushButton()
        self.expected = QLineEdit()
        self.progress = QProgressBar()
        self.progress.setTextVisible(False)
        self.hint, self.result, self.problem = QLabel(), QLabel(), QLabel()
        self._titles = (QLabel(), QLabel())
        self._expected_name, self._doing = QLabel(), QLabel()
        self._expected_name.setBuddy(self.expected)
        for label, name in ((self.hint, "hint"), (self.problem, "problem"), (self._doing, "rowText")):
            label.setObjectName(name)
        for label in self._titles:
            label.setObjectName("panelTitle")
        for label in (self.hint, self.result, self.problem):
            label.setWordWrap(True)
            label.setTextFormat(Qt.TextFormat.PlainText)
        # Its hash is to be copied, and told to whoever gets the file.
        self.result.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )
        self._lay_out()
        for button, deed in ((self.pack, self._pack), (self.unpack, self._unpack), (self.cancel, model.cancel)):
            button.setAutoDefault(False)
            button.clicked.connect(lambda _=False, deed=deed: deed())
        for box in (self.snapshots, self.adapters):
            box.itemChanged.connect(lambda _: self._allow())
        model.changed.connect(self._show)
        model.progressed.connect(self._follow)
        model.packed.connect(self._tell)
        model.failed.connect(self._fail)
        model.cancelled.connect(self._tell_cancelled)
        self._fail("")
        self._retranslate()

    def _lay_out(self) -> None:
        grid = QGridLayout()
        for column, (title, box) in enumerate(zip(self._titles, (self.snapshots, self.adapters), strict=True)):
            title.setBuddy(box)
            grid.addWidget(title, 0, column)
            grid.addWidget(box, 1, column)
            grid.setColumnStretch(column, 1)
        row = QHBoxLayout()
        row.addStretch(1)
        row.addWidget(self.pack)
        below = QHBoxLayout()
        below.addWidget(self._expected_name)
        below.addWidget(self.expected, 1)
        below.addWidget(self.unpack)
        doing = QHBoxLayout()
        doing.addWidget(self._doing)
        doing.addWidget(self.progress, 1)
        doing.addWidget(self.cancel)
        layout = QVBoxLayout(self)
        layout.addWidget(self.hint)
        layout.addLayout(grid, 1)
        layout.addLayout(row)
        layout.addLayout(below)
        layout.addLayout(doing)
        layout.addWidget(self.problem)
        layout.addWidget(self.result)

    def _show(self) -> None:
        model = self._model
        snapshots = self.tr("{0} by {1}\n{2} regions of {3} patients · {4}")
        _fill(
            self.snapshots,
            {
                one.hash: snapshots.format(
                    self._words.when(one.created), one.who, one.regions, one.patients, one.hash[:16]
                )
                for one in model.snapshots
            },
            self.tr("No snapshot was taken yet.") if model.looked else "",
        )
        nothing = self.tr("No adapter was ever used or imported.") if model.looked else ""
        _fill(self.adapters, {id_: id_ for id_ in model.adapters}, nothing)
        busy = model.verb is not None
        for widget in (self.progress, self.cancel, self._doing):
            widget.setVisible(busy)
        self._doing.setText(self.tr("Packing …") if model.verb is Verb.EXPORT else self.tr("Unpacking …"))
        if busy:
            self.progress.setRange(0, 0)
        self._allow()

    def _allow(self) -> None:
        free = self._model.verb is None
        self.pack.setEnabled(free and bool(_ticked(self.snapshots) or _ticked(self.adapters)))
        self.unpack.setEnabled(free)

    def _follow(self, done: int, total: int) -> None:
        self.progress.setRange(0, total)
        self.progress.setValue(done)

    def _pack(self) -> None:
        chosen, _ = QFileDialog.getSaveFileName(self, self.pack.text(), f"medrega{_SUFFIX}", self.tr("Bundles (*.zip)"))
        if chosen:
            # A name that was typed without its end.
            file = Path(chosen if chosen.lower().endswith(_SUFFIX) else f"{chosen}{_SUFFIX}")
            self._clear()
            self._model.export_to(file, _ticked(self.snapshots), _ticked(self.adapters))

    def _unpack(self) -> None:
        chosen, _ = QFileDialog.getOpenFileName(self, self.unpack.text(), "", self.tr("Bundles (*.zip)"))
        if chosen:
            self._clear()
            self._model.import_from(Path(chosen), self.expected.text().strip())

    def _clear(self) -> None:
        self._packed = None
        self.result.clear()
        self._fail("")

    def _fail(self, message: str) -> None:
        self.problem.setText(shown_error(message))
        self.problem.setVisible(bool(message))

    def _tell_cancelled(self) -> None:
        self.result.setText(self.tr("Cancelled"))

    def _tell(self, packed: Packed) -> None:
        self._packed = packed
        counts = self.tr("{0} snapshots, {1} adapters").format(len(packed.snapshots), len(packed.adapters))
        if packed.verb is Verb.EXPORT:
            said = self.tr(
                "{0} is written: {1}. Tell its hash to whoever gets it, on another way than the file: {2}"
            ).format(packed.file, counts, packed.sha256)
        else:
            said = self.tr("{0} is unpacked: {1}, {2} of them new. Its hash: {3}").format(
                packed.file.name, counts, len(packed.new), packed.sha256
            )
            if packed.adapters:
                said += "\n" + self.tr(
                    "The adapters are listed under “Compare two”, where one can be tried and used, and under “Manage "
                    "models”."
                )
        self.result.setText(said)

    def _retranslate(self) -> None:
        self.hint.setText(
            self.tr(
                "One file takes snapshots and adapters to another machine. Names and numbers of patients are looked "
                "for, and nothing is written where one is found; words within the pictures are not looked for."
            )
        )
        for label, box, text in zip(
            self._titles, (self.snapshots, self.adapters), (self.tr("Snapshots"), self.tr("Adapters")), strict=True
        ):
            label.setText(text)
            box.setAccessibleName(text)
        self.pack.setText(self.tr("Export what is ticked …"))
        self.unpack.setText(self.tr("Import …"))
        self.cancel.setText(self.tr("Cancel"))
        self._expected_name.setText(self.tr("Hash of what is imported"))
        self.expected.setPlaceholderText(self.tr("as its maker told you; empty: not checked"))
        self.expected.setToolTip(self.tr("A file with another hash is refused: somebody may have changed it"))
        if self._packed is not None:
            self._tell(self._packed)
        self._show()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        # What was frozen, promoted or imported since.
        self._model.refresh()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.LanguageChange:
            self._retranslate()


def _fill(box: QListWidget, choices: dict[str, str], nothing: str) -> None:
    """Offer these; what was ticked stays ticked. nothing : said where there are none."""
    ticked = set(_ticked(box))
    box.blockSignals(True)
    box.clear()
    for id_, text in choices.items():
        item = QListWidgetItem(text)
        item.setData(_ID_ROLE, id_)
        item.setFlags(Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable | Qt.ItemFlag.ItemIsUserCheckable)
        item.setCheckState(Qt.CheckState.Checked if id_ in ticked else Qt.CheckState.Unchecked)
        # A line of Chinese is taller than the view expects from the first font it finds.
        item.setSizeHint(QSize(0, (text.count("\n") + 1) * (box.fontMetrics().height() + 8)))
        box.addItem(item)
    if not choices:
        item = QListWidgetItem(nothing)
        item.setFlags(Qt.ItemFlag.NoItemFlags)
        box.addItem(item)
    box.blockSignals(False)


def _ticked(box: QListWidget) -> list[str]:
    items = [box.item(number) for number in range(box.count())]
    chosen = [item for item in items if item.data(_ID_ROLE) and item.checkState() is Qt.CheckState.Checked]
    return [str(item.data(_ID_ROLE)) for item in chosen]
