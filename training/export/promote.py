"""Exports the quantizations asked for, compares each with torch, and keeps those that lose too much out of the way."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, cast

from engine.files import whole_file
from engine.progress import Progress
from engine.runtime import ModelManifest
from training.evaluation.answering import GgufAnswerer
from training.evaluation.calibrating import fit_calibration, keep_calibration
from training.evaluation.predict import answers_file, predict
from training.evaluation.prediction import Prediction
from training.export.checkpoint import load_checkpoint
from training.export.compare import TaskComparison, compare
from training.export.importance import ImportanceMatrix, measure_importance
from training.export.model import export_model
from training.export.quantize import Quantization, is_quantized
from training.labels import labels_of, tasks_of
from training.model import CheckpointError
from training.records import dataset_sha256
from training.tokenizer import PromptEncoder, load_tokenizer

COMPARISON_FILE = "comparison.json"
REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class ExportedModel:
    """One quantization. bytes : of its weights. rows : the comparison with torch, none where none was asked for.

    temperatures : by task, of its calibration; none where it was not calibrated.
    """

    quantization: str
    folder: Path
    sha256: str
    bytes: int
    rows: tuple[TaskComparison, ...]
    promoted: bool
    temperatures: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ExportResult:
    """All of an export. max_drop : the bound that decided."""

    models: tuple[ExportedModel, ...]
    max_drop: float

    @property
    def refused(self) -> tuple[str, ...]:
        """The quantizations that lost too much."""
        return tuple(one.quantization for one in self.models if not one.promoted)

    def to_json(self) -> dict[str, Any]:
        """One JSON document."""
        rows = []
        for one in self.models:
            tasks = {row.task.value: asdict(row) for row in one.rows}
            for row in tasks.values():
                del row["task"]
            rows.append({**asdict(one), "folder": str(one.folder), "rows": tasks})
        return {"max_drop": self.max_drop, "models": rows}

    def to_table(self) -> str:
        """For people."""
        lines = [f"{'':8} {'MB':>7} {'task':17} {'torch':>7} {'gguf':>7} {'drop':>8} {'agree':>7} {'n':>6}"]
        for one in self.models:
            start = f"{one.quantization:8} {one.bytes / 1e6:7.1f}"
            for row in one.rows:
                lines.append(
                    f"{start} {row.task.value:17} {row.torch:7.4f} {row.gguf:7.4f} {row.drop:+8.4f} "
                    f"{row.agreement:7.1%} {row.n:6}"
                )
                start = f"{'':8} {'':7}"
            if not one.rows:
                lines.append(f"{start} not compared: no test set was given")
            word = "promoted" if one.promoted else f"REFUSED, it loses more than {self.max_drop:g}"
            lines.append(f"{'':8} {word}: {one.folder} ({one.sha256[:12]})")
            if one.temperatures:
                heats = ", ".join(f"{task} {value:g}" for task, value in one.temperatures.items())
                lines.append(f"{'':8} calibrated, temperatures: {heats}")
        return "\n".join(lines)


def export_quantizations(
    checkpoint: Path,
    out: Path,
    datasets: Sequence[Path],
    quants: Sequence[str],
    progress: Progress,
    *,
    model_id: str,
    test_set: Path | None = None,
    validation_set: Path | None = None,
    limit: int | None = None,
    max_drop: float = 0.02,
    importance_records: int = 256,
    licence: str = "",
) -> ExportResult:
    """Export, compare, promote or refuse.

    One quantization goes to `out`, several each to ``out/NAME``; a refused one to ``out/refused/NAME``.
    test_set : without one nothing is compared and all are promoted. max_drop : of any task's mean score.
    validation_set : what promoted ones are calibrated on, if any; at most `limit` questions of it.
    licence : of the weights, for the manifests.
    importance_records : training records for the importance matrix, which is kept in ``out/imatrix.gguf``. Answers
    are kept in ``out/answers``, from which a stopped export goes on.
    Raises `CheckpointError`, `DatasetError`, `EngineError`, `Cancelled`.
    """
    out.mkdir(parents=True, exist_ok=True)
    labels, tasks = labels_of(datasets), tasks_of(datasets)
    importance = _importance(checkpoint, datasets, quants, importance_records, progress)
    if importance is not None:
        importance.write(out / "imatrix.gguf", datasets)
    manifests: list[tuple[str, ModelManifest]] = []
    for quant in quants:
        folder = out if len(quants) == 1 else out / quant
        id_ = model_id if len(quants) == 1 else f"{model_id}-{quant.replace('_', '-')}"
        manifest = export_model(
            checkpoint,
            folder,
            labels,
            model_id=id_,
            name=id_,
            version="1",
            ftype=cast(Quantization, quant),
            tasks=[task.value for task in tasks],
            licence=licence,
            importance=importance,
        )
        manifests.append((quant, manifest))
    reference: tuple[Prediction, ...] | None = None
    if test_set is not None:
        reference = _torch_answers(checkpoint, manifests[0][1], test_set, limit, out, progress)
    models = []
    for quant, manifest in manifests:
        rows: tuple[TaskComparison, ...] = ()
        if test_set is not None and reference is not None:
            with GgufAnswerer(manifest) as answerer:
                log = answers_file(out / "answers", quant, answerer, test_set, limit)
                answers = predict(answerer, test_set, progress, limit=limit, log=log).predictions
            rows = compare(reference, answers)
        model = _decide(quant, manifest, rows, max_drop, out)
        if validation_set is not None and model.promoted:
            model = _calibrate(model, validation_set, limit, out, progress)
        models.append(model)
    result = ExportResult(tuple(models), max_drop)
    with whole_file(out / COMPARISON_FILE) as target:
        target.write_text(json.dumps(result.to_json(), indent=2) + "\n", encoding="utf-8")
    return result


def _importance(
    checkpoint: Path, datasets: Sequence[Path], quants: Sequence[str], records: int, progress: Progress
) -> ImportanceMatrix | None:
    # Rounding to 8 bits does not look at it.
    if records <= 0 or not any(is_quantized(cast(Quantization, one)) and one != "q8_0" for one in quants):
        return None
    model = load_checkpoint(checkpoint).eval()
    encoder = PromptEncoder(load_tokenizer(checkpoint), model.config.image_seq_length)
    return measure_importance(model, encoder, datasets, progress, records=records)


def _torch_answers(
    checkpoint: Path, manifest: ModelManifest, test_set: Path, limit: int | None, out: Path, progress: Progress
) -> tuple[Prediction, ...]:
    from training.evaluation.torch_answering import TorchAnswerer

    with TorchAnswerer(checkpoint) as answerer:
        # The same names to choose from as the model folders have.
        answerer.labels = manifest.labels()
        log = answers_file(out / "answers", "torch", answerer, test_set, limit)
        return predict(answerer, test_set, progress, limit=limit, log=log).predictions


def _decide(
    quant: str, manifest: ModelManifest, rows: tuple[TaskComparison, ...], max_drop: float, out: Path
) -> ExportedModel:
    promoted = all(row.drop <= max_drop for row in rows)
    size = manifest.files["text"].bytes + manifest.files["mmproj"].bytes
    if rows:
        scores = manifest.scores | {f"{row.task.value}_against_torch": round(-row.drop, 4) for row in rows}
        manifest = replace(manifest, scores=scores)
        manifest.write()
    folder = manifest.folder
    if not promoted:
        folder = _set_aside(manifest.folder, out / REFUSED / quant, out)
    return ExportedModel(quant, folder, manifest.sha256, size, rows, promoted)


def _calibrate(
    model: ExportedModel, validation_set: Path, limit: int | None, out: Path, progress: Progress
) -> ExportedModel:
    """After the comparison: torch has no bound for what is not there."""
    manifest = ModelManifest.read(model.folder)
    with GgufAnswerer(manifest, calibrated=False) as answerer:
        log = answers_file(out / "answers", f"{model.quantization}-validation", answerer, validation_set, limit)
        answered = predict(answerer, validation_set, progress, limit=limit, log=log)
    calibration = fit_calibration(answered.predictions, dataset_sha256(validation_set), answered.labels)
    keep_calibration(manifest, calibration)
    return replace(model, temperatures=calibration.temperatures)


def _set_aside(folder: Path, refused: Path, out: Path) -> Path:
    """Move a model folder to where no registry looks for it; of `out` itself only the model's own files."""
    if refused.exists():
        shutil.rmtree(refused)
    refused.parent.mkdir(parents=True, exist_ok=True)
    try:
        if folder != out:
            folder.rename(refused)
            return refused
        refused.mkdir()
        for name in [
            *(file.name for file in ModelManifest.read(folder).files.values()),
            "manifest.json",
            "export.json",
        ]:
            (folder / name).rename(refused / name)
    except OSError as error:
        raise CheckpointError(f"cannot set the refused model {folder} aside: {error}") from error
    return refused
