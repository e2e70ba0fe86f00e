"""Reads the header of a GGUF file that anybody may have written: keys, values, and where its tensors lie.

Counts, sizes, alignment and overlaps are checked on the way, so that a header that comes out of here is sound.
Format: ggml's docs/gguf.md, version 3.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from engine.runtime.errors import ModelError

_MAX_TENSORS = 100_000
_MAX_KEYS = 10_000
_MAX_STRING = 1 << 24
_MAX_NAME_BYTES = 63
_MAX_ARRAY = 1 << 24
_MAX_EXTENT = 1 << 40
_SCALARS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
_UINT32, _BOOL, _STRING, _ARRAY = 4, 7, 8, 9
# (values a block, bytes a block) of the tensor types that ggml 0.25 can hold, by type number.
_BLOCKS = {
    0: (1, 4), 1: (1, 2), 2: (32, 18), 3: (32, 20), 6: (32, 22), 7: (32, 24), 8: (32, 34),
    10: (256, 84), 11: (256, 110), 12: (256, 144), 13: (256, 176), 14: (256, 210), 15: (256, 292),
    16: (256, 66), 17: (256, 74), 18: (256, 98), 19: (256, 50), 20: (32, 18), 21: (256, 110),
    22: (256, 82), 23: (256, 136), 24: (1, 1), 25: (1, 2), 26: (1, 4), 27: (1, 8), 28: (1, 8),
    29: (256, 56), 30: (1, 2), 34: (256, 54), 35: (256, 66), 39: (32, 17),
}  # fmt: skip


class BadFileError(ValueError):
    """What is wrong, without the file's name."""


@dataclass(frozen=True, slots=True)
class GgufTensor:
    """shape : as GGUF stores it, the fastest axis first. kind : ggml's type number. bytes : of its data.

    offset : from the start of the data section.
    """

    shape: tuple[int, ...]
    kind: int
    offset: int
    bytes: int


@dataclass(frozen=True, slots=True)
class GgufHeader:
    """A sound header. values : by key; an array is a tuple. data_start : where the tensors' data begins in the file."""

    values: Mapping[str, Any]
    tensors: Mapping[str, GgufTensor]
    data_start: int

    @property
    def architecture(self) -> str:
        """``general.architecture``, "" where it is missing or no text."""
        value = self.values.get("general.architecture")
        return value if isinstance(value, str) else ""


def read_gguf_header(path: Path) -> GgufHeader:
    """Read a header. Raises `ModelError` naming the file and the defect unless all of it is sound."""
    try:
        size = path.stat().st_size
        with path.open("rb") as stream:
            return _read(_Reader(stream, size), size)
    except OSError as error:
        raise ModelError(f"cannot read the model file {path}: {error.strerror}") from error
    except BadFileError as error:
        raise bad_file(path, error) from None


def bad_file(path: Path, reason: BadFileError) -> ModelError:
    """The error for a person."""
    return ModelError(f"the model file {path} is not a sound GGUF file: {reason}; get it again")


class _Reader:
    """Never reads beyond the file, and never more than it was told to."""

    def __init__(self, stream: BinaryIO, size: int) -> None:
        self._stream = stream
        self._size = size
        self.position = 0

    def take(self, count: int) -> bytes:
        if count > self._size - self.position:
            raise BadFileError("it ends in the middle of its header")
        self.position += count
        return self._stream.read(count)

    def number(self, code: str) -> Any:
        return struct.unpack(f"<{code}", self.take(struct.calcsize(f"<{code}")))[0]

    def string(self) -> str:
        length = self.number("Q")
        if length > _MAX_STRING:
            raise BadFileError(f"a text of {length} bytes")
        try:
            return self.take(length).decode("utf-8")
        except UnicodeDecodeError:
            raise BadFileError("a text that is not UTF-8") from None

    def value(self, kind: int) -> Any:
        if kind == _STRING:
            return self.string()
        if kind == _ARRAY:
            return self._array()
        if kind not in _SCALARS:
            raise BadFileError(f"a value of the unknown type {kind}")
        if kind == _BOOL:
            return _truth(self.take(1))[0]
        return self.number(_SCALARS[kind])

    def _array(self) -> tuple[Any, ...]:
        inner, count = self.number("I"), self.number("Q")
        if count > _MAX_ARRAY:
            raise BadFileError(f"an array of {count} values")
        if inner == _STRING:
            return tuple(self.string() for _ in range(count))
        if inner not in _SCALARS:
            # llama.cpp reads no arrays of arrays either.
            raise BadFileError(f"an array of the type {inner}")
        raw = self.take(count * struct.calcsize(f"<{_SCALARS[inner]}"))
        return _truth(raw) if inner == _BOOL else struct.unpack(f"<{count}{_SCALARS[inner]}", raw)


