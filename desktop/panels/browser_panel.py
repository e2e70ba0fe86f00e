"""The study browser on the left: search, filters, the tree of scans, and what is being indexed."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QEvent, QItemSelectionModel, QModelIndex, QPersistentModelIndex, QPoint, Qt, QUrl, Signal
from PySide6.QtGui import QDesktopServices, QKeyEvent
from PySide6.QtWidgets import QLabel, QMenu, QPushButton, QStackedWidget, QVBoxLayout, QWidget

from desktop.model.browser import BrowserModel
from desktop.model.browser_tree import NodeKind, Role
from desktop.model.jobs import Job
from desktop.panels.browser_filter import BrowserFilter
from desktop.panels.indexing_row import IndexingRow
from desktop.panels.scan_delegate import ScanDelegate
from desktop.panels.scan_tree import ScanTree
from engine.store import ScanMark, ScanStatus, WorklistRow

_FEW = 25
_MARKED_AT_ONCE = 100


class BrowserPanel(QWidget):
    """chosen : the person wants this scan. files_wanted, folder_wanted : to add some. left : back to the image.

    assign_wanted : ids of scans that readers are to be given.
    """

    chosen = Signal(object)
    files_wanted = Signal()
    folder_wanted = Signal()
    left = Signal()
    assign_wanted = Signal(list)

    def __init__(self, browser: BrowserModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._browser = browser
        self._current: int | None = None
        # Groups are open until the person closes them, patients closed until they open them.
        self._expanded = {str(NodeKind.NEXT), str(NodeKind.PINNED)}
        self._title = QLabel()
        self._title.setObjectName("panelTitle")
        self.filter = BrowserFilter()
        self.filter.set_hidden(browser.names_hidden)
        self.tree = ScanTree()
        self.tree.setModel(browser.tree)
        self._delegate = ScanDelegate(self.tree)
        self.tree.setItemDelegate(self._delegate)
        self._hint = QLabel()
        self._hint.setObjectName("emptyList")
        self._hint.setWordWrap(True)
        self._hint.setTextFormat(Qt.TextFormat.RichText)
        self._hint.setAlignment(Qt.AlignmentFlag.AlignCenter)
        # Where the list would be, so that nobody looks at an empty frame.
        self._list = QStackedWidget()
        self._list.addWidget(self.tree)
        self._list.addWidget(self._hint)
        self._clear = QPushButton()
        self.indexing = IndexingRow()
        self._add = QPushButton()
        self._add_menu = QMenu(self)
        self._add_folder = self._add_menu.addAction("")
        self._add_files = self._add_menu.addAction("")
        self._add.setMenu(self._add_menu)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(8, 8, 8, 8)
        layout.setSpacing(6)
        layout.addWidget(self._title)
        layout.addWidget(self.filter)
        layout.addWidget(self._clear)
        layout.addWidget(self._list, 1)
        layout.addWidget(self.indexing)
        layout.addWidget(self._add)
        self._connect()
        self._retranslate()
        self._filled()

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
        browser.indexed.connect(lambda found: self.indexing.show_outcome(found, names_hidden=browser.names_hidden))
        browser.added.connect(self._reveal)
        self._clear.clicked.connect(self._show_all)
        self._add_files.triggered.connect(lambda _=False: self.files_wanted.emit())
        self._add_folder.triggered.connect(lambda _=False: self.folder_wanted.emit())

    def set_current(self, item: WorklistRow | None) -> None:
        """Mark the scan that is open, and bring it into sight."""
        scan = self._browser.scan_of(item)
        self._set_open(None if scan is None else scan.id)
        self._select_current(scroll=True)

    def focus_search(self) -> None:
        """The next key is the first letter of a search."""
        self.filter.search.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self.filter.search.selectAll()

    def _set_open(self, number: int | None) -> None:
        self._current = number
        self._delegate.open_scan = number
        self.tree.viewport().update()

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
            self._set_open(number)
            self.chosen.emit(self._browser.row_of(number))
        else:
            self._toggle(at)

    def _open_first(self) -> None:
        row = self._browser.neighbour(None, 0)
        if row is not None:
            self.chosen.emit(row)

    def _show_all(self) -> None:
        # The button goes: the keys go on where a person would look next.
        self.filter.search.setFocus()
        self.filter.clear()

    def _into_tree(self) -> None:
        if not self.tree.isVisible():
            return
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
        self.indexing.set_names_hidden(self._browser.names_hidden)
        count, filtered = self._browser.count(), self._browser.is_filtered()
        self._list.setCurrentWidget(self.tree if count else self._hint)
        self._hint.setText(self._empty_text(filtered=filtered))
        self._clear.setVisible(filtered)
        title = self.tr("Worklist")
        if filtered:
            numbers = self.tr("{0} of {1}").format(f"{count:,}", f"{self._browser.count_all():,}")
            self._title.setText(f"{title} · {numbers}")
        else:
            self._title.setText(f"{title} · {count:,}" if count else title)

    def _empty_text(self, *, filtered: bool) -> str:
        if filtered:
            return self.tr("No scan matches")
        if self.indexing.is_busy():
            return self.tr("Looking for scans …")
        return self.tr(
            "<b>Drop files or folders here</b><br><br>or add them below.<br><br>"
            "DICOM, DICOMDIR, zip archives, NIfTI, NRRD, MetaImage and pictures"
        )

    def _reveal(self, scans: list[int]) -> None:
        """What was just added is open to see, the first of it."""
        if scans:
            at = self._browser.tree.index_of_scan(scans[0])
            if at.isValid():
                self.tree.scrollTo(at)

    def _show_menu(self, point: QPoint) -> None:
        at = self.tree.indexAt(point)
        if not at.isValid():
            return
        number = at.data(Role.SCAN)
        menu = self.group_menu(at) if number is None else self.menu(number, at)
        menu.popup(self.tree.viewport().mapToGlobal(point))

    def menu(self, number: int, at: QModelIndex) -> QMenu:
        """What can be done with a scan."""
        scan = self._browser.scan(number)
        folder = _folder_of(Path(scan.path))
        menu = self._new_menu()
        # The list may be read again while the menu is open.
        here = QPersistentModelIndex(at)
        opening = menu.addAction(self.tr("Open"))
        opening.triggered.connect(lambda: self._open(_now(here)))
        opening.setEnabled(not scan.missing)
        menu.addSeparator()
        for text, kind, status in self._marks():
            action = menu.addAction(text)
            action.setCheckable(True)
            action.setChecked(scan.status is status)
            action.setEnabled(scan.status is not status)
            action.triggered.connect(lambda _=False, kind=kind: self._browser.mark(number, kind))
        menu.addSeparator()
        menu.addAction(self.tr("Assign …")).triggered.connect(lambda: self.assign_wanted.emit([number]))
        menu.addSeparator()
        showing = menu.addAction(self.tr("Show the folder"))
        showing.triggered.connect(lambda: QDesktopServices.openUrl(QUrl.fromLocalFile(str(folder))))
        showing.setEnabled(folder is not None)
        remove = menu.addAction(self.tr("Remove from the list"))
        remove.triggered.connect(lambda: self._browser.mark(number, ScanMark.REMOVED))
        return menu

    def group_menu(self, at: QModelIndex) -> QMenu:
        """What can be done with a patient, a study or a group."""
        menu = self._new_menu()
        here = QPersistentModelIndex(at)
        unfold = menu.addAction(self.tr("Collapse") if self.tree.isExpanded(at) else self.tr("Expand"))
        unfold.triggered.connect(lambda: self._toggle(_now(here)))
        if at.data(Role.KIND) == NodeKind.NEXT:
            menu.addAction(self.tr("Back to the usual order")).triggered.connect(lambda: self._browser.put_back())
        scans = self._browser.tree.scans_below(at, _MARKED_AT_ONCE + 1)
        if not 0 < len(scans) <= _MARKED_AT_ONCE:
            return menu
        menu.addSeparator()
        ids = [scan.id for scan in scans]
        for text, kind, status in self._marks():
            action = menu.addAction(text)
            action.setEnabled(any(scan.status is not status for scan in scans))
            action.triggered.connect(lambda _=False, kind=kind: self._browser.mark_all(ids, kind))
        menu.addSeparator()
        menu.addAction(self.tr("Assign {0} scans …").format(len(ids))).triggered.connect(
            lambda: self.assign_wanted.emit(ids)
        )
        menu.addSeparator()
        remove = menu.addAction(self.tr("Remove from the list"))
        remove.triggered.connect(lambda: self._browser.mark_all(ids, ScanMark.REMOVED))
        return menu

    def _new_menu(self) -> QMenu:
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        return menu

    def _marks(self) -> tuple[tuple[str, ScanMark, ScanStatus], ...]:
        return (
            (self.tr("Mark as done"), ScanMark.DONE, ScanStatus.DONE),
            (self.tr("Mark for review"), ScanMark.NEEDS_REVIEW, ScanStatus.NEEDS_REVIEW),
            (self.tr("Mark as in progress"), ScanMark.IN_PROGRESS, ScanStatus.IN_PROGRESS),
            (self.tr("Mark as new"), ScanMark.NEW, ScanStatus.NEW),
        )

    def _watch(self, job: Job) -> None:
        self.indexing.watch(job)
        job.finished.connect(self._filled)
        self._filled()

    def _retranslate(self) -> None:
        self._clear.setText(self.tr("Show all scans"))
        self._clear.setToolTip(self.tr("Empty the search and all filters"))
        self._add.setText(self.tr("Add scans …"))
        self._add.setToolTip(self.tr("Files or a folder; they can also be dropped on the window"))
        self._add_files.setText(self.tr("Files …"))
        self._add_folder.setText(self.tr("Folder …"))
        self.tree.setAccessibleName(self.tr("Worklist"))
        self.filter.retranslate()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        # From every button and field back to the image.
        if event.key() == Qt.Key.Key_Escape:
            self.left.emit()
        else:
            super().keyPressEvent(event)

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.LanguageChange:
            self._retranslate()
            self._filled()


def _folder_of(path: Path) -> Path | None:
    folder = path if path.is_dir() else path.parent
    return folder if folder.is_dir() else None


def _now(index: QPersistentModelIndex) -> QModelIndex:
    """Where that is by now."""
    return index.model().index(index.row(), index.column(), index.parent())
