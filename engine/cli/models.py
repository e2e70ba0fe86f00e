"""`medrega model`: registered models. Verbs that need more than the engine come from elsewhere, as `export` does."""

from __future__ import annotations

import logging
from dataclasses import replace
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import click

from engine.cli.options import PATH, DeviceType, json_option
from engine.cli.output import echo_json, printable
from engine.cli.progress import TerminalProgress
from engine.protocol import Task
from engine.runtime import (
    AdapterManifest,
    Device,
    KvType,
    ModelError,
    ModelManifest,
    Session,
    adapter_in_use,
    check_gguf,
    choose_model,
    chosen_device,
    chosen_model,
    find_model,
    list_adapters,
    list_models,
    read_choices,
    remove_model,
    verify_files,
    write_choices,
)
from engine.runtime.manifest import BOX_UNITS, DIALECTS

logger = logging.getLogger(__name__)

_PLUGINS = "medrega.model_commands"
_TEXT_TYPES = ("q4_k_m", "q5_k_m", "q6_k", "q8_0", "f16", "f32")
_VISION_TYPES = ("q8_0", "f16", "f32")


class _ModelGroup(click.Group):
    """Its own verbs, and those of the entry points ``medrega.model_commands``, which are imported when used.

    Those of the trainer among them: torch is not the engine's.
    """

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted({*super().list_commands(ctx), *(point.name for point in entry_points(group=_PLUGINS))})

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        from engine.cli.main import load_plugin

        own = super().get_command(ctx, name)
        if own is not None:
            return own
        for point in entry_points(group=_PLUGINS):
            if point.name == name:
                return load_plugin(point)
        return None


@click.group(cls=_ModelGroup)
def model() -> None:
    """List, add, import, verify and remove models."""


def _promoted(manifest: ModelManifest) -> AdapterManifest | None:
    """A broken adapter must not hide the models."""
    try:
        return adapter_in_use(manifest)
    except ModelError as error:
        logger.warning("%s", error)
        return None


def model_row(manifest: ModelManifest) -> dict[str, Any]:
    """One model as `list --json` shows it."""
    choices, used = read_choices(), _promoted(manifest)
    return {
        "id": manifest.id,
        "name": manifest.name,
        "version": manifest.version,
        "sha256": manifest.sha256,
        "folder": str(manifest.folder),
        "bytes": manifest.bytes,
        "licence": manifest.licence,
        "dialect": manifest.dialect,
        "tasks": list(manifest.tasks),
        "default": choices.default == manifest.id,
        "default_for": [task.value for task, id in choices.tasks.items() if id == manifest.id],
        "scores": manifest.scores,
        "adapters": [
            {"id": one.id, "name": one.name, "in_use": one == used, "scores": dict(one.scores)}
            for one in list_adapters(manifest)
        ],
    }


@model.command("list")
@json_option
def list_command(as_json: bool) -> None:
    """The registered models and their LoRA adapters; a star marks the default and the promoted.

    Example: medrega model list --json
    """
    rows = [model_row(manifest) for manifest in list_models()]
    if as_json:
        echo_json(rows)
        return
    for row in rows:
        star = "*" if row["default"] else " "
        size = f"{row['bytes'] / 1e6:.0f} MB"
        marks = "".join(f" [{task}]" for task in row["default_for"])
        text = f"{star} {row['id']:16} {row['version']:14} {row['sha256'][:12]} {size:>9}  {row['dialect']:8} "
        click.echo(printable(f"{text}{row['name']}{marks}  ({row['folder']})"))
        for adapter in row["adapters"]:
            star = "*" if adapter["in_use"] else " "
            click.echo(printable(f"  {star} + {adapter['id']:12} {adapter['name']}"))


_ID_OPTION = click.option("--id", "model_id", required=True, help="How the model will be called.")
_NAME_OPTION = click.option("--name", default="", help="Its name for people.")
_LICENCE_OPTION = click.option("--licence", default="", help="Its licence, as its publisher says.")
_LABELS_OPTION = click.option("--labels", "labels_file", type=PATH, help="JSON list of names to choose among.")


@model.command("add")
@click.argument("text", type=PATH, metavar="TEXT.gguf")
@click.argument("mmproj", type=PATH, metavar="MMPROJ.gguf")
@click.option("--dialect", type=click.Choice(DIALECTS), required=True, help="How it is asked and writes boxes.")
@_ID_OPTION
@_NAME_OPTION
@_LICENCE_OPTION
@_LABELS_OPTION
@click.option("--version", "version", default="", help="Default: what the file says.")
@click.option("--card", type=PATH, help="Markdown about the model.")
@click.option("--image-size", type=click.IntRange(14, 4096), help="Side of its images. Default: the tower's own.")
@click.option("--boxes", type=click.Choice([unit for unit in BOX_UNITS if unit]), help="Unit of qwen-vl's boxes.")
@json_option
def add_command(
    text: Path,
    mmproj: Path,
    dialect: str,
    model_id: str,
    name: str,
    licence: str,
    labels_file: Path | None,
    version: str,
    card: Path | None,
    image_size: int | None,
    boxes: str | None,
    as_json: bool,
) -> None:
    """Register any llama.cpp vision model from its two GGUF files, which are checked, copied and tried out.

    Example: medrega model add medgemma-q4.gguf mmproj-f16.gguf --dialect gemma --id medgemma
    """
    from engine.models.adding import add_model
    from engine.regions import LabelSet

    manifest = add_model(
        text,
        mmproj,
        dialect,
        model_id,
        TerminalProgress(),
        name=name,
        version=version,
        licence=licence,
        labels=LabelSet.from_file(labels_file) if labels_file else None,
        card=card,
        image_size=image_size,
        box_unit=boxes,
    )
    _say(manifest, as_json, "added; self-test passed")


