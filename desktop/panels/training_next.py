"""The images that wait for a person, those that a model would learn most from first."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QEvent, Qt, Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QProgressBar,
    QPushButton,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from desktop.error_texts import shown_error
from desktop.model.next_images import NextImagesModel
from desktop.panels.figure_table import Cell, figure_table, fill_table
from engine.feedback.waiting import LabelOrder, NextImage
from engine.store import ImageRow, StoreError

_WORDS = 3


class TrainingNext(QWidget):
    """open_wanted : an `ImageRow` to label. table : the order. make, cancel, put, open : buttons. pictures : look too.

    title_of : an image's scan for people, as the list of scans names it. put_next : makes the list of scans follow an
    order, and says how many of its scans are on it. said : what became of that.
    """

    open_wanted = Signal(object)

    def __init__(
        self,
        model: NextImagesModel,
        title_of: Callable[[ImageRow], str],
        put_next: Callable[[LabelOrder], int],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._model = model
        self._title_of = title_of
        self._put_next = put_next
        self.hint, self.empty, self.problem, self.said = QLabel(), QLabel(), QLabel(), QLabel()
        named = ((self.hint, "hint"), (self.empty, "emptyList"), (self.problem, "problem"), (self.said, "hint"))
        for label, name in named:
            label.setObjectName(name)
            label.setWordWrap(True)
            label.setTextFormat(Qt.TextFormat.PlainText)
        self.empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.pictures = QCheckBox()
        self.pictures.setChecked(True)
        self.make, self.cancel, self.put, self.open = (QPushButton() for _ in range(4))
        self.progress = QProgressBar()
        self.progress.setTextVisible(False)
        self.table = figure_table()
        top, below = QHBoxLayout(), QHBoxLayout()
        top.addWidget(self.pictures)
        top.addWidget(self.progress, 1)
        top.addStretch(0)
        top.addWidget(self.cancel)
        top.addWidget(self.make)
        below.addWidget(self.said, 1)
        below.addWidget(self.put)
        below.addWidget(self.open)
        layout = QVBoxLayout(self)
        layout.addWidget(self.hint)
        layout.addLayout(top)
        layout.addWidget(self.problem)
        layout.addWidget(self.empty, 1)
        layout.addWidget(self.table, 1)
        layout.addLayout(below)
        for button, deed in (
            (self.make, self._make),
            (self.cancel, model.cancel),
            (self.put, self._put),
            (self.open, self._open),
        ):
            button.setAutoDefault(False)
            button.clicked.connect(lambda _=False, deed=deed: deed())
        self.table.itemActivated.connect(lambda _: self._open())
        self.table.itemSelectionChanged.connect(self._allow)
        model.changed.connect(self._show)
        model.progressed.connect(self._follow)
        model.failed.connect(self._fail)
        self._fail("")
        self._retranslate()

    def _make(self) -> None:
        self._fail("")
        self._model.make(pictures=self.pictures.isChecked())

    def _open(self) -> None:
        order, row = self._model.order, self.table.currentRow()
        if order is not None and 0 <= row < len(order.images):
            self.open_wanted.emit(order.images[row].image)

    def _put(self) -> None:
        self._fail("")
        order = self._model.order
        if order is None:
            return
        try:
            count = self._put_next(order)
        except StoreError as error:
            self._fail(str(error))
            return
        text = self.tr("1 scan stands first on the list now.") if count == 1 else self.tr("{0} scans stand first now.")
        self.said.setText(text.format(count))

    def _follow(self, done: int, total: int) -> None:
        self.progress.setRange(0, total)
        self.progress.setValue(done)

    def _fail(self, message: str) -> None:
        self.problem.setText(shown_error(message))
        self.problem.setVisible(bool(message))

    def _show(self) -> None:
        model = self._model
        self.progress.setVisible(model.busy)
        self.cancel.setVisible(model.busy)
        self.make.setEnabled(not model.busy)
        if model.busy:
            self.progress.setRange(0, 0)
            return
        self.said.setText("")
        order = model.order
        images = () if order is None else order.images
        self.empty.setVisible(not images)
        self.table.setVisible(bool(images))
        self.put.setVisible(bool(images))
        self.open.setVisible(bool(images))
        if order is None:
            self.empty.setText(
                self.tr("Press “Put in order”: what the model was asked about and nobody has judged is listed.")
            )
        else:
            self.empty.setText(
                self.tr(
                    "No image waits. Let the model look at scans first: with “Find all” in the window, or at a whole "
                    "folder with medrega prelabel."
                )
            )
            self._fill(images)
            if order.skipped:
                unread = self.tr("{0} scans cannot be read and are at the end: {1}")
                self._fail(unread.format(len(order.skipped), shown_error(order.skipped[0][1])))
        self._allow()

    def _fill(self, images: tuple[NextImage, ...]) -> None:
        heads: list[Cell] = [
            self.tr("Scan"),
            self.tr("Modality"),
            self.tr("Slice"),
            (self.tr("Regions"), self.tr("That wait for a decision")),
            (self.tr("Doubt"), self.tr("How unsure the model is, 0 to 1")),
            (self.tr("Unlike others"), self.tr("How different it looks from what is labelled, 0 to 1")),
            (self.tr("Rare"), self.tr("How rare its labels are among those given so far, 0 to 1")),
        ]
        rows: list[list[Cell]] = [
            [
                self._title_of(one.image),
                one.image.modality,
                str(one.image.slice + 1),
                str(one.regions),
                *(f"{share:.2f}" for share in (one.rank.uncertainty, one.rank.diversity, one.rank.rarity)),
            ]
            for one in images
        ]
        fill_table(self.table, heads, rows, words=_WORDS)
        for column in range(1, self.table.columnCount()):
            self.table.horizontalHeader().setSectionResizeMode(column, QHeaderView.ResizeMode.ResizeToContents)
        for number in range(len(rows)):
            # Its place in the order, for people who talk about it.
            self.table.setVerticalHeaderItem(number, QTableWidgetItem(str(number + 1)))
        self.table.setCurrentCell(0, 0)

    def _allow(self) -> None:
        self.open.setEnabled(self.table.isVisibleTo(self) and self.table.currentRow() >= 0)

    def _retranslate(self) -> None:
        self.hint.setText(
            self.tr(
                "Labelling these first teaches a model the most: what it is unsure of, what looks unlike the rest, and "
                "what is rare."
            )
        )
        self.pictures.setText(self.tr("Look at the pictures too"))
        self.pictures.setToolTip(self.tr("Slower: each scan is read once"))
        self.make.setText(self.tr("Put in order"))
        self.cancel.setText(self.tr("Cancel"))
        self.put.setText(self.tr("Put these scans first on the list"))
        self.put.setToolTip(self.tr("Under “To label next”; next and previous scan follow it"))
        self.open.setText(self.tr("Open"))
        self._show()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.LanguageChange:
            self._retranslate()
