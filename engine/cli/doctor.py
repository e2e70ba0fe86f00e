"""`medrega doctor`: what this machine can do."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import sys
from dataclasses import asdict
from typing import Any

import click

from engine.bench.speed import Speed, measure_speed
from engine.cli.options import device_option, json_option, model_option, named_model
from engine.cli.output import echo_json, printable
from engine.errors import MedRegAError
from engine.runtime import Device, ModelManifest, verify_files
from engine.runtime.survey import EngineSurvey, survey_engine
from engine.store import default_database_path

_PACKAGES = (
    "llama-cpp-python",
    "PySide6-Essentials",
    "vtk",
    "pydicom",
    "SimpleITK",
    "torch",
    "transformers",
)
_WIDTH = 20


@click.command()
@model_option
@device_option
@click.option("--speed/--no-speed", default=True, show_default=True, help="Load the model and measure it.")
@json_option
def doctor(model_id: str, device: Device, speed: bool, as_json: bool) -> None:
    """Say what is installed and what works here: packages, model, engine, GPUs, speed, and what to do.

    Example: medrega doctor
    """
    manifest: ModelManifest | None = None
    try:
        manifest = named_model(model_id)
        verify_files(manifest)
        model = f"{manifest.id} {manifest.version}: files are as the manifest says"
    except MedRegAError as error:
        model = str(error)
    problem = ""
    measured: Speed | None = None
    survey = survey_engine(manifest, device)
    if speed and manifest is not None and survey.build is not None and not survey.refusal:
        try:
            measured = measure_speed(manifest, device, lambda _: None)
        except MedRegAError as error:
            problem = str(error)
    facts = {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "processors": os.cpu_count(),
        "packages": {package: _version(package) for package in _PACKAGES},
        "model": model,
        "display": sys.platform != "linux" or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")),
        "database": str(default_database_path()),
    }
    advice = [*survey.advice, *([problem] if problem else [])]
    if as_json:
        echo_json(facts | engine_facts(survey, measured) | {"advice": advice})
        return
    for key, value in facts.items():
        for name, said in value.items() if isinstance(value, dict) else ((key, value),):
            click.echo(f"{name:{_WIDTH}} {printable('not installed' if said is None else said)}")
    for name, said in engine_lines(survey, measured):
        click.echo(f"{name:{_WIDTH}} {printable(said)}")
    for number, sentence in enumerate(advice):
        click.echo(f"{'' if number else 'what to do':{_WIDTH}} {printable(sentence)}")


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def engine_facts(survey: EngineSurvey, speed: Speed | None) -> dict[str, Any]:
    """The engine's part of ``--json``."""
    build = survey.build
    return {
        "device": str(survey.device),
        "gpu_offload": bool(build and build.gpus),
        "engine": None if build is None else asdict(build),
        "nvidia_driver": None if survey.driver is None else asdict(survey.driver),
        "offload": None if survey.offload is None else asdict(survey.offload),
        "speed": None if speed is None else asdict(speed),
    }


def engine_lines(survey: EngineSurvey, speed: Speed | None) -> list[tuple[str, str]]:
    """The engine's part for a person: name and value of each row."""
    build, driver, offload = survey.build, survey.driver, survey.offload
    lines = [("device", str(survey.device))]
    if build is not None:
        kind = "NVIDIA GPUs (CUDA) and the CPU" if build.cuda else "the CPU"
        lines.append(("engine built for", f"{kind}, with {', '.join(build.features)}"))
    told = "none" if driver is None else f"{driver.release or 'of unknown release'}, runs CUDA {driver.cuda}"
    lines.append(("NVIDIA driver", told))
    for gpu in build.gpus if build is not None else ():
        lines.append((gpu.name, f"{gpu.description}, {_gb(gpu.total)}, {_gb(gpu.free)} free"))
    if offload is not None:
        needs = f" ({_gb(offload.needed)} of {_gb(offload.free)} free)" if offload.on_gpu else ""
        lines.append(("keys and values", f"kept as {offload.kv_type.value}"))
        lines.append(("model would run on", offload.text + needs + (f": {offload.lack.text}" if offload.lack else "")))
    if speed is not None:
        lines += [
            ("model ran on", speed.offload.text if speed.offload else "CPU"),
            ("loading", f"{speed.load_s:.2f} s, self-test included"),
            ("looking at a slice", f"{speed.encode_ms:.0f} ms"),
            ("reading a question", f"{speed.prompt_ms:.0f} ms"),
            ("writing", f"{speed.rate:.1f} tokens/s ({speed.written} timed)"),
        ]
    return lines


def _gb(count: int) -> str:
    return f"{count / 1e9:.1f} GB"
