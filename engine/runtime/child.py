"""The model process's first steps, before llama.cpp is in it.

The window's process names this function as the child's target, and so never loads llama.cpp itself: a library built
for another processor, or an OpenMP beside torch's, stays out of it.
"""

from __future__ import annotations

import signal
from multiprocessing.connection import Connection

from engine.runtime.manifest import ModelManifest
from engine.runtime.messages import Failed, send


def child_main(
    connection: Connection, manifest: ModelManifest, threads: int, gpu_layers: int | None, exact: bool
) -> None:
    """Load llama.cpp and run the worker; tell the parent when even that is impossible."""
    # Ctrl-C goes to the whole terminal group; the parent decides when we end.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        from engine.runtime.worker import run_worker
    except (ImportError, OSError, RuntimeError) as failure:
        message = f"llama.cpp cannot be loaded ({failure}): install llama-cpp-python 0.3.36 again"
        send(connection, Failed(0, "model", message))
        return
    run_worker(connection, manifest, threads, gpu_layers, exact)
