"""Evaluated beginnings of prompts, kept outside the context: going back to a slice or a task costs a copy."""

from __future__ import annotations

import ctypes
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

import llama_cpp as lc

# 200 beginnings of the starter; three of a model of 34 billion parameters.
_BYTES = 256 << 20

PrefixKey = tuple[tuple[int, ...], str]
"""The tokens before the picture, and the digest of the picture's pixels as the tower takes them."""


@dataclass(frozen=True, slots=True, eq=False)
class _Saved:
    data: Any
    length: int


class PrefixStore:
    """Keys and values of sequence 0 by what they came from, the least used given up beyond `limit` bytes.

    They belong to one context and one set of weights: `clear` it when an adapter changes.
    """

    def __init__(self, context: Any, limit: int = _BYTES) -> None:
        self._context = context
        self._limit = limit
        self._saved: OrderedDict[PrefixKey, _Saved] = OrderedDict()
        self._bytes = 0

    def __contains__(self, key: PrefixKey) -> bool:
        return key in self._saved

    @property
    def bytes(self) -> int:
        """What is held now."""
        return self._bytes

    def keep(self, key: PrefixKey, length: int) -> None:
        """Copy sequence 0, `length` positions of it; nothing happens when it is larger than all there may be."""
        size = int(lc.llama_state_seq_get_size(self._context, 0))
        if not 0 < size <= self._limit:
            return
        data = (ctypes.c_uint8 * size)()
        written = int(lc.llama_state_seq_get_data(self._context, data, size, 0))
        if written != size:
            return
        self._drop(key)
        self._saved[key] = _Saved(data, length)
        self._bytes += size
        while self._bytes > self._limit:
            self._drop(next(iter(self._saved)))

    def restore(self, key: PrefixKey) -> int:
        """Put a kept one back into the empty sequence 0; its length, 0 when there is none or it does not fit."""
        saved = self._saved.get(key)
        if saved is None:
            return 0
        self._saved.move_to_end(key)
        if not lc.llama_state_seq_set_data(self._context, saved.data, len(saved.data), 0):
            self._drop(key)
            return 0
        return saved.length

    def clear(self) -> None:
        """Forget all."""
        self._saved.clear()
        self._bytes = 0

    def _drop(self, key: PrefixKey) -> None:
        saved = self._saved.pop(key, None)
        if saved is not None:
            self._bytes -= len(saved.data)
