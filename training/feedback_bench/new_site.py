"""A new site, before and after: annotate it, freeze that, fine-tune on it, pass the gate, and ask again.

Each fold holds other patients out; every step is the product's own, with the product's own settings.
"""

from __future__ import annotations

import json
import logging
import shutil
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from engine.feedback.snapshots import HELD_OUT, TRAIN
from engine.progress import Progress
from engine.protocol import Language, Task
from engine.runtime import AdapterManifest, ModelManifest
from engine.store import AnnotationStore
from training.evaluation.paired import Pair, pair_up
from training.feedback.finetune import FineTuned, FineTuning, fine_tune
from training.feedback.gate import GATE, kept_answers, run_gate
from training.feedback.latents import ROLE
from training.feedback.sets import phantom_test_set, write_json
from training.feedback.snapshot import SnapshotSettings, take_snapshot
from training.feedback_bench.annotator import WHO, Patients, annotate_site
from training.feedback_bench.figures import Change, site_changes, task_changes
from training.feedback_bench.site import Site, count_regions, cut_to, deal_patients
from training.records import Record, dataset_sha256, read_records

logger = logging.getLogger(__name__)

PARTS = 5
"""Groups of patients that the site is dealt into; a fold holds one of them out."""
RESULT_FILE = "result.json"
_TEST_PATIENTS = 40
"""Of the generated base test set: the gate's."""


@dataclass(frozen=True, slots=True)
class SiteSettings:
    """corrections : regions that are trained on, at most. folds : how many of the five. steps : of the fine-tuning, at
    most; the product's where None. base_limit : questions of a base test set.
    """

    corrections: int = 100
    folds: int = 1
    seed: int = 0
    steps: int | None = None
    base_limit: int = 2000


@dataclass(frozen=True, slots=True)
class BaseData:
    """What the base learnt from and is tested with. replay : a set to replay, phantoms when None; for a base that
    brings nothing along. test : its test set. Where there is one, the generated test set is looked at too.
    """

    replay: Path | None = None
    test: Path | None = None


@dataclass(frozen=True, slots=True)
class SiteResult:
    """All folds together. site : by measure. base : by test set, then by task. majority : accuracy of always saying the
    most frequent corrected name. runs : of each fold what its `result.json` says.
    """

    source: str
    site: dict[str, Change]
    base: dict[str, dict[str, Change]]
    majority: float
    runs: list[dict[str, Any]]

    @property
    def seconds(self) -> float:
        """Of the slowest fold's fine-tuning."""
        return max(float(run["seconds"]) for run in self.runs)

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "source": self.source,
            "site": {name: change.to_json() for name, change in self.site.items()},
            "base": {
                name: {task: change.to_json() for task, change in tasks.items()} for name, tasks in self.base.items()
            },
            "majority_accuracy": self.majority,
            "runs": self.runs,
        }


def measure_site(
    base: ModelManifest, site: Site, data: BaseData, out: Path, settings: SiteSettings, progress: Progress
) -> SiteResult:
    """Run the folds into `out`; one that is finished there with the same settings is read.

    Raises what the product's steps raise, and `Cancelled`.
    """
    groups = deal_patients(site, PARTS, settings.seed)
    site_pairs: list[Pair] = []
    base_pairs: dict[str, list[Pair]] = {}
    hits: list[float] = []
    runs = []
    for fold in range(settings.folds):
        folder = out / f"fold-{fold + 1}"
        run, snapshot, report = _fold(base, site, groups, fold, data, folder, settings, progress)
        runs.append(report)
        held, bases = _asked_again(base, run, snapshot, data, out, settings, progress)
        site_pairs += held
        for name, pairs in bases.items():
            base_pairs.setdefault(name, []).extend(pairs)
        hits += majority_hits(snapshot / TRAIN, [pair[0].record for pair in held])
    return SiteResult(
        site.source,
        site_changes(site_pairs),
        {name: task_changes(pairs) for name, pairs in base_pairs.items()},
        float(np.mean(hits)) if hits else 0.0,
        runs,
    )


