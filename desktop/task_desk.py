"""All about tasks in one window: models, list, bar, keys and dialogs, tied to the views."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QEvent, QObject, Signal
from PySide6.QtWidgets import QMainWindow, QMenu

from desktop.model.agreement import AgreementModel
from desktop.model.browser import BrowserModel
from desktop.model.differences import DifferencesModel
from desktop.model.jobs import JobRunner
from desktop.model.reader import ReaderModel
from desktop.model.session import ViewerModels
from desktop.model.tasks import Role, TasksModel
from desktop.panels.agreement_dialog import AgreementDialog
from desktop.panels.assign_dialog import AssignDialog
from desktop.panels.browser_panel import BrowserPanel
from desktop.panels.left_side import LeftSide
from desktop.panels.suggestion_card import SuggestionCard
from desktop.panels.task_bar import TaskBar
from desktop.panels.tasks_panel import TasksPanel
from desktop.task_actions import TaskActions
from engine.store import AnnotationStore, ScanRow, TaskState


@dataclass(frozen=True, slots=True)
class DeskParts:
    """What of the window tasks have to do with."""

    store: AnnotationStore
    jobs: JobRunner
    reader: ReaderModel
    models: ViewerModels
    browser: BrowserModel
    panel: BrowserPanel
    card: SuggestionCard


class TaskDesk(QObject):
    """failed : a message that stays until it is read. outdated : one of them holds no longer. said : a line that fades.

    left : back to the image. open_wanted : a scan of the list. side : what is left of the views. bar : over them.
    """

    failed = Signal(str)
    outdated = Signal(str)
    said = Signal(str)
    left = Signal()
    open_wanted = Signal(object)

    def __init__(self, parts: DeskParts, window: QMainWindow) -> None:
        super().__init__(window)
        self._parts = parts
        self._window = window
        models, reader = parts.models, parts.reader
        self.tasks = TasksModel(parts.store, models.viewing, reader, self)
        self.differences = DifferencesModel(parts.store, self.tasks, models.regions, parts.jobs, self)
        self.agreement = AgreementModel(parts.store, parts.jobs, self)
        self.actions = TaskActions(self.tasks, self.differences, self)
        self.panel = TasksPanel(self.tasks, self.differences, parts.browser, reader)
        self.side = LeftSide(parts.panel, self.panel)
        self.bar = TaskBar(self.tasks, models.regions, self.actions)
        self.menu = QMenu(window)
        self.actions.fill_menu(self.menu)
        self._stood: tuple[int, TaskState] | None = None
        self._connect()
        self._retranslate()
        window.installEventFilter(self)
        self._follow()

    def _connect(self) -> None:
        parts, tasks, actions = self._parts, self.tasks, self.actions
        tasks.changed.connect(self._follow)
        tasks.wanted.connect(lambda scan: self.open_wanted.emit(parts.browser.row_of(scan.id)))
        tasks.done.connect(self.said)
        tasks.outdated.connect(self.outdated)
        for model in (tasks, self.differences, parts.reader):
            model.failed.connect(self.failed)
        parts.models.asking.refused.connect(self.failed)
        parts.models.regions.undo_stack.indexChanged.connect(self._regions_changed)
        parts.reader.changed.connect(self._other_reader)
        parts.panel.assign_wanted.connect(self.open_assign)
        self.panel.left.connect(self.left)
        self.panel.open_count.connect(self.side.set_open_count)
        self.bar.left.connect(self.left)
        actions.show_wanted.connect(self._toggle_side)
        actions.assign_wanted.connect(self._assign_open)
        actions.progress_wanted.connect(self.open_progress)
        actions.submit_wanted.connect(self._submit)
        self.panel.refresh()

    def close(self) -> None:
        """Follow nothing more: the undo stack goes with the window, and the store is closed by then."""
        self._parts.models.regions.undo_stack.indexChanged.disconnect(self._regions_changed)
        self.agreement.cancel()

    def _submit(self) -> None:
        card = self._parts.card
        if card.typing:
            # What is being typed would be lost: the first press takes it, the next submits.
            card.accept()
        else:
            self.tasks.submit_and_next()

    def _regions_changed(self) -> None:
        self.tasks.region_changed()
        self.differences.refresh()

    def _other_reader(self) -> None:
        self._parts.models.viewing.look_again()
        self.said.emit(self.tr("{0} is at work").format(self._parts.reader.name))

    def _follow(self) -> None:
        """What is shown, and what can be changed, goes with the task on screen."""
        regions, current = self._parts.models.regions, self.tasks.current
        stands = None if current is None else (current.task.id, current.task.state)
        if stands != self._stood and stands is not None and stands[1] is not TaskState.LABELLING:
            # A reading that stands is not undone, and nobody undoes what another has handed in.
            regions.undo_stack.clear()
        seen_anew = stands != self._stood
        self._stood = stands
        if current is None or current.role is not Role.REVIEWER:
            regions.show_reading(None)
        else:
            only = None if self.tasks.shows_others or current.others == 0 else current.task.id
            fixed = current.task.id if self.tasks.fixing else None
            regions.show_reading(only, "" if fixed is not None else self._frozen(current.task.annotator), fixed)
        if seen_anew:
            regions.refresh()
        self._parts.browser.refresh_readings()

    def _frozen(self, annotator: str) -> str:
        current = self.tasks.current
        if current is not None and current.can_fix:
            return self.tr("This is {0}'s reading: choose Fix over the image before you change it").format(annotator)
        return self.tr("This is {0}'s reading: you cannot change it").format(annotator)

    def _toggle_side(self) -> None:
        self.side.toggle()
        if self.side.shows_tasks:
            self.panel.list.setFocus()
        else:
            self._parts.panel.tree.setFocus()

    def _assign_open(self) -> None:
        scan = self._parts.browser.scan_of(self._parts.models.viewing.item)
        if scan is not None:
            self.open_assign([scan.id])

    def open_assign(self, scan_ids: Sequence[int]) -> None:
        """Ask who reads some scans."""
        browser, store = self._parts.browser, self._parts.store
        scans: list[ScanRow] = [browser.scan(number) for number in scan_ids]
        if len(scans) == 1:
            title = browser.title_of(browser.row_of(scans[0].id))
            given = store.tasks.of_scan(scans[0].path, scans[0].series_uid)
        else:
            title, given = self.tr("{0} scans").format(len(scans)), []
        names = self._parts.reader.names
        AssignDialog(title, names, given, lambda readers: self._assign(scans, readers), self._window).open()

    def _assign(self, scans: Sequence[ScanRow], readers: Sequence[tuple[str, int]]) -> str:
        message = self.tasks.assign(scans, readers)
        if not message:
            self.said.emit(self.tr("{0} tasks were given out").format(len(scans) * len(readers)))
        return message

    def open_progress(self) -> None:
        """Counts and agreement, beside the work."""
        AgreementDialog(self.agreement, self._window).show()

    def _retranslate(self) -> None:
        self.menu.setTitle(self.tr("&Tasks"))
        self.actions.retranslate()
        if self._stood is not None:
            self._follow()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if watched is self._window and event.type() == QEvent.Type.LanguageChange:
            self._retranslate()
        return False
