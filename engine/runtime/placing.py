"""Where a model's parts are computed here and now. Loads llama.cpp: for the model's process alone."""

from __future__ import annotations

from dataclasses import replace

from engine.runtime.context import BATCH
from engine.runtime.device import DeviceKind
from engine.runtime.engine_build import EngineBuild
from engine.runtime.errors import ModelError
from engine.runtime.ggml_devices import read_build
from engine.runtime.gguf_header import GgufHeader
from engine.runtime.nvidia import nvidia_driver
from engine.runtime.offload import KvType, Lack, Offload, head_sizes, model_sizes, plan_offload
from engine.runtime.options import EngineOptions

# Numbers that share a scale (ggml-common.h, QK8_0).
_BLOCK = 32


def place_model(text: GgufHeader, mmproj: GgufHeader, options: EngineOptions, limit: int) -> Offload:
    """Measure the GPUs' free memory and fill it. limit : the longest prompt with its answer, in tokens.

    Raises `ModelError` when the model's keys and values cannot be kept as wanted.
    """
    kv_type = options.kv_type
    if kv_type is KvType.Q8_0 and any(size % _BLOCK for size in head_sizes(text)):
        raise ModelError(
            f"the heads of this model are {' and '.join(map(str, head_sizes(text)))} numbers wide, which cannot be "
            f"kept in 8 bits: choose another type (medrega model kv {KvType.F16})"
        )
    sizes = model_sizes(text, mmproj, cells=limit + BATCH, batch=BATCH, kv_type=kv_type)
    build = read_build()
    planned = plan_offload(sizes, build.gpus, options.share)
    if options.gpu_layers is not None and build.gpus:
        planned = replace(planned, layers=min(options.gpu_layers, sizes.all_layers))
    lack = planned.lack or what_lacks(build, options.device.kind) if options.share else Lack.MEMORY
    return replace(planned, kv_type=kv_type, flash=kv_type.flash(planned.flash), lack=lack)


def what_lacks(build: EngineBuild, wanted: DeviceKind) -> Lack | None:
    """Why nothing can go to a GPU although one was wanted; None where one is there or none was wanted."""
    if build.gpus or wanted is DeviceKind.CPU or (wanted is DeviceKind.AUTO and not build.cuda):
        return None
    if not build.cuda:
        return Lack.CUDA
    return Lack.DRIVER if nvidia_driver() is None else Lack.GPU
