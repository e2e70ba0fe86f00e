"""The NVIDIA driver of this machine, asked without CUDA's toolkit and without touching a GPU."""

from __future__ import annotations

import ctypes
import re
import sys
from dataclasses import dataclass
from pathlib import Path

_LIBRARY = "nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1"
_RELEASE_FILE = Path("/proc/driver/nvidia/version")
_CUDA_LIBRARY = re.compile(r"(?:lib)?(?:cuda|cudart|cublas|cublasLt|nccl)(?:64_\d+)?\.(?:so|dll)[\w.]*")


@dataclass(frozen=True, slots=True)
class NvidiaDriver:
    """release : such as "580.65.06", "" where the system does not say. cuda : the newest version it runs, "13.0"."""

    release: str
    cuda: str


def nvidia_driver() -> NvidiaDriver | None:
    """The driver, None where there is none."""
    try:
        library = ctypes.CDLL(_LIBRARY)
        version = ctypes.c_int()
        # Of the driver API's few calls that need no cuInit.
        if library.cuDriverGetVersion(ctypes.byref(version)):
            return None
    except (OSError, AttributeError):
        return None
    return NvidiaDriver(_release(), f"{version.value // 1000}.{version.value % 1000 // 10}")


def _release() -> str:
    try:
        text = _RELEASE_FILE.read_text(encoding="ascii", errors="replace")
    except OSError:
        return ""
    found = re.search(r"\b\d{3}\.\d+(?:\.\d+)?\b", text)
    return found[0] if found else ""


def missing_cuda_library(message: str) -> str:
    """The library of CUDA that a failed loading of llama.cpp is about, "" when it is about something else."""
    found = _CUDA_LIBRARY.search(message)
    return found[0] if found else ""
