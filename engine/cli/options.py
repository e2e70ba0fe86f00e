"""Options that several verbs share, and how they are read."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from engine.protocol import Task
from engine.regions import Box, RegionError
from engine.runtime import (
    AdapterManifest,
    Device,
    ModelError,
    ModelManifest,
    chosen_device,
    chosen_model,
    find_model,
    list_adapters,
)
from engine.scans import Plane, ScanError, Volume, Window
from engine.store import AnnotationStore, StoreError, default_database_path

Command = TypeVar("Command", bound=Callable[..., Any])

PATH = click.Path(path_type=Path)


def json_option(command: Command) -> Command:
    """``--json``"""
    return click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")(command)


def db_option(command: Command) -> Command:
    """``--db FILE``"""
    return click.option(
        "--db",
        "database",
        type=PATH,
        default=default_database_path,
        show_default="the user data folder",
        help="The annotation database.",
    )(command)


def model_option(command: Command) -> Command:
    """``--model ID``"""
    return click.option(
        "--model",
        "model_id",
        default="",
        show_default="your default for the task (medrega model default), else the starter",
        help="A registered model, or its folder.",
    )(command)


class DeviceType(click.ParamType[Device]):
    """Where the model runs."""

    name = "auto|cpu|cuda[:N]"

    def convert(self, value: str | Device, param: click.Parameter | None, ctx: click.Context | None) -> Device:
        """Read a device; an unknown one is a wrong argument."""
        if isinstance(value, Device):
            return value
        try:
            return Device.parse(value)
        except ModelError as error:
            self.fail(str(error), param, ctx)


def device_option(command: Command) -> Command:
    """``--device auto|cpu|cuda[:N]``"""
    return click.option(
        "--device",
        type=DeviceType(),
        default=lambda: chosen_device(),
        show_default="your choice (medrega model device), else auto",
        help="Where the model runs. auto: on NVIDIA GPUs as far as it fits their memory, else on the CPU.",
    )(command)


def slice_options(command: Command) -> Command:
    """``--slice N --plane P --window C,W --series UID``"""
    for option in (
        click.option("--series", default="", help="Series UID, where a folder holds several."),
        click.option("--window", type=WindowType(), help="Window centre and width, C,W. Default: the scan's own."),
        click.option(
            "--plane",
            type=click.Choice([plane.value for plane in Plane]),
            help="Default: the plane the scan was stored in.",
        ),
        click.option("--slice", "index", type=int, default=None, help="Counted from 0. Default: the middle one."),
    ):
        command = option(command)
    return command


class _NumbersType(click.ParamType[Any]):
    count = 0

    def numbers(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> list[float]:
        try:
            numbers = [float(part) for part in value.split(",")]
        except ValueError:
            numbers = []
        if len(numbers) != self.count:
            self.fail(f"{value!r} is not {self.count} numbers with commas between them", param, ctx)
        return numbers


class BoxType(_NumbersType):
    """X1,Y1,X2,Y2 in pixels of the stored slice."""

    name = "X1,Y1,X2,Y2"
    count = 4

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Box:
        """Read a box; an empty or reversed one is a wrong argument."""
        if isinstance(value, Box):
            return value
        try:
            return Box(*self.numbers(value, param, ctx))
        except RegionError as error:
            self.fail(str(error), param, ctx)


class WindowType(_NumbersType):
    """Centre,width in stored units."""

    name = "C,W"
    count = 2

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Window:
        """Read a window; one without width is a wrong argument."""
        if isinstance(value, Window):
            return value
        try:
            return Window(*self.numbers(value, param, ctx))
        except ScanError as error:
            self.fail(str(error), param, ctx)


def named_model(model_id: str, task: Task | None = None) -> ModelManifest:
    """The model of ``--model``, else the chosen one. Raises `ModelError`."""
    return find_model(model_id) if model_id else chosen_model(task)


def named_adapter(adapter_id: str, manifest: ModelManifest) -> AdapterManifest | None:
    """The adapter of ``--adapter``, None for ``none``. Raises `ModelError`."""
    if adapter_id == "none":
        return None
    known = {one.id: one for one in list_adapters(manifest)}
    if adapter_id not in known:
        raise ModelError(
            f"the model {manifest.id} has no adapter {adapter_id!r}: there are {', '.join(sorted(known)) or 'none'}"
        )
    return known[adapter_id]


def pick_slice(volume: Volume, plane: str | None, index: int | None) -> tuple[Plane, int]:
    """The plane and slice asked for, or the stored plane and its middle slice."""
    from engine.scans import slice_count

    chosen = Plane(plane) if plane else volume.plane
    return chosen, slice_count(volume, chosen) // 2 if index is None else index


def existing_store(database: Path) -> AnnotationStore:
    """The database that is there, for verbs that would have nothing to do with a new one. Raises `StoreError`."""
    if not database.is_file():
        raise StoreError(f"there is no database {database}: name one with --db")
    return AnnotationStore.open(database)
