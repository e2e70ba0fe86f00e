"""What llama.cpp says while it works, taken into Python's logging."""

from __future__ import annotations

import contextlib
import ctypes
import logging
import threading
from collections import deque
from collections.abc import Iterable, Iterator
from typing import Any

import llama_cpp as lc
import llama_cpp.mtmd_cpp as mtmd

logger = logging.getLogger(__name__)

_LOG_LEVEL_ERROR = 4
_LINES = 50
# Of llama.cpp, ggml and their CUDA part when memory runs out.
_SHORT_OF_MEMORY = (
    "failed to allocate",
    "unable to allocate",
    "out of memory",
    "insufficient memory",
    "cannot allocate memory",
    "bad_alloc",
    "std::length_error",
)

giving_up = threading.Event()
"""Set while an answer is given up: llama.cpp reports a failed graph then, which is no error."""


_heard: deque[str] | None = None


def _log(level: int, text: bytes, _: Any) -> None:
    # What llama.cpp says below errors is of use to its developers only.
    error = level == _LOG_LEVEL_ERROR and not giving_up.is_set()
    line = text.decode(errors="replace").rstrip()
    if error and _heard is not None:
        _heard.append(line)
    logger.log(logging.WARNING if error else logging.DEBUG, "%s", line)


# ctypes callbacks must outlive every call that uses them.
_LOG_CALLBACK = lc.llama_log_callback(_log)


def hear_llama() -> None:
    """Send all that llama.cpp and mtmd log to this module's logger from now on."""
    lc.llama_log_set(_LOG_CALLBACK, ctypes.c_void_p(0))
    mtmd.mtmd_log_set(_LOG_CALLBACK, ctypes.c_void_p(0))
    mtmd.mtmd_helper_log_set(_LOG_CALLBACK, ctypes.c_void_p(0))


@contextlib.contextmanager
def heard_errors() -> Iterator[deque[str]]:
    """The last errors that llama.cpp logs while the block runs, in its own words; not to be nested."""
    global _heard
    hear_llama()
    lines: deque[str] = deque(maxlen=_LINES)
    _heard = lines
    try:
        yield lines
    finally:
        _heard = None


def short_of_memory(errors: Iterable[str]) -> bool:
    """Whether any of these lines says that memory ran out."""
    return any(sign in line.lower() for line in errors for sign in _SHORT_OF_MEMORY)
