"""Runs of the feedback loop on the disk: which there are, how far each is, what its gate said.

A run is a folder. ``plan.json`` and ``curve.ndjson`` are the window's; all else `medrega feedback` writes. What a run
does next follows from the files alone, so that it goes on after any end of the window or of the machine.
"""

from __future__ import annotations

import contextlib
import datetime
import itertools
import json
import logging
import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from enum import Enum, StrEnum
from pathlib import Path
from typing import Any

import platformdirs

from desktop.model.gate_report import GateReport
from desktop.model.run_lock import take_run
from engine.errors import MedRegAError
from engine.feedback.corrections import CorrectionFilter
from engine.feedback.judges import LEAST_PATIENTS
from engine.feedback.run_lock import RUN_LOCK_FILE
from engine.files import whole_file
from engine.locks import BusyError, only_process

logger = logging.getLogger(__name__)

PLAN_FILE, CURVE_FILE = "plan.json", "curve.ndjson"
ADAPTER_FOLDER = "adapter"
"""In a finished run's."""
_RECORD_FILE, _RESULT_FILE = "run.json", "result.json"
_REPORT_FILE = Path("gate", "report.json")
_FORMAT = 1
_ENDING_S = 2.0
"""Until the system has taken its locks back from a process that was killed: Windows takes its time."""
_GENTLE = ("--nice", "0") if hasattr(os, "setpriority") else ()
"""The window has lowered the priority already, where it can: elsewhere the child does it itself."""


class RunError(MedRegAError):
    """A run that cannot be read or started."""


class Step(Enum):
    """What a run does next. DECIDE : nothing by itself; a person says whether its adapter is used."""

    FREEZE = "snapshot"
    TRAIN = "train"
    GATE = "gate"
    DECIDE = "decide"


class Nameless(StrEnum):
    """What stands for the patient of a scan whose header names none: the folder that it lies in, or the scan itself.

    The values of ``medrega feedback snapshot --nameless``.
    """

    FOLDER = "folder"
    FILE = "file"


@dataclass(frozen=True, slots=True)
class RunOptions:
    """How a run is made. heldout : share of the patients that judges. max_steps : None for the trainer's own number.

    replay, base_test : sets of what the base learnt from and is tested with; None for what the model brings along, or
    generated phantoms where it brings nothing.
    """

    wanted: CorrectionFilter = field(default_factory=CorrectionFilter)
    heldout: float = 0.2
    max_steps: int | None = None
    replay: Path | None = None
    base_test: Path | None = None
    nameless: Nameless = Nameless.FOLDER


