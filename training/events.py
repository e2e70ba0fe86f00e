"""What a training tells while it runs: lines of JSON for another program, or nothing."""

from __future__ import annotations

import json
import sys
import time
from dataclasses import asdict, dataclass, field
from typing import Any, Protocol, TextIO


@dataclass(frozen=True, slots=True)
class TrainingEvent:
    """One thing that happened.

    event : start, step, checkpoint, validation, skipped, stage, stopped, done or error.
    stage, step, steps : where it stands. loss : of the steps since the last such event, or of what is held out.
    eta_s : seconds left in this stage. text : a path or a message.
    """

    event: str
    stage: str = ""
    step: int = 0
    steps: int = 0
    loss: float | None = None
    learning_rate: float | None = None
    images_per_s: float | None = None
    eta_s: float | None = None
    text: str = ""


class Listener(Protocol):
    """Whoever wants to know."""

    def __call__(self, event: TrainingEvent) -> None:
        """Called in the training's own thread; must be quick."""


def nobody(event: TrainingEvent) -> None:
    """A `Listener` that does not listen."""


@dataclass
class JsonLines:
    """Writes each event and each progress as one line of JSON, for a panel that reads a child process.

    Lines on standard error that do not begin with ``{`` are log lines. Progress of preparations comes at most twice a
    second. When the program that reads them has ended, nothing is written any more: what is being done, and a
    checkpoint at its end, goes on.
    """

    out: TextIO = field(default_factory=lambda: sys.stderr)
    _last: float = 0.0
    _heard: bool = True

    def __call__(self, event: TrainingEvent) -> None:
        """Write what the event knows."""
        known = {key: value for key, value in asdict(event).items() if value not in (None, "")}
        if not event.steps:
            del known["step"], known["steps"]
        self._write(known)

    def report(self, done: int, total: int, what: str) -> None:
        """Progress of anything that is no training step."""
        now = time.monotonic()
        if now - self._last >= 0.5 or done == total:
            self._last = now
            self._write({"event": "progress", "done": done, "total": total, "text": what})

    def cancelled(self) -> bool:
        """A child process is cancelled by its interrupt."""
        return False

    def _write(self, document: dict[str, Any]) -> None:
        if not self._heard:
            return
        try:
            self.out.write(json.dumps(document, ensure_ascii=False) + "\n")
            self.out.flush()
        except BrokenPipeError:
            self._heard = False
