"""`medrega bench engine`: questions to a model, against the chat handler and transformers on the same weights."""

from __future__ import annotations

import contextlib
import logging
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from engine.bench.frame import RUNS, BenchReport, Row, row
from engine.bench.peers import HANDLER, TRANSFORMERS, HandlerPeer, PeerMissing, PeerQuestion, TransformersPeer
from engine.demo import PHANTOM_SEED
from engine.phantom import write_phantom_series
from engine.progress import Cancelled, NoProgress, Progress
from engine.protocol import Language, Question, Task, answer_grammar, render_prompt
from engine.regions import Box
from engine.runtime import AskRequest, Device, ModelManifest, Session
from engine.runtime.options import default_threads
from engine.scans import Volume, read_volume, render_slice
from engine.suggest import prepare, suggest

_T = TypeVar("_T")

logger = logging.getLogger(__name__)

_FIRST_GOAL = 1 / 1.05
_BOXES_A_SLICE = 10
_LABELS = 10


def bench_engine(
    manifest: ModelManifest,
    progress: Progress | None = None,
    *,
    volume: Volume | None = None,
    runs: int = 2 * RUNS + 1,
    slices: int = 10,
    cancels: int = 20,
    threads: int | None = None,
    device: Device | None = None,
) -> BenchReport:
    """Ask a model about a generated patient's slices, each new to everybody; ours and peers in turn.

    What is in this box? Ours ranks all of the model's names, a peer writes one; both get the same words and the very
    same pixels. A peer is given its picture made and packed; ours stretches it itself. First: the slice was never
    seen. Second: another box on it. All have the same threads. Ours is asked through its process's pipe, the peers
    through theirs.

    volume : the patient, a generated one when None. runs : behind each median, `RUNS` at least for a figure to be told.
    slices : for the percentiles of prepared questions, ten boxes on each, from a box to the ranked names as the window
    asks, rendering included. cancels : of which the worst counts. All: where are ten things, each asked by itself,
    together against one after the other.
    """
    progress = progress or NoProgress()
    threads = threads or default_threads()
    volume = bench_patient() if volume is None else volume
    with Session(manifest, threads=threads, device=device) as session:
        session.start()
        rows = _against_peers(session, volume, threads, runs, progress)
        rows += _prepared_rows(session, volume, slices, progress)
        rows += _all_rows(session, volume, runs, progress)
        rows += _cancel_rows(session, volume, cancels, progress)
    return BenchReport("engine", tuple(rows))


def bench_patient() -> Volume:
    """The demo's generated patient, made anew."""
    with tempfile.TemporaryDirectory(prefix="medrega-bench-") as temporary:
        return read_volume(write_phantom_series(Path(temporary) / "phantom", PHANTOM_SEED) / "dicom")


def _against_peers(session: Session, volume: Volume, threads: int, runs: int, progress: Progress) -> list[Row]:
    manifest = session.manifest
    peers: dict[str, HandlerPeer | TransformersPeer] = {HANDLER: HandlerPeer(manifest, threads)}
    try:
        peers[TRANSFORMERS] = TransformersPeer(manifest, threads)
    except PeerMissing as missing:
        logger.warning("not compared with %s: %s", TRANSFORMERS, missing)
    names = tuple(label.en for label in manifest.labels())
    # By question, ours and everybody else's seconds.
    taken: dict[int, dict[str, list[float]]] = {0: {}, 1: {}}
    agreed: dict[str, list[bool]] = {name: [] for name in peers}
    try:
        # One more, uncounted, to warm everybody up.
        for run in range(runs + 1):
            progress.report(run, runs + 1, "asking in turn")
            picture = _picture(volume, run)
            for order, box in enumerate(_boxes(run, 2)):
                prompt = render_prompt(_question(picture, box))
                packed = PeerQuestion.of(picture, prompt, manifest.image_size)
                request = AskRequest(0, picture, prompt, None, names)
                said: dict[str, str] = {}
                # Whoever comes first finds another's data in the processor's caches: each in turn.
                for place in range(len(peers) + 1):
                    name = ["", *peers][(place + run) % (len(peers) + 1)]
                    if name:
                        seconds, said[name] = _timed(partial(peers[name].ask, packed))
                    else:
                        seconds, result = _timed(partial(session.ask, request))
                        said[name] = result.raw
                    if run:
                        taken[order].setdefault(name, []).append(seconds)
                for name, same in agreed.items():
                    same.append(said[name].strip() == said[""])
    finally:
        for peer in peers.values():
            peer.close()
    for name, same in agreed.items():
        logger.info("%s gave our answer to %d of %d questions", name, sum(same), len(same))
    goals = {(0, HANDLER): _FIRST_GOAL, (1, HANDLER): 5.0, (0, TRANSFORMERS): 3.0, (1, TRANSFORMERS): 3.0}
    rows = []
    for (order, name), goal in goals.items():
        if name in peers:
            what = ("first", "second")[order]
            ours, theirs = (statistics.median(taken[order][who]) * 1000 for who in ("", name))
            rows.append(row(f"{what} question on a slice", "ms", ours, peer_name=name, peer=theirs, goal=goal))
    return rows


