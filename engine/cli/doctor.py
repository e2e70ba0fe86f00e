"""`medrega doctor`: what this machine can do."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import platform
import sys

import click

from engine.cli.options import json_option
from engine.cli.output import echo_json, printable
from engine.errors import MedRegAError
from engine.runtime import find_model, verify_files
from engine.store import default_database_path


@click.command()
@json_option
def doctor(as_json: bool) -> None:
    """Say what is installed and what works here.

    Example: medrega doctor
    """
    packages = (
        "llama-cpp-python",
        "PySide6-Essentials",
        "vtk",
        "pydicom",
        "SimpleITK",
        "torch",
        "transformers",
    )
    found: dict[str, str | None] = {}
    for package in packages:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            found[package] = None
    try:
        manifest = find_model()
        verify_files(manifest)
        model = f"{manifest.id} {manifest.version}: files are as the manifest says"
    except MedRegAError as error:
        model = str(error)
    gpu = False
    if importlib.util.find_spec("llama_cpp"):
        import llama_cpp

        gpu = bool(llama_cpp.llama_supports_gpu_offload())
    display = sys.platform != "linux" or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
    report = {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "processors": os.cpu_count(),
        "packages": found,
        "model": model,
        "gpu_offload": gpu,
        "display": display,
        "database": str(default_database_path()),
    }
    if as_json:
        echo_json(report)
        return
    for key, value in report.items():
        if isinstance(value, dict):
            for name, version in value.items():
                click.echo(f"{name:20} {version or 'not installed'}")
        else:
            click.echo(f"{key:20} {printable(value)}")
