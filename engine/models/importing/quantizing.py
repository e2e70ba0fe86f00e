"""llama.cpp's own quantizer, and a look at what it made."""

from __future__ import annotations

import ctypes
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import gguf
import numpy as np

from engine.models.importing.conversion import PlannedTensor
from engine.progress import Cancelled, Progress
from engine.runtime.errors import ModelError

FTYPES = {"q8_0": 7, "q4_k_m": 15, "q5_k_m": 17, "q6_k": 18}
"""llama.h, enum llama_ftype, of the quantizations that are offered."""

_ROWS = 4
# Per value of a block, as a share of the rows' own size: a wrong tensor is off by more than 1.
_MOST_OFF = {"Q8_0": 0.02, "Q6_K": 0.06, "Q5_K": 0.1, "Q4_K": 0.2, "Q5_0": 0.12, "Q4_0": 0.25, "F16": 0.002}
_OTHERWISE_OFF = 0.3


def quantize(source: Path, target: Path, ftype: str) -> None:
    """Quantize a GGUF file. Raises `ModelError` when llama.cpp refuses."""
    import llama_cpp

    silent = llama_cpp.llama_log_callback(lambda *_: None)
    llama_cpp.llama_log_set(silent, ctypes.c_void_p(0))
    params = llama_cpp.llama_model_quantize_default_params()
    params.ftype = FTYPES[ftype]
    if llama_cpp.llama_model_quantize(str(source).encode(), str(target).encode(), ctypes.byref(params)):
        raise ModelError(f"llama.cpp cannot quantize {source}: there may be too little room on the disk")


def compare_rows(path: Path, planned: Mapping[str, PlannedTensor], progress: Progress) -> float:
    """The largest relative distance of a tensor's first and last rows from the checkpoint's.

    Raises `ModelError` that names a tensor which is missing, of another shape, or not the checkpoint's; `Cancelled`.
    """
    worst = 0.0
    tensors = gguf.GGUFReader(path).tensors
    for number, tensor in enumerate(tensors):
        if progress.cancelled():
            raise Cancelled
        progress.report(number + 1, len(tensors), f"{path.name}: comparing")
        plan = planned.get(tensor.name)
        if plan is None or tuple(int(extent) for extent in reversed(tensor.shape)) != plan.shape:
            raise ModelError(f"the tensor {tensor.name} of {path} is not the checkpoint's")
        off = _distance(tensor, plan)
        if not off <= _MOST_OFF.get(tensor.tensor_type.name, _OTHERWISE_OFF):
            raise ModelError(f"the tensor {tensor.name} of {path} is off from the checkpoint's by {off:.3f}")
        worst = max(worst, off)
    return worst


def _distance(tensor: Any, plan: PlannedTensor) -> float:
    expected = plan.make().reshape(-1, plan.shape[-1]) if len(plan.shape) > 1 else plan.make()[None]
    stored = tensor.data.reshape(expected.shape[0], -1)
    rows = sorted({*range(min(_ROWS, len(expected))), *range(max(0, len(expected) - _ROWS), len(expected))})
    found = gguf.quants.dequantize(stored[rows], tensor.tensor_type)
    size = float(np.linalg.norm(expected[rows]))
    return float(np.linalg.norm(found - expected[rows])) / size if size else float(np.abs(found).max())
