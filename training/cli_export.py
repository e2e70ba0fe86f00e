"""`medrega model export`: a checkpoint into model folders, compared with torch before any is promoted."""

from __future__ import annotations

from pathlib import Path

import click

PATH = click.Path(path_type=Path)


class QuantListType(click.ParamType[tuple[str, ...]]):
    """Names of quantizations with commas between them."""

    name = "Q[,Q...]"

    def convert(
        self, value: str | tuple[str, ...], param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, ...]:
        """Each once, in the order given; an unknown one is a wrong argument."""
        if isinstance(value, tuple):
            return value
        from training.export.quantize import QUANTIZATIONS

        names = tuple(dict.fromkeys(part.strip().lower() for part in value.split(",") if part.strip()))
        unknown = [name for name in names if name not in QUANTIZATIONS]
        if unknown or not names:
            self.fail(f"{value!r}: there are {', '.join(QUANTIZATIONS)}", param, ctx)
        return names


@click.command("export")
@click.argument("checkpoint", type=PATH)
@click.argument("out", type=PATH)
@click.option("--data", "datasets", type=PATH, multiple=True, help="The sets it was trained on; not for --lora.")
@click.option("--quant", "quants", type=QuantListType(), default="q8_0", show_default=True, help="Quantizations.")
@click.option("--evaluate", "test_set", type=PATH, help="Held-out set: compare each quantization with torch on it.")
@click.option("--calibrate", "validation_set", type=PATH, help="Validation set: fit the models' probabilities to it.")
@click.option("--limit", default=500, show_default=True, help="Questions of either set, spread evenly.")
@click.option("--max-drop", default=0.02, show_default=True, help="Largest loss of score that is promoted.")
@click.option("--imatrix-records", default=256, show_default=True, help="For the importance matrix; 0 for none.")
@click.option("--lora", "as_adapter", is_flag=True, help="CHECKPOINT is a LoRA: write OUT/adapter.gguf, not merged.")
@click.option("--model-id", default="trained", show_default=True)
@click.option("--licence", default="", help="Of the weights, an SPDX name where there is one.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def export_command(
    checkpoint: Path,
    out: Path,
    datasets: tuple[Path, ...],
    quants: tuple[str, ...],
    test_set: Path | None,
    validation_set: Path | None,
    limit: int,
    max_drop: float,
    imatrix_records: int,
    as_adapter: bool,
    model_id: str,
    licence: str,
    as_json: bool,
) -> None:
    """Turn a checkpoint into model folders for the engine: GGUF, manifest, self-test.

    One quantization goes to OUT itself, several each to a folder in OUT. With --evaluate one that loses more than
    --max-drop against torch in any measure is kept in OUT/refused and the command ends with 1. With --calibrate the
    promoted ones are calibrated, as by `medrega evaluate --calibrate`.

    Example: medrega model export runs/starter models/starter --data data/train --quant q8_0,q4_k_m --evaluate data/test
    """
    from engine.cli.output import echo_json
    from engine.cli.progress import TerminalProgress
    from training.export.lora import write_lora
    from training.export.promote import export_quantizations

    if as_adapter:
        out.mkdir(parents=True, exist_ok=True)
        write_lora(checkpoint, out / "adapter.gguf")
        if as_json:
            echo_json({"adapter": str(out / "adapter.gguf")})
        else:
            click.echo(f"adapter: {out / 'adapter.gguf'}")
        return
    if not datasets:
        raise click.UsageError("name the sets it was trained on: --data SET")
    result = export_quantizations(
        checkpoint,
        out,
        datasets,
        quants,
        TerminalProgress(),
        model_id=model_id,
        test_set=test_set,
        validation_set=validation_set,
        limit=limit,
        max_drop=max_drop,
        importance_records=imatrix_records,
        licence=licence,
    )
    if as_json:
        echo_json(result.to_json())
    else:
        click.echo(result.to_table())
    if result.refused:
        raise click.exceptions.Exit(1)
