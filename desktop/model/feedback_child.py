"""One `medrega feedback` verb in a process of its own: what it says while it runs, and how it ended."""

from __future__ import annotations

import contextlib
import json
import os
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import QObject, QProcess, QProcessEnvironment, QTimer, Signal

_NICENESS = 10
_GRACE_MS = 20_000
"""For the step in work and the checkpoint, after an interrupt. What does not end by then is ended."""
_PROGRESS = re.compile(r"(?P<what>.+): (?P<done>\d+)/(?P<total>\d+|\?)")
_SPEAKER = re.compile(r"(?:medrega|Error): (?P<message>.+)")


@dataclass(frozen=True, slots=True)
class ChildEvent:
    """A line of ``--progress json``. name : start, step, validation, checkpoint, stopped, done ..."""

    name: str
    step: int = 0
    steps: int = 0
    loss: float | None = None
    eta_s: float | None = None
    text: str = ""


@dataclass(frozen=True, slots=True)
class ChildEnd:
    """How it ended. code : 0 for done. document : what ``--json`` printed, None without. message : why it could not, as
    far as it said.
    """

    code: int
    document: dict[str, Any] | None
    message: str


class FeedbackChild(QObject):
    """Ends when the window does, however that ends.

    told : a `ChildEvent`. progressed : done, total (0 unknown), what. ended : a `ChildEnd`, once, as the last."""

    told = Signal(object)
    progressed = Signal(int, int, str)
    ended = Signal(object)

    def __init__(self, arguments: Sequence[str], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._said = ""
        self._error = ""
        self._line = ""
        self._over = False
        self._process = QProcess(self)
        environment = QProcessEnvironment.systemEnvironment()
        # Names are in every script, and the system's own encoding may hold none of them.
        environment.insert("PYTHONUTF8", "1")
        self._process.setProcessEnvironment(environment)
        self._process.started.connect(self._give_way)
        self._process.readyReadStandardError.connect(self._read)
        self._process.finished.connect(self._finished)
        self._process.errorOccurred.connect(self._failed)
        self._arguments = ["-m", "engine.cli", "feedback", *arguments]

    @property
    def pid(self) -> int:
        """0 when it does not run."""
        return self._process.processId()

    def start(self) -> None:
        """Begin."""
        self._process.start(sys.executable, self._arguments)

    def interrupt(self) -> None:
        """Let it end its step and keep what it has; end it where it does not.

        Its standard input ends, as it also does when this window is killed: a verb with ``--with-parent`` stops then.
        """
        if not self.pid:
            return
        self._process.closeWriteChannel()
        QTimer.singleShot(_GRACE_MS, self, self._process.kill)

    def kill(self) -> None:
        """End it at once; what it was at is lost."""
        self._process.kill()

    def close(self, timeout_ms: int) -> None:
        """Interrupt it and wait; end it when it takes longer."""
        self._over = True
        if self.pid:
            self.interrupt()
            if not self._process.waitForFinished(timeout_ms):
                self._process.kill()
                self._process.waitForFinished(timeout_ms)

    def _give_way(self) -> None:
        if hasattr(os, "setpriority"):
            # What it starts later has the same. A process that has ended already needs none.
            with contextlib.suppress(ProcessLookupError):
                os.setpriority(os.PRIO_PROCESS, self.pid, _NICENESS)

    def _read(self) -> None:
        self._line += bytes(self._process.readAllStandardError().data()).decode("utf-8", "replace")
        *lines, self._line = self._line.split("\n")
        for line in lines:
            self._take(line.strip())

    def _take(self, line: str) -> None:
        if line.startswith("{"):
            self._take_json(line)
        elif found := _PROGRESS.fullmatch(line):
            total = found["total"]
            self.progressed.emit(int(found["done"]), 0 if total == "?" else int(total), found["what"])
        elif found := _SPEAKER.fullmatch(line):
            self._error = found["message"]
        elif line:
            self._said = line

    def _take_json(self, line: str) -> None:
        try:
            said = json.loads(line)
            name = str(said["event"])
            if name == "progress":
                self.progressed.emit(int(said["done"]), int(said["total"] or 0), str(said["text"]))
                return
            loss, eta_s = (None if said.get(key) is None else float(said[key]) for key in ("loss", "eta_s"))
            event = ChildEvent(
                name, int(said.get("step", 0)), int(said.get("steps", 0)), loss, eta_s, str(said.get("text", ""))
            )
        except (ValueError, KeyError, TypeError):
            # A log line may begin with a brace too.
            self._said = line
            return
        if event.name == "error":
            self._error = event.text
        self.told.emit(event)

    def _finished(self, code: int, status: QProcess.ExitStatus) -> None:
        self._read()
        self._take(self._line.strip())
        output = bytes(self._process.readAllStandardOutput().data()).decode("utf-8", "replace")
        try:
            document = json.loads(output)
        except ValueError:
            document = None
        crashed = status is QProcess.ExitStatus.CrashExit
        message = (self._error or self._said) if code or crashed else ""
        self._end(ChildEnd(-1 if crashed else code, document if isinstance(document, dict) else None, message))

    def _failed(self, error: QProcess.ProcessError) -> None:
        if error is QProcess.ProcessError.FailedToStart:
            self._end(ChildEnd(-1, None, self._process.errorString()))

    def _end(self, end: ChildEnd) -> None:
        if not self._over:
            self._over = True
            self.ended.emit(end)
