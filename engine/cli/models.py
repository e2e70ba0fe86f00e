"""`medrega model`: registered models."""

from __future__ import annotations

from importlib.metadata import entry_points

import click

from engine.cli.options import json_option
from engine.cli.output import echo_json, printable
from engine.runtime import DEFAULT_MODEL, Session, check_gguf, find_model, list_models, verify_files

_PLUGINS = "medrega.model_commands"


class _ModelGroup(click.Group):
    """Takes further verbs from other folders by entry point, imported only when used: torch is not the engine's."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted({*super().list_commands(ctx), *(point.name for point in entry_points(group=_PLUGINS))})

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        own = super().get_command(ctx, name)
        if own is not None:
            return own
        # Here and not above: `main` imports this module by its name.
        from engine.cli.main import load_plugin

        for point in entry_points(group=_PLUGINS):
            if point.name == name:
                return load_plugin(point)
        return None


@click.group(cls=_ModelGroup)
def model() -> None:
    """List, verify and export models."""


@model.command("list")
@json_option
def list_command(as_json: bool) -> None:
    """The registered models.

    Example: medrega model list --json
    """
    models = list_models()
    if as_json:
        rows = [
            {"id": m.id, "name": m.name, "version": m.version, "sha256": m.sha256, "folder": str(m.folder)}
            for m in models
        ]
        echo_json([{**row, "scores": m.scores} for row, m in zip(rows, models, strict=True)])
        return
    for one in models:
        click.echo(printable(f"{one.id:16} {one.version:10} {one.sha256[:12]}  {one.name}  ({one.folder})"))


@model.command()
@click.argument("model_id", default=DEFAULT_MODEL, metavar="[MODEL]")
@json_option
def verify(model_id: str, as_json: bool) -> None:
    """Compare a model's files with its manifest, then load it and run its self-test.

    Example: medrega model verify starter
    """
    manifest = find_model(model_id)
    verify_files(manifest)
    for role in ("text", "mmproj"):
        check_gguf(manifest.path(role))
    with Session(manifest) as session:
        session.start()
    if as_json:
        echo_json({"id": manifest.id, "sha256": manifest.sha256, "ok": True})
    else:
        click.echo(f"{manifest.id}: all {len(manifest.files)} files are as the manifest says; self-test passed")