def _fold(
    base: ModelManifest,
    site: Site,
    groups: Sequence[Sequence[str]],
    fold: int,
    data: BaseData,
    folder: Path,
    settings: SiteSettings,
    progress: Progress,
) -> tuple[FineTuned, Path, dict[str, Any]]:
    """The run, its snapshot, and what is to be told of them."""
    tuning = FineTuning(seed=settings.seed)
    if settings.steps is not None:
        tuning = replace(tuning, max_steps=settings.steps)
    asked = {
        "base": base.sha256,
        "site": site.source,
        "settings": asdict(replace(settings, folds=0)),
        "tuning": json.loads(json.dumps(asdict(tuning))),
        "replay": "" if data.replay is None else dataset_sha256(data.replay),
        "test": "" if data.test is None else dataset_sha256(data.test),
        "latents": base.files[ROLE].sha256 if ROLE in base.files else "",
    }
    path = folder / RESULT_FILE
    if path.is_file():
        kept: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        if kept.get("asked") == asked:
            run = FineTuned(folder / "run", AdapterManifest.read(folder / "run" / "adapter"), kept["run"])
            return run, folder / "snapshots" / kept["snapshot"], kept
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    snapshot, counts = _annotate(base, site, groups, fold, folder, settings, progress)
    given = _given(base, data)
    run = fine_tune(snapshot, base, folder / "run", tuning, progress, replay=given.replay)
    gate = run_gate(
        folder / "run",
        base,
        snapshot,
        progress,
        base_test=given.test,
        limit=settings.base_limit,
        patients=_TEST_PATIENTS,
    )
    report = {
        "asked": asked,
        "fold": fold + 1,
        "snapshot": snapshot.name,
        "counts": counts,
        "seconds": run.result["seconds"],
        "run": run.result,
        "gate": {"passed": gate["passed"], "checks": gate["checks"]},
    }
    write_json(path, report)
    return run, snapshot, report


def _given(base: ModelManifest, data: BaseData) -> BaseData:
    """What the product's steps are told to use: nothing where the base brings its own along, as a user would."""
    return BaseData() if ROLE in base.files else data


def _annotate(
    base: ModelManifest,
    site: Site,
    groups: Sequence[Sequence[str]],
    fold: int,
    folder: Path,
    settings: SiteSettings,
    progress: Progress,
) -> tuple[Path, dict[str, Any]]:
    patients = site.patients()
    others = [name for number, group in enumerate(groups) if number != fold for name in group]
    drawn = [others[int(i)] for i in np.random.default_rng([settings.seed, fold]).permutation(len(others))]
    train = cut_to((picture for name in drawn for picture in patients[name]), settings.corrections)
    held = [picture for name in groups[fold] for picture in patients[name]]
    frozen = SnapshotSettings()
    with AnnotationStore.open(folder / "feedback.sqlite") as store:
        annotate_site(
            store,
            base,
            (Patients(TRAIN, train), Patients(HELD_OUT, held)),
            folder / "scans",
            frozen.heldout_share,
            settings.seed,
            progress,
        )
        snapshot = take_snapshot(store, frozen, WHO, progress, folder / "snapshots")
    counts = {
        "corrections": count_regions(train),
        "train_patients": len({one.patient for one in train}),
        "heldout_regions": count_regions(held),
        "heldout_patients": len(groups[fold]),
        "labels": dict(Counter(label.en for one in train for label, _ in one.regions).most_common()),
        "left_out": dict(snapshot.left_out),
    }
    return snapshot.folder, counts


def _asked_again(
    base: ModelManifest,
    run: FineTuned,
    snapshot: Path,
    data: BaseData,
    out: Path,
    settings: SiteSettings,
    progress: Progress,
) -> tuple[list[Pair], dict[str, list[Pair]]]:
    """Answers with and without the adapter, to the held-out questions and to each base test set.

    What the gate asked it kept, and is only read; what the base alone answers is the same in every fold.
    """
    kept = run.folder / GATE / "answers"

    def both(dataset: Path, limit: int | None, folder: Path) -> list[Pair]:
        before, after = (kept_answers(base, one, dataset, limit, folder, progress) for one in (None, run.adapter))
        return pair_up(before, after)

    limit = settings.base_limit
    # Looked at whatever the base learnt from: of two answers to one question the difference counts.
    generated = phantom_test_set(
        run.folder / GATE / "base-test" if data.test is None else out / "phantoms", _TEST_PATIENTS, progress
    )
    if data.test is None:
        return both(snapshot / HELD_OUT, None, kept), {generated.source: both(generated.folder, limit, kept)}
    bases = {
        f"the base's own test set ({data.test.parent.name})": both(
            data.test, limit, kept if _given(base, data).test else out / "answers"
        ),
        generated.source: both(generated.folder, limit, out / "answers"),
    }
    return both(snapshot / HELD_OUT, None, kept), bases


def majority_hits(train: Path, held: Sequence[Record]) -> list[float]:
    """For each region-to-text question 1 where the most frequent corrected name is right, else 0; by language."""
    names: dict[Language, Counter[str]] = {language: Counter() for language in Language}
    for _, record in read_records(train):
        if record.task is Task.REGION_TO_TEXT:
            names[record.language][record.gpt] += 1
    best = {language: counted.most_common(1)[0][0] for language, counted in names.items() if counted}
    return [float(best.get(one.language) == one.gpt) for one in held if one.task is Task.REGION_TO_TEXT]
