"""The list of tasks on the left: one's own by state, what waits for a review, and where readings differ."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QPoint, QSize, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QLabel, QListWidget, QListWidgetItem, QMenu, QPushButton, QVBoxLayout, QWidget

from desktop.model.browser import BrowserModel
from desktop.model.differences import DifferencesModel, Line
from desktop.model.reader import ReaderModel
from desktop.model.tasks import ORDER, TasksModel
from desktop.panels.task_words import TaskWords
from engine.regions import Label
from engine.store import OPEN_TASKS, TaskRow, TaskState

_TASK = Qt.ItemDataRole.UserRole
_SHOWN = 100
"""Tasks of a state that are listed."""


class TasksPanel(QWidget):
    """left : back to the image. open_count : how many tasks there are to do changed."""

    left = Signal()
    open_count = Signal(int)

    def __init__(
        self,
        tasks: TasksModel,
        differences: DifferencesModel,
        browser: BrowserModel,
        reader: ReaderModel,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._tasks = tasks
        self._differences = differences
        self._browser = browser
        self._reader = reader
        self._words = TaskWords(self)
        self._title = QLabel()
        self._title.setObjectName("panelTitle")
        self._title.setTextFormat(Qt.TextFormat.PlainText)
        self.list = _List()
        self._hint = QLabel()
        self._hint.setObjectName("hint")
        self._hint.setWordWrap(True)
        self._hint.setTextFormat(Qt.TextFormat.PlainText)
        self._hint.setAlignment(Qt.AlignmentFlag.AlignTop)
        self.next = QPushButton()
        self.review = QPushButton()
        self._found = QLabel()
        self._found.setObjectName("panelTitle")
        self._found.setWordWrap(True)
        self.differences = _List()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(8, 8, 8, 8)
        layout.setSpacing(6)
        layout.addWidget(self._title)
        layout.addWidget(self.list, 3)
        layout.addWidget(self._hint, 3)
        for widget in (self.next, self.review, self._found):
            layout.addWidget(widget)
        layout.addWidget(self.differences, 2)
        self.list.chosen.connect(self._open)
        self.list.left.connect(self.left)
        self.list.customContextMenuRequested.connect(self._show_menu)
        self.differences.chosen.connect(lambda entry: differences.go_to(entry.data(_TASK)))
        self.differences.left.connect(self.left)
        self.next.clicked.connect(lambda: tasks.open_next())
        self.review.clicked.connect(lambda: tasks.review_next())
        tasks.changed.connect(self.refresh)
        browser.changed.connect(self.refresh)
        differences.changed.connect(self.refresh_differences)
        self._retranslate()

    def _open(self, entry: QListWidgetItem) -> None:
        self._tasks.open(entry.data(_TASK))

    def refresh(self) -> None:
        """Read the tasks from the store."""
        mine, reviews = self._tasks.mine(), self._tasks.to_review()
        self._title.setText(self.tr("Tasks of {0}").format(self._reader.name))
        self.list.clear()
        for state in ORDER:
            self._add_group(self._words.group(state), [task for task in mine if task.state is state], mine=True)
        self._add_group(self.tr("To review"), reviews, mine=False)
        some = bool(mine or reviews)
        self.list.setVisible(some)
        self._hint.setVisible(not some)
        to_do = [task for task in mine if task.state in OPEN_TASKS]
        self.next.setEnabled(bool(to_do))
        self.review.setEnabled(bool(reviews))
        self.open_count.emit(len(to_do) + len(reviews))

    def _add_group(self, title: str, tasks: list[TaskRow], *, mine: bool) -> None:
        if not tasks:
            return
        heading = QListWidgetItem(f"{title} · {len(tasks)}")
        heading.setFlags(Qt.ItemFlag.NoItemFlags)
        font = heading.font()
        font.setBold(True)
        heading.setFont(font)
        self.list.addItem(heading)
        current = None if self._tasks.current is None else self._tasks.current.task.id
        for task in tasks[:_SHOWN]:
            entry = QListWidgetItem(self._text(task, mine=mine))
            entry.setData(_TASK, task)
            entry.setSizeHint(self._size_of(entry.text()))
            entry.setToolTip(self._text(task, mine=mine))
            self.list.addItem(entry)
            if task.id == current:
                self.list.setCurrentItem(entry)
        if len(tasks) > _SHOWN:
            more = QListWidgetItem(self.tr("and {0} more").format(len(tasks) - _SHOWN))
            more.setFlags(Qt.ItemFlag.NoItemFlags)
            self.list.addItem(more)

    def _text(self, task: TaskRow, *, mine: bool) -> str:
        scan = self._tasks.scan_of(task)
        title = self.tr("not on the list any more")
        if scan is not None:
            title = self._browser.title_of(self._browser.row_of(scan.id))
        who = [] if mine else [task.annotator]
        lines = [title, " · ".join([*who, self._words.reading(task.reading), task.changed[:10]])]
        comment = self._tasks.comment_of(task) if task.state is TaskState.RETURNED else ""
        return "\n".join([*lines, f"“{comment}”"] if comment else lines)

    def _size_of(self, text: str) -> QSize:
        # A line of Chinese is taller than the view expects from the first font it finds.
        return QSize(0, (text.count("\n") + 1) * (self.fontMetrics().height() + 4) + 12)

    def refresh_differences(self) -> None:
        """Show where the readings of the open scan differ."""
        found = self._differences
        self.differences.clear()
        for number, line in enumerate(found.lines):
            entry = QListWidgetItem(self._difference(line))
            entry.setData(_TASK, number)
            entry.setSizeHint(self._size_of(entry.text()))
            entry.setToolTip(entry.text())
            self.differences.addItem(entry)
            if number == found.place:
                self.differences.setCurrentItem(entry)
        self.differences.setVisible(bool(found.lines))
        self._found.setVisible(bool(found.readers))
        names = ", ".join(found.readers)
        if found.lines:
            self._found.setText(self.tr("Differences between {0} · {1}").format(names, len(found.lines)))
        else:
            self._found.setText(self.tr("{0} do not differ on this scan").format(names))

    def _difference(self, line: Line) -> str:
        kinds = [self._words.difference(kind, line.first, line.second) for kind in line.found.differences]
        names = [self._name(row.label) for row in (line.found.a, line.found.b) if row is not None]
        shown = " / ".join(dict.fromkeys(names))
        overlap = self.tr("overlap {0}").format(f"{line.found.iou:.0%}") if line.found.iou else ""
        where = self.tr("slice {0}").format(line.slice + 1)
        return f"{shown}\n" + " · ".join(part for part in (where, *kinds, overlap) if part)

    def _name(self, label: Label | None) -> str:
        if label is None:
            return self.tr("unnamed")
        return label.zh if self._browser.tree.chinese and label.zh else label.en

    def _show_menu(self, point: QPoint) -> None:
        entry = self.list.itemAt(point)
        task = None if entry is None else entry.data(_TASK)
        if task is None:
            return
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.addAction(self.tr("Open")).triggered.connect(lambda: self._tasks.open(task))
        if self._tasks.can_withdraw(task):
            menu.addAction(self.tr("Withdraw")).triggered.connect(lambda: self._tasks.withdraw(task))
        menu.popup(self.list.viewport().mapToGlobal(point))

    def _retranslate(self) -> None:
        self.next.setText(self.tr("Next task"))
        self.review.setText(self.tr("Next to review"))
        self._hint.setText(
            self.tr("No tasks here. To give out a scan, right-click it in the list of scans and choose “Assign …”.")
        )
        self.list.setAccessibleName(self.tr("Tasks"))
        self.differences.setAccessibleName(self.tr("Differences"))
        self.refresh()
        self.refresh_differences()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.LanguageChange:
            self._retranslate()


class _List(QListWidget):
    """chosen : a row was clicked, or Enter pressed on it. left : Escape."""

    chosen = Signal(object)
    left = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.itemClicked.connect(self._choose)

    def _choose(self, entry: QListWidgetItem) -> None:
        if entry.data(_TASK) is not None:
            self.chosen.emit(entry)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        entry = self.currentItem()
        if event.key() == Qt.Key.Key_Escape:
            self.left.emit()
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and entry is not None and not event.modifiers():
            self._choose(entry)
        else:
            super().keyPressEvent(event)
