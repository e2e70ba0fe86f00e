"""`medrega bench engine --soak`: questions without end while the model's process is killed at random."""

from __future__ import annotations

import logging
import os
import random
import signal
import statistics
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

from engine.bench.engine import bench_patient
from engine.bench.frame import BenchReport, Row, row
from engine.errors import MedRegAError
from engine.progress import NoProgress, Progress
from engine.protocol import Language, Question, Task, answer_grammar, render_prompt
from engine.regions import Box
from engine.runtime import AskRequest, Device, ModelManifest, Session
from engine.scans import Volume, render_slice

logger = logging.getLogger(__name__)

_KILL_AFTER_S = (15.0, 45.0)
_SAMPLE_S = 1.0
_ASKERS = 2
_ANSWERS_BETWEEN = 4
_QUESTIONS = 4
# Of the median of its last third over that of its second: memory that grows does not stop.
_FLAT = 1.05


@dataclass(slots=True)
class _Log:
    """What happened. own : this process's resident bytes over time. child : (age in s, bytes) of model processes."""

    answered: int = 0
    lost: int = 0
    kills: int = 0
    own: list[int] = field(default_factory=list)
    child: list[tuple[float, int]] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)


def soak_engine(
    manifest: ModelManifest,
    seconds: float,
    progress: Progress | None = None,
    *,
    volume: Volume | None = None,
    slices: int = 24,
    device: Device | None = None,
) -> BenchReport:
    """Ask from several threads, kill every half minute or so, and hold every answer against one given in peace.

    Lost is a question that raised or whose answer is another one. Flat is memory whose median in the last third of the
    time is at most 5 % above that in the second: the first third fills the caches. For the model's process, which
    never gets old here, its size at an age of ten seconds and more is held against the same of earlier ones.
    volume : the patient, a generated one when None. slices : that are asked about. POSIX alone: needs signals and
    ``/proc``.
    """
    progress = progress or NoProgress()
    volume = bench_patient() if volume is None else volume
    log = _Log()
    with Session(manifest, device=device) as session:
        requests = _requests(session, volume, slices)
        expected = [session.ask(request).raw for request in requests]
        ended = threading.Event()
        askers = [
            threading.Thread(target=_ask, args=(session, requests, expected, number, ended, log))
            for number in range(_ASKERS)
        ]
        for asker in askers:
            asker.start()
        try:
            _kill_at_random(session, seconds, log, progress)
        finally:
            ended.set()
            for asker in askers:
                asker.join()
    return BenchReport("engine soak", tuple(_rows(log)))


def _requests(session: Session, volume: Volume, slices: int) -> list[AskRequest]:
    names = tuple(label.en for label in session.manifest.labels())
    rng = random.Random(7)
    requests = []
    for index in range(slices):
        picture = render_slice(volume, volume.plane, (index * 2) % len(volume.voxels))
        height, width = picture.shape[:2]
        for _ in range(_QUESTIONS):
            x, y = rng.uniform(0, width / 2), rng.uniform(0, height / 2)
            box = Box(x, y, x + width / 4, y + height / 4)
            what = Question(Task.REGION_TO_TEXT, Language.EN, width, height, box=box)
            requests.append(AskRequest(0, picture, render_prompt(what), None, names))
        where = Question(Task.TEXT_TO_REGION, Language.EN, width, height, names=(rng.choice(names),))
        requests.append(AskRequest(0, picture, render_prompt(where), answer_grammar(where)))
    return requests


def _ask(
    session: Session, requests: list[AskRequest], expected: list[str], seed: int, ended: threading.Event, log: _Log
) -> None:
    rng = random.Random(seed)
    while not ended.is_set():
        number = rng.randrange(len(requests))
        try:
            right = session.ask(requests[number]).raw == expected[number]
        except MedRegAError as error:
            logger.warning("a question was lost: %s", error)
            right = False
        with log.lock:
            log.answered += right
            log.lost += not right


def _kill_at_random(session: Session, seconds: float, log: _Log, progress: Progress) -> None:
    rng = random.Random(3)
    began = time.monotonic()
    seen: dict[int, float] = {}
    kill_at, answered = began + rng.uniform(*_KILL_AFTER_S), 0
    while (now := time.monotonic()) < began + seconds and not progress.cancelled():
        progress.report(int(now - began), int(seconds), "asking")
        pid = session.pid
        if pid is not None:
            born = seen.setdefault(pid, now)
            log.child.append((now - born, _resident(pid)))
            # A question is asked again once: a process must have answered before it is killed, on a slow machine too.
            if now >= kill_at and log.answered >= answered + _ANSWERS_BETWEEN:
                os.kill(pid, signal.SIGKILL)
                log.kills += 1
                answered = log.answered
                kill_at = now + rng.uniform(*_KILL_AFTER_S)
        log.own.append(_resident(os.getpid()))
        time.sleep(_SAMPLE_S)


def _resident(pid: int) -> int:
    """Resident bytes of a process, 0 of one that is gone."""
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace")
    except OSError:
        return 0
    _, found, rest = status.partition("VmRSS:")
    return int(rest.split()[0]) * 1024 if found else 0


def _growth(samples: list[int]) -> float:
    """The median of the last third over that of the second; 1 where there are too few to say."""
    third = len(samples) // 3
    if not third:
        return 1.0
    return statistics.median(samples[-third:]) / statistics.median(samples[third : 2 * third])


def _rows(log: _Log) -> list[Row]:
    grown = [size for age, size in log.child if age >= 10 and size]
    return [
        row("answers", "", log.answered),
        row("kills", "", log.kills),
        row("lost answers", "", log.lost, goal=0),
        row("memory of this process, last third / second", "x", _growth(log.own), goal=_FLAT),
        row("memory of the model's process, last third / second", "x", _growth(grown), goal=_FLAT),
        row("memory of this process, most", "MiB", max(log.own, default=0) / 2**20),
        row("memory of the model's process, most", "MiB", max((size for _, size in log.child), default=0) / 2**20),
    ]
