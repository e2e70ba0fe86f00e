"""Tensors of safetensors files, mapped from the disk one at a time.

Format: 8 bytes of header length, a JSON header of ``dtype``, ``shape`` and ``data_offsets``, the data (safetensors'
README). Read here because the library gives no bfloat16 to numpy and nothing of a file but whole tensors.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.runtime.errors import ModelError

_MAX_HEADER = 100 << 20
_INDEX = "model.safetensors.index.json"
# bfloat16 is the upper half of a float32: numpy has no such type, so it is carried as 16-bit integers.
_TYPES: dict[str, Any] = {"F32": np.float32, "F16": np.float16, "BF16": np.uint16}


@dataclass(frozen=True, slots=True)
class StoredTensor:
    """Where a tensor lies. dtype : ``F32``, ``F16`` or ``BF16``."""

    name: str
    path: Path
    dtype: str
    shape: tuple[int, ...]
    start: int

    def raw(self) -> NDArray[Any]:
        """Mapped, in its stored type; bfloat16 as uint16."""
        mapped: NDArray[Any] = np.memmap(self.path, _TYPES[self.dtype], "r", self.start, self.shape)
        return mapped

    def float32(self) -> NDArray[np.float32]:
        """A copy in 32 bits, exact."""
        return to_float32(self.raw(), self.dtype)


def to_float32(raw: NDArray[Any], dtype: str) -> NDArray[np.float32]:
    """A tensor or some of its rows in 32 bits."""
    if dtype != "BF16":
        return np.array(raw, np.float32)
    return (raw.astype(np.uint32) << 16).view(np.float32)


def read_tensors(folder: Path) -> dict[str, StoredTensor]:
    """Every tensor of a checkpoint's shards by name.

    Raises `ModelError` naming the file that is missing, cut off or not what it says.
    """
    tensors: dict[str, StoredTensor] = {}
    for path in _shards(folder):
        for name, tensor in _read_header(path).items():
            if name in tensors:
                raise ModelError(f"the tensor {name!r} is in both {tensors[name].path} and {path}")
            tensors[name] = tensor
    return tensors


def _shards(folder: Path) -> list[Path]:
    index = folder / _INDEX
    if index.is_file():
        try:
            names = set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values())
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise ModelError(f"cannot read the list of shards {index}: {error}") from error
        for name in names:
            if not isinstance(name, str) or name != Path(name).name:
                raise ModelError(f"the list of shards {index} names {name!r:.80}, which leaves the checkpoint's folder")
        paths = [folder / name for name in sorted(names)]
    else:
        paths = sorted(folder.glob("*.safetensors"))
    if not paths:
        raise ModelError(f"{folder} holds no *.safetensors files: name the folder of the checkpoint")
    for path in paths:
        if not path.is_file():
            raise ModelError(f"the checkpoint lacks its shard {path}: get it again")
    return paths


def _read_header(path: Path) -> dict[str, StoredTensor]:
    try:
        size = path.stat().st_size
        with path.open("rb") as stream:
            length = int.from_bytes(stream.read(8), "little")
            if not 2 <= length <= min(_MAX_HEADER, size - 8):
                raise ValueError(f"a header of {length} bytes")
            said = json.loads(stream.read(length))
        return {
            name: _tensor(name, path, one, 8 + length, size) for name, one in said.items() if name != "__metadata__"
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ModelError(f"the shard {path} is no sound safetensors file ({error}): get it again") from error


def _tensor(name: str, path: Path, said: dict[str, Any], data: int, size: int) -> StoredTensor:
    dtype, shape, (start, end) = said["dtype"], tuple(said["shape"]), said["data_offsets"]
    if dtype not in _TYPES:
        raise ValueError(f"a tensor of the type {dtype!r:.20}, read are F32, F16 and BF16")
    if not all(type(extent) is int and extent > 0 for extent in (*shape, end)) or type(start) is not int or start < 0:
        raise ValueError("a tensor of an impossible shape")
    bytes_ = math.prod(shape) * np.dtype(_TYPES[dtype]).itemsize
    if end - start != bytes_ or data + end > size:
        raise ValueError("a tensor that does not fit into the file")
    return StoredTensor(name, path, dtype, shape, data + start)