@dataclass(frozen=True, slots=True)
class Frozen:
    """The snapshot of a run. counts : of ``train`` and ``heldout``, see `engine.feedback.snapshots.Snapshot`."""

    folder: Path
    hash: str
    counts: Mapping[str, Mapping[str, int]]
    left_out: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class RunPlan:
    """What a run was started with. base : the model's folder. created : ISO 8601, UTC. frozen : None before its first
    step is done.
    """

    base: Path
    base_sha256: str
    database: Path
    created: str
    options: RunOptions
    frozen: Frozen | None = None

    def write(self, folder: Path) -> None:
        """Keep it in a run's folder. Raises `OSError`."""
        options = self.options
        said: dict[str, Any] = {
            "format": _FORMAT,
            "base": str(self.base),
            "base_sha256": self.base_sha256,
            "database": str(self.database),
            "created": self.created,
            "filter": options.wanted.to_json(),
            "heldout": options.heldout,
            "max_steps": options.max_steps,
            "replay": None if options.replay is None else str(options.replay),
            "base_test": None if options.base_test is None else str(options.base_test),
            "nameless": options.nameless.value,
            "frozen": None,
        }
        if self.frozen is not None:
            said["frozen"] = {**asdict(self.frozen), "folder": str(self.frozen.folder)}
        with whole_file(folder / PLAN_FILE) as temporary:
            temporary.write_text(json.dumps(said, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")

    @classmethod
    def read(cls, folder: Path) -> RunPlan:
        """A run's plan. Raises `RunError` for a folder without a readable one."""
        try:
            said = json.loads((folder / PLAN_FILE).read_text(encoding="utf-8"))
            if said["format"] != _FORMAT:
                raise ValueError(f"format {said['format']!r}, this version reads {_FORMAT}")
            wanted: dict[str, Any] = dict(said["filter"])
            wanted |= {key: tuple(value) for key, value in wanted.items() if isinstance(value, list)}
            frozen = said["frozen"]
            replay, base_test = (None if said[key] is None else Path(said[key]) for key in ("replay", "base_test"))
            options = RunOptions(
                CorrectionFilter(**wanted),
                float(said["heldout"]),
                None if said["max_steps"] is None else int(said["max_steps"]),
                replay,
                base_test,
                # Plans from before there was a choice.
                Nameless(said.get("nameless", Nameless.FOLDER)),
            )
            return cls(
                Path(said["base"]),
                str(said["base_sha256"]),
                Path(said["database"]),
                str(said["created"]),
                options,
                None if frozen is None else frozen_of(frozen),
            )
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise RunError(f"the training run {folder.name} cannot be read: {error}") from error


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """A loss at a step. held_out : of what is not trained on."""

    step: int
    loss: float
    held_out: bool


@dataclass(frozen=True, slots=True)
class RunRow:
    """A run as the window lists it. adapter : its id, "" before it is trained. unjudged : see `is_unjudged`."""

    folder: Path
    plan: RunPlan
    next_step: Step
    adapter: str
    curve: tuple[CurvePoint, ...]
    report: GateReport | None
    unjudged: bool

    def is_outdated(self, in_use: str) -> bool:
        """Whether its adapter was compared with another than answers now. in_use : its id, "" for the model alone."""
        return self.report is not None and self.report.is_outdated(in_use)

    def has_passed(self, in_use: str) -> bool:
        """Whether its comparison with what answers now was passed."""
        return self.report is not None and self.report.has_passed(in_use)


def runs_folder() -> Path:
    """Where runs lie: the platform's user data folder."""
    return platformdirs.user_data_path("medrega-desktop") / "feedback" / "runs"


def new_run(base: Path, base_sha256: str, database: Path, options: RunOptions) -> Path:
    """Make the folder of a run that has done nothing yet. Raises `RunError`."""
    now = datetime.datetime.now(datetime.UTC)
    name = now.strftime("%Y%m%d-%H%M%S")
    parent = runs_folder()
    try:
        parent.mkdir(parents=True, exist_ok=True)
        numbers = (f"-{number}" if number else "" for number in range(100))
        folder = next(parent / f"{name}{number}" for number in numbers if not (parent / f"{name}{number}").exists())
        folder.mkdir()
        RunPlan(base, base_sha256, database, now.isoformat(timespec="seconds"), options).write(folder)
    except OSError as error:
        raise RunError(f"cannot write to the folder of training runs {parent}: {error.strerror}") from error
    return folder


def next_step(folder: Path, plan: RunPlan) -> Step:
    """What the files say is not done yet."""
    if plan.frozen is None:
        return Step.FREEZE
    if not (folder / _RESULT_FILE).is_file():
        return Step.TRAIN
    return Step.DECIDE if (folder / _REPORT_FILE).is_file() else Step.GATE


def is_unjudged(folder: Path, plan: RunPlan) -> bool:
    """Whether minutes of training are still to come that no comparison can judge: too few patients are held out."""
    begun = (folder / _RECORD_FILE).is_file()
    frozen = plan.frozen
    return frozen is not None and not begun and frozen.counts["heldout"]["patients"] < LEAST_PATIENTS


def step_arguments(folder: Path, plan: RunPlan, who: str) -> list[str]:
    """What `medrega feedback` is told to do a run's next step. who : does it. Raises `RunError` when nothing can be."""
    options, step = plan.options, next_step(folder, plan)
    if step is Step.FREEZE:
        wanted = options.wanted
        words = ["--db", str(plan.database), "--heldout", str(options.heldout), "--who", who]
        words += ["--nameless", options.nameless.value]
        words += [word for name in wanted.annotators for word in ("--annotator", name)]
        words += [word for name in wanted.labels for word in ("--label", name)]
        words += [word for name in wanted.modalities for word in ("--modality", name)]
        words += ["--reviewed"] if wanted.reviewed_only else []
        words += ["--since", wanted.since] if wanted.since else []
        words += ["--until", wanted.until] if wanted.until else []
    elif step is Step.TRAIN:
        assert plan.frozen is not None, "what is trained on was frozen before"
        if not plan.frozen.counts["train"]["regions"]:
            raise RunError(
                "every patient of these corrections is held out, and nothing is left to learn from: decide about "
                "regions of more patients, or hold out a smaller share of them"
            )
        words = [str(plan.frozen.folder), "--base", str(plan.base), "--out", str(folder), *_GENTLE]
        words += ["--max-steps", str(options.max_steps)] if options.max_steps is not None else []
        words += ["--replay", str(options.replay)] if options.replay is not None else []
    elif step is Step.GATE:
        words = [str(folder), "--base", str(plan.base), *_GENTLE]
        words += ["--base-test", str(options.base_test)] if options.base_test is not None else []
    else:
        raise RunError(f"the training run {folder.name} is finished")
    return [step.value, *words, "--progress", "json", "--with-parent", "--json"]


def frozen_of(said: Mapping[str, Any]) -> Frozen:
    """What `medrega feedback snapshot --json` says, or the plan remembers. Raises `KeyError`, `TypeError`."""
    counts = {side: {what: int(n) for what, n in some.items()} for side, some in said["counts"].items()}
    left_out = {str(why): int(n) for why, n in said["left_out"].items()}
    return Frozen(Path(said["folder"]), str(said["hash"]), counts, left_out)


def keep_frozen(folder: Path, plan: RunPlan, said: Mapping[str, Any]) -> None:
    """Remember in a run's plan what was frozen for it. Raises `RunError`."""
    try:
        replace(plan, frozen=frozen_of(said)).write(folder)
    except (OSError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise RunError(f"the training run {folder.name} cannot keep its snapshot: {error}") from error


def add_points(folder: Path, points: Sequence[CurvePoint]) -> None:
    """Remember losses for the next opening. Raises `OSError`."""
    with (folder / CURVE_FILE).open("a", encoding="utf-8") as stream:
        stream.writelines(json.dumps(asdict(point)) + "\n" for point in points)


def read_curve(folder: Path) -> tuple[CurvePoint, ...]:
    """The losses so far, in order. A run that went on from a checkpoint has some steps twice: the last counts."""
    path = folder / CURVE_FILE
    found: dict[tuple[bool, int], CurvePoint] = {}
    try:
        lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
        for line in lines:
            said = json.loads(line)
            point = CurvePoint(int(said["step"]), float(said["loss"]), bool(said["held_out"]))
            found[(point.held_out, point.step)] = point
    except (OSError, ValueError, KeyError, TypeError) as error:
        # A power cut may have left half a line. The curve is for the eyes alone.
        logger.warning("the curve of the run %s cannot be read to its end: %s", folder.name, type(error).__name__)
    return tuple(found[key] for key in sorted(found))


def read_run(folder: Path) -> RunRow:
    """One run. Raises `RunError`."""
    plan = RunPlan.read(folder)
    adapter = ""
    report = None
    try:
        if (folder / _RESULT_FILE).is_file():
            adapter = str(json.loads((folder / _RESULT_FILE).read_text(encoding="utf-8"))["adapter"]["id"])
        if (folder / _REPORT_FILE).is_file():
            report = GateReport.read(folder / _REPORT_FILE)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise RunError(f"the training run {folder.name} cannot be read: {error}") from error
    unjudged = is_unjudged(folder, plan)
    return RunRow(folder, plan, next_step(folder, plan), adapter, read_curve(folder), report, unjudged)


def put_report_aside(folder: Path) -> None:
    """Let a run be judged again: its report stays under another name. Raises `OSError`."""
    report = folder / _REPORT_FILE
    numbers = (report.with_name(f"{report.stem}-{number}{report.suffix}") for number in itertools.count(1))
    report.rename(next(path for path in numbers if not path.exists()))


def discard_run(folder: Path) -> None:
    """Delete a run that nobody works on. Raises `RunError`."""
    leaving = folder.with_name(f".{folder.name}")
    try:
        with contextlib.ExitStack() as held:
            _require_idle(folder, held)
            if os.name == "nt":
                # No folder is renamed there with an open file in it, whosever that is.
                held.close()
            # At once, so that no half of it is ever listed.
            folder.rename(leaving)
            shutil.rmtree(leaving)
    except OSError as error:
        raise RunError(f"the training run {folder.name} cannot be deleted: {error.strerror}") from error


def _require_idle(folder: Path, held: contextlib.ExitStack) -> None:
    """Let no command begin to work on a run. Raises `RunError` where a window or a command does already, `OSError`."""
    busy = RunError(
        f"another window or command is working on the training run {folder.name}: stop it there, or wait until it has "
        "ended"
    )
    try:
        held.enter_context(only_process(folder / RUN_LOCK_FILE, f"the training run {folder.name}", _ENDING_S))
    except BusyError as error:
        raise busy from error
    window = take_run(folder)
    if window is None:
        raise busy
    # It deletes its file by name: before the folder gets another.
    window.unlock()


def read_runs(base_sha256: str) -> list[RunRow]:
    """Every run of a model, the newest first. One that cannot be read is left out, with a warning in the log."""
    found = []
    for path in sorted(runs_folder().glob(f"*/{PLAN_FILE}"), reverse=True):
        if path.parent.name.startswith("."):
            # One that is being deleted.
            continue
        try:
            row = read_run(path.parent)
        except RunError as error:
            logger.warning("%s", error)
            continue
        if row.plan.base_sha256 == base_sha256:
            found.append(row)
    return found