@model.command("import")
@click.argument("folder", type=PATH, metavar="DIR")
@_ID_OPTION
@_NAME_OPTION
@_LICENCE_OPTION
@_LABELS_OPTION
@click.option("--text", "text_type", type=click.Choice(_TEXT_TYPES), default="q4_k_m", show_default=True)
@click.option("--vision", "vision_type", type=click.Choice(_VISION_TYPES), default="q8_0", show_default=True)
@json_option
def import_command(
    folder: Path,
    model_id: str,
    name: str,
    licence: str,
    labels_file: Path | None,
    text_type: str,
    vision_type: str,
    as_json: bool,
) -> None:
    """Convert, quantize and verify MedRegA's released checkpoint (InternVLChatModel safetensors).

    Example: medrega model import checkpoints/medrega --id medrega
    """
    try:
        from engine.models.importing.importer import import_checkpoint
    except ImportError as error:
        raise click.ClickException(f"import needs {error.name}: pip install '.[models]'") from error
    from engine.regions import LabelSet

    imported = import_checkpoint(
        folder,
        model_id,
        TerminalProgress(),
        name=name,
        text_type=text_type,
        vision_type=vision_type,
        labels=LabelSet.from_file(labels_file) if labels_file else None,
        licence=licence,
    )
    tested = "self-test passed" if imported.self_test else "too little memory for the self-test, done at first use"
    _say(imported.manifest, as_json, f"imported; rows within {imported.worst_row:.3f} of the checkpoint; {tested}")


@model.command()
@click.argument("model_id", default="", metavar="[MODEL]")
@json_option
def verify(model_id: str, as_json: bool) -> None:
    """Compare a model's files with its manifest, then load it and run its self-test.

    Example: medrega model verify starter
    """
    manifest = find_model(model_id) if model_id else chosen_model()
    verify_files(manifest, TerminalProgress())
    for role in ("text", "mmproj"):
        check_gguf(manifest.path(role))
    with Session(manifest) as session:
        session.start()
    if as_json:
        echo_json({"id": manifest.id, "sha256": manifest.sha256, "ok": True})
    else:
        click.echo(f"{manifest.id}: all {len(manifest.files)} files are as the manifest says; self-test passed")


@model.command("default")
@click.argument("model_id", metavar="MODEL")
@click.option("--task", type=click.Choice([task.value for task in Task]), help="For this task alone.")
@json_option
def default_command(model_id: str, task: str | None, as_json: bool) -> None:
    """Make a model the one that answers when none is named.

    Example: medrega model default medgemma --task report
    """
    manifest = choose_model(model_id, Task(task) if task else None)
    _say(manifest, as_json, f"answers {task or 'by default'}")


@model.command("device")
@click.argument("device", type=DeviceType(), required=False, metavar="[auto|cpu|cuda[:N]]")
@json_option
def device_command(device: Device | None, as_json: bool) -> None:
    """Say where models run, or choose it: for the window and for every verb without --device.

    Example: medrega model device cuda:0
    """
    if device is not None:
        write_choices(replace(read_choices(), device=device))
    said = str(chosen_device())
    if as_json:
        echo_json({"device": said})
    else:
        click.echo(said)


@model.command("kv")
@click.argument("kv_type", type=click.Choice([one.value for one in KvType]), required=False)
@json_option
def kv_command(kv_type: str | None, as_json: bool) -> None:
    """Say how models keep keys and values, or choose it.

    q8_0 takes half the memory of f16, f32 twice as much; f32 also computes attention as torch does, more slowly.

    Example: medrega model kv q8_0
    """
    if kv_type is not None:
        write_choices(replace(read_choices(), kv_type=KvType(kv_type)))
    said = read_choices().kv_type.value
    if as_json:
        echo_json({"kv_type": said})
    else:
        click.echo(said)


@model.command("remove")
@click.argument("model_id", metavar="MODEL")
@json_option
def remove_command(model_id: str, as_json: bool) -> None:
    """Delete a model that was added, with its files.

    Example: medrega model remove medgemma
    """
    manifest = remove_model(model_id)
    write_choices(read_choices().without(manifest.id))
    if as_json:
        echo_json({"id": manifest.id, "sha256": manifest.sha256, "removed": True})
    else:
        click.echo(f"{manifest.id}: removed")


def _say(manifest: ModelManifest, as_json: bool, what: str) -> None:
    if as_json:
        echo_json(model_row(manifest))
    else:
        click.echo(printable(f"{manifest.id}: {what}  ({manifest.folder})"))
