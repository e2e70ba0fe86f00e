"""Looks at a GGUF file's own claims before llama.cpp does.

llama.cpp's reader has had memory-safety bugs with hostile files, so counts, sizes, alignment and overlaps are
checked here first. Format: ggml's docs/gguf.md, version 3.
"""

from __future__ import annotations

import math
import struct
from pathlib import Path
from typing import BinaryIO

from engine.runtime.errors import ModelError

_MAX_TENSORS = 100_000
_MAX_KEYS = 10_000
_MAX_STRING = 1 << 24
_MAX_NAME_BYTES = 63
_MAX_ARRAY = 1 << 24
_SCALAR_BYTES = {0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}
_STRING, _ARRAY = 8, 9
# (values a block, bytes a block) of the tensor types that ggml 0.25 can hold, by type number.
_BLOCKS = {
    0: (1, 4), 1: (1, 2), 2: (32, 18), 3: (32, 20), 6: (32, 22), 7: (32, 24), 8: (32, 34),
    10: (256, 84), 11: (256, 110), 12: (256, 144), 13: (256, 176), 14: (256, 210), 15: (256, 292),
    16: (256, 66), 17: (256, 74), 18: (256, 98), 19: (256, 50), 20: (32, 18), 21: (256, 110),
    22: (256, 82), 23: (256, 136), 24: (1, 1), 25: (1, 2), 26: (1, 4), 27: (1, 8), 28: (1, 8),
    29: (256, 56), 30: (1, 2), 34: (256, 54), 35: (256, 66), 39: (32, 17),
}  # fmt: skip


class _BadFileError(ValueError):
    """What is wrong, without the file's name."""


def check_gguf(path: Path) -> None:
    """Raise `ModelError` naming the file and the defect unless its header is sound and its tensors fit."""
    try:
        size = path.stat().st_size
        with path.open("rb") as stream:
            _check(_Reader(stream, size), size)
    except OSError as error:
        raise ModelError(f"cannot read the model file {path}: {error.strerror}") from error
    except _BadFileError as error:
        raise ModelError(f"the model file {path} is not a sound GGUF file: {error}; get it again") from None


class _Reader:
    def __init__(self, stream: BinaryIO, size: int) -> None:
        self._stream = stream
        self._size = size

    def take(self, count: int) -> bytes:
        if count > self._size - self._stream.tell():
            raise _BadFileError("it ends in the middle of its header")
        return self._stream.read(count)

    def skip(self, count: int) -> None:
        if count > self._size - self._stream.tell():
            raise _BadFileError("it ends in the middle of its header")
        self._stream.seek(count, 1)

    def number(self, code: str) -> int:
        value: int = struct.unpack(f"<{code}", self.take(struct.calcsize(code)))[0]
        return value

    def string(self) -> str:
        length = self.number("Q")
        if length > _MAX_STRING:
            raise _BadFileError(f"a text of {length} bytes")
        try:
            return self.take(length).decode("utf-8")
        except UnicodeDecodeError:
            raise _BadFileError("a text that is not UTF-8") from None

    def tell(self) -> int:
        return self._stream.tell()


def _check(reader: _Reader, size: int) -> None:
    if reader.take(4) != b"GGUF":
        raise _BadFileError("it does not begin with GGUF")
    version = reader.number("I")
    if version != 3:
        raise _BadFileError(f"version {version}, only 3 is read")
    tensors, keys = reader.number("Q"), reader.number("Q")
    if tensors > _MAX_TENSORS or keys > _MAX_KEYS:
        raise _BadFileError(f"it claims {tensors} tensors and {keys} keys")
    alignment = 32
    seen = set()
    for _ in range(keys):
        key = reader.string()
        if not key:
            raise _BadFileError("a key without a name")
        if key in seen:
            raise _BadFileError(f"the key {key[:60]!r} comes twice")
        seen.add(key)
        kind = reader.number("I")
        if key == "general.alignment":
            if kind != 4:
                raise _BadFileError("general.alignment is not a 32-bit number")
            alignment = reader.number("I")
            if not 8 <= alignment <= 4096 or alignment & (alignment - 1):
                raise _BadFileError(f"an alignment of {alignment}")
        else:
            _skip_value(reader, kind)
    spans = []
    names = set()
    for _ in range(tensors):
        name = reader.string()
        if name in names or not name or len(name.encode()) > _MAX_NAME_BYTES:
            raise _BadFileError(f"the tensor name {name[:60]!r} is empty, too long or comes twice")
        names.add(name)
        spans.append((name, *_tensor_span(reader, name)))
    start = -(-reader.tell() // alignment) * alignment
    end = 0
    for name, offset, length in sorted(spans, key=lambda span: span[1]):
        if offset % alignment or offset < end:
            raise _BadFileError(f"the tensor {name!r} is misaligned or overlaps another")
        end = offset + length
        if start + end > size:
            raise _BadFileError(f"the tensor {name!r} reaches beyond the end of the file")


def _skip_value(reader: _Reader, kind: int) -> None:
    if kind in _SCALAR_BYTES:
        reader.skip(_SCALAR_BYTES[kind])
    elif kind == _STRING:
        reader.string()
    elif kind == _ARRAY:
        inner, count = reader.number("I"), reader.number("Q")
        if count > _MAX_ARRAY:
            raise _BadFileError(f"an array of {count} values")
        if inner in _SCALAR_BYTES:
            reader.skip(count * _SCALAR_BYTES[inner])
        elif inner == _STRING:
            for _ in range(count):
                reader.string()
        else:
            # llama.cpp reads no arrays of arrays either.
            raise _BadFileError(f"an array of the type {inner}")
    else:
        raise _BadFileError(f"a value of the unknown type {kind}")


def _tensor_span(reader: _Reader, name: str) -> tuple[int, int]:
    dimensions = reader.number("I")
    if not 1 <= dimensions <= 4:
        raise _BadFileError(f"the tensor {name!r} has {dimensions} dimensions")
    shape = [reader.number("Q") for _ in range(dimensions)]
    kind, offset = reader.number("I"), reader.number("Q")
    if kind not in _BLOCKS:
        raise _BadFileError(f"the tensor {name!r} is of the unknown type {kind}")
    values, bytes_ = _BLOCKS[kind]
    if any(extent == 0 or extent > 1 << 40 for extent in shape) or shape[0] % values:
        raise _BadFileError(f"the tensor {name!r} has the impossible shape {shape}")
    return offset, math.prod(shape) // values * bytes_
