"""A command that ends with the program that started it, however that one ends."""

from __future__ import annotations

import _thread
import os
import signal
import sys
import threading

_PIECE = 4096


def stop_with_parent() -> None:
    """Interrupt this process, as Ctrl-C does, once its standard input ends.

    Whoever started it with a pipe holds the other end. The system closes that when they are killed, and they close it
    to have this process stop; unlike a signal that also works on Windows.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        # A shell starts background jobs with the interrupt ignored, and children inherit that.
        signal.signal(signal.SIGINT, signal.default_int_handler)
    threading.Thread(target=_wait, name="parent", daemon=True).start()


def _wait() -> None:
    try:
        # Not through `sys.stdin`: its lock, held by a thread that never wakes, would end the interpreter badly.
        while os.read(0, _PIECE):
            pass
    except OSError:
        # No standard input at all: nobody holds the other end.
        pass
    if sys.platform == "win32":
        _thread.interrupt_main()
    else:
        # To the process, so that it also ends what the main thread waits for.
        os.kill(os.getpid(), signal.SIGINT)
