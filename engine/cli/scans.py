"""`medrega scan` and `medrega render`."""

from __future__ import annotations

from pathlib import Path

import click
from PIL import Image

from engine.cli.options import PATH, json_option, pick_slice, slice_options
from engine.cli.output import echo_json, printable
from engine.cli.progress import TerminalProgress
from engine.files import whole_file
from engine.scans import ScanError, Window, image_sha256, index_path, read_volume, render_slice


@click.command()
@click.argument("path", type=PATH)
@json_option
def scan(path: Path, as_json: bool) -> None:
    """Say what is in a file or folder: series, sizes, problems.

    Example: medrega scan ~/studies --json
    """
    index = index_path(path, TerminalProgress())
    if as_json:
        echo_json(
            {
                "path": str(path),
                "series": [
                    {
                        "path": str(entry.path),
                        "series_uid": entry.series_uid,
                        "study_uid": entry.study_uid,
                        "modality": entry.modality,
                        "description": entry.description,
                        "rows": entry.rows,
                        "columns": entry.columns,
                        "slices": entry.slices,
                        "files": len(entry.files),
                        "body_part": entry.body_part,
                        "notes": [
                            {"kind": one.kind.value, "message": one.message, "values": dict(one.values)}
                            for one in entry.notes
                        ],
                    }
                    for entry in index.series
                ],
                "problems": [{"path": str(p.path), "reason": p.reason} for p in index.problems],
            }
        )
    else:
        for entry in index.series:
            size = f"{entry.columns} x {entry.rows} x {entry.slices}"
            click.echo(printable(f"{entry.modality:4} {size:18} {entry.description[:64] or '-':32} {entry.path}"))
            if "#" in entry.series_uid:
                click.echo(printable(f"     open it with --series {entry.series_uid}"))
            for one in entry.notes:
                click.echo(printable(f"     note: {one.message}"))
        for problem in index.problems:
            click.echo(printable(f"left out: {problem.reason}"), err=True)
    if not index.series:
        raise ScanError(f"{path} holds no scan that can be shown")


@click.command()
@click.argument("path", type=PATH, metavar="SCAN")
@slice_options
@click.argument("out", type=PATH, metavar="OUT.png")
@json_option
def render(
    path: Path,
    index: int | None,
    plane: str | None,
    window: Window | None,
    series: str,
    out: Path,
    as_json: bool,
) -> None:
    """Write a slice exactly as it is shown and as it is sent to the model.

    Example: medrega render ct/ --slice 24 --window 40,400 slice.png
    """
    volume = read_volume(path, series, TerminalProgress())
    chosen, number = pick_slice(volume, plane, index)
    rgb = render_slice(volume, chosen, number, window)
    try:
        with whole_file(out) as temporary:
            Image.fromarray(rgb).save(temporary, format="PNG")
    except OSError as error:
        raise ScanError(f"cannot write {out}: {error.strerror}") from error
    if as_json:
        echo_json(
            {
                "path": str(path),
                "plane": chosen.value,
                "slice": number,
                "width": rgb.shape[1],
                "height": rgb.shape[0],
                "sha256": image_sha256(rgb),
                "out": str(out),
            }
        )
