"""What llama.cpp says while it works, taken into Python's logging."""

from __future__ import annotations

import ctypes
import logging
import threading
from typing import Any

import llama_cpp as lc
import llama_cpp.mtmd_cpp as mtmd

logger = logging.getLogger(__name__)

_LOG_LEVEL_ERROR = 4

giving_up = threading.Event()
"""Set while an answer is given up: llama.cpp reports a failed graph then, which is no error."""


def _log(level: int, text: bytes, _: Any) -> None:
    # What llama.cpp says below errors is of use to its developers only.
    ours = logging.WARNING if level == _LOG_LEVEL_ERROR and not giving_up.is_set() else logging.DEBUG
    logger.log(ours, "%s", text.decode(errors="replace").rstrip())


# ctypes callbacks must outlive every call that uses them.
_LOG_CALLBACK = lc.llama_log_callback(_log)


def hear_llama() -> None:
    """Send all that llama.cpp and mtmd log to this module's logger from now on."""
    lc.llama_log_set(_LOG_CALLBACK, ctypes.c_void_p(0))
    mtmd.mtmd_log_set(_LOG_CALLBACK, ctypes.c_void_p(0))
    mtmd.mtmd_helper_log_set(_LOG_CALLBACK, ctypes.c_void_p(0))
