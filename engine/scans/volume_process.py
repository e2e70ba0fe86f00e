"""The 3-D drawing in a process of its own.

OpenGL drivers can end the process they run in, and a ray caster holds Python's lock while it works. Here neither
reaches the window: it waits on a pipe, in a thread.
"""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Callable
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from engine.progress import Cancelled
from engine.scans.volume import ScanError

if TYPE_CHECKING:
    from engine.scans.volume_rendering import Sight, VolumeGrid

_START_S = 60.0
_DRAW_S = 60.0
_LOOK_S = 0.1
_END_S = 2.0


def _draw(connection: Connection) -> None:
    """The child: a grid comes first, then sights; each is answered with a picture or a message."""
    # Ctrl-C goes to the whole terminal group; the parent decides when we end.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        from vtkmodules.vtkCommonCore import vtkLogger

        from engine.scans.volume_rendering import VolumeRenderer

        # Without X11 VTK warns and then takes EGL, as it should.
        vtkLogger.SetStderrVerbosity(vtkLogger.VERBOSITY_ERROR)
        renderer = VolumeRenderer(connection.recv())
        connection.send(renderer.in_software)
        while True:
            sight, width, height = connection.recv()
            connection.send(renderer.render(sight, width, height))
    except (EOFError, ConnectionError):
        # The parent has gone or wants no more.
        return
    except (ImportError, RuntimeError, ValueError, MemoryError, TypeError) as error:
        connection.send(f"{type(error).__name__}: {error}")


class VolumeProcess:
    """Draws one grid. For one thread at a time. Raises `ScanError` when drawing is not possible here."""

    def __init__(self, grid: VolumeGrid, cancelled: Callable[[], bool] = lambda: False) -> None:
        context = multiprocessing.get_context("spawn")
        self._connection, theirs = context.Pipe()
        self._process: SpawnProcess = context.Process(target=_draw, args=(theirs,), daemon=True)
        self._process.start()
        theirs.close()
        try:
            self._send(grid)
            self.in_software = bool(self._receive(_START_S, cancelled))
        except (ScanError, Cancelled):
            self.close()
            raise

    @property
    def pid(self) -> int | None:
        """The child's process id."""
        return self._process.pid

    def render(
        self, sight: Sight, width: int, height: int, cancelled: Callable[[], bool] = lambda: False
    ) -> NDArray[np.uint8]:
        """(height, width, 3) uint8, row 0 at the top; see `VolumeRenderer.render`."""
        self._send((sight, width, height))
        picture: NDArray[np.uint8] = self._receive(_DRAW_S, cancelled)
        return picture

    def close(self) -> None:
        """End the child."""
        self._connection.close()
        self._process.join(_END_S)
        if self._process.is_alive():
            self._process.kill()
            self._process.join(_END_S)

    def _send(self, message: object) -> None:
        try:
            self._connection.send(message)
        except OSError as error:
            raise self._ended() from error

    def _receive(self, timeout_s: float, cancelled: Callable[[], bool]):  # type: ignore[no-untyped-def]
        waited = 0.0
        try:
            while not self._connection.poll(_LOOK_S):
                waited += _LOOK_S
                if cancelled():
                    raise Cancelled
                if waited > timeout_s:
                    raise ScanError(f"the 3-D drawing gave no answer for {timeout_s:g} s")
            answer = self._connection.recv()
        except (EOFError, OSError) as error:
            raise self._ended() from error
        if isinstance(answer, str):
            raise ScanError(f"the 3-D drawing is not possible here: {answer}")
        return answer

    def _ended(self) -> ScanError:
        self._process.join(_END_S)
        return ScanError(f"the 3-D drawing process has ended with code {self._process.exitcode}: OpenGL may be missing")
