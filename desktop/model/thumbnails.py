"""Pictures of scans, made in the background for the rows that are on screen, and kept in the database."""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from pathlib import Path

from PySide6.QtCore import QObject, QTimer, Signal
from PySide6.QtGui import QPixmap

from desktop.model.jobs import Job, JobRunner
from engine.browse import make_thumbnail
from engine.errors import MedRegAError
from engine.progress import Cancelled
from engine.store import AnnotationStore

logger = logging.getLogger(__name__)

_KEPT_PICTURES = 2000


class ThumbnailModel(QObject):
    """ready : the picture of this scan is there. requested : how many were asked for, so that a test can bound it."""

    ready = Signal(int)
    _made = Signal(int, bytes)

    def __init__(self, store: AnnotationStore, jobs: JobRunner, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._path = store.path
        self._read_only = bool(store.notice)
        self._jobs = jobs
        self._pictures: OrderedDict[int, QPixmap] = OrderedDict()
        self._lock = threading.Lock()
        self._wanted: list[int] = []
        self._asked: set[int] = set()
        self._job: Job | None = None
        self.requested = 0
        self._made.connect(self._keep)
        # One job for all rows that one repaint asks for.
        self._start = QTimer(self, singleShot=True, interval=0)
        self._start.timeout.connect(self._run)

    def picture(self, scan_id: int) -> QPixmap | None:
        """A scan's picture; None while there is none, and then it is asked for."""
        if scan_id in self._pictures:
            self._pictures.move_to_end(scan_id)
            return self._pictures[scan_id]
        if scan_id not in self._asked:
            self._asked.add(scan_id)
            self.requested += 1
            with self._lock:
                self._wanted.append(scan_id)
            self._start.start()
        return None

    def forget(self, scan_ids: list[int]) -> None:
        """The files of these scans have changed."""
        for number in scan_ids:
            self._pictures.pop(number, None)
            self._asked.discard(number)

    def _run(self) -> None:
        if self._job is None:
            self._job = self._jobs.start(self._work)
            self._job.finished.connect(self._ended)

    def _ended(self) -> None:
        self._job = None
        if self._wanted:
            self._run()

    def _next(self) -> int | None:
        with self._lock:
            # What was scrolled to last is on screen now.
            return self._wanted.pop() if self._wanted else None

    def _work(self, job: Job) -> None:
        """On a thread of its own, with a connection of its own."""
        with AnnotationStore.open(self._path) as store:
            while (number := self._next()) is not None:
                if job.cancelled():
                    raise Cancelled
                png = store.scans.thumbnail(number)
                if png is None:
                    png = self._make(store, number)
                self._made.emit(number, png)

    def _make(self, store: AnnotationStore, number: int) -> bytes:
        try:
            scan = store.scans.get(number)
            middle = store.scans.middle_file(number)
            png = make_thumbnail(Path(scan.path), scan.series_uid, middle, scan.start)
            if not self._read_only:
                store.scan_index.keep_thumbnail(number, png)
        except MedRegAError:
            # A scan that cannot be read says so when it is opened; here it only has no picture.
            logger.info("scan %d has no picture", number)
            return b""
        return png

    def _keep(self, number: int, png: bytes) -> None:
        picture = QPixmap()
        if not png or not picture.loadFromData(png, "PNG"):
            return
        self._pictures[number] = picture
        while len(self._pictures) > _KEPT_PICTURES:
            gone, _ = self._pictures.popitem(last=False)
            self._asked.discard(gone)
        self.ready.emit(number)
