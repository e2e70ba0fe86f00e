"""`medrega serve`: the headless service."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

import click

from engine.cli.options import PATH, json_option
from engine.cli.output import echo_json
from engine.runtime import chosen_model, find_model
from engine.service import Address, ServiceLimits, require_token, serve, token_from_file

TOKEN_VARIABLE = "MEDREGA_TOKEN"
_LIMITS = ServiceLimits()


@click.command("serve")
@click.option("--host", default=Address().host, show_default=True, help="Where to listen; this machine alone.")
@click.option(
    "--port", type=click.IntRange(0, 65535), default=Address().port, show_default=True, help="0 for any that is free."
)
@click.option(
    "--token-file", type=PATH, help=f"Its first line is the token. Default: ${TOKEN_VARIABLE}, else one is made."
)
@click.option(
    "--model",
    "model_ids",
    multiple=True,
    metavar="ID",
    help="A registered model, or its folder; may be given several times. Default: your default, else the starter.",
)
@click.option(
    "--queue",
    type=click.IntRange(0, 64),
    default=_LIMITS.waiting,
    show_default=True,
    help="How many questions may wait; the next gets status 503.",
)
@click.option(
    "--timeout",
    type=click.FloatRange(1, 3600),
    default=_LIMITS.answer_s,
    show_default=True,
    help="Seconds that a question may take.",
)
@click.option(
    "--max-body",
    type=click.IntRange(1, 1024),
    default=_LIMITS.body_bytes >> 20,
    show_default=True,
    help="Megabytes that a request may have.",
)
@click.option(
    "--max-pixels",
    type=click.FloatRange(0.1, 2000),
    default=_LIMITS.pixels / 1e6,
    show_default=True,
    help="Millions of pixels that a picture may have, all its slices together.",
)
@json_option
def serve_command(
    host: str,
    port: int,
    token_file: Path | None,
    model_ids: tuple[str, ...],
    queue: int,
    timeout: float,
    max_body: int,
    max_pixels: float,
    as_json: bool,
) -> None:
    """Answer over HTTP, for scripts: OpenAI-compatible chat and typed questions about regions.

    Listens on this machine alone unless --host says otherwise, asks everybody for the token and fetches nothing.
    /openapi.json describes it; -v writes a line for each request, without what it says. Ends with Ctrl+C or SIGTERM.

    \b
    Example: medrega serve --token-file token.txt
      MEDREGA_TOKEN=$(openssl rand -hex 16) medrega -v serve
      curl http://127.0.0.1:8377/v1/regions/find -H "Authorization: Bearer $MEDREGA_TOKEN" \\
        -H "Content-Type: application/json" \\
        -d "{\\"image\\": \\"$(base64 -w0 slice.dcm)\\", \\"names\\": [\\"liver\\"]}"
    """
    manifests = [find_model(one) for one in model_ids] or [chosen_model()]
    token, said = _token(token_file)
    limits = ServiceLimits(max_body << 20, int(max_pixels * 1e6), queue, timeout)

    def ready(address: Address) -> None:
        models = [manifest.id for manifest in manifests]
        if said:
            click.echo(f"medrega: the token is {token}", err=True)
        click.echo(f"medrega: {', '.join(models)} on {address.url}", err=True)
        if as_json:
            echo_json({"url": address.url, "host": address.host, "port": address.port, "models": models})

    serve(manifests, token, Address(host, port), limits, ready)


def _token(file: Path | None) -> tuple[str, bool]:
    """The token, and whether it is to be shown: nobody else knows a new one."""
    if file is not None:
        return token_from_file(file), False
    given = os.environ.get(TOKEN_VARIABLE)
    if given is not None:
        return require_token(given, f"${TOKEN_VARIABLE}"), False
    return secrets.token_urlsafe(32), True
