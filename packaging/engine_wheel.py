"""Build llama-cpp-python once and find the wheel again afterwards.

The package index has only the source of llama-cpp-python, and compiling takes minutes. pip remembers such
wheels by their source alone and would hand one built with other flags back: this cache has the flags in its
key.
"""

from __future__ import annotations

import os
import platform
import queue
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import zipfile
from pathlib import Path

from build_progress import BuildProgress
from console import SetupError, say
from engine_plan import EnginePlan

NAME = "llama-cpp-python"
_LOG_LINES_SHOWN = 40
_COMPILERS = {
    "Darwin": "It needs Apple's command line tools: xcode-select --install",
    "Windows": "It needs the 'Desktop development with C++' workload of the Visual Studio Build Tools.",
}


def cache_folder() -> Path:
    """Return where built wheels are kept: `$MEDREGA_CACHE/wheels` or `~/.cache/medrega-desktop/wheels`."""
    chosen = os.environ.get("MEDREGA_CACHE")
    base = Path(chosen).expanduser() if chosen else Path.home() / ".cache" / "medrega-desktop"
    return base / "wheels"


def find_wheel(key: str, cache: Path) -> Path | None:
    """Return the whole wheel kept under `key`, or None."""
    for wheel in sorted((cache / key).glob("*.whl")):
        if zipfile.is_zipfile(wheel):
            return wheel
    return None


def build_wheel(plan: EnginePlan, python: Path, cache: Path) -> Path:
    """Download the source, compile it and keep the wheel; an interrupted build leaves nothing behind.

    Parameters
    ----------
    plan : EnginePlan
        What to build.
    python : Path
        Interpreter whose pip does the work, behind whatever index that pip is configured for.
    cache : Path
        Folder of `cache_folder`.

    Raises
    ------
    SetupError
        If the build fails; its log is kept beside the wheels and the end of it is in the message.
    """
    cache.mkdir(parents=True, exist_ok=True)
    _sweep(cache)
    # On the same disk as its final place, so that the rename below is all or nothing.
    with tempfile.TemporaryDirectory(prefix=".building-", dir=cache, ignore_cleanup_errors=True) as work:
        made, log = Path(work, "made"), Path(work, "build.log")
        environment = _build_environment(plan, scratch=Path(work, "tmp"))
        options = ["-v", "--no-deps", "--no-cache-dir", "--progress-bar=off", "--disable-pip-version-check"]
        command = [str(python), "-m", "pip", "wheel", *options, f"--no-binary={NAME}"]
        say(f"Building {NAME} {plan.version} ({plan.variant}: {environment['CMAKE_ARGS']}).")
        say("This takes some minutes, once; the result is kept.")
        status = _watch([*command, f"--wheel-dir={made}", f"{NAME}=={plan.version}"], environment, log)
        wheel = find_wheel("made", Path(work))
        if status != 0 or wheel is None:
            kept = cache / f"{plan.key}.log"
            shutil.copyfile(log, kept)
            raise SetupError(_why_it_failed(plan, kept))
        final = cache / plan.key
        shutil.rmtree(final, ignore_errors=True)
        made.rename(final)
        return final / wheel.name


def _build_environment(plan: EnginePlan, scratch: Path) -> dict[str, str]:
    # pip unpacks and compiles in here, so that what it cannot clean up itself goes with the folder.
    scratch.mkdir()
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return {
        "CMAKE_BUILD_PARALLEL_LEVEL": str(cores),
        **os.environ,
        "CMAKE_ARGS": " ".join(plan.cmake_args),
        "PYTHONUNBUFFERED": "1",
        **dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(scratch)),
    }


def _watch(command: list[str], environment: dict[str, str], log: Path) -> int:
    """Run the build, write its output to `log` and show how far it is; returns the exit status."""
    lines: queue.Queue[str | None] = queue.Queue()
    progress = BuildProgress("Building the engine", sys.stdout)
    process = subprocess.Popen(
        command,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        errors="replace",
        # A group of its own, so that the compilers stop together with pip.
        start_new_session=True,
    )

    def read() -> None:
        assert process.stdout is not None
        with log.open("w", encoding="utf-8") as record:
            for line in process.stdout:
                record.write(line)
                lines.put(line)
        lines.put(None)

    threading.Thread(target=read, daemon=True).start()
    outcome = "stopped"
    try:
        while (line := _next(lines)) is not None:
            if line:
                progress.line(line)
            else:
                progress.tick()
        status = process.wait()
        outcome = "done" if status == 0 else "failed"
    finally:
        if process.poll() is None:
            _kill(process)
        progress.close(outcome)
    return status


def _kill(process: subprocess.Popen[str]) -> None:
    if sys.platform == "win32":
        process.kill()
    else:
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _next(lines: queue.Queue[str | None]) -> str | None:
    """Return the next line, an empty string after a second without one, None at the end."""
    try:
        return lines.get(timeout=1)
    except queue.Empty:
        return ""


def _why_it_failed(plan: EnginePlan, log: Path) -> str:
    text = log.read_text(encoding="utf-8", errors="replace")
    end = "\n".join(text.splitlines()[-_LOG_LINES_SHOWN:])
    remedy = _COMPILERS.get(platform.system(), "It needs a C++17 compiler and the package index.")
    if plan.variant == "cuda":
        remedy += " --cuda also needs the CUDA toolkit with nvcc and cuBLAS; --portable does without."
    return f"{end}\n\nThe engine could not be built: the end of the log is above, all is in {log}.\n{remedy}"


def _sweep(cache: Path) -> None:
    """Remove what builds left that were killed outright more than a day ago."""
    for folder in cache.glob(".building-*"):
        if time.time() - folder.stat().st_mtime > 86_400:
            shutil.rmtree(folder, ignore_errors=True)
