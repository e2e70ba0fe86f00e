"""How the llama.cpp in use was built, and what it sees, as values."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Gpu:
    """name : ggml's, "CUDA0". description : the card's. total, free : bytes of its memory, measured now."""

    name: str
    description: str
    total: int
    free: int


@dataclass(frozen=True, slots=True)
class EngineBuild:
    """version : of llama-cpp-python. cuda : built for NVIDIA GPUs. features : of the CPU that it uses, "AVX2" ....

    gpus : those it sees. problem : why it sees none although it was built for some, as ggml says; "" when it does not.
    """

    version: str
    cuda: bool
    features: tuple[str, ...]
    gpus: tuple[Gpu, ...]
    problem: str = ""


def cpu_features(system_info: str) -> tuple[str, ...]:
    """What llama.cpp's line about the system says of the CPU: ``CPU : SSE3 = 1 | AVX2 = 1 | OPENMP = 1 |``."""
    _, _, rest = system_info.partition("CPU : ")
    pairs = (item.split("=") for item in rest.split("|"))
    return tuple(pair[0].strip() for pair in pairs if len(pair) == 2 and pair[1].strip() not in ("0", ""))
