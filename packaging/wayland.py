"""A Wayland screen that nobody sees, for tests: weston without output."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from console import SetupError

_SOCKET = "medrega-test"
_START_S = 20.0
_LOOK_S = 0.1


def has_weston() -> bool:
    """Tell whether weston is installed."""
    return shutil.which("weston") is not None


@contextmanager
def headless_weston() -> Iterator[dict[str, str]]:
    """Run weston and give the environment variables with which Qt opens its windows there.

    Raises
    ------
    SetupError
        If weston does not come up.
    """
    # The socket must lie in a folder that belongs to us alone, and its path must be short.
    with tempfile.TemporaryDirectory(prefix="medrega-wayland-") as folder:
        Path(folder).chmod(0o700)
        log = Path(folder) / "weston.log"
        command = ["weston", "--backend=headless-backend.so", "--width=1600", "--height=1000"]
        command += [f"--socket={_SOCKET}", "--no-config", "--idle-time=0", f"--log={log}"]
        process = subprocess.Popen(
            command,
            env=os.environ | {"XDG_RUNTIME_DIR": folder},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            _wait_for(Path(folder) / _SOCKET, process, log)
            yield {
                "XDG_RUNTIME_DIR": folder,
                "WAYLAND_DISPLAY": _SOCKET,
                "QT_QPA_PLATFORM": "wayland",
                "DISPLAY": "",
            }
        finally:
            process.terminate()
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _wait_for(socket: Path, process: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + _START_S
    while not socket.exists():
        if process.poll() is not None or time.monotonic() > until:
            said = log.read_text(encoding="utf-8", errors="replace")[-2000:] if log.exists() else ""
            raise SetupError(f"weston did not start:\n{said}")
        time.sleep(_LOOK_S)
