"""The study browser on the left: search, filters, the tree of scans, and what is being indexed."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QEvent, QItemSelectionModel, QModelIndex, QPoint, Qt, QUrl, Signal
from PySide6.QtGui import QDesktopServices, QKeyEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QLabel,
    QMenu,
    QProgressBar,
    QPushButton,
    QTreeView,
    QVBoxLayout,
    QWidget,
)

from desktop.model.browser import BrowserModel
from desktop.model.browser_tree import NodeKind, Role
from desktop.model.jobs import Job
from desktop.panels.browser_filter import BrowserFilter
from desktop.panels.scan_delegate import ScanDelegate
from engine.store import ScanMark, ScanStatus, WorklistRow

_FEW = 25


class BrowserPanel(QWidget):
    """chosen : the person wants this scan. files_wanted, folder_wanted : to add some. left : back to the image."""

    chosen = Signal(object)
    files_wanted = Signal()
    folder_wanted = Signal()
    left = Signal()

    def __init__(self, browser: BrowserModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._browser = browser
        self._current: int | None = None
        self._job: Job | None = None
        # Groups are open until the person closes them, patients closed until they open them.
        self._expanded = {str(NodeKind.PINNED)}
        self._title = QLabel()
        self._title.setObjectName("panelTitle")
        self.filter = BrowserFilter()
        self.filter.set_hidden(browser.names_hidden)
        self.tree = _Tree()
        self.tree.setModel(browser.tree)
        self.tree.setItemDelegate(ScanDelegate(self.tree))
        self._hint = QLabel()
        self._hint.setObjectName("hint")
        self._hint.setWordWrap(True)
        self._hint.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._clear = QPushButton()
        self._clear.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._add = QPushButton()
        self._add.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._add_menu = QMenu(self)
        self._add_folder = self._add_menu.addAction("")
        self._add_files = self._add_menu.addAction("")
        self._add.setMenu(self._add_menu)
        self._build_indexing()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(8, 8, 8, 8)
        layout.setSpacing(6)
        for widget in (self._title, self.filter):
            layout.addWidget(widget)
        layout.addWidget(self.tree, 1)
        for widget in (self._hint, self._clear, self._indexing, self._add):
            layout.addWidget(widget)
        self._connect()
        self._retranslate()
        self._filled()

    def _build_indexing(self) -> None:
        self._indexing = QWidget()
        self._counts = QLabel()
        self._counts.setObjectName("hint")
        self._progress = QProgressBar()
        self._progress.setTextVisible(False)
        self._stop = QPushButton()
        self._stop.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        column = QVBoxLayout()
        column.addWidget(self._counts)
        column.addWidget(self._progress)
        row = QHBoxLayout(self._indexing)
        row.setContentsMargins(0, 0, 0, 0)
        row.addLayout(column, 1)
        row.addWidget(self._stop)
        self._indexing.hide()

    def _connect(self) -> None:
        browser = self._browser
        self.filter.changed.connect(browser.set_filter)
        self.filter.hidden_changed.connect(browser.set_names_hidden)
        self.filter.down.connect(self._into_tree)
        self.filter.entered.connect(self._open_first)
        self.filter.left.connect(self.left)
        self.tree.left.connect(self.left)
        self.tree.clicked.connect(self._clicked)
        self.tree.entered_row.connect(self._open)
        self.tree.expanded.connect(self._opened_row)
        self.tree.collapsed.connect(lambda at: self._expanded.discard(at.data(Role.KEY)))
        self.tree.customContextMenuRequested.connect(self._show_menu)
        browser.tree.modelReset.connect(self._restore)
        browser.changed.connect(self._filled)
        browser.indexing.connect(self._watch)
        browser.added.connect(self._reveal)
        self._clear.clicked.connect(self.filter.clear)
        self._stop.clicked.connect(self._cancel)
        self._add_files.triggered.connect(lambda _=False: self.files_wanted.emit())
        self._add_folder.triggered.connect(lambda _=False: self.folder_wanted.emit())

    def set_current(self, item: WorklistRow | None) -> None:
        """Mark the scan that is open, and bring it into sight."""
        scan = self._browser.scan_of(item)
        self._current = None if scan is None else scan.id
        self._select_current(scroll=True)

    def focus_search(self) -> None:
        """The next key is the first letter of a search."""
        self.filter.search.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self.filter.search.selectAll()

    def _select_current(self, *, scroll: bool) -> None:
        if self._current is None:
            # What was clicked did not open: nothing is marked that is not on screen.
            self.tree.selectionModel().clear()
            return
        at = self.tree.currentIndex()
        if at.data(Role.SCAN) != self._current:
            at = self._browser.tree.index_of_scan(self._current)
        if not at.isValid():
            return
        self.tree.selectionModel().setCurrentIndex(at, QItemSelectionModel.SelectionFlag.ClearAndSelect)
        if scroll:
            self.tree.scrollTo(at)

    def _clicked(self, at: QModelIndex) -> None:
        if at.data(Role.SCAN) is not None:
            self._open(at)
        else:
            self._toggle(at)

    def _toggle(self, at: QModelIndex) -> None:
        self.tree.setExpanded(at, not self.tree.isExpanded(at))
        last = at
        while self.tree.isExpanded(last) and self._browser.tree.rowCount(last):
            last = self._browser.tree.index(0, 0, last)
        # The first scan of what was opened comes into sight, and stays below what it belongs to.
        self.tree.scrollTo(last)
        self.tree.scrollTo(at)

    def _open(self, at: QModelIndex) -> None:
        number = at.data(Role.SCAN)
        if number is not None:
            self._current = number
            self.chosen.emit(self._browser.row_of(number))
        else:
            self._toggle(at)

    def _open_first(self) -> None:
        row = self._browser.neighbour(None, 0)
        if row is not None:
            self.chosen.emit(row)

    def _into_tree(self) -> None:
        self.tree.setFocus()
        if not self.tree.currentIndex().isValid():
            self.tree.setCurrentIndex(self._browser.tree.index(0, 0))

    def _opened_row(self, at: QModelIndex) -> None:
        self._expanded.add(at.data(Role.KEY))
        model = self._browser.tree
        if model.canFetchMore(at):
            model.fetchMore(at)
        # One study in a patient is not worth a click.
        if at.data(Role.KIND) == NodeKind.PATIENT and model.rowCount(at) == 1:
            self.tree.expand(model.index(0, 0, at))

    def _restore(self) -> None:
        """After a reload, what was open is open, and what was in sight is in sight."""
        model = self._browser.tree
        place = self.tree.verticalScrollBar().value()
        few = self._browser.is_filtered() and self._browser.count() <= _FEW
        for row in range(model.rowCount()):
            self._expand_again(model.index(row, 0), few)
        self._select_current(scroll=False)
        self.tree.verticalScrollBar().setValue(place)

    def _expand_again(self, at: QModelIndex, everything: bool) -> None:
        key, model = at.data(Role.KEY), self._browser.tree
        wanted = key in self._expanded or (everything and key != NodeKind.RECENT)
        if not wanted or at.data(Role.KIND) == NodeKind.SCAN:
            return
        if model.canFetchMore(at):
            model.fetchMore(at)
        remembered = set(self._expanded)
        self.tree.expand(at)
        for row in range(model.rowCount(at)):
            self._expand_again(model.index(row, 0, at), everything)
        if everything:
            # What a search opens is closed again when the search is over.
            self._expanded = remembered

    def _filled(self) -> None:
        self.filter.set_modalities(self._browser.modalities())
        count, filtered = self._browser.count(), self._browser.is_filtered()
        self._hint.setVisible(not count)
        self._hint.setText(
            self.tr("No scan matches") if filtered else self.tr("Drop files or folders here, or add them below")
        )
        self._clear.setVisible(filtered)
        title = self.tr("Worklist")
        self._title.setText(f"{title} · {count}" if count else title)

    def _reveal(self, scans: list[int]) -> None:
        """What was just added is open to see, the first of it."""
        if scans:
            at = self._browser.tree.index_of_scan(scans[0])
            if at.isValid():
                self.tree.scrollTo(at)

    def _show_menu(self, point: QPoint) -> None:
        at = self.tree.indexAt(point)
        number = at.data(Role.SCAN)
        if number is None:
            return
        menu = self.menu(number, at)
        menu.popup(self.tree.viewport().mapToGlobal(point))

    def menu(self, number: int, at: QModelIndex) -> QMenu:
        """What can be done with a scan."""
        scan = self._browser.scan(number)
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.addAction(self.tr("Open")).triggered.connect(lambda: self._open(at))
        menu.addSeparator()
        for text, kind, status in (
            (self.tr("Mark as done"), ScanMark.DONE, ScanStatus.DONE),
            (self.tr("Mark for review"), ScanMark.NEEDS_REVIEW, ScanStatus.NEEDS_REVIEW),
            (self.tr("Mark as in progress"), ScanMark.IN_PROGRESS, ScanStatus.IN_PROGRESS),
            (self.tr("Mark as new"), ScanMark.NEW, ScanStatus.NEW),
        ):
            action = menu.addAction(text)
            action.setEnabled(scan.status is not status)
            action.triggered.connect(lambda _=False, kind=kind: self._browser.mark(number, kind))
        menu.addSeparator()
        menu.addAction(self.tr("Show the folder")).triggered.connect(lambda: _show_folder(Path(scan.path)))
        remove = menu.addAction(self.tr("Remove from the list"))
        remove.triggered.connect(lambda: self._browser.mark(number, ScanMark.REMOVED))
        return menu

    def _watch(self, job: Job) -> None:
        self._job = job
        self._progress.setRange(0, 0)
        self._counts.setText(self.tr("Looking for scans …"))
        self._indexing.show()
        job.progressed.connect(self._progressed)
        job.finished.connect(lambda: self._unwatch(job))

    def _progressed(self, done: int, total: int, what: str) -> None:
        self._progress.setRange(0, total)
        self._progress.setValue(done)
        if total:
            self._counts.setText(self.tr("{0} of {1} files").format(f"{done:,}", f"{total:,}"))

    def _unwatch(self, job: Job) -> None:
        if job is self._job:
            self._job = None
            self._indexing.hide()

    def _cancel(self) -> None:
        if self._job is not None:
            self._job.cancel()
            self._counts.setText(self.tr("Stopping …"))

    def _retranslate(self) -> None:
        self._clear.setText(self.tr("Show all scans"))
        self._stop.setText(self.tr("Cancel"))
        self._add.setText(self.tr("Add scans …"))
        self._add_files.setText(self.tr("Files …"))
        self._add_folder.setText(self.tr("Folder …"))
        self.filter.retranslate()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.LanguageChange:
            self._retranslate()
            self._filled()


class _Tree(QTreeView):
    """left : Escape. entered_row : Enter on a row."""

    left = Signal()
    entered_row = Signal(QModelIndex)

    def __init__(self) -> None:
        super().__init__()
        self.setHeaderHidden(True)
        self.setIndentation(14)
        self.setExpandsOnDoubleClick(False)
        self.setMouseTracking(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self.left.emit()
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self.currentIndex().isValid():
            self.entered_row.emit(self.currentIndex())
        else:
            super().keyPressEvent(event)


def _show_folder(path: Path) -> None:
    QDesktopServices.openUrl(QUrl.fromLocalFile(str(path if path.is_dir() else path.parent)))
