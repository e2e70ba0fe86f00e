"""The model process's first steps, before llama.cpp is in it.

The window's process names this function as the child's target, and so never loads llama.cpp itself: a library built
for another processor, or an OpenMP beside torch's, stays out of it.
"""

from __future__ import annotations

import os
import signal
from multiprocessing.connection import Connection

from engine.runtime.manifest import ModelManifest
from engine.runtime.messages import Failed, send
from engine.runtime.nvidia import missing_cuda_library
from engine.runtime.options import EngineOptions

_SPINS = "1000"
"""So often llama.cpp's threads look for each other before they sleep (libgomp reads it once, when it is loaded).

Left alone they look until they are put aside: with another program on one of two cores, a question that takes 35 ms
took 2 s, and a slice 0.9 s instead of 0.4. Where nothing else runs, that they sleep costs nothing that was measured.
"""


def child_main(connection: Connection, manifest: ModelManifest, options: EngineOptions) -> None:
    """Load llama.cpp and run the worker; tell the parent when even that is impossible."""
    # Ctrl-C goes to the whole terminal group; the parent decides when we end.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # CUDA reads them once, when it is loaded.
    os.environ.update(options.shown_device.variables(os.environ))
    os.environ.setdefault("GOMP_SPINCOUNT", _SPINS)
    try:
        from engine.runtime.worker import run_worker
    except (ImportError, OSError, RuntimeError) as failure:
        send(connection, Failed(0, "model", why_not_loaded(str(failure))))
        return
    run_worker(connection, manifest, options)


def why_not_loaded(failure: str) -> str:
    """What to tell a person when the library of llama.cpp could not be loaded, and what to do."""
    missing = missing_cuda_library(failure)
    if missing:
        return (
            f"the engine was built for NVIDIA GPUs and does not find their library {missing}: install the NVIDIA "
            "driver and the CUDA toolkit, or the engine for the CPU (python3 packaging/bootstrap.py install --portable)"
        )
    return f"llama.cpp cannot be loaded ({failure}): install llama-cpp-python 0.3.36 again"
