"""GGUF files larger than memory: the header first, then each tensor as it is made."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Protocol

import gguf
import numpy as np
from numpy.typing import NDArray

from engine.progress import Cancelled, Progress


class StreamedTensor(Protocol):
    """A tensor that is made when its turn comes. shape : the slowest axis first. kind : how it is stored."""

    @property
    def name(self) -> str: ...

    @property
    def shape(self) -> tuple[int, ...]: ...

    @property
    def kind(self) -> gguf.GGMLQuantizationType: ...

    def make(self) -> NDArray[Any]:
        """Its values as they are stored: `tensor_bytes` of them, in any type."""


def tensor_bytes(shape: Sequence[int], kind: gguf.GGMLQuantizationType) -> int:
    """What a tensor takes in a file."""
    values, size = gguf.GGML_QUANT_SIZES[kind]
    return math.prod(shape) // int(values) * int(size)


def write_streamed(out: gguf.GGUFWriter, plan: Sequence[StreamedTensor], progress: Progress, what: str) -> None:
    """Write a file whose keys were added, and close it; one tensor at a time is in memory. Raises `Cancelled`."""
    for one in plan:
        # Its shape is taken as it is only for a type that is not bytes.
        item = np.dtype(np.float32 if one.kind == gguf.GGMLQuantizationType.F32 else np.float16)
        out.add_tensor_info(one.name, one.shape, item, tensor_bytes(one.shape, one.kind), one.kind)
    try:
        out.write_header_to_file()
        out.write_kv_data_to_file()
        out.write_ti_data_to_file()
        for number, one in enumerate(plan):
            if progress.cancelled():
                raise Cancelled
            progress.report(number, len(plan), what)
            out.write_tensor_data(one.make())
        progress.report(len(plan), len(plan), what)
    finally:
        out.close()
