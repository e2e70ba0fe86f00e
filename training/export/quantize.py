"""llama.cpp's own quantizer, with an importance matrix where there is one."""

from __future__ import annotations

import ctypes
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, get_args

import llama_cpp
import numpy as np
from numpy.typing import NDArray

from training.model import CheckpointError

Quantization = Literal["f32", "f16", "q8_0", "q6_k", "q5_k_m", "q4_k_m"]
QUANTIZATIONS: tuple[Quantization, ...] = get_args(Quantization)

# llama.h, enum llama_ftype.
_FTYPES: dict[str, int] = {"q8_0": 7, "q6_k": 18, "q5_k_m": 17, "q4_k_m": 15}

Importance = Mapping[str, NDArray[np.float32]]
"""By GGUF tensor name, (columns,) float32: the mean square of what each column of the matrix is multiplied with."""


def is_quantized(name: Quantization) -> bool:
    """Whether llama.cpp's quantizer makes it, rather than our writer."""
    return name in _FTYPES


def quantize(source: Path, target: Path, name: Quantization, importance: Importance | None = None) -> None:
    """Quantize a 32-bit GGUF file. Raises `CheckpointError` when llama.cpp refuses.

    importance : weighs each column's error by how much it is used; tensors it does not name are quantized without.
    """
    llama_cpp.llama_log_set(_SILENT, ctypes.c_void_p(0))
    params = llama_cpp.llama_model_quantize_default_params()
    params.ftype = _FTYPES[name]
    entries, kept = _entries(importance or {})
    if kept:
        params.imatrix = entries
    code = llama_cpp.llama_model_quantize(str(source).encode(), str(target).encode(), ctypes.byref(params))
    del kept
    if code:
        raise CheckpointError(f"llama.cpp cannot quantize {source} to {name}: code {code}")


def _entries(importance: Importance) -> tuple[Any, list[NDArray[np.float32]]]:
    """A null-terminated array of llama_model_imatrix_data, and the arrays it points into, to be kept alive."""
    kept = [np.ascontiguousarray(values, np.float32) for values in importance.values()]
    array = (llama_cpp.llama_model_imatrix_data * (len(kept) + 1))()
    for entry, name, values in zip(array, importance, kept, strict=False):
        entry.name = name.encode()
        entry.data = values.ctypes.data_as(ctypes.POINTER(ctypes.c_float))
        entry.size = values.size
    return array, kept


# ctypes callbacks must outlive every call that uses them.
_SILENT = llama_cpp.llama_log_callback(lambda *_: None)
