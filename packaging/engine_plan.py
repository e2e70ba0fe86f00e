"""Which build of llama.cpp this machine gets, and the name under which its wheel is kept."""

from __future__ import annotations

import hashlib
import platform
import sysconfig
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from console import SetupError

VARIANTS = ("portable", "native", "cuda")
# Nearly every x86-64 processor since 2015 has these. Left alone, ggml compiles for the very processor it is
# built on, and the wheel dies with an illegal instruction on another.
_X86_64_V3 = ("-DGGML_AVX2=ON", "-DGGML_FMA=ON", "-DGGML_F16C=ON", "-DGGML_BMI2=ON")
# Without it the engine is linked to the driver (libcuda), and does not even load where there is none, such as in a
# container without a GPU: it is to run on the CPU there.
_CUDA = ("-DGGML_CUDA=on", "-DGGML_CUDA_NO_VMM=ON")


@dataclass(frozen=True, slots=True)
class EnginePlan:
    """One build of llama-cpp-python.

    Attributes
    ----------
    version : str
        Exact version on the package index.
    variant : str
        One of `VARIANTS`.
    cmake_args : tuple of str
        Flags handed to CMake.
    machine : str
        Operating system, architecture and C library the wheel runs on; for `native` the processor too.
    """

    version: str
    variant: str
    cmake_args: tuple[str, ...]
    machine: str

    @property
    def key(self) -> str:
        """`VERSION-MACHINE-VARIANT-HASH`: equal only where the wheels are interchangeable."""
        # Not sorted: of two flags that contradict each other CMake takes the later one.
        flags = hashlib.sha256("\0".join(self.cmake_args).encode()).hexdigest()[:10]
        return f"{self.version}-{self.machine}-{self.variant}-{flags}"


def key_version(key: str) -> str:
    """Return the version of llama-cpp-python in the key of a build."""
    return key.partition("-")[0]


def key_variant(key: str) -> str:
    """Return the variant in the key of a build."""
    return key.rpartition("-")[0].rpartition("-")[2]


def plan_engine(
    version: str, variant: str = "portable", own_cmake_args: str = "", architectures: Sequence[str] = ()
) -> EnginePlan:
    """Choose the flags for this machine.

    Parameters
    ----------
    version : str
        Version of llama-cpp-python.
    variant : str
        `portable` runs on every processor of this kind, `native` is tuned to this one, `cuda` adds NVIDIA
        GPUs.
    own_cmake_args : str
        A person's own `CMAKE_ARGS`, separated by blanks; they come last and so win.
    architectures : sequence of str
        Of `cuda`: the GPUs to compile for, such as `90`; all that llama.cpp knows when there are none.

    Raises
    ------
    SetupError
        If this processor lacks the instructions of the portable build.
    """
    if variant not in VARIANTS:
        raise ValueError(f"variant must be one of {VARIANTS}, got {variant!r}")
    features = _cpu_features()
    machine = "-".join(part for part in (sysconfig.get_platform(), "".join(platform.libc_ver())) if part)
    if variant == "native":
        flags = ["-DGGML_NATIVE=ON"]
        machine += "-" + hashlib.sha256((features or platform.processor()).encode()).hexdigest()[:8]
    else:
        flags = ["-DGGML_NATIVE=OFF"]
        if platform.machine().lower() in ("x86_64", "amd64"):
            if features and "avx2" not in features.split():
                raise SetupError(
                    "This processor has no AVX2, which the portable build of the engine uses. "
                    "Add --native to build for this processor."
                )
            flags += _X86_64_V3
    if variant == "cuda":
        flags += _CUDA
        if architectures:
            flags.append(f"-DCMAKE_CUDA_ARCHITECTURES={';'.join(architectures)}")
    return EnginePlan(version, variant, (*flags, *own_cmake_args.split()), machine)


def _cpu_features() -> str:
    """Return Linux's list of processor features, or an empty string where there is none to read."""
    info = Path("/proc/cpuinfo")
    if not info.is_file():
        return ""
    for line in info.read_text(encoding="utf-8", errors="replace").splitlines():
        name, _, value = line.partition(":")
        if name.strip() in ("flags", "Features"):
            return value.strip()
    return ""
