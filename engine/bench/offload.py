"""`medrega bench engine --offload`: how fast a model looks, reads and writes, with more and less of it on the GPUs."""

from __future__ import annotations

from collections.abc import Sequence

from engine.bench.frame import BenchReport, Row, row
from engine.bench.offload_child import MeasuredStep, StepFigures, measure_step
from engine.progress import Cancelled, NoProgress, Progress
from engine.runtime import Device, EngineError, ModelManifest
from engine.runtime.child_job import ChildDied, run_in_child
from engine.runtime.offload import SHARES
from engine.runtime.options import EngineOptions, default_threads

ALONE = "llama.cpp alone"
_TIMEOUT_S = 3600.0
_RUNS = 3


def bench_offload(
    manifest: ModelManifest,
    device: Device,
    progress: Progress | None = None,
    *,
    runs: int = _RUNS,
    threads: int | None = None,
    shares: Sequence[float] = SHARES,
) -> BenchReport:
    """Measure at each step that the engine would take down: all layers that fit, then fewer, at last the CPU.

    Each step is a process of its own. Its peer is llama.cpp without this engine, measured as its llama-bench does: a
    batch of 512 tokens, then 64 tokens one by one, no picture, the same layers, threads and batch. Where no GPU is
    seen there is one step, the CPU. A step that does not fit is a row that says so.
    Raises `EngineError` when not even the CPU can be measured, `Cancelled`.
    """
    progress = progress or NoProgress()
    rows: list[Row] = []
    failure = ""
    for attempt in range(len(shares)):
        if progress.cancelled():
            raise Cancelled
        progress.report(attempt, len(shares), "measuring")
        options = EngineOptions(threads or default_threads(), device, attempt=attempt)
        try:
            found = run_in_child(
                measure_step,
                MeasuredStep(manifest, options, runs),
                timeout_s=_TIMEOUT_S,
                cancelled=progress.cancelled,
            )
        except ChildDied as death:
            found = f"the process died ({death})"
        if isinstance(found, str):
            failure = found
            rows.append(row(f"share {shares[attempt]:g}: did not run: {found}", "", 0))
            continue
        rows += _rows(found)
        if not found.offload.on_gpu:
            break
    if not any(one.unit for one in rows):
        raise EngineError(f"the model {manifest.id} cannot be measured: {failure}")
    return BenchReport("engine offload", tuple(rows))


def _rows(step: StepFigures) -> list[Row]:
    where = step.offload.text
    return [
        row(f"{where}: load", "s", step.load_s),
        row(f"{where}: encode a picture", "ms", step.encode_ms),
        row(
            f"{where}: read {step.prompt_tokens} tokens",
            "tokens/s",
            step.prompt_rate,
            peer_name=ALONE,
            peer=step.alone_prompt_rate,
            larger_is_better=True,
        ),
        row(
            f"{where}: write {step.written_tokens} tokens",
            "tokens/s",
            step.write_rate,
            peer_name=ALONE,
            peer=step.alone_write_rate,
            larger_is_better=True,
        ),
    ]
