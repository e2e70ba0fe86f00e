"""A model process that was started: its pipe, and how it ended."""

from __future__ import annotations

import multiprocessing
import signal
import threading

from engine.runtime.child import child_main
from engine.runtime.manifest import ModelManifest
from engine.runtime.messages import Message, MessageError, receive, send
from engine.runtime.options import EngineOptions

# The model process listens even while it computes: one that takes no message for so long is frozen.
_SEND_TIMEOUT_S = 20.0
_JOIN_S = 5.0


class ProcessDied(Exception):  # noqa: N818 - not an error of its own: `Session` makes one of it
    """The model process is gone; the text says how. aborted : whether it ended itself."""

    def __init__(self, how: str) -> None:
        super().__init__(how)
        self.aborted = how == f"signal {signal.SIGABRT.value}"


class ModelProcess:
    """Started with the object. options : it was started with.

    `kill` and `is_alive` may be called from any thread, the rest by one at a time.
    """

    def __init__(self, manifest: ModelManifest, options: EngineOptions) -> None:
        self.options = options
        context = multiprocessing.get_context("spawn")
        self._connection, theirs = context.Pipe()
        self._process = context.Process(
            target=child_main,
            args=(theirs, manifest, options),
            name=f"medrega-model-{manifest.id}",
            daemon=True,
        )
        self._process.start()
        # The child has its own copy: once that is gone, reading here must end.
        theirs.close()

    @property
    def pid(self) -> int | None:
        """The process's id, None once it is gone."""
        return self._process.pid if self._process.is_alive() else None

    def is_alive(self) -> bool:
        """Whether it still runs."""
        return self._process.is_alive()

    def send(self, message: Message) -> None:
        """Send it something. Raises `ProcessDied`, also for one that is frozen."""
        # A frozen process would let us wait for ever once the pipe is full.
        watchdog = threading.Timer(_SEND_TIMEOUT_S, self._process.kill)
        watchdog.daemon = True
        watchdog.start()
        try:
            send(self._connection, message)
        except OSError:
            raise ProcessDied(self.death()) from None
        finally:
            watchdog.cancel()

    def receive(self, wait_s: float) -> Message | None:
        """What it says next, None when it says nothing for so long. Raises `ProcessDied`."""
        try:
            return receive(self._connection) if self._connection.poll(wait_s) else None
        except (EOFError, OSError):
            raise ProcessDied(self.death()) from None
        except MessageError as error:
            raise ProcessDied(str(error)) from None

    def death(self) -> str:
        """How it ended, after waiting a little for that: ``signal 9``, ``exit code 1``."""
        self._process.join(_JOIN_S)
        code = self._process.exitcode
        if code is not None and code < 0:
            return f"signal {-code}"
        return f"exit code {code}"

    def kill(self) -> None:
        """End it, at once; whoever waits for it sees the pipe close."""
        self._process.kill()

    def close(self) -> None:
        """End it and let its pipe go."""
        self._connection.close()
        self._process.kill()
        self._process.join(_JOIN_S)
