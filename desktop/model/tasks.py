"""The tasks of whoever is at work: their own, those that wait for a review, and the one that is on screen."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from PySide6.QtCore import QObject, Signal

from desktop.model.reader import ReaderModel
from desktop.model.viewing import ViewingModel
from engine.store import (
    CLOSED_TASKS,
    OPEN_TASKS,
    AnnotationStore,
    Fixes,
    ScanRow,
    StoreError,
    TaskAction,
    TaskRow,
    TaskState,
    source_key,
)

ORDER = (TaskState.RETURNED, TaskState.LABELLING, TaskState.NEW, TaskState.SUBMITTED, TaskState.REVIEWED)
"""States as they are listed: what is to be done first."""


class Role(StrEnum):
    """What the person at work is to the task on screen."""

    ANNOTATOR = "annotator"
    REVIEWER = "reviewer"


@dataclass(frozen=True, slots=True)
class OnScreen:
    """The task that the open scan is about. possible : what the person can do to it, as the store would allow.

    comment : what a reviewer said of it last; "" for nothing. can_fix : a reviewer may change its regions. others : how
    many other readings of the scan the person sees. fixes : what a reviewer has changed in it.
    """

    task: TaskRow
    role: Role
    possible: tuple[TaskAction, ...]
    comment: str
    can_fix: bool
    others: int
    fixes: Fixes


class TasksModel(QObject):
    """changed : tasks, their states, or which is on screen. wanted : a scan that a task is about. failed : a message.
    outdated : a message that failed has told before and that no longer holds.

    done : the last thing to do was done, in words. current : the task on screen, None for none. fixing : a reviewer
    changes the regions of the task on screen. shows_others : regions of other readings beside it are shown too.
    """

    changed = Signal()
    wanted = Signal(object)
    done = Signal(str)
    failed = Signal(str)
    outdated = Signal(str)

    def __init__(
        self, store: AnnotationStore, viewing: ViewingModel, reader: ReaderModel, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._store = store
        self._viewing = viewing
        self._reader = reader
        self._reviewed: int | None = None
        self._warned: tuple[int, int, int] | None = None
        self._warning = ""
        self.current: OnScreen | None = None
        self.fixing = False
        self.shows_others = False
        viewing.opened.connect(self._opened)
        reader.changed.connect(self._other_reader)

    # What there is

    def mine(self) -> list[TaskRow]:
        """The person's own tasks, what is to be done first."""
        tasks = self._store.tasks.all(self._reader.name, ORDER)
        return sorted(tasks, key=lambda task: (ORDER.index(task.state), task.id))

    def to_review(self) -> list[TaskRow]:
        """Submitted tasks of others that the person can approve or return, the longest waiting first."""
        found = [
            task
            for task in self._store.tasks.all(states=[TaskState.SUBMITTED])
            if TaskAction.APPROVE in self._store.tasks.possible(task, self._reader.name)
        ]
        return sorted(found, key=lambda task: (task.changed, task.id))

    def scan_of(self, task: TaskRow) -> ScanRow | None:
        """The listed scan of a task, None when it is not on the list any more."""
        return self._store.scans.find(task.path, task.series_uid)

    def comment_of(self, task: TaskRow) -> str:
        """What a reviewer said of a task last; "" for nothing."""
        said = [one.comment for one in self._store.tasks.events(task.id) if one.comment]
        return said[-1] if said else ""

    def readings_on_screen(self) -> list[TaskRow]:
        """The submitted readings of the open scan; none for one of its readers before all of them have finished."""
        scan = self._viewing.current
        if scan is None:
            return []
        path, uid = scan.item.path, scan.item.series_uid
        own = self._store.readings.of_reader(path, uid, self._reader.name)
        if own is not None and not own.sees_all:
            return []
        return [task for task in self._store.tasks.of_scan(path, uid) if self._store.readings.was_submitted(task.id)]

    # To open

    def open(self, task: TaskRow) -> bool:
        """Show a task's scan: one's own that is new is begun, another's is reviewed."""
        scan = self.scan_of(task)
        if scan is None:
            self.failed.emit(self.tr("The scan of this task is not on the list any more: add its files again"))
            return False
        mine = task.annotator == self._reader.name
        if mine and task.state is TaskState.NEW and not self._do(lambda: self._store.tasks.start(task.id, self._who)):
            return False
        self._reviewed = None if mine else task.id
        self.fixing = self.shows_others = False
        if self._is_open(task):
            self.refresh()
        else:
            self.wanted.emit(scan)
        return True

    def open_next(self) -> bool:
        """The next thing to do of one's own; False when there is none but what is on screen."""
        here = None if self.current is None else self.current.task.id
        for task in self.mine():
            if task.state in OPEN_TASKS and task.id != here:
                return self.open(task)
        self.done.emit(self.tr("No other task is left to do"))
        return False

    def review_next(self, step: int = 1) -> bool:
        """The next or previous task that waits for a review."""
        waiting = self.to_review()
        if not waiting:
            self.done.emit(self.tr("No task waits for your review"))
            return False
        here = [number for number, task in enumerate(waiting) if task.id == self._reviewed]
        place = (here[0] + step) % len(waiting) if here else (0 if step > 0 else -1)
        return self.open(waiting[place])

    # To do

    @property
    def _who(self) -> str:
        return self._reader.name

    def start(self) -> None:
        """Begin the task on screen."""
        self._act(TaskAction.START, lambda task: self._store.tasks.start(task.id, self._who))

    def submit(self) -> bool:
        """Hand in the task on screen. With regions that have no name it wants to be told twice."""
        current = self.current
        if current is None or TaskAction.SUBMIT not in current.possible:
            self.failed.emit(self.tr("There is no task of yours on screen to submit"))
            return False
        work = self._store.progress.of_task(current.task.id)
        # Told of other regions than these is not told.
        standing = (current.task.id, work.regions, work.decided)
        if work.decided < work.regions and self._warned != standing:
            self._warned = standing
            text = self.tr("{0} of {1} regions have no name yet. Submit again to submit them as they are.")
            self._warning = text.format(work.regions - work.decided, work.regions)
            self.failed.emit(self._warning)
            return False
        self._end_warning()
        return self._act(TaskAction.SUBMIT, lambda task: self._store.tasks.submit(task.id, self._who))

    def _end_warning(self) -> None:
        if self._warning:
            self.outdated.emit(self._warning)
        self._warned, self._warning = None, ""

    def submit_and_next(self) -> None:
        """Hand in the task on screen and go on with the next."""
        if self.submit():
            self.open_next()

    def approve(self) -> bool:
        """Find the reading on screen good."""
        return self._act(TaskAction.APPROVE, lambda task: self._store.tasks.approve(task.id, self._who))

    def send_back(self, comment: str) -> bool:
        """Return the reading on screen, and say why."""
        return self._act(TaskAction.RETURN, lambda task: self._store.tasks.return_task(task.id, self._who, comment))

    def withdraw(self, task: TaskRow) -> bool:
        """Take back a task that nobody began."""
        return self._do(lambda: self._store.tasks.cancel(task.id, self._who))

    def can_withdraw(self, task: TaskRow) -> bool:
        """Whether nobody began it."""
        return TaskAction.CANCEL in self._store.tasks.possible(task, self._who)

    def set_fixing(self, on: bool) -> None:
        """Change the regions of the reading under review, or leave them alone."""
        if on != self.fixing and (not on or (self.current is not None and self.current.can_fix)):
            self.fixing = on
            self.changed.emit()

    def set_shows_others(self, on: bool) -> None:
        """Show other readings of the scan beside the one under review."""
        if on != self.shows_others:
            self.shows_others = on
            self.changed.emit()

    def assign(self, scans: Sequence[ScanRow], readers: Sequence[tuple[str, int]]) -> str:
        """Give scans to readers. readers : name and reading (1 for the first reader, then blind ones).

        Returns what went wrong, "" when nothing did.
        """
        places = [(scan.path, scan.series_uid) for scan in scans]
        message = ""
        try:
            for name, reading in sorted(readers, key=lambda one: one[1]):
                self._store.tasks.add_annotator(name, self._who)
                self._store.tasks.assign_many(places, name, self._who, reading)
        except StoreError as error:
            message = str(error)
        self.refresh()
        return message

    # Following

    def refresh(self) -> None:
        """Read from the store what is on screen."""
        self.current = self._find_current()
        if self.current is None or not self.current.can_fix:
            self.fixing = False
        self.changed.emit()

    def region_changed(self) -> None:
        """A first region begins a task: look whether it did."""
        current = self.current
        if current is not None and self._store.tasks.get(current.task.id).state is not current.task.state:
            self.refresh()

    def _opened(self) -> None:
        if self._reviewed is not None and not self._is_open(self._store.tasks.get(self._reviewed)):
            self._reviewed = None
            self.fixing = self.shows_others = False
        self._end_warning()
        self.refresh()

    def _other_reader(self) -> None:
        self._reviewed = None
        self._end_warning()
        self.fixing = self.shows_others = False
        self.refresh()

    def _is_open(self, task: TaskRow) -> bool:
        scan = self._viewing.current
        if scan is None or source_key(scan.item.path) != task.path:
            return False
        return task.series_uid in ("", scan.item.series_uid)

    def _find_current(self) -> OnScreen | None:
        scan = self._viewing.current
        if scan is None:
            return None
        tasks = self._store.tasks.of_scan(scan.item.path, scan.item.series_uid)
        own = next((task for task in tasks if task.annotator == self._who), None)
        wanted = next((task for task in tasks if task.id == self._reviewed), None)
        if own is not None and own.state in OPEN_TASKS:
            return self._on_screen(own, Role.ANNOTATOR, tasks, own)
        if wanted is not None and wanted.state in CLOSED_TASKS:
            return self._on_screen(wanted, Role.REVIEWER, tasks, own)
        if own is not None:
            return self._on_screen(own, Role.ANNOTATOR, tasks, own)
        if wanted is None:
            waiting = [task for task in tasks if task.state is TaskState.SUBMITTED]
            done = [task for task in tasks if task.state is TaskState.REVIEWED]
            wanted = next(iter([*waiting, *done]), None)
        return None if wanted is None else self._on_screen(wanted, Role.REVIEWER, tasks, own)

    def _on_screen(self, task: TaskRow, role: Role, tasks: Sequence[TaskRow], own: TaskRow | None) -> OnScreen:
        possible = self._store.tasks.possible(task, self._who)
        others = [one for one in tasks if one.id != task.id and self._store.readings.was_submitted(one.id)]
        can_fix = role is Role.REVIEWER and own is None and task.state in CLOSED_TASKS and not self._store.notice
        fixes = self._store.readings.fixes(task.id)
        return OnScreen(task, role, possible, self.comment_of(task), can_fix, len(others), fixes)

    def _act(self, action: TaskAction, deed: Callable[[TaskRow], object]) -> bool:
        current = self.current
        if current is None or action not in current.possible:
            return False
        if action in (TaskAction.APPROVE, TaskAction.RETURN):
            self._reviewed = current.task.id
        return self._do(lambda: deed(current.task))

    def _do(self, deed: Callable[[], object]) -> bool:
        try:
            deed()
        except StoreError as error:
            self.failed.emit(str(error))
            return False
        self.refresh()
        return True
