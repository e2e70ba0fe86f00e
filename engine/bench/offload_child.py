"""One step of `engine.bench.offload`, in a process of its own."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

import numpy as np

from engine.errors import MedRegAError
from engine.protocol import PartKind, Prompt, PromptPart
from engine.runtime.manifest import ModelManifest
from engine.runtime.offload import Offload
from engine.runtime.options import EngineOptions

# As llama-bench's defaults, but for half as many written.
_READ, _WRITE = 512, 64
_BATCH = 512


@dataclass(frozen=True, slots=True)
class MeasuredStep:
    """What to measure. runs : behind each median."""

    manifest: ModelManifest
    options: EngineOptions
    runs: int


@dataclass(frozen=True, slots=True)
class StepFigures:
    """Medians. rates : tokens a second, of the engine and of llama.cpp alone."""

    offload: Offload
    load_s: float
    encode_ms: float
    prompt_tokens: int
    prompt_rate: float
    written_tokens: int
    write_rate: float
    alone_prompt_rate: float
    alone_write_rate: float


def measure_step(connection: Connection, step: MeasuredStep) -> None:
    """Send `StepFigures`, or in words why there are none."""
    os.environ.update(step.options.shown_device.variables(os.environ))
    try:
        connection.send(_measure(step))
    except (MedRegAError, ImportError, OSError, RuntimeError) as failure:
        connection.send(str(failure))


def _measure(step: MeasuredStep) -> StepFigures:
    from engine.runtime.gguf_check import check_gguf
    from engine.runtime.llama import LlamaModel, context_limit
    from engine.runtime.placing import place_model

    manifest, options, runs = step.manifest, step.options, step.runs
    text, mmproj = check_gguf(manifest.path("text")), check_gguf(manifest.path("mmproj"))
    offload = place_model(text, mmproj, options, context_limit(manifest))
    began = time.perf_counter()
    model = LlamaModel(manifest, threads=options.threads, offload=offload)
    load_s = time.perf_counter() - began
    try:
        rng = np.random.default_rng(0)
        size = manifest.image_size
        pictures = [rng.integers(0, 256, (size, size, 3), dtype=np.uint8) for _ in range(runs + 1)]
        picture = pictures[0]
        model.embed_image(picture)
        others = iter(pictures[1:])
        encode_s = _median(lambda: model.embed_image(next(others)), runs)
        words = "a b" * _READ
        length = len(model.tokenize(words, special=False))
        words = words[: len(words) * _READ // length]
        count = len(model.tokenize(words, special=False))
        # The picture and what stands before it are evaluated by the first, which is not counted.
        model.next_logits(_prompt(words), picture)
        read_s = _median(lambda: model.next_logits(_prompt(words), picture), runs)
        short_s = _median(lambda: model.next_logits(_prompt("a"), picture), runs)
        write_s = _median(lambda: model.greedy(_prompt("a"), picture, _WRITE), runs)
    finally:
        model.close()
    alone_read, alone_write = _alone(step, offload)
    return StepFigures(
        offload,
        load_s,
        encode_s * 1000,
        count,
        count / read_s,
        _WRITE,
        _WRITE / (write_s - short_s),
        _READ / alone_read,
        _WRITE / alone_write,
    )


def _prompt(words: str) -> Prompt:
    return Prompt((PromptPart(PartKind.IMAGE, ""), PromptPart(PartKind.TEXT, words)))


def _median(job: Callable[[], object], runs: int) -> float:
    return statistics.median(_timed(job) for _ in range(runs))


def _timed(job: Callable[[], object]) -> float:
    began = time.perf_counter()
    job()
    return time.perf_counter() - began


def _alone(step: MeasuredStep, offload: Offload) -> tuple[float, float]:
    """Seconds that llama.cpp takes to read and to write, as its tools/llama-bench measures: plain llama_decode."""
    import llama_cpp as lc

    from engine.runtime.context import FLASH, KV_TYPES

    model_params = lc.llama_model_default_params()
    model_params.n_gpu_layers = offload.layers
    model = lc.llama_model_load_from_file(str(step.manifest.path("text")).encode(), model_params)
    params = lc.llama_context_default_params()
    params.n_ctx = _READ + _WRITE
    params.n_batch = params.n_ubatch = _BATCH
    params.n_threads = params.n_threads_batch = step.options.threads
    params.flash_attn_type = FLASH[offload.flash]
    params.type_k = params.type_v = KV_TYPES[offload.kv_type]
    context = lc.llama_init_from_model(model, params)
    try:
        memory = lc.llama_get_memory(context)

        def read() -> None:
            lc.llama_memory_clear(memory, True)
            _decode(lc, context, _READ)

        def write() -> None:
            lc.llama_memory_clear(memory, True)
            for _ in range(_WRITE):
                _decode(lc, context, 1)

        # Once before without counting: kernels are loaded with their first use.
        read()
        return _median(read, step.runs), _median(write, step.runs)
    finally:
        lc.llama_free(context)
        lc.llama_model_free(model)


def _decode(lc: Any, context: Any, count: int) -> None:
    tokens = (lc.llama_token * count)(*range(10, 10 + count))
    if lc.llama_decode(context, lc.llama_batch_get_one(tokens, count)):
        raise RuntimeError("llama.cpp failed while it was measured alone")
    lc.llama_synchronize(context)