def _truth(raw: bytes) -> tuple[bool, ...]:
    # Any other byte in a C++ bool is undefined behaviour there.
    if any(byte > 1 for byte in raw):
        raise BadFileError("a truth value that is neither 0 nor 1")
    return tuple(bool(byte) for byte in raw)


def _read(reader: _Reader, size: int) -> GgufHeader:
    if reader.take(4) != b"GGUF":
        raise BadFileError("it does not begin with GGUF")
    version = reader.number("I")
    if version != 3:
        raise BadFileError(f"version {version}, only 3 is read")
    tensor_count, key_count = reader.number("Q"), reader.number("Q")
    if tensor_count > _MAX_TENSORS or key_count > _MAX_KEYS:
        raise BadFileError(f"it claims {tensor_count} tensors and {key_count} keys")
    values = _read_values(reader, key_count)
    alignment = values.get("general.alignment", 32)
    tensors: dict[str, GgufTensor] = {}
    for _ in range(tensor_count):
        name = reader.string()
        if name in tensors or not name or len(name.encode()) > _MAX_NAME_BYTES:
            raise BadFileError(f"the tensor name {name[:60]!r} is empty, too long or comes twice")
        tensors[name] = _read_tensor(reader, name)
    start = -(-reader.position // alignment) * alignment
    _require_apart(tensors, alignment, size - start)
    return GgufHeader(values, tensors, start)


def _read_values(reader: _Reader, count: int) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for _ in range(count):
        key = reader.string()
        if not key:
            raise BadFileError("a key without a name")
        if key in values:
            raise BadFileError(f"the key {key[:60]!r} comes twice")
        kind = reader.number("I")
        if key == "general.alignment" and kind != _UINT32:
            raise BadFileError("general.alignment is not a 32-bit number")
        values[key] = reader.value(kind)
        if key == "general.alignment":
            alignment = values[key]
            if not 8 <= alignment <= 4096 or alignment & (alignment - 1):
                raise BadFileError(f"an alignment of {alignment}")
    return values


def _read_tensor(reader: _Reader, name: str) -> GgufTensor:
    dimensions = reader.number("I")
    if not 1 <= dimensions <= 4:
        raise BadFileError(f"the tensor {name!r} has {dimensions} dimensions")
    shape = tuple(reader.number("Q") for _ in range(dimensions))
    kind, offset = reader.number("I"), reader.number("Q")
    if kind not in _BLOCKS:
        raise BadFileError(f"the tensor {name!r} is of the unknown type {kind}")
    values, bytes_ = _BLOCKS[kind]
    if any(extent == 0 or extent > _MAX_EXTENT for extent in shape) or shape[0] % values:
        raise BadFileError(f"the tensor {name!r} has the impossible shape {list(shape)}")
    return GgufTensor(shape, kind, offset, math.prod(shape) // values * bytes_)


def _require_apart(tensors: Mapping[str, GgufTensor], alignment: int, room: int) -> None:
    """Raise unless each tensor is aligned, lies inside the file and on no other."""
    end = 0
    for name, tensor in sorted(tensors.items(), key=lambda item: item[1].offset):
        if tensor.offset % alignment or tensor.offset < end:
            raise BadFileError(f"the tensor {name!r} is misaligned or overlaps another")
        end = tensor.offset + tensor.bytes
        if end > room:
            raise BadFileError(f"the tensor {name!r} reaches beyond the end of the file")
