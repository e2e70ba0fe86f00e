"""The CUDA toolkit that the engine is built with: where it is, and what of it is missing."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from console import SetupError

OLDEST = (11, 7)
"""llama.cpp's CUDA part does not compile with older ones."""

_NVCC = "nvcc.exe" if sys.platform == "win32" else "nvcc"
_USUAL = ("/usr/local/cuda", "/opt/cuda")
_HEADERS = ("include", "targets/*/include", "../../include")
_LIBRARIES = ("lib64", "lib", "lib/x64", "targets/*/lib", "lib/*-linux-gnu", "../*-linux-gnu")
_CUBLAS = ("libcublas.so", "cublas.lib")
_TIMEOUT_S = 30


@dataclass(frozen=True, slots=True)
class CudaToolkit:
    """A toolkit that can build the engine.

    Attributes
    ----------
    nvcc : Path
        The compiler.
    version : tuple of int
        Such as (13, 0).
    root : Path
        The folder it belongs to.
    """

    nvcc: Path
    version: tuple[int, int]
    root: Path


def find_toolkit(environment: Mapping[str, str], own_cmake_args: str = "") -> CudaToolkit:
    """Look for nvcc and cuBLAS where CMake will.

    Parameters
    ----------
    environment : mapping
        `CUDACXX`, `CUDA_PATH`, `CUDA_HOME` and `PATH` are looked at, in this order.
    own_cmake_args : str
        A person's own flags; when they name a library path, cuBLAS is theirs to find.

    Raises
    ------
    SetupError
        Naming what is missing and what to do, before minutes are spent on a build that must fail.
    """
    nvcc = _find_nvcc(environment)
    if nvcc is None:
        raise SetupError(
            "The engine for NVIDIA GPUs is compiled with the CUDA toolkit, and there is no nvcc: not in PATH, "
            "CUDA_PATH or /usr/local/cuda. Install the toolkit (https://developer.nvidia.com/cuda-downloads, or "
            "Debian's nvidia-cuda-toolkit), or set CUDACXX to its nvcc. Without --cuda (CUDA=1) the engine for the "
            "CPU is built."
        )
    said = _run([str(nvcc), "--version"])
    found = re.search(r"release (\d+)\.(\d+)", said)
    if found is None:
        raise SetupError(f"{nvcc} does not work: it does not say its version. Install the CUDA toolkit again.")
    version = (int(found[1]), int(found[2]))
    if version < OLDEST:
        raise SetupError(
            f"{nvcc} is of CUDA {version[0]}.{version[1]}; the engine needs {OLDEST[0]}.{OLDEST[1]} or newer."
        )
    root = _root(nvcc)
    if "LIBRARY_PATH" not in own_cmake_args and not _has_cublas(root):
        raise SetupError(
            f"The CUDA toolkit in {root} has no cuBLAS (cublas_v2.h and libcublas), which the engine needs. Install "
            f"it, on Debian and Ubuntu as libcublas-dev-{version[0]}-{version[1]} of NVIDIA's repository, or name "
            'its folders: CMAKE_ARGS="-DCMAKE_LIBRARY_PATH=... -DCMAKE_CUDA_FLAGS=-I... -DCMAKE_CXX_FLAGS=-I...".'
        )
    return CudaToolkit(nvcc, version, root)


def gpu_architectures() -> tuple[str, ...]:
    """Return the compute capabilities of the GPUs here as CMake writes them, `("86", "90")`; none where none is seen.

    With them only the kernels of these GPUs are compiled: minutes instead of an hour.
    """
    smi = shutil.which("nvidia-smi")
    if smi is None:
        return ()
    said = _run([smi, "--query-gpu=compute_cap", "--format=csv,noheader"])
    return tuple(
        sorted({f"{major}{minor}" for major, minor in re.findall(r"^\s*(\d+)\.(\d)\s*$", said, re.M)}, key=int)
    )


def _find_nvcc(environment: Mapping[str, str]) -> Path | None:
    named = environment.get("CUDACXX")
    if named:
        found = shutil.which(named, path=environment.get("PATH"))
        if found is None:
            raise SetupError(f"CUDACXX is {named}, and that is no program: set it to the toolkit's nvcc, or unset it.")
        return Path(found)
    folders = [environment[name] for name in ("CUDA_PATH", "CUDA_HOME") if environment.get(name)]
    places = [os.path.join(folder, "bin") for folder in folders]  # noqa: PTH118 - a search path is text
    for path in (*places, environment.get("PATH", ""), *(f"{folder}/bin" for folder in _USUAL)):
        found = shutil.which(_NVCC, path=path)
        if found is not None:
            return Path(found)
    return None


def _root(nvcc: Path) -> Path:
    """The toolkit's folder, asked of nvcc itself: what stands in PATH may be a script that calls it."""
    source = "NUL" if sys.platform == "win32" else "/dev/null"
    found = re.search(r"^#\$ TOP=(.+)$", _run([str(nvcc), "--dryrun", "-x", "cu", "-c", source]), re.M)
    return Path(found[1].strip()).resolve() if found else nvcc.resolve().parent.parent


def _has_cublas(root: Path) -> bool:
    return _any(root, _HEADERS, ("cublas_v2.h",)) and _any(root, _LIBRARIES, _CUBLAS)


def _any(root: Path, folders: Sequence[str], names: Sequence[str]) -> bool:
    return any(any(root.glob(f"{folder}/{name}")) for folder in folders for name in names)


def _run(command: list[str]) -> str:
    """What a program prints, on both streams; nothing when it cannot be run."""
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=_TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout
