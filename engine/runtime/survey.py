"""What the engine is and what it sees, asked of a process of its own: a broken driver must not end the asker."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection

from engine.errors import MedRegAError
from engine.runtime.child import why_not_loaded
from engine.runtime.child_job import ChildDied, run_in_child
from engine.runtime.choices import chosen_options
from engine.runtime.device import Device, DeviceKind
from engine.runtime.engine_build import EngineBuild
from engine.runtime.gguf_check import check_gguf
from engine.runtime.manifest import ModelManifest
from engine.runtime.nvidia import NvidiaDriver, nvidia_driver
from engine.runtime.offload import Lack, Offload
from engine.runtime.options import EngineOptions

_TIMEOUT_S = 120.0


@dataclass(frozen=True, slots=True)
class EngineSurvey:
    """build : None when llama.cpp cannot be loaded; `problem` says why, in English, and "" when all is well.

    driver : of NVIDIA, whatever the engine makes of it. offload : what of the asked model would go where; None when
    none was asked about, or when its files are refused: `refusal` says why then.
    """

    device: Device
    build: EngineBuild | None
    driver: NvidiaDriver | None
    offload: Offload | None
    problem: str = ""
    refusal: str = ""

    @property
    def advice(self) -> tuple[str, ...]:
        """What a person can do for a faster engine, in English sentences; nothing when there is nothing to do."""
        return tuple(_advice(self))


def survey_engine(manifest: ModelManifest | None, device: Device) -> EngineSurvey:
    """Load llama.cpp and measure the GPUs' free memory. manifest : of the model to plan for, which is not loaded.

    What is wrong with the model's files is no matter of the engine's: nothing is planned for them then, and `refusal`
    says why.
    """
    driver = nvidia_driver()
    try:
        found = run_in_child(_look, (manifest, chosen_options(device)), timeout_s=_TIMEOUT_S)
    except ChildDied as death:
        found = (
            f"llama.cpp died while it was loaded ({death}): the engine may have been built for another processor; "
            "build it anew (python3 packaging/bootstrap.py install --portable)"
        )
    if isinstance(found, str):
        return EngineSurvey(device, None, driver, None, found)
    build, offload, refusal = found
    return EngineSurvey(device, build, driver, offload, refusal=refusal)


def _look(connection: Connection, asked: tuple[ModelManifest | None, EngineOptions]) -> None:
    manifest, options = asked
    os.environ.update(options.device.variables(os.environ))
    try:
        from engine.runtime.ggml_devices import read_build
        from engine.runtime.llama import context_limit
        from engine.runtime.placing import place_model
    except (ImportError, OSError, RuntimeError) as failure:
        connection.send(why_not_loaded(str(failure)))
        return
    offload, refusal = None, ""
    if manifest is not None:
        try:
            headers = check_gguf(manifest.path("text")), check_gguf(manifest.path("mmproj"))
            offload = place_model(*headers, options, context_limit(manifest))
        except MedRegAError as error:
            refusal = str(error)
    connection.send((read_build(), offload, refusal))


def _advice(survey: EngineSurvey) -> Iterator[str]:
    build, driver, offload = survey.build, survey.driver, survey.offload
    if survey.refusal:
        yield survey.refusal
    if build is None:
        yield survey.problem
    elif survey.device.kind is DeviceKind.CPU:
        if driver is not None:
            yield "Models run on the CPU because you chose so; medrega model device auto uses the GPU again."
    elif not build.cuda:
        if driver is not None or survey.device.kind is DeviceKind.CUDA:
            yield f"Models run on the CPU: {Lack.CUDA.text}."
    elif driver is None:
        yield f"Models run on the CPU: {Lack.DRIVER.text}. Install it."
    elif not build.gpus:
        why = f" ({build.problem})" if build.problem else ""
        yield (
            f"Models run on the CPU: {Lack.GPU.text}{why}. Look at nvidia-smi, at CUDA_VISIBLE_DEVICES, and whether "
            f"the driver is new enough: it runs CUDA {driver.cuda}."
        )
    elif offload is not None and (offload.layers < offload.all_layers or not offload.vision):
        yield (
            f"Not all of the model fits the GPU's memory ({offload.text}): close other programs that use it, or take "
            "a smaller quantization."
        )
