"""Where a model's parts are computed here and now. Loads llama.cpp: for the model's process alone."""

from __future__ import annotations

from dataclasses import replace

from engine.runtime.context import BATCH
from engine.runtime.device import DeviceKind
from engine.runtime.engine_build import EngineBuild
from engine.runtime.ggml_devices import read_build
from engine.runtime.gguf_header import GgufHeader
from engine.runtime.nvidia import nvidia_driver
from engine.runtime.offload import Lack, Offload, model_sizes, plan_offload
from engine.runtime.options import EngineOptions


def place_model(text: GgufHeader, mmproj: GgufHeader, options: EngineOptions, limit: int) -> Offload:
    """Measure the GPUs' free memory and fill it. limit : the longest prompt with its answer, in tokens."""
    kv_type = "f32" if options.exact else "f16"
    sizes = model_sizes(text, mmproj, cells=limit + BATCH, batch=BATCH, kv_bytes=4 if options.exact else 2)
    build = read_build()
    planned = plan_offload(sizes, build.gpus, options.share)
    if options.gpu_layers is not None and build.gpus:
        planned = replace(planned, layers=min(options.gpu_layers, sizes.all_layers))
    lack = planned.lack or what_lacks(build, options.device.kind) if options.share else Lack.MEMORY
    return replace(planned, kv_type=kv_type, flash="off" if options.exact else planned.flash, lack=lack)


def what_lacks(build: EngineBuild, wanted: DeviceKind) -> Lack | None:
    """Why nothing can go to a GPU although one was wanted; None where one is there or none was wanted."""
    if build.gpus or wanted is DeviceKind.CPU or (wanted is DeviceKind.AUTO and not build.cuda):
        return None
    if not build.cuda:
        return Lack.CUDA
    return Lack.DRIVER if nvidia_driver() is None else Lack.GPU
