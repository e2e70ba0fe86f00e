"""Lets this process, and what it starts, give way to others."""

from __future__ import annotations

import os

import psutil


def lower_priority(niceness: int) -> None:
    """Run at a lower priority from now on. niceness : of Unix, 0 for no change; anything else is "below normal" on
    Windows, which has classes instead.
    """
    if not niceness:
        return
    # Of psutil, which has this on Windows alone.
    below_normal = getattr(psutil, "BELOW_NORMAL_PRIORITY_CLASS", None)
    if below_normal is not None:
        psutil.Process().nice(below_normal)
    elif hasattr(os, "nice"):
        os.nice(niceness)
