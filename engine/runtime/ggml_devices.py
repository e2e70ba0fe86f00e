"""Which GPUs ggml sees, and how it was built. Loads llama.cpp: for the model's process alone."""

from __future__ import annotations

import ctypes
import importlib.metadata
from typing import Any

import llama_cpp as lc
from llama_cpp import _ggml

from engine.runtime.engine_build import EngineBuild, Gpu, cpu_features
from engine.runtime.llama_log import heard_errors

# ggml-backend.h, enum ggml_backend_dev_type: a GPU with memory of its own.
_GPU = 1
_CUDA = b"CUDA"


def read_build() -> EngineBuild:
    """Ask ggml. The first call in a process sets CUDA up, where it is built in, and measures its memory."""
    ggml = _typed(_ggml.libggml)
    with heard_errors() as errors:
        cuda = bool(ggml.ggml_backend_reg_by_name(_CUDA))
        gpus = tuple(_gpus(ggml))
    said = [line for line in errors if "cuda" in line.lower()]
    return EngineBuild(
        importlib.metadata.version("llama-cpp-python"),
        cuda,
        cpu_features(lc.llama_print_system_info().decode(errors="replace")),
        gpus,
        said[-1] if said and cuda and not gpus else "",
    )


def _gpus(ggml: Any) -> list[Gpu]:
    found = []
    for number in range(ggml.ggml_backend_dev_count()):
        device = ggml.ggml_backend_dev_get(number)
        if ggml.ggml_backend_dev_type(device) != _GPU:
            continue
        free, total = ctypes.c_size_t(), ctypes.c_size_t()
        ggml.ggml_backend_dev_memory(device, ctypes.byref(free), ctypes.byref(total))
        name, description = (
            call(device).decode(errors="replace")
            for call in (ggml.ggml_backend_dev_name, ggml.ggml_backend_dev_description)
        )
        found.append(Gpu(name, description, total.value, free.value))
    return found


def _typed(ggml: Any) -> Any:
    """ggml's device registry (ggml-backend.h), which llama-cpp-python loads and does not bind."""
    pointer, size = ctypes.c_void_p, ctypes.c_size_t
    for name, result, arguments in (
        ("ggml_backend_reg_by_name", pointer, [ctypes.c_char_p]),
        ("ggml_backend_dev_count", size, []),
        ("ggml_backend_dev_get", pointer, [size]),
        ("ggml_backend_dev_type", ctypes.c_int, [pointer]),
        ("ggml_backend_dev_name", ctypes.c_char_p, [pointer]),
        ("ggml_backend_dev_description", ctypes.c_char_p, [pointer]),
        ("ggml_backend_dev_memory", None, [pointer, ctypes.POINTER(size), ctypes.POINTER(size)]),
    ):
        function = getattr(ggml, name)
        function.restype, function.argtypes = result, arguments
    return ggml