def _prepared_rows(session: Session, volume: Volume, slices: int, progress: Progress) -> list[Row]:
    """From a box to its ranked names on slices that were looked at before; then what looking ahead takes."""
    waits: list[float] = []
    ahead: list[float] = []
    first = len(volume.voxels) // 4
    for number in range(slices):
        progress.report(number, slices, "asking about prepared slices")
        index = first + number
        place = (session, volume, volume.plane, index)
        ahead.append(_timed(partial(prepare, *place, language=Language.EN))[0])
        for box in _boxes(number, _BOXES_A_SLICE):
            asking = partial(suggest, *place, task=Task.REGION_TO_TEXT, language=Language.EN, box=box)
            seconds, _ = _timed(asking)
            waits.append(seconds * 1000)
    return [
        row("box to ranked names, prepared, p50", "ms", float(np.percentile(waits, 50)), goal=80),
        row("box to ranked names, prepared, p99", "ms", float(np.percentile(waits, 99)), goal=200),
        row("preparing a slice", "ms", statistics.median(ahead) * 1000),
    ]


def _all_rows(session: Session, volume: Volume, runs: int, progress: Progress) -> list[Row]:
    names = [label.en for label in session.manifest.labels()][:_LABELS]
    together: list[float] = []
    single: list[float] = []
    for run in range(runs + 1):
        progress.report(run, runs + 1, "looking for all labels")
        picture = _picture(volume, 20 + run)
        height, width = picture.shape[:2]
        asked = []
        for name in names:
            question = Question(Task.TEXT_TO_REGION, Language.EN, width, height, names=(name,))
            asked.append(AskRequest(0, picture, render_prompt(question), answer_grammar(question)))
        session.prepare(asked[0])
        first, _ = _timed(partial(session.ask_batch, asked))
        second = sum(_timed(partial(session.ask, one))[0] for one in asked)
        if run:
            together.append(first * 1000)
            single.append(second * 1000)
    return [
        row(
            f"find all of {len(names)} labels",
            "ms",
            statistics.median(together),
            peer_name=f"{len(names)} single questions",
            peer=statistics.median(single),
            goal=3.0,
        )
    ]


def _cancel_rows(session: Session, volume: Volume, cancels: int, progress: Progress) -> list[Row]:
    """From a cancel to a model that is free again, which a question without work shows; the worst of them."""
    written, looked = [], []
    endless = "root ::= [a-z] root"
    for number in range(cancels):
        progress.report(number, cancels, "cancelling")
        known = _picture(volume, 0)
        prompt = render_prompt(_question(known, _boxes(0, 1)[0]))
        session.ask(AskRequest(0, known, prompt, None, ("a", "b")))
        free = AskRequest(0, known, prompt)
        written.append(_cancelled(session, AskRequest(0, known, prompt, endless, (), 3000), free))
        fresh = _picture(volume, 40 + number)
        looked.append(_cancelled(session, AskRequest(0, fresh, prompt, None, ("a", "b")), free))
    return [
        row("cancel to free, while writing, worst", "ms", max(written), goal=100),
        row("cancel to free, while encoding, worst", "ms", max(looked), goal=100),
    ]


def _cancelled(session: Session, request: AskRequest, free: AskRequest) -> float:
    """Milliseconds from the cancel of a question 30 ms old until the model has done the next thing."""
    stop = threading.Event()
    at: list[float] = []

    def cancel() -> None:
        at.append(time.perf_counter())
        stop.set()

    timer = threading.Timer(0.03, cancel)
    timer.start()
    with contextlib.suppress(Cancelled):
        session.ask(request, cancelled=stop.is_set)
    timer.join()
    session.prepare(free)
    return (time.perf_counter() - at[0]) * 1000


def _timed(job: Callable[[], _T]) -> tuple[float, _T]:
    began = time.perf_counter()
    result = job()
    return time.perf_counter() - began, result


def _picture(volume: Volume, number: int) -> NDArray[np.uint8]:
    """A slice that no other number gives: a level of grey more for each round through the volume."""
    rounds, index = divmod(number, len(volume.voxels))
    rgb = render_slice(volume, volume.plane, index).astype(np.int16)
    return np.clip(rgb + rounds, 0, 255).astype(np.uint8)


def _boxes(seed: int, count: int) -> Sequence[Box]:
    rng = np.random.default_rng(seed)
    corners = rng.uniform(20, 60, (count, 2))
    sizes = rng.uniform(20, 60, (count, 2))
    return [Box(float(x), float(y), float(x + w), float(y + h)) for (x, y), (w, h) in zip(corners, sizes, strict=True)]


def _question(picture: NDArray[np.uint8], box: Box) -> Question:
    height, width = picture.shape[:2]
    return Question(Task.REGION_TO_TEXT, Language.EN, width, height, box=box)
